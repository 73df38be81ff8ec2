"""Tensors that get another shape and keep their memory, or as much of it as there is."""

from __future__ import annotations

from typing import Any

from corex.dispatch.record import no_grad
from corex.dispatch.resolve import empty
from corex.layout import contiguous_strides, numel
from corex.ops.registration import method
from corex.ops.shape.parts import as_strided, narrow
from corex.ops.shape.views import reshape, sizes_of
from corex.tensor.lineage import replace_memory
from corex.tensor.tensor import Tensor


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
            wider = empty(self.key, (self.offset + count,))
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
