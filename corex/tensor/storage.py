"""Storage: memory owned by one backend, shared by all views of it."""

from __future__ import annotations

from typing import Any

from corex.backend.contract import Buffer
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
        self.place.backend.copy_to_host(self.buffer, 0, memoryview(target))
        return bytes(target)

    def __len__(self) -> int:
        return self.nbytes()

    def __repr__(self) -> str:
        return f"Storage({self.nbytes()} bytes on {self.place})"


def allocate(place: Place, nbytes: int) -> Storage:
    """New, uninitialised storage.

    Raises:
        OutOfMemoryError: the backend has no such memory.
    """
    return adopt(place, place.backend.allocate(nbytes, place.index))


def adopt(place: Place, buffer: Buffer) -> Storage:
    """Storage around a buffer that its backend made."""
    storage = _new(Storage)
    storage.buffer = buffer
    storage.place = place
    storage.version = 0
    return storage


_new = object.__new__
