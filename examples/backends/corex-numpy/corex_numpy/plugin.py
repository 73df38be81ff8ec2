"""Announces the backend to corex. Importing this module loads neither kernels nor NumPy."""

import pluggy

from corex.backend import Backend, BackendDescriptor

hookimpl = pluggy.HookimplMarker("corex")


def probe() -> str | None:
    """None if the backend can work on this machine, else the reason why not, for the user."""
    return None


def make() -> Backend:
    """Constructs the backend; called once, when it is first needed."""
    from corex_numpy.backend import NumpyBackend

    return NumpyBackend()


@hookimpl
def corex_backends() -> list[BackendDescriptor]:
    """What this package brings: name, device type, probe, factory."""
    return [BackendDescriptor("numpy", "numpy", probe, make)]
