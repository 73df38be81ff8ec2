"""The last resort: copies between devices, and running an op on a host backend."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

from corex.dispatch.devices import place_of
from corex.dispatch.launch import launch
from corex.dispatch.resolve import Resolution, empty, resolve, view
from corex.dtypes import DType
from corex.errors import FallbackWarning, KernelUnavailableError, warn
from corex.layout import extent, numel
from corex.observe import events
from corex.plugins.manager import manager
from corex.tensor import place as places
from corex.tensor.pinned import copy_later, pinned_tensor
from corex.tensor.place import Place
from corex.tensor.storage import copy_across, upload
from corex.tensor.tensor import Tensor, make

# ---- strict mode -----------------------------------------------------------------------------
_strict = os.environ.get("COREX_STRICT", "") not in ("", "0")


def set_strict(value: bool) -> None:
    """In strict mode a host fallback raises `KernelUnavailableError` instead of warning."""
    global _strict
    _strict = bool(value)


def is_strict() -> bool:
    """Whether strict mode is on."""
    return _strict


# ---- the host fallback and transfers ---------------------------------------------------------
_warned: set[tuple[str, str]] = set()


def run_fallback(
    op: str,
    outs: Sequence[Tensor],
    inputs: Sequence[Tensor | None],
    params: tuple[Any, ...],
    found: Resolution,
    indices: Sequence[Tensor] = (),
) -> None:
    """Runs `op` on a host backend, copying its inputs there and its outputs back.

    `indices` are inputs that follow the parameters.
    """
    place, reason = outs[0].key.place, found.reason
    if _strict:
        raise KernelUnavailableError(f"[{op}] {reason}, and strict mode forbids the host fallback")
    read = (*inputs, *indices)
    dtypes = tuple([t.key.dtype for t in (*outs, *read) if t is not None])
    host = _host_for(place, op, dtypes)
    if host is None:
        raise KernelUnavailableError(
            f"[{op}] {reason}, it has no decomposition, and no host backend has a kernel either"
        )
    if found.host != "preferred" and (place.name, op) not in _warned:
        _warned.add((place.name, op))
        warn(
            f"[{op}] {reason}: it runs on backend '{host.name}', with copies both ways",
            FallbackWarning,
        )
    span: Any = nullcontext()
    if places.observers:
        span = events.Span(op, place, "fallback", reason, outs, read, params)
        span.moved = sum(t.nbytes for t in read if t is not None) + 2 * sum(t.nbytes for t in outs)
    with span, events.falling_back(op):
        _run_there(host, op, dtypes, outs, inputs, params, reason, indices)


def on_host(found: Resolution, place: Place, op: str, dtypes: tuple[DType, ...]) -> bool:
    """Whether an op without a kernel runs on a host although it has a decomposition."""
    if not found.host or (_strict and found.host == "preferred"):
        return False
    return _host_for(place, op, dtypes) is not None


def _run_there(
    host: Place,
    op: str,
    dtypes: tuple[DType, ...],
    outs: Sequence[Tensor],
    inputs: Sequence[Tensor | None],
    params: tuple[Any, ...],
    reason: str,
    indices: Sequence[Tensor],
) -> None:
    """Copies everything to the host, runs the op, and copies the outputs back."""
    there = [None if t is None else _fetch(t, host) for t in (*inputs, *indices)]
    # Outputs travel too: index_put and scatter_add read what they do not overwrite.
    results = [_fetch(t, host) for t in outs]
    views = [None if t is None else view(t) for t in there]
    arguments = (
        *[view(t) for t in results],
        *views[: len(inputs)],
        *params,
        *views[len(inputs) :],
    )
    found = launch(resolve(host, op, dtypes), op, host, arguments)
    if found.run is None:
        raise KernelUnavailableError(
            f"[{op}] {reason}, it has no decomposition, and {found.reason}"
        )
    for target, source in zip(outs, results, strict=True):
        _put_back(target, source)


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
    return _dense(_span(t, host))


def _dense(t: Tensor) -> Tensor:
    """A row-major copy, on the tensor's own place if that can copy, else on a host."""
    place = t.key.place
    result = empty(t.key, t.shape)
    if _copy_natively(result, t):
        return result
    dtypes = (t.key.dtype, t.key.dtype)
    host = _host_for(place, "copy", dtypes)
    if host is None:
        raise KernelUnavailableError(f"[copy] neither {place} nor a host backend has a kernel")
    return _dense(_span(t, host))


def _copy_natively(target: Tensor, source: Tensor) -> bool:
    dtypes = (target.key.dtype, source.key.dtype)
    views = (view(target), view(source))
    found = resolve(target.key.place, "copy", dtypes)
    return launch(found, "copy", target.key.place, views).run is not None


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
        _copy_natively(around, source)
        start -= around.offset
        data = make(around.storage_, source.key, (around.storage_.nbytes() // itemsize,))
    view_of_bytes = host.backend.host_view(data.storage_.buffer)
    if view_of_bytes is None:
        view_of_bytes = memoryview(bytearray(data.nbytes))
        host.backend.copy_to_host(data.storage_.buffer, 0, view_of_bytes)
    upload(
        target.key.place,
        target.storage_.buffer,
        start * itemsize,
        view_of_bytes[: data.nbytes],
    )


def transfer(t: Tensor, place: Place, later: bool = False) -> Tensor:
    """A row-major copy of a tensor on another place, same dtype. No autograd.

    With `later` the copy may be queued: from pinned memory, or to a result in such memory.
    """
    source = t if t._strides is None else _dense(t)
    key = place.keys[t.key.dtype.index]
    result = None
    if later and place.device.type == "cpu":
        result = pinned_tensor(place, key.dtype, t.shape, None, source.key.place)
    if result is None:
        result = empty(key, t.shape)
    nbytes = source.nbytes
    if nbytes == 0:
        return result
    start = source.offset * key.dtype.itemsize
    if later and copy_later(source.storage_, start, result.storage_, 0, nbytes):
        return result
    data, target = source.storage_.buffer, result.storage_.buffer
    copy_across(source.key.place, data, start, place, target, nbytes)
    return result
