"""Runs and summaries as JSON files."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from corex.testing.report.files import write
from corex.testing.report.summary import Cell, Group, Summary, shorten, summarise, without_defaults
from corex.testing.result import Result, Run

FORMAT: Final = "corex conformance"
VERSION: Final = 1

_SPECIAL: Final = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def write_json(run: Run, path: str | os.PathLike[str]) -> None:
    """Writes everything that is known of a run, one case per line."""
    summary = summarise(run)
    parts = {
        **_head("run", run),
        "counts": summary.tally(),
        "results": [without_defaults(result) for result in run.results],
        "expected": run.expected,
        "stale": run.stale,
    }
    write(path, _text(parts))


def read_json(path: str | os.PathLike[str]) -> Run:
    """The run that `write_json` wrote.

    Raises:
        ValueError: the file is not such a report; says what is wrong.
    """
    found = _load(path)
    if found["kind"] != "run":
        raise ValueError(f"{os.fspath(path)} is a summary, without the single cases of the run")
    try:
        return Run(
            **_common(found),
            results=[_result(item) for item in found["results"]],
            expected=found["expected"],
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise _damaged(path, error) from error


def write_summary(run: Run | Summary, path: str | os.PathLike[str]) -> None:
    """Writes counts, and examples of what went wrong: small enough to be committed.

    `read_summary` reads it.
    """
    summary = shorten(summarise(run))
    parts = {
        **_head("summary", summary),
        "seconds": summary.seconds,
        "counts": summary.tally(),
        "cells": _fold(summary.cells),
        "groups": [
            {**group._asdict(), "results": [without_defaults(r) for r in group.results]}
            for group in summary.groups
        ],
        "slowest": [without_defaults(result) for result in summary.slowest],
        "perf": [without_defaults(result) for result in summary.perf],
        "expected": summary.expected,
        "stale": summary.stale,
    }
    write(path, _text(parts))


def read_summary(path: str | os.PathLike[str]) -> Summary:
    """The summary in a file that `write_summary` or `write_json` wrote.

    Raises:
        ValueError: the file is not such a report; says what is wrong.
    """
    found = _load(path)
    if found["kind"] == "run":
        return summarise(read_json(path))
    try:
        return Summary(
            **_common(found),
            seconds=_number(found["seconds"]),
            cells=_unfold(found["cells"]),
            groups=[
                Group(**{**group, "results": [_result(item) for item in group["results"]]})
                for group in found["groups"]
            ],
            slowest=[_result(item) for item in found["slowest"]],
            perf=[_result(item) for item in found["perf"]],
            expected=found["expected"],
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise _damaged(path, error) from error


def _head(kind: str, run: Run | Summary) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "version": VERSION,
        "kind": kind,
        "backend": run.backend,
        "device": run.device,
        "about": run.about,
    }


def _common(found: dict[str, Any]) -> dict[str, Any]:
    return {name: found[name] for name in ("backend", "device", "about", "stale")}


def _load(path: str | os.PathLike[str]) -> dict[str, Any]:
    where = os.fspath(path)
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{where} is not JSON: {error}") from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise ValueError(f"{where} is not a report of the conformance suite")
    if found.get("version") != VERSION:
        raise ValueError(
            f"{where} has version {found.get('version')!r} of the format; this is {VERSION}"
        )
    if found.get("kind") not in ("run", "summary"):
        raise ValueError(f"{where} is damaged: kind is {found.get('kind')!r}")
    return found


def _damaged(path: str | os.PathLike[str], error: Exception) -> ValueError:
    return ValueError(f"{os.fspath(path)} is damaged: {type(error).__name__}: {error}")


def _result(item: dict[str, Any]) -> Result:
    result = Result(**item)
    measures = {name: _number(value) for name, value in result.measures.items()}
    return result._replace(seconds=_number(result.seconds), measures=measures)


def _number(value: Any) -> Any:
    """The float that `_strict` wrote as text."""
    return _SPECIAL.get(value, value) if isinstance(value, str) else value


def _fold(cells: dict[Cell, int]) -> list[list[Any]]:
    """[mode, tier, op, dtype -> layout -> "how status" -> count] of each op."""
    folded: dict[tuple[str, int, str], dict[str, Any]] = {}
    for cell, n in cells.items():
        by_dtype = folded.setdefault((cell.mode, cell.tier, cell.op), {})
        by_layout = by_dtype.setdefault(cell.dtype, {})
        by_layout.setdefault(cell.layout, {})[f"{cell.how} {cell.status}".strip()] = n
    return [[*key, by_dtype] for key, by_dtype in folded.items()]


def _unfold(rows: list[list[Any]]) -> dict[Cell, int]:
    cells = {}
    for mode, tier, op, by_dtype in rows:
        for dtype, by_layout in by_dtype.items():
            for layout, counts in by_layout.items():
                for key, n in counts.items():
                    how, _, status = key.rpartition(" ")
                    cells[Cell(mode, tier, op, dtype, layout, how, status)] = int(n)
    return cells


def _text(parts: dict[str, Any]) -> str:
    """JSON with one line per part, and one per item of a list."""
    lines = []
    for name, value in parts.items():
        text = _block(value) if isinstance(value, list) and value else _dump(value)
        lines.append(f"{_dump(name)}: {text}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _block(items: Iterable[Any]) -> str:
    return "[\n" + ",\n".join(map(_dump, items)) + "\n]"


def _dump(value: Any) -> str:
    return json.dumps(_strict(value), allow_nan=False, separators=(",", ":"))


def _strict(value: Any) -> Any:
    """The value in terms of JSON; floats that JSON lacks, and what it does not know, as text."""
    if isinstance(value, dict):
        return {str(key): _strict(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_strict(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else repr(float(value))
    if value is None or isinstance(value, (str, int)):
        return value
    scalar = value.item() if hasattr(value, "item") else None
    return str(value) if scalar is None else _strict(scalar)
