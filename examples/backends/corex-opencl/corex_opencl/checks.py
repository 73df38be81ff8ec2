"""Errors that depend on the data: a kernel looks for them and raises a flag, the host reads it.

These are the only kernels that wait for the device, because an exception has to come from the very
call. What exactly is wrong is found out on the host, and only if something is.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from corex.backend import View

from .devices import Device
from .layouts import layouts, plan
from .programs import Source, title, type_defines


def _found(op: str, bad: str, view: View, lowest: int = 0, highest: int = 0) -> bool:
    """Whether `bad`, a condition on x, holds for an element of the view."""
    buffer, dtype, shape, strides, offset = view
    pairs = zip(shape, strides, strict=True)
    # What is broadcast need not be looked at twice.
    sizes = tuple(1 if stride == 0 and size else size for size, stride in pairs)
    geometry = plan(sizes, strides)
    if geometry.size == 0:
        return False
    device: Device = buffer.device
    kernel = device.function(
        ("check", bad, dtype),
        "check",
        lambda: Source(
            title(f"the check of {op}", [dtype]),
            ("check",),
            (*type_defines(dtype, device.fp64), ("BAD(x)", bad)),
        ),
    )
    limits = np.int64(lowest), np.int64(highest)
    with device.lock:
        for layout in layouts(geometry, offset):
            device.launch(kernel, geometry.size, device.fault, buffer.ptr, layout, *limits)
        return device.faulty()


def no_zero(divisor: View) -> None:
    """Raises ZeroDivisionError if an element is 0."""
    if _found("an integer division", "(x == 0)", divisor):
        raise ZeroDivisionError("integer division or modulo by zero")


def in_range(views: tuple[View, ...], sizes: tuple[int, ...], first: int, wrap: bool) -> None:
    """Raises IndexError if an index is not one of its dimension's.

    Args:
        views: the indices, one view for every dimension.
        sizes: of these dimensions.
        first: the number of the first dimension, for the message.
        wrap: whether negative indices count from the end.
    """
    bad = False
    for view, size in zip(views, sizes, strict=True):
        lowest = -size if wrap else 0
        bad = bad or _found("an index", "(x < lowest || x >= highest)", view, lowest, size)
    if not bad:
        return
    together = zip(*(elements(view).ravel().tolist() for view in views), strict=True)
    for indices in together:
        for dimension, (index, size) in enumerate(zip(indices, sizes, strict=True), first):
            if not (-size if wrap else 0) <= index < size:
                raise IndexError(
                    f"index {index} is out of bounds for dimension {dimension} with size {size}"
                )


def elements(view: View) -> npt.NDArray[np.int64]:
    """The elements of an int64 view, on the host."""
    buffer, dtype, shape, strides, offset = view
    whole = np.empty(buffer.nbytes // dtype.itemsize, np.int64)
    buffer.device.read(buffer, 0, whole.view(np.uint8).data)
    steps = tuple(stride * dtype.itemsize for stride in strides)
    found: npt.NDArray[np.int64] = np.lib.stride_tricks.as_strided(whole[offset:], shape, steps)
    return found
