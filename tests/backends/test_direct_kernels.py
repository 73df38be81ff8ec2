"""The short cut for elementwise ops on dense operands gives what the kernel gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from corex import dtypes
from tests.backends.kernel_cases import BACKENDS, compare, descriptor_reason, load
from tests.backends.kernel_data import ALL, FLOAT, INTEGER, Array, Out, numbers, raw
from tests.backends.test_elementwise_kernels import BINARY, DIVISIONS, UNARY, binary_oracle


def short_cuts(wanted: Callable[[str, str], bool] = lambda op, dtype: True) -> list[Any]:
    """(backend, op, dtype) wherever a backend offers one; most offer few or none."""
    return [
        pytest.param(name, op, dtype, id=f"{name}-{op}-{dtype}")
        for name in BACKENDS
        if descriptor_reason(name) is None and loadable(name)
        for op in (*UNARY, *BINARY)
        for dtype in ALL
        if wanted(op, dtype) and load(name).direct(op, dtypes.by_name(dtype)) is not None
    ]


def loadable(name: str) -> bool:
    """Whether the backend can be imported; that it must be is tested elsewhere."""
    try:
        load(name)
    except ImportError:
        return False
    return True


def run(name: str, op: str, dtype: str, shape: tuple[int, ...], operands: list[Any]) -> Array:
    """The short cut's result; arrays are put at offset 3 of their buffer."""
    backend = load(name)
    arguments: list[Any] = []
    for operand in operands:
        if isinstance(operand, np.ndarray):
            memory = np.concatenate([np.zeros(3, dtype), operand.ravel(), np.zeros(2, dtype)])
            buffer = backend.allocate(memory.nbytes, 0)
            backend.copy_from_host(buffer, 0, raw(memory))
            arguments += [buffer, 3]
        else:
            arguments += [operand, 0]
    direct = backend.direct(op, dtypes.by_name(dtype))
    assert direct is not None
    result = direct(shape, *arguments)
    to_bool = (UNARY | BINARY)[op][2]
    got = np.empty(shape, "bool" if to_bool else dtype)
    backend.synchronize(0)
    backend.copy_to_host(result, 0, raw(got.reshape(-1)))
    return got


SHAPES = [(3, 5), (), (0, 4), (1031,), (70_001,)]


@pytest.mark.parametrize("backend, op, dtype", short_cuts())
def test_short_cut(backend: str, op: str, dtype: str) -> None:
    for shape in SHAPES:
        a, b = numbers(dtype, shape, op, "a"), numbers(dtype, shape, op, "b")
        if op in DIVISIONS and dtype in INTEGER:
            b[b == 0] = 3
        exact = [x.astype(np.float64) if dtype in FLOAT else x for x in (a, b)]
        with np.errstate(all="ignore"):
            if op in UNARY:
                expected = UNARY[op][1](exact[0])
                got = run(backend, op, dtype, shape, [a])
            else:
                expected = binary_oracle(op, dtype, *exact)
                got = run(backend, op, dtype, shape, [a, b])
        to_bool = (UNARY | BINARY)[op][2]
        scale = np.abs(expected)
        if op == "remainder" and dtype in FLOAT:
            scale = np.fmax(scale, np.where(np.isfinite(exact[1]), np.abs(exact[1]), 0))
        compare(got, Out(expected, "bool" if to_bool else dtype, scale=scale))


def takes_a_number(op: str, dtype: str) -> bool:
    return op in BINARY and dtype != "bool"


@pytest.mark.parametrize("backend, op, dtype", short_cuts(takes_a_number))
@pytest.mark.parametrize("left", [False, True])
def test_short_cut_with_a_python_number(backend: str, op: str, dtype: str, left: bool) -> None:
    a = numbers(dtype, (41,), op, edges=False)
    number: Any = 2.5 if dtype in FLOAT else 3
    if op in DIVISIONS and dtype in INTEGER:
        a[a == 0] = 7
    exact = a.astype(np.float64) if dtype in FLOAT else a
    constant = np.full_like(exact, number)
    pair, operands = ((constant, exact), [number, a]) if left else ((exact, constant), [a, number])
    expected = binary_oracle(op, dtype, *pair)
    scale = np.abs(expected)
    if op == "remainder" and dtype in FLOAT:
        scale = np.maximum(scale, np.abs(pair[1]))
    to_bool = BINARY[op][2]
    got = run(backend, op, dtype, (41,), operands)
    compare(got, Out(expected, "bool" if to_bool else dtype, scale=scale))


def may_raise(op: str, dtype: str) -> bool:
    return op in DIVISIONS and dtype in INTEGER


@pytest.mark.parametrize("backend, op, dtype", short_cuts(may_raise))
def test_short_cut_raises_as_the_kernel_does(backend: str, op: str, dtype: str) -> None:
    with pytest.raises(ZeroDivisionError):
        run(backend, op, dtype, (2,), [np.array([1, 2], dtype), np.array([1, 0], dtype)])
