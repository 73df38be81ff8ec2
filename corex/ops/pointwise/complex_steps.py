"""What ops are made of on complex numbers: ops on their real and imaginary parts.

Formulas for z = x + iy are those of Kahan, *Branch cuts for complex elementary functions* (1987),
where the textbook's lose digits or overflow. Products are the plain four, as PyTorch's are: a part
that is infinite or NaN makes NaN of the other.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from corex.dispatch.bind import copy, empty_like
from corex.layout import broadcast_shapes
from corex.tensor.tensor import Tensor

LN2, LN10 = math.log(2.0), math.log(10.0)
_FAR = 20.0
"""Beyond this exp(-2 x) is nothing beside 1."""


def joined(re: Tensor, im: Tensor) -> Tensor:
    """The complex tensor of these parts, broadcast together. No autograd."""
    shape = re.shape
    if im.shape != shape:
        shape = broadcast_shapes("complex", shape, im.shape)
        re, im = re.expand(shape), im.expand(shape)
    like = im if 0 in re.strides and 0 not in im.strides else re
    result = empty_like(like, re.key.place.keys[re.key.dtype.to_complex().index])
    copy(result.real, re)
    copy(result.imag, im)
    return result


def _parts(a: Any) -> tuple[Any, Any]:
    if isinstance(a, Tensor):
        return (a.real, a.imag) if a.key.dtype.is_complex else (a, 0.0)
    return a.real, a.imag


# ---- arithmetic ------------------------------------------------------------------------------
def mul(a: Any, b: Any) -> Tensor:
    (x, y), (u, v) = _parts(a), _parts(b)
    return joined(x * u - y * v, x * v + y * u)


def square(a: Tensor) -> Tensor:
    x, y = _parts(a)
    return joined(x * x - y * y, x * y * 2)


def div(a: Tensor, b: Tensor) -> Tensor:
    """Divided by the larger part of the divisor first, so that its square cannot overflow; by a
    real number part by part."""
    (x, y), (u, v) = _parts(a), _parts(b)
    size = u.abs().maximum(v.abs())
    c, d = u / size, v / size
    square = (c * c + d * d) * size
    real = v == 0
    re = (x / u).where(real, (x * c + y * d) / square)
    return joined(re, (y / u).where(real, (y * c - x * d) / square))


def reciprocal(a: Tensor) -> Tensor:
    return div(joined(a.real.new_ones(()), a.real.new_zeros(())), a)


# ---- exponentials and logarithms ---------------------------------------------------------------
def _turned(size: Tensor, angle: Tensor) -> Tensor:
    """size * e ** (i angle); real where the angle is 0."""
    return joined(size * angle.cos(), (size * angle.sin()).masked_fill(angle == 0, 0))


def exp(a: Tensor) -> Tensor:
    return _turned(a.real.exp(), a.imag)


def exp2(a: Tensor) -> Tensor:
    return _turned(a.real.exp2(), a.imag * LN2)


def expm1(a: Tensor) -> Tensor:
    """e**x cos y - 1 = expm1(x) cos y - 2 sin(y / 2)**2."""
    x, y = _parts(a)
    half = (y * 0.5).sin()
    return joined(x.expm1() * y.cos() - half * half * 2, x.exp() * y.sin())


def _log_size(x: Tensor, y: Tensor) -> Tensor:
    """log |z|, without loss near |z| = 1: there |z|**2 - 1 = (m - 1)(m + 1) + n**2."""
    m, n = x.abs().maximum(y.abs()), x.abs().minimum(y.abs())
    near = ((m - 1) * (m + 1) + n * n).log1p() * 0.5
    is_near = (m > 0.5).logical_and(m < 2)
    return near.where(is_near, x.hypot(y).log())


def log(a: Tensor) -> Tensor:
    x, y = _parts(a)
    return joined(_log_size(x, y), y.atan2(x))


def _log_to(base: float) -> Callable[[Tensor], Tensor]:
    def log_to(a: Tensor) -> Tensor:
        x, y = _parts(a)
        return joined(_log_size(x, y) / base, y.atan2(x) / base)

    return log_to


def log1p(a: Tensor) -> Tensor:
    """log |1 + z| = log1p(x (2 + x) + y**2) / 2."""
    x, y = _parts(a)
    size = _log_size(x + 1, y)
    near = (x * (x + 2) + y * y).log1p() * 0.5
    is_near = (x.abs() < 0.5).logical_and(y.abs() < 0.5)
    return joined(near.where(is_near, size), y.atan2(x + 1))


def pow_(a: Any, b: Any) -> Tensor:
    """exp(b log a); 0 ** 0 is 1, and 0 to what has a positive real part 0."""
    base = a if isinstance(a, Tensor) else b.new_full((), a)
    power = exp(mul(b, log(base)))
    zero = base == 0
    exponent = b.real
    to_zero = zero.logical_and(exponent > 0) if isinstance(b, Tensor) else zero
    if isinstance(b, Tensor):
        power = power.masked_fill(to_zero, 0)
        return power.masked_fill(zero.logical_and(b == 0), 1)
    return power.masked_fill(zero, 1 if b == 0 else 0) if exponent >= 0 else power


def sqrt(a: Tensor) -> Tensor:
    """t = sqrt((|z| + |x|) / 2) is one part, and y / 2t the other."""
    x, y = _parts(a)
    t = ((x.hypot(y) * 0.5) + x.abs() * 0.5).sqrt()
    other = (y / (t * 2)).masked_fill(t == 0, 0)
    right = x >= 0
    im = other.where(right, t.copysign(y))
    return joined(t.where(right, other.abs()), y.where(t == 0, im))


def rsqrt(a: Tensor) -> Tensor:
    return reciprocal(sqrt(a))


# ---- trigonometric and hyperbolic --------------------------------------------------------------
def _times_i(a: Tensor) -> Tensor:
    return joined(-a.imag, a.real)


def _over_i(a: Tensor) -> Tensor:
    return joined(a.imag, -a.real)


def sinh(a: Tensor) -> Tensor:
    x, y = _parts(a)
    return joined(x.sinh() * y.cos(), x.cosh() * y.sin())


def cosh(a: Tensor) -> Tensor:
    x, y = _parts(a)
    return joined(x.cosh() * y.cos(), x.sinh() * y.sin())


def tanh(a: Tensor) -> Tensor:
    """With t = tan y, b = 1 + t**2, s = sinh x: (b s sqrt(1 + s**2) + i t) / (1 + b s**2)."""
    x, y = _parts(a)
    far = x.abs() > _FAR
    near = x.masked_fill(far, 0)
    t, s = y.tan(), near.sinh()
    b = t * t + 1
    below = b * s * s + 1
    re = (b * s * near.cosh() / below).where(far.logical_not(), x.sign())
    tail = y.sin() * y.cos() * (x.abs() * -2).exp() * 4
    return joined(re, (t / below).where(far.logical_not(), tail))


def sin(a: Tensor) -> Tensor:
    x, y = _parts(a)
    return joined(x.sin() * y.cosh(), x.cos() * y.sinh())


def cos(a: Tensor) -> Tensor:
    x, y = _parts(a)
    return joined(x.cos() * y.cosh(), -x.sin() * y.sinh())


def tan(a: Tensor) -> Tensor:
    return _over_i(tanh(_times_i(a)))


def _roots(a: Tensor) -> tuple[Tensor, Tensor]:
    """sqrt(1 - z) and sqrt(1 + z)."""
    x, y = _parts(a)
    return sqrt(joined(1 - x, -y)), sqrt(joined(1 + x, y))


def asin(a: Tensor) -> Tensor:
    minus, plus = _roots(a)
    below = minus.real * plus.real - minus.imag * plus.imag
    im = minus.real * plus.imag - minus.imag * plus.real
    return joined(a.real.atan2(below), im.asinh())


def acos(a: Tensor) -> Tensor:
    minus, plus = _roots(a)
    im = plus.real * minus.imag - plus.imag * minus.real
    return joined(minus.real.atan2(plus.real) * 2, im.asinh())


def asinh(a: Tensor) -> Tensor:
    return _over_i(asin(_times_i(a)))


def acosh(a: Tensor) -> Tensor:
    x, y = _parts(a)
    minus, plus = sqrt(joined(x - 1, y)), sqrt(joined(x + 1, y))
    re = minus.real * plus.real + minus.imag * plus.imag
    return joined(re.asinh(), minus.imag.atan2(plus.real) * 2)


def atanh(a: Tensor) -> Tensor:
    x, y = _parts(a)
    square, size = y * y, x.abs()
    re = (size * 4 / ((1 - size) * (1 - size) + square)).log1p() * 0.25
    return joined(re.copysign(x), (y * 2).atan2((1 - x) * (1 + x) - square) * 0.5)


def atan(a: Tensor) -> Tensor:
    return _over_i(atanh(_times_i(a)))


def sigmoid(a: Tensor) -> Tensor:
    """1 / (1 + e) or e / (1 + e), with the exponential that cannot overflow."""
    x, y = _parts(a)
    right = x >= 0
    e = _turned((-x.abs()).exp(), (-y).where(right, y))
    top = joined(e.real.new_ones(()).where(right, e.real), e.imag.masked_fill(right, 0))
    return div(top, e + 1)


# ---- truth and comparisons -----------------------------------------------------------------------
def _either(test: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    return lambda a: test(a.real).logical_or(test(a.imag))


def isfinite(a: Tensor) -> Tensor:
    return a.real.isfinite().logical_and(a.imag.isfinite())


def eq(a: Any, b: Any) -> Tensor:
    (x, y), (u, v) = _parts(a), _parts(b)
    same: Tensor = (x == u).logical_and(y == v)
    return same


def ne(a: Any, b: Any) -> Tensor:
    (x, y), (u, v) = _parts(a), _parts(b)
    other: Tensor = (x != u).logical_or(y != v)
    return other


def _truths(a: Any) -> Any:
    return (a != 0) if isinstance(a, Tensor) else bool(a)


def _of_truths(name: str) -> Callable[[Any, Any], Tensor]:
    return lambda a, b: getattr(_truths(a), name)(_truths(b))


# ---- sums of products ----------------------------------------------------------------------------
def prod(a: Tensor, n: int) -> Tensor:
    """Products of the last n dims, by halves."""
    kept = a.shape[: a.ndim - n]
    count = math.prod(a.shape[a.ndim - n :])
    rest = a.reshape(*kept, count)
    if not count:
        return a.new_ones(kept)
    while count > 1:
        half = count // 2
        product = mul(rest.narrow(-1, 0, half), rest.narrow(-1, half, half))
        if count % 2:
            last = rest.narrow(-1, 2 * half, 1)
            head = mul(product.narrow(-1, 0, 1), last)
            product.narrow(-1, 0, 1).copy_(head)
        rest, count = product, half
    return rest.reshape(kept)


def matmul(a: Tensor, b: Tensor) -> Tensor:
    (x, y), (u, v) = _parts(a), _parts(b)
    return joined(x @ u - y @ v, x @ v + y @ u)


STEPS: dict[str, Callable[..., Tensor]] = {
    "mul": mul,
    "square": square,
    "div": div,
    "reciprocal": reciprocal,
    "exp": exp,
    "exp2": exp2,
    "expm1": expm1,
    "log": log,
    "log2": _log_to(LN2),
    "log10": _log_to(LN10),
    "log1p": log1p,
    "pow": pow_,
    "sqrt": sqrt,
    "rsqrt": rsqrt,
    "sinh": sinh,
    "cosh": cosh,
    "tanh": tanh,
    "sin": sin,
    "cos": cos,
    "tan": tan,
    "asin": asin,
    "acos": acos,
    "atan": atan,
    "asinh": asinh,
    "acosh": acosh,
    "atanh": atanh,
    "sigmoid": sigmoid,
    "isnan": _either(lambda a: a.isnan()),
    "isinf": _either(lambda a: a.isinf()),
    "isfinite": isfinite,
    "eq": eq,
    "ne": ne,
    "logical_not": lambda a: a == 0,
    "logical_and": _of_truths("logical_and"),
    "logical_or": _of_truths("logical_or"),
    "logical_xor": _of_truths("logical_xor"),
    "prod": prod,
    "matmul": matmul,
}
"""By the op's name."""
