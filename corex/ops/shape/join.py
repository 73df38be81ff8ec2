"""Joining tensors along a dim, there already or new."""

from __future__ import annotations

from collections.abc import Sequence

from corex import dtypes as dt
from corex.dispatch.bind import copy
from corex.dispatch.record import record
from corex.dispatch.resolve import check_places, empty
from corex.dispatch.views import transformed
from corex.errors import LayoutError
from corex.formats import strided
from corex.layout import DENSE, normalize_dim, numel
from corex.ops.out import write_out
from corex.ops.promotion import cast, require_tensor
from corex.ops.registration import function
from corex.ops.shape.channels import channels_last, order
from corex.ops.shape.parts import slice_view
from corex.ops.shape.views import VIEW, reshape, unsqueeze
from corex.tensor.modes import mode
from corex.tensor.schema import unlisted
from corex.tensor.tensor import TENSOR_TYPES, Tensor, make


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


CAT = unlisted("cat", ("tensors",), None, ("dim", "sizes"), joint=_cat_back, fresh=False)
"""Of any number of inputs."""


@function("cat", "concat", "concatenate", quick=True)
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
    keys = set()
    for i, part in enumerate(parts):
        if type(part) not in TENSOR_TYPES:
            require_tensor("cat", part, f"tensors[{i}]")
            if part.layout is not strided:
                arguments = (parts, dim if axis is None else axis)
                joined: Tensor = LayoutError.answer("cat", arguments, {"out": out})
                return joined
        if not part.shape:
            if isinstance(tensors, Tensor):
                raise TypeError("cat(): argument 'tensors' must be tuple of Tensors, not Tensor")
            raise RuntimeError(f"zero-dimensional tensor (at position {i}) cannot be concatenated")
        keys.add(part.key)
    if len(keys) > 1:
        check_places("cat", parts[1:], parts[0].key.place)
        dtype = parts[0].key.dtype
        for part in parts[1:]:
            dtype = dt.promote_types(dtype, part.key.dtype)
        parts = [cast(part, dtype) for part in parts]
    real = [part for part in parts if part.shape != (0,)] or parts[:1]
    first = real[0]
    shape = first.shape
    ndim = len(shape)
    dim = normalize_dim(dim if axis is None else axis, ndim)
    total = 0
    for part in real:
        if part.shape != shape:
            _check_cat(first, part, dim)
        total += part.shape[dim]
    lie = order(ndim) if ndim > 3 and all([channels_last(part) for part in real]) else None
    result = empty(first.key.own, (*shape[:dim], total, *shape[dim + 1 :]), lie)
    strides = result._strides or DENSE[result.shape]
    offset = 0
    for part in real:
        if numel(part.shape):
            copy(make(result.storage_, result.key, part.shape, strides, offset), part)
        offset += part.shape[dim] * strides[dim]
    if mode.enabled and any(part._node is not None for part in parts):
        sizes = [None if part.shape == (0,) and ndim != 1 else part.shape[dim] for part in parts]
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


@function(quick=True)
def stack(tensors: Sequence[Tensor], dim: int = 0, *, out: Tensor | None = None) -> Tensor:
    """Tensors of one shape joined along a new dim.

    Raises:
        RuntimeError: no tensors, or shapes that differ.
    """
    if isinstance(tensors, Tensor):
        raise TypeError(
            "stack(): argument 'tensors' (position 1) must be tuple of Tensors, not Tensor"
        )
    parts = list(tensors)
    if not parts:
        raise RuntimeError("stack expects a non-empty TensorList")
    try:
        for i, part in enumerate(parts):
            if part.shape != parts[0].shape:
                raise RuntimeError(
                    f"stack expects each tensor to be equal size, but got {list(parts[0].shape)} "
                    f"at entry 0 and {list(part.shape)} at entry {i}"
                )
        dim = normalize_dim(dim, parts[0].ndim + 1)
        last = all([channels_last(part) for part in parts])
    except AttributeError as error:
        for i, part in enumerate(parts):
            if not isinstance(part, Tensor):
                raise TypeError(
                    f"stack(): expected Tensor as element {i} in argument 0, but got "
                    f"{type(part).__name__}"
                ) from error
        raise
    except LayoutError as reached:
        return reached.answer("stack", (parts, dim), {"out": out})  # type: ignore[no-any-return]
    if out is None and last and dim < parts[0].ndim:
        whole = cat(parts, dim)
        return transformed(VIEW, whole, ((*whole.shape[:dim], len(parts), *parts[0].shape[dim:]),))
    return cat([unsqueeze(part, dim) for part in parts], dim, out=out)


def require_some(op: str, tensors: Sequence[Tensor]) -> None:
    """
    Raises:
        RuntimeError: there are none.
    """
    if not len(tensors):
        raise RuntimeError(f"{op} expects a non-empty TensorList")


@function(out="cast")
def hstack(tensors: Sequence[Tensor]) -> Tensor:
    """Joined along the second dim (the first for 1-d tensors)."""
    require_some("hstack", tensors)
    parts = [reshape(t, 1) if not t.shape else t for t in tensors]
    return cat(parts, 0 if parts[0].ndim == 1 else 1)


@function("vstack", "row_stack", out="cast")
def vstack(tensors: Sequence[Tensor]) -> Tensor:
    """Joined along the first dim, 1-d tensors as rows."""
    require_some("vstack", tensors)
    return cat([reshape(t, (1, -1)) if t.ndim < 2 else t for t in tensors], 0)
