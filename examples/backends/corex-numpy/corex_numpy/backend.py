"""The backend: its memory, and the table of its kernels."""

import threading
import weakref
from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np

from corex.backend import Backend, Buffer, Kernel, OutOfMemoryError
from corex_numpy.accelerated import KERNELS as ACCELERATED
from corex_numpy.elements import KERNELS as ELEMENTS
from corex_numpy.kernels import KERNELS as CORE


class Memory(np.ndarray):
    """A piece of the device's memory: bytes, freed when the last reference goes.

    Around real hardware this is a small object with a handle, whose finalizer frees it.
    """


class NumpyBackend(Backend):
    """Pretends that NumPy's memory is a device's: the host gets at it by copies alone.

    `host_view` and `wrap_host` stay None, although NumPy could share its memory. So everything
    here is as it must be on hardware, and programs take the same paths as they will there.
    """

    name = "numpy"
    device_type = "numpy"
    kernels: Mapping[str, Kernel] = {**CORE, **ELEMENTS, **ACCELERATED}

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._in_use = self._peak = self._allocations = 0
        # A finalizer may run at any moment, even while this thread holds the lock. So it only
        # appends, which is atomic; the subtraction is left to the next one who asks.
        self._freed: deque[int] = deque()

    def allocate(self, nbytes: int, device: int, dtype: Any = None, shape: Any = None) -> Buffer:
        try:
            memory = np.empty(nbytes, np.uint8).view(Memory)
        except (MemoryError, ValueError):
            raise OutOfMemoryError(f"numpy could not allocate {nbytes} bytes") from None
        weakref.finalize(memory, self._freed.append, nbytes).atexit = False
        with self._lock:
            self._settle()
            self._in_use += nbytes
            self._peak = max(self._peak, self._in_use)
            self._allocations += 1
        return memory

    def nbytes(self, buffer: Buffer) -> int:
        return int(buffer.nbytes)

    def copy_from_host(self, buffer: Buffer, start: int, source: memoryview) -> None:
        memoryview(buffer)[start : start + source.nbytes] = source

    def copy_to_host(self, buffer: Buffer, start: int, target: memoryview) -> None:
        target[:] = memoryview(buffer)[start : start + target.nbytes]

    def data_ptr(self, buffer: Buffer) -> int:
        return int(buffer.ctypes.data)

    def memory_stats(self, device: int) -> dict[str, int]:
        with self._lock:
            self._settle()
            return {
                "allocated_bytes": self._in_use,
                "reserved_bytes": self._in_use,
                "peak_allocated_bytes": self._peak,
                "allocations": self._allocations,
            }

    def _settle(self) -> None:
        """Subtracts what was freed since the last time; the caller holds the lock."""
        while self._freed:
            self._in_use -= self._freed.popleft()
