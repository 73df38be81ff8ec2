"""Numbers as vectors: rows of a table, and one-hot rows."""

from __future__ import annotations

from corex import dtypes as dt
from corex.dispatch.resolve import check_places
from corex.layout import numel
from corex.ops.indexing.brackets import getitem
from corex.ops.indexing.rows import refuse_negative
from corex.ops.pointwise.select import where
from corex.ops.promotion import require_tensor
from corex.ops.registration import function
from corex.ops.shape.views import expand, reshape, shaped, unsqueeze
from corex.tensor.modes import mode
from corex.tensor.tensor import Tensor


@function()
def embedding(input: Tensor, weight: Tensor, padding_idx: int | None = None) -> Tensor:
    """Rows of `weight` picked by integer `input`; the padding row gets no gradient.

    Raises:
        RuntimeError: an index that is not an integer tensor. IndexError: out of range.
    """
    if require_tensor("embedding", input, "indices").key.dtype.kind != "i":
        raise RuntimeError(
            f"Expected tensor for argument #1 'indices' to have one of the following scalar types: "
            f"Long, Int; but got {input.key.dtype!r} instead"
        )
    if require_tensor("embedding", weight, "weight").ndim != 2:
        raise RuntimeError(f"[embedding] 'weight' must be 2-D, but has shape {list(weight.shape)}")
    rows, width = weight.shape
    check_places("embedding", [input], weight.key.place)
    if not rows and numel(input.shape):
        raise RuntimeError(
            f"[embedding] indices of shape {list(input.shape)} point into a weight without rows, "
            f"of shape {list(weight.shape)}"
        )
    flat = getitem(weight, reshape(refuse_negative("embedding", input, rows), (-1,)))
    if padding_idx is not None and weight._node is not None and mode.enabled:
        if not -rows <= padding_idx < rows:
            raise AssertionError("Padding_idx must be within num_embeddings")
        row = padding_idx + rows if padding_idx < 0 else padding_idx
        padding = expand(unsqueeze(reshape(input, (-1,)) == row, 1), flat.shape)
        flat = where(padding, flat.detach(), flat)
    return shaped(flat, (*input.shape, width))


@function()
def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """int64 rows with a 1 at the given class.

    Raises:
        RuntimeError: a class outside 0 .. num_classes - 1.
    """
    if tensor.key.dtype is not dt.int64:
        raise RuntimeError("one_hot is only applicable to index tensor of type LongTensor.")
    if tensor.numel() and tensor.min().item() < 0:
        raise RuntimeError("Class values must be non-negative.")
    if num_classes < 0 and not tensor.numel():
        raise RuntimeError("Can not infer total number of classes from empty tensor.")
    largest = int(tensor.max()) if tensor.numel() else -1
    if num_classes == -1:
        if not tensor.numel():
            raise RuntimeError("Can not infer total number of classes from empty tensor.")
        num_classes = largest + 1
    elif largest >= num_classes:
        raise RuntimeError("Class values must be smaller than num_classes.")
    zeros = tensor.new_zeros((*tensor.shape, num_classes))
    return zeros.scatter(-1, unsqueeze(tensor, -1), 1)
