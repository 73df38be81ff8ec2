"""Announces the backend to corex. Importing this module loads none of the kernels."""

from __future__ import annotations

import pluggy

from corex.backend import Backend, BackendDescriptor

hookimpl = pluggy.HookimplMarker("corex")


def _probe() -> str | None:
    """Plain Python runs everywhere."""
    return None


def _make() -> Backend:
    from .backend import ReferenceBackend

    return ReferenceBackend()


@hookimpl
def corex_backends() -> list[BackendDescriptor]:
    """The one backend of this package; its priority puts it behind any faster one."""
    return [
        BackendDescriptor(
            name="reference_py", device_type="cpu", probe=_probe, factory=_make, priority=-10
        )
    ]
