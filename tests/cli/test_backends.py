"""`corex backends NAME`: all about one backend."""

from __future__ import annotations

import pytest

from corex.backend import Traits
from corex.cli import main
from corex.plugins import manager


def test_one_backend_tells_its_version_and_features(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backends", "cpu_c"]) == 0
    text = capsys.readouterr().out
    assert "written for  1.0" in text
    assert "host_view" in text
    assert "threads" in text
    assert "nothing of what the contract promises is weakened" in text


def test_a_device_type_stands_for_its_backend(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backends", "cpu"]) == 0
    assert "backend      cpu_c" in capsys.readouterr().out


def test_what_a_trait_weakens_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kind = type(manager.backend("reference_py"))
    monkeypatch.setattr(kind, "traits", lambda self, device: Traits(subnormals="flushed"))
    assert main(["backends", "reference_py"]) == 0
    assert "cpu:0        subnormal numbers are flushed" in capsys.readouterr().out


def test_an_unknown_backend_ends_with_a_message(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backends", "nowhere"]) == 1
    assert "nowhere" in capsys.readouterr().err
