"""The built-in backends conform, as a stranger's must: the suite, in processes of its own.

A sample, and all of it in `make full`.
"""

from __future__ import annotations

import os

import pytest

from corex.plugins import manager
from corex.testing.running import Plan, run
from corex.testing.select import sample
from corex.testing.suite import generate

MODES = ("test", "grad", "support")


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("cpu_c", "sample"),
        pytest.param("cpu_c", "whole", marks=pytest.mark.full),
        ("reference_py", "sample"),
        pytest.param("reference_py", "whole", marks=pytest.mark.full),
    ],
)
def test_conforms(name: str, part: str) -> None:
    reason = manager.unavailable_reason(name)
    if reason is not None and os.environ.get("COREX_ALLOW_MISSING_BACKEND"):
        pytest.skip(f"{name}: {reason}")
    cases = generate(MODES)
    found = run(Plan(name, 0, cases if part == "whole" else sample(cases)))
    told = "\n".join(f"{r.id}: {r.status} {r.check} {r.message}" for r in found.unexpected[:20])
    assert found.ok, told
    modes = dict(zip([case.id for case in cases], [case.mode for case in cases], strict=True))
    passed = {modes[result.id] for result in found.results if result.status == "passed"}
    assert passed == set(MODES)
