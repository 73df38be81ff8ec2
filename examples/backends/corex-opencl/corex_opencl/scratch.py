"""Dense copies of views, for kernels that do not take every geometry."""

from __future__ import annotations

import math

from corex.backend import View, contiguous_strides

from . import elementwise


def dense_like(view: View) -> View:
    """A new, dense view of the same shape and dtype, its elements undefined."""
    buffer, dtype, shape, _, _ = view
    memory = buffer.device.scratch(math.prod(shape) * dtype.itemsize)
    return (memory, dtype, shape, contiguous_strides(shape), 0)


def densely(view: View) -> View:
    """The view's elements in row-major order, in memory of their own."""
    copied = dense_like(view)
    elementwise.run("copy", copied, view)
    return copied


def apart(view: View, out: View) -> View:
    """The view, or a copy where it is `out` itself: for kernels that read what others write."""
    same = view[0] is out[0] and view[2:] == out[2:]
    return densely(view) if same else view
