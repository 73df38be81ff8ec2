"""From an op and its tensors to a kernel: resolve once, then look up.

The order of choice is native kernel, decomposition into other ops, host fallback. What a plugin
hook answers is cached per (backend, op, dtypes) until the set of plugins changes.
"""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from corex import report
from corex.backend import Kernel, View
from corex.device import device as Device
from corex.dtypes import DType, bool_
from corex.errors import BackendUnavailableError, FallbackWarning, KernelUnavailableError
from corex.graph import OpNode, mode
from corex.layout import COUNT, DENSE, broadcast_strides, extent, numel
from corex.place import DispatchKey, Place, ask_overrides, observed
from corex.plugins.manager import manager
from corex.schema import REGISTRY, OpSchema
from corex.tensor import TENSOR_TYPES, Tensor, alias, make, wrap

Shape = tuple[int, ...]
Spec = tuple[Shape, DType]


# ---- places and the current backend ----------------------------------------------------------
_places: dict[tuple[str, int], Place] = {}
_lock = threading.RLock()
_default: list[str] = []  # what set_backend chose
_usual: list[str] = []  # what the plugins say where nobody chose


class _Current(threading.local):
    stack: tuple[str, ...] = ()


_current = _Current()


def place_of(backend: str, index: int = 0) -> Place:
    """Device number `index` of a backend, which is loaded if this is its first use.

    Raises:
        BackendUnavailableError: no such backend, or it cannot be used here.
        RuntimeError: the backend has no such device.
    """
    instance = manager.backend(backend)
    found = _places.get((backend, index))
    if found is not None and found.backend is instance:
        return found
    with _lock:
        count = instance.device_count()
        if not 0 <= index < count:
            raise RuntimeError(
                f"invalid device ordinal: backend '{backend}' has {count} "
                f"device(s) of type '{instance.device_type}', so there is no number {index}"
            )
        indexed = instance.device_type != "cpu"
        found = _places[backend, index] = Place(backend, instance, index, indexed)
        return found


def forget_kernels() -> None:
    """Drops every cached resolution; the next calls ask the plugins again."""
    for place in list(_places.values()):
        place.clear()
    _usual.clear()


manager.on_change(forget_kernels)


def _is_overridden(backend: str, op: str, dtype: DType) -> bool:
    schema = REGISTRY.get(op)
    if schema is None:
        return False
    output = bool_ if schema.family in ("compare", "predicate") else dtype
    required = sum(not name.endswith("?") for name in schema.inputs)
    return any(
        manager.override(backend, op, (output, *[dtype] * count)) is not None
        for count in range(required, len(schema.inputs) + 1)
    )


ask_overrides(_is_overridden)


def get_backend() -> str:
    """The name of the backend on which new tensors are made."""
    if _current.stack:
        return _current.stack[-1]
    if _default:
        return _default[0]
    if not _usual:
        _usual.append(manager.default_backend_name())
    return _usual[0]


def set_backend(name: str) -> None:
    """Makes `name` the backend of new tensors, in all threads.

    Raises:
        BackendUnavailableError: no such backend, or it cannot be used here.
    """
    manager.backend(name)
    _default[:] = [name]


@contextmanager
def use_backend(name: str) -> Iterator[None]:
    """Makes `name` the backend of new tensors within a `with` block, in this thread.

    Raises:
        BackendUnavailableError: no such backend, or it cannot be used here.
    """
    manager.backend(name)
    before = _current.stack
    _current.stack = (*before, name)
    try:
        yield
    finally:
        _current.stack = before


def find_place(device: Device | str | int | None = None, backend: str | None = None) -> Place:
    """Where `device=` and `backend=` arguments point; the current backend by default.

    Raises:
        RuntimeError: nobody serves the device type, or it has no such number, or the device is not
            the backend's.
        BackendUnavailableError: no such backend, or it cannot be used here.
    """
    if device is None:
        name = backend or get_backend()
        found = _places.get((name, 0))
        return place_of(name) if found is None or backend is not None else found
    if isinstance(device, int):
        device = Device(_accelerator(), device)
    elif not isinstance(device, Device):
        device = Device(device)
    name = backend or get_backend()
    if manager.backend(name).device_type != device.type:
        if backend is not None:
            raise RuntimeError(
                f"backend '{name}' serves devices of type '{manager.backend(name).device_type}', "
                f"not '{device}'"
            )
        name = manager.backend_for_device_type(device.type)
    return place_of(name, device.index or 0)


def _accelerator() -> str:
    for descriptor in manager.descriptors().values():
        if descriptor.device_type != "cpu":
            return descriptor.device_type
    raise BackendUnavailableError("a device number was given, but no accelerator backend is there")


# ---- strict mode -----------------------------------------------------------------------------
_strict = os.environ.get("COREX_STRICT", "") not in ("", "0")


def set_strict(value: bool) -> None:
    """In strict mode a host fallback raises `KernelUnavailableError` instead of warning."""
    global _strict
    _strict = bool(value)


def is_strict() -> bool:
    """Whether strict mode is on."""
    return _strict


# ---- resolving -------------------------------------------------------------------------------
class Resolution(NamedTuple):
    """How an op runs on a place: a kernel (with its predicate), or why there is none."""

    run: Kernel | None
    accepts: Any
    reason: str


def resolve(place: Place, op: str, dtypes: tuple[DType, ...]) -> Resolution:
    """The cached answer of the plugins for (place, op, dtypes of all views)."""
    found: Resolution | None = place.kernels.get((op, dtypes))
    if found is None:
        choice = manager.select_kernel(place.name, op, dtypes)
        if choice is None:
            names = ", ".join(d.name for d in dtypes)
            found = Resolution(None, None, f"'{place.name}' has no kernel '{op}' for ({names})")
        else:
            found = Resolution(choice.run, choice.accepts, "kernel")
        place.kernels[op, dtypes] = found
    return found


# ---- tensors and views -----------------------------------------------------------------------
def empty(key: DispatchKey, shape: Shape) -> Tensor:
    """An uninitialised, row-major tensor."""
    place = key.place
    nbytes = COUNT[shape] * key.dtype.itemsize
    return wrap(key, place.backend.allocate(nbytes, place.index), shape)


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
        if t is not None and t.key.place is not place:
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


# ---- calling ---------------------------------------------------------------------------------
def call(schema: OpSchema, inputs: tuple[Tensor | None, ...], params: tuple[Any, ...] = ()) -> Any:
    """Runs an op: checks places, applies the result rule, runs it, and records it for autograd.

    The op's own checks and promotions are done by its public function before.
    """
    first = inputs[0]
    assert first is not None
    place = first.key.place
    for t in inputs:
        if t is not None and t.key.place is not place:
            check_places(schema.name, inputs[1:], place)
    assert schema.result is not None
    specs: list[Spec] = schema.result(*inputs, *params)
    found = _resolve_for(schema, place, specs, inputs)
    if found.run is not None:
        outs = [empty(place.keys[dtype.index], shape) for shape, dtype in specs]
        arguments = (
            *[view(t) for t in outs],
            *[None if t is None else view(t) for t in inputs],
            *(params[: -schema.rule_params] if schema.rule_params else params),
        )
        if found.accepts is None or found.accepts(*arguments):
            found.run(*arguments)
            if observed():
                report.note(schema.name, place.name, "native", found.reason)
            return _finish(schema, inputs, params, outs)
        found = Resolution(None, None, f"the kernel '{schema.name}' declined this layout")
    if schema.decomposition is not None:
        if observed():
            report.note(schema.name, place.name, "decomposed", found.reason)
        if not schema.differentiable:
            return schema.decomposition(*inputs, *params)
        with no_grad():
            result = schema.decomposition(*inputs, *params)
        outs = [result] if isinstance(result, Tensor) else list(result)
        return _finish(schema, inputs, params, [alias(t) for t in outs])
    outs = [empty(place.keys[dtype.index], shape) for shape, dtype in specs]
    kernel_params = params[: -schema.rule_params] if schema.rule_params else params
    run_fallback(schema.name, outs, inputs, kernel_params, found.reason)
    return _finish(schema, inputs, params, outs)


def _resolve_for(
    schema: OpSchema, place: Place, specs: Sequence[Spec], inputs: Sequence[Tensor | None]
) -> Resolution:
    if schema.uniform:
        key = inputs[0].key  # type: ignore[union-attr]
        found = key.kernels.get(schema.name)
        if found is not None:
            return found  # type: ignore[no-any-return]
    dtypes = (
        *[dtype for _, dtype in specs],
        *[t.key.dtype for t in inputs if t is not None],
    )
    found = resolve(place, schema.name, dtypes)
    if schema.uniform:
        key.kernels[schema.name] = found
    return found


def call_pointwise(
    schema: OpSchema,
    inputs: tuple[Tensor, ...],
    params: tuple[Any, ...],
    shape: Shape,
    dtype: DType,
    out: Tensor | None = None,
) -> Tensor:
    """Runs an elementwise op on broadcast inputs of the right dtypes.

    With `out`, which has `shape` and `dtype` and is checked by the caller, the result is written
    there and nothing is recorded.
    """
    key = inputs[0].key
    place = key.place
    uniform = dtype is key.dtype
    for t in inputs:
        if t.key is not key:
            uniform = False
            if t.key.place is not place:
                check_places(schema.name, inputs[1:], place)
    if out is None:
        result = empty(place.keys[dtype.index], shape)
    else:
        result = out
        inputs = tuple([t if t is out else _without_overlap(t, out) for t in inputs])
    found = key.kernels.get(schema.name) if uniform else None
    if found is None:
        found = resolve(place, schema.name, (dtype, *[t.key.dtype for t in inputs]))
        if uniform:
            key.kernels[schema.name] = found
    if found.run is not None:
        dense = DENSE[shape]
        strides = result._strides
        views = [(result.storage_.buffer, dtype, shape, strides or dense, result.offset)]
        for t in inputs:
            strides = t._strides or dense
            if t.shape != shape:
                strides = broadcast_strides(t.shape, t.strides, shape)
            views.append((t.storage_.buffer, t.key.dtype, shape, strides, t.offset))
        arguments = (*views, *params)
        if found.accepts is None or found.accepts(*arguments):
            found.run(*arguments)
            if observed():
                report.note(schema.name, place.name, "native", found.reason)
            return result if out is not None else _pointwise_result(schema, inputs, params, result)
        found = Resolution(None, None, f"the kernel '{schema.name}' declined this layout")
    if schema.decomposition is not None:
        if observed():
            report.note(schema.name, place.name, "decomposed", found.reason)
        if out is None and not schema.differentiable:
            composed: Tensor = schema.decomposition(*inputs, *params)
            return composed
        with no_grad():
            composed = schema.decomposition(*inputs, *params)
            if out is not None:
                run("copy", [out], [composed])
                return out
        return _pointwise_result(schema, inputs, params, alias(composed))
    expanded = [alias_as(t, shape) for t in inputs]
    run_fallback(schema.name, [result], expanded, params, found.reason)
    return result if out is not None else _pointwise_result(schema, inputs, params, result)


def alias_as(t: Tensor, shape: Shape) -> Tensor:
    """A tensor over the same memory, broadcast to `shape`, outside the graph."""
    strides = broadcast_strides(t.shape, t.strides, shape)
    return make(t.storage_, t.key, shape, strides, t.offset)


def _pointwise_result(
    schema: OpSchema, inputs: tuple[Tensor, ...], params: tuple[Any, ...], result: Tensor
) -> Tensor:
    if mode.enabled and schema.differentiable:
        for t in inputs:
            if t._node is not None:
                shapes = tuple([t.shape for t in inputs])
                same = all([s == result.shape for s in shapes])
                record(schema, inputs, params, (result,), None if same else shapes)
                break
    return result


def run(
    op: str, outs: Sequence[Tensor], inputs: Sequence[Tensor], params: tuple[Any, ...] = ()
) -> None:
    """Runs a primitive into existing tensors, on their place or else on the host. No autograd."""
    place = outs[0].key.place
    tensors = (*outs, *inputs)
    dtypes = tuple([t.key.dtype for t in tensors])
    found = place.kernels.get((op, dtypes)) or resolve(place, op, dtypes)
    if found.run is not None:
        arguments = (*[view(t) for t in tensors], *params)
        if found.accepts is None or found.accepts(*arguments):
            found.run(*arguments)
            if observed():
                report.note(op, place.name, "native", found.reason)
            return
    run_fallback(op, outs, inputs, params, found.reason)


def may_overlap(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors may share elements (an interval test on the same storage)."""
    if a.storage_ is not b.storage_ or not numel(a.shape) or not numel(b.shape):
        return False
    low_a, high_a = extent(a.shape, a.strides)
    low_b, high_b = extent(b.shape, b.strides)
    size_a, size_b = a.key.dtype.itemsize, b.key.dtype.itemsize
    return (a.offset + low_a) * size_a < (b.offset + high_b + 1) * size_b and (
        b.offset + low_b
    ) * size_b < (a.offset + high_a + 1) * size_a


def same_view(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors show exactly the same elements in the same order."""
    return (
        a.storage_ is b.storage_
        and a.key is b.key
        and a.shape == b.shape
        and a.offset == b.offset
        and a.strides == b.strides
    )


def _without_overlap(t: Tensor, out: Tensor) -> Tensor:
    if t.storage_ is not out.storage_ or same_view(t, out) or not may_overlap(t, out):
        return t
    return dense_copy(t)


def dense_copy(t: Tensor, key: DispatchKey | None = None) -> Tensor:
    """A row-major copy on the same place, converted to the key's dtype. No autograd."""
    result = empty(key or t.key, t.shape)
    run("copy", [result], [t])
    return result


# ---- the host fallback and transfers ---------------------------------------------------------
_warned: set[tuple[str, str]] = set()


def run_fallback(
    op: str,
    outs: Sequence[Tensor],
    inputs: Sequence[Tensor | None],
    params: tuple[Any, ...],
    reason: str,
) -> None:
    """Runs `op` on a host backend, copying its inputs there and its outputs back."""
    place = outs[0].key.place
    if _strict:
        raise KernelUnavailableError(f"[{op}] {reason}, and strict mode forbids the host fallback")
    dtypes = (*[t.key.dtype for t in outs], *[t.key.dtype for t in inputs if t is not None])
    host = _host_for(place, op, dtypes)
    if host is None:
        raise KernelUnavailableError(
            f"[{op}] {reason}, it has no decomposition, and no host backend has a kernel either"
        )
    if (place.name, op) not in _warned:
        _warned.add((place.name, op))
        warnings.warn(
            f"[{op}] {reason}: it runs on backend '{host.name}', with copies both ways",
            FallbackWarning,
            stacklevel=4,
        )
    there = [None if t is None else _fetch(t, host) for t in inputs]
    # Outputs travel too: index_put and scatter_add read what they do not overwrite.
    results = [_fetch(t, host) for t in outs]
    found = resolve(host, op, dtypes)
    assert found.run is not None
    found.run(
        *[view(t) for t in results], *[None if t is None else view(t) for t in there], *params
    )
    for target, source in zip(outs, results, strict=True):
        _put_back(target, source)
    moved = sum(t.nbytes for t in inputs if t is not None) + 2 * sum(t.nbytes for t in outs)
    if observed():
        report.note(op, place.name, "fallback", reason, moved)


def _host_for(place: Place, op: str, dtypes: tuple[DType, ...]) -> Place | None:
    for name, descriptor in manager.descriptors().items():
        if descriptor.device_type != "cpu" or name == place.name:
            continue
        if manager.unavailable_reason(name) is None:
            host = place_of(name)
            if resolve(host, op, dtypes).run is not None:
                return host
    return None


def _fetch(t: Tensor, host: Place) -> Tensor:
    """A row-major copy on the host, made there: `t`'s own backend may have nothing but memory."""
    if t._strides is None or not numel(t.shape):
        return transfer(t, host)
    return dense_copy(_span(t, host))


def _span(t: Tensor, host: Place) -> Tensor:
    """`t` on the host over a copy of the stretch of memory that it shows."""
    low, high = extent(t.shape, t.strides)
    flat = make(t.storage_, t.key, (high - low + 1,), None, t.offset + low)
    copy = transfer(flat, host)
    return make(copy.storage_, copy.key, t.shape, t._strides, -low)


def _put_back(target: Tensor, source: Tensor) -> None:
    """Writes a row-major host tensor over `target` with nothing but memory operations."""
    if not numel(target.shape):
        return
    host = source.key.place
    itemsize = target.key.dtype.itemsize
    start, data = target.offset, source
    if target._strides is not None:
        around = _span(target, host)
        run("copy", [around], [source])
        start -= around.offset
        data = make(around.storage_, source.key, (around.storage_.nbytes() // itemsize,))
    view_of_bytes = host.backend.host_view(data.storage_.buffer)
    if view_of_bytes is None:
        view_of_bytes = memoryview(bytearray(data.nbytes))
        host.backend.copy_to_host(data.storage_.buffer, 0, view_of_bytes)
    target.key.place.backend.copy_from_host(
        target.storage_.buffer, start * itemsize, view_of_bytes[: data.nbytes]
    )


def transfer(t: Tensor, place: Place) -> Tensor:
    """A row-major copy of a tensor on another place, same dtype. No autograd."""
    source = t if t._strides is None else dense_copy(t)
    key = place.keys[t.key.dtype.index]
    result = empty(key, t.shape)
    nbytes = source.nbytes
    if nbytes == 0:
        return result
    start = source.offset * key.dtype.itemsize
    host = source.key.place.backend.host_view(source.storage_.buffer)
    if host is not None:
        place.backend.copy_from_host(result.storage_.buffer, 0, host[start : start + nbytes])
        return result
    data = memoryview(bytearray(nbytes))
    source.key.place.backend.copy_to_host(source.storage_.buffer, start, data)
    place.backend.copy_from_host(result.storage_.buffer, 0, data)
    return result


# ---- recording -------------------------------------------------------------------------------
@contextmanager
def no_grad() -> Iterator[None]:
    """Ops inside record nothing; for the runtime itself (`corex.no_grad` is the public one)."""
    before = mode.enabled
    mode.enabled = False
    try:
        yield
    finally:
        mode.enabled = before


def _finish(
    schema: OpSchema,
    inputs: Sequence[Tensor | None],
    params: tuple[Any, ...],
    outs: list[Tensor],
) -> Any:
    if mode.enabled and schema.differentiable:
        for t in inputs:
            if t is not None and t._node is not None:
                record(schema, inputs, params, outs)
                break
    return outs[0] if len(outs) == 1 else tuple(outs)


def record(
    schema: OpSchema,
    inputs: Sequence[Any],
    params: tuple[Any, ...],
    outs: Sequence[Tensor],
    shapes: tuple[Shape, ...] | None = None,
    edges: tuple[tuple[Any, int], ...] | None = None,
) -> OpNode:
    """Makes the node of an op whose first output is differentiable, and hangs it on that output.

    `inputs` may hold numbers and None beside tensors; `edges` overrides their edges (an in-place
    op's input is its output, with another place in the graph).
    """
    if edges is None:
        found = []
        for t in inputs:
            if type(t) in TENSOR_TYPES:
                found.append((t._node, t._output_nr) if t._node is not None else _NO_EDGE)
            else:
                found.append(_NO_EDGE)
        edges = tuple(found)
    needs = tuple([edge[0] is not None for edge in edges])
    plan = schema._plans.get(needs) or schema.plan(needs)
    node = _new(OpNode)
    node.plan = plan
    node.edges = edges
    node.params = params
    node.shapes = shapes
    count = len(inputs)
    saved = []
    versions: list[int | None] = []
    for i in plan.save:
        if i < 0:
            saved.append(inputs[-1 - i].shape)
            versions.append(None)
            continue
        value = inputs[i] if i < count else alias(outs[i - count])
        saved.append(value)
        versions.append(value.storage_.version if type(value) in TENSOR_TYPES else None)
    node.saved = tuple(saved)
    node.versions = tuple(versions)
    outs[0]._node = node
    anomaly = report.forward_trace
    if anomaly is not None:
        node.forward_trace = anomaly()
    return node


_NO_EDGE = (None, 0)
_new = object.__new__
