"""The Python array API standard: its names over corex's tensors.

    xp = x.__array_namespace__()

Functions take and return plain tensors. They are compositions of corex's ops with the standard's
signatures and promotion (`_promotion`), so they run on every backend and are differentiable.
Operators and methods of tensors stay PyTorch's; docs/array-api.md says where that differs.
"""

from __future__ import annotations

import math
from importlib import import_module
from typing import Any

from corex.array_api import fft, linalg
from corex.array_api._creation import *  # noqa: F403
from corex.array_api._creation import __all__ as _creation
from corex.array_api._dtypes import *  # noqa: F403
from corex.array_api._dtypes import __all__ as _dtypes
from corex.array_api._elementwise import *  # noqa: F403
from corex.array_api._elementwise import __all__ as _elementwise
from corex.array_api._inspection import __array_namespace_info__
from corex.array_api._manipulation import *  # noqa: F403
from corex.array_api._manipulation import __all__ as _manipulation
from corex.array_api._products import *  # noqa: F403
from corex.array_api._products import __all__ as _products
from corex.array_api._searching import *  # noqa: F403
from corex.array_api._searching import __all__ as _searching
from corex.array_api._statistics import *  # noqa: F403
from corex.array_api._statistics import __all__ as _statistics
from corex.dtypes import bool_ as bool
from corex.dtypes import (
    complex64,
    complex128,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    uint8,
    uint16,
    uint32,
    uint64,
)

__array_api_version__ = "2025.12"

e = math.e
inf = math.inf
nan = math.nan
newaxis = None
pi = math.pi

__all__ = [
    "__array_api_version__", "__array_namespace_info__", "e", "inf", "nan", "newaxis", "pi",
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
    "float32", "float64", "complex64", "complex128", "fft", "linalg",
]  # fmt: skip
for _family in (
    _creation, _dtypes, _elementwise, _manipulation, _products, _searching, _statistics,
):  # fmt: skip
    __all__ += _family


def __getattr__(name: str) -> Any:
    if name == "special":  # loads many files, and few programs want it
        return import_module("corex.array_api.special")
    raise AttributeError(f"module 'corex.array_api' has no attribute '{name}'")
