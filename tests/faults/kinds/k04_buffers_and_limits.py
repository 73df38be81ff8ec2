"""Buffers that others drop while a kernel runs; what the cache counts; what `select` claims."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.faults.replay import in_a_process

KIND = "04: lists of buffers changed under kernels; the memory limit ignored the cache"

_CHANGING_LISTS = """
import threading
import corex
from corex.dtypes import float32
corex.set_backend("cpu_c")
backend = corex.place_of("cpu_c").backend
count, size = 8, 1 << 18
direct, kernel = backend.direct("sgd_step", float32), backend.kernels["sgd_step"]
stop = threading.Event()
lists = [[], [], [], []]

def renew():
    params = [backend.allocate(4 * size, 0) for _ in range(count)]
    grads = [backend.allocate(4 * size, 0) for _ in range(count)]
    views = [[(b, float32, (size,), (1,), 0) for b in each] for each in (params, grads)]
    lists[0][:], lists[1][:], lists[2][:], lists[3][:] = params, grads, views[0], views[1]

def disturb():
    while not stop.is_set():
        renew()
        for each in lists:
            each.clear()
        backend.empty_cache(0)

other = threading.Thread(target=disturb)
renew()
other.start()
for _ in range(150):
    try:
        direct(lists[0], lists[1], [(size,)] * len(lists[0]), 0.0, 0.0, False)
    except (TypeError, ValueError):
        pass
    try:
        kernel(lists[2], lists[3], [], 0.0, 0.0, 0.0, 0.0, False, False, True)
    except (TypeError, ValueError):
        pass
stop.set()
other.join()
"""

_LIMIT = """
import corex
corex.set_backend("cpu_c")
limit, piece = 256 << 20, 60 << 20
def reserved():
    return corex.memory_stats()["reserved_bytes"]
for size in range(piece, 2 * piece, piece // 8):  # each of a class of its own, kept by the cache
    corex.empty(size, dtype=corex.uint8)
    assert reserved() <= limit, reserved()
held = [corex.empty(piece, dtype=corex.uint8) for _ in range(3)]
assert reserved() <= limit
try:
    corex.empty(2 * piece, dtype=corex.uint8)
except corex.OutOfMemoryError as error:
    assert str(2 * piece) in str(error), error
else:
    raise AssertionError("more than the limit was granted")
assert reserved() <= limit
del held
corex.empty(3 * piece, dtype=corex.uint8)  # the cache makes way
assert reserved() <= limit
"""


def _lists() -> None:
    in_a_process(_CHANGING_LISTS, COREX_CPU_CACHE_BYTES="0")


def _limit() -> None:
    in_a_process(_LIMIT, COREX_CPU_MEMORY_BYTES=str(256 << 20), COREX_CPU_CACHE_BYTES=str(1 << 30))


def cases(backend: str) -> Iterator[tuple[str, Callable[[], None]]]:
    if backend == "cpu_c":
        yield "lists that change while a kernel runs", _lists
        yield "the limit counts the cache", _limit
