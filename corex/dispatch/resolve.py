"""From (op, place, dtypes) to a kernel, and from tensors to what a kernel sees of them.

What a plugin hook answers is cached until the set of plugins changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from corex.backend.contract import Kernel, View
from corex.dispatch.late import may_raise, noting
from corex.dispatch.parts import by_parts
from corex.dispatch.upcast import upcast
from corex.dtypes import DType
from corex.layout import (
    DENSE,
    broadcast_strides,
    extent,
    is_dense,
    memory_order,
    numel,
    ordered_strides,
)
from corex.plugins.manager import manager
from corex.tensor import place as places
from corex.tensor.place import DispatchKey, Place, remember
from corex.tensor.storage import told_allocation
from corex.tensor.tensor import Tensor, make, wrap

Shape = tuple[int, ...]


@dataclass(slots=True)
class Resolution:
    """How an op runs on a place: a kernel (with its predicate), or why there is none.

    Attributes:
        run: the kernel, or None.
        accepts: its predicate, called with the same arguments; None for a kernel that takes all.
        reason: where the kernel comes from, or why there is none; for reports and errors.
        other: what to do where the predicate declines.
        numbers: whether this kernel, and each that follows in line, takes numbers as operands.
        how: 'native', or 'upcast' for a kernel that computes in a wider dtype.
        host: where there is no kernel, why a host runs the op although it has a decomposition:
            'preferred' by the backend, or 'bare' if this could compute nothing with it; else ''.
    """

    run: Kernel | None
    accepts: Any
    reason: str
    other: Resolution | None = None
    numbers: bool = False
    how: str = "native"
    host: str = ""


TWINS = Resolution(None, None, "conjugates and negatives are resolved first", numbers=True)
"""What is found where twins live (`tensor/twins.py`): operands are resolved first."""


def resolve(place: Place, op: str, dtypes: tuple[DType, ...]) -> Resolution:
    """The cached answer of the plugins for (place, op, dtypes of all views)."""
    found: Resolution | None = place.kernels.get((op, dtypes))
    if found is None:
        found = remember(place.kernels, (op, dtypes), _resolve, place, op, dtypes)
    return found


def resolve_uniform(key: DispatchKey, op: str, dtypes: tuple[DType, ...]) -> Resolution:
    """As `resolve`, for an op of one dtype that the key's own table does not have yet."""
    found: Resolution = remember(key.kernels, op, resolve, key.place, op, dtypes)
    return found


def _resolve(place: Place, op: str, dtypes: tuple[DType, ...]) -> Resolution:
    if place.bits:
        return TWINS
    line = manager.kernels(place.backend, op, dtypes)
    plugins = [f"plugin '{plugin}'" for _, plugin in line if plugin is not None]
    if line and line[-1].plugin is None:
        end = f"the kernel '{op}' of '{place.name}' declined this layout"
    else:
        names = ", ".join(d.name for d in dtypes)
        end = f"'{place.name}' has no kernel '{op}' for ({names})"
        if plugins:
            end += f", and {' and '.join(plugins)} declined this layout"
    host = ""
    if op in place.backend.prefer_host:
        host = "preferred"
        end += ", and prefers the host for it"
    elif not line and op != "add" and not computes(place, dtypes):
        host = "bare"
    found = Resolution(None, None, end, host=host)
    wider = None if line and line[-1].choice.accepts is None else upcast(place, op, dtypes)
    if wider is not None:
        reason = f"{end}: computed in {', '.join(dtype.name for dtype in wider.computes)}"
        found = Resolution(wider, None, reason, found, True, "upcast")
    parts = None if line else by_parts(place, op, dtypes)
    if parts is not None:
        reason = f"{end}: computed by real and imaginary parts"
        found = Resolution(parts, None, reason, found, getattr(parts, "numbers", False), "parts")
    for i, (choice, plugin) in reversed(list(enumerate(line))):
        reason = "kernel" if plugin is None else f"kernel of plugin '{plugin}'"
        if i:
            reason += f", as {' and '.join(plugins[:i])} declined this layout"
        numbers = choice.numbers and (found.run is None or found.numbers)
        run = choice.run
        if place.late is not None and may_raise(op, dtypes[0]):
            run = noting(place, op, run)
        found = Resolution(run, choice.accepts, reason, found, numbers)
    return found


def computes(place: Place, dtypes: Sequence[DType]) -> bool:
    """Whether a place has kernels of its own to compose others of, for all of these dtypes.

    What it can only hold, or has memory for and nothing else, is left to the host op by op."""
    return all([resolve(place, "add", (dtype,) * 3).run is not None for dtype in set(dtypes)])


def settle(found: Resolution, arguments: tuple[Any, ...]) -> Resolution:
    """The first of the kernels in line that takes these arguments, else why none does."""
    while found.accepts is not None and not found.accepts(*arguments):
        assert found.other is not None
        found = found.other
    return found


dtype_of = attrgetter("key.dtype")
"""The dtype of a tensor, found without a frame of Python's."""


# ---- tensors and views -----------------------------------------------------------------------
def empty(key: DispatchKey, shape: Shape, order: Shape | None = None) -> Tensor:
    """An uninitialised tensor, row-major or with its dims in this order, the slowest first."""
    if order is not None:
        return _empty_ordered(key, shape, order)
    place = key.place
    nbytes = key.nbytes[shape]
    buffer = place.backend.allocate(nbytes, place.index, key.dtype, shape)
    if places.observers:
        told_allocation(place, nbytes, buffer)
    return wrap(key, buffer, shape)


def _empty_ordered(key: DispatchKey, shape: Shape, order: Shape) -> Tensor:
    stored = empty(key, tuple([shape[dim] for dim in order]))
    strides = ordered_strides(shape, order)
    return make(stored.storage_, key, shape, None if strides == DENSE[shape] else strides, 0)


def empty_with(key: DispatchKey, shape: Shape, strides: Shape | None) -> Tensor:
    """An uninitialised tensor with these dense strides; None: row-major."""
    if strides is None or strides == DENSE[shape]:
        return empty(key, shape)
    result = empty(key, shape, memory_order(strides))
    result._strides = strides  # of dims of size 1, too, which have no place in the order
    return result


def check_room(key: DispatchKey, shape: Shape) -> None:
    """Allocates a result and lets go of it, before a preparation that would take long in vain.

    Raises:
        OutOfMemoryError: the memory is not there.
    """
    empty(key, shape)


def view(t: Tensor) -> View:
    """What a kernel sees of a tensor."""
    shape = t.shape
    strides = t._strides
    if strides is None:
        strides = DENSE[shape]
    return (t.storage_.buffer, t.key.dtype, shape, strides, t.offset)


def view_as(t: Tensor, shape: Shape) -> View:
    """What a kernel sees of a tensor broadcast to `shape`."""
    if t.shape == shape:
        return view(t)
    strides = broadcast_strides(t.shape, t.strides, shape)
    return (t.storage_.buffer, t.key.dtype, shape, strides, t.offset)


def check_places(op: str, tensors: Sequence[Tensor | None], place: Place) -> None:
    """All tensors must live on `place`.

    Raises:
        RuntimeError: they do not; names both places and the fix.
    """
    for t in tensors:
        if t is not None and t.key.place is not place and t.key.place.real is not place.real:
            other = t.key.place
            fix = (
                f'.to("{place.device}")'
                if other.device != place.device
                else f'.to(backend="{place.name}")'
            )
            raise RuntimeError(
                f"[{op}] Expected all tensors to be on the same device, but found at least two "
                f"devices, {place.device} and {other.device}: {place} and {other}. "
                f"Move one of them, for example with {fix}"
            )


def may_overlap(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors may share elements (an interval test on the same storage)."""
    if a.storage_.buffer is not b.storage_.buffer or not numel(a.shape) or not numel(b.shape):
        return False
    low_a, high_a = extent(a.shape, a.strides)
    low_b, high_b = extent(b.shape, b.strides)
    size_a, size_b = a.key.dtype.itemsize, b.key.dtype.itemsize
    return (a.offset + low_a) * size_a < (b.offset + high_b + 1) * size_b and (
        b.offset + low_b
    ) * size_b < (a.offset + high_a + 1) * size_a


def check_overlap(op: str, target: Tensor, source: Tensor) -> None:
    """A write to `target` may not read part of it as `source`, as far as PyTorch finds that out.

    Layouts with gaps pass: their source is copied first.

    Raises:
        RuntimeError: both are dense and overlap, but are not the same view.
    """
    if (
        source.storage_.buffer is target.storage_.buffer
        and source is not target
        and is_dense(source.shape, source.strides)
        and is_dense(target.shape, target.strides)
        and may_overlap(source, target)
        and not (same_view(source, target) or _same_memory(source, target))
    ):
        raise RuntimeError(
            f"[{op}] unsupported operation: some elements of the input tensor, of shape "
            f"{list(source.shape)}, and the written-to tensor, of shape {list(target.shape)}, "
            f"refer to a single memory location. Please clone() the tensor before performing the "
            f"operation."
        )


def _same_memory(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors show the same places in memory, one of them conjugated or negated."""
    return a.key.own is b.key.own and (a.shape, a.offset, a.strides) == (
        b.shape, b.offset, b.strides,
    )  # fmt: skip


def same_view(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors show exactly the same elements in the same order."""
    return (
        a.storage_.buffer is b.storage_.buffer
        and a.key is b.key
        and a.shape == b.shape
        and a.offset == b.offset
        and a.strides == b.strides
    )
