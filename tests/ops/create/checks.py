"""What the tests of creation functions share."""

from __future__ import annotations

import math
from typing import Any

import corex

DTYPES = [corex.bool, corex.uint8, corex.int32, corex.int64, corex.float32, corex.float64]
NUMBERS = DTYPES[1:]
NAN, INF = math.nan, math.inf


def same(t: corex.Tensor, values: Any, dtype: corex.DType) -> None:
    """The tensor has these values, and this dtype."""
    assert t.dtype is dtype
    assert t.tolist() == values
