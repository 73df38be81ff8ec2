"""New tensors of random numbers."""

from __future__ import annotations

from typing import Any

from corex import dtypes as dt
from corex.dispatch.devices import find_place, find_place_from
from corex.dispatch.resolve import empty
from corex.dtypes import DType
from corex.layout import numel, strides_like
from corex.ops.create.like import empty_like
from corex.ops.pointwise.select import where
from corex.ops.promotion import cast, limits, require_tensor
from corex.ops.random.draws import draw, random_bits, require_floating
from corex.ops.random.generator import Generator, default_generator
from corex.ops.reduce.order import argsort
from corex.ops.registration import function
from corex.ops.shape.views import shaped, sizes_of
from corex.tensor.tensor import Tensor


def new_tensor(
    sizes: tuple[Any, ...],
    dtype: DType | None,
    device: Any,
    backend: str | None,
) -> Tensor:
    shape = sizes_of(sizes)
    _check_shape(shape)
    return empty(find_place(device, backend).key(dtype or dt.get_default_dtype()), shape)


def _check_shape(shape: tuple[int, ...]) -> None:
    if any(size < 0 for size in shape):
        raise RuntimeError(
            f"Trying to create tensor with negative dimension {min(shape)}: {list(shape)}"
        )


def _new_like(input: Tensor, dtype: DType | None, device: Any, backend: str | None) -> Tensor:
    place = input.key.place
    if device is not None or backend is not None:
        place = find_place_from(place, device, backend)
    return empty(place.key(dtype or input.key.dtype), input.shape)


def _drawn(
    op: str, kernel: str, result: Tensor, generator: Generator | None, requires_grad: bool
) -> Tensor:
    return draw(kernel, require_floating(op, result), generator).requires_grad_(requires_grad)


def _laid_out(result: Tensor, like: Tensor) -> Tensor:
    """A fresh row-major result, whose numbers lie in the order that dims of another have."""
    if like._strides is not None:
        strides = strides_like(like.shape, like._strides)
        result._strides = None if strides == result.strides else strides
    return result


@function(out="new")
def rand(
    *size: Any,
    generator: Generator | None = None,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
    backend: str | None = None,
) -> Tensor:
    """Uniform numbers in [0, 1)."""
    result = new_tensor(size, dtype, device, backend)
    return _drawn("rand", "random_uniform", result, generator, requires_grad)


@function(out="new")
def randn(
    *size: Any,
    generator: Generator | None = None,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
    backend: str | None = None,
) -> Tensor:
    """Standard normal numbers (Box-Muller)."""
    result = new_tensor(size, dtype, device, backend)
    return _drawn("randn", "random_normal", result, generator, requires_grad)


@function()
def rand_like(
    input: Tensor,
    *,
    generator: Generator | None = None,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
    backend: str | None = None,
) -> Tensor:
    """`rand` of a tensor's shape, dtype and place."""
    result = _new_like(input, dtype, device, backend)
    drawn = _drawn("rand_like", "random_uniform", result, generator, requires_grad)
    return _laid_out(drawn, input)


@function()
def randn_like(
    input: Tensor,
    *,
    generator: Generator | None = None,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
    backend: str | None = None,
) -> Tensor:
    """`randn` of a tensor's shape, dtype and place."""
    result = _new_like(input, dtype, device, backend)
    drawn = _drawn("randn_like", "random_normal", result, generator, requires_grad)
    return _laid_out(drawn, input)


@function(out="new")
def randint(
    low: Any,
    high: Any = None,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
    backend: str | None = None,
) -> Tensor:
    """Integers in [low, high); with one bound, [0, bound).

    Raises:
        TypeError: a bound that is no integer. ValueError: a bound beyond int64.
        RuntimeError: an empty interval, or one that the dtype cannot hold.
    """
    if size is None:
        low, high, size = 0, low, high
    dtype = dtype or dt.int64
    low, high = interval("randint", low, high, dtype)
    place = find_place(device, backend)
    shape = sizes_of((size,))
    _check_shape(shape)
    count = numel(shape)
    seed, offset = (generator or default_generator).advance((count + 1) // 2)
    bits = random_bits(place, count, seed, offset)
    length = high - low
    if length < 1 << 63:
        values = bits.bitwise_and((1 << 63) - 1).remainder(length) + low
    else:  # the bits without their sign, less the length where they reach it
        reach = (bits < 0).logical_and(bits >= length - (1 << 64))
        values = where(reach, bits - length, bits) + low
    return cast(shaped(values, shape), dtype).requires_grad_(requires_grad)


@function()
def randint_like(
    input: Tensor,
    low: Any = None,
    high: Any = None,
    *,
    generator: Generator | None = None,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
    backend: str | None = None,
) -> Tensor:
    """`randint` of a tensor's shape, dtype and place; raises as that does."""
    if high is None or low is None:
        low, high = 0, low if high is None else high
    place = require_tensor("randint_like", input).key.place
    if device is not None or backend is not None:
        place = find_place_from(place, device, backend)
    drawn = randint(low, high, input.shape, generator=generator, dtype=dtype or input.key.dtype,
                    device=place.device, backend=place.name)  # fmt: skip
    result = empty_like(input, dtype=dtype, device=place.device, backend=place.name)
    return result.copy_(drawn).requires_grad_(requires_grad)


def interval(op: str, low: Any, high: Any, dtype: DType) -> tuple[int, int]:
    """The bounds of random integers of a dtype, checked."""
    bounds = []
    for name, bound in (("low", low), ("high", high)):
        if isinstance(bound, float | bool) or not hasattr(bound, "__index__"):
            raise TypeError(f"{op}(): argument '{name}' must be int, not {type(bound).__name__}")
        bounds.append(bound.__index__())
        if not -(2**63) <= bounds[-1] < 2**63:
            raise ValueError("Overflow when unpacking long long")
    first, end = bounds
    if first >= end:
        raise RuntimeError(
            f"random_ expects 'from' to be less than 'to', but got from={first} >= to={end}"
        )
    if dtype.kind != "f":
        least, most = (0, 1) if dtype.kind == "b" else limits(dtype)
        for name, bound in (("from", first), ("to - 1", end - 1)):
            if not least <= bound <= most:
                raise RuntimeError(f"[{op}] {name} = {bound} is out of bounds for {dtype!r}")
    return first, end


@function(out="new")
def randperm(
    n: int,
    *,
    generator: Generator | None = None,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
    backend: str | None = None,
) -> Tensor:
    """A random permutation of 0 .. n - 1: the order of n random numbers.

    Raises:
        RuntimeError: a negative n.
    """
    n = n.__index__()
    if n < 0:
        raise RuntimeError(f"n must be non-negative, got {n}")
    seed, offset = (generator or default_generator).advance((n + 1) // 2)
    order = argsort(random_bits(find_place(device, backend), n, seed, offset))
    return cast(order, dtype or dt.int64).requires_grad_(requires_grad)
