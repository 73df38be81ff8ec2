"""Reductions and normalizations of those elements of a tensor that a mask has, as `torch.masked`.

`mask` is a tensor of bools (others are taken as truth values) that broadcasts to the input; True
means that an element takes part, None that all do. What a mask leaves out counts as the neutral
element of the operation, so that a reduction of nothing gives that, or NaN where there is none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import corex
from corex.dtypes import DType, iinfo
from corex.ops.create.constant import named
from corex.ops.promotion import require_tensor
from corex.tensor.tensor import Tensor

__all__ = [
    "amax", "amin", "argmax", "argmin", "cumprod", "cumsum", "log_softmax", "logaddexp",
    "logsumexp", "mean", "median", "norm", "normalize", "prod", "softmax", "softmin", "std", "sum",
    "var",
]  # fmt: skip

Dims = int | Sequence[int] | None


# ---- masks and neutral elements ------------------------------------------------------------------
def _chosen(name: str, input: Tensor, mask: Tensor | None, neutral: Any) -> Tensor:
    """The input with the neutral element where the mask is False.

    Raises:
        TypeError: an argument is no tensor. RuntimeError: the mask does not broadcast.
    """
    require_tensor(f"masked_{name}", input)
    if mask is None:
        return input
    taken = require_tensor(f"masked_{name}", mask, "mask").to(corex.bool).expand(input.shape)
    return corex.where(taken, input, neutral)


def _lowest(dtype: DType) -> Any:
    if dtype.kind == "b":
        return False
    return -math.inf if dtype.is_inexact else iinfo(dtype).min


def _highest(dtype: DType) -> Any:
    if dtype.kind == "b":
        return True
    return math.inf if dtype.is_inexact else iinfo(dtype).max


def _dims(input: Tensor, dim: Dims) -> tuple[int, ...]:
    """The dims to reduce: all, for None and ()."""
    if isinstance(dim, int):
        return (dim,)
    return tuple(dim) if dim else tuple(range(input.ndim))


def _wide(input: Tensor, dtype: DType | None) -> DType:
    """Integers are added up, and multiplied, as int64."""
    return dtype or (corex.int64 if input.dtype.kind in "bui" else input.dtype)


def _converted(name: str, input: Tensor, dtype: DType | None) -> Tensor:
    require_tensor(f"masked_{name}", input)
    return input if dtype is None else input.to(dtype=dtype)


# ---- reductions ----------------------------------------------------------------------------------
def sum(
    input: Tensor,
    dim: Dims = None,
    *,
    keepdim: bool = False,
    dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """The sum of the elements that the mask has; 0 of none."""
    chosen = _chosen("sum", input, mask, 0)
    return chosen.sum(_dims(input, dim), keepdim, dtype=_wide(input, dtype))


def prod(
    input: Tensor,
    dim: Dims = None,
    *,
    keepdim: bool = False,
    dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """The product of the elements that the mask has; 1 of none."""
    result = _chosen("prod", input, mask, 1).to(_wide(input, dtype))
    dims = sorted([d % max(input.ndim, 1) for d in _dims(input, dim)], reverse=True)
    for d in dims:  # from the last to the first: those to come keep their places
        result = result.prod(d, keepdim)
    return result


def _extreme(name: str, neutral: Callable[[DType], Any], doc: str) -> Callable[..., Tensor]:
    def reduce(
        input: Tensor,
        dim: Dims = None,
        *,
        keepdim: bool = False,
        dtype: DType | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        input = _converted(name, input, dtype)
        chosen = _chosen(name, input, mask, neutral(input.dtype))
        result: Tensor = getattr(chosen, name)(_dims(input, dim), keepdim)
        return result

    reduce.__doc__ = doc
    return named(reduce, name)


amax = _extreme("amax", _lowest, "The largest element that the mask has; the lowest of none.")
amin = _extreme("amin", _highest, "The smallest element that the mask has; the highest of none.")


def _position(name: str, neutral: Callable[[DType], Any], doc: str) -> Callable[..., Tensor]:
    def reduce(
        input: Tensor,
        dim: int | None = None,
        *,
        keepdim: bool = False,
        dtype: DType | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        input = _converted(name, input, dtype)
        chosen = _chosen(name, input, mask, neutral(input.dtype))
        result: Tensor = getattr(chosen, name)(dim, keepdim)
        return result.to(input.dtype)

    reduce.__doc__ = doc
    return named(reduce, name)


argmax = _position(
    "argmax", _lowest, "The position of `amax`, as a number of the input's dtype, as in PyTorch."
)
argmin = _position(
    "argmin", _highest, "The position of `amin`, as a number of the input's dtype, as in PyTorch."
)


def logsumexp(
    input: Tensor,
    dim: Dims = None,
    *,
    keepdim: bool = False,
    dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """`log(sum(exp(x)))` over the elements that the mask has; the lowest number of none."""
    input = _converted("logsumexp", input, dtype)
    chosen = _chosen("logsumexp", input, mask, _lowest(input.dtype))
    return chosen.logsumexp(_dims(input, dim), keepdim).to(input.dtype)


def logaddexp(
    input: Tensor,
    other: Tensor,
    *,
    dtype: DType | None = None,
    input_mask: Tensor | None = None,
    other_mask: Tensor | None = None,
) -> Tensor:
    """`log(exp(input) + exp(other))`, of those that their masks have; -inf where both lack."""
    sides = [_converted("logaddexp", side, dtype) for side in (input, other)]
    chosen = [
        _chosen("logaddexp", side, mask, _lowest(side.dtype))
        for side, mask in zip(sides, (input_mask, other_mask), strict=True)
    ]
    return corex.logaddexp(*chosen)


def _count(name: str, input: Tensor, dims: tuple[int, ...], mask: Tensor | None) -> Tensor:
    """How many elements take part, with the reduced dims kept."""
    ones = input.new_ones(input.shape, dtype=corex.int64)
    return _chosen(name, ones, mask, 0).sum(dims, True)


def mean(
    input: Tensor,
    dim: Dims = None,
    *,
    keepdim: bool = False,
    dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """The mean of the elements that the mask has; NaN of none.

    Raises:
        ValueError: integers, and no floating-point `dtype` is given.
    """
    require_tensor("masked_mean", input)
    wanted = dtype or input.dtype
    if not wanted.is_inexact:
        raise ValueError(
            f"mean(): Could not infer output dtype. Input dtype must be either a floating point or "
            f"complex dtype. Got: {wanted}"
        )
    dims = _dims(input, dim)
    if mask is None:
        return input.mean(dims, keepdim, dtype=wanted)
    total = sum(input, dims, keepdim=keepdim, dtype=wanted, mask=mask)
    return total / _count("mean", input, dims, mask).reshape(total.shape)


def median(
    input: Tensor,
    dim: int = -1,
    *,
    keepdim: bool = False,
    dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """The lower median along a dim of the elements that the mask has; NaN of none.

    Raises:
        ValueError: of integers, if a row has no element that takes part.
    """
    input = _converted("median", input, dtype)
    floats = input if input.dtype.is_inexact else input.to(corex.get_default_dtype())
    chosen = _chosen("median", floats, mask, math.nan)
    count = chosen.isnan().logical_not().sum(dim, True)
    position = ((count - 1) // 2).clamp(min=0)  # of none, the NaN that stands there
    values = chosen.sort(dim).values.gather(dim, position)
    values = values if keepdim else values.squeeze(dim)
    if not input.dtype.is_inexact and bool(values.isnan().any()):
        raise ValueError(
            "masked median expects no fully masked out rows if dtype is not floating point"
        )
    return values.to(input.dtype)


def var(
    input: Tensor,
    dim: Dims = None,
    unbiased: bool | None = None,
    *,
    correction: float | None = None,
    keepdim: bool = False,
    dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """The variance of the n elements that the mask has: squared deviations from their mean, divided
    by n - correction (by default 1, or 0 if `unbiased` is False)."""
    require_tensor("masked_var", input)
    if unbiased is not None and correction is not None:
        raise ValueError("var(): give `unbiased` or `correction`, not both")
    freedom = float(correction if correction is not None else unbiased is not False)
    default = input.dtype if input.dtype.is_inexact else corex.float32
    x = input.to(dtype=dtype or default)
    dims = _dims(input, dim)
    count = _count("var", input, dims, mask)
    middle = sum(x, dims, keepdim=True, mask=mask) / count
    deviation = (x - middle).abs()
    squares = sum(deviation * deviation, dims, keepdim=keepdim, mask=mask)
    return squares / (count - freedom).clamp(min=0).reshape(squares.shape).to(x.dtype)


def std(
    input: Tensor,
    dim: Dims = None,
    unbiased: bool | None = None,
    *,
    correction: float | None = None,
    keepdim: bool = False,
    dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """The square root of `var`."""
    return var(
        input, dim, unbiased, correction=correction, keepdim=keepdim, dtype=dtype, mask=mask
    ).sqrt()


def norm(
    input: Tensor,
    ord: float | None = 2.0,
    dim: Dims = None,
    *,
    keepdim: bool = False,
    dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """The vector norm of an order, `sum(abs(x)**ord)**(1 / ord)`, of the elements that take part;
    with order inf the largest magnitude, -inf the smallest, 0 how many are not zero."""
    input = _converted("norm", input, dtype)
    order = 2.0 if ord is None else float(ord)
    chosen = _chosen("norm", input, mask, math.inf if order < 0 else 0)
    return chosen.norm(order, _dims(input, dim), keepdim)


# ---- along a dim ---------------------------------------------------------------------------------
def _scan(name: str, neutral: int, doc: str) -> Callable[..., Tensor]:
    def scan(
        input: Tensor, dim: int, *, dtype: DType | None = None, mask: Tensor | None = None
    ) -> Tensor:
        chosen = _chosen(name, input, mask, neutral)
        wanted = dtype or (corex.int64 if input.dtype.kind == "b" else input.dtype)
        result: Tensor = getattr(chosen, name)(dim, dtype=wanted)
        return result

    scan.__doc__ = doc
    return named(scan, name)


cumsum = _scan("cumsum", 0, "Running sums of the elements that the mask has.")
cumprod = _scan("cumprod", 1, "Running products of the elements that the mask has.")


def _weights(
    name: str, function: Callable[[Tensor, int], Tensor], doc: str
) -> Callable[..., Tensor]:
    def weights(
        input: Tensor, dim: int, *, dtype: DType | None = None, mask: Tensor | None = None
    ) -> Tensor:
        input = _converted(name, input, dtype)
        neutral = _highest(input.dtype) if name == "softmin" else _lowest(input.dtype)
        return function(_chosen(name, input, mask, neutral), dim)

    weights.__doc__ = doc
    return named(weights, name)


softmax = _weights(
    "softmax",
    corex.softmax,
    "`exp(x) / sum(exp(x))` over the elements that the mask has, 0 at others; NaN of none.",
)
log_softmax = _weights(
    "log_softmax", corex.log_softmax, "The logarithm of `softmax`; -inf where the mask lacks."
)
softmin = _weights(
    "softmin", lambda x, dim: corex.softmax(-x, dim), "`softmax` of the negative input."
)


def normalize(
    input: Tensor,
    ord: float,
    dim: int,
    *,
    eps: float = 1e-12,
    dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """The elements that the mask has over their norm (at least `eps`) along a dim; 0 at others."""
    input = _converted("normalize", input, dtype)
    size = norm(input, ord, dim, keepdim=True, mask=mask)
    return _chosen("normalize", input, mask, 0) / size.clamp(min=eps)
