"""Checks of what a kernel is called with, before it runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from corex.backend import View
from corex.dtypes import DType
from corex_strict.errors import StrictError
from corex_strict.memory import Buffer, Device
from corex_strict.rules import RULES, Call, self_overlaps

Shape = tuple[int, ...]


def checked(kernel: str, arguments: tuple[Any, ...], devices: Sequence[Device]) -> Call:
    """The arguments of a kernel, told apart.

    Raises:
        StrictError: they are not what the contract promises.
    """
    call = _sorted(kernel, arguments)
    device = check_buffer(kernel, "the output", call.out[0], devices)
    for name, view in _named(call):
        if check_buffer(kernel, name, view[0], devices) is not device:
            here, there = f"strict:{device.number}", f"strict:{view[0].device}"
            raise StrictError(kernel, name, f"is on {there}, the output on {here}")
        _check_view(kernel, name, view, device)
    _, _, shape, strides, _ = call.out
    if self_overlaps(shape, strides):
        reason = f"has elements that share memory: shape {shape}, strides {strides}"
        raise StrictError(kernel, "the output", reason)
    dtypes = (call.out[1], *[view[1] for view in call.inputs])
    if not RULES[kernel].takes(dtypes):
        names = ", ".join(dtype.name for dtype in dtypes)
        raise StrictError(kernel, "the arguments", f"have dtypes ({names}), which it does not take")
    RULES[kernel].rule(call)
    for i, view in enumerate(call.inputs):
        _check_overlap(kernel, f"input {i}", view, call.out)
    return call


def _sorted(kernel: str, arguments: tuple[Any, ...]) -> Call:
    views = tuple(a for a in arguments if _is_view(a))
    params = tuple(a for a in arguments if not _is_view(a))
    count = RULES[kernel].inputs
    if not views or (count is not None and len(views) != 1 + count):
        raise StrictError(kernel, "the arguments", f"hold {len(views)} views")
    if kernel != "index_put" and arguments[: len(views)] != views:
        raise StrictError(kernel, "the arguments", "have a parameter before a view")
    return Call(kernel, views[0], views[1:], params)


def _is_view(argument: Any) -> bool:
    return isinstance(argument, tuple) and len(argument) == 5


def _named(call: Call) -> list[tuple[str, View]]:
    return [("the output", call.out), *[(f"input {i}", v) for i, v in enumerate(call.inputs)]]


# ---- one argument ------------------------------------------------------------------------------
def check_buffer(kernel: str, name: str, buffer: Any, devices: Sequence[Device]) -> Device:
    """The device of a buffer.

    Raises:
        StrictError: it is none of ours, or was freed.
    """
    if type(buffer) is not Buffer:
        raise StrictError(kernel, name, f"is memory of somebody else: a {type(buffer).__name__}")
    if not buffer.alive:
        raise StrictError(kernel, name, "was freed")
    return devices[buffer.device]


def check_range(kernel: str, buffer: Buffer, start: int, data: memoryview, writes: bool) -> None:
    """Checks a copy from or to host memory.

    Raises:
        StrictError: it does not lie within the buffer, or the host memory is not as promised.
    """
    if data.format != "B" or not data.c_contiguous or data.ndim != 1:
        raise StrictError(kernel, "the host memory", "is not a line of bytes")
    if writes and data.readonly:
        raise StrictError(kernel, "the host memory", "cannot be written to")
    if type(start) is not int or not 0 <= start <= start + data.nbytes <= buffer.nbytes:
        reason = f"[{start}, {start + data.nbytes}) is not within its {buffer.nbytes} bytes"
        raise StrictError(kernel, "the range of the buffer", reason)


def _check_view(kernel: str, name: str, view: View, device: Device) -> None:
    buffer, dtype, shape, strides, offset = view
    if type(dtype) is not DType or dtype not in device.dtypes:
        raise StrictError(kernel, name, f"is {dtype!r}, which strict:{device.number} does not hold")
    for what, numbers in (("shape", shape), ("strides", strides)):
        if type(numbers) is not tuple or any(type(number) is not int for number in numbers):
            raise StrictError(kernel, name, f"has {what} {numbers!r}: no tuple of ints")
    if len(shape) != len(strides) or any(size < 0 for size in shape):
        raise StrictError(kernel, name, f"has shape {shape} and strides {strides}")
    if type(offset) is not int or offset < 0:
        raise StrictError(kernel, name, f"has offset {offset!r}")
    if 0 in shape:
        return
    low, high = reach(shape, strides, offset)
    if low < 0 or (high + 1) * dtype.itemsize > buffer.nbytes:
        reason = f"reaches from element {low} to {high} of a buffer of {buffer.nbytes} bytes"
        raise StrictError(kernel, name, reason)


def reach(shape: Shape, strides: Shape, offset: int) -> tuple[int, int]:
    """The lowest and the highest element of a view that is not empty."""
    ends = [(size - 1) * stride for size, stride in zip(shape, strides, strict=True)]
    return offset + sum(e for e in ends if e < 0), offset + sum(e for e in ends if e > 0)


# ---- two arguments -----------------------------------------------------------------------------
def _check_overlap(kernel: str, name: str, view: View, out: View) -> None:
    if view[0] is not out[0] or 0 in view[2] or 0 in out[2] or _same(view, out):
        return
    if np.shares_memory(as_array(view), as_array(out)):
        reason = f"overlaps the output partly: {_text(view)} and {_text(out)}"
        raise StrictError(kernel, name, reason)


def _same(a: View, b: View) -> bool:
    """Whether two views show the same elements in the same order."""
    steps = zip(a[2], a[3], b[3], strict=True) if a[2] == b[2] else ()
    return a[1:3] == b[1:3] and a[4] == b[4] and all(n == 1 or s == t for n, s, t in steps)


def _text(view: View) -> str:
    return f"shape {view[2]}, strides {view[3]}, offset {view[4]}"


def as_array(view: View) -> np.ndarray[Any, Any]:
    """A view as a NumPy array over the same memory."""
    buffer, dtype, shape, strides, offset = view
    if not math.prod(shape):
        return np.empty(shape, dtype.name)
    size = dtype.itemsize
    steps = [stride * size for stride in strides]
    return np.ndarray(shape, dtype.name, buffer.content, offset * size, steps)
