"""What ops are made of on complex numbers: ops on their real and imaginary parts.

Formulas for z = x + iy are those of Kahan, *Branch cuts for complex elementary functions* (1987),
where the textbook's lose digits or overflow. Products are the plain four, as PyTorch's are: a part
that is infinite or NaN makes NaN of the other, but in the exponents of powers. Functions have the
values at infinities and NaN that the C standard (annex G) gives them, as PyTorch's have.
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
    """Smith's algorithm (CACM 5, 1962): with the ratio of the divisor's smaller part to its larger
    one no square overflows. What comes of infinities and NaN is what these operations make of them,
    as in PyTorch and NumPy; 0 has no sign as a divisor, and divides part by part."""
    (x, y), (u, v) = _parts(a), _parts(b)
    wide, high = u.abs(), v.abs()
    upright, zero = wide >= high, wide.maximum(high) == 0
    large, small = u.where(upright, v), v.where(upright, u)
    ratio = small / large
    size = (large + small * ratio).masked_fill(zero, 0)
    re = x.where(zero, (y * ratio + x).where(upright, x * ratio + y)) / size
    im = y.where(zero, (y - x * ratio).where(upright, y * ratio - x)) / size
    return joined(re, im)


def reciprocal(a: Tensor) -> Tensor:
    return div(joined(a.real.new_ones(()), a.real.new_zeros(())), a)


# ---- exponentials and logarithms ---------------------------------------------------------------
def _turned(size: Tensor, x: Tensor, angle: Tensor) -> Tensor:
    """size * e ** (i angle), size being a power to x; real where the angle is 0."""
    lost = x.isinf().logical_and(angle.isfinite().logical_not())
    im = angle.where(angle == 0, size * angle.sin())
    return joined(
        size.where(lost, size * angle.cos()), im.masked_fill(lost.logical_and(size == 0), 0)
    )


def exp(a: Tensor) -> Tensor:
    return _turned(a.real.exp(), a.real, a.imag)


def exp2(a: Tensor) -> Tensor:
    return _turned(a.real.exp2(), a.real, a.imag * LN2)


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


def _corner(x: Tensor, infinite: Tensor, lost: Tensor) -> Tensor:
    """For a part of an infinite number 1 if it is infinite and 0 if not, 0 for what is lost."""
    corner = x.isinf().to(x.key.dtype)
    return corner.where(infinite, x.masked_fill(lost, 0)).copysign(x)


def _product(a: Tensor, b: Tensor) -> Tensor:
    """Annex G of C99 (G.5.1): where both parts of a product come out as NaN although an operand is
    infinite, or a product of parts, its direction is that of operands without NaN."""
    (x, y), (u, v) = _parts(a), _parts(b)
    first, second = _far(x, y), _far(u, v)
    re, im = x * u - y * v, x * v + y * u
    over = _far(x * u, y * v).logical_or(_far(x * v, y * u))
    found = first.logical_or(second).logical_or(over)
    x, y = _corner(x, first, x.isnan()), _corner(y, first, y.isnan())
    u, v = _corner(u, second, u.isnan()), _corner(v, second, v.isnan())
    found = found.logical_and(re.isnan()).logical_and(im.isnan())
    return joined(
        ((x * u - y * v) * math.inf).where(found, re), ((x * v + y * u) * math.inf).where(found, im)
    )


def pow_(a: Any, b: Any) -> Tensor:
    """exp(b log a), as C99 has it: 0 to what has a positive real part is 0, and 0 ** 0 is NaN."""
    base = a if isinstance(a, Tensor) else b.new_full((), a)
    exponent = b if isinstance(b, Tensor) else base.new_full((), b)
    return exp(_product(exponent, log(base)))


def sqrt(a: Tensor) -> Tensor:
    """t = sqrt((|z| + |x|) / 2) is one part, and y / 2t the other."""
    x, y = _parts(a)
    t = ((x.hypot(y) * 0.5) + x.abs() * 0.5).sqrt()
    other = (y / (t * 2)).masked_fill(t == 0, 0)
    right, high = x >= 0, y.isinf()
    im = other.where(right, t.copysign(y))
    re = t.where(right, other.abs()).masked_fill(high, math.inf)
    return joined(re, y.where((t == 0).logical_or(high), im))


def rsqrt(a: Tensor) -> Tensor:
    return reciprocal(sqrt(a))


# ---- trigonometric and hyperbolic --------------------------------------------------------------
def _times_i(a: Tensor) -> Tensor:
    return joined(-a.imag, a.real)


def _over_i(a: Tensor) -> Tensor:
    return joined(a.imag, -a.real)


def _unturned(y: Tensor) -> Tensor:
    """Where an angle is none: infinite or NaN."""
    return y.isfinite().logical_not()


def sinh(a: Tensor) -> Tensor:
    x, y = _parts(a)
    kept = _unturned(y).logical_and((x == 0).logical_or(x.isinf()))
    return joined(x.where(kept, x.sinh() * y.cos()), y.where(y == 0, x.cosh() * y.sin()))


def cosh(a: Tensor) -> Tensor:
    x, y = _parts(a)
    lost, size = _unturned(y), x.cosh()
    re = size.where(lost.logical_and(x.isinf()), size * y.cos())
    im = (y * y.new_ones(()).copysign(x)).where(y == 0, x.sinh() * y.sin())
    return joined(re, im.masked_fill(lost.logical_and(x == 0), 0))


def tanh(a: Tensor) -> Tensor:
    """With t = tan y, b = 1 + t**2, s = sinh x: (b s sqrt(1 + s**2) + i t) / (1 + b s**2)."""
    x, y = _parts(a)
    far = x.abs() > _FAR
    near = x.masked_fill(far, 0)
    t, s = y.tan(), near.sinh()
    b = t * t + 1
    below = b * s * s + 1
    lost = _unturned(y)
    end = x.sign().masked_fill(lost.logical_and(x.isfinite()), math.nan)
    re = x.where(x == 0, end.where(far, b * s * near.cosh() / below))
    tail = y.sin() * y.cos() * (x.abs() * -2).exp() * 4
    tail = tail.masked_fill(lost.logical_and(x.isinf()), 0)
    return joined(re, y.where(y == 0, tail.where(far, t / below)))


def sin(a: Tensor) -> Tensor:
    return _over_i(sinh(_times_i(a)))


def cos(a: Tensor) -> Tensor:
    return cosh(_times_i(a))


def tan(a: Tensor) -> Tensor:
    return _over_i(tanh(_times_i(a)))


def _roots(a: Tensor) -> tuple[Tensor, Tensor]:
    """sqrt(1 - z) and sqrt(1 + z)."""
    x, y = _parts(a)
    return sqrt(joined(1 - x, -y)), sqrt(joined(1 + x, y))


def _far(x: Tensor, y: Tensor) -> Tensor:
    """Where a part is infinite."""
    return x.isinf().logical_or(y.isinf())


def _infinite(y: Tensor) -> Tensor:
    """Infinity, with the sign of y."""
    return y.new_full((), math.inf).copysign(y)


def asin(a: Tensor) -> Tensor:
    x, y = _parts(a)
    minus, plus = _roots(a)
    below = minus.real * plus.real - minus.imag * plus.imag
    im = minus.real * plus.imag - minus.imag * plus.real
    far = _far(x, y)
    re = x.where(x == 0, x.atan2(y.abs().where(far, below)))
    return joined(re, _infinite(y).where(far, im.asinh()))


def acos(a: Tensor) -> Tensor:
    x, y = _parts(a)
    minus, plus = _roots(a)
    im = plus.real * minus.imag - plus.imag * minus.real
    far = _far(x, y)
    re = (minus.real.atan2(plus.real) * 2).masked_fill(x == 0, math.pi / 2)
    return joined(y.abs().atan2(x).where(far, re), _infinite(-y).where(far, im.asinh()))


def asinh(a: Tensor) -> Tensor:
    return _over_i(asin(_times_i(a)))


def acosh(a: Tensor) -> Tensor:
    x, y = _parts(a)
    minus, plus = sqrt(joined(x - 1, y)), sqrt(joined(x + 1, y))
    re = minus.real * plus.real + minus.imag * plus.imag
    im = minus.imag.atan2(plus.real) * 2
    im = im.masked_fill((x == 0).logical_and(y.isnan()), math.pi / 2)
    far = _far(x, y)
    return joined(re.asinh().masked_fill(far, math.inf), y.atan2(x).where(far, im))


def atanh(a: Tensor) -> Tensor:
    x, y = _parts(a)
    square, size = y * y, x.abs()
    re = (size * 4 / ((1 - size) * (1 - size) + square)).log1p() * 0.25
    im = (y * 2).atan2((1 - x) * (1 + x) - square) * 0.5
    right = y.new_full((), math.pi / 2).copysign(y).where(y == y, y)
    far = _far(x, y)
    re = re.masked_fill(far.logical_or(x == 0), 0).copysign(x)
    return joined(re, right.where(far, im))


def atan(a: Tensor) -> Tensor:
    return _over_i(atanh(_times_i(a)))


def sigmoid(a: Tensor) -> Tensor:
    """1 / (1 + e) or e / (1 + e), with the exponential that cannot overflow."""
    x, y = _parts(a)
    right = x >= 0
    e = _turned((-x.abs()).exp(), x, (-y).where(right, y))
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
    """Products of the last n dims, by halves. Each begins at 1, which shows where it is NaN."""
    kept = a.shape[: a.ndim - n]
    count = math.prod(a.shape[a.ndim - n :])
    if not count:
        return a.new_ones(kept)
    rest = mul(a, a.new_ones(())).reshape(*kept, count)
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
