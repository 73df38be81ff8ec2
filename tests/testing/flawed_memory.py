"""Backends that go wrong only where more happens at a time: threads, and work that is queued."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from corex.backend import Buffer, Kernel
from corex_reference_py.views import load, positions, store
from tests.testing.flawed import FlawedBackend, is_view

MOMENT = 0.0002
"""Long enough for another thread to come between."""


def shares_scratch(op: str, kernel: Kernel) -> Kernel:
    """Puts its result into one memory for all before it writes it."""
    scratch: list[list[Any]] = []

    def run(out: Any, *rest: Any) -> None:
        kernel(out, *rest)
        if is_view(out):
            scratch[:] = [load(out)]
            time.sleep(MOMENT)
            store(out, scratch[0])

    return run


def writes_a_stretch(op: str, kernel: Kernel) -> Kernel:
    """Reads and writes the whole stretch of memory in which the output's elements lie."""

    def run(out: Any, *rest: Any) -> None:
        if not is_view(out) or not len(positions(out)):
            kernel(out, *rest)
            return
        before = bytes(out[0])
        kernel(out, *rest)
        own = set(positions(out))
        time.sleep(MOMENT)
        size = out[1].itemsize
        for place in range(min(own), max(own)):
            if place not in own:
                out[0][place * size : (place + 1) * size] = before[
                    place * size : (place + 1) * size
                ]

    return run


class Rewriting(FlawedBackend):
    """Replaces a whole buffer where a part is written, and says that its memory is mutable."""

    def copy_from_host(self, buffer: Buffer, start: int, source: memoryview) -> None:
        whole = bytearray(buffer)
        whole[start : start + source.nbytes] = source
        time.sleep(MOMENT)
        super().copy_from_host(buffer, 0, memoryview(whole))


class Locking(FlawedBackend):
    """Locks the buffers of a call one by one, the output's first."""

    def __init__(self) -> None:
        super().__init__()
        self.locks: dict[int, threading.RLock] = {}
        copy = self.kernels["copy"]

        def run(*views: Any) -> None:
            held = [self.locks.setdefault(id(view[0]), threading.RLock()) for view in views]
            for lock in held:
                lock.acquire()
                time.sleep(MOMENT)
            copy(*views)
            for lock in held:
                lock.release()

        self.kernels = {**self.kernels, "copy": run}


class Queued(FlawedBackend):
    """Runs kernels later, in one thread per stream; there is one stream for each calling thread.

    `waits` says for what `synchronize` waits: "all", "nothing", "the first", "this thread".
    """

    def __init__(self, waits: str = "all", visible: bool = True) -> None:
        super().__init__()
        self.waits, self.visible = waits, visible
        self.queues: dict[int, queue.Queue[Callable[[], None]]] = {}
        self.lock = threading.RLock()
        self.kernels: Mapping[str, Kernel] = {
            op: self._later(kernel) for op, kernel in self.kernels.items()
        }

    def _later(self, kernel: Kernel) -> Kernel:
        def run(*arguments: Any) -> None:
            self._queue().put(lambda: kernel(*arguments))

        return run

    def _queue(self) -> queue.Queue[Callable[[], None]]:
        with self.lock:
            own = self.queues.get(threading.get_ident())
            if own is None:
                own = self.queues[threading.get_ident()] = queue.Queue()
                threading.Thread(target=self._work, args=(own,), daemon=True).start()
            return own

    def _work(self, own: queue.Queue[Callable[[], None]]) -> None:
        while True:
            work = own.get()
            time.sleep(5 * MOMENT)
            work()
            own.task_done()

    def _wait(self) -> None:
        with self.lock:
            queues = list(self.queues.values())
        for one in queues:
            one.join()

    def synchronize(self, device: int) -> None:
        if self.waits == "all":
            self._wait()
        elif self.waits == "the first":
            time.sleep(5 * MOMENT)
        elif self.waits == "this thread":
            self._queue().join()

    def copy_from_host(self, buffer: Buffer, start: int, source: memoryview) -> None:
        self._wait()
        super().copy_from_host(buffer, start, source)

    def copy_to_host(self, buffer: Buffer, start: int, target: memoryview) -> None:
        self._wait()
        super().copy_to_host(buffer, start, target)

    def host_view(self, buffer: Buffer) -> memoryview | None:
        return super().host_view(buffer) if self.visible else None
