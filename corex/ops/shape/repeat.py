"""The same elements several times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from corex import dtypes as dt
from corex.dispatch.resolve import check_places, check_room
from corex.layout import normalize_dim
from corex.ops.indexing.along import index_select
from corex.ops.registration import exported, method
from corex.ops.shape.views import dense_clone, expand, reshape, shaped, sizes_of
from corex.tensor.tensor import Tensor


@method()
def repeat(self: Tensor, *args: Any, repeats: Sequence[int] | None = None) -> Tensor:
    """Copies along each dim.

    Raises:
        RuntimeError: fewer repeats than dims, or a negative one.
    """
    counts = sizes_of(args if repeats is None else (repeats,))
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


@exported()
def tile(input: Tensor, *args: Any, dims: Sequence[int] | None = None) -> Tensor:
    """`repeat` with missing leading repeats taken as 1."""
    counts = sizes_of(args if dims is None else (dims,))
    return repeat(input, (*[1] * (input.ndim - len(counts)), *counts))


@exported()
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
        check_room(input.key.own, (sum(counts),))
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
        check_room(input.key.own, (max(repeats, 0), size))
        counts = [repeats] * size
    else:
        counts = reshape(repeats, -1).tolist()
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
