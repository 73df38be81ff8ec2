"""Announces the CUDA backend, which has no kernels in this version."""

from __future__ import annotations

from typing import NoReturn

import pluggy

from corex.backend import BackendDescriptor, BackendUnavailableError

hookimpl = pluggy.HookimplMarker("corex")

REASON = "not built yet: the CUDA kernels are not part of this version"


def _probe() -> str:
    return REASON


def _factory() -> NoReturn:
    raise BackendUnavailableError(REASON)


@hookimpl
def corex_backends() -> list[BackendDescriptor]:
    """One backend, for device type "cuda"."""
    return [
        BackendDescriptor(name="cuda_pycuda", device_type="cuda", probe=_probe, factory=_factory)
    ]
