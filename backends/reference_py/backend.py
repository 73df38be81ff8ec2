"""The backend's memory, which is Python's own, and the table of its kernels."""

from __future__ import annotations

import ctypes
import threading
import weakref
from collections import deque
from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from corex.backend import Backend, Buffer, Kernel, OutOfMemoryError, widened
from corex.dtypes import ALL, DType

from . import create, elementwise, index, matmul, optim, random, reduce, window


class Memory(bytearray):
    """What `allocate` returns: a bytearray of which weak references can be made."""


class ReferenceBackend(Backend):
    """Plain Python. A buffer is a `Memory`, or a memoryview of somebody else's host memory."""

    name: ClassVar[str] = "reference_py"
    device_type: ClassVar[str] = "cpu"

    kernels: Mapping[str, Kernel] = {
        **create.KERNELS,
        **elementwise.KERNELS,
        **reduce.KERNELS,
        **matmul.KERNELS,
        **index.KERNELS,
        **random.KERNELS,
        **window.KERNELS,
        **optim.KERNELS,
    }

    takes: Mapping[str, Collection[DType]] = {op: widened(op) for op in kernels}

    def dtypes(self, device: int) -> tuple[DType, ...]:
        return ALL

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._in_use = 0
        self._peak = 0
        self._allocations = 0
        # A finalizer may run at any moment, even while this thread holds the lock. So it only
        # appends, which is atomic; the subtraction is left to the next one who asks.
        self._freed: deque[int] = deque()

    # ---- memory ----------------------------------------------------------------------------
    def allocate(self, nbytes: int, device: int, dtype: Any = None, shape: Any = None) -> Buffer:
        try:
            memory = Memory(nbytes)
        except (MemoryError, OverflowError):
            raise OutOfMemoryError(f"reference_py could not allocate {nbytes} bytes") from None
        weakref.finalize(memory, self._freed.append, nbytes).atexit = False
        with self._lock:
            self._settle()
            self._in_use += nbytes
            self._peak = max(self._peak, self._in_use)
            self._allocations += 1
        return memory

    def nbytes(self, buffer: Buffer) -> int:
        return len(buffer)

    def copy_from_host(self, buffer: Buffer, start: int, source: memoryview) -> None:
        memoryview(buffer)[start : start + source.nbytes] = source

    def copy_to_host(self, buffer: Buffer, start: int, target: memoryview) -> None:
        target[:] = memoryview(buffer)[start : start + target.nbytes]

    def host_view(self, buffer: Buffer) -> memoryview:
        return memoryview(buffer)

    def wrap_host(self, data: memoryview) -> Buffer | None:
        # Any tensor may be written to, so read-only memory cannot be one.
        return None if data.readonly else data

    def data_ptr(self, buffer: Buffer) -> int:
        return ctypes.addressof(ctypes.c_char.from_buffer(buffer)) if len(buffer) else 0

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
