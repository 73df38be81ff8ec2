"""The backend under test, built once."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(scope="session")
def backend():
    if os.environ.get("COREX_ALLOW_MISSING_BACKEND"):
        pytest.importorskip("corex_cpu_c._native", reason="the C extension was not built")
    from corex_cpu_c.backend import CpuCBackend

    return CpuCBackend()
