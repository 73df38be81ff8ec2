"""Norms and log-sum-exp over dims, with the slopes that PyTorch gives them at zero and infinity."""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from corex import dtypes as dt
from corex.dtypes import DType
from corex.layout import normalize_dims
from corex.ops.composed import composition
from corex.ops.promotion import cast, check_bits, plain_number, require_tensor
from corex.ops.reduce.reductions import amax, amin, sum_
from corex.ops.registration import exported
from corex.ops.shape.views import reshape, shaped
from corex.tensor.tensor import Tensor

Dims = int | Sequence[int] | None


def kept(value: Tensor, a: Tensor, dims: tuple[int, ...]) -> Tensor:
    """What was reduced over `dims` of `a`, with these dims again, of size 1."""
    shape = tuple([1 if d in dims else size for d, size in enumerate(a.shape)])
    return value if value.shape == shape else reshape(value, shape)


def checked(op: str, name: str, value: Any) -> float:
    """A number of at most 64 bits."""
    number = plain_number(value, op, name)
    check_bits(number)
    return float(number)


# ---- norms -----------------------------------------------------------------------------------
@exported(out="same")
def norm(
    input: Tensor,
    p: Any = "fro",
    dim: Dims = None,
    keepdim: bool = False,
    dtype: DType | None = None,
) -> Tensor:
    """Vector norm over dims: p any number or infinity ('fro' is 2); 'nuc' is the sum of a matrix's
    singular values.

    Raises:
        RuntimeError: a tensor that is not floating point, another word for p, or other than two
            dims for 'nuc'.
    """
    if dtype is not None:
        input = cast(require_tensor("norm", input), dtype)
    if p == "nuc" and isinstance(p, str):
        return _nuclear(require_tensor("norm", input), dim, keepdim)
    if isinstance(p, str) and p != "fro":
        raise RuntimeError(f"linalg.matrix_norm: Order {p} not supported.")
    if not require_tensor("norm", input).key.dtype.is_inexact:
        raise RuntimeError(f"[norm] expected a floating point tensor as input, got {input.dtype!r}")
    if input.key.dtype.is_complex:
        input = input.abs()
    order = 2.0 if p in (None, "fro") else checked("norm", "p", p)
    dims = normalize_dims(dim, input.ndim)
    if math.isinf(order):
        _refuse_nothing(input, order, dims)
    return _norm(input, order, dims, keepdim)


def _nuclear(input: Tensor, dim: Dims, keepdim: bool) -> Tensor:
    given = range(input.ndim) if dim is None else dim
    dims = (given,) if isinstance(given, int) else tuple(given)
    if len(dims) != 2:
        raise RuntimeError(
            f"linalg.matrix_norm: dim must be a 2-tuple. Got {' '.join(map(str, dims))}"
        )
    matrices = import_module("corex.ops.linalg.norms_of_matrices")
    result: Tensor = matrices.matrix_norm(input, "nuc", dims, keepdim)
    return result


def _refuse_nothing(input: Tensor, order: float, dims: tuple[int, ...]) -> None:
    """The largest of nothing is not defined."""
    for d in dims:
        if not input.shape[d]:
            raise RuntimeError(
                f"[norm] cannot compute the {order} norm over dimension {d} of shape "
                f"{list(input.shape)}: it is empty, and the operation has no identity"
            )


def _norm_steps(a: Tensor, p: float, dims: tuple[int, ...], keepdim: bool) -> Tensor:
    if p == 2:
        return sum_(a * a, dims, keepdim).sqrt()
    if p == 0:
        return sum_((a != 0).to(a.key.dtype), dims, keepdim)
    size = a.abs()
    if p == 1:
        return sum_(size, dims, keepdim)
    if math.isinf(p):
        return (amax if p > 0 else amin)(size, dims, keepdim)
    return sum_(size.pow(p), dims, keepdim).pow(1.0 / p)


def _norm_slope(
    g: Tensor, a: Tensor, y: Tensor, p: float, dims: tuple[int, ...], keepdim: bool
) -> Tensor:
    """0 at 0; the gradient of the largest (or smallest) is shared among equals and NaNs."""
    g, y = kept(g, a, dims), kept(y, a, dims)
    if p == 0:
        return a.new_zeros(a.shape)
    if p == 1:
        return a.sign() * g
    if p == 2:
        return g * (a / y).masked_fill(y == 0, 0)
    if math.isinf(p):
        best = (a.abs() == y).logical_or(a.isnan())
        return a.sign() * (g / sum_(best, dims, True) * best)
    if p < 1:
        return a.sign() * a.abs().pow(p - 1).masked_fill(a == 0, 0) * g * y.pow(1 - p)
    steep = a.sign() * a.abs().pow(p - 1) if p < 2 else a * a.abs().pow(p - 2)
    return steep * (g / y.pow(p - 1)).masked_fill(y == 0, 0)


_norm = composition(
    "norm", ("a",), _norm_steps, {"a": _norm_slope}, ("p", "dims", "keepdim"),
    label="LinalgVectorNormBackward0",
)  # fmt: skip


@exported()
def dist(input: Tensor, other: Tensor, p: float = 2) -> Tensor:
    """The p-norm of input - other."""
    return norm(input - other, p)


# ---- log-sum-exp -----------------------------------------------------------------------------
@exported(out="cast")
def logsumexp(input: Tensor, dim: Dims, keepdim: bool = False) -> Tensor:
    """log(sum(exp(input))) over dims, without overflow."""
    if not require_tensor("logsumexp", input).key.dtype.is_inexact:
        input = cast(input, dt.get_default_dtype())
    return _logsumexp(input, normalize_dims(dim, input.ndim), keepdim)


def _logsumexp_steps(a: Tensor, dims: tuple[int, ...], keepdim: bool) -> Tensor:
    if any(a.shape[d] == 0 for d in dims):
        return sum_(a.exp(), dims, keepdim).log()
    peak = amax(a.real, dims, True)
    peak = peak.masked_fill(peak.isinf(), 0)
    total = sum_((a - peak).exp(), dims, True).log() + peak
    if keepdim or not dims:
        return total
    return shaped(total, tuple([s for d, s in enumerate(a.shape) if d not in dims]))


_logsumexp = composition(
    "logsumexp", ("a",), _logsumexp_steps,
    {
        "a": lambda g, a, y, dims, keepdim: kept(g, a, dims) * (a - kept(y, a, dims)).exp()
    },
    ("dims", "keepdim"),
)  # fmt: skip
