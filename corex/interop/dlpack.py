"""A tensor's memory for other libraries: DLPack and the CUDA array interface."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from corex.layout import contiguous_strides, numel
from corex.ops.shape.views import clone
from corex.tensor.tensor import Tensor
from corex.tensor.twins import CONJ

if TYPE_CHECKING:
    import numpy as np

_CPU = (1, 0)


def _dlpack_device(self: Tensor) -> tuple[int, int]:
    """DLPack's (device type, number): (1, 0) for host memory, (2, n) for CUDA device n.

    Raises:
        BufferError: no other library can use the tensor's memory.
    """
    place = self.key.place
    found = place.backend.dlpack_device(self.storage_.buffer)
    if found is None:
        raise BufferError(
            f"Unknown device type {place.device.type} for DLPack: backend '{place.name}' does not "
            "share its memory. Use Tensor.cpu() to copy the tensor to host memory first."
        )
    return found


def _dlpack(
    self: Tensor,
    *,
    stream: int | None = None,
    max_version: tuple[int, int] | None = None,
    dl_device: tuple[int, int] | None = None,
    copy: bool | None = None,
) -> Any:
    """A DLPack capsule of the tensor's memory, which lives as long as the receiver needs it.

    Arguments:
        stream: where the receiver uses it first (CUDA: a handle, 1 or None the legacy default
            stream, -1 for no waiting); work given to it later runs after what is queued here.
        max_version: the newest version the receiver understands; by default the old capsule.
        dl_device: where the memory must be: where it is, or on the CPU, which takes a copy.
        copy: True or False insists.

    Raises:
        BufferError: the tensor requires gradients, shows conjugates of its memory, or cannot be
            exported as asked.
        TypeError: a stream that is no number.
    """
    if self._node is not None:
        raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
    if self.key.place.bits:
        what = "conjugate" if self.key.place.bits & CONJ else "negative"
        raise BufferError(f"Can't export tensors with the {what} bit set")
    if stream is not None and type(stream) is not int:
        raise TypeError("stream must be ``int`` or ``none``")
    wanted = None if dl_device is None else (int(dl_device[0]), int(dl_device[1]))
    source = self
    if wanted == _CPU and _may_copy(copy) and _shared_device(self) != _CPU:
        source, stream, copy = self.cpu(), None, True
    elif copy:
        source = clone(self)
    device = _dlpack_device(source)
    if wanted is not None and wanted != device:
        raise BufferError(f"cannot export a tensor on DLPack's device {device} to {wanted}")
    _order(source, device, stream)
    from corex.backend.capsules import make_capsule

    versioned = max_version is not None and max_version[0] >= 1
    array = _stand_in(source, device)
    return make_capsule(array, source.key.dtype, device, versioned, copied=bool(copy))


def _may_copy(copy: bool | None) -> bool:
    return copy is not False


def _shared_device(t: Tensor) -> tuple[int, int] | None:
    return t.key.place.backend.dlpack_device(t.storage_.buffer)


def _order(t: Tensor, device: tuple[int, int], stream: int | None) -> None:
    """Makes the receiver's stream wait for what is queued here."""
    place = t.key.place
    own = place.backend.stream_handle(place.index)
    if own is None:
        if stream not in (None, -1):
            raise BufferError(f"stream must be None: there are none on {place.device}")
        place.backend.synchronize(place.index)
        return
    if stream == 0:
        raise BufferError("stream 0 is ambiguous; 1 is the legacy default stream")
    wanted = 1 if stream is None else stream
    if wanted not in (-1, own):
        place.backend.lead_stream(place.index, wanted)


def _stand_in(t: Tensor, device: tuple[int, int]) -> np.ndarray[Any, Any]:
    """An array of the same memory, shape, strides and size of elements; it keeps the storage."""
    import numpy as np

    from corex.backend.capsules import array_at

    size = t.key.dtype.itemsize
    kind = "c16" if size == 16 else f"i{size}"
    if not numel(t.shape):
        return np.empty(t.shape, kind)
    strides = tuple([s * size for s in t.strides])
    backend, buffer = t.key.place.backend, t.storage_.buffer
    host = backend.host_view(buffer) if device == _CPU else None
    if host is not None:
        return np.ndarray(t.shape, kind, host, t.offset * size, strides)
    address = backend.data_ptr(buffer) + t.offset * size
    return array_at(address, f"<{kind}", t.shape, strides, False, t.storage_)


# ---- the CUDA array interface ------------------------------------------------------------------
def _cuda_array_interface(self: Tensor) -> dict[str, Any]:
    """Address, shape, strides, dtype and stream of a CUDA tensor, version 3.

    Raises:
        AttributeError: the tensor is not on a CUDA device, so that `hasattr` is False.
        RuntimeError: it requires gradients.
        TypeError: the interface has no name for its dtype.
    """
    place, dtype = self.key.place, self.key.dtype
    if place.device.type != "cuda":
        raise AttributeError(
            f"Can't get __cuda_array_interface__ on non-CUDA tensor type: {self.type_name()} If "
            "CUDA data is required use tensor.cuda() to copy tensor to device memory."
        )
    if self._node is not None:
        raise RuntimeError(
            "Can't get __cuda_array_interface__ on Variable that requires grad. If gradients "
            "aren't required, use var.detach() to get Variable that doesn't require grad."
        )
    if place.bits:
        raise RuntimeError("the CUDA array interface has no conjugates; use resolve_conj()")
    if not dtype.numpy:
        raise TypeError(f"the CUDA array interface has no {dtype.name}; use DLPack")
    size = dtype.itemsize
    dense = self._strides is None or self._strides == contiguous_strides(self.shape)
    return {
        "typestr": f"{'|' if size == 1 else '<'}{dtype.numpy}",
        "shape": tuple(self.shape),
        "strides": None if dense else tuple([s * size for s in self.strides]),
        "data": (self.data_ptr() if numel(self.shape) else 0, False),
        "stream": place.backend.stream_handle(place.index),
        "version": 3,
    }


methods: dict[str, Callable[..., Any]] = {
    "__dlpack__": _dlpack,
    "__dlpack_device__": _dlpack_device,
}


def install(tensor: type[Tensor]) -> None:
    """Sets the methods and the property."""
    for name, method in methods.items():
        setattr(tensor, name, method)
    tensor.__cuda_array_interface__ = property(_cuda_array_interface)  # type: ignore[assignment]
