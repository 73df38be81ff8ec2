"""Tensors over the memory of other libraries: DLPack and the CUDA array interface.

The tensor keeps the owner of the memory alive. Where the backend cannot adopt the memory, the
tensor is a copy of it, unless `copy=False` forbids that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from corex import dtypes as dt
from corex.device import device as Device
from corex.dispatch.devices import find_place
from corex.dispatch.resolve import empty
from corex.dtypes import DType
from corex.layout import contiguous_strides, is_contiguous, numel
from corex.ops.create.constant import DeviceLike
from corex.ops.create.convert import to
from corex.ops.registration import function
from corex.ops.shape.views import clone
from corex.tensor.place import Place
from corex.tensor.storage import adopt, upload
from corex.tensor.tensor import Tensor, make

if TYPE_CHECKING:
    from corex.backend.capsules import Received

# DLPack's device types, and ours for them. Pinned and managed memory is what the host sees, too.
_TYPES = {
    1: "cpu", 2: "cuda", 3: "cpu", 4: "opencl", 7: "vulkan", 8: "mps", 10: "rocm", 11: "cpu",
    13: "cuda", 14: "xpu", 15: "webgpu",
}  # fmt: skip


# ---- DLPack ------------------------------------------------------------------------------------
@function()
def from_dlpack(ext_tensor: Any, *, device: DeviceLike = None, copy: bool | None = None) -> Tensor:
    """A tensor over the memory of an object with `__dlpack__`, or of a DLPack capsule.

    Writes through either are seen by the other. `device` moves the tensor there; `copy` True or
    False insists.

    Raises:
        RuntimeError: a capsule that was used already, or an object that is none.
        BufferError: the producer cannot export the tensor, or no backend can take it.
        ValueError: `copy=False`, but a copy would be needed; negative strides.
    """
    if not hasattr(ext_tensor, "__dlpack__"):
        if device is not None or copy is not None:
            raise ValueError(
                "device and copy kwargs not supported when ext_tensor is already a DLPack capsule."
            )
        return _imported(ext_tensor, None)
    kind, number = ext_tensor.__dlpack_device__()
    place = _place_of(int(kind), int(number))
    result = _imported(_capsule_from(ext_tensor, place, copy), copy)
    target = result if device is None else to(result, device=device)
    if copy is False and target is not result:
        raise ValueError(
            f"cannot move DLPack tensor from device {result.device} to {target.device} without "
            "copying. Set copy=None or copy=True."
        )
    return target


def _place_of(kind: int, number: int) -> Place:
    """The place whose memory DLPack calls so.

    Raises:
        BufferError: nobody serves such a device.
    """
    name = _TYPES.get(kind)
    if name is None:
        raise BufferError(f"no device type of corex is DLPack's device type {kind}")
    try:
        return find_place(name if name == "cpu" else Device(name, number))
    except RuntimeError as error:
        raise BufferError(f"nobody here can take a tensor on {name}:{number}: {error}") from error


def _capsule_from(producer: Any, place: Place, copy: bool | None) -> Any:
    """Asks for a capsule as producers of all ages understand it."""
    from corex.backend.capsules import VERSION

    known: dict[str, Any] = {}
    stream = place.backend.stream_handle(place.index)
    if stream is not None:
        known["stream"] = stream
    asked = {} if copy is None else {"copy": copy}
    for more in ({"max_version": VERSION, **asked}, asked, {}):
        try:
            capsule = producer.__dlpack__(**known, **more)
        except TypeError:
            if not more:
                raise
            continue
        if copy and "copy" not in more:
            return _copied(capsule)
        return capsule
    raise AssertionError("unreachable")


def _copied(capsule: Any) -> Any:
    """The capsule of a copy, for a producer that does not know how to make one."""
    return clone(_imported(capsule, None)).__dlpack__(max_version=(1, 0))


def _imported(capsule: Any, copy: bool | None) -> Tensor:
    from corex.backend.capsules import take

    received = take(capsule)
    place = _place_of(*received.device)
    return _adopted(place, received, copy is False)


def _adopted(place: Place, what: Received, insist: bool) -> Tensor:
    """A tensor over foreign memory, or if it need not be that memory, over a copy.

    Raises:
        ValueError: negative strides, or a copy is needed and forbidden.
    """
    key, shape = place.keys[what.dtype.index], what.shape
    if not numel(shape):
        return empty(key, shape)
    strides = contiguous_strides(shape) if what.strides is None else what.strides
    if min(strides, default=0) < 0:
        raise ValueError(
            "At least one stride is negative, and tensors with negative strides are not currently "
            "supported. (You can probably work around this by asking for a copy, with copy=True.)"
        )
    count = 1 + sum([(n - 1) * s for n, s in zip(shape, strides, strict=True)])
    nbytes = count * what.dtype.itemsize
    on_host = place.device.type == "cpu"
    buffer = None
    if what.address % what.dtype.itemsize == 0:
        if on_host:
            buffer = key.place.backend.wrap_host(_host_bytes(what, nbytes))
        else:
            backend = key.place.backend
            buffer = backend.wrap_pointer(what.address, nbytes, place.index, what.owner)
    if buffer is not None:
        dense = is_contiguous(shape, strides)
        return make(adopt(place, buffer), key, shape, None if dense else strides)
    if insist:
        raise ValueError(f"backend '{place.name}' cannot use this memory without copying it")
    if not on_host:
        raise BufferError(f"backend '{place.name}' cannot use the memory of other libraries")
    result = empty(key, (count,))
    upload(place, result.storage_.buffer, 0, _host_bytes(what, nbytes))
    return make(result.storage_, key, shape, strides)


def _host_bytes(what: Received, nbytes: int) -> memoryview:
    from corex.backend.capsules import array_at

    data: Any = array_at(what.address, "|u1", (nbytes,), None, what.readonly, what.owner)
    return memoryview(data)


# ---- the CUDA array interface ------------------------------------------------------------------
def from_cuda_array(data: Any, device: DeviceLike = None) -> Tensor:
    """A tensor over the memory of an object with `__cuda_array_interface__`.

    The current stream waits for the one that the object names.

    Raises:
        TypeError: a dtype that corex does not have. ValueError: negative or odd strides, a mask.
        BackendUnavailableError: there is no backend for CUDA.
    """
    from corex.backend.capsules import Received

    interface = data.__cuda_array_interface__
    if interface.get("mask") is not None:
        raise ValueError("masked arrays are not supported")
    wanted = None if device is None else Device(device) if isinstance(device, str) else device
    on_cuda = isinstance(wanted, int) or (isinstance(wanted, Device) and wanted.type == "cuda")
    place = find_place(wanted if on_cuda else "cuda")
    dtype = dtype_of_typestr(interface["typestr"])
    address, readonly = interface["data"]
    stream = interface.get("stream")
    if stream is not None:
        place.backend.follow_stream(place.index, stream)
    shape = tuple(interface["shape"])
    strides = _in_elements(interface.get("strides"), dtype)
    return _adopted(
        place, Received(address, (2, place.index), dtype, shape, strides, readonly, data), True
    )


def _in_elements(strides: Any, dtype: DType) -> tuple[int, ...] | None:
    if strides is None:
        return None
    if any(stride % dtype.itemsize for stride in strides):
        raise ValueError("given array strides not a multiple of the element byte size")
    return tuple([stride // dtype.itemsize for stride in strides])


def dtype_of_typestr(typestr: str) -> DType:
    """The dtype that the array interface calls so.

    Raises:
        TypeError: there is none. ValueError: foreign byte order.
    """
    import sys

    if typestr[0] == (">" if sys.byteorder == "little" else "<") and typestr[2:] != "1":
        raise ValueError("byte order different from the native byte order is not supported")
    for dtype in dt.ALL:
        if typestr[1:] == dtype.numpy:
            return dtype
    raise TypeError(f"corex has no dtype for an array of type '{typestr}'")


# ---- for `as_tensor` and others ----------------------------------------------------------------
def shared_foreign(data: Any, device: DeviceLike) -> Tensor | None:
    """A tensor over the memory of an object with one of the two protocols, or None."""
    if hasattr(data, "__cuda_array_interface__"):
        return from_cuda_array(data, device)
    if hasattr(data, "__dlpack__") and hasattr(data, "__dlpack_device__"):
        return from_dlpack(data)
    return None
