"""Views of 1-d memory of a backend, from numbers and back."""

from __future__ import annotations

import struct

from corex.dtypes import float32


def put(backend, numbers, dtype=float32, device=0):
    """A 1-d view of these numbers."""
    data = struct.pack(f"={len(numbers)}{dtype.format}", *numbers)
    buffer = backend.allocate(len(data), device)
    backend.copy_from_host(buffer, 0, memoryview(data))
    return (buffer, dtype, (len(numbers),), (1,), 0)


def get(backend, view):
    buffer, dtype, (size,), _, _ = view
    data = bytearray(buffer.nbytes)
    backend.copy_to_host(buffer, 0, memoryview(data))
    return list(struct.unpack(f"={size}{dtype.format}", data))
