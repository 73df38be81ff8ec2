"""Transfers between host memory and a device, by way of pinned memory.

To the device: bytes are copied to a pinned chunk and queued from there, so that the caller has its
memory back at once and nobody waits; a chunk is used again when its transfer is done. To the host:
the only place where a program waits for a device without asking for it.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

import pycuda.driver as drv

from corex_cuda_pycuda.runtime.threads import keep, working_on

if TYPE_CHECKING:
    from corex_cuda_pycuda.runtime.device import Device
    from corex_cuda_pycuda.runtime.streams import Stream

SMALL, LARGE = 64 << 10, 4 << 20
MOST_CHUNKS = 8


class _Chunk:
    """Pinned memory, and the event after which it may be written again."""

    __slots__ = ("event", "view")

    def __init__(self, device: Device, nbytes: int) -> None:
        with working_on(device):
            self.view = memoryview(keep(drv.pagelocked_empty(nbytes, "uint8")))
            self.event = keep(drv.Event(drv.event_flags.DISABLE_TIMING))


class _Ring:
    """Chunks of one size, the longest unused first."""

    def __init__(self, device: Device, nbytes: int) -> None:
        self._device = device
        self._nbytes = nbytes
        self._chunks: deque[_Chunk] = deque()
        self._made = 0

    def take(self) -> _Chunk:
        """A chunk that nobody uses; waits for the oldest transfer where all are in use."""
        if self._chunks:
            chunk = self._chunks.popleft()
            if chunk.event.query():
                return chunk
            if self._made == MOST_CHUNKS:
                chunk.event.synchronize()
                return chunk
            self._chunks.appendleft(chunk)
        self._made += 1
        return _Chunk(self._device, self._nbytes)

    def put(self, chunk: _Chunk) -> None:
        self._chunks.append(chunk)


class Staging:
    """The transfers of one device; it is entered when these are called."""

    def __init__(self, device: Device) -> None:
        self._counters = device.counters
        self._lock = threading.Lock()
        self._small, self._large = _Ring(device, SMALL), _Ring(device, LARGE)

    def to_device(self, address: int, source: memoryview, stream: Stream) -> None:
        """Queues a copy of `source`, which is the caller's again on return."""
        total = len(source)
        self._counters.host_to_device += 1
        self._counters.host_to_device_bytes += total
        ring = self._small if total <= SMALL else self._large
        with self._lock:
            for start in range(0, total, LARGE):
                nbytes = min(LARGE, total - start)
                chunk = ring.take()
                chunk.view[:nbytes] = source[start : start + nbytes]
                drv.memcpy_htod_async(address + start, chunk.view[:nbytes], stream.raw)
                chunk.event.record(stream.raw)
                ring.put(chunk)

    def to_host(self, target: memoryview, address: int, stream: Stream) -> None:
        """Fills `target` with what is there after everything queued before; waits."""
        total = len(target)
        self._counters.device_to_host += 1
        self._counters.device_to_host_bytes += total
        ring = self._small if total <= SMALL else self._large
        with self._lock:
            ahead: tuple[_Chunk, int, int] | None = None
            for start in range(0, total, LARGE):
                nbytes = min(LARGE, total - start)
                chunk = ring.take()
                drv.memcpy_dtoh_async(chunk.view[:nbytes], address + start, stream.raw)
                chunk.event.record(stream.raw)
                if ahead is not None:
                    self._unload(ring, target, *ahead)
                ahead = chunk, start, nbytes
            if ahead is not None:
                self._unload(ring, target, *ahead)

    @staticmethod
    def _unload(ring: _Ring, target: memoryview, chunk: _Chunk, start: int, nbytes: int) -> None:
        chunk.event.synchronize()
        target[start : start + nbytes] = chunk.view[:nbytes]
        ring.put(chunk)
