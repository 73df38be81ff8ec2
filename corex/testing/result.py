"""What became of one case, and the counts that a report is made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

PASSED: Final = "passed"
UNSUPPORTED: Final = "unsupported"
MISSING: Final = "missing"
RAISED: Final = "raised"
FAILED: Final = "failed"
CRASHED: Final = "crashed"
TIMEOUT: Final = "timeout"
INVALID: Final = "invalid"

STATUSES: Final = {
    PASSED: "the kernel did what the contract says",
    UNSUPPORTED: "the backend does not offer this, and need not",
    MISSING: "the backend does not offer this, but the required tier asks for it",
    RAISED: "the backend offers this, but raised an exception",
    FAILED: "the backend ran this, and a check found it wrong",
    CRASHED: "the process died",
    TIMEOUT: "the case took longer than a case may",
    INVALID: "the case's id asks for what cannot be; the backend was not asked",
}
"""Every status, with its meaning; all but the first two are counted against the backend."""

GOOD: Final = frozenset({PASSED, UNSUPPORTED})


class Result(NamedTuple):
    """The outcome of one case.

    Attributes:
        id: the case's replayable id.
        op: the op, or "memory" for a case of tier 0.
        tier: 0 memory, 1 required, 2 accelerated.
        status: a key of `STATUSES`.
        check: the first check that found a fault: a key of `CHECKS`, or "".
        message: for people; may have several lines. Tells of every check that found one.
        seconds: how long the case took.
        how: in which way the op ran: native, parts, upcast, decomposed, fallback, or "" where none
            did.
        measures: figures of a perf case (seconds, bytes per second, ratios), by name.
        also: the other checks that found a fault, each once.
    """

    id: str
    op: str
    tier: int
    status: str
    check: str = ""
    message: str = ""
    seconds: float = 0.0
    how: str = ""
    measures: dict[str, Any] = {}  # noqa: RUF012 - a NamedTuple's default, never written to
    also: Sequence[str] = []

    @property
    def faults(self) -> list[str]:
        """What is wrong: the checks that found a fault, or the status where none did."""
        return [] if self.good else [self.check or self.status, *self.also]

    @property
    def good(self) -> bool:
        """Whether the backend keeps its promise here."""
        return self.status in GOOD


CHECKS: Final = {
    "values": "every element of every output, against the oracle",
    "special": "NaN, infinities and signed zeros, against the oracle",
    "unwritten": "every element of an output is written, whatever was there before",
    "stale": "results belong to these inputs, not to those of an earlier call",
    "guards": "no byte outside the outputs is written",
    "inputs": "the inputs are as they were",
    "repeat": "the same call gives the same bits again",
    "references": "the kernel keeps no reference to a buffer",
    "numbers": "a number as an operand does what a view of one element does",
    "leak": "memory is given back",
    "honesty": "what `select` and `accepts` claim is true, and they claim it always",
    "error": "wrong values raise the exception of the contract, and nothing is written astray",
    "memory": "tier 0: allocation and copies",
    "traits": "the device is no less than its backend declares",
    "decomposition": "an op without a kernel runs by those that it is composed of",
    "gradient": "the derivative, against finite differences of the oracle",
    "second": "the derivative of the derivative, against differences of the oracle's differences",
    "placement": "the op ran where the kernel table says",
    "result": "shape, dtype, device and requires_grad of the result",
}
"""The checks a case may fail, by name."""


def count(results: Iterable[Result]) -> dict[str, int]:
    """How many results have each status, in the order of `STATUSES`."""
    found = Counter(result.status for result in results)
    return {status: found[status] for status in STATUSES}


class Run(NamedTuple):
    """One run of the suite: what a report is made from.

    Attributes:
        backend: the backend's name.
        device: the device, as in "strict:1".
        about: facts about the run, by label: date, versions, processor, dtypes held, ...
        results: one per case, in the order of the cases.
        expected: id -> reason, for each failure that the expected-failures file allows.
        stale: lines of that file that no longer describe a failure.
    """

    backend: str
    device: str
    about: dict[str, str]
    results: list[Result]
    expected: dict[str, str] = {}  # noqa: RUF012 - a NamedTuple's default, never written to
    stale: list[str] = []  # noqa: RUF012

    @property
    def unexpected(self) -> list[Result]:
        """What counts against the backend: bad results that no line of the file expects."""
        return [r for r in self.results if not r.good and r.id not in self.expected]

    @property
    def ok(self) -> bool:
        """Whether the run as a whole is a success."""
        return not self.unexpected and not self.stale
