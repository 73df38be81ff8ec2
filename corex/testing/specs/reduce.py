"""Reductions, and the ops that work along the last dimension."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy as np

from corex.tensor.schema import REGISTRY
from corex.testing.arrays import (
    COMPLEX,
    FLOAT,
    INEXACT,
    INTEGER,
    Array,
    Expected,
    is_complex,
    joined,
    numbers,
    real_of,
    sizes,
    smooth,
)
from corex.testing.case import Case
from corex.testing.spec import Fields, Spec, accepted, differentiated, product

LAYOUTS: Final = ("dense", "offset", "transposed", "stepped", "negative", "broadcast", "scalar")

# Input shape, number of reduced dimensions.
REDUCED: Final = [
    ((3, 5), 1), ((4, 3, 5), 2), ((7,), 1), ((3, 4), 0), ((), 0), ((2, 3), 2), ((3, 131), 1),
    ((131, 3), 1), ((2, 3, 2, 3), 2),
]  # fmt: skip
EMPTY: Final = [((3, 0), 1), ((2, 0, 4), 2), ((0,), 1), ((0, 3), 1)]
ON_EMPTY: Final = ("sum", "prod", "any", "all", "mean")
SPECIAL: Final = [
    [1, math.inf, 2], [math.inf, -math.inf, 1], [math.nan, 1, 2], [-math.inf, -math.inf, 0],
    [1, 2, math.nan], [0, math.inf, 1],
]  # fmt: skip
MANY: Final = [(1024, 4), (1000, 8), (130, 64)]
"""Many rows with a power of two in each: what kernels that take several rows at once see."""
TIES: Final = [[1, math.nan, 5, math.nan], [2, 2, 2, 2], [3, 1, 3, 1], [math.nan, 9, -9, 0]]
LONG: Final = 100_003

FORMULAS: Final[dict[str, Any]] = {
    "sum": np.sum, "prod": np.prod, "amax": np.max, "amin": np.min, "argmax": np.argmax,
    "argmin": np.argmin, "any": np.any, "all": np.all, "mean": np.mean,
}  # fmt: skip
_TO: Final = {"argmax": "int64", "argmin": "int64", "any": "bool", "all": "bool"}


def _fields(op: str) -> Iterator[Fields]:
    for dtype in accepted(op):
        for layout in LAYOUTS:
            for shape, n in REDUCED:
                yield {"dtype": dtype, "shapes": [shape], "n": n, "layout": layout}
        if op in ON_EMPTY:
            for shape, n in EMPTY:
                yield {"dtype": dtype, "shapes": [shape], "n": n, "layout": "dense"}
        if op in ("sum", "prod") and dtype in INTEGER:
            yield {"dtype": dtype, "shapes": [(2, 3)], "n": 1, "layout": "dense", "values": "huge"}
        for layout in ("dense", "transposed"):
            yield {"dtype": dtype, "shapes": [MANY[0]], "n": 1, "layout": layout}
            if dtype in INEXACT:
                for shape in MANY:
                    yield {"dtype": dtype, "shapes": [shape], "n": 1, "layout": layout,
                           "values": "scattered"}  # fmt: skip
        if dtype in INEXACT and (dtype in FLOAT or op != "prod"):
            yield {"dtype": dtype, "shapes": [(6, 3)], "n": 1, "layout": "dense",
                   "values": "special"}  # fmt: skip
        if dtype in FLOAT:
            yield {"dtype": dtype, "shapes": [(4, 4)], "n": 1, "layout": "dense", "values": "ties"}
        if op in ("sum", "mean", "amax"):
            yield {"dtype": dtype, "shapes": [(LONG,)], "n": 1, "layout": "offset",
                   "values": "positive"}  # fmt: skip
        if op in ("sum", "mean"):
            yield {"dtype": dtype, "shapes": [(3, 5)], "n": 2, "call": "direct"}


def _inputs(case: Case) -> list[Array | None]:
    (shape,), dtype, op = case.fields["shapes"], case.fields["dtype"], case.op
    kind = case.fields.get("values")
    if dtype in COMPLEX and kind in ("special", "positive"):
        parts = [_made(kind, shape, real_of(dtype)) for _ in range(2)]
        return [joined(parts[0], parts[1][::-1], dtype)]
    if kind in ("special", "ties", "positive"):
        return [_made(kind, shape, dtype)]
    if kind == "huge":
        top = np.iinfo(dtype).max
        return [np.array([[top, top, 3], [top, 2, 5]], dtype)]
    calm = op in ("sum", "prod", "mean") and dtype in INEXACT
    values = numbers(case.rng(), dtype, shape, edges=not calm and kind != "scattered")
    if kind == "scattered":
        for row in range(0, len(values), 3):
            values[row, row % shape[-1]] = (math.nan, math.inf, -math.inf)[row // 3 % 3]
    if not calm or op != "prod":
        return [values]
    if dtype in COMPLEX:  # of the size of a number between -2 and 2
        return [(values / np.maximum(np.abs(values), 1) * 1.25).astype(dtype)]
    return [np.clip(values, -2, 2).astype(dtype)]


def _mean(rows: Array, axis: int) -> Array:
    """NumPy's, without its warning of nothing."""
    if not rows.shape[axis]:
        nan = complex(math.nan, math.nan) if is_complex(rows) else math.nan
        return np.full(rows.shape[:axis], nan)
    wide = rows.astype("complex128") if is_complex(rows) else rows
    return np.asarray(np.mean(wide, axis=axis))


def _made(kind: str, shape: tuple[int, ...], dtype: str) -> Array:
    """Values by name, of a floating dtype."""
    if kind == "positive":
        return (np.arange(math.prod(shape)) % 17 * 0.1 + 1).astype(dtype).reshape(shape)
    return np.array(SPECIAL if kind == "special" else TIES, dtype)


def flat(a: Array, n: int) -> Array:
    """The array with its last n dimensions made one.

    Raises:
        ValueError: it has not so many.
    """
    if not 0 <= n <= a.ndim:
        raise ValueError(f"there are no {n} dimensions to reduce in the shape {a.shape}")
    lead = a.shape[: a.ndim - n]
    return a.reshape(*lead, math.prod(a.shape[a.ndim - n :]))


def _oracle(case: Case, a: Array) -> list[Expected]:
    op, dtype = case.op, case.fields["dtype"]
    rows = flat(a, case.fields["n"])
    options = {"dtype": dtype} if op in ("sum", "prod") and dtype in INTEGER else {}
    scale = None
    count = rows.shape[-1]
    with np.errstate(all="ignore"):
        result = (_mean if op == "mean" else FORMULAS[op])(rows, axis=-1, **options)
        if op in ("sum", "mean") and count:
            wide = rows if dtype in INEXACT else rows.astype(np.float64)
            scale = (_mean if op == "mean" else FORMULAS[op])(sizes(wide), axis=-1)
    # Pairwise sums are asked of float32 only; float64 may be summed one after the other.
    pairwise = op != "prod" and dtype in ("float32", "complex64")
    ulps = 4 + (math.log2(count + 1) if pairwise else count)
    if op not in ("sum", "mean", "prod"):  # what is picked is not rounded
        ulps = 0
    return [Expected(result, _TO.get(op, dtype), ulps=ulps, scale=scale)]


def _domain(case: Case) -> list[Array | None]:
    low, high = (0.5, 2.0) if case.op == "prod" else (-2.0, 2.0)
    return [smooth(case.rng(), case.fields["shapes"][0], low, high, case.fields["dtype"])]


def _grad(op: str) -> Iterable[Fields]:
    if op not in ("sum", "mean", "prod", "amax", "amin"):
        return ()
    return product(dtype=differentiated(op), shapes=[[(3, 4)]], n=[0, 1, 2])


def _perf(op: str) -> Iterator[Fields]:
    dtype = "bool" if op in ("any", "all") else "float32"
    for shape, n in (((1_000_000,), 1), ((1000, 1000), 1)):
        yield {"dtype": dtype, "shapes": [shape], "n": n, "layout": "dense"}
    if op == "sum":
        yield {"dtype": dtype, "shapes": [(1000, 1000)], "n": 1, "layout": "transposed"}


def reduction(op: str) -> Spec:
    """The spec of one reduction."""
    return Spec(
        op, REGISTRY[op].tier, lambda: _fields(op), _inputs, _oracle,
        grad=lambda: _grad(op), domain=_domain, perf=lambda: _perf(op),
    )  # fmt: skip


# ---- along the last dimension ----------------------------------------------------------------
ROWS: Final = [(3, 5), (2, 3, 4), (37,), (3, 1), (5, 64), (3, 0), (0, 3)]


def row_fields(op: str, **more: Iterable[Any]) -> Iterator[Fields]:
    """Every dtype, layout and shape of rows."""
    yield from product(dtype=accepted(op), shapes=[[s] for s in ROWS], layout=LAYOUTS, **more)
    yield from product(dtype=accepted(op), shapes=[[MANY[0]]], layout=LAYOUTS[:3], **more)


def _calm(case: Case) -> list[Array | None]:
    return [numbers(case.rng(), case.fields["dtype"], case.fields["shapes"][0], edges=False)]


def row_domain(case: Case) -> list[Array | None]:
    """Smooth values for every input."""
    dtype = case.fields["dtype"]
    return [smooth(case.rng(i), s, -2, 2, dtype) for i, s in enumerate(case.fields["shapes"])]


def row_grad(op: str) -> Iterable[Fields]:
    """Gradient cases of an op along the last dimension."""
    return product(dtype=differentiated(op), shapes=[[(3, 4)], [(5,)], [(2, 2, 3)]])


def row_perf() -> Iterable[Fields]:
    """Rows as they occur: many, and of middling length."""
    return product(dtype=["float32"], shapes=[[(1000, 1000)], [(100_000, 10)]], layout=["dense"])


def _cumsum(case: Case, a: Array) -> list[Expected]:
    dtype = case.fields["dtype"]
    result = np.cumsum(a, axis=-1, dtype=None if dtype in INEXACT else dtype)
    scale = np.cumsum(sizes(a if dtype in INEXACT else a.astype(np.float64)), axis=-1)
    return [Expected(result, ulps=4 + a.shape[-1], scale=scale)]


CUMSUM = Spec(
    "cumsum", 2, lambda: row_fields("cumsum"), _calm, _cumsum,
    grad=lambda: row_grad("cumsum"), domain=row_domain, perf=row_perf,
)  # fmt: skip


def _sortable(case: Case) -> list[Array | None]:
    dtype = case.fields["dtype"]
    values = numbers(case.rng(), dtype, case.fields["shapes"][0])
    return [values // 8 if dtype in INTEGER else values]


def _argsort(case: Case, a: Array) -> list[Expected]:
    shape = a.shape
    rows = a.reshape(math.prod(shape[:-1]), shape[-1])

    def order(row: Array) -> list[int]:
        def key(i: int) -> tuple[bool, Any]:
            value = row[i].item()
            return (value != value, 0 if value != value else value)

        return sorted(range(len(row)), key=key, reverse=case.fields["descending"])

    result = np.array([order(row) for row in rows], "int64").reshape(shape)
    return [Expected(result, "int64")]


ARGSORT = Spec(
    "argsort", 2, lambda: row_fields("argsort", descending=[False, True]), _sortable, _argsort,
    perf=lambda: product(dtype=["float32"], shapes=[[(1000, 1000)]], descending=[False]),
)  # fmt: skip

SELECTED: Final = [
    ((3, 5), 0, 2), ((2, 3, 4), 1, 3), ((37,), 18, 1), ((5, 64), 60, 4), ((5, 64), 2, 0),
    ((3, 1), 0, 1), ((3, 0), 0, 0), ((0, 3), 1, 1), ((3, 700), 0, 20), ((3, 700), 349, 1),
    ((2, 700), 600, 100),
]  # fmt: skip
"""Input shape, the first of the entries wanted of each row, and how many."""


def _select_fields() -> Iterator[Fields]:
    for fields in product(
        dtype=accepted("argselect"), part=SELECTED, layout=LAYOUTS, descending=[False, True]
    ):
        shape, first, count = fields.pop("part")
        yield {**fields, "shapes": [shape], "first": first, "count": count}


def _argselect(case: Case, a: Array) -> list[Expected]:
    first, count = case.fields["first"], case.fields["count"]
    if not 0 <= first <= first + count <= a.shape[-1]:
        raise ValueError(f"rows of {a.shape[-1]} have no entries {first} to {first + count}")
    (whole,) = _argsort(case, a)
    return [Expected(whole.values[..., first : first + count], "int64")]


ARGSELECT = Spec(
    "argselect", 2, _select_fields, _sortable, _argselect,
    perf=lambda: product(
        dtype=["float32"], shapes=[[(1000, 1000)]], first=[0, 500], count=[1, 20],
        descending=[False],
    ),
)  # fmt: skip

SPECS = [
    *(reduction(op) for op in FORMULAS),
    CUMSUM,
    ARGSORT,
    ARGSELECT,
]
