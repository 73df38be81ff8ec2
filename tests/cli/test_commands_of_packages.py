"""Subcommands that installed packages add."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence

import pytest

from corex import cli

GROUP = "corex.commands"
CALLS: list[Sequence[str]] = []


def hello(argv: Sequence[str]) -> int:
    """A package's command."""
    CALLS.append(list(argv))
    if "--fail" in argv:
        raise OSError("nothing\n  works")
    return 7


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two entry points: a command, and one that would hide a command of corex's own."""
    CALLS.clear()
    found = [
        importlib.metadata.EntryPoint("hello", f"{__name__}:hello", GROUP),
        importlib.metadata.EntryPoint("backends", f"{__name__}:hello", GROUP),
    ]
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda *, group: found)
    monkeypatch.setattr(importlib.metadata.EntryPoint, "load", lambda self: hello)


def test_a_command_gets_the_rest_of_the_line() -> None:
    assert cli.main(["hello", "run", "--option", "x"]) == 7
    assert CALLS == [["run", "--option", "x"]]


def test_its_errors_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["hello", "--fail"]) == 1
    assert capsys.readouterr().err == "corex hello: nothing works\n"


def test_it_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    assert "hello" in capsys.readouterr().out


def test_commands_of_corex_have_precedence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["backends", "--help"])
    assert CALLS == []
    assert "which backends there are" in capsys.readouterr().out.lower()
