"""Elementwise ops on a thousand, a million and twenty million numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.case import SAME, Case, Names, floats

# name, statement, NumPy's statement
OPS = (
    ("add", "a + b", SAME),
    ("mul", "a * b", SAME),
    ("div", "a / b", SAME),
    ("relu", "lib.relu(a)", "lib.maximum(a, 0)"),
    ("sqrt", "lib.sqrt(b)", SAME),
    ("exp", "lib.exp(a)", SAME),
    ("log", "lib.log(b)", SAME),
    ("sin", "lib.sin(a)", SAME),
    ("tanh", "lib.tanh(a)", SAME),
    ("sigmoid", "lib.sigmoid(a)", ""),
    ("gelu", "lib.nn.functional.gelu(a)", ""),
    ("gelu_tanh", "lib.nn.functional.gelu(a, approximate='tanh')", ""),
    ("less", "a < b", SAME),
    ("where", "lib.where(mask, a, b)", SAME),
    ("to_float64", "a.to(lib.float64)", "a.astype(lib.float64)"),
)


def operands(count: int) -> Callable[[Any], Names]:
    """`a` of both signs, `b` positive, a buffer `c`, a mask."""

    def setup(lib: Any) -> Names:
        a = lib.tensor(floats(count, seed=1, low=-3, high=3))
        b = lib.tensor(floats(count, seed=2, low=0.1, high=3))
        return {"a": a, "b": b, "c": lib.zeros_like(a), "mask": a > 0}

    return setup


def matrices(lib: Any) -> Names:
    """Two square matrices, a row and a column."""
    return {
        "a": lib.tensor(floats(1000, 1000, seed=1)),
        "b": lib.tensor(floats(1000, 1000, seed=2)),
        "row": lib.tensor(floats(1000, seed=3)),
        "column": lib.tensor(floats(1000, 1, seed=4)),
    }


def cases_of(size: str) -> list[Case]:
    """Every op at one size."""
    setup = operands(int(float(size)))
    return [
        Case(f"elementwise/{name}_{size}", setup, statement, numpy=numpy)
        for name, statement, numpy in OPS
    ]


CASES = [
    *cases_of("1e3"),
    *cases_of("1e6"),
    Case("elementwise/add_into_1e6", operands(10**6), "lib.add(a, b, out=c)", numpy=SAME),
    Case(
        "elementwise/exp_into_1e6", operands(10**6), "lib.exp(a, out=c)", numpy="lib.exp(a, out=c)"
    ),
    Case("elementwise/add_row", matrices, "a + row", numpy=SAME),
    Case("elementwise/add_column", matrices, "a + column", numpy=SAME),
    Case("elementwise/add_transposed", matrices, "a + b.T", numpy=SAME),
    Case("elementwise/copy_transposed", matrices, "a.T.contiguous()", numpy="a.T.copy()"),
    Case("elementwise/add_into_2e7", operands(2 * 10**7), "lib.add(a, b, out=c)", numpy=SAME),
    Case("elementwise/copy_into_2e7", operands(2 * 10**7), "c.copy_(a)"),
    Case("elementwise/add_temporary_2e7", operands(2 * 10**7), "a + b", numpy=SAME),
]
