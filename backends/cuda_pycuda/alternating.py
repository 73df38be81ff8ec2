"""The backend with every op on another stream than the one before, to find what is not ordered.

COREX_CUDA_ALTERNATE=1 puts it in the place of the usual one. Between ops it orders what a careful
program would: a stream waits for the last work on each of an op's operands, and for nothing else.
So whatever the backend shares below its operands, or hands out again too early, is used by two
streams at once. The simulator's deferred work and poisoned memory (COREX_CUDA_SIM_DEFERRED=1,
COREX_CUDA_POISON=1) make that visible.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, wraps
from typing import Any
from weakref import WeakKeyDictionary

from corex.backend import Buffer, DirectKernel
from corex.dtypes import DType
from corex_cuda_pycuda import runtime
from corex_cuda_pycuda.backend import CudaBackend
from corex_cuda_pycuda.runtime import BorrowedBuffer, Event, Stream
from corex_cuda_pycuda.runtime.threads import current

Touched = tuple[Stream, Event]


class AlternatingBackend(CudaBackend):
    """Two streams per device, which take turns."""

    def __init__(self) -> None:
        super().__init__()
        self._touched: WeakKeyDictionary[BorrowedBuffer, Touched] = WeakKeyDictionary()
        self.kernels = {name: self._in_turn(kernel) for name, kernel in self.kernels.items()}

    # ---- taking turns ------------------------------------------------------------------------
    def _in_turn(self, kernel: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(kernel)
        def call(*arguments: Any) -> Any:
            with self._turn(*_buffers(arguments)) as touched:
                result = kernel(*arguments)
                touched.extend(_buffers((result,)))
            return result

        return call

    @contextmanager
    def _turn(self, *buffers: BorrowedBuffer) -> Iterator[list[BorrowedBuffer]]:
        """Orders a stream behind the last work on the buffers; then it is the other one's turn."""
        touched = list(buffers)
        if current.capture is not None or not buffers:
            yield touched
            return
        device = runtime.device(buffers[0].device)
        stream = device.stream
        for buffer in buffers:
            last = self._touched.get(buffer)
            if last is not None and last[0] is not stream:
                stream.wait_event(last[1])
        try:
            yield touched
        finally:
            event = stream.record_event()
            for buffer in touched:
                if buffer.device == device.index:
                    self._touched[buffer] = (stream, event)
            first, second = _pair(device.index)
            runtime.choose(second if stream is first else first)

    def _join(self, device: int) -> None:
        """This thread's stream waits for the other one."""
        here = runtime.device(device)
        if current.capture is None:
            for stream in _pair(device):
                if stream is not here.stream:
                    here.stream.wait_stream(stream)

    # ---- the backend's methods, in turn --------------------------------------------------------
    def direct(self, op: str, dtype: DType) -> DirectKernel | None:
        """As `CudaBackend.direct`."""
        found = super().direct(op, dtype)
        return None if found is None else self._in_turn(found)

    def allocate(self, nbytes: int, device: int, dtype: Any = None, shape: Any = None) -> Buffer:
        """Memory of the stream whose turn is next."""
        found = super().allocate(nbytes, device, dtype, shape)
        if nbytes and current.capture is None:
            stream = runtime.device(device).stream
            self._touched[found] = (stream, stream.record_event())
        return found

    def copy_from_host(self, buffer: Buffer, start: int, source: memoryview) -> None:
        """As `CudaBackend.copy_from_host`."""
        with self._turn(buffer):
            super().copy_from_host(buffer, start, source)

    def copy_to_host(self, buffer: Buffer, start: int, target: memoryview) -> None:
        """As `CudaBackend.copy_to_host`."""
        with self._turn(buffer):
            super().copy_to_host(buffer, start, target)

    def copy_from_host_async(self, buffer: Buffer, start: int, source: memoryview) -> None:
        """As `CudaBackend.copy_from_host_async`."""
        with self._turn(buffer):
            super().copy_from_host_async(buffer, start, source)

    def copy_to_host_async(self, buffer: Buffer, start: int, target: memoryview) -> None:
        """As `CudaBackend.copy_to_host_async`."""
        with self._turn(buffer):
            super().copy_to_host_async(buffer, start, target)

    def copy_device(
        self, target: Buffer, target_start: int, source: Buffer, source_start: int, nbytes: int
    ) -> bool:
        """As `CudaBackend.copy_device`; each device has its turn."""
        with self._turn(target), self._turn(source):
            return super().copy_device(target, target_start, source, source_start, nbytes)

    def stream_handle(self, device: int) -> int:
        """As `CudaBackend.stream_handle`, of a stream that has everything behind it."""
        self._join(device)
        return super().stream_handle(device)

    def lead_stream(self, device: int, stream: int) -> None:
        """As `CudaBackend.lead_stream`, for the work of both streams."""
        self._join(device)
        super().lead_stream(device, stream)

    def follow_stream(self, device: int, stream: int) -> None:
        """As `CudaBackend.follow_stream`, for both streams."""
        for one in _pair(device):
            runtime.choose(one)
            super().follow_stream(device, stream)


@cache
def _pair(device: int) -> tuple[Stream, Stream]:
    found = runtime.device(device)
    return found.default_stream, found.new_stream()


def _buffers(arguments: tuple[Any, ...]) -> list[BorrowedBuffer]:
    """The buffers of an op's operands: views begin with theirs, short cuts take them alone."""
    found: list[BorrowedBuffer] = []
    for argument in arguments:
        if isinstance(argument, BorrowedBuffer):
            found.append(argument)
        elif isinstance(argument, list | tuple):
            found += _buffers(tuple(argument))
    return found
