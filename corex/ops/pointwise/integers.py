"""Functions of integers and of exponents: gcd, lcm, ldexp."""

from __future__ import annotations

from corex.dispatch.record import no_grad
from corex.ops.pointwise.select import where
from corex.ops.promotion import cast, require_tensor, result_type
from corex.ops.registration import exported
from corex.tensor.tensor import Tensor


def _integers(op: str, input: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """Both in their common dtype and shape.

    Raises:
        NotImplementedError: not integers.
    """
    require_tensor(op, input)
    require_tensor(op, other, "other")
    dtype = result_type(input, other)
    if dtype.kind not in "ui":
        raise NotImplementedError(f'[{op}] "{op}" not implemented for {dtype!r}')
    a, b = cast(input, dtype), cast(other, dtype)
    return a + b * 0, a * 0 + b  # laid out as any result of both


def _euclid(a: Tensor, b: Tensor) -> Tensor:
    """The common divisors, by as many divisions as the slowest pair needs: fewer than 92."""
    a, b = a.abs(), b.abs()
    while bool((b != 0).any().item()):
        rest = where(b == 0, b, a.fmod(b.masked_fill(b == 0, 1)))
        a, b = where(b == 0, a, b), rest
    return a


@exported(inplace=True, out="cast")
def gcd(input: Tensor, other: Tensor) -> Tensor:
    """The greatest common divisor, never negative; of 0 and a number that number.

    Raises:
        NotImplementedError: not integers.
    """
    with no_grad():
        return _euclid(*_integers("gcd", input, other))


@exported(inplace=True, out="cast")
def lcm(input: Tensor, other: Tensor) -> Tensor:
    """The least common multiple, never negative; 0 where one is 0.

    Raises:
        NotImplementedError: not integers.
    """
    with no_grad():
        a, b = _integers("lcm", input, other)
        divisor = _euclid(a, b)
        whole = a.floor_divide(divisor.masked_fill(divisor == 0, 1))
        result: Tensor = (whole * b).abs()
        return result


@exported(inplace=True, out="cast")
def ldexp(input: Tensor, other: Tensor) -> Tensor:
    """input * 2 ** other; integers become floating-point."""
    require_tensor("ldexp", other, "other")
    result: Tensor = require_tensor("ldexp", input) * (2.0**other)
    return result
