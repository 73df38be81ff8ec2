"""Copies between dtypes, devices and backends; writing one tensor over another; filling."""

from __future__ import annotations

from typing import Any

from corex.device import device as Device
from corex.dispatch import levels
from corex.dispatch.bind import write
from corex.dispatch.devices import find_place_from
from corex.dispatch.record import record
from corex.dispatch.resolve import check_overlap, empty, same_view
from corex.dtypes import ALL, DType, as_dtype
from corex.formats import MemoryFormat, preserve_format
from corex.layout import broadcast_shapes, numel
from corex.ops.inplace import apply_copy, check_inplace, set_history
from corex.ops.places import to_place
from corex.ops.promotion import (
    Number,
    as_held,
    as_number,
    cast,
    check_fits,
    plain_number,
    require_tensor,
    written,
)
from corex.ops.registration import function, method
from corex.ops.shape.views import clone, expand, formatted
from corex.tensor.modes import mode
from corex.tensor.pinned import copy_later
from corex.tensor.place import Place
from corex.tensor.schema import unlisted
from corex.tensor.tensor import Tensor, alias


@method(quick=True)
def to(
    self: Tensor,
    *args: Any,
    dtype: DType | type | None = None,
    device: Device | str | int | None = None,
    backend: str | None = None,
    copy: bool = False,
    non_blocking: bool = False,
    memory_format: MemoryFormat | None = None,
) -> Tensor:
    """The tensor with another dtype, device or backend; itself if nothing changes.

    Accepts a dtype, a device, both, or another tensor to follow, as PyTorch does; differentiable.
    With `non_blocking` a copy from pinned memory, or from a device to the CPU, is queued where the
    device's backend can do that: its source must stay as it is, and its result on the CPU must not
    be read, until the device was synchronised.

    Raises:
        TypeError: an argument that is none of these. RuntimeError: an unknown device.
        BackendUnavailableError: an unknown backend, or one that cannot be used.
    """
    place: Place | None = None
    flags: list[bool] = []
    for argument in args:
        if isinstance(argument, DType):
            dtype = argument
        elif isinstance(argument, Tensor):
            dtype, place = argument.key.dtype, argument.key.own.place
        elif isinstance(argument, str | Device) or type(argument) is int:
            device = argument
        elif isinstance(argument, bool):  # non_blocking, then copy
            flags.append(argument)
        elif isinstance(argument, type):
            dtype = as_dtype("to", argument)
        elif argument is not None:
            raise TypeError(
                f"to() received an invalid combination of arguments: got "
                f"{type(argument).__name__}, expected a dtype, a device or a Tensor"
            )
    if dtype is not None and type(dtype) is not DType:
        dtype = as_dtype("to", dtype)
    if flags:
        non_blocking, copy = flags[0] or non_blocking, copy or True in flags[1:]
    if device is not None or backend is not None:
        place = find_place_from(self.key.place, device, backend)
    result = self
    if place is not None and place.real is not self.key.place.real:
        if dtype is not None and not place.holds(self.key.dtype):
            result = cast(result, dtype)
        # What a cast on the CPU would read has to be there.
        whole = dtype is None or dtype is result.key.dtype or place.device.type != "cpu"
        result = to_place(result, place, non_blocking and whole)
    if dtype is not None and dtype is not result.key.dtype:
        result = cast(result, dtype)
    if memory_format is not None:
        result = formatted(result, memory_format)
    return clone(self) if copy and result is self else result


@method(quick=True)
def cpu(self: Tensor) -> Tensor:
    """The tensor in host memory."""
    return self if self.key.place.device.type == "cpu" else to(self, "cpu")


@method()
def cuda(
    self: Tensor, device: int | str | Device | None = None, non_blocking: bool = False
) -> Tensor:
    """The tensor on a CUDA device."""
    if device is None or isinstance(device, int):
        device = Device("cuda", device)
    return to(self, device, non_blocking=non_blocking)


@method(quick=True)
def type_as(self: Tensor, other: Tensor) -> Tensor:
    """The tensor with the dtype and place of another."""
    return to(self, require_tensor("type_as", other, "other"))


@method("type")
def type_(self: Tensor, dtype: Any = None, non_blocking: bool = False) -> Any:
    """The name of the tensor's type, such as 'corex.FloatTensor'; or the tensor as another type:
    a dtype, such a name, or a constructor such as `corex.FloatTensor`.

    Raises:
        ValueError: an unknown type name. TypeError: none of these.
    """
    if dtype is None:
        return self.type_name()
    dtype = getattr(dtype, "dtype", dtype)
    if isinstance(dtype, DType):
        return cast(self, dtype)
    if isinstance(dtype, type):
        raise ValueError(f"invalid type: {dtype.__name__!r}")
    if not isinstance(dtype, str):
        raise TypeError("dtype must be a type, str, or dtype object")
    for found in ALL:
        if dtype.rpartition(".")[2] == found.type_name:
            return cast(self, found)
    raise ValueError(f"invalid type: {dtype!r}")


def _cast_method(name: str, dtype: DType) -> None:
    """`.float()`, `.long()` and so on."""

    @method(name, quick=True)
    def convert(self: Tensor, *, memory_format: MemoryFormat = preserve_format) -> Tensor:
        result = cast(self, dtype)
        return result if memory_format is preserve_format else formatted(result, memory_format)

    convert.__name__ = convert.__qualname__ = name
    convert.__doc__ = f"The tensor converted to {dtype!r}."


for _dtype in ALL:
    if _dtype.kind != "u" or _dtype.itemsize == 1:  # the wide unsigned ones have none
        _cast_method(_dtype.aliases[0] if _dtype.is_complex else _dtype.scalar.lower(), _dtype)


@method(quick=True)
def copy_(self: Tensor, other: Any, non_blocking: bool = False) -> Tensor:
    """Writes `other`, broadcast and converted, over this tensor. Any place, any dtype.

    With `non_blocking` a copy between pinned memory and a device is queued, as by `to`, if both
    are contiguous, of one shape and dtype, and no gradients are recorded.

    Raises:
        RuntimeError: `other` does not broadcast to this tensor's shape, or autograd forbids it.
    """
    target_dtype = self.key.dtype
    number = as_number(other)
    if number is not None:
        source = written(number, self.key.own)
    else:
        source = require_tensor("copy_", other, "other")
    place = self.key.place
    if source.key.place is not place and source.key.own.place is not self.key.own.place:
        if non_blocking and _copied_later(self, source):
            return self
        source = source if place.holds(source.key.dtype) else cast(source, target_dtype)
        source = to_place(source, self.key.own.place)
    if source._node is not None and target_dtype is not source.key.dtype:
        source = cast(source, target_dtype)
    check_overlap("copy_", self, source)
    if source.shape != self.shape:
        if broadcast_shapes("copy_", source.shape, self.shape) != self.shape:
            raise RuntimeError(
                f"[copy_] output with shape {list(self.shape)} doesn't match the broadcast shape "
                f"of other, {list(source.shape)}"
            )
        source = expand(source, self.shape)
        onto_itself = False
    else:
        onto_itself = self._strides is not None and same_view(source, self)
    apply_copy(self, source, onto_itself)
    return self


def _copied_later(target: Tensor, source: Tensor) -> bool:
    """Whether a copy to another place could be queued, and was."""
    dtype = target.key.dtype
    if levels.open or source.key.dtype is not dtype or source.shape != target.shape:
        return False
    if target._strides is not None or source._strides is not None or not numel(source.shape):
        return False
    if mode.enabled and (target._node is not None or source._node is not None):
        return False
    if target.key.place.bits or source.key.place.bits:
        return False
    start, to_start = source.offset * dtype.itemsize, target.offset * dtype.itemsize
    if not copy_later(source.storage_, start, target.storage_, to_start, source.nbytes):
        return False
    target.storage_.version += 1
    return True


@method(quick=True)
def fill_(self: Tensor, value: Any) -> Tensor:
    """Sets every element to a number (or a 0-d tensor).

    Raises:
        RuntimeError: a tensor with dims, or autograd forbids it.
    """
    if isinstance(value, Tensor):
        if value.shape:
            raise RuntimeError(
                f"fill_ only supports 0-dimension value tensor but got tensor with "
                f"{value.ndim} dimensions."
            )
        shared = value.storage_.buffer is self.storage_.buffer
        return copy_(self, clone(value) if shared else value)
    requires = check_inplace("fill", self, (self,), repeats=True)
    number = as_number(value)
    if number is None:
        raise TypeError(f"fill_(): value must be a number, not {type(value).__name__}")
    check_fits(number, self.key.dtype)
    edge = (self._node, self._output_nr) if requires else (None, 0)
    write("fill", [self], [], (as_held(number, self.key.dtype),))
    self.storage_.version += 1
    if requires:
        set_history(self, record(FILL, (self,), (), (alias(self),), edges=(edge,)))
    return self


FILL = unlisted("fill", ("a",), {"a": lambda g: g.new_zeros(g.shape)})


@method(quick=True)
def zero_(self: Tensor) -> Tensor:
    """Sets every element to zero."""
    return fill_(self, 0)


def full_on(
    like: Tensor, shape: tuple[int, ...], value: Number, order: tuple[int, ...] | None = None
) -> Tensor:
    """A new tensor of one number, with the dtype and place of `like`; `order` as for `empty`."""
    check_fits(value, like.key.dtype)
    result = empty(like.key.own, shape, order)
    write("fill", [result], [], (plain_number(value),))
    return result


@function()
def fill(input: Tensor, value: Any) -> Tensor:
    """A tensor like `input` in which every element is a number (or a 0-d tensor).

    Raises:
        RuntimeError: a tensor with dims, or a number that the dtype cannot hold.
    """
    return fill_(clone(input), value)
