"""Functions of a number's mantissa and exponent, by exact multiplications with powers of two."""

from __future__ import annotations

import math

from corex import dtypes as dt
from corex import return_types
from corex.dispatch.record import no_grad
from corex.ops.composed import composition
from corex.ops.pointwise.select import where
from corex.ops.promotion import cast, require_tensor, result_type
from corex.ops.registration import exported
from corex.tensor.tensor import Tensor


def _scaled(x: Tensor, exponent: Tensor) -> Tensor:
    """x times 2**exponent, in two factors, neither of which overflows."""
    half = (exponent * 0.5).trunc()
    result: Tensor = x * half.exp2() * (exponent - half).exp2()
    return result


def _exponent(x: Tensor) -> Tensor:
    """The e with abs(x) = m * 2**e and 1/2 <= m < 1, as a float; 0 of 0, infinities and NaN."""
    size = x.abs()
    usual = size.isfinite().logical_and(size > 0)
    size = where(usual, size, 0.5)
    first = size.log2().floor() + 1  # by one too large or too small next to powers of two
    part = _scaled(size, -first)
    step = cast(part >= 1, x.key.dtype) - cast(part < 0.5, x.key.dtype)
    return where(usual, first + step, 0.0)


@exported(out="same")
def frexp(input: Tensor) -> tuple[Tensor, Tensor]:
    """A mantissa of at least 1/2 and below 1 and an int32 exponent: input = mantissa * 2**exponent;
    of 0, infinities and NaN that itself and 0.

    Raises:
        RuntimeError: not a floating-point tensor.
    """
    if not require_tensor("frexp", input).is_floating_point():
        raise RuntimeError("torch.frexp() only supports floating-point dtypes")
    with no_grad():
        exponent = _exponent(input.detach())
    return return_types.frexp(_scaled(input, -exponent), cast(exponent, dt.int32))


def _next_steps(x: Tensor, y: Tensor, dtype: dt.DType) -> Tensor:
    """The neighbours among the numbers of `dtype`, which x may hold in a wider one."""
    least = 2.0 ** (dtype.exponents[0] - dtype.digits + 1)
    exponent = _exponent(x)
    size = x.abs()
    outward = (y > x) == (x > 0)
    # Inward from a power of two the numbers lie twice as dense.
    dense = outward.logical_not().logical_and(_scaled(size, -exponent) == 0.5)
    step = where(dense, exponent - 1, exponent) - dtype.digits
    step = step.clamp(min=math.log2(least)).exp2()
    moved = where(outward, size + step, size - step)
    moved = where(x == 0, least, where(size == math.inf, dt.finfo(dtype).max, moved))
    moved = moved.copysign(where(x == 0, y, x))
    return where(x == y, y, where(x.isnan().logical_or(y.isnan()), math.nan, moved))


_nextafter = composition(
    "nextafter", ("a", "b"), _next_steps,
    {"a": lambda g, a, b: where(a == b, 0.0, g), "b": lambda g: g * 0}, params=("dtype",),
)  # fmt: skip


@exported(inplace=True, out="cast")
def nextafter(input: Tensor, other: Tensor) -> Tensor:
    """The number next to input in the direction of other, in their common dtype.

    Raises:
        NotImplementedError: neither is floating-point.
    """
    require_tensor("nextafter", input)
    require_tensor("nextafter", other, "other")
    dtype = result_type(input, other)
    if not dtype.is_floating_point:
        raise NotImplementedError(f'[nextafter] "nextafter" not implemented for {dtype!r}')
    return _nextafter(cast(input, dtype), cast(other, dtype), dtype)
