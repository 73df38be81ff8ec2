"""What all tests share."""

from __future__ import annotations

import gc
import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

CPU_BACKENDS = ("reference_py", "cpu_c")

# The comparisons with PyTorch are collected only where it is installed (`make parity`).
collect_ignore = [] if importlib.util.find_spec("torch") else ["parity"]
# Those over other libraries have a process of their own (`make downstream`): SciPy looks at this
# when it is imported, and takes tensors only then.
collect_ignore += [] if os.environ.get("SCIPY_ARRAY_API") == "1" else ["downstream"]

MARKED_FOLDERS = ("parity", "downstream")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in such a folder carries its name as a mark."""
    here = Path(__file__).parent
    for item in items:
        for name in MARKED_FOLDERS:
            if here / name in item.path.parents:
                item.add_marker(name)


def pytest_collection_finish() -> None:
    """The tests themselves are a million objects, which every garbage collection would look at."""
    gc.collect()
    gc.freeze()


@pytest.fixture(params=CPU_BACKENDS)
def each_backend(request: pytest.FixtureRequest) -> Iterator[str]:
    """Runs the test once per CPU backend, with that one selected; yields its name.

    An unavailable backend fails the test, unless COREX_ALLOW_MISSING_BACKEND is set.
    """
    import corex
    from corex.plugins import manager

    name: str = request.param
    reason = manager.unavailable_reason(name)
    if reason is not None:
        report = pytest.skip if os.environ.get("COREX_ALLOW_MISSING_BACKEND") else pytest.fail
        report(f"{name}: {reason}")
    with corex.use_backend(name):
        yield name
