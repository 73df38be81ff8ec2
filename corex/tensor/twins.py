"""Twins of dispatch keys: tensors whose elements are the conjugates, or the negatives, of memory's.

`conj` computes nothing. What it returns shows the same memory with another dispatch key, the twin
of the tensor's: of the same backend, device and dtype, but on a place of its own, which has no
kernels. So no ordinary tensor is ever asked whether something waits to be done to its elements:
where the gate finds no kernel for a twin, on its slowest way, it resolves operands first
(`dispatch/write.py`). No backend sees a twin.

A twin's `own` key, and all keys that its place leads to, are ordinary ones: results are never
twins, only views are.
"""

from __future__ import annotations

from typing import Any

from corex.backend.contract import Backend
from corex.dtypes import DType
from corex.tensor.place import DispatchKey, Place
from corex.tensor.tensor import Tensor, make

CONJ = 1
"""The elements are the conjugates of those in memory."""
NEG = 2
"""The elements are the negatives of those in memory; with CONJ, of their conjugates."""


class TwinPlace(Place):
    """Stands beside a place, for tensors over its memory whose elements are not yet what they are
    in memory: nothing runs here, and nothing is kept.

    Attributes:
        below: the place that holds the memory.
        bits: CONJ, NEG, or both.
    """

    __slots__ = ("below", "bits", "own_keys")

    def __init__(self, below: Place, bits: int) -> None:
        self.below = below
        self.bits = bits
        self.name, self.index, self.device = below.name, below.index, below.device
        self.backend = _Unread(below.backend)
        self.kernels = _Forgetful()
        self.late = below.late
        self.keys = below.keys
        self.own_keys = tuple([_twin_of(self, key) for key in below.keys])

    @property
    def real(self) -> Place:
        """The place that holds the memory."""
        return self.below

    def holds(self, dtype: DType) -> bool:
        """Whether the device holds tensors of `dtype`."""
        return self.below.holds(dtype)


def _twin_of(place: TwinPlace, key: DispatchKey) -> DispatchKey:
    twin = DispatchKey(place, key.dtype, key)
    twin.kernels = _Forgetful()
    return twin


class _Forgetful(dict[Any, Any]):
    """A cache that stays empty, so that a twin is noticed at every call."""

    __slots__ = ()

    def __setitem__(self, name: Any, value: Any) -> None:
        """Keeps nothing."""


class _Unread(Backend):
    """The backend, but for short cuts to kernels and memory: there are none to a twin's."""

    def __init__(self, backend: Backend) -> None:
        self.read = backend

    def __getattribute__(self, name: str) -> Any:
        if name in ("host_view", "direct", "__class__"):
            return object.__getattribute__(self, name)
        return getattr(object.__getattribute__(self, "read"), name)

    def host_view(self, buffer: Any) -> None:
        """There is no memory that holds the elements."""
        return

    def direct(self, op: str, dtype: DType) -> None:
        """There are no short cuts."""
        return


def with_bits(key: DispatchKey, bits: int) -> DispatchKey:
    """The key of tensors over the same memory for whose elements `bits` wait."""
    own = key.own
    if not bits:
        return own
    place = own.place
    found = place.twins.get(bits)
    if found is None:
        found = place.twins.setdefault(bits, TwinPlace(place, bits))
    twin: DispatchKey = found.own_keys[own.dtype.index]
    return twin


def plain(t: Tensor) -> Tensor:
    """The memory as it is, outside the graph."""
    return turned(t, 0)


def turned(t: Tensor, bits: int) -> Tensor:
    """The same memory with other bits, outside the graph."""
    return make(t.storage_, with_bits(t.key, bits), t.shape, t._strides, t.offset)


def among(tensors: Any) -> bool:
    """Whether one of these is a twin; what is no tensor is none."""
    return any([isinstance(t, Tensor) and t.key.place.bits for t in tensors])
