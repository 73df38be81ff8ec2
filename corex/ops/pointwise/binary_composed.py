"""Elementwise functions of two tensors without kernels of their own; see `unary_composed.py`."""

from __future__ import annotations

import math
from typing import Any

from corex import dtypes as dt
from corex.dispatch.bind import number_tensor
from corex.ops.composed import composition
from corex.ops.pointwise.binary import pow_op
from corex.ops.pointwise.powers import pow_
from corex.ops.pointwise.select import where
from corex.ops.promotion import Number, cast, operand_number, require_tensor, result_type
from corex.ops.registration import exported
from corex.tensor.tensor import Tensor

LN2 = math.log(2.0)


@exported(out="cast")
def logaddexp(input: Tensor, other: Tensor) -> Tensor:
    """log(exp(input) + exp(other)), without overflow."""
    return _log_sum("logaddexp", input, other, 1.0)


@exported(out="cast")
def logaddexp2(input: Tensor, other: Tensor) -> Tensor:
    """log2(2 ** input + 2 ** other), without overflow."""
    return _log_sum("logaddexp2", input, other, LN2)


def _log_sum(op: str, input: Tensor, other: Tensor, unit: float) -> Tensor:
    a, b = require_tensor(op, input), require_tensor(op, other, "other")
    dtype = result_type(a, b)
    if not dtype.is_inexact:
        raise NotImplementedError(f'[{op}] "{op}" not implemented for {a.dtype!r}')
    return _log_sum_of(cast(a, dtype), cast(b, dtype), unit)


def ordering(a: Tensor) -> Tensor:
    """What elements are compared by: of complex ones the real parts."""
    part: Tensor = a.real
    return part


def _log_sum_steps(a: Tensor, b: Tensor, unit: float) -> Tensor:
    first = ordering(a) >= ordering(b)
    high, low = where(first, a, b), where(first, b, a)
    # Equal infinities have a difference of NaN; their sum is themselves.
    gap = where((a == b).logical_and(a.isinf()), 0.0, low - high)
    tail = (gap * unit).exp().log1p()
    result: Tensor = high + (tail if unit == 1.0 else tail * (1.0 / unit))
    return result


_log_sum_of = composition(
    "logaddexp", ("a", "b"), _log_sum_steps,
    {
        "a": lambda g, a, b, unit: g / (((b - a) * unit).exp() + 1),
        "b": lambda g, a, b, unit: g / (((a - b) * unit).exp() + 1),
    },
    ("unit",),
)  # fmt: skip


@exported(inplace=True, out="cast")
def xlogy(input: Tensor | Number, other: Tensor | Number) -> Tensor:
    """input * log(other), 0 where input is 0 (unless other is NaN)."""
    return _xlogy(*_pair("xlogy", input, other))


def _xlogy_steps(a: Tensor, b: Tensor) -> Tensor:
    # 0 * log(b) is 0 also where the logarithm is infinite or NaN.
    zero = (a == 0).logical_and((b <= 0).logical_or(b == math.inf))
    result: Tensor = where(zero, a * 0.0, a * where(zero, 1.0, b).log())
    return result


_xlogy = composition(
    "xlogy", ("a", "b"), _xlogy_steps,
    {
        "a": lambda g, a, b: xlogy(g, b).masked_fill((a == 0).logical_and(b <= 0), 0),
        "b": lambda g, a, b: g * a / b,
    },
)  # fmt: skip


def _pair(op: str, input: Any, other: Any) -> tuple[Tensor, Tensor]:
    """Two operands as floating-point tensors, at least one of them a tensor.

    Raises:
        TypeError: both are numbers.
    """
    dtype = result_type(input, other)
    dtype = dtype if dtype.is_inexact else dt.get_default_dtype()
    like = input if isinstance(input, Tensor) else require_tensor(op, other, "other")
    a, b = [
        cast(v, dtype)
        if isinstance(v, Tensor)
        else number_tensor(operand_number(v), like.key.place.key(dtype))
        for v in (input, other)
    ]
    return a, b


@exported(inplace=True, out="same")
def heaviside(input: Tensor, values: Tensor) -> Tensor:
    """0 where the input is negative, 1 where positive, `values` where 0.

    Raises:
        RuntimeError: different dtypes.
    """
    require_tensor("heaviside", values, "values")
    if require_tensor("heaviside", input).key.dtype is not values.key.dtype:
        raise RuntimeError("heaviside is not yet implemented for tensors with different dtypes.")
    if input.key.dtype.kind == "b":
        return input.logical_or(values)
    step = cast(input > 0, input.key.dtype)
    result: Tensor = where(input == 0, values, where(input.isnan(), 0, step))
    return result


@exported(inplace=True, out="same")
def float_power(input: Tensor | Number, exponent: Tensor | Number) -> Tensor:
    """input ** exponent, in float64, or complex128 if either is complex."""
    given = (input, exponent)
    tensors = [v.key.dtype for v in given if isinstance(v, Tensor)]
    among = any([d.is_complex for d in tensors]) or any([type(v) is complex for v in given])
    wide = dt.complex128 if among else dt.float64
    a, b = [cast(v, wide) if isinstance(v, Tensor) else v for v in (input, exponent)]
    if among and tensors:
        return pow_(a, b)
    if not isinstance(a, Tensor):
        a = require_tensor("float_power", b, "exponent").new_full((), a)
    return pow_op(a, b)
