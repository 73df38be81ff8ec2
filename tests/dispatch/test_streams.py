"""A backend that computes later: what streams may run in another order than they were given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

import corex
from corex.backend import Backend, BackendDescriptor, KernelChoice
from corex.dtypes import DType
from corex.plugins import hookimpl, manager


class Queued(Backend):
    """Kernels of `reference_py`, each put into the queue of the stream that is current."""

    name = "queued"
    device_type = "queued"

    def __init__(self) -> None:
        self.real = manager.backend("reference_py")
        self.current = 0
        self.queues: dict[int, list[Callable[[], object]]] = {}

    def select(self, op: str, dtypes: tuple[DType, ...]) -> KernelChoice | None:
        choice = self.real.select(op, dtypes)
        if choice is None or choice.accepts is not None:
            return None

        def later(*arguments: object) -> None:
            self.queues.setdefault(self.current, []).append(lambda: choice.run(*arguments))

        return KernelChoice(later)

    def allocate(
        self, nbytes: int, device: int, dtype: object = None, shape: object = None
    ) -> object:
        buffer = self.real.allocate(nbytes, device)
        self.real.copy_from_host(buffer, 0, memoryview(b"\xaa" * nbytes))  # nothing is zero by luck
        return buffer

    def nbytes(self, buffer: object) -> int:
        return self.real.nbytes(buffer)

    def copy_from_host(self, buffer: object, start: int, source: memoryview) -> None:
        self.finish()
        self.real.copy_from_host(buffer, start, source)

    def copy_to_host(self, buffer: object, start: int, target: memoryview) -> None:
        self.finish()
        self.real.copy_to_host(buffer, start, target)

    @contextmanager
    def stream(self, number: int) -> Iterator[None]:
        before, self.current = self.current, number
        try:
            yield
        finally:
            self.current = before

    def finish(self) -> None:
        """Runs what waits, the youngest stream first: nobody made one wait for another."""
        for number in sorted(self.queues, reverse=True):
            for work in self.queues.pop(number):
                work()


class QueuedPlugin:
    @hookimpl
    def corex_backends(self) -> list[BackendDescriptor]:
        return [BackendDescriptor("queued", "queued", lambda: None, Queued)]


@pytest.fixture
def queued() -> Iterator[Queued]:
    manager.register(QueuedPlugin(), "queued")
    backend = manager.backend("queued")
    assert isinstance(backend, Queued)
    yield backend
    manager.unregister("queued")


def test_one_stream_is_in_order(queued: Queued) -> None:
    x = corex.tensor([1.0, 2.0], device="queued")
    assert ((x + x) * x).tolist() == [2.0, 8.0]
    with queued.stream(1):
        assert ((x + x) * x).tolist() == [2.0, 8.0]


NUMBERS: dict[str, Callable[[corex.Tensor], corex.Tensor]] = {
    "times a number": lambda x: x * 3.25,
    "a number minus": lambda x: 7.25 - x,
    "in place": lambda x: x.clone().add_(1.75),
    "compared": lambda x: (x > 1.25).float(),
    "clamped": lambda x: x.clamp(max=1.125),
    "a power": lambda x: x**2.375,
}


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_used_on_two_streams(queued: Queued, name: str) -> None:
    program = NUMBERS[name]
    expected = program(corex.tensor([1.0, 2.0], backend="reference_py")).tolist()
    x = corex.tensor([1.0, 2.0], device="queued")
    with queued.stream(1):
        program(x)
    with queued.stream(2):
        second = program(x)
    assert second.tolist() == pytest.approx(expected)
