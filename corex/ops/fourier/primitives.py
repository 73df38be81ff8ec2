"""The three transforms that all others are made of, by NumPy: complex to complex, real to complex
and complex to real. Each is linear, and its derivative is another of the three."""

from __future__ import annotations

from typing import Any

import numpy as np

from corex import dtypes as dt
from corex.ops.host import host_op
from corex.ops.shape.join import cat
from corex.ops.shape.pad import pad
from corex.ops.shape.views import reshape
from corex.tensor.tensor import Tensor

Dims = tuple[int, ...]

# What a transform over n points is divided by ("none", "root" of n, "size" n), in NumPy's words.
_FORWARD: dict[str, Any] = {"none": "backward", "root": "ortho", "size": "forward"}
_INVERSE: dict[str, Any] = {"none": "forward", "root": "ortho", "size": "backward"}


def order_of(strides: Dims, dims: Dims) -> Dims:
    """How a result lies in memory: the transformed dims innermost, the others as in the input."""
    others = [d for d in range(len(strides)) if d not in dims]
    return (*sorted(others, key=lambda d: -strides[d]), *dims)


def sorted_dims(strides: Dims, dims: Dims) -> Dims:
    """The dims in the order in which they lie in memory, the slowest first."""
    return tuple(sorted(dims, key=lambda d: -strides[d]))


# ---- complex to complex --------------------------------------------------------------------------
def _c2c_steps(a: Any, dims: Dims, scale: str, forward: bool) -> Any:
    if forward:
        found = np.fft.fftn(a, axes=dims, norm=_FORWARD[scale])
    else:
        found = np.fft.ifftn(a, axes=dims, norm=_INVERSE[scale])
    return found.astype(a.dtype, copy=False)


_C2C = host_op(
    "_fft_c2c", ("a",), _c2c_steps, lambda a, *_: [(a.shape, a.key.dtype)],
    {"a": lambda g, dims, scale, forward: c2c(g, dims, scale, not forward)},
    ("dims", "scale", "forward"), label="FftC2CBackward0", analytic=False,
)  # fmt: skip


def c2c(a: Tensor, dims: Dims, scale: str, forward: bool) -> Tensor:
    """The transform of complex numbers along dims, which differ."""
    if not dims:
        return a.clone()
    strides = a.strides
    order = order_of(strides, sorted_dims(strides, dims))
    found: Tensor = _C2C(a, dims, scale, forward, order=order)
    return found


# ---- real to complex -----------------------------------------------------------------------------
def _r2c_steps(a: Any, dims: Dims, scale: str, onesided: bool) -> Any:
    function = np.fft.rfftn if onesided else np.fft.fftn
    found = function(a, axes=dims, norm=_FORWARD[scale])
    return found.astype(np.result_type(a.dtype, np.complex64), copy=False)


def _r2c_specs(a: Tensor, dims: Dims, scale: str, onesided: bool) -> list[Any]:
    shape = list(a.shape)
    if onesided:
        shape[dims[-1]] = shape[dims[-1]] // 2 + 1
    return [(tuple(shape), a.key.dtype.to_complex())]


def _r2c_back(g: Tensor, a_shape: Dims, dims: Dims, scale: str, onesided: bool) -> Tensor:
    """What the one side leaves out had no influence: zeros."""
    if onesided:
        last = dims[-1]
        missing = a_shape[last] - g.shape[last]
        g = pad(g, [0, 0] * (g.ndim - 1 - last) + [0, missing])
    return c2c(g, dims, scale, False).real


_R2C = host_op(
    "_fft_r2c", ("a",), _r2c_steps, _r2c_specs, {"a": _r2c_back},
    ("dims", "scale", "onesided"), label="FftR2CBackward0", analytic=False,
)  # fmt: skip


def r2c(a: Tensor, dims: Dims, scale: str, onesided: bool) -> Tensor:
    """The transform of real numbers along dims; `onesided`, of the last one n // 2 + 1 values: the
    others are their conjugates."""
    strides = a.strides
    order = order_of(strides, (*sorted_dims(strides, dims[:-1]), dims[-1]))
    found: Tensor = _R2C(a, dims, scale, onesided, order=order)
    return found


# ---- complex to real -----------------------------------------------------------------------------
def _c2r_steps(a: Any, dims: Dims, scale: str, size: int) -> Any:
    *others, last = dims
    if others:
        a = np.fft.ifftn(a, axes=others, norm=_INVERSE[scale])
    found = np.fft.irfft(a, size, last, norm=_INVERSE[scale])
    return found.astype(a.real.dtype, copy=False)


def _c2r_specs(a: Tensor, dims: Dims, scale: str, size: int) -> list[Any]:
    shape = list(a.shape)
    shape[dims[-1]] = size
    return [(tuple(shape), a.key.dtype.to_real())]


def _c2r_back(g: Tensor, dims: Dims, scale: str, size: int) -> Tensor:
    """Values with a conjugate that is not there count twice."""
    found = r2c(g, dims, scale, True)
    last, count = dims[-1], size - (size // 2 + 1)
    if not count:
        return found
    once = [g.new_ones((n,)) for n in (1, size // 2 - count)]
    weights = cat([once[0], g.new_full((count,), 2.0), once[1]])
    return found * reshape(weights, (-1, *[1] * (g.ndim - 1 - last)))


_C2R = host_op(
    "_fft_c2r", ("a",), _c2r_steps, _c2r_specs, {"a": _c2r_back},
    ("dims", "scale", "size"), label="FftC2RBackward0",
)  # fmt: skip


def c2r(a: Tensor, dims: Dims, scale: str, size: int) -> Tensor:
    """The inverse transform of values whose other half are conjugates, to `size` real numbers."""
    strides, last = a.strides, dims[-1]
    between = order_of(strides, sorted_dims(strides, dims[:-1]))
    order = (*[d for d in between if d != last], last)
    found: Tensor = _C2R(a, dims, scale, size, order=order)
    return found


def prepared(t: Tensor, to_complex: bool) -> Tensor:
    """A tensor of numbers that there are transforms of: integers become floating point.

    Raises:
        RuntimeError: 16-bit floats, or complex numbers of them.
    """
    dtype = t.key.dtype
    if dtype is dt.complex32:
        raise RuntimeError("Unsupported dtype ComplexHalf")
    if dtype.is_complex:
        return t
    if not dtype.is_floating_point:
        dtype = dt.get_default_dtype()
    if dtype not in (dt.float32, dt.float64):
        raise RuntimeError(f"Unsupported dtype {dtype.scalar}")
    return t.to(dtype.to_complex() if to_complex else dtype)
