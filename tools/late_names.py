"""Writes `corex/ops/late_names.py`: the names in the families of ops that are loaded late."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any

import corex
from corex.generated import Table
from corex.ops import late, registration

WIDTH = 100
_HEAD = '''"""The names in the families of `late`, by table. Written by `make stubs`."""

from __future__ import annotations

NAMES: dict[str, dict[str, str]] = {
'''


def found() -> dict[str, dict[str, list[str]]]:
    """Family -> table -> names, in a process that has loaded none of the families."""
    names: dict[str, dict[str, list[str]]] = {
        family: {table: [] for table in late.TABLES} for family in late.FAMILIES
    }

    class Recording(Table[Any]):
        """Writes down which family enters a name."""

        __slots__ = ()

        def __setitem__(self, name: str, value: Any) -> None:
            for table, known in late.TABLES.items():
                if known is self:
                    _enter(names, table, [name])
            super().__setitem__(name, value)

        def setdefault(self, name: str, default: Any = None) -> Any:  # type: ignore[override]
            self[name] = value = dict.setdefault(self, name, default)
            return value

    declare = registration._declare

    def declared(declaration: registration.Declaration) -> None:
        if declaration.function:
            _enter(names, "functions", declaration.names)
        if declaration.method:
            _enter(names, "methods", declaration.names)
        _enter(names, "methods", declaration.inplace_names)
        declare(declaration)

    registration._declare = declared
    for table in ("ops", "compositions", "short cuts"):
        late.TABLES[table].__class__ = Recording
    for family in late.FAMILIES:
        import_module(f"corex.ops.{family}")
    return names


def _enter(names: dict[str, dict[str, list[str]]], table: str, given: Any) -> None:
    family = _importing(sys._getframe(1))
    if family is not None:
        names[family][table] += [name for name in given if name not in names[family][table]]


def _importing(frame: FrameType | None) -> str | None:
    """The family whose module is being imported, the innermost one."""
    while frame is not None:
        name = frame.f_globals["__name__"].removeprefix("corex.ops.")
        if frame.f_code.co_name == "<module>" and name in late.FAMILIES:
            return str(name)
        frame = frame.f_back
    return None


def _lines(table: str, names: list[str]) -> Iterator[str]:
    """An entry of the dict, in lines that are not too long."""
    yield f'        "{table}": """'
    line = "           "
    for name in names:
        if len(line) + 1 + len(name) > WIDTH:
            yield line
            line = "           "
        line += f" {name}"
    yield line
    yield '        """,'


def text() -> str:
    """The file."""
    lines = []
    for family, tables in found().items():
        lines.append(f'    "{family}": {{')
        for table, names in tables.items():
            lines += _lines(table, names) if names else []
        lines.append("    },")
    return _HEAD + "\n".join(lines) + "\n}\n"


def written() -> str:
    """The file as it should be, from a process of its own."""
    command = [
        sys.executable,
        "-c",
        "from tools import late_names; print(late_names.text(), end='')",
    ]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def path() -> Path:
    """Where it is."""
    return Path(corex.__file__).parent / "ops" / "late_names.py"
