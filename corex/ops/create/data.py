"""Tensors from data: Python numbers and nested sequences, NumPy arrays, buffers, other tensors.

Numbers are packed on the host, all at once, and copied over in one piece; no element is ever set
by itself. NumPy is imported only when a NumPy object arrives.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Mapping, Sequence, Set
from itertools import chain, islice
from typing import Any

from corex import dtypes as dt
from corex.backend.elements import pack
from corex.dispatch.bind import fill
from corex.dispatch.devices import find_place
from corex.dispatch.resolve import empty
from corex.dtypes import BY_NAME, PROMOTION, DType
from corex.errors import warn
from corex.formats import strided
from corex.layout import numel
from corex.ops.create.constant import DeviceLike, DTypeLike, Shape, dtype_of
from corex.ops.create.convert import to
from corex.ops.create.foreign import shared_foreign
from corex.ops.create.host import dtype_of_array, from_array, from_numpy, frombuffer
from corex.ops.places import converted
from corex.ops.promotion import check_fits, number_dtype
from corex.ops.registration import function, method
from corex.ops.shape.views import clone, detach
from corex.tensor.place import Place
from corex.tensor.storage import upload
from corex.tensor.tensor import TENSOR_TYPES, Tensor

_MAX_DIMS = 64  # what a memoryview, and so NumPy and the buffer protocol, can show


# ---- tensor ------------------------------------------------------------------------------------
@function(quick=True)
def tensor(
    data: Any,
    *,
    dtype: DTypeLike = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    backend: str | None = None,
) -> Tensor:
    """A new tensor holding a copy of numbers, nested sequences, a NumPy array or a tensor.

    The dtype is that of an array or tensor; otherwise bool, int64 or the default float dtype,
    whichever holds all elements.

    Raises:
        ValueError: sequences of unequal lengths. TypeError: elements that are no numbers.
        RuntimeError: an element that the dtype cannot hold, or that is no data at all.
    """
    if dtype is None and device is None and backend is None:
        # One float, possibly in lists: what a loop over single samples makes all the time.
        number, depth = data, 0
        while type(number) is list and len(number) == 1 and depth < 8:
            number, depth = number[0], depth + 1
        if type(number) is float:
            one = empty(find_place().keys[dt.get_default_dtype().index], (1,) * depth)
            fill(one, number)
            return one.requires_grad_() if requires_grad else one
    if isinstance(data, Tensor):
        warn(_COPY_ADVICE)
        if data.layout is not strided:
            data, like = data.detach().clone(), {"device": device, "backend": backend}
            found: Tensor = data.to(dtype=dtype or data.dtype, **like)
            return found.requires_grad_() if requires_grad else found
    result = _from_any("tensor", data, dtype, device, backend)
    return result.requires_grad_() if requires_grad else result


_COPY_ADVICE = (
    "To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone() or "
    "sourceTensor.detach().clone().requires_grad_(True), rather than corex.tensor(sourceTensor)."
)


def _from_any(
    name: str, data: Any, dtype: DTypeLike, device: DeviceLike, backend: str | None
) -> Tensor:
    wanted = None if dtype is None else dtype_of(name, dtype)
    if type(data) is not list and type(data) is not tuple:
        found = _from_object(data, wanted, device, backend)
        if found is not None:
            return found
    shape, flat = _flatten(data)
    return _packed(find_place(device, backend), flat, shape, set(map(type, flat)), wanted)


def _from_object(
    data: Any, dtype: DType | None, device: DeviceLike, backend: str | None
) -> Tensor | None:
    """A tensor of anything but lists and tuples; None if it is a sequence like them."""
    if isinstance(data, Tensor):
        return _copied(data, dtype, device, backend)
    place = find_place(device, backend)
    kind = type(data)
    if kind in _SCALARS:
        return _packed(place, [data], (), {kind}, dtype)
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(data, numpy.ndarray):
        return from_array(data, place, dtype)
    if numpy is not None and isinstance(data, numpy.generic):
        return _packed(place, [data], (), {kind}, dtype or dtype_of_array(data))
    shared = _foreign(data, dtype, device, backend)
    if shared is not None:
        return clone(shared)
    return None if _is_sequence(data) else _packed(place, [data], (), {kind}, dtype)


def _copied(data: Tensor, dtype: DType | None, device: DeviceLike, backend: str | None) -> Tensor:
    source = detach(data)
    result = to(source, dtype=dtype, device=device, backend=backend)
    return clone(source) if result is source else result


_SCALARS: dict[type, DType | None] = {float: None, int: dt.int64, bool: dt.bool_}
_NUMBERS = (bool, int, float, complex)
_LISTS, _TEXTS = (list, tuple), (str, bytes)  # here, as `list | tuple` is made at each call


def _flatten(data: Any) -> tuple[Shape, list[Any]]:
    """The shape of nested sequences and their elements in row-major order.

    Raises:
        ValueError: unequal lengths, or too deep. TypeError: elements and sequences mixed.
    """
    shape = [len(data)]
    level: Any = data if isinstance(data, _LISTS) else _listed(data)
    while level and type(level[0]) not in _SCALARS and _is_sequence(level[0]):
        size = len(level[0])
        for item in level:
            if not _is_sequence(item):
                raise TypeError(f"not a sequence: {type(item).__name__} at dim {len(shape)}")
            if len(item) != size:
                raise ValueError(
                    f"expected sequence of length {size} at dim {len(shape)} (got {len(item)})"
                )
        shape.append(size)
        if len(shape) > _MAX_DIMS:
            raise ValueError(f"too many dimensions: more than {_MAX_DIMS}")
        level = list(chain.from_iterable(level))
    if level and isinstance(level[0], _TEXTS):
        raise ValueError(f"too many dimensions '{type(level[0]).__name__}'")
    return tuple(shape), level if type(level) is list else list(level)


def _listed(data: Any) -> list[Any]:
    """The elements of a sequence that need not have a truth value, as a column of a table has none.

    Raises:
        ValueError: it has elements, but none at 0.
    """
    try:
        return [data[0], *islice(data, 1, None)] if len(data) else []
    except LookupError:
        raise ValueError(
            f"could not determine the shape of object type '{type(data).__name__}'"
        ) from None


def _is_sequence(value: Any) -> bool:
    kind = type(value)
    if kind is list or kind is tuple:
        return True
    if (
        kind in _SCALARS
        or kind is complex
        or isinstance(value, str | bytes | Tensor | Mapping | Set)
    ):
        return False
    # Of the class, not of its metaclass: a member of an enumeration has no length.
    names = [name for base in kind.__mro__ for name in _SEQUENCE if name in vars(base)]
    return set(names) == _SEQUENCE and (not hasattr(value, "ndim") or value.ndim > 0)


_SEQUENCE = {"__len__", "__getitem__"}


def _infer_dtype(values: Sequence[Any], kinds: set[type]) -> DType:
    """The smallest dtype for elements of these types, as PyTorch: int64 for any int, and so on."""
    if not kinds or kinds == {float}:
        return dt.get_default_dtype()
    result: DType | None = None
    if kinds <= _SCALARS.keys():
        found = [_SCALARS[kind] or dt.get_default_dtype() for kind in kinds]
    else:
        one_per_type = {} if kinds & TENSOR_TYPES else {type(value): value for value in values}
        found = [_element_dtype(value) for value in one_per_type.values() or values]
    for dtype in found:
        result = dtype if result is None else PROMOTION[result, dtype]
    assert result is not None
    return result


def _element_dtype(value: Any) -> DType:
    if isinstance(value, Tensor):
        return value.key.dtype
    if type(value).__module__ == "numpy" and hasattr(value, "dtype"):
        return dtype_of_array(value)
    if isinstance(value, _NUMBERS):
        return number_dtype(value)  # type: ignore[arg-type]
    if isinstance(value, str | bytes):
        raise TypeError(f"new(): invalid data type '{type(value).__name__}'")
    if isinstance(value, list | tuple):
        raise TypeError(
            f"'{type(value).__name__}' object cannot be interpreted as a number: some elements are "
            f"sequences, others are not"
        )
    raise RuntimeError(f"Could not infer dtype of {type(value).__name__}")


def _packed(
    place: Place, values: list[Any], shape: Shape, kinds: set[type], dtype: DType | None
) -> Tensor:
    """A tensor of Python numbers, packed into memory of the right format first."""
    if dtype is None:
        dtype = _infer_dtype(values, kinds)
    if not kinds <= _SCALARS.keys():
        values = [_plain(value) for value in values]
        kinds = set(map(type, values))
    result = empty(place.keys[dtype.index], shape)
    if values:
        upload(place, result.storage_.buffer, 0, _pack(values, kinds, dtype))
    return result


def _plain(value: Any) -> Any:
    """The Python number in a tensor of one element or in a NumPy scalar."""
    if isinstance(value, Tensor):
        if numel(value.shape) != 1:
            raise ValueError("only one element tensors can be converted to Python scalars")
        return value.item()
    return value.item() if type(value).__module__ == "numpy" else value


def _pack(values: list[Any], kinds: set[type], dtype: DType) -> memoryview:
    """The bytes of the values.

    Raises:
        TypeError: no numbers. ValueError: an integer beyond int64.
        RuntimeError: a number the dtype cannot hold.
    """
    if complex in kinds and not dtype.is_complex:
        for value in values:
            check_fits(value, dtype)
        values = [value.real if isinstance(value, complex) else value for value in values]
        kinds = set(map(type, values))
    if dtype.is_inexact:
        return pack(dtype, values)
    for value in () if kinds <= _SCALARS.keys() else values:
        if not isinstance(value, bool | int | float):
            raise TypeError(f"'{type(value).__name__}' object cannot be interpreted as an integer")
    if dtype.kind == "b":
        return pack(dtype, values)
    try:
        if not kinds <= _INTEGERS:
            floats = [v for v in values if isinstance(v, float)]
            for bound in (min(floats, default=0), max(floats, default=0)):
                check_fits(bound, dtype)
            values = [int(v) if isinstance(v, float) else v for v in values]
        return pack(dtype, values)
    except (OverflowError, ValueError):
        for value in values:
            if isinstance(value, int) and not -(2**63) <= value < 2**63:
                raise ValueError("Overflow when unpacking long long") from None
            check_fits(value, dtype)
        modulus = 1 << dtype.digits  # negative ones, of a dtype without a sign
        return pack(dtype, [value % modulus for value in values])


_INTEGERS = {int, bool}


# ---- without a copy where possible -------------------------------------------------------------
@function()
def as_tensor(
    data: Any,
    dtype: DTypeLike = None,
    device: DeviceLike = None,
    *,
    backend: str | None = None,
) -> Tensor:
    """`data` itself if it is such a tensor, the memory of a NumPy array, otherwise a new tensor.

    Raises:
        as `tensor` and `from_numpy`.
    """
    wanted = dtype_of("as_tensor", dtype)
    if isinstance(data, Tensor):
        return to(data, dtype=wanted, device=device, backend=backend)
    shared = _shared(data, wanted, device, backend)
    return _from_any("as_tensor", data, wanted, device, backend) if shared is None else shared


def _shared(
    data: Any, dtype: DType | None, device: DeviceLike, backend: str | None
) -> Tensor | None:
    """A tensor over an array's memory, converted and moved if asked; None if impossible."""
    numpy = sys.modules.get("numpy")
    if numpy is None or not isinstance(data, numpy.ndarray):
        return _foreign(data, dtype, device, backend)
    fits = data.dtype.name in BY_NAME and data.dtype.isnative and data.flags.writeable
    if not fits or any(s < 0 or s % data.itemsize for s in data.strides):
        return None
    result = from_numpy(data)
    return converted(result, dtype or result.key.dtype, find_place(device, backend))


def _foreign(
    data: Any, dtype: DType | None, device: DeviceLike, backend: str | None
) -> Tensor | None:
    """As `_shared`, of an object with DLPack or the CUDA array interface."""
    if type(data) in _SCALARS or isinstance(data, list | tuple):
        return None
    found = shared_foreign(data, device)
    if found is None:
        return None
    stays = device is None and backend is None and found.device.type != "cpu"
    place = found.key.place if stays else find_place(device, backend)
    return converted(found, dtype or found.key.dtype, place)


@function()
def asarray(
    obj: Any,
    *,
    dtype: DTypeLike = None,
    device: DeviceLike = None,
    copy: bool | None = None,
    requires_grad: bool | None = None,
    backend: str | None = None,
) -> Tensor:
    """A tensor of `obj`, sharing its memory where possible; `copy` True or False insists.

    That of a tensor stays in its graph, unless `requires_grad=False`.

    Raises:
        ValueError: `copy=False`, but a copy would be needed.
        RuntimeError: gradients are required, but the dtype has none.
    """
    wanted = dtype_of("asarray", dtype)
    if _is_raw(obj):
        obj = frombuffer(obj, dtype=wanted or dt.get_default_dtype())
        source: Tensor | None = obj
    elif isinstance(obj, Tensor):
        source = obj
    else:
        source = _shared(obj, None, None, None)
    if source is None:
        if copy is False:
            raise ValueError("can't alias arbitrary sequence into a tensor.")
        result = _from_any("asarray", obj, wanted, device, backend)
    else:
        result = to(source, dtype=wanted, device=device, backend=backend)
        if copy is False and result is not source:
            raise ValueError(
                f"can't alias tensor of {source.key} into one of {result.key}; that takes a copy"
            )
        if copy and result is source:
            result = clone(result)
        if result._node is not None and requires_grad is False:
            result = detach(result)
        elif requires_grad is None and isinstance(obj, Tensor):
            requires_grad = obj.requires_grad
    return result.requires_grad_() if requires_grad and result._node is None else result


def _is_raw(obj: Any) -> bool:
    return isinstance(obj, bytes | bytearray | memoryview | array)


@method()
def new_tensor(
    self: Tensor,
    data: Any,
    *,
    dtype: DTypeLike = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    backend: str | None = None,
) -> Tensor:
    """As `corex.tensor`, with the dtype and place of this tensor."""
    if isinstance(data, Tensor):
        warn(_COPY_ADVICE.replace("corex.", "tensor.new_"))
    place = self.key.place
    if device is None and backend is None:
        device, backend = place.device, place.name
    result = _from_any("new_tensor", data, dtype or self.key.dtype, device, backend)
    return result.requires_grad_() if requires_grad else result
