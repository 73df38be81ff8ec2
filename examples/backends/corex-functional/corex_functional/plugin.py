"""What the entry point names: the announcement of the backend, which costs nothing."""

from pluggy import HookimplMarker

from corex.backend import BackendDescriptor

hookimpl = HookimplMarker("corex")


def create():
    from corex_functional.backend import FunctionalBackend

    return FunctionalBackend()


@hookimpl
def corex_backends():
    return [BackendDescriptor("functional", "functional", lambda: None, create, api_version=(1, 0))]
