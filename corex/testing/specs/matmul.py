"""matmul and linear."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from corex.testing.arrays import Array, Expected, exact, numbers, smooth
from corex.testing.case import Case
from corex.testing.spec import Fields, Spec, accepted, differentiated, inexact, product

LAYOUTS: Final = ("dense", "offset", "transposed", "mixed", "stepped", "negative", "broadcast",
                  "scalar")  # fmt: skip

# batch, m, k, n
SIZES: Final = [
    (1, 2, 3, 4), (3, 5, 7, 2), (2, 1, 1, 1), (2, 3, 0, 4), (0, 2, 3, 4), (1, 0, 3, 4),
    (2, 17, 33, 9), (1, 1, 40, 9), (1, 9, 40, 1), (1, 70, 65, 67),
]  # fmt: skip


def _shapes(batch: int, m: int, k: int, n: int) -> list[tuple[int, ...]]:
    return [(batch, m, k), (batch, k, n)]


def _fields() -> Iterator[Fields]:
    yield from product(
        dtype=accepted("matmul"), shapes=[_shapes(*s) for s in SIZES], layout=LAYOUTS
    )
    yield from product(
        dtype=accepted("matmul"), shapes=[[(1, 4, 4), (1, 4, 4)]], layout=["dense", "transposed"],
        sharing=["same"],
    )  # fmt: skip


def calm(case: Case) -> list[Array | None]:
    """Random values for every shape; a shape of None is an input left out."""
    dtype = case.fields["dtype"]
    return [
        None if shape is None else numbers(case.rng(i), dtype, shape, edges=False)
        for i, shape in enumerate(case.fields["shapes"])
    ]


def smooth_calm(case: Case) -> list[Array | None]:
    """Values for gradients, likewise."""
    dtype = case.fields["dtype"]
    return [
        None if shape is None else smooth(case.rng(i), shape, -2, 2, dtype)
        for i, shape in enumerate(case.fields["shapes"])
    ]


def _matmul(case: Case, a: Array, b: Array) -> list[Expected]:
    with np.errstate(all="ignore"):
        scale = np.matmul(np.abs(exact(a)).astype(float), np.abs(exact(b)).astype(float))
        return [Expected(np.matmul(a, b), ulps=8, scale=scale)]


def _perf() -> Iterator[Fields]:
    for batch, m, k, n in [(1, 512, 512, 512), (1, 1024, 1024, 1024), (64, 64, 64, 64)]:
        yield {"dtype": "float32", "shapes": _shapes(batch, m, k, n), "layout": "dense"}


MATMUL = Spec(
    "matmul", 1, _fields, calm, _matmul,
    grad=lambda: product(
        dtype=differentiated("matmul"), shapes=[_shapes(1, 2, 3, 4), _shapes(2, 3, 2, 2)]
    ),
    domain=smooth_calm, perf=_perf,
)  # fmt: skip

# m, k, n
LINEAR: Final = [(3, 5, 4), (1, 7, 1), (0, 3, 2), (4, 0, 3), (33, 17, 20)]


def _linear_shapes(m: int, k: int, n: int, bias: bool) -> list[tuple[int, ...] | None]:
    return [(m, k), (n, k), (n,) if bias else None]


def _linear_fields() -> Iterator[Fields]:
    shapes = [_linear_shapes(*s, bias) for s in LINEAR for bias in (True, False)]
    yield from product(dtype=inexact("linear"), shapes=shapes, layout=LAYOUTS)


def _linear(case: Case, a: Array, weight: Array, bias: Array | None) -> list[Expected]:
    added = np.zeros(len(weight)) if bias is None else bias
    scale = np.abs(a) @ np.abs(weight).T + np.abs(added)
    return [Expected(a @ weight.T + added, ulps=8, scale=scale)]


LINEAR_SPEC = Spec(
    "linear", 2, _linear_fields, calm, _linear,
    grad=lambda: product(
        dtype=differentiated("linear"),
        shapes=[_linear_shapes(2, 3, 4, True), _linear_shapes(3, 2, 2, False)],
    ),
    domain=smooth_calm,
    perf=lambda: product(
        dtype=["float32"], shapes=[_linear_shapes(64, 512, 512, True)], layout=["dense"]
    ),
)  # fmt: skip

SPECS = [MATMUL, LINEAR_SPEC]
