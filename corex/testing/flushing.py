"""Subnormal numbers on a device that takes them, or gives them, for zero."""

from __future__ import annotations

import numpy as np

from corex import dtypes
from corex.testing.arrays import INEXACT, Array, is_complex, is_inexact, joined, real_of


def flushed(values: Array | None, dtype: str) -> Array | None:
    """An input of the oracle as such a device sees it; `dtype` is that of the kernel's inputs."""
    if values is None or not is_inexact(values):
        return values
    kind = real_of(dtype) if dtype in INEXACT else "float32"
    if is_complex(values):
        return joined(_parts(values.real, kind), _parts(values.imag, kind), str(values.dtype))
    return _parts(values, kind)


def _parts(values: Array, kind: str) -> Array:
    return np.where(np.abs(values) < smallest(kind), np.copysign(0.0, values), values)


def smallest(dtype: str) -> float:
    """The smallest number of a floating dtype, or of a complex one's, that is no subnormal one."""
    return dtypes.finfo(dtypes.by_name(dtype)).tiny
