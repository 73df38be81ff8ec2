"""The door for kernels that fill memory which is there already; and how twins are resolved.

A twin (`tensor/twins.py`) shows memory whose elements are not yet conjugated or negated. Before a
kernel reads one it is resolved, into a copy; what a kernel writes to one is computed beside it and
written back as memory has to hold it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from corex.backend.signatures import UPDATES
from corex.dispatch import levels
from corex.dispatch.fallback import run_fallback
from corex.dispatch.launch import launch
from corex.dispatch.resolve import TWINS, dtype_of, empty_with, resolve, resolve_uniform, view
from corex.layout import DENSE, strides_like
from corex.tensor.tensor import Tensor, make
from corex.tensor.twins import CONJ, NEG, among, plain


def write(
    op: str,
    outs: Sequence[Tensor],
    inputs: Sequence[Tensor] = (),
    params: tuple[Any, ...] = (),
    indices: Sequence[Tensor] = (),
) -> None:
    """Runs a primitive into existing tensors, on their place or else on the host. No autograd.

    `indices` are inputs that follow the parameters, as in `index_put`.
    """
    tensors = (*outs, *inputs, *indices)
    if levels.open:
        if among(tensors):
            _write_twins(op, outs, inputs, params, indices)
            return
        if write_interpreted(op, tensors, outs, inputs, params, indices):
            return
    place = outs[0].key.place
    views = []
    for t in tensors:
        key, shape = t.key, t.shape
        if key.place is not place and among(tensors):
            _write_twins(op, outs, inputs, params, indices)
            return
        # As `view` does, which is called too often here.
        views.append((t.storage_.buffer, key.dtype, shape, t._strides or DENSE[shape], t.offset))
    dtypes = tuple(map(dtype_of, tensors))
    found = place.kernels.get((op, dtypes)) or resolve(place, op, dtypes)
    if found.run is not None:
        if indices:
            count = len(views) - len(indices)
            arguments = (*views[:count], *params, *views[count:])
        else:
            arguments = (*views, *params)
        found = launch(found, op, place, arguments, tensors, len(outs), params)
        if found.run is not None:
            return
    if found is TWINS:
        _write_twins(op, outs, inputs, params, indices)
    else:
        run_fallback(op, outs, inputs, params, found, indices)


def write_interpreted(
    op: str,
    tensors: Sequence[Any],
    outs: Sequence[Any],
    inputs: Sequence[Any],
    params: tuple[Any, ...],
    indices: Sequence[Tensor] = (),
) -> bool:
    """Leaves a write, in which `tensors` take part, to who interprets it; whether somebody does."""
    interpreter = levels.handler(tensors)
    if interpreter is None:
        return False
    with levels.below(interpreter):
        interpreter.write(op, outs, inputs, params, indices)
    return True


def fill(t: Tensor, value: Any) -> None:
    """Sets every element to a number. No autograd."""
    key = t.key
    if not levels.open:
        found = key.kernels.get("fill") or resolve_uniform(key, "fill", (key.dtype,))
        if found.run is not None and found.accepts is None:
            launch(found, "fill", key.place, (view(t), value), (t,), 1, (value,))
            return
    write("fill", (t,), (), (value,))


def copy(target: Tensor, source: Tensor) -> None:
    """Writes `source`, of the same shape and place, over `target`, converted. No autograd."""
    key = target.key
    if source.key is key and not levels.open:
        found = key.kernels.get("copy") or resolve_uniform(key, "copy", (key.dtype, key.dtype))
        if found.run is not None and found.accepts is None:
            launch(found, "copy", key.place, (view(target), view(source)), (target, source))
            return
    write("copy", (target,), (source,))


# ---- twins -------------------------------------------------------------------------------------
def resolved(t: Tensor) -> Tensor:
    """A tensor that memory holds as it is: itself, or a copy of a twin. No autograd."""
    bits = t.key.place.bits
    if not bits:
        return t
    result = _room_for(t)
    _turn(result, plain(t), bits)
    return result


def resolved_all(tensors: Sequence[Any]) -> tuple[Any, ...]:
    """The operands of an op, twins among them resolved, each in its twin's place in the graph."""
    found = [resolved(t) if isinstance(t, Tensor) else t for t in tensors]
    for t, other in zip(tensors, found, strict=True):
        if other is not t:
            other._node, other._output_nr = t._node, t._output_nr
    return tuple(found)


def _room_for(t: Tensor) -> Tensor:
    strides = None if t._strides is None else strides_like(t.shape, t._strides)
    return empty_with(t.key.own, t.shape, strides)


def _turn(target: Tensor, source: Tensor, bits: int) -> None:
    """Writes the conjugates, or negatives, of one tensor that is no twin over another."""
    dtype = target.key.dtype
    alike = source.key.dtype is dtype
    if bits == NEG:
        if not alike:
            write("copy", (target,), (source,))
        write("neg", (target,), (source if alike else target,))
        return
    if bits == CONJ and alike and not levels.open:
        place = target.key.place  # which need not have this kernel: it is none of the contract's
        views = (view(target), view(source))
        found = resolve(place, "conj", (dtype, dtype))
        if launch(found, "conj", place, views, (target, source)).run is not None:
            return
    write("copy", (target,), (source,))
    negative = _part(target, 1 if bits == CONJ else 0)
    write("neg", (negative,), (negative,))


def _part(t: Tensor, number: int) -> Tensor:
    """The real (0) or imaginary (1) parts of complex elements."""
    key = t.key.place.key(t.key.dtype.to_real())
    strides = tuple([2 * stride for stride in t.strides])
    return make(
        t.storage_, key, t.shape, None if strides == DENSE[t.shape] else strides,
        2 * t.offset + number,
    )  # fmt: skip


def _write_twins(
    op: str,
    outs: Sequence[Tensor],
    inputs: Sequence[Tensor],
    params: tuple[Any, ...],
    indices: Sequence[Tensor],
) -> None:
    if op == "fill":
        write(op, [plain(outs[0])], (), (_turned(params[0], outs[0].key.place.bits),))
        return
    if op == "copy" and _may_stay(outs[0], inputs[0]):
        write(op, [plain(outs[0])], [plain(inputs[0])])
        return
    bits = [out.key.place.bits for out in outs]
    beside = resolved if op in UPDATES else _room_for
    targets = [beside(out) if bit else out for out, bit in zip(outs, bits, strict=True)]
    if op == "copy" and bits[0]:
        targets = [resolved(inputs[0])]
    else:
        given = [resolved(t) for t in inputs]
        write(op, targets, given, params, [resolved(t) for t in indices])
    for out, target, bit in zip(outs, targets, bits, strict=True):
        if bit:
            _turn(plain(out), target, bit)


def _may_stay(target: Tensor, source: Tensor) -> bool:
    """Whether memory can be copied as it is, since the same waits for both."""
    return (
        target.key.place.bits == source.key.place.bits
        and target.key.dtype.is_inexact
        and target.key.dtype.kind == source.key.dtype.kind
    )


def _turned(value: Any, bits: int) -> Any:
    if bits & CONJ and isinstance(value, complex):
        value = value.conjugate()
    return -value if bits & NEG else value
