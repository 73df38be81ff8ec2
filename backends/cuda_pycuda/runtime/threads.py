"""Which device's context is current in a thread, and which stream the thread launches on.

CUDA's contexts belong to threads. A thread enters a device by making its primary context current,
which needs no undoing when the thread or the process ends. PyCUDA has a stack of contexts of its
own: it aborts the process where a thread ends with something on it, and so it is used only for the
moments in which PyCUDA makes or frees an object, `working_on`. Nor can its objects be destroyed in
another thread than that which retained the context, so they are kept for ever, `keep`: CUDA's
memory is freed by hand, and the rest, which is little, ends with the process.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pycuda.driver as drv

from corex_cuda_pycuda.runtime import native

if TYPE_CHECKING:
    from corex_cuda_pycuda.runtime.device import Device
    from corex_cuda_pycuda.runtime.streams import Stream

FORKED = (
    "Cannot re-initialize CUDA in forked subprocess. To use CUDA with multiprocessing, you must "
    "use the 'spawn' start method"
)


class Thread(threading.local):
    """What is current in this thread.

    Attributes:
        device: whose context is current; None before the first use of CUDA in this thread.
        stream: what is launched on, on that device.
        chosen: the streams that take the place of the devices' default streams, by device.
        capture: the graph that the thread's work goes to instead of being done, if any.
    """

    device: Device | None = None
    stream: Stream = None  # type: ignore[assignment]
    capture: Any = None

    def __init__(self) -> None:
        self.chosen: dict[int, Stream] = {}


current = Thread()
_forked = False


def enter(device: Device) -> None:
    """Makes the device's context and stream the current ones of this thread.

    Raises:
        RuntimeError: the process was forked after CUDA was used, or the driver refuses.
    """
    if _forked:
        raise RuntimeError(FORKED)
    if current.device is not device:
        current.device = None
        native.set_context(device.context_handle)
        current.device = device
    current.stream = current.chosen.get(device.index, device.default_stream)


@contextlib.contextmanager
def working_on(device: Device) -> Iterator[None]:
    """For the time in which PyCUDA makes or frees an object that belongs to the device."""
    device.context.push()
    try:
        yield
    finally:
        drv.Context.pop()


def keep(thing: Any) -> Any:
    """One of PyCUDA's objects, which is never destroyed, also not when the process ends."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))
    return thing


def forget(thing: Any) -> None:
    """Takes back `keep`, for an object that was freed."""
    ctypes.pythonapi.Py_DecRef(ctypes.py_object(thing))


def forked() -> bool:
    """Whether this is a child process that cannot use its parent's contexts."""
    return _forked


def _after_fork() -> None:
    global _forked
    _forked = True
    current.device = None


def refuse_forks() -> None:
    """From the first context on: forked children are told that they cannot use it."""
    os.register_at_fork(after_in_child=_after_fork)
