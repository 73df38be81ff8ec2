"""The built-in backends conform, as a stranger's must: the whole suite, in processes of its own."""

from __future__ import annotations

import os

import pytest

from corex.plugins import manager
from corex.testing.running import Plan, run
from corex.testing.suite import generate
from tests.conftest import CPU_BACKENDS


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", CPU_BACKENDS)
@pytest.mark.parametrize("mode", ["test", "grad", "support"])
def test_conforms(name: str, mode: str) -> None:
    reason = manager.unavailable_reason(name)
    if reason is not None and os.environ.get("COREX_ALLOW_MISSING_BACKEND"):
        pytest.skip(f"{name}: {reason}")
    found = run(Plan(name, 0, generate([mode])))
    told = "\n".join(f"{r.id}: {r.status} {r.check} {r.message}" for r in found.unexpected[:20])
    assert found.ok, told
    assert any(result.status == "passed" for result in found.results)
