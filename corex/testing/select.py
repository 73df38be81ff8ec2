"""Which cases to run: by mode, op, parameter, tier, id or recorded calls, and a sample of them."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from corex.errors import CorexError, near
from corex.tensor.schema import REGISTRY
from corex.testing import replay, suite
from corex.testing.case import MODES, Case, literal, parse
from corex.testing.patterns import matches
from corex.testing.spec import CaseError

DEFAULT_MODES: Final = ("test", "grad")
TIERS: Final = {0: "memory", 1: "core", 2: "accelerated"}
SAMPLE: Final = 32
"""`reduced` keeps about one case in this many."""


class UsageError(CorexError, ValueError):
    """What was asked for does not exist; the message lists what there is."""


class Selection(NamedTuple):
    """A choice of cases. Everything left empty chooses all.

    Attributes:
        modes: see `corex.testing.case.MODES`; those of `cases` and `replay` are their own.
        ops: patterns of op names.
        where: (parameter, pattern of its value); for one parameter, any of its patterns may fit.
        tiers: 0 memory, 1 required, 2 accelerated.
        cases: ids of the cases to take instead of the generated ones.
        replay: a file of recorded calls to take instead.
        reduced: keep a sample, the same each time, with every op and dtype in it.
    """

    modes: tuple[str, ...] = DEFAULT_MODES
    ops: tuple[str, ...] = ()
    where: tuple[tuple[str, str], ...] = ()
    tiers: tuple[int, ...] = ()
    cases: tuple[str, ...] = ()
    replay: str | None = None
    reduced: bool = False


def selection(
    mode: str = "",
    op: str = "",
    where: Iterable[str] = (),
    tier: str = "",
    cases: Iterable[str] = (),
    replay: str | None = None,
    reduced: bool = False,
) -> Selection:
    """A selection from the texts of a command line: lists are separated by commas.

    Raises:
        UsageError: a text is malformed, or names a mode or tier that does not exist.
    """
    modes = tuple(words(mode)) or DEFAULT_MODES
    for name in modes:
        if name not in MODES:
            raise UsageError(f"unknown mode {name!r}; the modes are {', '.join(MODES)}")
    tiers = words(tier)
    for number in tiers:
        if number not in map(str, TIERS):
            known = ", ".join(f"{key} ({name})" for key, name in TIERS.items())
            raise UsageError(f"unknown tier {number!r}; the tiers are {known}")
    return Selection(
        modes=modes,
        ops=tuple(words(op)),
        where=tuple(_condition(text) for text in where),
        tiers=tuple(map(int, tiers)),
        cases=tuple(cases),
        replay=replay,
        reduced=reduced,
    )


def words(text: str) -> list[str]:
    """The words of a comma-separated list."""
    return [word for word in map(str.strip, text.split(",")) if word]


def _condition(text: str) -> tuple[str, str]:
    name, equals, pattern = text.partition("=")
    if not equals or not name.strip():
        raise UsageError(f"expected NAME=VALUE, as in dtype=float32, got {text!r}")
    return name.strip(), pattern.replace(" ", "")


def select(chosen: Selection) -> list[Case]:
    """The cases chosen, each once, in the order of the suite (or as they were given).

    Raises:
        UsageError: an op, parameter or id does not exist, or no case is left.
    """
    cases = _base(chosen)
    kept = _by_op(cases, chosen.ops)
    if chosen.tiers:
        kept = [case for case in kept if tier_of(case.op) in chosen.tiers]
    kept = _by_parameter(kept, chosen.where)
    if not kept:
        raise UsageError("no case is left: each filter fits some, but none fits all of them")
    return sample(kept) if chosen.reduced else kept


def _base(chosen: Selection) -> list[Case]:
    if not chosen.cases and chosen.replay is None:
        return suite.generate(chosen.modes)
    found = [_written(text) for text in chosen.cases]
    if chosen.replay is not None:
        try:
            found += replay.cases(chosen.replay)
        except CaseError as error:
            raise UsageError(f"{chosen.replay}: {error}") from None
    return list({case.id: case for case in found}.values())


def _written(text: str) -> Case:
    """The case of an id from a command line."""
    try:
        case = parse(text)
    except ValueError as error:
        raise UsageError(str(error)) from None
    if case.op not in REGISTRY:
        known = {other.op: None for other in suite.generate(MODES)}
        if case.op not in known:
            raise UsageError(_unknown("op", case.op, known))
    try:
        suite.verify(case)
    except CaseError as error:
        raise UsageError(str(error)) from None
    return case


def _by_op(cases: Sequence[Case], patterns: Sequence[str]) -> list[Case]:
    known = {case.op: None for case in cases}
    wanted: set[str] = set()
    for pattern in patterns:
        found = [op for op in known if matches(pattern, op)]
        if not found:
            raise UsageError(_unknown("op", pattern, known))
        wanted.update(found)
    return [case for case in cases if case.op in wanted] if patterns else list(cases)


def _by_parameter(cases: list[Case], where: Sequence[tuple[str, str]]) -> list[Case]:
    wanted: dict[str, list[str]] = {}
    for name, pattern in where:
        wanted.setdefault(name, []).append(pattern)
    for name, patterns in wanted.items():
        values = [(case, literal(case.fields[name])) for case in cases if name in case.fields]
        if not values:
            fields = {field: None for case in cases for field in case.fields}
            raise UsageError(_unknown("parameter", name, fields))
        kept = [case for case, value in values if any(matches(p, value) for p in patterns)]
        if not kept:
            raise UsageError(
                f"no case has {name}={' or '.join(patterns)}; "
                + _listing("its values", list(dict.fromkeys(value for _, value in values)))
            )
        cases = kept
    return cases


def _unknown(kind: str, name: str, known: Iterable[str]) -> str:
    names = list(known)
    return f"unknown {kind} {name!r}{near(name, names)}; " + _listing(f"the {kind}s", names)


def _listing(what: str, names: list[str], limit: int = 200) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return f"{what} are {', '.join(names[:limit])}{more}"


def tier_of(op: str) -> int:
    """The tier of an op; what is no op belongs to the memory, tier 0."""
    return REGISTRY[op].tier if op in REGISTRY else 0


def sample(cases: Iterable[Case], rate: int = SAMPLE) -> list[Case]:
    """About one case in `rate`, and at least one of each mode, op and dtype.

    Whether a case is chosen depends on the cases of its own mode, op and dtype alone.
    """
    cases = list(cases)
    marks = [zlib.crc32(case.id.encode()) for case in cases]
    groups: dict[tuple[str, ...], list[int]] = {}
    for position, case in enumerate(cases):
        kinds = [literal(case.fields[name]) for name in case.fields if name.startswith("dtype")]
        groups.setdefault((case.mode, case.op, *kinds), []).append(position)
    kept: set[int] = set()
    for group in groups.values():
        chosen = [position for position in group if marks[position] % rate == 0]
        kept.update(chosen or [min(group, key=marks.__getitem__)])
    return [cases[position] for position in sorted(kept)]
