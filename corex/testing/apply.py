"""An op through the frontend, on tensors of the backend under test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import corex
from corex import dtypes
from corex.dispatch.bind import bind, bind_pointwise
from corex.layout import broadcast_shapes
from corex.ops.indexing.gather import scatter_add_last
from corex.ops.indexing.rows import get_rows, put_rows
from corex.tensor.place import Place
from corex.tensor.schema import REGISTRY
from corex.testing.arrays import Array
from corex.testing.case import Case
from corex.testing.spec import Spec


def tensors(
    place: Place, arrays: Sequence[Array | None], leaves: bool = False
) -> list[corex.Tensor | None]:
    """The arrays on a place, floats as leaves on request."""
    found: list[corex.Tensor | None] = []
    for array in arrays:
        if array is None:
            found.append(None)
            continue
        t = corex.tensor(np.array(array, order="C"), device=place.device, backend=place.name)
        found.append(t.requires_grad_() if leaves and t.dtype.is_inexact else t)
    return found


def array_of(t: corex.Tensor) -> Array:
    """The elements on the host; bfloat16 by way of float32, as NumPy has none."""
    host = t.detach().cpu()
    return host.float().numpy().astype("bfloat16") if t.dtype is dtypes.bfloat16 else host.numpy()


def outputs(spec: Spec, case: Case, given: Sequence[Any]) -> list[corex.Tensor]:
    """The op's outputs, by kernel, decomposition or fallback.

    `given` are the op's tensor inputs in kernel order, after what `spec.initial` gives, if any.
    """
    special = _SPECIAL.get(case.op)
    if special is not None:
        return [special(case, *given)]
    schema = REGISTRY[case.op]
    params = tuple(case.fields[name] for name in schema.params)
    if schema.result is None:
        shape = given[0].shape
        for t in given:
            shape = broadcast_shapes(case.op, shape, t.shape)
        to_bool = schema.family in ("compare", "predicate")
        dtype = dtypes.bool_ if to_bool else given[-1].dtype
        return [bind_pointwise(schema, tuple(given), params, shape, dtype)]
    result = bind(schema, tuple(given), params)
    return list(result) if isinstance(result, tuple | list) else [result]


def _index(case: Case, a: Any, *indices: Any) -> corex.Tensor:
    return get_rows(a, list(indices))


def _index_put(case: Case, a: Any, values: Any, *indices: Any) -> corex.Tensor:
    return put_rows(a, values, list(indices), case.fields["accumulate"])


def _scatter_add(case: Case, a: Any, index: Any, src: Any) -> corex.Tensor:
    return scatter_add_last(a, index, src)


_SPECIAL = {"index": _index, "index_put": _index_put, "scatter_add": _scatter_add}
