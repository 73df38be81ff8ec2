"""What the items of one pytest process share: the options, the cases, and a worker process."""

from __future__ import annotations

from typing import Any, Final

import pytest

from corex.errors import CorexError
from corex.testing import running
from corex.testing.case import Case
from corex.testing.expected import Expectation, covering, read
from corex.testing.pool import Pool, PoolError
from corex.testing.result import UNSUPPORTED, Result, Run
from corex.testing.select import Selection, UsageError, select, selection

REPORTS: Final = ("json", "html", "markdown")
LINES: Final = 15
"""How many lines of a result's message are shown."""


class Session:
    """One process's part of a run.

    Raises:
        UsageError, ValueError, OSError: what is wrong with the options.
    """

    def __init__(self, config: pytest.Config) -> None:
        option = config.option
        if not getattr(option, "corex_backend", ""):
            raise UsageError(
                "say --corex-backend NAME (`corex backends` lists them)"
                if hasattr(option, "corex_backend")
                else "the plugin with the options is not loaded; say -p corex_pytest"
            )
        self._option = option
        self.backend: str = option.corex_backend
        self.device: int = option.corex_device
        running.check_backend(self.backend)
        self._chosen: Selection = selection(
            option.corex_mode,
            option.corex_op,
            option.corex_where,
            option.corex_tier,
            option.corex_case,
            option.corex_replay or None,
            option.corex_reduced,
        )
        file = option.corex_expected_failures
        self._expectations: list[Expectation] = read(file) if file else []
        self._cases: list[Case] | None = None
        self._pool: Pool | None = None
        self._broken = ""

    @property
    def cases(self) -> list[Case]:
        """The cases chosen."""
        if self._cases is None:
            self._cases = select(self._chosen)
        return self._cases

    @property
    def pool(self) -> Pool:
        """The worker process."""
        if self._pool is None:
            self._pool = Pool(self.backend, self.device, jobs=1, timeout=self._option.corex_timeout)
        return self._pool

    def close(self) -> None:
        """Ends the worker process."""
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    # ---- one case --------------------------------------------------------------------------
    def check(self, item: Any, case_id: str) -> None:
        """Runs a case, and passes, skips or fails as its result says."""
        __tracebackhide__ = True
        result = self._run(case_id)
        item.corex_result = result._asdict()
        if not result.good:
            lines = covering(result, self._expectations)
            if lines is not None:
                pytest.xfail("; ".join(dict.fromkeys(line.reason for line in lines)))
            pytest.fail(self._told(result), pytrace=False)
        for line in self._expectations:
            if line.pattern == case_id:
                text = f"[XPASS(strict)] it is {result.status}; {line} has to go"
                pytest.fail(text, pytrace=False)
        if result.status == UNSUPPORTED:
            pytest.skip(f"unsupported: {result.message}".rstrip(": "))

    def _run(self, case_id: str) -> Result:
        __tracebackhide__ = True
        if not self._broken:
            try:
                return self.pool.run([case_id])[0]
            except PoolError as error:
                self._broken = f"the backend cannot be started any more: {error}"
        pytest.fail(self._broken, pytrace=False)

    def _told(self, result: Result) -> str:
        lines = (result.message or "no message").splitlines()
        more = [f"... and {len(lines) - LINES} lines more"] if len(lines) > LINES else []
        checks = ", ".join([result.check, *result.also])
        head = f"{result.status} ({checks})" if checks else result.status
        command = running.replay_command(self.backend, result.id, self.device)
        return "\n".join([f"{head}: {lines[0]}", *lines[1:LINES], *more, f"replay: {command}"])

    # ---- all of them -----------------------------------------------------------------------
    def conclude(self, fields: list[dict[str, Any]]) -> tuple[Run, list[str]]:
        """The run that the results of all processes make, and the stale lines not yet told."""
        places = {case.id: place for place, case in enumerate(self.cases)}
        found = {item["id"]: Result(**item) for item in fields}
        results = sorted(found.values(), key=lambda result: places.get(result.id, len(places)))
        plan = running.Plan(
            self.backend,
            self.device,
            self.cases,
            self._expectations,
            chosen=running.described(self._chosen),
        )
        run = running.judged(plan, results, self._facts())
        told = [str(e) for e in self._expectations if e.exact and e.pattern in found]
        return run, [line for line in run.stale if not line.startswith(tuple(told))]

    def _facts(self) -> dict[str, str]:
        """What a worker tells about the backend, if a report wants to know."""
        if any(self._paths().values()):
            try:
                return self.pool.start()
            except PoolError:  # its cases have told
                pass
        return {}

    def _paths(self) -> dict[str, str]:
        return {kind: getattr(self._option, f"corex_{kind}") for kind in REPORTS}

    def write_reports(self, run: Run) -> list[str]:
        """Writes the reports that the options ask for, and returns their paths."""
        return running.write_reports(run, self._paths().items())


_KEY = pytest.StashKey[Session]()


def of(config: pytest.Config) -> Session:
    """The session of this pytest process."""
    if _KEY not in config.stash:
        config.stash[_KEY] = Session(config)
    return config.stash[_KEY]


def close(config: pytest.Config) -> None:
    """Ends what the session has started."""
    if _KEY in config.stash:
        config.stash[_KEY].close()


def validate(config: pytest.Config) -> None:
    """Makes sure that the options choose cases.

    Raises:
        pytest.UsageError: they do not.
    """
    try:
        assert of(config).cases
    except (CorexError, ValueError, OSError) as error:
        raise pytest.UsageError(str(error)) from None


def collect(config: pytest.Config) -> list[str]:
    """The ids of the cases that the options choose, once the backend has started.

    Raises:
        pytest.Collector.CollectError: an option is wrong, or the backend cannot be used.
    """
    try:
        session = of(config)
        ids = [case.id for case in session.cases]
        session.pool.start()
    except (CorexError, ValueError, OSError) as error:
        raise pytest.Collector.CollectError(str(error)) from None
    return ids
