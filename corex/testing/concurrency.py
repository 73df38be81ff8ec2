"""Tier 0, where more happens at a time: threads on their own and on common buffers, queued work."""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

from corex.backend.contract import Backend, Buffer, View
from corex.dtypes import int64
from corex.plugins.manager import manager
from corex.testing.result import FAILED, UNSUPPORTED
from corex.testing.verdict import Verdict, told

WAIT: Final = 20.0
"""Seconds after which threads that do next to nothing must have come back."""
COUNT: Final = 512
"""Elements of a buffer."""
BYTES: Final = 8 * COUNT


def together(*works: Callable[[], str | None]) -> None:
    """Runs functions at the same time, each in a thread; they answer with what is wrong.

    Raises:
        Verdict: one finds something wrong, raises, or does not come back.
    """
    wrong: list[str] = []
    start = threading.Barrier(len(works))

    def run(work: Callable[[], str | None]) -> None:
        try:
            start.wait(WAIT)
            wrong.extend(filter(None, [work()]))
        except threading.BrokenBarrierError:
            pass  # another thread tells why
        except Exception as error:
            wrong.append(f"a thread raised {told(error)}")

    threads = [threading.Thread(target=run, args=(work,), daemon=True) for work in works]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + WAIT
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    if wrong:
        raise Verdict(FAILED, "memory", "; ".join(wrong[:3]))
    left = sum(thread.is_alive() for thread in threads)
    if left:
        text = f"{left} of {len(threads)} threads do not come back: do they wait for each other?"
        raise Verdict(FAILED, "memory", text)


Copy = Callable[[View, View], None]


def kernel(backend: Backend) -> Copy | None:
    """The kernel `copy` of int64, if there is one that takes every layout."""
    choice = manager.select_kernel(backend.name, "copy", (int64, int64))
    return None if choice is None or choice.accepts is not None else choice.run


def copier(backend: Backend) -> Copy:
    """Copies elements by the kernel, else through the host."""

    def by_host(target: View, source: View) -> None:
        data = memoryview(bytearray(8 * source[2][0]))
        backend.copy_to_host(source[0], 8 * source[4], data)
        backend.copy_from_host(target[0], 8 * target[4], data)

    return kernel(backend) or by_host


def part(buffer: Buffer, start: int = 0, count: int = COUNT) -> View:
    """Some elements of a buffer."""
    return (buffer, int64, (count,), (1,), start)


def filled(backend: Backend, device: int, byte: int, nbytes: int = BYTES) -> Buffer:
    """A buffer of equal bytes."""
    buffer = backend.allocate(nbytes, device)
    backend.copy_from_host(buffer, 0, memoryview(bytes([byte]) * nbytes))
    return buffer


def differs(backend: Backend, buffer: Buffer, start: int, wanted: bytes) -> str | None:
    """What is wrong with the bytes of a buffer from one on, if anything is."""
    found = bytearray(len(wanted))
    backend.copy_to_host(buffer, start, memoryview(found))
    if found == wanted:
        return None
    at = next(i for i, (a, b) in enumerate(zip(found, wanted, strict=True)) if a != b)
    return f"byte {start + at} of a buffer is {found[at]:#04x}, not {wanted[at]:#04x}"


# ---- threads -----------------------------------------------------------------------------------
def threads(backend: Backend, device: int) -> None:
    """Several threads allocate, copy and call a kernel at the same time, each on its own memory."""
    copy = copier(backend)

    def work(number: int) -> str | None:
        for turn in range(50):
            byte = number * 16 + turn % 16
            one, other = filled(backend, device, byte), filled(backend, device, 0)
            copy(part(other), part(one))
            wrong = differs(backend, other, 0, bytes([byte]) * BYTES)
            if wrong:
                return f"thread {number}, which has its own memory: {wrong}"
        return None

    together(*[partial(work, number) for number in range(4)])


def one_buffer(backend: Backend, device: int) -> None:
    """Threads read one buffer together, and write to parts of one that do not overlap."""
    copy = copier(backend)
    common = filled(backend, device, 7)

    def read(number: int) -> str | None:
        own = filled(backend, device, number)
        for turn in range(50):
            copy(part(own), part(common))
            wrong = differs(backend, (own, common)[turn % 2], 0, b"\7" * BYTES)
            if wrong:
                return f"one buffer is read by four threads: {wrong}"
        return None

    together(*[partial(read, number) for number in range(4)])
    if backend.traits(device).memory == "functional":
        return
    alternately = kernel(backend) is not None
    step = threading.Barrier(4)

    def write(number: int) -> str | None:
        for turn in range(60):
            byte = number * 16 + turn % 16
            places = slice(number, None, 4) if turn % 2 and alternately else _quarter(number)
            _write(backend, device, copy, common, places, byte, by_host=turn % 4 == 0)
            step.wait(WAIT)  # now everybody has written
            found = memoryview(bytearray(BYTES))
            backend.copy_to_host(common, 0, found)
            if any(word != byte * 0x0101010101010101 for word in found.cast("Q")[places]):
                step.abort()
                kind = "every fourth element" if turn % 2 and alternately else "a quarter"
                return f"four threads write to {kind} of a buffer each: one's are lost"
            step.wait(WAIT)
        return None

    together(*[partial(write, number) for number in range(4)])


def _quarter(number: int) -> slice:
    return slice(number * COUNT // 4, (number + 1) * COUNT // 4, 1)


def _write(
    backend: Backend,
    device: int,
    copy: Copy,
    buffer: Buffer,
    places: slice,
    byte: int,
    by_host: bool,
) -> None:
    """Fills some elements of a buffer with a byte."""
    start, step, count = places.start, places.step, COUNT // 4
    if by_host and step == 1:
        backend.copy_from_host(buffer, 8 * start, memoryview(bytes([byte]) * (8 * count)))
    else:
        source = filled(backend, device, byte, 8 * count)
        copy((buffer, int64, (count,), (step,), start), part(source, 0, count))


def two_buffers(backend: Backend, device: int) -> None:
    """Two threads copy between two buffers, one there and one back: other elements."""
    copy = copier(backend)
    half, size = COUNT // 2, BYTES // 2
    one, other = filled(backend, device, 1), filled(backend, device, 2)

    def there() -> str | None:
        for _ in range(200):
            copy(part(other, 0, half), part(one, 0, half))
        return differs(backend, other, 0, b"\1" * size)

    def back() -> str | None:
        for _ in range(200):
            copy(part(one, half, half), part(other, half, half))
        return differs(backend, one, size, b"\2" * size)

    together(there, back)


# ---- queued work -------------------------------------------------------------------------------
CHAIN: Final = 48
Elsewhere = Callable[[Callable[[], None]], None]
"""Calls a function in another place."""
ENOUGH: Final = 0.3
"""Seconds of work after which it is seen whether somebody waited for it."""


def waits(backend: Backend, device: int) -> None:
    """`synchronize` waits for all that is queued on the device: by other threads, on other streams.

    The result is looked at where the host sees the memory. Where it does not, a read that follows
    must not have to wait.
    """
    copy = kernel(backend)
    if copy is None:
        raise Verdict(UNSUPPORTED, message="there is no kernel `copy` that could be queued")
    for name, place in _PLACES.items():
        with place(backend, device) as elsewhere:
            if elsewhere is not None:
                _look(backend, device, copy, name, elsewhere)


def _look(
    backend: Backend,
    device: int,
    copy: Copy,
    name: str,
    elsewhere: Elsewhere,
) -> None:
    chain = [filled(backend, device, i % 2, BYTES) for i in range(CHAIN + 1)]
    seen = backend.host_view(chain[-1])

    def launch(times: int = 1) -> None:
        for _ in range(times):
            for source, target in itertools.pairwise(chain):
                copy(part(target), part(source))

    if seen is None:
        _time(backend, device, name, lambda times: elsewhere(lambda: launch(times)), chain[-1])
        return
    for turn in range(3, 8):
        wanted = bytes([turn]) * BYTES
        backend.copy_from_host(chain[0], 0, memoryview(wanted))
        elsewhere(launch)
        backend.synchronize(device)
        found = bytes(seen)
        if found != wanted:
            text = f"after `synchronize` the host does not see what was queued {name}"
            raise Verdict(FAILED, "memory", f"{text}: byte {found[0]:#04x}, not {turn:#04x}")


def _time(
    backend: Backend, device: int, name: str, launch: Callable[[int], None], last: Buffer
) -> None:
    """A read after `synchronize` does not wait long; tried up to three times, as the machine may be
    busy."""

    def measure(times: int, wait: bool) -> tuple[float, float]:
        start = time.monotonic()
        launch(times)
        if wait:
            backend.synchronize(device)
        middle = time.monotonic()
        backend.copy_to_host(last, 0, memoryview(bytearray(8)))
        end = time.monotonic()
        return end - start, end - middle

    def waited(whole: float, left: float) -> bool:
        return left > 0.25 * whole and left > 0.05

    times = 1
    found = measure(times, False)
    while found[0] < ENOUGH and times < 1 << 14:
        # A little more than should do, but a short measurement says little of a long one.
        times *= max(2, min(16, math.ceil(1.2 * ENOUGH / max(found[0], 1e-9))))
        found = measure(times, False)
    if not waited(*found):
        return  # nothing stays queued, even where nobody waits for it
    for _ in range(3):
        found = measure(times, True)
        if not waited(*found):
            return
    whole, left = found
    text = f"`synchronize` does not wait for all that was queued {name}"
    raise Verdict(
        FAILED, "memory", f"{text}: a read after it waited another {left:.2f} of {whole:.2f} s"
    )


@contextmanager
def _here(backend: Backend, device: int) -> Iterator[Elsewhere]:
    yield lambda work: work()


@contextmanager
def _in_a_thread(backend: Backend, device: int) -> Iterator[Elsewhere]:
    def run(work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()

    yield run


@contextmanager
def _on_a_stream(backend: Any, device: int) -> Iterator[Elsewhere | None]:
    """None where the backend has no streams."""
    try:
        stream, before = backend.new_stream(device), backend.current_stream(device)
    except (AttributeError, NotImplementedError):
        yield None
        return

    def run(work: Callable[[], None]) -> None:
        backend.synchronize(device)  # what the work reads is there
        backend.set_stream(stream)
        try:
            work()
        finally:
            backend.set_stream(before)

    yield run


_PLACES: Final = {
    "by this thread": _here,
    "by another thread": _in_a_thread,
    "on another stream": _on_a_stream,
}

CHECKS: Final[Sequence[Callable[[Backend, int], None]]] = (threads, one_buffer, two_buffers, waits)
