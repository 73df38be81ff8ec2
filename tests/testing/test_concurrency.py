"""What the suite finds out about threads, and about work that is queued."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from corex.backend import Backend, OutOfMemoryError
from corex.testing import concurrency
from corex.testing.case import parse
from corex.testing.result import FAILED, PASSED, UNSUPPORTED, Result
from corex.testing.suite import run_case
from tests.testing import flawed_memory
from tests.testing.flawed import FlawedBackend
from tests.testing.flawed_memory import Locking, Queued, Rewriting
from tests.testing.test_flawed_backends import registered

CHECKS = [f"memory.{check.__name__}" for check in concurrency.CHECKS]


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concurrency, "WAIT", 5.0)
    monkeypatch.setattr(concurrency, "ENOUGH", 0.2)


def run(make: Callable[[], Backend], check: str) -> Result:
    with registered(make):
        return run_case("flawed", 0, parse(f"{check}()"))


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("make", [FlawedBackend, Queued, partial(Queued, visible=False)])
def test_the_right_backends_pass(make: Callable[[], Backend], check: str) -> None:
    result = run(make, check)
    assert result.status == PASSED, result.message


FLAWS: dict[str, tuple[Callable[[], Backend], str, str]] = {
    "one scratch memory for all threads": (
        partial(FlawedBackend, flawed_memory.shares_scratch), "memory.threads",
        "which has its own memory: byte",
    ),
    "a write replaces the whole buffer": (
        Rewriting, "memory.one_buffer", "four threads write to a quarter of a buffer each",
    ),
    "a kernel writes what lies between": (
        partial(FlawedBackend, flawed_memory.writes_a_stretch), "memory.one_buffer",
        "four threads write to every fourth element of a buffer each",
    ),
    "locks in the order of the arguments": (
        Locking, "memory.two_buffers", "do they wait for each other?",
    ),
    "waits for nothing": (
        partial(Queued, "nothing"), "memory.waits", "queued by this thread: byte",
    ),
    "waits for the first": (
        partial(Queued, "the first"), "memory.waits", "queued by this thread: byte",
    ),
    "waits for this thread": (
        partial(Queued, "this thread"), "memory.waits", "queued by another thread: byte",
    ),
    "waits for nothing, unseen": (
        partial(Queued, "nothing", visible=False), "memory.waits",
        "queued by this thread: a read after it waited another",
    ),
    "waits for this thread, unseen": (
        partial(Queued, "this thread", visible=False), "memory.waits",
        "queued by another thread: a read after it waited another",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FLAWS)
def test_a_flaw_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make, check, text = FLAWS[name]
    if make is Locking:  # its threads never come back
        monkeypatch.setattr(concurrency, "WAIT", 2.0)
    result = run(make, check)
    assert (result.status, result.check) == (FAILED, "memory"), result
    assert text in result.message


def test_a_thread_that_raises_is_told() -> None:
    class Refusing(FlawedBackend):
        def allocate(self, nbytes: int, device: int, *hints: object) -> object:
            if nbytes == concurrency.BYTES:
                raise OutOfMemoryError(f"no {nbytes} bytes")
            return super().allocate(nbytes, device, *hints)

    result = run(Refusing, "memory.threads")
    assert result.status == FAILED
    assert "a thread raised OutOfMemoryError: no 4096 bytes" in result.message


def test_far_elements_say_what_they_need() -> None:
    class Small(FlawedBackend):
        def wrap_host(self, data: memoryview) -> None:
            return None

        def allocate(self, nbytes: int, device: int, *hints: object) -> object:
            if nbytes > 1 << 30:
                raise OutOfMemoryError(f"no {nbytes} bytes")
            return super().allocate(nbytes, device, *hints)

    result = run(Small, "memory.far")
    assert result.status == UNSUPPORTED
    assert "it needs one buffer of 5 GiB" in result.message
    assert "OutOfMemoryError: no 5368709120 bytes" in result.message
