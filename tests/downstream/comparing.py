"""A call of a client over NumPy arrays and over tensors, and how alike the results are."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

import corex
from corex import array_api

TENSORS, ARRAYS = "tensors", "arrays"
"""What a client gives for tensors: tensors again, or NumPy's arrays and numbers."""


def environments(
    names: Mapping[str, Any], data: Mapping[str, np.ndarray[Any, Any]]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a call may name: `names`, the library as `xp`, the data as arrays and as tensors, and
    `f64`, which makes one of numbers."""
    arrays = {name: array.copy() for name, array in data.items()}
    tensors = {name: corex.from_numpy(array.copy()) for name, array in data.items()}
    made = {"xp": np, "f64": lambda values: np.asarray(values, dtype=np.float64)}
    tensors |= {"xp": array_api, "f64": lambda values: corex.tensor(values, dtype=corex.float64)}
    return {**names, **made, **arrays}, {**names, **tensors}


def check(
    call: str,
    names: Mapping[str, Any],
    data: Mapping[str, np.ndarray[Any, Any]],
    gives: str = TENSORS,
    rtol: float = 1e-7,
    dtypes: bool = True,
) -> None:
    """Asserts that the client computes the same of tensors, and gives them back as `gives` says."""
    over_arrays, over_tensors = environments(names, data)
    expected = list(parts(eval(call, over_arrays)))
    found = list(parts(eval(call, over_tensors)))
    assert len(found) == len(expected)
    assert any([isinstance(value, np.ndarray | np.generic | float | int) for value in expected])
    for got, wanted in zip(found, expected, strict=True):
        same(got, wanted, gives, rtol, dtypes)


def same(got: Any, wanted: Any, gives: str, rtol: float = 1e-7, dtypes: bool = True) -> None:
    """Asserts that one result is as another, which is NumPy's."""
    if isinstance(wanted, np.ndarray | np.generic):
        kind: Any = corex.Tensor if gives == TENSORS else np.ndarray | np.generic
        assert isinstance(got, kind), f"a {type(got).__name__}"
        if dtypes:
            assert got.dtype.name == wanted.dtype.name
        got = got.detach().numpy() if isinstance(got, corex.Tensor) else got
        np.testing.assert_allclose(got, wanted, rtol=rtol, atol=1e-9)
    elif isinstance(wanted, bool | int | float | complex):
        np.testing.assert_allclose(complex(got), wanted, rtol=rtol, atol=1e-9)
    else:
        assert type(got) is type(wanted)


def parts(result: Any) -> Iterator[Any]:
    """The arrays and numbers in a sequence, a mapping, or an object with attributes."""
    if isinstance(result, list | tuple):
        for one in result:
            yield from parts(one)
    elif isinstance(result, Mapping):
        yield from parts(list(result.values()))
    elif dataclasses.is_dataclass(result) or type(result).__module__.startswith("scipy."):
        yield from parts([v for k, v in sorted(vars(result).items()) if k[0] != "_"])
    else:
        yield result
