"""Announces the backend to corex. Nothing of OpenCL is loaded before the backend is asked for."""

from __future__ import annotations

import pluggy

from corex.backend import Backend, BackendDescriptor

hookimpl = pluggy.HookimplMarker("corex")


def _probe() -> str | None:
    try:
        from corex_opencl.devices import find_devices
    except ImportError as error:
        return f"pyopencl cannot be imported: {error}"
    found, reason = find_devices()
    return None if found else reason


def _factory() -> Backend:
    from corex_opencl.backend import OpenCLBackend

    return OpenCLBackend()


@hookimpl
def corex_backends() -> list[BackendDescriptor]:
    """One backend, for device type "opencl"."""
    return [BackendDescriptor("opencl", "opencl", _probe, _factory)]
