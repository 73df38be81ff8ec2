"""Special functions that are in `corex` itself, too. What they do is loaded when one is called:
most programs call none."""

from __future__ import annotations

from importlib import import_module
from operator import index
from typing import Any

from corex.ops.composed import inplace_form
from corex.ops.pointwise.unary_composed import floating
from corex.ops.promotion import require_tensor
from corex.ops.registration import exported, function, method
from corex.tensor.tensor import Tensor


def _part(name: str) -> Any:
    return import_module(f"corex.special.{name}")


@exported(inplace=True, out="cast")
def i0(input: Tensor) -> Tensor:
    """The modified Bessel function of the first kind, of order 0."""
    found: Tensor = _part("bessel").i0(floating("i0", input))
    return found


@exported(inplace=True, out="cast")
def lgamma(input: Tensor) -> Tensor:
    """The logarithm of the absolute value of the gamma function; infinite at its poles."""
    found: Tensor = _part("gamma").lgamma(floating("lgamma", input))
    return found


@exported(inplace=True, out="cast")
def digamma(input: Tensor) -> Tensor:
    """The derivative of `lgamma`; -inf at 0, inf at -0, NaN at negative integers."""
    found: Tensor = _part("gamma").digamma(floating("digamma", input))
    return found


@function(out="cast")
def polygamma(n: int, input: Tensor) -> Tensor:
    """The nth derivative of `digamma`.

    Raises:
        RuntimeError: a negative n.
    """
    x = floating("polygamma", input)
    if index(n) < 0:
        raise RuntimeError("polygamma(n, x) does not support negative n.")
    found: Tensor = _part("gamma").polygamma(index(n), x)
    return found


@method("polygamma")
def polygamma_of(self: Tensor, n: int) -> Tensor:
    """See `corex.polygamma`."""
    return polygamma(n, self)


method("polygamma_")(inplace_form("polygamma", polygamma_of))


@exported(inplace=True, out="cast")
def mvlgamma(input: Tensor, p: int) -> Tensor:
    """The logarithm of the multivariate gamma function with dimension p, of numbers above (p-1)/2.

    Raises:
        RuntimeError: p below 1, or a boolean tensor.
    """
    if require_tensor("mvlgamma", input).key.dtype.kind == "b":
        raise RuntimeError("The input tensor may not be a boolean tensor.")
    if index(p) < 1:
        raise RuntimeError("p has to be greater than or equal to 1")
    found: Tensor = _part("gamma").mvlgamma(floating("mvlgamma", input), index(p))
    return found


@exported(inplace=True, out="cast")
def erfinv(input: Tensor) -> Tensor:
    """The inverse of `erf`: infinite at -1 and 1, NaN outside of them."""
    found: Tensor = _part("inverse_error").erfinv(floating("erfinv", input))
    return found


@exported(inplace=True, out="cast")
def igamma(input: Tensor, other: Tensor) -> Tensor:
    """The regularised lower incomplete gamma function P(input, other), of numbers not negative;
    its derivative is known for `other` alone.

    Raises:
        NotImplementedError: neither is floating-point.
    """
    require_tensor("igamma", input)
    found: Tensor = _part("incomplete").incomplete(
        "igamma", input, require_tensor("igamma", other, "other")
    )
    return found


@exported(inplace=True, out="cast")
def igammac(input: Tensor, other: Tensor) -> Tensor:
    """The regularised upper incomplete gamma function, 1 - `igamma(input, other)`.

    Raises:
        NotImplementedError: neither is floating-point.
    """
    require_tensor("igammac", input)
    found: Tensor = _part("incomplete").incomplete(
        "igammac", input, require_tensor("igammac", other, "other")
    )
    return found
