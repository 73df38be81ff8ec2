"""What the complementary error function is made of, accurate also where it is tiny.

The formulas know tensors by their methods only, so that the declarations can import them.
"""

from __future__ import annotations

from corex.tensor.tensor import Tensor

# (1 + 2 x) exp(x**2) erfc(x) for x >= 0 as a polynomial in (x - 3) / (x + 3), from the highest
# power down: the Chebyshev interpolation of degree 24, computed with 60 digits; its error is below
# 1e-16.
_SCALED = (
    8.393734858663902e-10, 9.862533510334848e-10, -8.217595058695637e-09, -1.3312919661032604e-08,
    4.10640136678999e-08, 1.0183620603841243e-07, -1.4047654315422538e-07, -6.166011460398518e-07,
    3.557608668407511e-07, 3.47237094497715e-06, -7.308281468783279e-07, -2.0100542268525602e-05,
    4.9491966499683315e-06, 0.0001250993424583729, -0.00010515971958448064, -0.0007798322696543306,
    0.0018886903449991718, 0.0025293918156939696, -0.02377051491717134, 0.0683080273440099,
    -0.11927366341538638, 0.1296451587027594, -0.0475622943534492, -0.13562110612458117,
    1.2530080582697296,
)  # fmt: skip


def horner(x: Tensor, coefficients: tuple[float, ...]) -> Tensor:
    """A polynomial, by its coefficients from the highest power down."""
    result = x * coefficients[0] + coefficients[1]
    for coefficient in coefficients[2:]:
        result = result * x + coefficient
    return result


def scaled_erfc(x: Tensor) -> Tensor:
    """`exp(x**2) * erfc(x)` for x that are not negative, to some ulps."""
    result: Tensor = horner(1.0 - 6.0 / (x + 3.0), _SCALED) / (x * 2.0 + 1.0)
    return result


def exp_of_square(x: Tensor, sign: float) -> Tensor:
    """`exp(sign * x**2)` of finite x; the rounding of the square would be multiplied by it, so that
    is split into one of few bits and a rest."""
    short = (x * 16.0).trunc() / 16.0
    product: Tensor = (short * short * sign).exp() * ((x - short) * (x + short) * sign).exp()
    return product


_NEAR = 0.5
_UNDERFLOWS = 30.0


def erfc(x: Tensor) -> Tensor:
    """1 - erf(x), within 6 ulp."""
    size = x.abs()
    tail = scaled_erfc(size) * exp_of_square(size.clamp(max=_UNDERFLOWS), -1.0)
    far: Tensor = (2.0 - tail).where(x < 0, tail)
    return (1.0 - x.erf()).where(size < _NEAR, far)
