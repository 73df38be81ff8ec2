"""The frequencies that the values of a transform belong to, and how they are sorted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from corex.ops.create.constant import DeviceLike, DTypeLike, finished, key_for
from corex.ops.create.ranges import arange
from corex.ops.promotion import real_number, require_tensor
from corex.ops.shape.join import cat
from corex.ops.shape.reorder import roll
from corex.tensor.tensor import Tensor


def _scaled(
    name: str, parts: Any, n: Any, d: Any, dtype: DTypeLike, device: DeviceLike,
    requires_grad: bool, backend: str | None,
) -> Tensor:  # fmt: skip
    """Ranges, one after the other, divided by n * d.

    Raises:
        TypeError: n is no integer. RuntimeError: it is negative, or the dtype is no float.
    """
    key = key_for(f"fft.{name}", dtype, None, device, backend)
    if not key.dtype.is_inexact:
        raise RuntimeError(f"{name} requires a floating point or complex dtype, got {key.dtype!r}")
    if key.dtype.is_complex:
        raise NotImplementedError(f'"arange_cpu" not implemented for {key.dtype.scalar!r}')
    if n < 0:
        raise RuntimeError(f"Trying to create tensor with negative dimension {n}: [{n}]")
    place = key.place
    ranges = [
        arange(float(first), float(last), dtype=key.dtype, device=place.device, backend=place.name)
        for first, last in parts
    ]
    span = n * real_number(d, f"fft.{name}", "d")
    found = (ranges[0] if len(ranges) == 1 else cat(ranges)) * (1 / span if span else math.inf)
    return finished(name, found, None, requires_grad)


def fftfreq(
    n: int,
    d: float = 1.0,
    *,
    dtype: DTypeLike = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    backend: str | None = None,
) -> Tensor:
    """The frequencies of the n values of an `fft` of samples at distances d: (0, 1, ..., then the
    negative ones from -(n // 2) on) / (n d).

    Raises:
        RuntimeError: n is negative, or the dtype is not floating point.
    """
    parts = [(0, (n + 1) // 2), (-(n // 2), 0)]
    return _scaled("fftfreq", parts, n, d, dtype, device, requires_grad, backend)


def rfftfreq(
    n: int,
    d: float = 1.0,
    *,
    dtype: DTypeLike = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    backend: str | None = None,
) -> Tensor:
    """The frequencies of the n // 2 + 1 values of an `rfft`: (0, 1, ..., n // 2) / (n d).

    Raises:
        RuntimeError: n is negative, or the dtype is not floating point.
    """
    parts = [(0, n // 2 + 1)]
    return _scaled("rfftfreq", parts, n, d, dtype, device, requires_grad, backend)


def _shifted(name: str, t: Tensor, dim: Any, more: int) -> Tensor:
    require_tensor(f"fft.{name}", t)
    dims = range(t.ndim) if dim is None else [dim] if isinstance(dim, int) else list(dim)
    if not dims:
        raise RuntimeError("`shifts` required")
    for d in dims:
        if not -t.ndim <= d < t.ndim:
            raise IndexError(
                f"Dimension out of range (expected to be in range of [{-t.ndim}, {t.ndim - 1}], "
                f"but got {d})"
            )
    return roll(t, [(t.shape[d] + more) // 2 for d in dims], list(dims))


def fftshift(input: Tensor, dim: int | Sequence[int] | None = None) -> Tensor:
    """Values of a transform sorted by frequency, negative ones first; by default along all dims.

    Raises:
        RuntimeError: no dims. IndexError: no such dim.
    """
    return _shifted("fftshift", input, dim, 0)


def ifftshift(input: Tensor, dim: int | Sequence[int] | None = None) -> Tensor:
    """The inverse of `fftshift`.

    Raises:
        RuntimeError: no dims. IndexError: no such dim.
    """
    return _shifted("ifftshift", input, dim, 1)
