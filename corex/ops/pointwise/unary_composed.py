"""Elementwise functions of one tensor that have no kernel of their own, composed of declared ops.

Each is differentiable through its parts, or has a formula of the whole where theirs would not do.
"""

from __future__ import annotations

import math

from corex import dtypes as dt
from corex.ops.composed import composition
from corex.ops.pointwise.select import where
from corex.ops.pointwise.unary import trunc
from corex.ops.promotion import cast, real_number, require_tensor
from corex.ops.registration import exported, operator
from corex.tensor.tensor import Tensor


def floating(op: str, input: Tensor) -> Tensor:
    """`input`, integers as the default float dtype."""
    if require_tensor(op, input).key.dtype.is_inexact:
        return input
    return cast(input, dt.get_default_dtype())


@operator("__pos__")
@exported()
def positive(input: Tensor) -> Tensor:
    """The tensor itself.

    Raises:
        RuntimeError: a boolean tensor.
    """
    if require_tensor("positive", input).key.dtype.kind == "b":
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
    return input


@exported(inplace=True, out="same")
def frac(input: Tensor) -> Tensor:
    """The part behind the decimal point, with the input's sign.

    Raises:
        NotImplementedError: not a floating-point tensor.
    """
    if not require_tensor("frac", input).is_floating_point():
        raise NotImplementedError(f'[frac] "frac" not implemented for {input.dtype!r}')
    return input - trunc(input)


@exported(inplace=True, out="cast")
def deg2rad(input: Tensor) -> Tensor:
    """Degrees as radians."""
    return floating("deg2rad", input) * (math.pi / 180.0)


@exported(inplace=True, out="cast")
def rad2deg(input: Tensor) -> Tensor:
    """Radians as degrees."""
    return floating("rad2deg", input) * (180.0 / math.pi)


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


@exported(inplace=True, out="cast")
def sinc(input: Tensor) -> Tensor:
    """sin(pi input) / (pi input), 1 at 0."""
    return _sinc(floating("sinc", input))


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


@exported(inplace=True, out="cast")
def logit(input: Tensor, eps: float | None = None) -> Tensor:
    """log(input / (1 - input)), the inverse of sigmoid; `eps` limits to [eps, 1 - eps] first."""
    low = None if eps is None else real_number(eps, "logit", "eps")
    return _logit(floating("logit", input), low)


@exported(out="same")
def isposinf(input: Tensor) -> Tensor:
    """True where the input is plus infinity."""
    return _is(input, math.inf)


@exported(out="same")
def isneginf(input: Tensor) -> Tensor:
    """True where the input is minus infinity."""
    return _is(input, -math.inf)


def _is(input: Tensor, value: float) -> Tensor:
    result: Tensor = floating("isinf", input) == value
    return result
