"""Tensors of one value: zeros, ones, full, empty; and the arguments of all creation functions.

Every one takes `dtype`, `device`, `requires_grad` and `backend`; sizes are separate integers
or one sequence, as in PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from operator import index
from typing import Any, TypeVar

from corex import dtypes as dt
from corex.device import device as Device
from corex.dispatch.bind import fill
from corex.dispatch.devices import find_place
from corex.dispatch.resolve import empty as allocate_dense
from corex.dtypes import DType, as_dtype
from corex.formats import Layout, MemoryFormat, order_in, strided
from corex.layout import checked_bytes, contiguous_strides, extent, numel
from corex.ops.out import require_out, write_out
from corex.ops.promotion import (
    Number,
    as_held,
    as_number,
    check_fits,
    number_dtype,
    require_tensor,
)
from corex.ops.registration import function
from corex.tensor.place import DispatchKey
from corex.tensor.storage import allocate
from corex.tensor.tensor import Tensor, make

Shape = tuple[int, ...]
DTypeLike = DType | type | None
DeviceLike = Device | str | int | None

_PLAIN_NUMBERS = {bool, int, float}


# ---- arguments ---------------------------------------------------------------------------------
def dtype_of(name: str, dtype: DTypeLike) -> DType | None:
    """A `dtype=` argument, which may be one of Python's types; None stays None.

    Raises:
        TypeError: anything else.
    """
    if dtype is None or type(dtype) is DType:
        return dtype
    return as_dtype(name, dtype)


def key_for(
    name: str,
    dtype: DTypeLike,
    default: DType | None,
    device: DeviceLike,
    backend: str | None,
    out: Tensor | None = None,
) -> DispatchKey:
    """Where and as what a new tensor is made: as `out`, if there is one and no dtype is asked for;
    `default` None means the default float dtype."""
    if out is not None and dtype is None:
        return require_out("empty", out).key.own
    chosen = dtype_of(name, dtype) or default or dt.get_default_dtype()
    return find_place(device, backend).keys[chosen.index]


def shape_of(name: str, sizes: tuple[Any, ...], size: Sequence[int] | None = None) -> Shape:
    """The shape from `*sizes`, or from the keyword `size`.

    Raises:
        TypeError: not integers, or both or neither are given. RuntimeError: a negative size.
    """
    if size is not None:
        if sizes:
            raise TypeError(f"{name}() got multiple values for argument 'size'")
        return checked_shape(name, size)
    if not sizes:
        raise TypeError(f'{name}() missing 1 required positional arguments: "size"')
    if len(sizes) == 1:
        only = sizes[0]
        if type(only) is tuple or isinstance(only, list | tuple) or not hasattr(only, "__index__"):
            return checked_shape(name, only)
    return checked_shape(name, sizes)


def checked_shape(name: str, sizes: Any) -> Shape:
    """A sequence of sizes as a tuple.

    Raises:
        TypeError: not a sequence of integers. RuntimeError: a negative size.
    """
    try:
        shape = tuple(map(index, sizes))
    except TypeError:
        if isinstance(sizes, tuple | list):
            kinds = sorted({type(one).__name__ for one in sizes} - {"int"})
            raise TypeError(
                f"{name}(): argument 'size' must be tuple of ints, but found element of type "
                f"{', '.join(kinds)} in {sizes!r}"
            ) from None
        raise TypeError(
            f"{name}(): argument 'size' (position 1) must be tuple of ints, not "
            f"{type(sizes).__name__}"
        ) from None
    if shape and min(shape) < 0:
        raise RuntimeError(
            f"[{name}] Trying to create tensor with negative dimension {min(shape)}: {list(shape)}"
        )
    return shape


def number_of(name: str, argument: str, value: Any) -> Number:
    """A number, NumPy scalar or 0-d tensor as a Python number.

    Raises:
        TypeError: anything else.
    """
    if type(value) in _PLAIN_NUMBERS:
        return value  # type: ignore[no-any-return]
    scalar = isinstance(value, Tensor) and not value.shape
    number: Any = value.item() if scalar else as_number(value)
    if number is None:
        raise TypeError(
            f"{name}(): argument '{argument}' must be Number, not {type(value).__name__}"
        )
    return float(number) if isinstance(number, float) else number


# ---- making ------------------------------------------------------------------------------------
def new_tensor_of(key: DispatchKey, shape: Shape) -> Tensor:
    """An uninitialised row-major tensor.

    Raises:
        OutOfMemoryError: the memory is not there; names the bytes.
    """
    return allocate_dense(key, shape)


def strided_tensor_of(key: DispatchKey, shape: Shape, strides: Shape) -> Tensor:
    """An uninitialised tensor with the given strides (not negative)."""
    if strides == contiguous_strides(shape):
        return new_tensor_of(key, shape)
    count = extent(shape, strides)[1] + 1 if numel(shape) else 0
    nbytes = checked_bytes(count * key.dtype.itemsize, shape)
    return make(allocate(key.place, nbytes, key.dtype), key, shape, strides)


def strides_in(memory_format: MemoryFormat, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The strides of a new tensor in a memory format.

    Raises:
        RuntimeError: a format that follows another tensor, or is one of other numbers of dims.
    """
    order = order_in(memory_format, len(shape))
    if order is None:
        return contiguous_strides(shape)
    dense = contiguous_strides(tuple([shape[dim] for dim in order]))
    return tuple([dense[order.index(dim)] for dim in range(len(shape))])


def finished(
    name: str, result: Tensor, out: Tensor | None, requires_grad: bool, value: Number | None = None
) -> Tensor:
    """Fills `result` (if a value is given), and does what `out` and `requires_grad` ask for."""
    if value is not None:
        fill(result, as_held(value, result.key.dtype))
    if out is not None:
        result = write_out(require_tensor(name, out, "out"), result, name, "same", quiet=True)
    return result.requires_grad_() if requires_grad else result


def _constant(name: str, value: Number | None) -> Callable[..., Tensor]:
    def create(
        *sizes: Any,
        size: Sequence[int] | None = None,
        out: Tensor | None = None,
        dtype: DTypeLike = None,
        device: DeviceLike = None,
        requires_grad: bool = False,
        backend: str | None = None,
        layout: Layout | None = None,
        pin_memory: bool = False,
        memory_format: MemoryFormat | None = None,
    ) -> Tensor:
        shape = shape_of(name, sizes, size)
        key = key_for(name, dtype, None, device, backend, out)
        if memory_format is None and layout is None:
            result = new_tensor_of(key, shape)
        elif layout is not None and layout is not strided:
            return without_elements(name, shape, layout, key, value, requires_grad)
        elif memory_format is None:
            result = new_tensor_of(key, shape)
        else:
            result = strided_tensor_of(key, shape, strides_in(memory_format, shape))
        result = finished(name, result, out, requires_grad, value)
        return result.pin_memory() if pin_memory else result

    what = "Uninitialised memory" if value is None else f"A tensor of {name}"
    create.__doc__ = f"{what}, of the given shape and the default float dtype.\n\n{_RAISES}"
    return named(create, name)


def without_elements(
    name: str,
    shape: tuple[int, ...],
    layout: Layout,
    key: DispatchKey,
    value: Number | None,
    requires_grad: bool,
) -> Tensor:
    """A sparse tensor that stores nothing.

    Raises:
        RuntimeError: elements that are not zero.
    """
    if value:
        raise RuntimeError(f"[{name}] full(...) is not implemented for sparse layout")
    import_module("corex.sparse.loaded")
    empty: Tensor = import_module("corex.ops.sparse.create").zeros_of_layout(
        shape, layout, allocate_dense(key, (0,))
    )
    return empty.requires_grad_() if requires_grad else empty


_F = TypeVar("_F", bound=Callable[..., Any])


def named(function: _F, name: str) -> _F:
    """The function under a name of its own, as those made in a loop need it."""
    function.__name__ = function.__qualname__ = name
    return function


_RAISES = """    Raises:
        RuntimeError: a negative size, or a dtype that cannot require gradients.
        OutOfMemoryError: the memory is not there; names the bytes."""

zeros = function(quick=True)(_constant("zeros", 0))
ones = function(quick=True)(_constant("ones", 1))
empty = function(quick=True)(_constant("empty", None))


@function(quick=True)
def full(
    size: Sequence[int],
    fill_value: Any,
    *,
    out: Tensor | None = None,
    dtype: DTypeLike = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    backend: str | None = None,
    layout: Layout | None = None,
    pin_memory: bool = False,
) -> Tensor:
    """A tensor of one number, whose type decides the dtype unless it is given.

    Raises:
        TypeError: not a number. RuntimeError: a negative size, or a number the dtype cannot hold.
        OutOfMemoryError: the memory is not there; names the bytes.
    """
    shape = checked_shape("full", size)
    value = number_of("full", "fill_value", fill_value)
    key = key_for("full", dtype, number_dtype(value), device, backend, out)
    check_fits(value, key.dtype)
    if layout is not None and layout is not strided:
        return without_elements("full", shape, layout, key, 1, requires_grad)
    result = finished("full", new_tensor_of(key, shape), out, requires_grad, value)
    return result.pin_memory() if pin_memory else result


@function()
def scalar_tensor(
    s: Number | Tensor,
    *,
    dtype: DTypeLike = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    backend: str | None = None,
) -> Tensor:
    """A 0-d tensor of a number, of the default float dtype unless another is given."""
    key = key_for("scalar_tensor", dtype, None, device, backend)
    value = number_of("scalar_tensor", "s", s)
    check_fits(value, key.dtype)
    return finished("scalar_tensor", allocate_dense(key, ()), None, requires_grad, value)


@function()
def empty_strided(
    size: Sequence[int],
    stride: Sequence[int],
    *,
    dtype: DTypeLike = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    backend: str | None = None,
) -> Tensor:
    """Uninitialised memory of a given shape and strides.

    Raises:
        RuntimeError: sizes and strides differ in number, or one is negative.
    """
    shape = checked_shape("empty_strided", size)
    strides = tuple(map(index, stride))
    if len(shape) != len(strides):
        raise RuntimeError(
            f"dimensionality of sizes ({len(shape)}) must match dimensionality of strides "
            f"({len(strides)})"
        )
    if strides and min(strides) < 0:
        raise RuntimeError(f"[empty_strided] strides must not be negative, got {list(strides)}")
    key = key_for("empty_strided", dtype, None, device, backend)
    result = strided_tensor_of(key, shape, strides)
    return finished("empty_strided", result, None, requires_grad)


@function()
def empty_permuted(
    size: Sequence[int],
    physical_layout: Sequence[int],
    *,
    dtype: DTypeLike = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    backend: str | None = None,
) -> Tensor:
    """Uninitialised memory without gaps whose dims lie in a given order, the outermost first.

    Raises:
        RuntimeError: not one position for each dim, or one out of range or twice.
    """
    shape, order = checked_shape("empty_permuted", size), tuple(map(index, physical_layout))
    if len(shape) != len(order):
        raise RuntimeError(
            f"Number of dimensions in size does not match the length of the physical_layout; "
            f"i.e. len(size) = {len(shape)} is not equal to len(physical_layout) = {len(order)}"
        )
    for i, dim in enumerate(order):
        if not 0 <= dim < len(shape):
            raise RuntimeError(
                f"Dimension out of range (expected to be between 0 and {len(shape) - 1}, but got "
                f"{dim} at index {i}).  NB: negative dims not currently supported"
            )
    if len(set(order)) < len(order):
        raise RuntimeError("Duplicate dim not allowed")
    dense = contiguous_strides(tuple([shape[dim] for dim in order]))
    strides = tuple([dense[order.index(dim)] for dim in range(len(shape))])
    key = key_for("empty_permuted", dtype, None, device, backend)
    result = strided_tensor_of(key, shape, strides)
    return finished("empty_permuted", result, None, requires_grad)
