"""Where tensors live: one device of one backend, and the kernel tables that belong to it.

A `DispatchKey` stands for (backend, device, dtype). Keys are unique, so one `is` comparison tells
that two tensors can enter a kernel together without promotion or transfer, and every table that
the hot path reads hangs on the key itself.
"""

from __future__ import annotations

import threading
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any

from corex import dtypes
from corex.backend.contract import Backend, DirectKernel
from corex.device import device
from corex.dtypes import DType
from corex.errors import PluginError, add_note
from corex.layout import NBYTES


class Table(dict[str, Any]):
    """A cache that asks `resolve(name)` for what it does not hold yet."""

    __slots__ = ("resolve",)

    def __init__(self, resolve: Callable[[str], Any]) -> None:
        super().__init__()
        self.resolve = resolve

    def __missing__(self, name: str) -> Any:
        return remember(self, name, self.resolve, name)


def remember(table: dict[Any, Any], name: Any, find: Callable[..., Any], *arguments: Any) -> Any:
    """What `find(*arguments)` says, kept in `table` unless the plugins changed while it was asked.

    Every table of what plugins say is filled here: an answer from before a change must not be
    stored after it, when nobody would forget it any more.
    """
    epoch = _epoch
    value = find(*arguments)
    with _lock:
        if epoch == _epoch:
            table[name] = value
    return value


class Place:
    """One device of one backend."""

    __slots__ = (
        "__weakref__", "backend", "device", "index", "keys", "kernels", "late", "name", "twins"
    )  # fmt: skip

    bits = 0  # what waits to be done to the elements of tensors here; see `tensor/twins.py`

    def __init__(self, name: str, backend: Backend, index: int, indexed: bool) -> None:
        self.name = name
        self.backend = backend
        self.index = index
        self.device = device(backend.device_type, index if indexed else None)
        self.kernels: dict[tuple[Any, ...], Any] = {}
        self.late = _notes(backend, index)
        self.twins: dict[int, Any] = {}
        held = _check_held(backend, index)
        self.keys: tuple[DispatchKey, ...] = tuple(
            DispatchKey(self if d in held else _Nowhere(self, d), d) for d in dtypes.ALL
        )
        with _lock:
            _places.add(self)

    @property
    def real(self) -> Place:
        """The place that holds the memory: this one, unless an interpreter's tensors live here."""
        return self

    @property
    def level(self) -> int:
        """How many interpreters have their tensors here, one over the other."""
        return 0

    def waited(self, wait: Callable[..., Any], *arguments: Any) -> None:
        """Calls what waits for this device, and tells with its error who may have caused it."""
        try:
            wait(*arguments)
        except (ArithmeticError, LookupError, RuntimeError, ValueError) as error:
            if self.late:
                calls = "\n".join([f"  {call}" for call in self.late])
                add_note(error, f"found later; it is that of one of these calls:\n{calls}")
            raise
        finally:
            if self.late:
                self.late.clear()

    def key(self, dtype: DType) -> DispatchKey:
        """The dispatch key of `dtype` here."""
        return self.keys[dtype.index]

    def holds(self, dtype: DType) -> bool:
        """Whether the device holds tensors of `dtype`."""
        return self.keys[dtype.index].place is self

    def __repr__(self) -> str:
        return f"{self.device} of backend '{self.name}'"

    def clear(self) -> None:
        """Forgets every resolved kernel."""
        self.kernels.clear()
        for key in self.keys:
            key.direct.clear()
            key.kernels.clear()


class _Nowhere(Place):
    """Stands where a device cannot hold a dtype: to allocate here is an error that says so.

    Dispatch keys carry their place, so the hot path needs no test of its own.
    """

    __slots__ = ()

    def __init__(self, place: Place, dtype: DType) -> None:
        self.name, self.device, self.index = place.name, place.device, place.index
        self.backend = _Refusal(place, dtype)
        self.kernels, self.keys, self.late = {}, (), None


class _Refusal(Backend):
    def __init__(self, place: Place, dtype: DType) -> None:
        self.name = place.name  # type: ignore[misc]
        self.device_type = place.backend.device_type  # type: ignore[misc]
        self.message = (
            f"device '{place.device}' of backend '{place.name}' holds no {dtype.name} tensors; "
            "use another dtype (float32 instead of float64), or keep the tensor on the CPU"
        )

    def allocate(self, nbytes: int, device: int, dtype: Any = None, shape: Any = None) -> Any:
        """Refuses."""
        raise TypeError(self.message)

    def wrap_host(self, data: memoryview) -> Any:
        """Refuses."""
        raise TypeError(self.message)

    def wrap_pointer(self, pointer: int, nbytes: int, device: int, owner: object) -> Any:
        """Refuses."""
        raise TypeError(self.message)


def _notes(backend: Backend, index: int) -> deque[Any] | None:
    """Where calls are noted whose errors come later; None on a device that raises in order."""
    return deque(maxlen=16) if backend.traits(index).errors == "deferred" else None


def _check_held(backend: Backend, index: int) -> tuple[DType, ...]:
    held = backend.dtypes(index)
    missing = [d.name for d in (dtypes.bool_, dtypes.int64, dtypes.float32) if d not in held]
    if missing:
        raise PluginError(
            f"backend '{backend.name}' must hold {', '.join(missing)} tensors on every device"
        )
    return held


class DispatchKey:
    """(backend, device, dtype), with what was resolved for it.

    Attributes:
        direct: op name -> direct kernel, or None.
        kernels: op name -> resolution, for ops all of whose views have this dtype.
        nbytes: shape -> bytes of a dense tensor.
        own: the key of new memory: this one, unless it is a twin (`tensor/twins.py`).
    """

    __slots__ = ("direct", "dtype", "kernels", "nbytes", "own", "place")

    def __init__(self, place: Place, dtype: DType, own: DispatchKey | None = None) -> None:
        self.place = place
        self.dtype = dtype
        self.own = self if own is None else own
        self.nbytes = NBYTES[dtype.itemsize]
        self.direct: Table = Table(self._find_direct)
        self.kernels: dict[str, Any] = {}

    def _find_direct(self, op: str) -> DirectKernel | None:
        if observers or _is_overridden(self.place.name, op, self.dtype):
            return None
        if self.place.late is not None and op in _DIVISIONS and self.dtype.kind in "ui":
            return None  # the call must be noted
        direct = self.place.backend.direct(op, self.dtype)
        return _unless_interpreted(direct) if direct is not None and _interpreters else direct

    def __repr__(self) -> str:
        return f"{self.dtype} on {self.place}"


_DIVISIONS = ("floor_divide", "remainder", "fmod")


def _never(backend: str, op: str, dtype: DType) -> bool:
    return False


_is_overridden: Callable[[str, str, DType], bool] = _never


def ask_overrides(question: Callable[[str, str, DType], bool]) -> None:
    """Sets who knows whether a plugin replaces a backend's kernel, which then has no short cut."""
    global _is_overridden
    _is_overridden = question


# ---- forgetting ------------------------------------------------------------------------------
_lock = threading.Lock()
_places: weakref.WeakSet[Place] = weakref.WeakSet()  # those of plugins that went, too
_epoch = 0
_interpreters = 0

observers = 0
"""How many listen to every call, so that no short cut may be taken."""


def forget_kernels() -> None:
    """Drops every cached resolution; the next calls ask the plugins again."""
    global _epoch
    with _lock:
        _epoch += 1
        places = list(_places)
    for place in places:
        place.clear()


def change_observers(by: int) -> None:
    """Counts listeners in and out, and clears the tables, which hold the short cuts."""
    global observers
    with _lock:
        observers += by
    forget_kernels()


def change_interpreters(by: int) -> None:
    """Counts interpreters in and out. While there are any, the short cuts are closed to threads on
    which one is at work."""
    global _interpreters
    with _lock:
        _interpreters += by
        changed = _interpreters == max(by, 0)  # the first came, or the last went
    if changed:
        forget_kernels()


_is_interpreted: Callable[[], bool] = bool


def ask_interpreters(question: Callable[[], bool]) -> None:
    """Sets who knows whether an interpreter is at work on the current thread."""
    global _is_interpreted
    _is_interpreted = question


def closed() -> bool:
    """Whether the current thread may take no short cut now: somebody listens, or interprets."""
    return observers > 0 or (_interpreters > 0 and _is_interpreted())


def _unless_interpreted(direct: DirectKernel) -> DirectKernel:
    def call(*arguments: Any) -> Any:
        return None if _is_interpreted() else direct(*arguments)

    return call
