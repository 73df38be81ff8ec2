"""What docs/kernels.md defines by formulas is what the reference and the suite compute."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import corex
from corex.tensor.schema import REGISTRY
from corex.testing.specs.create import stream
from corex.testing.specs.optim import VARIANTS, adam, sgd

PAGE = (Path(__file__).parents[2] / "docs" / "kernels.md").read_text()
ELEMENTS = [(0.5, -1.25, 0.75, 2.0), (-3.0, 0.5, 0.0, 0.125), (1e-3, 4.0, -2.0, 1.0)]
"""p, g and up to two states."""
ENDLESS = (math.inf, 0.25, 0.5, 1.0)


def formulas() -> dict[str, Callable[..., tuple[float, ...]]]:
    namespace: dict[str, Any] = {"sqrt": math.sqrt}
    for block in re.findall(r"^```python\n(def .*?)^```", PAGE, re.DOTALL | re.MULTILINE):
        exec(block, namespace)
    return {name: namespace[name] for name in VARIANTS}


STEPS = [(op, i) for op, variants in VARIANTS.items() for i in range(len(variants))]


def given(op: str, variant: int) -> tuple[list[Any], list[tuple[float, ...]]]:
    """The parameters of a step, and elements with as many states as it has."""
    fields = VARIANTS[op][variant]
    parameters = [fields[name] for name in REGISTRY[op].params]
    count = 2 if op == "adam_step" else 1
    rows = ELEMENTS if fields["weight_decay"] else [*ELEMENTS, ENDLESS]
    return parameters, [row[: 2 + count] for row in rows]


@pytest.mark.parametrize(("op", "variant"), STEPS)
def test_the_optimizers_formulas_are_the_suites(op: str, variant: int) -> None:
    parameters, rows = given(op, variant)
    oracle = adam if op == "adam_step" else sgd
    for row in rows:
        expected, _ = oracle(VARIANTS[op][variant], *map(np.float64, row))
        shown = formulas()[op](*row, *parameters)
        assert shown == pytest.approx([float(x) for x in expected], rel=1e-14, nan_ok=True)


@pytest.mark.parametrize(("op", "variant"), STEPS)
def test_the_optimizers_formulas_are_what_backends_compute(
    each_backend: str, op: str, variant: int
) -> None:
    fields = VARIANTS[op][variant]
    parameters, rows = given(op, variant)
    expected = [formulas()[op](*row, *parameters) for row in rows]
    tensors = [corex.tensor(c, dtype=corex.float64) for c in zip(*rows, strict=True)]
    if op == "sgd_step" and not fields["momentum"]:
        tensors[2:] = []
    lists = [[t] for t in tensors] + [[]] * (3 - len(tensors))
    step = corex.ops.adam_step_ if op == "adam_step" else corex.ops.sgd_step_
    step(*lists, **fields)
    for i, t in enumerate([tensors[0], *tensors[2:]]):
        assert t.tolist() == pytest.approx([row[i] for row in expected], rel=1e-12)


@pytest.mark.parametrize("dtype", [corex.float32, corex.float64])
@pytest.mark.parametrize("row", [[-math.inf] * 2, [math.inf, 1.0], [math.nan, 0.0]])
def test_rows_without_a_softmax_are_nan(
    each_backend: str, row: list[float], dtype: corex.DType
) -> None:
    a = corex.tensor([row, [0.0, -math.inf]], dtype=dtype)
    assert a.softmax(1).isnan().all(1).tolist() == [True, False]
    assert a.log_softmax(1).isnan().all(1).tolist() == [True, False]
    assert a.softmax(1)[1].tolist() == [1.0, 0.0]
    assert a.log_softmax(1)[1].tolist() == [0.0, -math.inf]


def test_arange_is_rounded_once_from_float64(each_backend: str) -> None:
    # In float32 the product would be rounded before the sum.
    a = corex.arange(0.1, 300.1, 0.3, dtype=corex.float32)
    exact = (0.1 + np.arange(len(a)) * 0.3).astype(np.float32)
    assert a.tolist() == exact.tolist()
    assert corex.arange(200, 321, 40, dtype=corex.uint8).tolist() == [200, 240, 24, 64]


def test_an_int_is_rounded_once_by_fill(each_backend: str) -> None:
    above = 2**60 + 2**36 + 1  # by way of float64 it would be a tie, and go down
    assert corex.full((2,), above, dtype=corex.float32).tolist() == [2.0**60 + 2.0**37] * 2


def test_uniform_numbers_need_no_float64() -> None:
    corex.manual_seed(3)
    got = corex.rand(64, dtype=corex.float32, backend="reference_py")
    bits = stream(64, 3, 0)
    assert got.tolist() == [int(b >> np.uint64(40)) * 2.0**-24 for b in bits]
