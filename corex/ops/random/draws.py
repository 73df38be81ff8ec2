"""The kernels of random numbers: raw bits, uniform and normal, and how these come from bits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from corex import dtypes as dt
from corex.dispatch.bind import write
from corex.dispatch.fallback import transfer
from corex.dispatch.resolve import empty, resolve
from corex.layout import numel
from corex.observe import events
from corex.ops.places import exact_place
from corex.ops.promotion import cast
from corex.ops.random.generator import Generator, default_generator
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
    if not key.place.holds(dt.float64):
        there = empty(exact_place(key.place).key(key.dtype), (count,))
        return transfer(_fill("random_normal", there, seed, offset), key.place)
    # Element i takes elements 2i and 2i + 1 of the stream: one counter block.
    bits = random_bits(key.place, 2 * count, seed, offset).reshape(count, 2)
    mantissas = bits.bitwise_right_shift(11).bitwise_and((1 << 53) - 1)
    units = cast(mantissas, dt.float64)
    u1, u2 = (units.select(1, 0) + 1) * 2.0**-53, units.select(1, 1) * 2.0**-53
    normal = (u1.log() * -2).sqrt() * (u2 * (2 * 3.141592653589793)).cos()
    return cast(normal, key.dtype)


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
    """Fills a row-major tensor with one of the distributions."""
    blocks = _DRAWS[op][1](numel(out.shape))
    return _fill(op, out, *(generator or default_generator).advance(blocks))


def _fill(op: str, out: Tensor, seed: int, offset: int) -> Tensor:
    if not numel(out.shape):  # of nothing a backend need not know whether it is contiguous
        return out
    found = resolve(out.key.place, op, (out.key.dtype,))
    if found.run is not None:
        write(op, [out], [], (seed, offset))
    else:
        drawn = events.run_parts(
            _DRAWS[op][0], (out.key, numel(out.shape), seed, offset),
            op, out.key.place, found.reason, [out], (), (seed, offset),
        )  # fmt: skip
        write("copy", [out], [drawn.reshape(out.shape)])
    return out


def require_floating(op: str, t: Tensor) -> Tensor:
    if not t.is_floating_point():
        raise RuntimeError(f'[{op}] "{op}" not implemented for {t.dtype!r}; use a floating dtype')
    return t
