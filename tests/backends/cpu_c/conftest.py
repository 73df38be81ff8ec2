"""The backend under test, built once; skipped where the extension was not compiled."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def backend():
    native = pytest.importorskip("corex_cpu_c._native", reason="the C extension was not built")
    assert native is not None
    from corex_cpu_c.backend import CpuCBackend

    return CpuCBackend()
