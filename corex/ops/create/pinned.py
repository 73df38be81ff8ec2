"""Tensors in memory of the host that a device copies by itself, while the program goes on."""

from __future__ import annotations

from corex.device import device as Device
from corex.dispatch.devices import find_place, require_accelerator
from corex.layout import strides_like
from corex.ops.create.convert import copy_
from corex.ops.registration import method
from corex.tensor.pinned import pinned_by, pinned_tensor
from corex.tensor.place import Place
from corex.tensor.tensor import Tensor


@method()
def pin_memory(self: Tensor, device: Device | str | None = None) -> Tensor:
    """A copy in memory that the accelerator, or another device, copies by itself; the tensor if it
    is there already. Differentiable.

    From there `to(device, non_blocking=True)` and `copy_(..., non_blocking=True)` do not wait.

    Raises:
        RuntimeError: the tensor is not on the CPU, there is no accelerator, or none with such
            memory.
    """
    if self.key.place.device.type != "cpu":
        raise RuntimeError(f"cannot pin '{self.type_name()}' only dense CPU tensors can be pinned")
    by = _accelerator(device)
    if pinned_by(self.storage_) is by.backend:
        return self
    strides = None if self._strides is None else strides_like(self.shape, self._strides)
    result = pinned_tensor(self.key.place.real, self.key.dtype, self.shape, strides, by)
    if result is None:
        raise RuntimeError(
            f"backend '{by.name}' has no pinned memory for device '{by.device}', or backend "
            f"'{self.key.place.name}' cannot use it"
        )
    return copy_(result, self)


@method()
def is_pinned(self: Tensor, device: Device | str | None = None) -> bool:
    """Whether the tensor is in memory that a device (or this one) copies by itself."""
    by = pinned_by(self.storage_)
    if by is None or device is None:
        return by is not None
    return by is _accelerator(device).backend


def _accelerator(device: Device | str | None) -> Place:
    wanted = Device(require_accelerator() if device is None else device)
    if wanted.type == "cpu":
        raise RuntimeError("CPU device type not an accelerator.")
    return find_place(wanted)
