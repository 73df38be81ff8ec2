"""The results as a table to read and as JSON to keep."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.cases.plugins import WITHOUT
from benchmarks.goals import GOALS, verdict
from benchmarks.timing import Spread, Times


@dataclass
class Outcome:
    """What came of one case: times, or the reason why there are none."""

    name: str
    statement: str = ""
    times: Times = field(default_factory=Times)
    problem: str = ""
    losses: dict[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> Spread | None:
        """corex over PyTorch, or over corex without plugins; None where one of them is missing."""
        return self.times.ratio("corex", "torch") or self.times.ratio("corex", WITHOUT)

    def as_data(self) -> dict[str, Any]:
        """For JSON; times in microseconds."""
        goal = GOALS.get(self.name)
        data: dict[str, Any] = {
            "case": self.name,
            "statement": self.statement,
            "microseconds": {
                name: [round(t * 1e6, 4) for t in times]
                for name, times in self.times.rounds.items()
            },
        }
        for other in ("torch", "numpy", WITHOUT):
            ratio = self.times.ratio("corex", other)
            if ratio is not None:
                values = (ratio.lower, ratio.median, ratio.upper)
                data[f"ratio_to_{other.replace(' ', '_')}"] = [round(v, 4) for v in values]
        if goal is not None:
            data["goal"] = {"limit": goal.limit, "required": goal.required}
            data["verdict"] = verdict(goal, self.ratio)
        if self.losses:
            data["losses"] = self.losses
        if self.problem:
            data["problem"] = self.problem
        return data


HEADER = ("case", "corex µs", "torch µs", "numpy µs", "ratio", "quartiles", "goal", "verdict")
WIDTHS = (31, 11, 11, 11, 8, 13, 11, 9)


def line(cells: tuple[str, ...]) -> str:
    """One row: the name on the left, numbers on the right."""
    name, *numbers = cells
    parts = [name.ljust(WIDTHS[0])]
    parts += [cell.rjust(width) for cell, width in zip(numbers, WIDTHS[1:], strict=True)]
    return "".join(parts).rstrip()


def row(outcome: Outcome) -> str:
    """One case's line of the table."""
    if outcome.problem:
        return f"{outcome.name.ljust(WIDTHS[0])}  {outcome.problem}"
    ratio = outcome.ratio
    goal = GOALS.get(outcome.name)
    return line(
        (
            outcome.name,
            *[_microseconds(outcome.times.of(name)) for name in ("corex", "torch", "numpy")],
            "" if ratio is None else f"{ratio.median:.3f}",
            "" if ratio is None else f"{ratio.lower:.2f}-{ratio.upper:.2f}",
            "" if goal is None else str(goal),
            verdict(goal, ratio),
        )
    )


def _microseconds(times: Spread | None) -> str:
    if times is None:
        return ""
    value = times.median * 1e6
    return f"{value:.3f}" if value < 100 else f"{value:,.0f}"


def summary(outcomes: list[Outcome]) -> str:
    """How many goals are met, and which required ones are not."""
    judged = [
        (o.name, GOALS[o.name], verdict(GOALS[o.name], o.ratio))
        for o in outcomes
        if o.name in GOALS and o.ratio is not None
    ]
    lines = []
    for kind, required in (("required", True), ("aimed at", False)):
        chosen = [(name, answer) for name, goal, answer in judged if goal.required is required]
        missed = [name for name, answer in chosen if answer.startswith("missed")]
        if chosen:
            text = f"{kind}: {len(chosen) - len(missed)} of {len(chosen)} met"
            lines.append(text + (f"; not {', '.join(missed)}" if missed else ""))
    problems = [o.name for o in outcomes if o.problem]
    if problems:
        lines.append(f"not measured: {', '.join(problems)}")
    return "\n".join(lines)


def write_json(path: Path, facts: dict[str, Any], outcomes: list[Outcome]) -> None:
    """Everything that was measured, round by round."""
    data = {"machine": facts, "cases": [outcome.as_data() for outcome in outcomes]}
    path.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n")
