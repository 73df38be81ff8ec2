"""Joining, repeating and reordering: ops that copy parts of tensors into a new one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from corex import dtypes as dt
from corex.dispatch.bind import copy, empty_like
from corex.dispatch.record import record
from corex.dispatch.resolve import check_places, check_room, empty
from corex.layout import normalize_dim, normalize_dims, numel
from corex.ops.create.convert import full_on
from corex.ops.indexing.along import index_select
from corex.ops.indexing.index import getitem
from corex.ops.inplace import write_out
from corex.ops.promotion import Number, cast, real_number, require_tensor
from corex.ops.shape.parts import slice_view
from corex.ops.shape.views import (
    clone,
    dense_clone,
    expand,
    relaid,
    reshape,
    shaped,
    sizes_of,
    unsqueeze,
)
from corex.tensor.modes import mode
from corex.tensor.schema import unlisted
from corex.tensor.tensor import Tensor, make


def _cat_back(
    needs: tuple[bool, ...], g: Tensor, dim: int, sizes: tuple[int | None, ...]
) -> list[Tensor | None]:
    """Hands each input its part of the gradient."""
    grads: list[Tensor | None] = []
    start = 0
    for needed, size in zip(needs, sizes, strict=True):
        if size is None:  # a legacy empty 1-d tensor, which takes no part
            grads.append(g.new_zeros((0,)) if needed else None)
            continue
        grads.append(slice_view(g, dim, start, size) if needed else None)
        start += size
    return grads


CAT = unlisted("cat", ("tensors",), None, ("dim", "sizes"), joint=_cat_back)
"""Of any number of inputs."""


def cat(
    tensors: Sequence[Tensor], dim: int = 0, *, axis: int | None = None, out: Tensor | None = None
) -> Tensor:
    """Tensors joined along a dim; other sizes must agree (empty 1-d tensors are skipped).

    Raises:
        ValueError: no tensors. RuntimeError: 0-d tensors, or sizes that differ.
    """
    parts = list(tensors)
    if not parts:
        raise ValueError("cat(): expected a non-empty list of Tensors")
    for i, part in enumerate(parts):
        if not require_tensor("cat", part, f"tensors[{i}]").shape:
            raise RuntimeError(f"zero-dimensional tensor (at position {i}) cannot be concatenated")
    key = parts[0].key
    if any([part.key is not key for part in parts]):
        check_places("cat", parts[1:], key.place)
        dtype = key.dtype
        for part in parts[1:]:
            dtype = dt.promote_types(dtype, part.key.dtype)
        parts = [cast(part, dtype) for part in parts]
    real = [part for part in parts if part.shape != (0,)] or parts[:1]
    dim = normalize_dim(dim if axis is None else axis, real[0].ndim)
    for part in real[1:]:
        if part.shape != real[0].shape:
            _check_cat(real[0], part, dim)
    total = sum([part.shape[dim] for part in real])
    result = empty(real[0].key, (*real[0].shape[:dim], total, *real[0].shape[dim + 1 :]))
    strides = result.strides
    start = 0
    for part in real:
        if numel(part.shape):
            offset = start * strides[dim]
            copy(make(result.storage_, result.key, part.shape, strides, offset), part)
        start += part.shape[dim]
    if mode.enabled and any(part._node is not None for part in parts):
        sizes = [
            None if part.shape == (0,) and real[0].ndim != 1 else part.shape[dim] for part in parts
        ]
        record(CAT, parts, (dim, tuple(sizes)), (result,))
    return result if out is None else write_out(out, result, "cat")


def _check_cat(first: Tensor, part: Tensor, dim: int) -> None:
    if part.ndim != first.ndim:
        raise RuntimeError(
            f"Tensors must have same number of dimensions: got {first.ndim} and {part.ndim}"
        )
    for d in range(first.ndim):
        if d != dim and part.shape[d] != first.shape[d]:
            raise RuntimeError(
                f"Sizes of tensors must match except in dimension {dim}. Expected size "
                f"{first.shape[d]} but got size {part.shape[d]} for tensor of shape "
                f"{list(part.shape)} in the list."
            )


def stack(tensors: Sequence[Tensor], dim: int = 0, *, out: Tensor | None = None) -> Tensor:
    """Tensors of one shape joined along a new dim.

    Raises:
        RuntimeError: no tensors, or shapes that differ.
    """
    parts = list(tensors)
    if not parts:
        raise RuntimeError("stack expects a non-empty TensorList")
    for i, part in enumerate(parts):
        if part.shape != parts[0].shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(parts[0].shape)} at "
                f"entry 0 and {list(part.shape)} at entry {i}"
            )
    dim = normalize_dim(dim, parts[0].ndim + 1)
    return cat([unsqueeze(part, dim) for part in parts], dim, out=out)


def hstack(tensors: Sequence[Tensor]) -> Tensor:
    """Joined along the second dim (the first for 1-d tensors)."""
    parts = [reshape(t, 1) if not t.shape else t for t in tensors]
    return cat(parts, 0 if parts[0].ndim == 1 else 1)


def vstack(tensors: Sequence[Tensor]) -> Tensor:
    """Joined along the first dim, 1-d tensors as rows."""
    return cat([reshape(t, (1, -1)) if t.ndim < 2 else t for t in tensors], 0)


def repeat(self: Tensor, *repeats: Any) -> Tensor:
    """Copies along each dim.

    Raises:
        RuntimeError: fewer repeats than dims, or a negative one.
    """
    counts = sizes_of(repeats)
    lead = len(counts) - self.ndim
    if lead < 0:
        raise RuntimeError(
            "Number of dimensions of repeat dims can not be smaller than number of dimensions of "
            "tensor"
        )
    if any(c < 0 for c in counts):
        raise RuntimeError(f"Trying to create tensor with negative dimension: {list(counts)}")
    shape = (*[1] * lead, *self.shape)
    paired: list[int] = [v for c, s in zip(counts, shape, strict=True) for v in (c, s)]
    spaced = reshape(self, [v for s in shape for v in (1, s)])
    whole = dense_clone(expand(spaced, paired))
    return shaped(whole, tuple([c * s for c, s in zip(counts, shape, strict=True)]))


def tile(input: Tensor, *args: Any, dims: Sequence[int] | None = None) -> Tensor:
    """`repeat` with missing leading repeats taken as 1."""
    counts = sizes_of(args if dims is None else (dims,))
    return repeat(input, (*[1] * (input.ndim - len(counts)), *counts))


def repeat_interleave(
    input: Tensor, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None
) -> Tensor:
    """Each entry of a dim several times in a row; `repeats` a number or one per entry.

    With `input` alone it holds the repeats, and the result is the positions repeated.

    Raises:
        RuntimeError: a wrong number of repeats, or a negative one.
    """
    if repeats is None:
        counts = input.tolist()
        check_room(input.key, (sum(counts),))
        positions = [i for i, count in enumerate(counts) for _ in range(count)]
        return input.new_tensor(positions, dtype=input.key.dtype)
    if dim is None:
        input, dim = reshape(input, -1), 0
    dim = normalize_dim(dim, input.ndim)
    size = input.shape[dim]
    if isinstance(repeats, Tensor):
        check_places("repeat_interleave", [repeats], input.key.place)
        if repeats.key.dtype.kind not in "ui":
            raise NotImplementedError(
                f'"repeat_interleave" not implemented for repeats of {repeats.key.dtype!r}'
            )
    if isinstance(repeats, int):
        check_room(input.key, (max(repeats, 0), size))
        counts = [repeats] * size
    else:
        counts = repeats.tolist()
    if len(counts) == 1:
        counts = counts * size
    if len(counts) != size:
        raise RuntimeError("repeats must have the same size as input along dim")
    if any(count < 0 for count in counts):
        raise RuntimeError("repeats can not be negative")
    check_room(input.key.place.key(dt.int64), (sum(counts),))
    positions = [i for i, count in enumerate(counts) for _ in range(count)]
    index = input.new_tensor(positions, dtype=dt.int64)
    return index_select(input, dim, index)


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


def roll(input: Tensor, shifts: Any, dims: Any = None) -> Tensor:
    """Entries shifted along dims, those beyond the end come back at the start.

    Raises:
        RuntimeError: shifts and dims of different number.
    """
    if dims is None:
        return shaped(roll(reshape(input, -1), shifts, 0), input.shape)
    moves = [shifts] if isinstance(shifts, int) else list(shifts)
    axes = [dims] if isinstance(dims, int) else list(dims)
    if len(moves) != len(axes):
        raise RuntimeError(
            f"shifts and dimensions must align. shifts: {len(moves)}, dims:{len(axes)}"
        )
    result = input
    for move, axis in zip(moves, axes, strict=True):
        dim = normalize_dim(axis, input.ndim)
        size = input.shape[dim] if input.shape else 0
        if size and move % size:
            cut = size - move % size
            parts = [slice_view(result, dim, cut, size - cut), slice_view(result, dim, 0, cut)]
            result = cat(parts, dim)
    return clone(result) if result is input else result


def pad(
    input: Tensor, pad: Sequence[int], mode: str = "constant", value: Number | None = None
) -> Tensor:
    """Padding (negative: cropping), pairs (before, after) from the last dim backwards.

    With 'constant' by a value, with 'reflect', 'replicate' and 'circular' by entries of the input.

    Raises:
        RuntimeError: an odd number of values, more than two per dim, or more than the mode can
            take from the input. NotImplementedError: another mode.
    """
    if mode not in _PADDING:
        raise NotImplementedError(f"[pad] unknown mode '{mode}'; there are {', '.join(_PADDING)}")
    if len(pad) % 2 or len(pad) > 2 * input.ndim:
        raise RuntimeError(
            f"Padding length must be divisible by 2 and at most twice the number of dimensions of "
            f"the input, but got {len(pad)} for {input.ndim} dims"
        )
    if mode != "constant":
        if mode != "circular" and 0 in input.shape[-1 - len(pad) // 2 :]:
            raise RuntimeError(
                f"[pad] mode '{mode}' needs entries to repeat: expected an input that is empty at "
                f"most in its batch, but got {list(input.shape)}"
            )
        return _repeating_pad(input, pad, mode)
    result = input
    sizes = list(input.shape)
    where = [slice(None)] * input.ndim
    for i in range(len(pad) // 2):
        dim = input.ndim - 1 - i
        before, after = pad[2 * i], pad[2 * i + 1]
        low, high = max(-before, 0), max(-after, 0)
        inner = sizes[dim] - low - high
        if inner < 0:
            raise RuntimeError(
                f"[pad] a padding of {list(pad)} leaves less than nothing of dimension {dim} of "
                f"size {sizes[dim]}"
            )
        if low or high:
            result = slice_view(result, dim, low, inner)
        sizes[dim] = inner + max(before, 0) + max(after, 0)
        where[dim] = slice(max(before, 0), max(before, 0) + inner)
    if tuple(sizes) == result.shape:
        return clone(result)
    number = 0 if value is None else real_number(value, "pad", "value")
    whole = full_on(input, tuple(sizes), number)
    getitem(whole, tuple(where)).copy_(result)
    return whole


_PADDING = ("constant", "reflect", "replicate", "circular")


def _repeating_pad(input: Tensor, pad: Sequence[int], mode: str) -> Tensor:
    """Every padded dim is an `index_select` of the input."""
    result = input
    for i in range(len(pad) // 2):
        dim = input.ndim - 1 - i
        before, after = pad[2 * i], pad[2 * i + 1]
        size = input.shape[dim]
        check_room(input.key.place.key(dt.int64), (max(before + size + after, 0),))
        least = 0 if mode == "circular" else 1
        if min(before, after) < 0 and size + before + after < least:
            raise RuntimeError(
                f"[pad] padding ({before}, {after}) of dimension {dim} of size {size} leaves "
                f"{size + before + after} entries, but mode '{mode}' needs {least}"
            )
        # What is cropped is no longer there to be repeated around the end.
        left = size + min(before, 0) + min(after, 0) if mode == "circular" else size
        limit = size - 1 if mode == "reflect" else max(left, 0)
        if mode != "replicate" and max(before, after) > limit:
            raise RuntimeError(
                f"[pad] padding ({before}, {after}) of dimension {dim} of size {size} is more than "
                f"mode '{mode}' can take from it"
            )
        if mode == "circular":
            first = max(-before, 0)
            span = range(-max(before, 0), left + max(after, 0))
            positions = [first + k % left for k in span]
        else:
            positions = [_mirrored(k, size, mode) for k in range(-before, size + after)]
        index = input.new_tensor(positions, dtype=dt.int64)
        result = index_select(result, dim, index)
    return result


def _mirrored(k: int, size: int, mode: str) -> int:
    """The entry that stands at position k, which may lie outside the dim."""
    if mode == "replicate":
        return min(max(k, 0), size - 1)
    return -k if k < 0 else 2 * (size - 1) - k if k >= size else k


def swapaxes_order(ndim: int, a: int, b: int) -> list[int]:
    """The order of dims with two exchanged."""
    order = list(range(ndim))
    order[a], order[b] = order[b], order[a]
    return order


def rot90(input: Tensor, k: int = 1, dims: Sequence[int] = (0, 1)) -> Tensor:
    """Rotated by k quarter turns in the plane of two dims.

    Raises:
        RuntimeError: fewer than two dims, or the two dims are the same.
    """
    if require_tensor("rot90", input).ndim < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {input.ndim}")
    a, b = (normalize_dim(d, input.ndim) for d in dims)
    if a == b:
        raise RuntimeError(
            f"expected rotation dims to be different, but got dim0 = {a}, dim1 = {b}"
        )
    k %= 4
    if k == 0:
        return clone(input)
    if k == 2:
        return flip(input, (a, b))
    return relaid(flip(input, b if k == 1 else a), swapaxes_order(input.ndim, a, b))
