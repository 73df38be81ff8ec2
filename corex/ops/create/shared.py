"""Tensors in memory that processes share: a process that is forked later sees writes to it."""

from __future__ import annotations

import mmap
from typing import Any
from weakref import WeakSet

from corex.ops.registration import method
from corex.tensor.storage import Storage, download
from corex.tensor.tensor import Tensor

_shared: WeakSet[Storage] = WeakSet()


@method()
def share_memory_(self: Tensor) -> Tensor:
    """In place: moves the memory, which all views keep showing, to where processes that are forked
    from now on share it. On other devices than the processor it changes nothing.

    Raises:
        RuntimeError: the backend cannot adopt such memory.
    """
    storage = self.storage_
    place = storage.place
    if place.device.type != "cpu" or storage in _shared:
        return self
    memory = memoryview(mmap.mmap(-1, max(storage.nbytes(), 1)))[: storage.nbytes()]
    download(place, storage.buffer, 0, memory)
    buffer = place.backend.wrap_host(memory)
    if buffer is None:
        raise RuntimeError(f"[share_memory_] backend '{place.name}' cannot use shared memory")
    storage.buffer = buffer
    _shared.add(storage)
    return self


@method()
def is_shared(self: Tensor) -> bool:
    """Whether processes share the memory: after `share_memory_`, and on other devices."""
    return self.key.place.device.type != "cpu" or self.storage_ in _shared


@method()
def record_stream(self: Tensor, s: object) -> None:
    """Notes that work on a stream uses the memory, which is kept until that is done. Of what corex
    itself gives a stream its allocators know; this is for work of other libraries.

    Raises:
        NotImplementedError: a device without streams.
    """
    buffer = self.storage_.buffer
    if self.key.place.device.type == "cpu":
        raise NotImplementedError(
            "Could not run 'record_stream' with arguments from the 'CPU' backend"
        )
    use = getattr(buffer, "use", None)
    if use is not None:
        stream: Any = s
        use(stream._raw)
