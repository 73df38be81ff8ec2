"""The kernels of random numbers: raw bits, uniform and normal, and how these come from bits."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from corex import dtypes as dt
from corex.dispatch.bind import write
from corex.dispatch.fallback import on_host
from corex.dispatch.resolve import empty, resolve
from corex.dispatch.views import hidden
from corex.layout import numel
from corex.observe import events
from corex.ops.pointwise.select import where
from corex.ops.promotion import cast
from corex.ops.random.generator import Generator, default_generator
from corex.ops.shape.complex_views import VIEW_AS_REAL
from corex.tensor.place import Place
from corex.tensor.schema import FLOAT, OpSchema, declare
from corex.tensor.tensor import Tensor


def random_bits(place: Place, count: int, seed: int, offset: int) -> Tensor:
    result = empty(place.key(dt.int64), (count,))
    write("random_bits", [result], [], (seed, offset))
    return result


def _uniform_from_bits(key: Any, count: int, seed: int, offset: int) -> Tensor:
    bits = random_bits(key.place, count, seed, offset)
    digits: int = key.dtype.digits
    high = bits.bitwise_right_shift(64 - digits).bitwise_and((1 << digits) - 1)
    unit: float = 2.0**-digits
    return cast(high, key.dtype) * unit


def _normal_from_bits(key: Any, count: int, seed: int, offset: int) -> Tensor:
    # Element i takes elements 2i and 2i + 1 of the stream: one counter block.
    bits = random_bits(key.place, 2 * count, seed, offset).reshape(count, 2)
    mantissas = bits.bitwise_right_shift(11).bitwise_and((1 << 53) - 1)
    radius, angle = mantissas.select(1, 0) + 1, mantissas.select(1, 1)
    form = _box_muller if key.place.holds(dt.float64) else _box_muller_in_float32
    return cast(form(radius, angle), key.dtype)


def _box_muller(radius: Tensor, angle: Tensor) -> Tensor:
    """Both arguments are integers that count units of 2^-53."""
    u1, u2 = cast(radius, dt.float64) * 2.0**-53, cast(angle, dt.float64) * 2.0**-53
    return (u1.log() * -2).sqrt() * (u2 * (2 * math.pi)).cos()


def _box_muller_in_float32(radius: Tensor, angle: Tensor) -> Tensor:
    """As `_box_muller`, for a device without float64: near it in units of the last place.

    What cancels is subtracted while it is an integer, so that float32 rounds only what stays good
    to a relative error: 1 - u1 where the logarithm is near 0, and the angle's distance from that
    zero of the cosine that is nearest.
    """
    near_one = cast(radius * -1 + (1 << 53), dt.float32) * -(2.0**-53)
    u1 = cast(radius, dt.float32) * 2.0**-53
    logarithm = where(radius > 1 << 52, near_one.log1p(), u1.log())
    from_zero = (angle - (1 << 52)).abs() - (1 << 51)
    sine = (cast(from_zero, dt.float32) * (2 * math.pi * 2.0**-53)).sin()
    return (logarithm * -2).sqrt() * sine


_DRAWS: dict[str, tuple[Callable[..., Tensor], Callable[[int], int]]] = {
    "random_uniform": (_uniform_from_bits, lambda count: (count + 1) // 2),
    "random_normal": (_normal_from_bits, lambda count: count),
}


for _name, _takes, _doc in (
    ("random_bits", frozenset((dt.int64,)), "64 random bits per element."),
    ("random_uniform", FLOAT, "Uniform in [0, 1)."),
    ("random_normal", FLOAT, "Standard normal."),
):
    declare(
        OpSchema(
            _name, (), None, ("seed", "offset"), takes=_takes, family="random",
            tier=1 if _name == "random_bits" else 2,
            changing=("seed", "offset"),
            decomposition=None if _name == "random_bits" else _DRAWS[_name][0],
            doc=_doc,
        )
    )  # fmt: skip


def draw(op: str, out: Tensor, generator: Generator | None) -> Tensor:
    """Fills a row-major tensor with one of the distributions.

    Of complex numbers each part: normal ones have half the variance in each."""
    if out.key.dtype.is_complex:
        parts = draw(op, hidden(VIEW_AS_REAL, out, ()), generator)
        if op == "random_normal":
            write("copy", [parts], [parts * math.sqrt(0.5)])
        return out
    blocks = _DRAWS[op][1](numel(out.shape))
    return _fill(op, out, *(generator or default_generator).advance(blocks))


def _fill(op: str, out: Tensor, seed: int, offset: int) -> Tensor:
    if not numel(out.shape):  # of nothing a backend need not know whether it is contiguous
        return out
    place, dtypes = out.key.place, (out.key.dtype,)
    found = resolve(place, op, dtypes)
    if found.run is not None or on_host(found, place, op, dtypes):
        write(op, [out], [], (seed, offset))
    else:
        drawn = events.run_parts(
            _DRAWS[op][0], (out.key, numel(out.shape), seed, offset),
            op, place, found.reason, [out], (), (seed, offset),
        )  # fmt: skip
        write("copy", [out], [drawn.reshape(out.shape)])
    return out


def require_floating(op: str, t: Tensor) -> Tensor:
    if not t.key.dtype.is_inexact:
        raise NotImplementedError(
            f'[{op}] "{op}" not implemented for {t.dtype!r}; use a floating dtype'
        )
    return t
