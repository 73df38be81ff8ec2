"""The options of `pytest --pyargs corex.testing.conformance`, and what becomes of its results.

pytest loads this module into every run, so it imports corex only where a backend is named.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

SUITE = "corex.testing.conformance"
STALE = "expected-failures-are-not-stale"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options: those of `corex conformance`, with a prefix."""
    group = parser.getgroup("corex", "conformance of corex backends")
    for name, metavar, text in (
        ("backend", "NAME", "the backend, as `corex backends` lists it"),
        ("mode", "LIST", "of test, grad, perf, support (default: test,grad)"),
        ("op", "LIST", "ops; * stands for any text"),
        ("tier", "LIST", "of 0, 1, 2"),
        ("replay", "FILE", "the calls that a recorder wrote down"),
        ("expected-failures", "FILE", "lines `PATTERN/CHECK  # reason` of failures that are known"),
        ("json", "FILE", "write a report as JSON"),
        ("html", "FILE", "write a report as HTML"),
        ("markdown", "FILE", "write a report as Markdown"),
    ):
        group.addoption(f"--corex-{name}", metavar=metavar, default="", help=text)
    for name, metavar, text in (
        ("where", "NAME=VALUE", "a parameter's value, as in dtype=float32; repeatable"),
        ("case", "ID", "this very case; repeatable"),
    ):
        group.addoption(f"--corex-{name}", action="append", metavar=metavar, default=[], help=text)
    group.addoption("--corex-device", type=int, default=0, metavar="N", help="the device's number")
    group.addoption(
        "--corex-timeout",
        type=float,
        default=60.0,
        metavar="SECONDS",
        help="how long one case may take (default: 60)",
    )
    group.addoption("--corex-reduced", action="store_true", help="a sample, for quick checks")


def pytest_configure(config: pytest.Config) -> None:
    """Follows the run, if there is a backend to check."""
    asked = any(argument.startswith(SUITE) for argument in config.args)
    if config.option.corex_backend:
        if asked:  # then wrong options are told before anything is collected
            from corex.testing.conformance import session

            session.validate(config)
        config.pluginmanager.register(Follower(config), "corex-conformance")
    elif asked:
        raise pytest.UsageError("say --corex-backend NAME (`corex backends` lists them)")


class Follower:
    """Carries the results to the process that reports, and judges them there."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.results: list[dict[str, Any]] = []
        self.lines: list[str] = []

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Attaches the result of a case to its report, which pytest-xdist sends on."""
        report = yield
        if report.when == "call" and hasattr(item, "corex_result"):
            report.__dict__["corex_result"] = item.corex_result
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collects the results."""
        if hasattr(report, "corex_result"):
            self.results.append(report.corex_result)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Ends the process that ran the cases; judges the results and writes the reports."""
        from corex.testing.conformance import session as conformance

        try:
            if self.results and not hasattr(self.config, "workerinput"):
                self._conclude(session, conformance.of(self.config))
        finally:
            conformance.close(self.config)

    def _conclude(self, session: pytest.Session, conformance: Any) -> None:
        run, stale = conformance.conclude(self.results)
        self.lines = conformance.write_reports(run)
        if not stale:
            return
        text = "\n".join(["these lines describe no failure, and have to go:", *stale])
        report = pytest.TestReport(
            nodeid=STALE,
            location=(STALE, None, STALE),
            keywords={},
            outcome="failed",
            longrepr=text,
            when="call",
        )
        self.config.hook.pytest_runtest_logreport(report=report)
        if session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Tells where the reports are."""
        for line in self.lines:
            terminalreporter.write_line(f"wrote {line}")
