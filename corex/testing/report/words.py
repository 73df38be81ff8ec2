"""The words that the HTML page and the Markdown one share."""

from __future__ import annotations

import re
import shlex
from typing import Final

from corex.testing.report.figures import number, seconds
from corex.testing.report.summary import EXPECTED, Summary
from corex.testing.result import (
    CRASHED,
    FAILED,
    INVALID,
    MISSING,
    PASSED,
    RAISED,
    TIMEOUT,
    UNSUPPORTED,
)

LABELS: Final = {
    PASSED: ("✓", "passed"),
    UNSUPPORTED: ("○", "unsupported"),
    MISSING: ("M", "required but missing"),
    RAISED: ("!", "claimed but raised"),
    FAILED: ("✗", "failed"),
    CRASHED: ("✗", "crashed"),
    TIMEOUT: ("✗", "timeout"),
    INVALID: ("✗", "invalid"),
    EXPECTED: ("x", "expected"),
}
"""Symbol and name of each status."""

STALE: Final = "a line of the expected-failures file that describes no failure, and has to go"

# Control characters, lone surrogates, and what turns the direction of text round.
_INVISIBLE: Final = re.compile(
    "[\0-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def visible(text: object) -> str:
    """The text with invisible characters as Python would write them."""
    lines = str(text).replace("\r\n", "\n")
    return _INVISIBLE.sub(lambda match: ascii(match[0])[1:-1], lines)


def about(summary: Summary) -> dict[str, str]:
    """The facts, with those that the summary itself knows."""
    modes = f" ({', '.join(summary.modes)})" if summary.modes else ""
    own = {
        "backend": summary.backend,
        "device": summary.device,
        "cases": f"{number(summary.total)}{modes}",
        "time in cases": seconds(summary.seconds),
    }
    return {**own, **{label: value for label, value in summary.about.items() if label not in own}}


def replay(summary: Summary, case: str) -> str:
    """The command that runs one case again, quoted for a shell."""
    number = summary.device.rpartition(":")[2]
    where = f" --device {number}" if number.isdecimal() and int(number) else ""
    return f"corex conformance {shlex.quote(summary.backend)}{where} --case {shlex.quote(case)}"
