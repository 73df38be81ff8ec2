"""The creation functions that follow another tensor: `zeros_like(t)`, `t.new_zeros(...)`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from corex.dispatch.bind import fill
from corex.dispatch.devices import find_place_from
from corex.dispatch.resolve import empty as allocate_dense
from corex.errors import LayoutError
from corex.formats import Layout, MemoryFormat, preserve_format, strided
from corex.layout import strides_like
from corex.ops.create.constant import (
    DeviceLike,
    DTypeLike,
    checked_shape,
    dtype_of,
    empty_strided,
    finished,
    named,
    new_tensor_of,
    number_of,
    shape_of,
    strided_tensor_of,
    strides_in,
    without_elements,
)
from corex.ops.promotion import Number, check_fits, require_tensor
from corex.ops.registration import function, method
from corex.tensor.place import DispatchKey
from corex.tensor.tensor import Tensor


# ---- like another tensor -----------------------------------------------------------------------
def _key_like(
    name: str, like: Tensor, dtype: DTypeLike, device: DeviceLike, backend: str | None
) -> DispatchKey:
    place = like.key.place
    if device is not None or backend is not None:
        place = find_place_from(place, device, backend)
    return place.keys[(dtype_of(name, dtype) or like.key.dtype).index]


def strides_of(like: Tensor, memory_format: MemoryFormat | None) -> tuple[int, ...]:
    """The strides of a tensor that is like another in shape, in a memory format or as that lies."""
    if memory_format is None or memory_format is preserve_format:
        return strides_like(like.shape, like.strides)
    return strides_in(memory_format, like.shape)


def _constant_like(name: str, value: Number | None) -> Callable[..., Tensor]:
    def create(
        input: Tensor,
        *,
        dtype: DTypeLike = None,
        device: DeviceLike = None,
        requires_grad: bool = False,
        backend: str | None = None,
        layout: Layout | None = None,
        pin_memory: bool = False,
        memory_format: MemoryFormat | None = None,
    ) -> Tensor:
        like = input if type(input) is Tensor else require_tensor(name, input)
        try:
            key = like.key.own
        except LayoutError as reached:
            given = {"dtype": dtype, "device": device, "backend": backend, "layout": layout}
            found: Tensor = reached.answer(name, (like,), {**given, "requires_grad": requires_grad})
            return found
        if dtype is not None or device is not None or backend is not None:
            key = _key_like(name, like, dtype, device, backend)
        if layout is not None and layout is not strided:
            return without_elements(name, like.shape, layout, key, value, requires_grad)
        if memory_format is not None:
            result = strided_tensor_of(key, like.shape, strides_of(like, memory_format))
        elif like._strides is None:
            result = allocate_dense(key, like.shape)
        else:
            result = strided_tensor_of(key, like.shape, strides_like(like.shape, like.strides))
        if value is not None:
            fill(result, value)
        if pin_memory:
            result = result.pin_memory()
        return result.requires_grad_() if requires_grad else result

    create.__doc__ = f"As `{name[:-5]}`, with the shape, dtype and place of `input`."
    return named(create, name)


zeros_like = function(quick=True)(_constant_like("zeros_like", 0))
ones_like = function(quick=True)(_constant_like("ones_like", 1))
empty_like = function(quick=True)(_constant_like("empty_like", None))


@function()
def full_like(
    input: Tensor,
    fill_value: Any,
    *,
    dtype: DTypeLike = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    backend: str | None = None,
    memory_format: MemoryFormat | None = None,
) -> Tensor:
    """As `full`, with the shape, dtype and place of `input`."""
    like = require_tensor("full_like", input)
    value = number_of("full_like", "fill_value", fill_value)
    key = _key_like("full_like", like, dtype, device, backend)
    check_fits(value, key.dtype)
    result = strided_tensor_of(key, like.shape, strides_of(like, memory_format))
    return finished("full_like", result, None, requires_grad, value)


# ---- methods -----------------------------------------------------------------------------------
def _new_constant(name: str, value: Number | None) -> Callable[..., Tensor]:
    def create(
        self: Tensor,
        *sizes: Any,
        size: Sequence[int] | None = None,
        dtype: DTypeLike = None,
        device: DeviceLike = None,
        requires_grad: bool = False,
        backend: str | None = None,
        layout: Layout | None = None,
        pin_memory: bool = False,
    ) -> Tensor:
        key = _key_like(name, self, dtype, device, backend)
        if layout is not None and layout is not strided:
            shape = shape_of(name, sizes, size)
            return without_elements(name, shape, layout, key, value, requires_grad)
        result = new_tensor_of(key, shape_of(name, sizes, size))
        result = finished(name, result, None, requires_grad, value)
        return result.pin_memory() if pin_memory else result

    create.__doc__ = f"As `corex.{name[4:]}`, with the dtype and place of this tensor."
    return named(create, name)


new_zeros = method(quick=True)(_new_constant("new_zeros", 0))
new_ones = method(quick=True)(_new_constant("new_ones", 1))
new_empty = method(quick=True)(_new_constant("new_empty", None))


@method(quick=True)
def new_full(
    self: Tensor,
    size: Sequence[int],
    fill_value: Any,
    *,
    dtype: DTypeLike = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    backend: str | None = None,
    layout: Layout | None = None,
    pin_memory: bool = False,
) -> Tensor:
    """As `corex.full`, with the dtype and place of this tensor."""
    value = number_of("new_full", "fill_value", fill_value)
    key = _key_like("new_full", self, dtype, device, backend)
    check_fits(value, key.dtype)
    result = new_tensor_of(key, checked_shape("new_full", size))
    result = finished("new_full", result, None, requires_grad, value)
    return result.pin_memory() if pin_memory else result


@method()
def new_empty_strided(
    self: Tensor, size: Sequence[int], stride: Sequence[int], **options: Any
) -> Tensor:
    """As `corex.empty_strided`, with the dtype and place of this tensor."""
    place = self.key.place
    own = {"dtype": self.dtype, "device": place.device, "backend": place.name}
    return empty_strided(size, stride, **{**own, **options})
