"""Memory of the host that a device reads and writes by itself, while the program goes on.

A device's backend gives such memory as bytes (`allocate_pinned`), and a CPU backend adopts them, so
that the tensors there are like any others. What is known here beside is whose bytes they are.
"""

from __future__ import annotations

import time
from typing import NamedTuple
from weakref import WeakKeyDictionary

from corex.backend.contract import Backend
from corex.dtypes import DType
from corex.layout import checked_bytes, extent, numel
from corex.tensor import place as places
from corex.tensor.place import Place
from corex.tensor.storage import Storage, adopt, tell_transfer, told_allocation
from corex.tensor.tensor import Tensor, make


class Pinned(NamedTuple):
    """Who pinned a storage's memory, and the bytes as that backend gave them."""

    backend: Backend
    data: memoryview


_pinned: WeakKeyDictionary[Storage, Pinned] = WeakKeyDictionary()


def pinned_by(storage: Storage) -> Backend | None:
    """The backend that the memory is pinned for, if it is."""
    found = _pinned.get(storage)
    return None if found is None else found.backend


def beside(storage: Storage) -> Storage:
    """A storage over the same memory that counts its writes by itself."""
    result = adopt(storage.place, storage.buffer)
    found = _pinned.get(storage)
    if found is not None:
        _pinned[result] = found
    return result


def pinned_tensor(
    place: Place, dtype: DType, shape: tuple[int, ...], strides: tuple[int, ...] | None, by: Place
) -> Tensor | None:
    """An uninitialised tensor on `place`, a CPU, in memory that is pinned for the device `by`.

    None where that device has no such memory, or the CPU's backend cannot adopt it.

    Raises:
        OutOfMemoryError: the memory is not there.
    """
    key = place.key(dtype)
    count = numel(shape)
    if count and strides is not None:
        count = extent(shape, strides)[1] + 1
    nbytes = checked_bytes(max(count, 1) * dtype.itemsize, shape)
    data = by.backend.allocate_pinned(nbytes, by.index)
    buffer = None if data is None else key.place.backend.wrap_host(data)
    if data is None or buffer is None:
        return None
    if places.observers:
        told_allocation(key.place, nbytes, buffer)
    storage = adopt(key.place, buffer)
    _pinned[storage] = Pinned(by.backend, data)
    return make(storage, key, shape, strides)


def copy_later(
    source: Storage, start: int, target: Storage, target_start: int, nbytes: int
) -> bool:
    """Queues a copy between pinned memory and the device that it is pinned for.

    False, and nothing is done, where the two are no such pair."""
    began = time.perf_counter() if places.observers else 0.0
    host = _pinned.get(source)
    if host is not None and host.backend is target.place.backend:
        part = host.data[start : start + nbytes]
        host.backend.copy_from_host_async(target.buffer, target_start, part)
    else:
        host = _pinned.get(target)
        if host is None or host.backend is not source.place.backend:
            return False
        part = host.data[target_start : target_start + nbytes]
        host.backend.copy_to_host_async(source.buffer, start, part)
    if places.observers:
        tell_transfer(source.place, target.place, nbytes, began)
    return True
