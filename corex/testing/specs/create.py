"""copy, fill, arange, the random streams: the kernels that make values."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from corex import dtypes
from corex.testing.arrays import (
    BEYOND,
    COMPLEX,
    FLOAT,
    INTEGER,
    Array,
    Expected,
    as_integers,
    numbers,
    real_of,
)
from corex.testing.case import Case
from corex.testing.spec import Fields, Spec, accepted, product
from corex.testing.specs.pointwise import SCENES

ALL: Final = ("bool", *INTEGER, *FLOAT, *COMPLEX)
NUMBER: Final = (*INTEGER, *FLOAT)


# ---- copy ------------------------------------------------------------------------------------
def _copy_fields() -> Iterator[Fields]:
    for dtype in ALL:
        for source in ALL:
            for layout, shape in SCENES:
                yield {"dtype": dtype, "source": source, "shapes": [shape], "layout": layout}
    for source in FLOAT:
        for dtype in ("int32", "int64"):
            yield {"dtype": dtype, "source": source, "shapes": [(5,)], "values": "fractions"}
        for dtype in (*INTEGER, "bool"):
            for layout, shape in (*SCENES, ("dense", (1031,)), ("stepped", (1031,))):
                yield {"dtype": dtype, "source": source, "shapes": [shape], "layout": layout,
                       "values": "beyond"}  # fmt: skip
    yield {"dtype": "float32", "source": "int64", "shapes": [(5,)], "values": "ties"}


def _copy_inputs(case: Case) -> list[Array | None]:
    source = case.fields["source"]
    kind = case.fields.get("values")
    if kind == "fractions":
        return [np.array([1.9, -1.9, 0.5, -0.5, 100.99], source)]
    if kind == "ties":
        # Through float64 the last digit would be lost and the first value would become a tie.
        above = 2**60 + 2**36 + 1
        return [np.array([above, -above, 2**60 + 2**36, 2**63 - 1, -(2**63)], "int64")]
    shape = case.fields["shapes"][0]
    if kind == "beyond":
        return [np.resize(np.array(BEYOND, source), shape)]
    return [numbers(case.rng(), source, shape)]


def _copy(case: Case, a: Array) -> list[Expected]:
    dtype, source = case.fields["dtype"], case.fields["source"]
    with np.errstate(all="ignore"):
        original = a.astype(source)  # exact: it came from there
        if source in COMPLEX and dtype not in (*COMPLEX, "bool"):
            original, source = original.real, real_of(source)
        if source in FLOAT and dtype in INTEGER:
            return [Expected(as_integers(original, dtype), ulps=0)]
        return [Expected(original.astype(dtype), ulps=0)]


COPY = Spec(
    "copy", 1, _copy_fields, _copy_inputs, _copy, params=(),
    perf=lambda: iter([
        {"dtype": "float32", "source": "float32", "shapes": [(1_000_000,)], "layout": "offset"},
        {"dtype": "float32", "source": "float32", "shapes": [(1000, 1000)], "layout": "transposed"},
        {"dtype": "float32", "source": "int64", "shapes": [(1_000_000,)], "layout": "dense"},
    ]),
)  # fmt: skip


# ---- fill and arange -------------------------------------------------------------------------
_BEYOND: Final = {
    **dict.fromkeys(("uint8", "int8", "int16", "uint16", "uint32"), 0),
    "int32": -(2**31),
    "int64": -(2**63),
}
FILLS: Final[list[tuple[Any, dict[str, Any]]]] = [
    (0, dict.fromkeys(ALL, 0)),
    (1, dict.fromkeys(ALL, 1)),
    (True, dict.fromkeys(ALL, 1)),
    (2.75, {"bool": 1, **dict.fromkeys(INTEGER, 2), **dict.fromkeys((*FLOAT, *COMPLEX), 2.75)}),
    (2.5 - 1j, dict.fromkeys(COMPLEX, 2.5 - 1j)),
    (2**62 + 1, {"int64": 2**62 + 1, "bool": True, "float64": float(2**62)}),
    (
        -3,
        {"int8": -3, "int32": -3, "int64": -3, "uint32": 2**32 - 3, "float32": -3.0, "bool": True},
    ),
    (
        math.nan,
        {"bool": True, **_BEYOND, "uint64": 2**63, **dict.fromkeys((*FLOAT, *COMPLEX), math.nan)},
    ),
    (-math.inf, {"bool": True, **_BEYOND, "float32": -math.inf, "float64": -math.inf}),
    (1e300, {**dict.fromkeys(FLOAT, math.inf), "float64": 1e300, "complex64": math.inf}),
    (300.7, {"uint8": 44, "int8": 44, "int16": 300, "int32": 300}),
    (300, {"uint8": 44, "int8": 44, "uint16": 300}),
    (70000, {"int16": 4464, "uint16": 4464, "float16": math.inf}),
    (1e19, {"bool": True, **_BEYOND, "uint64": 10**19}),
    (2**63, {"uint8": 0, "int32": 0, "int64": -(2**63), "float32": 2.0**63, "float64": 2.0**63}),
    (2**64 - 1, {"bool": 1, "uint8": 255, "int64": -1, "uint64": 2**64 - 1, "float64": 2.0**64}),
    (2**60 + 2**36 + 1, {"float32": 2.0**60 + 2.0**37}),  # rounded once
]
_OUT_LAYOUTS: Final = ("dense", "offset", "transposed", "stepped", "negative")


def _fill_fields() -> Iterator[Fields]:
    for value, results in FILLS:
        for dtype in results:
            for layout in _OUT_LAYOUTS:
                yield {"dtype": dtype, "shapes": [(3, 5)], "value": value, "layout": layout}
    for dtype in ALL:
        for shape in [(), (0, 2), (1031,), (2, 3, 2, 3, 2)]:
            yield {"dtype": dtype, "shapes": [shape], "value": 1, "layout": "stepped"}


def _fill(case: Case) -> list[Expected]:
    value, dtype = case.fields["value"], case.fields["dtype"]
    shape = case.fields["shapes"][0]
    with np.errstate(all="ignore"):
        return [Expected(np.full(shape, _held(value, dtype)), ulps=0)]


def _held(value: Any, dtype: str) -> Any:
    """A Python number as a dtype holds it."""
    known = [held for number, held in FILLS if repr(number) == repr(value) and dtype in held]
    if known:
        return np.array(known[0][dtype]).astype(dtype)
    if dtype in INTEGER and isinstance(value, int):
        return np.array(value % 2**64, np.uint64).astype(dtype)
    return (as_integers if dtype in INTEGER else np.asarray)(np.array(value), dtype)


FILL = Spec(
    "fill", 1, _fill_fields, lambda case: [], _fill, params=("value",),
    perf=lambda: product(dtype=["float32"], shapes=[[(1_000_000,)]], value=[1.0], layout=["dense"]),
)  # fmt: skip


def _arange_fields() -> Iterator[Fields]:
    rows = [(0, 0, 1), (1, 5, 3), (37, 2, 3), (41, 200, -5), (1031, 0, 0)]
    for dtype in NUMBER:
        for layout in ("dense", "offset", "stepped", "negative"):
            for count, start, step in rows:
                yield {"dtype": dtype, "shapes": [(count,)], "start": start, "step": step,
                       "layout": layout}  # fmt: skip
    for dtype in FLOAT:
        yield {"dtype": dtype, "shapes": [(1000,)], "start": 0.1, "step": 0.3}
    yield {"dtype": "int64", "shapes": [(5,)], "start": 2**62 + 1, "step": 3}


def _arange(case: Case) -> list[Expected]:
    fields = case.fields
    ((count,),), dtype = fields["shapes"], fields["dtype"]
    index = np.arange(count, dtype="int64")
    if dtype in FLOAT:
        exact = isinstance(fields["start"], int)
        return [Expected(fields["start"] + index * float(fields["step"]), ulps=0 if exact else 1)]
    values = fields["start"] + index * fields["step"]
    return [Expected(values.astype(dtype), ulps=0)]


ARANGE = Spec("arange", 1, _arange_fields, lambda case: [], _arange, params=("start", "step"))


# ---- random streams --------------------------------------------------------------------------
LOW: Final = np.uint64(0xFFFFFFFF)
STREAMS: Final = [(0, 0), (42, 7), (2**64 - 1, 2**32 - 2), (0x123456789ABCDEF0, 2**63 + 5)]
COUNTS: Final[list[tuple[int, ...]]] = [(0,), (1,), (2,), (7,), (1030,), (3, 5)]


def philox(counter: list[Array], key: list[Array]) -> list[Array]:
    """Philox4x32-10 (Salmon et al., SC'11) on arrays of 32-bit words, each kept in 64 bits."""
    words, (left, right) = counter, key
    for _ in range(10):
        high = words[0] * np.uint64(0xD2511F53)
        low = words[2] * np.uint64(0xCD9E8D57)
        words = [
            (low >> np.uint64(32)) ^ words[1] ^ left,
            low & LOW,
            (high >> np.uint64(32)) ^ words[3] ^ right,
            high & LOW,
        ]
        left = (left + np.uint64(0x9E3779B9)) & LOW
        right = (right + np.uint64(0xBB67AE85)) & LOW
    return words


def stream(count: int, seed: int, offset: int) -> Array:
    """The unsigned 64-bit numbers of the contract."""
    blocks = np.array([(offset + i) % 2**64 for i in range((count + 1) // 2)], np.uint64)
    zero = np.zeros_like(blocks)
    key = [zero + np.uint64(seed % 2**32), zero + np.uint64(seed // 2**32)]
    w = philox([blocks & LOW, blocks >> np.uint64(32), zero, zero], key)
    pairs = [w[1] << np.uint64(32) | w[0], w[3] << np.uint64(32) | w[2]]
    return np.stack(pairs, axis=-1).reshape(-1)[:count]


def _bits(case: Case) -> list[Expected]:
    shape = case.fields["shapes"][0]
    bits = stream(math.prod(shape), case.fields["seed"], case.fields["offset"])
    return [Expected(bits.view(np.int64).reshape(shape), "int64")]


def _uniform(case: Case) -> list[Expected]:
    shape = case.fields["shapes"][0]
    digits = dtypes.by_name(case.fields["dtype"]).digits
    bits = stream(math.prod(shape), case.fields["seed"], case.fields["offset"])
    values = (bits >> np.uint64(64 - digits)).astype(np.float64) * 2.0**-digits
    return [Expected(values.reshape(shape), ulps=0)]


def _normal(case: Case) -> list[Expected]:
    shape = case.fields["shapes"][0]
    bits = stream(2 * math.prod(shape), case.fields["seed"], case.fields["offset"])
    bits = bits >> np.uint64(11)
    u1 = (bits[0::2] + np.uint64(1)).astype(np.float64) * 2.0**-53
    u2 = bits[1::2].astype(np.float64) * 2.0**-53
    radius = np.sqrt(-2 * np.log(u1))
    values = (radius * np.cos(2 * np.pi * u2)).reshape(shape)
    # Near its zeros the cosine is as exact as its argument.
    single = case.fields["dtype"] == "float32"
    scale = np.abs(values) if single else np.maximum(np.abs(values), radius.reshape(shape))
    # In float64 by a logarithm, a root and a cosine, of 2 ulp each; float32 is rounded from there.
    return [Expected(values, ulps=2 if single else 4, scale=scale)]


def _stream_fields(op: str) -> Iterator[Fields]:
    for dtype in accepted(op):
        for seed, offset in STREAMS:
            for shape in COUNTS:
                yield {"dtype": dtype, "shapes": [shape], "seed": seed, "offset": offset}


def _stream_spec(op: str, tier: int, oracle: Any) -> Spec:
    dtype = accepted(op)[0]
    return Spec(
        op, tier, lambda: _stream_fields(op), lambda case: [], oracle,
        perf=lambda: product(dtype=[dtype], shapes=[[(1_000_000,)]], seed=[1], offset=[0]),
    )  # fmt: skip


SPECS = [
    COPY,
    FILL,
    ARANGE,
    _stream_spec("random_bits", 1, _bits),
    _stream_spec("random_uniform", 2, _uniform),
    _stream_spec("random_normal", 2, _normal),
]
