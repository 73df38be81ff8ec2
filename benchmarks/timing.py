"""Interleaved rounds: how the times are taken, and what is made of them.

A shared machine gets slower and faster while it is measured. So the libraries take turns, in
rotating order, and what counts is the ratio of two times taken in the same round, a few
hundredths of a second apart; the median over the rounds forgets the rounds that were disturbed.
"""

from __future__ import annotations

import gc
import statistics
import timeit
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

Sampler = Callable[[], float]
"""Takes one time, in seconds for one step."""


@dataclass(frozen=True)
class Effort:
    """How long to measure: rounds, and the shortest time that counts as one round."""

    rounds: int = 15
    seconds: float = 0.02
    processes: int = 9


QUICK = Effort(rounds=5, seconds=0.005, processes=3)


@dataclass
class Spread:
    """Median and quartiles."""

    median: float
    lower: float
    upper: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of at least one value."""
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        lower, median, upper = statistics.quantiles(values, n=4, method="inclusive")
        return cls(median, lower, upper)


@dataclass
class Times:
    """What each library took in each round, in seconds for one step."""

    rounds: dict[str, list[float]] = field(default_factory=dict)

    def of(self, library: str) -> Spread | None:
        """Its times, if it took part."""
        return Spread.of(self.rounds[library]) if self.rounds.get(library) else None

    def ratio(self, library: str, other: str) -> Spread | None:
        """Time of `library` over that of `other`, round by round; None if one did not take part."""
        if not self.rounds.get(library) or not self.rounds.get(other):
            return None
        pairs = zip(self.rounds[library], self.rounds[other], strict=True)
        return Spread.of([mine / theirs for mine, theirs in pairs])


def measure(samplers: Mapping[str, Sampler], rounds: int) -> Times:
    """Takes `rounds` times of each, a round at a time, every round beginning with another one."""
    names = list(samplers)
    times = Times({name: [] for name in names})
    gc.collect()
    gc.freeze()  # what exists now need not be looked at again after every round
    try:
        for turn in range(rounds):
            first = turn % len(names)
            for name in names[first:] + names[:first]:
                times.rounds[name].append(samplers[name]())
                gc.collect()
    finally:
        gc.unfreeze()
    return times


def statement_sampler(text: str, names: Mapping[str, object], per: int, seconds: float) -> Sampler:
    """Times a statement, repeated as often as fills `seconds`; garbage collection is off.

    `timeit` writes the loop around the statement itself, so that no call is timed but its own.
    """
    timer = timeit.Timer(text, globals=dict(names))
    number = repetitions(timer, seconds)
    return lambda: timer.timeit(number) / (number * per)


def repetitions(timer: timeit.Timer, seconds: float) -> int:
    """How often to run the timer's statement for `seconds`; running it warms up, too."""
    number = 1
    while True:
        taken = timer.timeit(number)
        if taken >= seconds:
            return number
        # At most ten times more at once: the first runs are slower than the rest.
        number = min(number * 10, int(number * seconds * 1.2 / max(taken, 1e-9)) + 1)
