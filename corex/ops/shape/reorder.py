"""The same elements in another order: flipped, rolled, rotated."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import Any

from corex.dispatch.bind import copy, empty_like
from corex.dispatch.record import record
from corex.layout import normalize_dim, normalize_dims, numel
from corex.ops.promotion import require_tensor
from corex.ops.registration import exported
from corex.ops.shape.join import cat
from corex.ops.shape.parts import slice_view
from corex.ops.shape.views import clone, dense_clone, relaid, reshape, shaped, sizes_of
from corex.tensor.modes import mode
from corex.tensor.schema import unlisted
from corex.tensor.tensor import Tensor, make


@exported()
def flip(input: Tensor, *args: Any, dims: Sequence[int] | None = None) -> Tensor:
    """The order of entries reversed along dims (a copy)."""
    sizes = sizes_of(args if dims is None else (dims,))
    chosen = normalize_dims(sizes, input.ndim) if sizes else ()
    if not numel(input.shape):
        return clone(input)
    # A view that runs backwards, which users cannot make, is copied.
    strides, offset = list(input.strides), input.offset
    for dim in chosen if input.shape else ():
        offset += (input.shape[dim] - 1) * strides[dim]
        strides[dim] = -strides[dim]
    result = empty_like(input)
    copy(result, make(input.storage_, input.key, input.shape, tuple(strides), offset))
    if input._node is not None and mode.enabled:
        record(FLIP, (input,), (chosen,), (result,))
    return result


FLIP = unlisted("flip", ("a",), {"a": lambda g, dims: flip(g, dims)}, ("dims",))


@exported()
def roll(input: Tensor, shifts: Any, dims: Any = None) -> Tensor:
    """Entries shifted along dims, those beyond the end come back at the start.

    Raises:
        RuntimeError: shifts and dims of different number.
    """
    if dims is None or (isinstance(dims, tuple) and not dims and hasattr(shifts, "__index__")):
        if isinstance(shifts, Sequence) and len(shifts) > 1:
            raise RuntimeError(f"shifts and dimensions must align. shifts: {len(shifts)}, dims:0")
        return shaped(roll(reshape(input, -1), shifts, 0), input.shape)
    moves = [index(m) for m in (shifts if isinstance(shifts, Sequence) else (shifts,))]
    axes = [index(axis) for axis in (dims if isinstance(dims, Sequence) else (dims,))]
    if not moves:
        raise RuntimeError("[roll] `shifts` required")
    if len(moves) != len(axes):
        raise RuntimeError(
            f"shifts and dimensions must align. shifts: {len(moves)}, dims:{len(axes)}"
        )
    result = input
    for move, axis in zip(moves, axes, strict=True):
        if not input.shape:
            raise IndexError(f"Dimension specified as {axis} but tensor has no dimensions")
        dim = normalize_dim(axis, input.ndim)
        size = input.shape[dim]
        if size and move % size:
            cut = size - move % size
            parts = [slice_view(result, dim, cut, size - cut), slice_view(result, dim, 0, cut)]
            result = cat(parts, dim)
    return dense_clone(result) if result is input else result


def swapaxes_order(ndim: int, a: int, b: int) -> list[int]:
    """The order of dims with two exchanged."""
    order = list(range(ndim))
    order[a], order[b] = order[b], order[a]
    return order


@exported()
def rot90(input: Tensor, k: int = 1, dims: Sequence[int] = (0, 1)) -> Tensor:
    """Rotated by k quarter turns in the plane of two dims.

    Raises:
        RuntimeError: fewer than two dims, or the two dims are the same.
    """
    if require_tensor("rot90", input).ndim < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {input.ndim}")
    if len(dims) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(dims)}")
    a, b = (normalize_dim(d, input.ndim) for d in dims)
    if a == b:
        raise RuntimeError(
            f"expected rotation dims to be different, but got dim0 = {a}, dim1 = {b}"
        )
    k %= 4
    if k == 0:
        return dense_clone(input)
    if k == 2:
        return flip(input, (a, b))
    return relaid(flip(input, b if k == 1 else a), swapaxes_order(input.ndim, a, b))


@exported()
def fliplr(input: Tensor) -> Tensor:
    """The second dim reversed.

    Raises:
        RuntimeError: fewer than two dims.
    """
    if require_tensor("fliplr", input).ndim < 2:
        raise RuntimeError("[fliplr] Input must be >= 2-d.")
    return flip(input, (1,))


@exported()
def flipud(input: Tensor) -> Tensor:
    """The first dim reversed.

    Raises:
        RuntimeError: no dims.
    """
    if not require_tensor("flipud", input).shape:
        raise RuntimeError("[flipud] Input must be >= 1-d.")
    return flip(input, (0,))
