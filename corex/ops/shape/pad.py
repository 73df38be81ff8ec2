"""Borders around a tensor: of one value, or repeating what is inside."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index

from corex import dtypes as dt
from corex.dispatch.resolve import check_room
from corex.ops.create.convert import full_on
from corex.ops.indexing.along import index_select
from corex.ops.indexing.brackets import getitem
from corex.ops.promotion import Number, real_number
from corex.ops.registration import function
from corex.ops.shape.channels import as_images, channels_last, order
from corex.ops.shape.parts import slice_view
from corex.ops.shape.views import clone
from corex.tensor.tensor import Tensor


@function()
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
    pad = [index(margin) for margin in pad]
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
        result = _repeating_pad(input, pad, mode)
        return result if mode == "circular" else as_images(result, input)
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
    number = 0 if value is None else value
    if not isinstance(number, complex):  # PyTorch reads any other as a float
        number = real_number(number, "pad", "value")
    whole = full_on(
        input, tuple(sizes), number, order(len(sizes)) if channels_last(input) else None
    )
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
