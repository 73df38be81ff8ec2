"""Which device's context is current in a thread, and which stream the thread launches on.

CUDA's contexts belong to threads. A thread enters the one it needs when it needs it, and has one
on its stack at most; the last is popped when the thread ends, because PyCUDA aborts the process
where a thread ends with a context on its stack.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
from typing import TYPE_CHECKING, Any

import pycuda.driver as drv

if TYPE_CHECKING:
    from corex_cuda_pycuda.runtime.device import Device
    from corex_cuda_pycuda.runtime.streams import Stream

FORKED = (
    "Cannot re-initialize CUDA in forked subprocess. To use CUDA with multiprocessing, you must "
    "use the 'spawn' start method"
)


class _Pushed:
    """Pops the thread's context when the thread, whose local data this is, ends."""

    def __init__(self, pop: Any = drv.Context.pop) -> None:
        self.thread = threading.get_ident()
        self.any = False
        self._pop = pop  # module globals may be gone by the time it is needed

    def leave(self) -> None:
        if self.any and self.thread == threading.get_ident():
            self.any = False
            with contextlib.suppress(Exception):  # of a driver that shuts down, or after a fork
                self._pop()

    def __del__(self) -> None:
        self.leave()


class Thread(threading.local):
    """What is current in this thread.

    Attributes:
        device: whose context is current; None before the first use of CUDA in this thread.
        stream: what is launched on, on that device.
        chosen: the streams that take the place of the devices' default streams, by device.
    """

    device: Device | None = None
    stream: Stream = None  # type: ignore[assignment]

    def __init__(self) -> None:
        self.chosen: dict[int, Stream] = {}
        self.pushed = _Pushed()


current = Thread()
_forked = False


def enter(device: Device) -> None:
    """Makes the device's context and stream the current ones of this thread.

    Raises:
        RuntimeError: the process was forked after CUDA was used.
    """
    if _forked:
        raise RuntimeError(FORKED)
    if current.device is not device:
        current.device = None
        current.pushed.leave()
        device.context.push()
        current.pushed.any = True
        current.device = device
    current.stream = current.chosen.get(device.index, device.default_stream)


def forked() -> bool:
    """Whether this is a child process that cannot use its parent's contexts."""
    return _forked


def _leave() -> None:
    current.device = None
    current.pushed.leave()


def _after_fork() -> None:
    global _forked
    _forked = True
    current.device = None


def watch_process() -> None:
    """From the first context on: leave it at exit, and refuse to use it in forked children."""
    atexit.register(_leave)
    os.register_at_fork(after_in_child=_after_fork)
