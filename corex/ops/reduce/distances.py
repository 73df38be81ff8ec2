"""Distances between the rows of matrices, and rows brought to a norm."""

from __future__ import annotations

import math

from corex.layout import broadcast_shapes, normalize_dim, numel
from corex.ops.composed import composition
from corex.ops.linalg.norms import norm
from corex.ops.pointwise.select import where
from corex.ops.promotion import cast, real_number, require_tensor
from corex.ops.registration import exported, function
from corex.ops.shape.join import cat
from corex.ops.shape.parts import slice_view
from corex.ops.shape.views import expand, unsqueeze
from corex.tensor.tensor import Tensor

_BLOCK = 1 << 20
"""How many differences are looked at at a time, at least one column's."""


def _columns(a: Tensor, b: Tensor) -> list[tuple[int, int]]:
    """Blocks (start, length) of columns, so that the differences stay small or as the result."""
    size = a.shape[-1]
    pairs = max(numel(a.shape[:-1]) * b.shape[-2], 1)
    length = max(1, _BLOCK // pairs)
    return [(start, min(length, size - start)) for start in range(0, size, length)]


def _differences(a: Tensor, b: Tensor, start: int, length: int) -> Tensor:
    last = a.ndim - 1
    x, y = slice_view(a, last, start, length), slice_view(b, last, start, length)
    return unsqueeze(x, -2) - unsqueeze(y, -3)


def _distances(a: Tensor, b: Tensor, p: float) -> Tensor:
    """Sums over blocks of columns of |a - b| ** p, and their root."""
    total = a.new_zeros((*a.shape[:-1], b.shape[-2]))
    for start, length in _columns(a, b):
        d = _differences(a, b, start, length)
        if math.isinf(p):
            total = total.maximum(d.abs().amax(-1))
        elif p == 0:
            total = total + cast(d != 0, a.key.dtype).sum(-1)
        elif p == 1:
            total = total + d.abs().sum(-1)
        else:
            total = total + ((d * d) if p == 2 else d.abs().pow(p)).sum(-1)
    if p in (0, 1) or math.isinf(p):
        return total
    return total.sqrt() if p == 2 else total.pow(1 / p)


def _slopes(d: Tensor, y: Tensor, p: float) -> Tensor:
    """The derivative of distances by their differences; 0 where the distance is 0."""
    y = unsqueeze(y, -1)
    if p == 0:
        return d * 0
    if p == 1:
        return d.sign()
    if math.isinf(p):
        return d.sign() * (d.abs() == y)
    safe = y.masked_fill(y == 0, 1)
    if p == 2:
        return (d / safe).masked_fill(y == 0, 0)
    steep = d.sign() * d.abs().masked_fill(d == 0, 1).pow(p - 1)
    return (steep / safe.pow(p - 1)).masked_fill((y == 0).logical_or(d == 0), 0)


def _first_back(g: Tensor, a: Tensor, b: Tensor, y: Tensor, p: float) -> Tensor:
    return _back(g, a, b, y, p, -2)


def _second_back(g: Tensor, a: Tensor, b: Tensor, y: Tensor, p: float) -> Tensor:
    return -_back(g, a, b, y, p, -3)


def _back(g: Tensor, a: Tensor, b: Tensor, y: Tensor, p: float, over: int) -> Tensor:
    like = a if over == -2 else b
    parts = [
        (unsqueeze(g, -1) * _slopes(_differences(a, b, start, length), y, p)).sum(over)
        for start, length in _columns(a, b)
    ]
    return cat(parts, -1) if parts else like.new_zeros(like.shape)


_cdist = composition(
    "cdist", ("a", "b"), _distances, {"a": _first_back, "b": _second_back}, ("p",),
    broadcasts=False,
)  # fmt: skip

_MODES = (
    "use_mm_for_euclid_dist_if_necessary", "use_mm_for_euclid_dist",
    "donot_use_mm_for_euclid_dist",
)  # fmt: skip


@function()
def cdist(
    x1: Tensor,
    x2: Tensor,
    p: float = 2.0,
    compute_mode: str = "use_mm_for_euclid_dist_if_necessary",
) -> Tensor:
    """The p-norm of the difference of each row of `x1` and each of `x2`, in batches.

    Differences are taken one by one, whatever the `compute_mode`: near rows lose no digits.

    Raises:
        RuntimeError: fewer than two dims, not floating-point, columns that differ in number, or a
            negative `p`. ValueError: an unknown mode.
    """
    if compute_mode not in _MODES:
        raise ValueError(f"{compute_mode} is not a valid value for compute_mode")
    p = real_number(p, "cdist", "p")
    for name, x in (("X1", x1), ("X2", x2)):
        if not require_tensor("cdist", x).is_floating_point():
            raise RuntimeError(
                f"cdist only supports floating-point dtypes, {name} got: {x.key.dtype!r}"
            )
        if x.ndim < 2:
            raise RuntimeError(f"cdist only supports at least 2D tensors, {name} got: {x.ndim}D")
    if x1.key.dtype is not x2.key.dtype:
        raise RuntimeError(f"expected scalar type {x1.key.dtype!r} but found {x2.key.dtype!r}")
    if x1.shape[-1] != x2.shape[-1]:
        raise RuntimeError(
            f"X1 and X2 must have the same number of columns. X1: {x1.shape[-1]} X2: {x2.shape[-1]}"
        )
    if not p >= 0:
        raise RuntimeError("cdist only supports non-negative p values")
    batch = broadcast_shapes("cdist", x1.shape[:-2], x2.shape[:-2])
    return _cdist(expand(x1, (*batch, *x1.shape[-2:])), expand(x2, (*batch, *x2.shape[-2:])), p)


@exported(inplace=True, out="same")
def renorm(input: Tensor, p: float, dim: int, maxnorm: float) -> Tensor:
    """The tensor with each entry of a dim whose p-norm is above `maxnorm` scaled down to it.

    Raises:
        RuntimeError: a `p` that is not positive, a negative `maxnorm`, fewer than two dims, or not
            floating-point.
    """
    p, most = real_number(p, "renorm", "p"), real_number(maxnorm, "renorm", "maxnorm")
    if not p > 0:
        raise RuntimeError("renorm: non-positive-norm not supported")
    if not most >= 0:
        raise RuntimeError(f"renorm: expected maxnorm to be >= 0 but got {maxnorm}")
    ndim = require_tensor("renorm", input).ndim
    if ndim < 2:
        raise RuntimeError(f"renorm: input needs at least 2 dimensions, got {ndim} dimensions")
    dim = normalize_dim(dim, ndim)
    if not input.key.dtype.is_inexact:
        raise RuntimeError(
            f"linalg.vector_norm: Expected a floating point or complex tensor as input. Got "
            f"{input.key.dtype!r}"
        )
    if not numel(input.shape):
        return (input * 1).contiguous()
    size = norm(input, p, [d for d in range(ndim) if d != dim], True)
    factor = where(size > most, most / (size + 1e-7), 1.0)
    return (input * cast(factor, input.key.dtype)).contiguous()
