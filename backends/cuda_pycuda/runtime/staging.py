"""Transfers between host memory and a device, by way of pinned memory.

To the device: bytes are copied to a pinned chunk and queued from there, so that the caller has its
memory back at once and nobody waits; a chunk is used again when its transfer is done. To the host:
the only place where a program waits for a device without asking for it. Who waits has the chunk to
itself and holds no lock: other threads' transfers go on.
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
        self._idle: deque[_Chunk] = deque()  # in nobody's hands; transfers may be under way
        self._made = 0
        self._changed = threading.Condition()

    def take(self) -> _Chunk:
        """A chunk that nobody uses; waits for the oldest transfer where all are in use."""
        with self._changed:
            while not self._idle and self._made >= MOST_CHUNKS:
                self._changed.wait()  # all are in the hands of other threads
            chunk = self._next()
        return self._ready(chunk)

    def take_another(self) -> _Chunk | None:
        """As `take`, but for who has one in hand: does not wait for others to put theirs back."""
        with self._changed:
            if not self._idle and self._made >= MOST_CHUNKS:
                return None
            chunk = self._next()
        return self._ready(chunk)

    def _next(self) -> _Chunk | None:
        """The oldest chunk, or None where it is better to make one."""
        full = self._made >= MOST_CHUNKS
        if self._idle and (full or self._idle[0].event.query()):
            return self._idle.popleft()
        self._made += 1
        return None

    def _ready(self, chunk: _Chunk | None) -> _Chunk:
        if chunk is None:
            return self._make()
        try:
            if not chunk.event.query():
                chunk.event.synchronize()
        except BaseException:
            self.put(chunk)
            raise
        return chunk

    def _make(self) -> _Chunk:
        try:
            return _Chunk(self._device, self._nbytes)
        except BaseException:
            with self._changed:
                self._made -= 1
                self._changed.notify()
            raise

    def put(self, chunk: _Chunk) -> None:
        """Gives it back; its event says when its transfer is done."""
        with self._changed:
            self._idle.append(chunk)
            self._changed.notify()


class Staging:
    """The transfers of one device; it is entered when these are called."""

    def __init__(self, device: Device) -> None:
        self._counters = device.counters
        self._small, self._large = _Ring(device, SMALL), _Ring(device, LARGE)

    def to_device(self, address: int, source: memoryview, stream: Stream) -> None:
        """Queues a copy of `source`, which is the caller's again on return."""
        total = len(source)
        self._counters.host_to_device += 1
        self._counters.host_to_device_bytes += total
        ring = self._small if total <= SMALL else self._large
        for start in range(0, total, LARGE):
            nbytes = min(LARGE, total - start)
            chunk = ring.take()
            try:
                chunk.view[:nbytes] = source[start : start + nbytes]
                drv.memcpy_htod_async(address + start, chunk.view[:nbytes], stream.raw)
                chunk.event.record(stream.raw)
            finally:
                ring.put(chunk)

    def to_host(self, target: memoryview, address: int, stream: Stream) -> None:
        """Fills `target` with what is there after everything queued before; waits."""
        total = len(target)
        self._counters.device_to_host += 1
        self._counters.device_to_host_bytes += total
        ring = self._small if total <= SMALL else self._large
        ahead: deque[tuple[_Chunk, int, int]] = deque()
        try:
            for start in range(0, total, LARGE):
                chunk = ring.take_another() if ahead else ring.take()
                if chunk is None:
                    self._unload(ring, target, *ahead.popleft())
                    chunk = ring.take()
                nbytes = min(LARGE, total - start)
                ahead.append((chunk, start, nbytes))
                drv.memcpy_dtoh_async(chunk.view[:nbytes], address + start, stream.raw)
                chunk.event.record(stream.raw)
                if len(ahead) > 1:
                    self._unload(ring, target, *ahead.popleft())
            while ahead:
                self._unload(ring, target, *ahead.popleft())
        finally:
            for chunk, _, _ in ahead:
                ring.put(chunk)

    @staticmethod
    def _unload(ring: _Ring, target: memoryview, chunk: _Chunk, start: int, nbytes: int) -> None:
        try:
            chunk.event.synchronize()
            target[start : start + nbytes] = chunk.view[:nbytes]
        finally:
            ring.put(chunk)
