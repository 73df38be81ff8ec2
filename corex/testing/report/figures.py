"""Numbers as people read them."""

from __future__ import annotations

import math
from typing import Any

_THIN = "\N{NARROW NO-BREAK SPACE}"
_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))


def number(value: int) -> str:
    """A count, with its thousands apart, and never broken over two lines."""
    return f"{value:,}".replace(",", _THIN)


def plural(n: int, noun: str) -> str:
    """`n` things."""
    return f"{number(n)} {noun}{'' if n == 1 else 's'}"


def seconds(value: float) -> str:
    """A time with a unit that fits it."""
    if not math.isfinite(value):
        return str(value)
    for size, unit in _UNITS:
        if abs(value) >= size:
            return f"{_digits(value / size)} {unit}"
    return f"{_digits(value * 1e9)} ns" if value else "0 s"


def heading(measure: str) -> str:
    """What stands over the figures of a measure: its unit is the same in every row."""
    name, _, kind = measure.rpartition(" ")
    if kind == "seconds":
        return f"{name or 'time'}, µs"
    if measure.startswith("times "):
        return f"time / {measure.removeprefix('times ')}"
    return _RATES.get(measure, measure.replace("_", " "))


_RATES = {"gbps": "GB/s", "gflops": "GFLOP/s"}


def figure(measure: str, value: Any) -> str:
    """A measure in the unit of its heading, with three digits."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return "" if value is None else str(value)
    return _digits(value * 1e6 if measure.rpartition(" ")[2] == "seconds" else value)


def _digits(value: float) -> str:
    if isinstance(value, int) or not math.isfinite(value):
        return str(value)
    if abs(value) >= 100:
        return f"{value:,.0f}".replace(",", _THIN)
    return f"{value:#.3g}".rstrip(".")
