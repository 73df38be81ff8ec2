"""Announces the backend to corex. Nothing is loaded before the backend is used."""

from __future__ import annotations

import importlib

import pluggy

from corex.backend import Backend, BackendDescriptor, CBackend
from corex_cpu_c import sources

hookimpl = pluggy.HookimplMarker("corex")


def _probe() -> str | None:
    try:
        native = importlib.import_module("corex_cpu_c._native")
    except ImportError as error:
        return (
            f"the C extension was not built, as happens where there is no C compiler at install "
            f"time: {error}"
        )
    if sources.CSRC.is_dir() and native.sources != sources.fingerprint():
        return (
            f"{native.__file__} was built from other sources than {sources.CSRC} has now; install "
            f"this checkout again: pip install --editable ."
        )
    return CBackend.unavailable()


def _factory() -> Backend:
    from corex_cpu_c.backend import CpuCBackend

    return CpuCBackend()


@hookimpl
def corex_backends() -> list[BackendDescriptor]:
    """The one backend of this package."""
    return [BackendDescriptor("cpu_c", "cpu", _probe, _factory, priority=10)]
