"""Probes that are slow or never answer: they hold up nobody but who asks for their backend."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from corex import cli
from corex.cli import backends
from corex.errors import BackendUnavailableError
from corex.plugins import PluginManager
from tests.plugins.test_manager import Toy, ToyPlugin

NEVER = 60


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What slow probes wait for; open at the end."""
    event = threading.Event()
    yield event
    event.set()


def slow(gate: threading.Event, reason: str | None = None) -> Callable[[], str | None]:
    def probe() -> str | None:
        gate.wait(NEVER)
        return reason

    return probe


def toy(name: str, probe: Callable[[], str | None], priority: int = 0) -> ToyPlugin:
    made = type(name, (Toy,), {"name": name})
    return ToyPlugin(name=name, probe=probe, factory=made, priority=priority)


def test_a_slow_probe_holds_up_no_other_backend(gate: threading.Event) -> None:
    manager = PluginManager()
    manager.register(toy("slow", slow(gate)), "slow")
    manager.register(toy("quick", lambda: None), "quick")
    asked = threading.Thread(target=manager.backend, args=("slow",))
    asked.start()
    while "slow" not in manager._probes:
        time.sleep(0.001)
    other = threading.Thread(target=manager.backend, args=("quick",))
    other.start()
    other.join(10)
    assert not other.is_alive()
    gate.set()
    asked.join(10)
    assert manager.holds(manager.backend("slow"))


def test_a_slow_factory_holds_up_no_other_backend(gate: threading.Event) -> None:
    entered = threading.Event()

    class Slow(Toy):
        def __init__(self) -> None:
            entered.set()
            gate.wait(NEVER)

    manager = PluginManager()
    manager.register(ToyPlugin(factory=Slow), "slow")
    manager.register(toy("quick", lambda: None), "quick")
    asked = threading.Thread(target=manager.backend, args=("toy",))
    asked.start()
    assert entered.wait(10)
    other = threading.Thread(target=manager.backend, args=("quick",))
    other.start()
    other.join(10)
    assert not other.is_alive()
    gate.set()
    asked.join(10)


def test_a_probe_that_never_answers_is_named_and_passed_over(
    gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COREX_PROBE_SECONDS", "0.2")
    manager = PluginManager()
    manager.register(toy("hung", slow(gate), priority=1), "hung_driver")
    manager.register(toy("works", lambda: None), "works")
    assert manager.backend_for_device_type("toy") == "works"
    told = "its probe, of plugin 'hung_driver', has not answered in 0.2 s"
    began = time.monotonic()
    with pytest.raises(BackendUnavailableError, match=told) as raised:
        manager.backend("hung")
    assert time.monotonic() - began < 0.15  # it is not waited for twice
    assert isinstance(raised.value.__cause__, TimeoutError)
    [fault] = [fault for fault in manager.faults() if fault.backend == "hung"]
    assert (fault.plugin, fault.stage) == ("hung_driver", "probe")
    gate.set()
    manager._probes["hung"]._thread.join(10)
    assert manager.backend("hung").name == "hung"
    assert not [fault for fault in manager.faults() if fault.backend == "hung"]


def test_the_command_asks_all_probes_side_by_side(
    gate: threading.Event, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COREX_PROBE_SECONDS", "0.5")
    manager = PluginManager()
    for number in range(6):
        manager.register(toy(f"hung{number}", slow(gate)), f"driver{number}")
    monkeypatch.setattr(backends, "manager", manager)
    began = time.monotonic()
    assert cli.main(["backends"]) == 0
    assert time.monotonic() - began < 6 * 0.5
    shown = capsys.readouterr().out
    for number in range(6):
        assert f"its probe, of plugin 'driver{number}', has not answered in 0.5 s" in shown


def test_a_probe_that_asks_for_its_own_backend_fails_at_once() -> None:
    manager = PluginManager()

    def probe() -> str | None:
        return manager.unavailable_reason("toy")

    manager.register(ToyPlugin(probe=probe), "toy")
    assert "asks for its own backend" in str(manager.unavailable_reason("toy"))


def test_a_probe_may_exit_or_be_taken_away() -> None:
    manager = PluginManager()

    def leave() -> str | None:
        manager.unregister("toy")
        raise SystemExit(3)

    manager.register(ToyPlugin(probe=leave), "toy")
    manager.unavailable_reason("toy")
    assert "toy" not in manager.descriptors()
    with pytest.raises(BackendUnavailableError, match="no plugin brings it"):
        manager.backend("toy")
