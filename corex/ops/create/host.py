"""Tensors from memory that is there already: NumPy arrays and objects with the buffer protocol.

Where the backend can adopt foreign memory the tensor is that memory, otherwise a copy of it. NumPy
is imported only when somebody hands over an array, and then it is there already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from corex.dispatch.bind import dense_copy
from corex.dispatch.devices import find_place
from corex.dispatch.resolve import empty
from corex.dispatch.write import resolved
from corex.dtypes import ALL, BY_NAME, DType
from corex.errors import warn
from corex.layout import is_contiguous
from corex.ops.create.constant import DTypeLike, dtype_of, finished, new_tensor_of
from corex.ops.registration import function
from corex.tensor.place import DispatchKey, Place
from corex.tensor.storage import adopt, download, upload
from corex.tensor.tensor import Tensor, make

if TYPE_CHECKING:
    import numpy as np


# ---- from tensors to the host ------------------------------------------------------------------
def host_bytes(t: Tensor) -> memoryview:
    """The elements' bytes in row-major order, in host memory: a view where possible."""
    source = t if t._strides is None else dense_copy(t)
    nbytes = source.nbytes
    start = source.offset * source.key.dtype.itemsize
    backend = source.key.place.backend
    host = backend.host_view(source.storage_.buffer)
    if host is not None:
        return host[start : start + nbytes]
    if source.key.place.bits:
        return host_bytes(resolved(source))
    data = memoryview(bytearray(nbytes))
    if nbytes:
        download(source.key.place, source.storage_.buffer, start, data)
    return data


# ---- NumPy -------------------------------------------------------------------------------------
def dtype_of_array(value: Any) -> DType:
    """The dtype of a NumPy array or scalar.

    Raises:
        TypeError: corex has no such dtype. ValueError: foreign byte order.
    """
    found = BY_NAME.get(value.dtype.name)
    if found is None:
        *most, last = [dtype.name for dtype in reversed(ALL)]
        raise TypeError(
            f"can't convert np.ndarray of type numpy.{value.dtype.type.__name__}. The only "
            f"supported types are: {', '.join(most)}, and {last}."
        )
    if not value.dtype.isnative:
        raise ValueError(
            "given numpy array has byte order different from the native byte order. Conversion "
            "between byte orders is currently not supported."
        )
    return found


def from_array(data: np.ndarray[Any, Any], place: Place, dtype: DType | None) -> Tensor:
    """A copy of an array; what corex has no dtype for may be converted to the one asked for."""
    import numpy as np

    own = BY_NAME.get(data.dtype.name)
    foreign = own is None or not data.dtype.isnative or not place.holds(own)
    if foreign and dtype is not None and data.dtype.kind in "biufc":
        data = data.astype(dtype.numpy or ("c8" if dtype.is_complex else "f4"))
    key = place.keys[dtype_of_array(data).index]
    result = empty(key, data.shape)
    if data.size:
        flat: Any = np.ascontiguousarray(data).reshape(-1).view(np.uint8)
        upload(place, result.storage_.buffer, 0, memoryview(flat))
    return result if dtype is None else as_dtype(result, dtype)


def as_dtype(t: Tensor, dtype: DType) -> Tensor:
    return t if t.key.dtype is dtype else dense_copy(t, t.key.place.keys[dtype.index])


@function()
def from_numpy(ndarray: Any) -> Tensor:
    """A CPU tensor over an array's own memory: writes through either are seen by the other.

    A backend that cannot adopt foreign memory gets a copy.

    Warns:
        UserWarning: the array is read-only.

    Raises:
        TypeError: not an array, or of a dtype that corex does not have.
        ValueError: negative strides, strides between elements, or foreign byte order.
    """
    import numpy as np

    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(ndarray).__name__})")
    dtype = dtype_of_array(ndarray)
    strides = []
    for stride in ndarray.strides:
        if stride < 0:
            raise ValueError(
                "At least one stride in the given numpy array is negative, and tensors with "
                "negative strides are not currently supported. (You can probably work around this "
                "by making a copy of your array  with array.copy().) "
            )
        if stride % dtype.itemsize:
            raise ValueError(
                "given numpy array strides not a multiple of the element byte size. Copy the numpy "
                "array to reallocate the memory."
            )
        strides.append(stride // dtype.itemsize)
    if not ndarray.flags.writeable:
        _warn_not_writable("NumPy array")
    key = find_place("cpu").keys[dtype.index]
    shape = ndarray.shape
    if ndarray.size == 0:
        return empty(key, shape)
    dense = is_contiguous(shape, tuple(strides))
    flat: Any = ndarray.reshape(-1)
    if not dense:  # one dimension over all the memory from the first element to the last
        span = 1 + sum((n - 1) * s for n, s in zip(shape, strides, strict=True))
        flat = np.lib.stride_tricks.as_strided(ndarray, (span,), (dtype.itemsize,))
    shared = _wrapped(key, memoryview(flat).cast("B"))
    if shared is None:
        return from_array(ndarray, key.place, None)
    return make(shared.storage_, key, shape, None if dense else tuple(strides))


def _wrapped(key: DispatchKey, data: memoryview) -> Tensor | None:
    """A 1-d tensor that is the given bytes, or None if the backend cannot adopt them."""
    place = key.place
    buffer = place.backend.wrap_host(data)
    if buffer is None:
        return None
    return make(adopt(place, buffer), key, (data.nbytes // key.dtype.itemsize,))


_warned: set[str] = set()


def _warn_not_writable(what: str) -> None:
    if what not in _warned:
        _warned.add(what)
        warn(
            f"The given {what} is not writable, and corex does not support non-writable tensors. "
            f"Writing to this tensor is undefined behaviour. You may want to copy the {what} to "
            f"protect its data, or make it writable, before converting it to a tensor. This type "
            f"of warning will be suppressed for the rest of this program.",
        )


# ---- buffers -----------------------------------------------------------------------------------
@function()
def frombuffer(
    buffer: Any,
    *,
    dtype: DTypeLike,
    count: int = -1,
    offset: int = 0,
    requires_grad: bool = False,
) -> Tensor:
    """A 1-d CPU tensor over the memory of an object with the buffer protocol.

    `count` elements (all if negative) from byte `offset` on. Writes are seen on both sides, unless
    the backend cannot adopt foreign (or read-only) memory and gets a copy.

    Warns:
        UserWarning: the buffer is read-only.

    Raises:
        ValueError: no buffer, or count and offset do not fit it.
    """
    wanted = dtype_of("frombuffer", dtype)
    if wanted is None:
        raise TypeError("frombuffer(): argument 'dtype' must be corex.dtype, not None")
    try:
        data = memoryview(buffer).cast("B")
    except TypeError:
        raise ValueError("object does not implement Python buffer protocol.") from None
    size, length = wanted.itemsize, data.nbytes
    if length == 0 or count == 0:
        raise ValueError(f"both buffer length ({length}) and count ({count}) must not be 0")
    if not 0 <= offset < length:
        raise ValueError(
            f"offset ({offset} bytes) must be non-negative and no greater than buffer length "
            f"({length} bytes) minus 1"
        )
    rest = length - offset
    if count < 0:
        if rest % size:
            raise ValueError(
                f"buffer length ({rest} bytes) after offset ({offset} bytes) must be a multiple of "
                f"element size ({size})"
            )
        count = rest // size
    elif count * size > rest:
        raise ValueError(
            f"requested buffer length ({count} * {size} bytes) after offset ({offset} bytes) must "
            f"not be greater than actual buffer length ({length} bytes)"
        )
    if data.readonly:
        _warn_not_writable("buffer")
    key = find_place("cpu").keys[wanted.index]
    data = data[offset : offset + count * size]
    result = _wrapped(key, data)
    if result is None:
        result = new_tensor_of(key, (count,))
        upload(key.place, result.storage_.buffer, 0, data)
    return finished("frombuffer", result, None, requires_grad)
