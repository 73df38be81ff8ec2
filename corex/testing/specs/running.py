"""What runs along the last dimension: products, chains, extremes, logarithms of sums."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import numpy as np

from corex.testing.arrays import (
    COMPLEX,
    FLOAT,
    INEXACT,
    Array,
    Expected,
    exact,
    joined,
    numbers,
    real_of,
    smooth,
)
from corex.testing.case import Case
from corex.testing.spec import Fields, Spec, differentiated, inexact, product
from corex.testing.specs.reduce import (
    LAYOUTS,
    ROWS,
    SPECIAL,
    TIES,
    row_domain,
    row_fields,
    row_grad,
    row_perf,
)

LONG: Final = [(3, 131), (2, 700), (130, 64)]
"""Rows of several chunks and blocks, and many rows."""


def _rows_of(a: Array) -> Array:
    return a.reshape(math.prod(a.shape[:-1]), a.shape[-1])


def _each(a: Array, function: Callable[[Array], Array]) -> Array:
    """What a function makes of every row, in float64 or complex128."""
    wide = np.result_type(a.dtype, np.float64)
    rows = [function(row) for row in _rows_of(a).astype(wide)]
    return np.array(rows, wide).reshape(a.shape)


def _factors(case: Case) -> list[Array | None]:
    """Floats whose products stay in range; with `values` some that are 0."""
    found: list[Array | None] = []
    for i, shape in enumerate(case.fields["shapes"]):
        rng, dtype = case.rng(i), case.fields["dtype"]
        values = numbers(rng, dtype, shape, edges=False)
        if dtype in INEXACT:
            values = rng.uniform(0.8, 1.25, shape) * rng.choice([-1, 1], shape)
            if dtype in COMPLEX:  # an overflow of one part would be NaN in the other
                turns = np.exp(1j * rng.uniform(-1.5, 1.5, shape))
                values = rng.uniform(0.9, 1.05, shape) * rng.choice([-1, 1], shape) * turns
            values = values.astype(dtype)
        if case.fields.get("values") == "zeros":
            values[rng.uniform(0, 1, shape) < 0.1] = 0
        found.append(values)
    return found


def _product_fields(op: str) -> Iterator[Fields]:
    yield from row_fields(op)
    for layout in ("dense", "transposed"):
        yield from product(
            dtype=inexact(op), shapes=[[s] for s in LONG], layout=[layout], values=["zeros"]
        )


# ---- products --------------------------------------------------------------------------------
def _cumprod(case: Case, a: Array) -> list[Expected]:
    dtype = case.fields["dtype"]
    result = np.cumprod(a, axis=-1, dtype=None if dtype in INEXACT else dtype)
    return [Expected(result, ulps=4 + 2 * a.shape[-1] if dtype in COMPLEX else 4 + a.shape[-1])]


CUMPROD = Spec(
    "cumprod", 2, lambda: _product_fields("cumprod"), _factors, _cumprod,
    grad=lambda: row_grad("cumprod"), domain=row_domain, perf=row_perf,
)  # fmt: skip


def _prod_others(case: Case, a: Array) -> list[Expected]:
    def others(row: Array) -> Array:
        return np.array([np.prod(np.delete(row, i)) for i in range(len(row))])

    complex_ = case.fields["dtype"] in COMPLEX
    return [Expected(_each(a, others), ulps=4 + (2 if complex_ else 1) * a.shape[-1])]


PROD_OTHERS = Spec(
    "prod_others", 2, lambda: _product_fields("prod_others"), _factors, _prod_others, perf=row_perf
)


# ---- chains ----------------------------------------------------------------------------------
def _chain_fields() -> Iterator[Fields]:
    shapes = [[s, s] for s in (*ROWS, *LONG)]
    yield from product(dtype=inexact("chain"), shapes=shapes, layout=LAYOUTS, reverse=[False, True])


def _chained(a: Array, b: Array, reverse: bool) -> Array:
    found = np.zeros_like(a)
    order = range(a.shape[-1] - 1, -1, -1) if reverse else range(a.shape[-1])
    for i in order:
        found[..., i] = a[..., i]
        if i != order[0]:
            factor, before = (b[..., i + 1], i + 1) if reverse else (b[..., i], i - 1)
            found[..., i] += factor * found[..., before]
    return found


def _chain(case: Case, a: Array, b: Array) -> list[Expected]:
    reverse = case.fields["reverse"]
    wide = exact(a), exact(b)
    scale = _chained(np.abs(wide[0]), np.abs(wide[1]), reverse)
    steps = (2 if case.fields["dtype"] in COMPLEX else 1) * a.shape[-1]
    return [Expected(_chained(*wide, reverse), ulps=4 + steps, scale=scale)]


def _chain_grad() -> Iterable[Fields]:
    shapes = [[s, s] for s in ((3, 4), (5,), (2, 2, 3), (2, 1))]
    return product(dtype=differentiated("chain"), shapes=shapes, reverse=[False, True])


CHAIN = Spec(
    "chain", 2, _chain_fields, _factors, _chain, grad=_chain_grad, domain=row_domain,
    perf=lambda: product(
        dtype=["float32"], shapes=[[(1000, 1000)] * 2], layout=["dense"], reverse=[True]
    ),
)  # fmt: skip


# ---- extremes --------------------------------------------------------------------------------
def _extreme_fields(op: str) -> Iterator[Fields]:
    yield from row_fields(op)
    yield from product(
        dtype=FLOAT, shapes=[[(4, 4)]], layout=["dense", "transposed"], values=["ties"]
    )


def _with_ties(case: Case) -> list[Array | None]:
    dtype = case.fields["dtype"]
    if case.fields.get("values") == "ties":
        return [np.array(TIES, dtype)]
    return [numbers(case.rng(), dtype, case.fields["shapes"][0])]


def _places(case: Case, a: Array) -> list[Expected]:
    largest = case.op == "argcummax"

    def places(row: list[float]) -> list[int]:
        found: list[int] = []
        for i, value in enumerate(row):
            best = row[found[-1]] if found else value
            reached = value >= best if largest else value <= best
            found.append(i if reached or value != value or not found else found[-1])
        return found

    result = np.array([places(row) for row in _rows_of(a).tolist()], "int64").reshape(a.shape)
    return [Expected(result, "int64")]


def _extreme_specs() -> Iterator[Spec]:
    yield Spec("argcummax", 2, lambda: _extreme_fields("argcummax"), _with_ties, _places,
               perf=row_perf)  # fmt: skip
    yield Spec("argcummin", 2, lambda: _extreme_fields("argcummin"), _with_ties, _places,
               perf=row_perf)  # fmt: skip


# ---- logarithms of running sums --------------------------------------------------------------
def _log_fields() -> Iterator[Fields]:
    yield from row_fields("logcumsumexp")
    yield from product(
        dtype=inexact("logcumsumexp"), shapes=[[s] for s in LONG], layout=LAYOUTS[:3]
    )
    yield from product(
        dtype=FLOAT, shapes=[[(6, 3)]], layout=["dense", "transposed"], values=["special"]
    )


def _log_inputs(case: Case) -> list[Array | None]:
    dtype, (shape,) = case.fields["dtype"], case.fields["shapes"]
    if case.fields.get("values") == "special":
        return [np.array(SPECIAL, dtype)]
    if dtype in COMPLEX:  # angles of less than a quarter turn: no sum of powers vanishes
        rng, part = case.rng(), real_of(dtype)
        return [
            joined(smooth(rng, shape, -40, 40, part), smooth(rng, shape, -1.2, 1.2, part), dtype)
        ]
    return [smooth(case.rng(), shape, -40, 40, dtype)]


def _log_of_sums(row: Array) -> Array:
    """log(exp(a0) + exp(a1) + ...), of complex numbers."""
    found = row.copy()
    for i in range(1, len(row)):
        first, second = sorted((found[i - 1], row[i]), key=lambda z: -z.real)
        found[i] = first + np.log1p(np.exp(second - first))
    return found


def _log_sums(case: Case, a: Array) -> list[Expected]:
    with np.errstate(all="ignore"):
        result = _each(
            a, _log_of_sums if case.fields["dtype"] in COMPLEX else np.logaddexp.accumulate
        )
        scale = np.abs(result) + 1
    return [Expected(result, ulps=16 + a.shape[-1], scale=scale)]


LOGCUMSUMEXP = Spec(
    "logcumsumexp", 2, _log_fields, _log_inputs, _log_sums,
    grad=lambda: row_grad("logcumsumexp"), domain=row_domain, perf=row_perf,
)  # fmt: skip

SPECS = [CUMPROD, PROD_OTHERS, CHAIN, *_extreme_specs(), LOGCUMSUMEXP]
