"""Reading and writing at positions: index, index_put, nonzero, gather, scatter_add."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from corex.testing.arrays import Array, Expected, exact, numbers, smooth
from corex.testing.case import Case
from corex.testing.spec import Fields, Spec, accepted, differentiated, product
from corex.testing.specs.pointwise import SCENES

LAYOUTS: Final = ("dense", "offset", "transposed", "stepped", "negative", "broadcast")

# Shape of the indexed array, shapes of the index views.
INDEXED: Final = [
    [(5,), (4,)], [(4, 3), (6,)], [(4, 3), (7,), (7,)], [(3, 2, 4), (5,), (5,)], [(6, 2), (0,)],
]  # fmt: skip
WRONG: Final = {
    "high": (5, "index {0} is out of bounds for dimension {1} with size {2}"),
    "low": (None, "index {0} is out of bounds for dimension {1} with size {2}"),
}


def _positions(case: Case, shape: tuple[int, ...], counts: list[tuple[int, ...]]) -> list[Array]:
    found = [
        case.rng("index", d).integers(-shape[d], shape[d], count) for d, count in enumerate(counts)
    ]
    kind = case.fields.get("values")
    if kind == "high":
        found[-1][-1] = shape[len(counts) - 1]
    elif kind == "low":
        found[-1][-1] = -shape[len(counts) - 1] - 1
    return found


def _out_of_range(case: Case) -> tuple[type[Exception], str | None] | None:
    kind = case.fields.get("values")
    if kind not in WRONG:
        return None
    along_last = case.op in ("gather", "scatter_add")
    shape = case.fields["shapes"][0]
    dim = len(shape) - 1 if along_last else len(case.fields["shapes"]) - 2
    size = shape[dim]
    position = size if kind == "high" else -1 if along_last else -size - 1
    message = f"index {position} is out of bounds for dimension {dim} with size {size}"
    return IndexError, message


# ---- index -----------------------------------------------------------------------------------
def _index_fields() -> Iterator[Fields]:
    yield from product(dtype=accepted("index"), shapes=INDEXED, layout=LAYOUTS)
    yield from product(dtype=["float32"], shapes=[INDEXED[0], INDEXED[2]], values=["high", "low"])


def _index_inputs(case: Case) -> list[Array | None]:
    shape, *counts = case.fields["shapes"]
    values = numbers(case.rng("a"), case.fields["dtype"], shape)
    return [values, *_positions(case, shape, counts)]


def _index(case: Case, a: Array, *indices: Array) -> list[Expected]:
    if case.fields.get("values") in WRONG:
        return [Expected(np.zeros((len(indices[0]), *a.shape[len(indices) :])), ulps=0)]
    return [Expected(a[tuple(indices)], ulps=0)]


INDEX = Spec(
    "index", 1, _index_fields, _index_inputs, _index, raises=_out_of_range, params=(),
    grad=lambda: product(dtype=differentiated("index"), shapes=INDEXED[:4]),
    domain=lambda case: [
        smooth(case.rng("a"), case.fields["shapes"][0], -2, 2, case.fields["dtype"]),
        *_positions(case, case.fields["shapes"][0], case.fields["shapes"][1:]),
    ],
    perf=lambda: product(dtype=["float32"], shapes=[[(10_000, 64), (100_000,)]], layout=["dense"]),
)  # fmt: skip


# ---- index_put -------------------------------------------------------------------------------
def _put_fields() -> Iterator[Fields]:
    yield from product(
        dtype=accepted("index_put"), shapes=INDEXED, accumulate=[False, True], layout=LAYOUTS[:5]
    )
    yield from product(
        dtype=["int32"], shapes=[[(3,), (40,)]], accumulate=[False, True], layout=["dense"]
    )
    yield from product(
        dtype=["float64", "float32"], shapes=[INDEXED[0], INDEXED[2]], accumulate=[False, True],
        values=["high", "low"],
    )  # fmt: skip


def _put_size(case: Case) -> tuple[int, ...]:
    shape, *counts = case.fields["shapes"]
    return (counts[0][0], *shape[len(counts) :])


def _put_inputs(case: Case) -> list[Array | None]:
    shape, *counts = case.fields["shapes"]
    values = numbers(case.rng("new"), case.fields["dtype"], _put_size(case), edges=False)
    return [values, *_positions(case, shape, counts)]


def _before(case: Case) -> Array:
    shape = case.fields["shapes"][0]
    return numbers(case.rng("before"), case.fields["dtype"], shape, edges=False)


def _put(case: Case, before: Array, values: Array, *indices: Array) -> list[Expected]:
    result, scale = before.copy(), np.abs(exact(before)).astype(np.float64)
    if case.fields.get("values") not in WRONG:
        for i, place in enumerate(zip(*(x.tolist() for x in indices), strict=True)):
            if case.fields["accumulate"]:
                with np.errstate(over="ignore"):
                    result[place] += values[i]
                scale[place] += np.abs(exact(values[i]))
            else:
                result[place] = values[i]
    return [Expected(result, ulps=8 * case.fields["accumulate"], scale=scale)]


def _put_order(outs: list[Any], ins: list[Any], params: list[Any]) -> list[Any]:
    return [*outs, ins[0], *params, *ins[1:]]


INDEX_PUT = Spec(
    "index_put", 1, _put_fields, _put_inputs, _put, initial=_before, order=_put_order,
    raises=_out_of_range, params=("accumulate",),
    grad=lambda: product(
        dtype=differentiated("index_put"), shapes=INDEXED[:4], accumulate=[True]
    ),
    domain=lambda case: [
        smooth(case.rng("new"), _put_size(case), -2, 2, case.fields["dtype"]),
        *_put_inputs(case)[1:],
    ],
    perf=lambda: product(
        dtype=["float32"], shapes=[[(10_000, 64), (100_000,)]], accumulate=[True], layout=["dense"]
    ),
)  # fmt: skip


# ---- nonzero ---------------------------------------------------------------------------------
def _nonzero_fields() -> Iterator[Fields]:
    for layout, shape in SCENES:
        yield {"dtype": "bool", "shapes": [shape], "layout": layout}


NONZERO = Spec(
    "nonzero", 1, _nonzero_fields,
    lambda case: [numbers(case.rng(), "bool", case.fields["shapes"][0])],
    lambda case, a: [Expected(np.argwhere(a), "int64")],
)  # fmt: skip


# ---- gather and scatter_add ------------------------------------------------------------------
# Shape of the tensor, shape of the index.
ALONG: Final = [
    [(3, 5), (3, 4)], [(4, 5), (2, 7)], [(6,), (9,)], [(2, 3, 4), (2, 2, 3)], [(3, 4), (3, 0)],
]  # fmt: skip


def _along(case: Case) -> Array:
    (*_, size), wanted = case.fields["shapes"][:2]
    found: Array = case.rng("along").integers(0, size, wanted)
    kind = case.fields.get("values")
    if kind in WRONG:
        found.flat[-1] = size if kind == "high" else -1
    return found


def _along_fields(op: str, layouts: tuple[str, ...]) -> Iterator[Fields]:
    yield from product(dtype=accepted(op), shapes=ALONG, layout=layouts)
    yield from product(dtype=["float32"], shapes=[ALONG[0]], values=["high", "low"])


def _gather(case: Case, a: Array, index: Array) -> list[Expected]:
    if case.fields.get("values") in WRONG:
        return [Expected(np.zeros(index.shape), ulps=0)]
    used = a[tuple(slice(n) for n in index.shape[:-1])]
    return [Expected(np.take_along_axis(used, index, axis=-1), ulps=0)]


GATHER = Spec(
    "gather", 2, lambda: _along_fields("gather", LAYOUTS),
    lambda case: [
        numbers(case.rng("a"), case.fields["dtype"], case.fields["shapes"][0]), _along(case),
    ],
    _gather, raises=_out_of_range,
    grad=lambda: product(dtype=differentiated("gather"), shapes=ALONG[:4]),
    domain=lambda case: [
        smooth(case.rng("a"), case.fields["shapes"][0], -2, 2, case.fields["dtype"]), _along(case),
    ],
    perf=lambda: product(dtype=["float32"], shapes=[[(1000, 1000), (1000, 100)]], layout=["dense"]),
)  # fmt: skip


def _scatter_inputs(case: Case) -> list[Array | None]:
    shape = case.fields["shapes"][1]
    return [_along(case), numbers(case.rng("src"), case.fields["dtype"], shape, edges=False)]


def _scatter_add(case: Case, before: Array, index: Array, src: Array) -> list[Expected]:
    result, scale = before.copy(), np.abs(exact(before)).astype(np.float64)
    if case.fields.get("values") not in WRONG:
        for place in np.ndindex(*index.shape):
            at = (*place[:-1], int(index[place]))
            with np.errstate(over="ignore"):
                result[at] += src[place]
            scale[at] += abs(exact(src[place]))
    count = math.prod(index.shape[-1:])
    return [Expected(result, ulps=8 + count, scale=scale)]


SCATTER_ADD = Spec(
    "scatter_add", 2, lambda: _along_fields("scatter_add", LAYOUTS[:5]), _scatter_inputs,
    _scatter_add, initial=_before, raises=_out_of_range,
    grad=lambda: product(dtype=differentiated("scatter_add"), shapes=ALONG[:4]),
    domain=lambda case: [
        _along(case),
        smooth(case.rng("src"), case.fields["shapes"][1], -2, 2, case.fields["dtype"]),
    ],
    perf=lambda: product(dtype=["float32"], shapes=[[(1000, 1000), (1000, 100)]], layout=["dense"]),
)  # fmt: skip

SPECS = [INDEX, INDEX_PUT, NONZERO, GATHER, SCATTER_ADD]
