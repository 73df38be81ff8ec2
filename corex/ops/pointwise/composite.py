"""Elementwise functions that need no kernel of their own: short compositions of declared ops.

Each is differentiable through its parts. `inplace_form` makes the in-place methods: the function's
result, written over its first argument.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from corex import dtypes as dt
from corex.dispatch.bind import number_tensor
from corex.dispatch.resolve import check_overlap, check_places
from corex.ops.composed import composition
from corex.ops.pointwise.binary import functions as binary
from corex.ops.pointwise.select import where
from corex.ops.pointwise.unary import functions as unary
from corex.ops.promotion import (
    Number,
    cast,
    factor,
    operand_number,
    real_number,
    require_tensor,
    result_type,
)
from corex.ops.shape.views import before_write
from corex.tensor.tensor import Tensor

LN2 = math.log(2.0)
INV_SQRT_PI = 1.0 / math.sqrt(math.pi)


def inplace_form(name: str, function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The method `NAME_`: runs the function and writes its result over the tensor itself."""

    def op(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        for other in (*args, *kwargs.values()):
            if isinstance(other, Tensor):
                check_overlap(f"{name}_", self, other)
        source = before_write(self, *args, *kwargs.values())
        result = function(source, *args, **kwargs)
        if not dt.can_cast(result.key.dtype, self.key.dtype):
            raise RuntimeError(
                f"[{name}_] result type {result.key.dtype.name} can't be cast to the desired "
                f"output type {self.key.dtype.name}"
            )
        if result.shape != self.shape:
            raise RuntimeError(
                f"[{name}_] output with shape {list(self.shape)} doesn't match the broadcast shape "
                f"{list(result.shape)}"
            )
        check_places(name, [result], self.key.place)
        written: Tensor = self.copy_(result)
        return written

    op.__name__ = op.__qualname__ = f"{name}_"
    op.__doc__ = f"In-place version of `{name}`; returns the tensor itself."
    return op


def _floating(op: str, input: Tensor) -> Tensor:
    """`input`, integers as the default float dtype."""
    if require_tensor(op, input).is_floating_point():
        return input
    return cast(input, dt.get_default_dtype())


def _same_dtype(op: str, *operands: Any) -> None:
    """Raises RuntimeError unless all tensors have one dtype."""
    kinds = {o.key.dtype for o in operands if isinstance(o, Tensor)}
    if len(kinds) > 1:
        names = " and ".join(sorted(kind.name for kind in kinds))
        raise RuntimeError(f"[{op}] expected the same dtype for all tensors, but got {names}")


# ---- of one tensor ---------------------------------------------------------------------------
def positive(input: Tensor) -> Tensor:
    """The tensor itself.

    Raises:
        RuntimeError: a boolean tensor.
    """
    if require_tensor("positive", input).key.dtype.kind == "b":
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
    return input


def frac(input: Tensor) -> Tensor:
    """The part behind the decimal point, with the input's sign.

    Raises:
        NotImplementedError: not a floating-point tensor.
    """
    if not require_tensor("frac", input).is_floating_point():
        raise NotImplementedError(f'[frac] "frac" not implemented for {input.dtype!r}')
    return input - unary["trunc"](input)


def deg2rad(input: Tensor) -> Tensor:
    """Degrees as radians."""
    return _floating("deg2rad", input) * (math.pi / 180.0)


def rad2deg(input: Tensor) -> Tensor:
    """Radians as degrees."""
    return _floating("rad2deg", input) * (180.0 / math.pi)


def _sinc_steps(x: Tensor) -> Tensor:
    u = x * math.pi
    zero = u == 0
    safe = where(zero, 1.0, u)
    result: Tensor = where(zero, 1.0, safe.sin() / safe)
    return result


def _sinc_slope(g: Tensor, a: Tensor) -> Tensor:
    """(cos u - sinc u) / u for u = pi a; near 0, where that cancels, by its series."""
    u = a * math.pi
    near = u.abs() < 0.5
    w = where(near, u, 0.0)
    w2 = w * w
    series = w * (-1 / 3 + w2 * (1 / 30 + w2 * (-1 / 840 + w2 * (1 / 45360 - w2 * (1 / 3991680)))))
    far = where(near, 1.0, u)
    result: Tensor = g * (where(near, series, (far.cos() - far.sin() / far) / far) * math.pi)
    return result


_sinc = composition("sinc", ("a",), _sinc_steps, {"a": _sinc_slope})


def sinc(input: Tensor) -> Tensor:
    """sin(pi input) / (pi input), 1 at 0."""
    return _sinc(_floating("sinc", input))


def _logit_steps(x: Tensor, eps: float | None) -> Tensor:
    if eps is not None:
        x = x.clamp(eps, 1.0 - eps)
    result: Tensor = (x / (1.0 - x)).log()
    return result


def _logit_slope(g: Tensor, a: Tensor, eps: float | None) -> Tensor:
    low = 0.0 if eps is None else eps
    inside = (a >= low).logical_and(a <= 1.0 - low)
    result: Tensor = where(inside, g / (a * (1.0 - a)), math.nan if eps is None else 0.0)
    return result


_logit = composition("logit", ("a",), _logit_steps, {"a": _logit_slope}, ("eps",))


def logit(input: Tensor, eps: float | None = None) -> Tensor:
    """log(input / (1 - input)), the inverse of sigmoid; `eps` limits to [eps, 1 - eps] first."""
    low = None if eps is None else real_number(eps, "logit", "eps")
    return _logit(_floating("logit", input), low)


def erfc(input: Tensor) -> Tensor:
    """1 - erf(input), accurate also where that is tiny.

    Beyond 2 by Laplace's continued fraction (Abramowitz and Stegun, 7.1.14).
    """
    x = _floating("erfc", input)
    near = 1.0 - x.erf()
    with_tail = x.detach()
    far = with_tail > 2.0
    z = where(far, with_tail, 2.0)
    fraction = z
    for k in range(45, 0, -1):
        fraction = z + (k * 0.5) / fraction
    tail = (-z * z).exp() * INV_SQRT_PI / fraction
    # The derivative is that of 1 - erf, so the tail only corrects the value.
    result: Tensor = near + where(far, tail - near.detach(), 0.0)
    return result


def isposinf(input: Tensor) -> Tensor:
    """True where the input is plus infinity."""
    return _is(input, math.inf)


def isneginf(input: Tensor) -> Tensor:
    """True where the input is minus infinity."""
    return _is(input, -math.inf)


def _is(input: Tensor, value: float) -> Tensor:
    result: Tensor = _floating("isinf", input) == value
    return result


# ---- of two --------------------------------------------------------------------------------------
def logaddexp(input: Tensor, other: Tensor) -> Tensor:
    """log(exp(input) + exp(other)), without overflow."""
    return _log_sum("logaddexp", input, other, 1.0)


def logaddexp2(input: Tensor, other: Tensor) -> Tensor:
    """log2(2 ** input + 2 ** other), without overflow."""
    return _log_sum("logaddexp2", input, other, LN2)


def _log_sum(op: str, input: Tensor, other: Tensor, unit: float) -> Tensor:
    a, b = require_tensor(op, input), require_tensor(op, other, "other")
    dtype = result_type(a, b)
    if dtype.kind != "f":
        raise NotImplementedError(f'[{op}] "{op}" not implemented for {a.dtype!r}')
    return _log_sum_of(cast(a, dtype), cast(b, dtype), unit)


def _log_sum_steps(a: Tensor, b: Tensor, unit: float) -> Tensor:
    first = a >= b
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
    dtype = dtype if dtype.kind == "f" else dt.get_default_dtype()
    like = input if isinstance(input, Tensor) else require_tensor(op, other, "other")
    a, b = [
        cast(v, dtype)
        if isinstance(v, Tensor)
        else number_tensor(operand_number(v), like.key.place.key(dtype))
        for v in (input, other)
    ]
    return a, b


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


def float_power(input: Tensor | Number, exponent: Tensor | Number) -> Tensor:
    """input ** exponent, in float64."""
    a, b = [cast(v, dt.float64) if isinstance(v, Tensor) else v for v in (input, exponent)]
    if not isinstance(a, Tensor):
        a = require_tensor("float_power", b, "exponent").new_full((), a)
    return binary["pow"](a, b)


# ---- of three ------------------------------------------------------------------------------------
def addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1) -> Tensor:
    """input + value * tensor1 * tensor2, broadcast together; of integers with the whole of value.

    Raises:
        RuntimeError: a value that the dtype cannot hold. NotImplementedError: bool tensors.
    """
    dtype = result_type(input, tensor1, tensor2)
    if dtype.kind == "b":
        raise NotImplementedError('[addcmul] "addcmul" not implemented for corex.bool')
    number = factor(value, dtype, "addcmul", "value", strict=False)
    return _addcmul(input, tensor1, tensor2, number)


_addcmul = composition(
    "addcmul", ("a", "b", "c"),
    lambda a, b, c, value: a + (b if value == 1 else b * value) * c,
    {
        "a": lambda g: g,
        "b": lambda g, c, value: g * (c * value),
        "c": lambda g, b, value: g * (b * value),
    },
    ("value",),
)  # fmt: skip


def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1) -> Tensor:
    """input + value * tensor1 / tensor2, broadcast together.

    Raises:
        RuntimeError: integer tensors.
    """
    dtype = result_type(tensor1, tensor2)
    number = factor(value, dtype, "addcdiv", "value", strict=False)
    if dtype.kind != "f":
        raise RuntimeError(
            "[addcdiv] integer division is not supported; convert the tensors to floating point"
        )
    return _addcdiv(input, tensor1, tensor2, number)


_addcdiv = composition(
    "addcdiv", ("a", "b", "c"),
    lambda a, b, c, value: a + (b if value == 1 else b * value) / c,
    {
        "a": lambda g: g,
        "b": lambda g, c, value: g * (value / c),
        "c": lambda g, b, c, value: -g * (b * value / (c * c)),
    },
    ("value",),
)  # fmt: skip


def lerp(input: Tensor, end: Tensor, weight: Tensor | Number) -> Tensor:
    """input + weight * (end - input), computed from the nearer end.

    Raises:
        RuntimeError: different dtypes. NotImplementedError: not floating-point tensors.
    """
    require_tensor("lerp", end, "end")
    _same_dtype("lerp", require_tensor("lerp", input), end, weight)
    if not input.is_floating_point():
        raise NotImplementedError(f'[lerp] "lerp" not implemented for {input.dtype!r}')
    if not isinstance(weight, Tensor):
        weight = factor(weight, input.key.dtype, "lerp", "weight", strict=False)
    return _lerp(input, end, weight)


def _lerp_steps(a: Tensor, b: Tensor, weight: Any) -> Tensor:
    gap = b - a
    if not isinstance(weight, Tensor):
        if abs(weight) < 0.5:
            near: Tensor = a + gap * weight
            return near
        far: Tensor = (a - b) * (1.0 - weight) + b  # the same, laid out as the input
        return far
    result: Tensor = where(weight.abs() < 0.5, a + gap * weight, b - gap * (1.0 - weight))
    return result


_lerp = composition(
    "lerp", ("a", "b", "weight"), _lerp_steps,
    {
        "a": lambda g, weight: g * (1.0 - weight),
        "b": lambda g, weight: g * weight,
        "weight": lambda g, a, b: g * (b - a),
    },
)  # fmt: skip


functions: dict[str, Callable[..., Any]] = {
    f.__name__: f
    for f in (
        positive, frac, deg2rad, rad2deg, sinc, logit, erfc, isposinf, isneginf, logaddexp,
        logaddexp2, xlogy, heaviside, float_power, addcmul, addcdiv, lerp,
    )
}  # fmt: skip

_IN_PLACE = "frac deg2rad rad2deg sinc logit erfc xlogy heaviside float_power addcmul addcdiv lerp"

methods: dict[str, Callable[..., Any]] = {
    **functions,
    **{f"{name}_": inplace_form(name, functions[name]) for name in _IN_PLACE.split()},
}
