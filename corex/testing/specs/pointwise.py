"""Elementwise ops: one spec per declaration of the families unary, predicate, binary, compare."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy as np

from corex.tensor.schema import REGISTRY, OpSchema
from corex.testing.arrays import (
    COMPLEX,
    FLOAT,
    INTEGER,
    Array,
    Expected,
    joined,
    numbers,
    real_of,
    smooth,
)
from corex.testing.case import Case
from corex.testing.spec import Fields, Spec, accepted, differentiated, product
from corex.testing.specs import formulas, reference

FAMILIES: Final = ("unary", "predicate", "binary", "compare")

# The shape for each layout; what every elementwise kernel goes through.
SCENES: Final[list[tuple[str, tuple[int, ...]]]] = [
    ("dense", (3, 5)),
    ("offset", (3, 7)),
    ("transposed", (2, 3, 5)),
    ("mixed", (4, 3, 5)),
    ("stepped", (3, 6)),
    ("negative", (2, 3, 4)),
    ("broadcast", (3, 5)),
    ("scalar", (19,)),
    ("dense", (0, 3)),
    ("offset", (0, 3)),
    ("offset", ()),
    ("offset", (1031,)),
    ("mixed", (2, 3, 2, 3, 2)),
]
DIVISIONS: Final = ("floor_divide", "remainder", "fmod")
_HALVES: Final = [0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 2.4999999, -0.0]
_DIVIDED: Final = [
    [7.0, -7.0, 7.0, -7.0, 1.0, -1.0, 0.0, math.inf, 5.0, -5.0, 1.0],
    [2.0, 2.0, -2.0, -2.0, 0.0, 0.0, 0.0, 2.0, math.inf, math.inf, math.nan],
]
TABLES: Final[dict[str, list[list[float]]]] = {
    "round": [_HALVES],
    **dict.fromkeys(DIVISIONS, _DIVIDED),
    "relu_backward": [[1.0, 2, 3, 4, math.nan], [math.nan, 0.0, -0.0, 5.0, 1.0]],
}
"""Arguments worth a case of their own, by op."""
BIG: Final = 150_001
"""Enough elements for a backend to bring in its threads."""


def scenes(arity: int, dtypes: list[str]) -> Iterator[Fields]:
    """Every dtype in every scene."""
    for dtype in dtypes:
        for layout, shape in SCENES:
            yield {"dtype": dtype, "shapes": [shape] * arity, "layout": layout}


def _fields(schema: OpSchema) -> Iterator[Fields]:
    arity = len(schema.inputs)
    dtypes = accepted(schema.name)
    yield from scenes(arity, dtypes)
    same_dtype = schema.family in ("unary", "binary")
    for dtype in dtypes:
        if same_dtype:
            yield {"dtype": dtype, "shapes": [(4, 9)] * arity, "layout": "transposed",
                   "sharing": "inplace"}  # fmt: skip
        if arity == 2:
            yield {"dtype": dtype, "shapes": [(5, 7), (7,)], "layout": "dense"}
            yield {"dtype": dtype, "shapes": [(5, 1), (1, 7)], "layout": "offset"}
            yield {"dtype": dtype, "shapes": [(4, 5)] * 2, "layout": "dense", "sharing": "same"}
            yield {"dtype": dtype, "shapes": [(4, 5)] * 2, "layout": "mixed", "sharing": "shared"}
        if schema.name in TABLES:
            length = len(TABLES[schema.name][0])
            if dtype in FLOAT:
                yield {"dtype": dtype, "shapes": [(length,)] * arity, "values": "table"}
        if dtype in COMPLEX and schema.name in formulas.AT_SPECIAL:
            pairs = [[(len(POINTS),)], [(len(POINTS), 1), (len(POINTS),)]][arity - 1]
            for layout in ("dense", "stepped"):
                yield {"dtype": dtype, "shapes": pairs, "layout": layout, "values": "special"}
        if schema.name in DIVISIONS and dtype in INTEGER:
            shapes = [(2, 3)] * 2
            yield {"dtype": dtype, "shapes": shapes, "layout": "dense", "values": "zeros"}
            yield {"dtype": dtype, "shapes": shapes, "layout": "dense", "values": "lowest"}
            yield {"dtype": dtype, "shapes": shapes, "values": "zeros", "call": "direct"}
        yield from _direct(dtype, arity)
    for dtype in ("float64", "complex64"):
        if dtype in dtypes:
            yield {"dtype": dtype, "shapes": [(BIG,)] * arity, "layout": "dense"}


def _direct(dtype: str, arity: int) -> Iterator[Fields]:
    """The short cut, on arrays and on Python numbers; backends have none for complex numbers."""
    if dtype in COMPLEX:
        return
    for shape in [(3, 5), (1031,), (70_001,), (), (0, 4)]:
        yield {"dtype": dtype, "shapes": [shape] * arity, "call": "direct"}
    if arity == 2 and dtype != "bool":
        for side in ("left", "right"):
            call = f"direct_number_{side}"
            yield {"dtype": dtype, "shapes": [(41,)] * arity, "call": call}
            if dtype in INTEGER:
                for number in (300, -3, 2**31 + 5, 2**63 + 3):
                    yield {"dtype": dtype, "shapes": [(41,)] * arity, "call": call,
                           "number": number}  # fmt: skip


ULPS: Final = {"pow": 5, "tan": 5, "acosh": 5, "erfc": 5}
"""Where four units are too few: CUDA's own functions are off by four from the rounded result."""
COMPLEX_ULPS: Final = {"mul": 4, "square": 4, "div": 8, "reciprocal": 8}
"""Of arithmetic twice what is proven (`testing/compare.py`), as these are units of 2 u; functions
of complex numbers are two of real ones, of 4 units each, and a few roundings: 12."""
PRODUCTS: Final = ("sigmoid_backward", "tanh_backward")
"""Products of three: of edge values they overflow or not, as they are associated."""


def _inputs(case: Case) -> list[Array | None]:
    dtype, op = case.fields["dtype"], case.op
    values = case.fields.get("values", "edges")
    if values == "table":
        return [np.array(column, dtype) for column in TABLES[op]]
    if values == "special":
        return [np.array(POINTS, dtype).reshape(shape) for shape in case.fields["shapes"]]
    if dtype in COMPLEX and op not in PARTWISE and REGISTRY[op].family in ("unary", "binary"):
        return [_plane(case.rng(i), dtype, shape) for i, shape in enumerate(case.fields["shapes"])]
    edges = values == "edges" and op not in PRODUCTS
    call = case.fields.get("call", "")
    edges = edges and not call.startswith("direct_number")
    found = [
        numbers(case.rng(i), dtype, shape, edges) for i, shape in enumerate(case.fields["shapes"])
    ]
    if op in DIVISIONS and dtype in INTEGER:
        for array in found:
            array[array == 0] = 3
        divisor = found[-1]
        if values == "lowest":
            found[0].flat[0] = np.iinfo(dtype).min
            divisor.flat[0] = np.array(-1).astype(dtype)
        if values == "zeros":
            divisor.flat[-1] = 0
    if call.startswith("direct_number"):
        number = found[call.endswith("right")]
        whole = np.array(case.fields.get("number", 3) % 2**64, np.uint64)
        number[...] = 2.5 if dtype in FLOAT else whole.astype(dtype)
    return list(found)


PARTWISE: Final = ("neg", "add", "sub")
"""What is done to each part of complex numbers by itself, whatever it is."""


_ENDS: Final = (0.0, -0.0, 1.0, -1.5, math.inf, -math.inf, math.nan)
POINTS: Final = [complex(re, im) for re in _ENDS for im in _ENDS]
"""Complex numbers whose parts are all that is special, and some that are not."""


def _plane(rng: np.random.Generator, dtype: str, shape: tuple[int, ...]) -> Array:
    """Complex numbers in all directions, of small and middling size: exponentials of their parts
    are far from overflow, so that no step of a formula is."""
    re, im = (rng.standard_normal(shape) * rng.choice([0.1, 1.0, 5.0], shape) for _ in range(2))
    return joined(re.astype(real_of(dtype)), im.astype(real_of(dtype)), dtype)


def _raises(case: Case) -> tuple[type[Exception], str | None] | None:
    return (ZeroDivisionError, None) if case.fields.get("values") == "zeros" else None


def _oracle(case: Case, *inputs: Array) -> list[Expected]:
    op, dtype = case.op, case.fields["dtype"]
    schema = REGISTRY[op]
    scale = None
    if case.fields.get("values") == "special":
        with np.errstate(all="ignore"):
            special = np.asarray(formulas.AT_SPECIAL[op](*inputs))
        return [Expected(special, dtype, ulps=12, signed=False)]
    with np.errstate(all="ignore"):
        if len(inputs) == 1:
            result = formulas.unary(op, inputs[0])
        elif "number" in case.fields and schema.family == "compare":
            result = _compared(case, *inputs)
        elif len(inputs) == 2:
            result = formulas.binary(op, dtype, *inputs)
        else:
            result = None
        if result is None:
            return reference.outputs(case, inputs)
        if op == "remainder" and dtype in FLOAT:  # the sum a % b + b is rounded
            b = np.where(np.isfinite(inputs[1]), np.abs(inputs[1]), 0)
            scale = np.fmax(np.abs(result), b)
        if op in PRODUCTS:
            scale = np.abs(inputs[0]) * (1 + np.abs(inputs[1]) ** 2)
        if dtype in COMPLEX and op in formulas.GROWTH:
            scale = np.abs(result) * formulas.GROWTH[op](*inputs)
    to = "bool" if schema.family in ("compare", "predicate") else dtype
    ulps: float = 8 if op in PRODUCTS else ULPS.get(op, 4)
    if dtype in COMPLEX and op not in PRODUCTS:
        ulps = 4 if op in PARTWISE else COMPLEX_ULPS.get(op, 12)
    return [Expected(result, to, scale=scale, ulps=ulps)]


def _compared(case: Case, a: Array, b: Array) -> Array:
    """A comparison with a number that the dtype need not hold, as of Python's integers."""
    number = case.fields["number"]
    sides: list[Any] = [a.astype(object), b.astype(object)]
    sides[case.fields["call"].endswith("right")] = number
    if case.op.startswith("logical_"):
        sides = [np.asarray(side, bool) for side in sides]
    found: Array = formulas.BINARY[case.op](*sides)
    return np.broadcast_to(found, a.shape).astype(bool)


def _grad(schema: OpSchema) -> Iterable[Fields]:
    if not schema.differentiable:
        return ()
    arity = len(schema.inputs)
    rows: list[Any] = [[(2, 3)] * arity]
    if arity == 2:
        rows += [[(2, 3), (3,)], [(2, 1), (1, 3)], [(), (3,)]]
    return product(dtype=differentiated(schema.name), shapes=rows)


def _domain(case: Case) -> list[Array | None]:
    shapes, dtype = case.fields["shapes"], case.fields["dtype"]
    found: list[Array | None] = []
    for i, shape in enumerate(shapes):
        low, high = formulas.BASES.get(case.op, (-2.0, 2.0))
        if i == len(shapes) - 1:
            low, high = formulas.DOMAINS.get(case.op, (-2.0, 2.0))
        found.append(smooth(case.rng(i), shape, low, high, dtype))
    return found


def _perf(schema: OpSchema) -> Iterator[Fields]:
    arity = len(schema.inputs)
    taken = accepted(schema.name)
    for dtype in taken:
        if dtype in ("float32", "bool") or (dtype == "int64" and "float64" not in taken):
            yield {"dtype": dtype, "shapes": [(1_000_000,)] * arity, "layout": "dense"}
    if schema.name in ("add", "exp"):
        yield {"dtype": "float32", "shapes": [(1000, 1000)] * arity, "layout": "transposed"}
        yield {"dtype": "float32", "shapes": [(10,)] * arity, "layout": "dense"}


def pointwise(schema: OpSchema) -> Spec:
    """The spec of an elementwise op, from its declaration alone."""
    return Spec(
        schema.name,
        schema.tier,
        lambda: _fields(schema),
        _inputs,
        _oracle,
        raises=_raises,
        grad=lambda: _grad(schema),
        domain=_domain,
        perf=lambda: _perf(schema),
        broadcasts=True,
    )


# ---- where -----------------------------------------------------------------------------------
def _where_fields() -> Iterator[Fields]:
    yield from scenes(3, accepted("where"))
    yield from product(
        dtype=accepted("where"), shapes=[[(4, 5)] * 3], layout=["mixed"], sharing=["shared"]
    )
    yield from product(dtype=accepted("where"), shapes=[[(5, 1), (7,), ()]], layout=["dense"])


def _where_inputs(case: Case) -> list[Array | None]:
    dtype = case.fields["dtype"]
    condition, a, b = case.fields["shapes"]
    return [
        numbers(case.rng(0), "bool", condition),
        numbers(case.rng(1), dtype, a),
        numbers(case.rng(2), dtype, b),
    ]


def _where_oracle(case: Case, condition: Array, a: Array, b: Array) -> list[Expected]:
    return [Expected(np.where(condition, a, b), ulps=0)]


def _where_domain(case: Case) -> list[Array | None]:
    found = _where_inputs(case)
    for i in (1, 2):
        found[i] = smooth(case.rng(i), case.fields["shapes"][i], -2, 2, case.fields["dtype"])
    return found


WHERE = Spec(
    "where",
    1,
    _where_fields,
    _where_inputs,
    _where_oracle,
    grad=lambda: product(dtype=differentiated("where"), shapes=[[(2, 3)] * 3, [(2, 1), (3,), ()]]),
    domain=_where_domain,
    perf=lambda: product(dtype=["float32"], shapes=[[(1_000_000,)] * 3], layout=["dense"]),
    broadcasts=True,
)
