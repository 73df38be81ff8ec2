"""`CBackend`: a backend whose memory and kernels are functions in C, given as one table.

The table is described in `corex/include/corex_backend.h`, docs/c-backend.md tells how to write one.
It is called by the compiled module `corex._core`, without ctypes; where that was not built, so that
there is no bridge, `CBackend` says so.
"""

from __future__ import annotations

import functools
import importlib.util
import os
from collections.abc import Mapping
from typing import Any

from corex.backend import sources
from corex.backend.bridge_queues import Queues
from corex.backend.contract import DTYPES, Backend, Buffer, DirectKernel, Kernel, KernelChoice
from corex.backend.signatures import fits
from corex.backend.traits import Traits
from corex.backend.version import FEATURES, features_of
from corex.dtypes import BY_NAME, DType
from corex.errors import BackendUnavailableError, OutOfMemoryError


def get_include() -> str:
    """The folder of the headers that come with corex: `corex_backend.h`, `corex_loops.h`."""
    return str(sources.INCLUDE)


_AGAIN = "; install this checkout again: pip install --editable ." if sources.CSRC.is_dir() else ""


def _import_core() -> Any:
    """`corex._core`, or the build of it that COREX_CORE names, such as one with sanitizers."""
    path = os.environ.get("COREX_CORE")
    if not path:
        return importlib.import_module("corex._core")
    spec = importlib.util.spec_from_file_location("corex._core", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"COREX_CORE={path} is no extension module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@functools.cache
def _core() -> Any:
    """The compiled module.

    Raises:
        BackendUnavailableError: it was not built, or from other sources than those beside it.
    """
    try:
        core = _import_core()
    except ImportError as error:
        raise BackendUnavailableError(
            "backends in C need the compiled part of corex, which was not built, as happens where "
            f"there is no C compiler when corex is installed: {error}{_AGAIN}"
        ) from error
    if sources.CSRC.is_dir() and core.sources != sources.fingerprint():
        raise BackendUnavailableError(
            f"{core.__file__} was built from other sources than {sources.CSRC} has now{_AGAIN}"
        )
    core.setup(BY_NAME, OutOfMemoryError)
    return core


def _read(source: str | os.PathLike[str] | int | object) -> tuple[Any, list[Any]]:
    """A table and its kernels.

    Raises:
        BackendUnavailableError: they cannot be used, and why.
    """
    core = _core()
    path = os.path.abspath(source) if isinstance(source, (str, os.PathLike)) else None
    try:
        table = core.adopt(source) if path is None else core.open(path)
        reason = table.probe()
        kernels = [] if reason else table.kernels()
    except (OSError, ValueError) as error:
        what = "this table" if path is None else path
        raise BackendUnavailableError(f"cannot use {what} as a backend: {error}") from error
    if reason is not None:
        raise BackendUnavailableError(reason)
    return table, kernels


def _read_traits(text: str) -> Traits:
    """Traits in words, such as "subnormals=flushed ulps=unary:16,reduce:8 held_only=float64".

    Raises:
        ValueError: a word is none.
    """
    found: dict[str, Any] = {}
    for word in text.split():
        name, _, value = word.partition("=")
        if name == "ulps":
            bounds = [each.partition(":") for each in value.split(",")]
            found[name] = {family: float(bound) for family, _, bound in bounds}
        elif name == "held_only":
            found[name] = frozenset(BY_NAME[each] for each in value.split(","))
        elif name == "index_bits":
            found[name] = int(value)
        elif name in Traits.__dataclass_fields__ and value:
            found[name] = value.replace("_", " ")
        else:
            raise ValueError(f"{word!r} is no trait: corex.backend.Traits has their names")
    return Traits(**found)


class CBackend(Backend):
    """A backend made of a table of C functions.

    Args:
        source: the path of a shared library that exports `corex_backend_table`, or what that
            function returns: the table's address, or a capsule of that name.

    Raises:
        BackendUnavailableError: `corex._core` is not there, the library cannot be loaded, its table
            is of another version or lacks something, or it cannot work on this machine.
    """

    def __init__(self, source: str | os.PathLike[str] | int | object) -> None:
        self.table, kernels = _read(source)
        table = self.table
        self._offered: frozenset[str] = table.features
        # Instance attributes: the names are the library's. A subclass may have its own.
        if not hasattr(type(self), "name"):
            self.name = table.name  # type: ignore[misc]
            self.device_type = table.device_type  # type: ignore[misc]
        self._dtypes: tuple[DType, ...] = table.dtypes or DTYPES
        self._rows: dict[str, list[Any]] = {}
        for kernel in kernels:
            self._rows.setdefault(kernel.__name__, []).append(kernel)
        self.kernels: Mapping[str, Kernel] = {op: rows[0] for op, rows in self._rows.items()}
        self._shorten(self._short_cuts())

    def _short_cuts(self) -> dict[str, Any]:
        """Methods that are the table's own, or that only some tables have."""
        table, queues = self.table, Queues(self.table)
        found: dict[str, Any] = {"allocate": table.allocate}  # a part of every op
        if table.is_host:
            found["host_view"] = memoryview
        holders = {"threads": table, "memory_info": table, "streams": queues, "events": queues}
        for feature in self._offered & set(holders):
            for method in FEATURES[feature].methods:
                found[method] = getattr(holders[feature], method)
        return found

    def _shorten(self, methods: dict[str, Any]) -> None:
        """Puts them in the place of methods that no subclass defines."""
        for name, method in methods.items():
            if getattr(type(self), name, None) is getattr(CBackend, name, None):
                setattr(self, name, method)

    @staticmethod
    def unavailable() -> str | None:
        """Why there can be no backend in C here, or None: for the `probe` of a plugin."""
        try:
            _core()
        except BackendUnavailableError as error:
            return str(error)
        return None

    # ---- what it is ----
    @property
    def features(self) -> frozenset[str]:
        """What the table has, and what a subclass overrides."""
        return self._offered | features_of(self, CBackend)

    def traits(self, device: int) -> Traits:
        """What the table says of the device."""
        return _read_traits(self.table.traits(device))

    # ---- devices ----
    def device_count(self) -> int:
        """How many devices the library drives."""
        return int(self.table.device_count())

    def device_name(self, device: int) -> str:
        """What the library calls a device."""
        return str(self.table.device_name(device))

    def dtypes(self, device: int) -> tuple[DType, ...]:
        """The dtypes that the table names."""
        return self._dtypes

    def synchronize(self, device: int) -> None:
        """Waits for the device."""
        self.table.synchronize(device)

    # ---- memory ----
    def allocate(
        self,
        nbytes: int,
        device: int,
        dtype: DType | None = None,
        shape: tuple[int, ...] | None = None,
    ) -> Buffer:
        """Memory of the library's, which is told what it is for."""
        return self.table.allocate(nbytes, device, dtype, shape)

    def nbytes(self, buffer: Buffer) -> int:
        """The size in bytes."""
        return int(buffer.nbytes)

    def copy_from_host(self, buffer: Buffer, start: int, source: memoryview) -> None:
        """Copies bytes into the buffer."""
        self.table.copy_from_host(buffer, start, source)

    def copy_to_host(self, buffer: Buffer, start: int, target: memoryview) -> None:
        """Copies bytes out of the buffer."""
        self.table.copy_to_host(buffer, start, target)

    def copy_device(
        self, target: Buffer, target_start: int, source: Buffer, source_start: int, nbytes: int
    ) -> bool:
        """Copies bytes between two buffers, where the library can."""
        done: bool = self.table.copy_device(target, target_start, source, source_start, nbytes)
        return done

    def host_view(self, buffer: Buffer) -> memoryview | None:
        """The buffer's bytes themselves, where the host sees them."""
        if "host_view" not in self._offered:
            return None
        try:
            return memoryview(buffer)
        except BufferError:
            return None

    def wrap_host(self, data: memoryview) -> Buffer | None:
        """A buffer over the given bytes, where memory is the host's; kernels refuse to write to it
        if `data` is read-only."""
        return self.table.wrap(data)

    def data_ptr(self, buffer: Buffer) -> int:
        """The address of the first byte."""
        return int(self.table.pointer(buffer))

    def memory_stats(self, device: int) -> dict[str, int]:
        """The allocator's counters, where the library counts."""
        stats: dict[str, int] = self.table.memory_stats(device)
        return stats

    def empty_cache(self, device: int) -> None:
        """Returns cached memory to the system."""
        self.table.empty_cache(device)

    # ---- kernels ----
    def select(self, op: str, dtypes: tuple[DType, ...]) -> KernelChoice | None:
        """The first kernel of that name that takes these dtypes."""
        for kernel in self._rows.get(op, ()):
            if fits(op, dtypes, kernel.dtypes):
                return KernelChoice(kernel, numbers=kernel.numbers)
        return None

    def direct(self, op: str, dtype: DType) -> DirectKernel | None:
        """The short cut for `op`, if the library has a part for Python."""
        kernel: DirectKernel | None = self.table.direct(op, dtype)
        return kernel
