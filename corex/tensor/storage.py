"""Storage: memory owned by one backend, shared by all views of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from corex.backend.contract import Buffer
from corex.dtypes import DType
from corex.tensor import place as places
from corex.tensor.place import Place


class Storage:
    """A buffer, where it lives, and how often it was written in place.

    The buffer is freed when the last tensor that shows it dies, by reference counting. `version`
    is what backward compares to find that a saved tensor was overwritten.
    """

    __slots__ = ("__weakref__", "buffer", "place", "version", "watchers")

    buffer: Buffer
    place: Place
    version: int
    watchers: list[Any]
    """Who is to be told of the next write; set by `corex.tensor.lineage` alone."""

    def nbytes(self) -> int:
        """Size in bytes."""
        return self.place.backend.nbytes(self.buffer)

    def data_ptr(self) -> int:
        """Address of the first byte, where the backend has addresses; else 0."""
        return self.place.backend.data_ptr(self.buffer)

    def tobytes(self) -> bytes:
        """A copy of the raw bytes."""
        target = bytearray(self.nbytes())
        download(self.place, self.buffer, 0, memoryview(target))
        return bytes(target)

    def __len__(self) -> int:
        return self.nbytes()

    def __repr__(self) -> str:
        return f"Storage({self.nbytes()} bytes on {self.place})"


def allocate(place: Place, nbytes: int, dtype: DType | None = None) -> Storage:
    """New, uninitialised storage, for dense elements of `dtype` where that is known.

    Raises:
        OutOfMemoryError: the backend has no such memory.
    """
    shape = None if dtype is None else (nbytes // dtype.itemsize,)
    buffer = place.backend.allocate(nbytes, place.index, dtype, shape)
    if places.observers:
        told_allocation(place, nbytes, buffer)
    return adopt(place, buffer)


def adopt(place: Place, buffer: Buffer) -> Storage:
    """Storage around a buffer that its backend made."""
    storage = _new(Storage)
    storage.buffer = buffer
    storage.place = place
    storage.version = 0
    return storage


_new = object.__new__


# ---- bytes between memories ------------------------------------------------------------------
def upload(place: Place, buffer: Buffer, start: int, source: memoryview) -> None:
    """Copies bytes of the host into a buffer, from byte `start` on."""
    if not places.observers:
        place.backend.copy_from_host(buffer, start, source)
        return
    began = time.perf_counter()
    place.backend.copy_from_host(buffer, start, source)
    _tell_transfer(None, place, len(source), began)


def download(place: Place, buffer: Buffer, start: int, target: memoryview) -> None:
    """Fills memory of the host from a buffer, from byte `start` on."""
    began = time.perf_counter() if places.observers else 0.0
    if place.late:
        place.waited(place.backend.copy_to_host, buffer, start, target)
    else:
        place.backend.copy_to_host(buffer, start, target)
    if places.observers:
        _tell_transfer(place, None, len(target), began)


def copy_across(
    source: Place, data: Buffer, start: int, target: Place, result: Buffer, nbytes: int
) -> None:
    """Copies the bytes of one buffer from `start` on to the beginning of another: between two of
    one backend without the host, if it can, else by way of the host."""
    began = time.perf_counter() if places.observers else 0.0
    backend = target.backend
    if source.backend is not backend or not backend.copy_device(result, 0, data, start, nbytes):
        host = source.backend.host_view(data)
        if host is None:
            host = memoryview(bytearray(nbytes))
            source.waited(source.backend.copy_to_host, data, start, host)
            start = 0
        backend.copy_from_host(result, 0, host[start : start + nbytes])
    if places.observers:
        _tell_transfer(source, target, nbytes, began)


def _untold(*event: Any) -> None:
    """Nobody listens yet."""


_tell_transfer: Callable[[Place | None, Place | None, int, float], None] = _untold
_tell_allocation: Callable[[Place, int], None] = _untold


def tell_with(
    transfer: Callable[[Place | None, Place | None, int, float], None],
    allocation: Callable[[Place, int], None],
) -> None:
    """Sets who passes on what is told of memory while somebody listens."""
    global _tell_transfer, _tell_allocation
    _tell_transfer, _tell_allocation = transfer, allocation


def tell_transfer(source: Place | None, target: Place | None, nbytes: int, began: float) -> None:
    """Tells of a copy that began at a time of `perf_counter`; asked only while somebody listens."""
    _tell_transfer(source, target, nbytes, began)


def told_allocation(place: Place, nbytes: int, buffer: Buffer) -> None:
    """Tells of memory that was allocated; asked only while somebody listens."""
    _tell_allocation(place, nbytes)
    for note in _notes:
        note(buffer)


_notes: tuple[Callable[[Buffer], None], ...] = ()
_lock = threading.Lock()


@contextmanager
def noting(note: Callable[[Buffer], None]) -> Iterator[None]:
    """Calls `note(buffer)` for all memory that is allocated in the block, by any thread: who
    records a program must know which memory is new. Short cuts, which tell nothing, are closed."""
    global _notes
    with _lock:
        _notes = (*_notes, note)
    places.change_observers(1)
    try:
        yield
    finally:
        places.change_observers(-1)
        with _lock:
            _notes = tuple([other for other in _notes if other is not note])
