"""Elements under a mask: taken out, or replaced in order."""

from __future__ import annotations

from corex import dtypes as dt
from corex.dispatch.resolve import check_places
from corex.layout import broadcast_shapes
from corex.ops.indexing.brackets import getitem, index_put_
from corex.ops.indexing.nonzero import nonzero
from corex.ops.promotion import require_tensor
from corex.ops.registration import exported
from corex.ops.shape.views import dense_clone, expand, reshape, shaped, unsqueeze
from corex.tensor.tensor import Tensor


@exported(out="same")
def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """The elements where the mask holds, in row-major order.

    Raises:
        RuntimeError: a mask that is not boolean.
    """
    if require_tensor("masked_select", mask, "mask").key.dtype is not dt.bool_:
        raise RuntimeError("masked_select: expected BoolTensor for mask")
    check_places("masked_select", [mask], input.key.place)
    shape = broadcast_shapes("masked_select", input.shape, mask.shape)
    picked = expand(input, shape)
    if not shape:
        return getitem(unsqueeze(picked, 0), unsqueeze(mask, 0))
    return getitem(picked, expand(mask, shape))


@exported(inplace=True)
def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """`input` with the places where the mask holds filled, in order, from the start of `source`.

    Raises:
        RuntimeError: a mask that is not boolean, another dtype, or a source that is too short.
    """
    if require_tensor("masked_scatter", mask, "mask").key.dtype is not dt.bool_:
        raise RuntimeError(f"masked_scatter_ only supports boolean masks, but got {mask.dtype!r}")
    require_tensor("masked_scatter", source, "source")
    check_places("masked_scatter", [mask, source], input.key.place)
    if source.key.dtype is not input.key.dtype:
        raise RuntimeError(
            "masked_scatter: expected self and source to have same dtypes but got "
            f"{input.dtype!r} and {source.dtype!r}"
        )
    shape = broadcast_shapes("masked_scatter", input.shape, mask.shape)
    where = nonzero(expand(mask, shape), as_tuple=True)
    count = where[0].shape[0]
    if count > source.numel():
        raise RuntimeError("[masked_scatter] the mask holds more often than source has elements")
    values = reshape(source, (-1,))[:count]
    if not shape:
        return shaped(values.clone(), ()) if count else input.clone()
    return index_put_(dense_clone(expand(input, shape)), where, values)
