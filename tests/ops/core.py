"""A device that has the kernels of the core alone, over memory that the host cannot see."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import corex
from corex.backend import DTYPES, Backend, BackendDescriptor, KernelChoice
from corex.plugins import hookimpl, manager
from corex.tensor.schema import REGISTRY

CORE = frozenset({"copy", "fill", "arange", *(n for n, s in REGISTRY.items() if s.tier == 1)})
NARROW = (corex.bool, corex.int64, corex.float32)


def restricted(
    called: str,
    kernels: Collection[str] = CORE,
    held: Collection[corex.DType] = DTYPES,
    preferred: Collection[str] = (),
) -> type[Backend]:
    """A backend with some of cpu_c's kernels, for some dtypes."""
    own = manager.backend("cpu_c")

    class Restricted(Backend):
        name = device_type = called
        prefer_host = frozenset(preferred)

        def dtypes(self, device: int) -> tuple[corex.DType, ...]:
            return tuple(dtype for dtype in DTYPES if dtype in held)

        def allocate(self, nbytes: int, device: int, *hints: Any) -> Any:
            return own.allocate(nbytes, 0)

        def copy_from_host(self, buffer: Any, start: int, source: memoryview) -> None:
            own.copy_from_host(buffer, start, source)

        def copy_to_host(self, buffer: Any, start: int, target: memoryview) -> None:
            own.copy_to_host(buffer, start, target)

        def select(self, op: str, dtypes: tuple[corex.DType, ...]) -> KernelChoice | None:
            return own.select(op, dtypes) if op in kernels else None

    return Restricted


@contextmanager
def installed(backend: type[Backend]) -> Iterator[str]:
    """Announces a backend to corex for a while; the name of its device."""

    class Plugin:
        @hookimpl
        def corex_backends(self) -> list[BackendDescriptor]:
            return [BackendDescriptor(backend.name, backend.name, lambda: None, backend)]

    manager.register(plugin := Plugin(), backend.name)
    try:
        yield backend.name
    finally:
        manager.unregister(plugin)
