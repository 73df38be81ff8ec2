"""One pass over memory where the decompositions make two or three."""

from __future__ import annotations

import numpy as np

from corex.backend import View


def array(view: View) -> np.ndarray:
    """The view as an array over the buffer itself; strides may be zero or negative."""
    buffer, dtype, shape, strides, offset = view
    if 0 in shape:
        return np.empty(shape, dtype.name)  # it may point anywhere, even beyond the buffer
    size = dtype.itemsize
    return np.ndarray(shape, dtype.name, buffer, offset * size, [s * size for s in strides])


def squared_relu(out: View, a: View) -> None:
    """max(a, 0) ** 2."""
    with np.errstate(all="ignore"):
        array(out)[...] = np.square(np.maximum(array(a), 0))


def swiglu(out: View, a: View, b: View) -> None:
    """silu(a) * b."""
    x = array(a)
    with np.errstate(all="ignore"):
        array(out)[...] = x / (1 + np.exp(-x)) * array(b)


KERNELS = {"squared_relu": squared_relu, "swiglu": swiglu}
