"""Tensors that come from several places: what may meet in one op, and how they move.

As in PyTorch, a CPU tensor without dimensions goes with the tensors of an accelerator as a number
does; all others must be moved by the program.
"""

from __future__ import annotations

from collections.abc import Sequence

from corex.dispatch.bind import dense_copy
from corex.dispatch.devices import find_place
from corex.dispatch.fallback import transfer
from corex.dispatch.record import record
from corex.dispatch.resolve import check_places
from corex.dispatch.write import resolved
from corex.dtypes import DType, float64
from corex.tensor.modes import mode
from corex.tensor.place import Place
from corex.tensor.schema import unlisted
from corex.tensor.tensor import Tensor


def to_place(t: Tensor, place: Place, later: bool = False) -> Tensor:
    """A copy on another place, which may be queued if `later`. Its derivative carries gradients
    back."""
    result = transfer(resolved(t), place, later)
    if t._node is not None and mode.enabled:
        record(TO_PLACE, (t,), (t.key.place,), (result,))
    return result


TO_PLACE = unlisted(
    "to_place", ("a",), {"a": lambda g, source: to_place(g, source)}, ("source",), "ToCopyBackward0"
)


def common_place(op: str, tensors: Sequence[Tensor]) -> Place:
    """Where an elementwise op on these tensors runs: CPU tensors without dimensions may travel.

    Raises:
        RuntimeError: other tensors are on two places; names both and the fix.
    """
    settled = [t for t in tensors if not _travels(t)] or tensors
    place = max([t.key.own.place for t in settled], key=lambda place: place.level)
    check_places(op, tensors if place.device.type == "cpu" else settled, place)
    return place


def brought(t: Tensor, place: Place) -> Tensor:
    """`t` where an op on `place` can use it: there, unless it is beside or below it already."""
    return t if t.key.place.real is place.real else to_place(t, place)


def _travels(t: Tensor) -> bool:
    return not t.shape and t.key.place.device.type == "cpu"


def exact_place(place: Place) -> Place:
    """Where values for `place` are computed in float64: there, or else on the host."""
    return place if place.holds(float64) else find_place("cpu")


def converted(t: Tensor, dtype: DType, place: Place) -> Tensor:
    """`t` as another dtype on another place; itself if it is that already. No autograd.

    Where one of the two places holds only one of the two dtypes, the other place converts.
    """
    if t.key.own.place is place or t.key.place.holds(dtype):
        t = t if t.key.dtype is dtype else dense_copy(t, t.key.place.key(dtype))
        return t if t.key.own.place is place else transfer(resolved(t), place)
    return converted(transfer(resolved(t), place), dtype, place)
