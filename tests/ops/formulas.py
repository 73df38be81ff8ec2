"""Independent formulas of the elementwise ops, in NumPy, and where their arguments come from."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from corex.testing.specs import formulas

Array = np.ndarray[Any, Any]

erf = np.vectorize(math.erf, otypes=["d"])
erfc = np.vectorize(math.erfc, otypes=["d"])


def sigmoid(a: Array) -> Array:
    return 1 / (1 + np.exp(-a))


def softmax(a: Array, axis: int = -1) -> Array:
    e = np.exp(a - a.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def softplus(a: Array) -> Array:
    return np.logaddexp(a, 0)


FORMULAS: dict[str, Callable[..., Any]] = {
    **formulas.UNARY,
    **formulas.BINARY,
    "bitwise_left_shift": np.left_shift,
    "bitwise_right_shift": np.right_shift,
    "amax": np.max,
    "amin": np.min,
}

# Where the last argument comes from, and the first of two: intervals on which the op is smooth.
DOMAINS = formulas.DOMAINS
FIRST = formulas.BASES


def formula(name: str) -> Callable[..., Any]:
    """The NumPy function for an op; a new op without one needs an entry above."""
    found = FORMULAS.get(name) or getattr(np, name, None)
    if found is None:
        raise LookupError(f"add a NumPy formula for '{name}' to tests/ops/formulas.py")
    return found
