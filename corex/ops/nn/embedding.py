"""Numbers as vectors: rows of a table, and one-hot rows."""

from __future__ import annotations

from importlib import import_module

from corex import dtypes as dt
from corex.dispatch.record import no_grad
from corex.dispatch.resolve import check_places
from corex.layout import numel
from corex.ops.indexing.brackets import picked
from corex.ops.indexing.rows import refuse_negative
from corex.ops.pointwise.select import where
from corex.ops.promotion import require_tensor
from corex.ops.registration import function
from corex.ops.shape.views import alias_view, expand, reshape, shaped, unsqueeze
from corex.tensor.modes import mode
from corex.tensor.tensor import Tensor


@function("embedding")
def rows_of(
    weight: Tensor,
    indices: Tensor,
    padding_idx: int = -1,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """Rows of `weight` picked by integer `indices`; the row `padding_idx`, if that is not -1, gets
    no gradient. With `scale_grad_by_freq` a row's gradient is divided by how often it is picked.

    Raises:
        What `nn.functional.embedding` raises.
    """
    padding = None if padding_idx == -1 else padding_idx.__index__()
    return embedding(indices, weight, padding, scale_grad_by_freq, sparse)


def _by_frequency(weight: Tensor, indices: Tensor) -> Tensor:
    """The same rows, whose gradients are divided by how often indices name them."""
    if weight._node is None or not mode.enabled:
        return weight
    times = reshape(indices.detach(), (-1,)).bincount(minlength=weight.shape[0]).clamp(min=1)
    seen = alias_view(weight)
    seen.register_hook(lambda grad: grad / unsqueeze(times, 1))
    return seen


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """Rows of `weight` picked by integer `input`; the padding row gets no gradient.

    Raises:
        RuntimeError: an index that is not an integer tensor, or `sparse` with `scale_grad_by_freq`.
        IndexError: out of range.
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
    if sparse:
        if scale_grad_by_freq:
            raise RuntimeError(
                "embedding_backward: scale_grad_by_freq not supported with sparse gradients"
            )
        import_module("corex.sparse")
        found: Tensor = import_module("corex.ops.sparse.rows").embedding(input, weight, padding_idx)
        return found
    if scale_grad_by_freq:
        weight = _by_frequency(weight, input)
    flat = picked(weight, 0, reshape(refuse_negative("embedding", input, rows), (-1,)))
    if padding_idx is not None and weight._node is not None and mode.enabled:
        padding = expand(unsqueeze(reshape(input, (-1,)) == padding_idx, 1), flat.shape)
        flat = where(padding, flat.detach(), flat)
    return shaped(flat, (*input.shape, width))


def renormalise(weight: Tensor, indices: Tensor, max_norm: float, norm_type: float) -> None:
    """Scales the named rows whose norm is larger down to `max_norm`, in place."""
    with no_grad():
        named = reshape(indices, (-1,)).unique()
        rows = weight.index_select(0, named)
        weight.index_copy_(0, named, rows.renorm(norm_type, 0, max_norm))


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
