"""Conformance cases: arguments to try, and what the results must be, in float64."""

from __future__ import annotations

import numpy as np

from corex.testing.arrays import FLOAT, Array, Expected, numbers, smooth
from corex.testing.case import Case
from corex.testing.spec import Spec, product

SHAPES = [(3, 5), (2, 3, 4), (0, 4), (), (1031,)]
LAYOUTS = ["dense", "offset", "transposed", "mixed", "stepped", "negative"]


def _inputs(case: Case) -> list[Array | None]:
    dtype = case.fields["dtype"]
    shapes = case.fields["shapes"]
    return [numbers(case.rng(i), dtype, s, edges=False) for i, s in enumerate(shapes)]


def _domain(case: Case) -> list[Array | None]:
    dtype = case.fields["dtype"]
    shapes = case.fields["shapes"]
    return [smooth(case.rng(i), s, -2.0, 2.0, dtype) for i, s in enumerate(shapes)]


def _oracle(case: Case, a: Array, b: Array) -> list[Expected]:
    with np.errstate(all="ignore"):
        result = a / (1 + np.exp(-a)) * b
    return [Expected(result, ulps=8, scale=np.abs(a * b))]


SWIGLU = Spec(
    "swiglu",
    2,
    lambda: product(dtype=FLOAT, shapes=[[s, s] for s in SHAPES], layout=LAYOUTS),
    _inputs,
    _oracle,
    grad=lambda: product(dtype=FLOAT, shapes=[[(2, 3), (2, 3)]]),
    domain=_domain,
    perf=lambda: product(dtype=["float32"], shapes=[[(1000, 1000)] * 2], layout=["dense"]),
)
