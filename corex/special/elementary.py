"""Special functions that other functions are enough for, and what all special functions share."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import corex
from corex.dtypes import DType
from corex.ops.guard import in_namespace
from corex.ops.pointwise.error_function import exp_of_square, horner, scaled_erfc
from corex.ops.pointwise.unary_composed import floating
from corex.tensor.tensor import Tensor

_F = TypeVar("_F", bound=Callable[..., object])


def public(function: _F) -> _F:
    """A function as `corex.special` has it: with `out=`, and errors in terms of its arguments."""
    return in_namespace("corex.special", function.__name__, function, "cast")


def floats(name: str, input: Tensor) -> Tensor:
    """The input, an integer one as the default float dtype."""
    return floating(f"special_{name}", input)


def widened(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """`function(x)`, computed in the dtype in which ops run that have no kernel for x's own."""
    wide = x.key.dtype.compute
    return function(x) if wide is None else function(x.to(wide)).to(x.key.dtype)


def pair(name: str, *values: Any) -> list[Tensor]:
    """Two arguments, one of which may be a number, as floats of their common dtype.

    Raises:
        TypeError: both are numbers.
    """
    tensors = [value for value in values if isinstance(value, Tensor)]
    if not tensors:
        raise TypeError(f"special_{name}(): one of the two arguments must be Tensor")
    dtype = corex.result_type(*values)
    dtype = dtype if dtype.is_inexact else corex.get_default_dtype()
    return [
        value.to(dtype) if isinstance(value, Tensor) else tensors[0].new_tensor(value, dtype=dtype)
        for value in values
    ]


# ---- logarithms ----------------------------------------------------------------------------------
@public
def entr(input: Tensor) -> Tensor:
    """`-x * log(x)`, 0 at 0 and -inf of negative numbers."""
    x = floats("entr", input)
    return corex.where(x < 0, -math.inf, -corex.xlogy(x, x))


@public
def xlog1py(input: Any, other: Any) -> Tensor:
    """`x * log1p(y)`, 0 where x is 0 and y is not NaN; one of both may be a number.

    Raises:
        TypeError: both are numbers.
    """
    x, y = pair("xlog1py", input, other)
    # Where x is 0, an infinite logarithm is set aside, for derivatives too.
    none = (x == 0) & ((y <= -1) | (y == math.inf))
    return corex.where(none, 0, x * corex.where(none, 0, y).log1p())


# ---- normalised exponentials ---------------------------------------------------------------------
def softmax(input: Tensor, dim: int, dtype: DType | None = None) -> Tensor:
    """See `corex.softmax`; the dim has to be said."""
    return corex.softmax(input, dim, dtype=dtype)


def log_softmax(input: Tensor, dim: int, *, dtype: DType | None = None) -> Tensor:
    """See `corex.log_softmax`; the dim has to be said."""
    return corex.log_softmax(input, dim, dtype=dtype)


softmax = in_namespace("corex.special", "softmax", softmax)
log_softmax = in_namespace("corex.special", "log_softmax", log_softmax)


# ---- the normal distribution ---------------------------------------------------------------------
_SQRT2 = math.sqrt(2)


@public
def erfcx(input: Tensor) -> Tensor:
    """`exp(x**2) * erfc(x)`, which does not underflow for large x."""
    x = floats("erfcx", input)
    size = corex.where(x < 0, -x, x)  # abs has no slope at 0
    right = scaled_erfc(size)
    left = exp_of_square(size.clamp(max=30), 1.0) * 2 - right  # infinite from there on
    return corex.where(x < 0, left, right)


@public
def ndtr(input: Tensor) -> Tensor:
    """The area under the standard normal density, from minus infinity to x, 26.2.29."""
    return (floats("ndtr", input) * (-1 / _SQRT2)).erfc() * 0.5


@public
def log_ndtr(input: Tensor) -> Tensor:
    """The logarithm of `ndtr`, also where that is too small for the dtype."""
    x = floats("log_ndtr", input)
    low = x < -1
    left = corex.where(low, x, -1)
    right = corex.where(low, -1, x)
    tail = (erfcx(left * (-1 / _SQRT2)) * 0.5).log() - left * left * 0.5
    return corex.where(low, tail, (-0.5 * (right * (1 / _SQRT2)).erfc()).log1p())


_MIDDLE = (
    (-39.69683028665376, 220.9460984245205, -275.9285104469687, 138.3577518672690,
     -30.66479806614716, 2.506628277459239),
    (-54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972,
     -13.28068155288572, 1.0),
)  # fmt: skip
_OUTER = (
    (-7.784894002430293e-03, -0.3223964580411365, -2.400758277161838, -2.549732539343734,
     4.374664141464968, 2.938163982698783),
    (7.784695709041462e-03, 0.3224671290700398, 2.445134137142996, 3.754408661907416, 1.0),
)  # fmt: skip
_EDGE = 0.02425


@public
def ndtri(input: Tensor) -> Tensor:
    """The x below which the area under the standard normal density is p, the inverse of `ndtr`:
    minus and plus infinity for 0 and 1, NaN outside of them."""
    p = floats("ndtri", input)
    inside = (p > 0) & (p < 1)
    lower = corex.where(inside, corex.minimum(p, 1 - p), 0.5)  # by symmetry
    x = _lower_quantile(lower.detach())
    for _ in range(2):  # the second step gives the derivative, and more when it is derived again
        x = _refined(x, lower)
    x = corex.where(p > 0.5, -x, x)
    ends = corex.where(p == 0, -math.inf, corex.where(p == 1, math.inf, math.nan))
    return corex.where(inside, x, ends.to(p.dtype))


def _lower_quantile(p: Tensor) -> Tensor:
    """A first guess for p in (0, 0.5], good to 1e-9."""
    q = p - 0.5
    r = q * q
    middle = q * horner(r, _MIDDLE[0]) / horner(r, _MIDDLE[1])
    s = (p.clamp(max=_EDGE).log() * -2).sqrt()
    outer = horner(s, _OUTER[0]) / horner(s, _OUTER[1])
    return corex.where(p < _EDGE, outer, middle)


def _refined(x: Tensor, p: Tensor) -> Tensor:
    """Newton's step for `log_ndtr(x) = log(p)`, which is nearly a parabola far out."""
    area = log_ndtr(x)
    slope = (-0.5 * x * x - 0.5 * math.log(2 * math.pi) - area).exp()
    return x - (area - p.log()) / slope


# ---- Bessel functions ----------------------------------------------------------------------------
@public
def spherical_bessel_j0(input: Tensor) -> Tensor:
    """`sin(x) / x`, 1 at 0 and 0 at infinity, 10.1.11."""
    x = floats("spherical_bessel_j0", input)
    return corex.where(x.isinf(), 0, (x * (1 / math.pi)).sinc())


# ---- orthogonal polynomials ----------------------------------------------------------------------
Step = Callable[[int, Tensor, Tensor, Tensor], Tensor]


def _polynomial(
    name: str, first: Callable[[Tensor], Tensor], step: Step, doc: str
) -> Callable[..., Tensor]:
    """By recurrence: `step(k, x, p[k - 1], p[k])` gives p[k + 1]; p[0] is 1, p[1] is `first(x)`."""

    def polynomial(input: Any, n: Any) -> Tensor:
        x, degrees = corex.broadcast_tensors(*pair(name, input, n))
        degrees = degrees.trunc()
        highest = int(degrees.max().item()) if degrees.numel() else 0
        before, current = corex.ones_like(x), first(x)
        result = corex.where(degrees == 0, before, corex.where(degrees == 1, current, 0))
        for k in range(1, highest):
            before, current = current, step(k, x, before, current)
            result = corex.where(degrees == k + 1, current, result)
        return result

    polynomial.__name__ = polynomial.__qualname__ = name
    polynomial.__doc__ = f"{doc} of degree n, 0 for negative ones; one of both may be a number."
    return public(polynomial)


def _doubled(k: int, x: Tensor, before: Tensor, current: Tensor) -> Tensor:
    return 2 * x * current - before


def _shifted(k: int, x: Tensor, before: Tensor, current: Tensor) -> Tensor:
    return (4 * x - 2) * current - before


_CHEBYSHEV: dict[str, tuple[float, float, str]] = {  # 22.4: p[1] is a * x + b
    "t": (1, 0, "Chebyshev's polynomial of the first kind, cos(n acos(x)),"),
    "u": (2, 0, "Chebyshev's polynomial of the second kind"),
    "v": (2, -1, "Chebyshev's polynomial of the third kind"),
    "w": (2, 1, "Chebyshev's polynomial of the fourth kind"),
}


def _chebyshev(kind: str) -> Callable[..., Tensor]:
    a, b, doc = _CHEBYSHEV[kind]
    return _polynomial(f"chebyshev_polynomial_{kind}", lambda x: a * x + b, _doubled, doc)


def _shifted_chebyshev(kind: str) -> Callable[..., Tensor]:
    a, b, doc = _CHEBYSHEV[kind]
    return _polynomial(
        f"shifted_chebyshev_polynomial_{kind}",
        lambda x: 2 * a * x + (b - a),
        _shifted,
        f"At 2 x - 1, {doc[0].lower()}{doc[1:]}",
    )


chebyshev_polynomial_t = _chebyshev("t")
chebyshev_polynomial_u = _chebyshev("u")
chebyshev_polynomial_v = _chebyshev("v")
chebyshev_polynomial_w = _chebyshev("w")
shifted_chebyshev_polynomial_t = _shifted_chebyshev("t")
shifted_chebyshev_polynomial_u = _shifted_chebyshev("u")
shifted_chebyshev_polynomial_v = _shifted_chebyshev("v")
shifted_chebyshev_polynomial_w = _shifted_chebyshev("w")
hermite_polynomial_h = _polynomial(
    "hermite_polynomial_h", lambda x: 2 * x,
    lambda k, x, before, current: 2 * x * current - 2 * k * before,
    "The physicists' polynomial of Hermite",
)  # fmt: skip
hermite_polynomial_he = _polynomial(
    "hermite_polynomial_he", lambda x: x * 1,
    lambda k, x, before, current: x * current - k * before,
    "The probabilists' polynomial of Hermite",
)  # fmt: skip
laguerre_polynomial_l = _polynomial(
    "laguerre_polynomial_l", lambda x: 1 - x,
    lambda k, x, before, current: ((2 * k + 1 - x) * current - k * before) / (k + 1),
    "Laguerre's polynomial",
)  # fmt: skip
legendre_polynomial_p = _polynomial(
    "legendre_polynomial_p", lambda x: x * 1,
    lambda k, x, before, current: ((2 * k + 1) * x * current - k * before) / (k + 1),
    "Legendre's polynomial",
)  # fmt: skip
