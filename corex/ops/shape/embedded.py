"""A copy of a tensor of which one view is replaced: `select_scatter` and its kin."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from corex.dispatch.resolve import check_places
from corex.layout import self_overlaps
from corex.ops.create.constant import strided_tensor_of
from corex.ops.promotion import cast, require_tensor
from corex.ops.registration import exported
from corex.ops.shape.copies import sliced
from corex.ops.shape.parts import as_strided, diagonal, select
from corex.ops.shape.views import clone
from corex.tensor.tensor import Tensor


def _copy_as_it_lies(input: Tensor) -> Tensor:
    """A copy with the strides of the input, gaps included, as PyTorch makes it here."""
    strides = input._strides
    if strides is None or self_overlaps(input.shape, strides):
        return clone(input)
    return strided_tensor_of(input.key.own, input.shape, strides).copy_(input)


def _replaced(op: str, input: Tensor, src: Tensor, make_view: Callable[[Tensor], Tensor]) -> Tensor:
    """
    Raises:
        RuntimeError: `src` has not the shape of the view.
    """
    tensors = (require_tensor(op, input), require_tensor(op, src, "src"))
    check_places(op, tensors, input.key.place)
    whole = _copy_as_it_lies(input)
    part = make_view(whole)
    if src.shape != part.shape:
        raise RuntimeError(
            f"[{op}] expected src to have a size equal to the slice of self: src size "
            f"{list(src.shape)}, slice size {list(part.shape)}"
        )
    part.copy_(cast(src, input.key.dtype))
    return whole


@exported(out="same")
def select_scatter(input: Tensor, src: Tensor, dim: int, index: int) -> Tensor:
    """`input` with one entry of a dim replaced.

    Raises:
        RuntimeError: `src` has not the shape of the entry. IndexError: out of range.
    """
    return _replaced("select_scatter", input, src, lambda t: select(t, dim, index))


@exported(out="same")
def slice_scatter(
    input: Tensor,
    src: Tensor,
    dim: int = 0,
    start: int | None = None,
    end: int | None = None,
    step: int = 1,
) -> Tensor:
    """`input` with the entries `start:end:step` of a dim replaced.

    Raises:
        RuntimeError: `src` has not the shape of the slice, or a step that is not positive.
    """
    return _replaced("slice_scatter", input, src, lambda t: sliced(t, dim, start, end, step))


@exported(out="same")
def diagonal_scatter(
    input: Tensor, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1
) -> Tensor:
    """`input` with a diagonal of two dims replaced.

    Raises:
        RuntimeError: `src` has not the shape of the diagonal.
    """
    return _replaced("diagonal_scatter", input, src, lambda t: diagonal(t, offset, dim1, dim2))


@exported(out="same")
def as_strided_scatter(
    input: Tensor,
    src: Tensor,
    size: Sequence[int],
    stride: Sequence[int],
    storage_offset: int | None = None,
) -> Tensor:
    """`input` with a strided view of its elements replaced.

    Raises:
        RuntimeError: `src` has not the view's shape, or the view does not fit.
    """
    return _replaced(
        "as_strided_scatter", input, src, lambda t: as_strided(t, size, stride, storage_offset)
    )
