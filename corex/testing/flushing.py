"""Subnormal numbers on a device that takes them, or gives them, for zero."""

from __future__ import annotations

import numpy as np

from corex import dtypes
from corex.testing.arrays import FLOAT, Array, is_float


def flushed(values: Array | None, dtype: str) -> Array | None:
    """An input of the oracle as such a device sees it; `dtype` is that of the kernel's inputs."""
    if values is None or not is_float(values):
        return values
    kind = dtype if dtype in FLOAT else "float32"
    return np.where(np.abs(values) < smallest(kind), np.copysign(0.0, values), values)


def smallest(dtype: str) -> float:
    """The smallest number of a floating dtype that is no subnormal one."""
    return dtypes.finfo(dtypes.by_name(dtype)).tiny
