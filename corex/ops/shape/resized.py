"""Tensors that get another shape and keep their memory, or as much of it as there is."""

from __future__ import annotations

from typing import Any

from corex.dispatch.record import no_grad
from corex.dispatch.resolve import empty
from corex.errors import warn
from corex.layout import contiguous_strides, extent, numel
from corex.ops.inplace import check_inplace
from corex.ops.registration import method
from corex.ops.shape.parts import as_strided, narrow
from corex.ops.shape.views import reshape, shaped, sizes_of
from corex.tensor.lineage import replace_memory
from corex.tensor.storage import Storage
from corex.tensor.tensor import Tensor, make
from corex.tensor.twins import with_bits


@method()
def resize_(self: Tensor, *sizes: Any, memory_format: Any = None) -> Tensor:
    """In place: the shape given, row-major over the tensor's memory from its first element on; if
    that has not room for all, over new memory with the same beginning, whose rest is not defined.

    Raises:
        RuntimeError: the tensor requires gradients, or a negative size.
    """
    if self._node is not None:
        raise RuntimeError("cannot resize variables that require grad")
    shape = sizes_of(sizes)
    if any(size < 0 for size in shape):
        raise RuntimeError(f"[resize_] negative sizes in shape {list(shape)}")
    count = numel(shape)
    if self.shape == shape:
        return self
    room = self.storage_.nbytes() // self.key.dtype.itemsize
    with no_grad():
        if self.offset + count > room:
            room_for = empty(self.key.own, (self.offset + count,))
            wider = make(room_for.storage_, self.key, room_for.shape)
            narrow(wider, 0, 0, room).copy_(as_strided(self, (room,), (1,), 0))
            start = narrow(wider, 0, self.offset, count)
            replace_memory(self, reshape(start, shape))
            self.storage_.version += 1
        else:
            self.as_strided_(shape, contiguous_strides(shape), self.offset)
    return self


@method()
def resize_as_(self: Tensor, the_template: Tensor, *, memory_format: Any = None) -> Tensor:
    """`resize_` to the shape of another tensor.

    Raises:
        RuntimeError: the tensor requires gradients.
    """
    return resize_(self, the_template.shape, memory_format=memory_format)


def _same_count(self: Tensor, shape: tuple[int, ...]) -> Tensor:
    """
    Raises:
        RuntimeError: a shape of another number of elements.
    """
    if numel(shape) != self.numel():
        sizes = ["x".join(map(str, one)) for one in (shape, self.shape)]
        raise RuntimeError(
            f"requested resize to {sizes[0]} ({numel(shape)} elements in total), but the given "
            f"tensor has a size of {sizes[1]} ({self.numel()} elements). autograd's resize can "
            "only change the shape of a given tensor, while preserving the number of elements. "
        )
    whole = self.contiguous()
    return reshape(whole, shape) if whole is self else shaped(whole, shape)


@method()
def resize(self: Tensor, *sizes: int) -> Tensor:
    """The row-major elements in another shape; PyTorch's old name.

    Raises:
        RuntimeError: a shape of another number of elements.
    """
    warn("non-inplace resize is deprecated")
    return _same_count(self, sizes)


@method()
def resize_as(self: Tensor, tensor: Tensor) -> Tensor:
    """`resize` to the shape of another tensor; raises as that does."""
    warn("non-inplace resize_as is deprecated")
    return _same_count(self, tensor.shape)


# ---- other memory --------------------------------------------------------------------------------
def _of_storage(self: Tensor, source: Storage, offset: int, size: Any, stride: Any) -> Tensor:
    """The tensor of this one's dtype that a part of some memory holds, all of it without `size`."""
    key = with_bits(source.place.key(self.key.dtype), self.key.place.bits)
    room = source.nbytes() // key.dtype.itemsize
    if size is None:
        return make(source, key, (room,), None, 0)
    shape = tuple(size)
    strides = tuple(stride) if stride else contiguous_strides(shape)
    if numel(shape) and not 0 <= offset <= offset + extent(shape, strides)[1] < room:
        raise RuntimeError(
            f"setStorage: sizes {list(shape)}, strides {list(strides)}, storage offset {offset}, "
            f"and itemsize {key.dtype.itemsize} are out of bounds for storage of size "
            f"{source.nbytes()}"
        )
    return make(source, key, shape, strides, offset)


@method()
def set_(
    self: Tensor,
    source: Tensor | Storage | None = None,
    storage_offset: int = 0,
    size: Any = None,
    stride: Any = None,
) -> Tensor:
    """In place: shows other memory, that of a tensor as it lies or a part of it, in the given shape
    and strides, row-major unless told; nothing without a source.

    Raises:
        RuntimeError: a tensor of another dtype, a part that the memory has not, or a leaf that
            requires gradients. TypeError: a source that has no memory.
    """
    check_inplace("set", self, (self,))
    if source is None:
        found = empty(self.key.own, (0,))
    elif isinstance(source, Tensor):
        if size is None and source.key.dtype is not self.key.dtype:
            raise RuntimeError(
                f"Could not set tensor of type {source.key.dtype.scalar} to a tensor of type "
                f"{self.key.dtype.scalar}"
            )
        key = with_bits(source.key, self.key.place.bits)
        found = make(source.storage_, key, source.shape, source._strides, source.offset)
        if size is not None:
            found = _of_storage(self, source.storage_, storage_offset, size, stride)
    elif isinstance(source, Storage):
        found = _of_storage(self, source, storage_offset, size, stride)
    else:
        raise TypeError(
            f"set_(): argument 'source' (position 1) must be Tensor or Storage, not "
            f"{type(source).__name__}"
        )
    replace_memory(self, found)
    self.storage_.version += 1
    return self
