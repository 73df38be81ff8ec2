"""The answers of PyTorch at the special points, as numbers in a file.

`python -m tests.special_points.literals` writes them anew (with PyTorch 2.13), after a line or a
point has been added; `make parity` says whether they are PyTorch's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tests.special_points.calls import lines
from tests.special_points.points import DTYPES
from tests.special_points.run import Outcome, run

FILE = Path(__file__).with_name("literals.json")
DIGITS = {"float32": 8, "float64": 12}


def encoded(outcome: Outcome) -> dict[str, list[Any]]:
    """The arrays as text: dtype, then the numbers; equal neighbours once, with their number."""
    return {
        part: [None if a is None else f"{a.dtype.name}: {_text(a)}" for a in arrays]
        for part, arrays in outcome.items()
    }


def _text(array: Any) -> str:
    digits = DIGITS.get(array.dtype.name, 20)
    words = [f"{x:.{digits}g}" if array.dtype.kind == "f" else str(int(x)) for x in array]
    runs: list[tuple[str, int]] = []
    for word in words:
        if runs and runs[-1][0] == word:
            runs[-1] = (word, runs[-1][1] + 1)
        else:
            runs.append((word, 1))
    return " ".join([word if count == 1 else f"{word}*{count}" for word, count in runs])


def decoded(parts: dict[str, list[Any]]) -> Outcome:
    """The arrays that `encoded` was given, but for rounding."""
    return {
        part: [None if t is None else _array(t) for t in texts] for part, texts in parts.items()
    }


def _array(text: str) -> Any:
    dtype, _, numbers = text.partition(": ")
    kind = np.dtype(dtype).kind
    values: list[Any] = []
    for item in numbers.split():
        word, _, count = item.partition("*")
        values += [float(word) if kind == "f" else int(word)] * int(count or 1)
    with np.errstate(all="ignore"):
        return np.array(values).astype(dtype)


def load() -> dict[str, Any]:
    """The file: dtype -> line -> outcome as text."""
    found: dict[str, Any] = json.loads(FILE.read_text())
    return found


def _of_pytorch() -> Iterator[tuple[str, dict[str, Any]]]:
    import torch

    for dtype in DTYPES:
        yield dtype, {line: encoded(run(torch, line, dtype)) for line in lines()}


def main() -> None:
    """Writes the file, a line of text for every line of the table."""
    blocks = []
    for dtype, outcomes in _of_pytorch():
        rows = [f"  {json.dumps(line)}: {json.dumps(parts)}" for line, parts in outcomes.items()]
        blocks.append(f'"{dtype}": {{\n' + ",\n".join(rows) + "\n}")
    FILE.write_text("{\n" + ",\n".join(blocks) + "\n}\n")


if __name__ == "__main__":
    main()
