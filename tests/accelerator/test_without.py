"""`corex.accelerator` where there is none: questions have answers, and the rest says why."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

import corex
from corex.backend import BackendDescriptor
from corex.plugins import PluginManager, hookimpl


@pytest.fixture(autouse=True)
def nothing_but_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    from corex.accelerator import devices
    from corex.dispatch import devices as selection
    from corex.plugins import manager

    alone = PluginManager()
    cpu = manager.backend("reference_py")
    descriptor = BackendDescriptor("reference_py", "cpu", lambda: None, lambda: cpu)
    alone.register(SimpleNamespace(corex_backends=hookimpl(lambda: [descriptor])), "cpu")
    monkeypatch.setattr(devices, "manager", alone)
    monkeypatch.setattr(selection, "manager", alone)
    monkeypatch.setattr(selection, "_usual", {})
    monkeypatch.setattr(selection, "_default", [])


def test_questions_have_answers() -> None:
    assert corex.accelerator.current_accelerator() is None
    assert corex.accelerator.device_count() == 0
    assert not corex.accelerator.is_available()
    corex.accelerator.set_device_index(None)


@pytest.mark.parametrize(
    "function",
    ["current_device_index", "current_stream", "empty_cache", "memory_allocated", "synchronize"],
)
def test_the_rest_says_why(function: str) -> None:
    message = "Cannot access accelerator device when none is available"
    with pytest.raises(RuntimeError, match=message):
        getattr(corex.accelerator, function)()


def test_streams_are_the_cpus() -> None:
    assert corex.Stream().device.type == "cpu"
    assert corex.Event().device.type == "cpu"
