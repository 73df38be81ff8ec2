"""One item per case; its id is the case's id."""

from __future__ import annotations

import pytest

from corex.testing.conformance import session

__all__ = ["pytest_generate_tests", "test_case"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The cases that the options choose."""
    if "corex_case" in metafunc.fixturenames:
        ids = session.collect(metafunc.config)
        metafunc.parametrize("corex_case", ids, ids=ids)


def test_case(corex_case: str, request: pytest.FixtureRequest) -> None:
    """Runs the case in a process of its own."""
    __tracebackhide__ = True
    session.of(request.config).check(request.node, corex_case)
