"""Independent formulas of the elementwise ops, in NumPy, and where their arguments come from."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

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


# Names that NumPy has not, or has for something else.
FORMULAS: dict[str, Callable[..., Any]] = {
    "neg": np.negative,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "atan2": np.arctan2,
    "round": np.rint,
    "reciprocal": lambda a: 1 / a,
    "rsqrt": lambda a: 1 / np.sqrt(a),
    "sigmoid": sigmoid,
    "erf": erf,
    "relu": lambda a: np.maximum(a, 0),
    "bitwise_not": np.invert,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.true_divide,
    "pow": np.power,
    "remainder": lambda a, b: (
        a - b * np.floor(a / b) if a.dtype.kind == "f" else np.remainder(a, b)
    ),
    "bitwise_left_shift": np.left_shift,
    "bitwise_right_shift": np.right_shift,
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "sigmoid_backward": lambda g, y: g * y * (1 - y),
    "tanh_backward": lambda g, y: g * (1 - y * y),
    "relu_backward": lambda g, y: np.where(y > 0, g, 0),
    "any": np.any,
    "all": np.all,
    "amax": np.max,
    "amin": np.min,
}

# Where the (last) argument comes from: an interval on which the op is smooth.
DOMAINS: dict[str, tuple[float, float]] = {
    "sqrt": (0.3, 3.0),
    "rsqrt": (0.3, 3.0),
    "reciprocal": (0.4, 3.0),
    "log": (0.3, 3.0),
    "log2": (0.3, 3.0),
    "log10": (0.3, 3.0),
    "log1p": (-0.6, 3.0),
    "tan": (-1.2, 1.2),
    "asin": (-0.9, 0.9),
    "acos": (-0.9, 0.9),
    "atanh": (-0.9, 0.9),
    "acosh": (1.2, 4.0),
    "div": (0.5, 2.0),
    "floor_divide": (0.5, 2.0),
    "remainder": (0.5, 2.0),
    "fmod": (0.5, 2.0),
    "pow": (0.4, 2.0),
    "copysign": (0.3, 2.0),
}
# Where the first of two arguments comes from, if not from (-2, 2).
FIRST: dict[str, tuple[float, float]] = {"pow": (0.4, 2.0)}


def formula(name: str) -> Callable[..., Any]:
    """The NumPy function for an op; a new op without one needs an entry above."""
    found = FORMULAS.get(name) or getattr(np, name, None)
    if found is None:
        raise LookupError(f"add a NumPy formula for '{name}' to tests/ops/formulas.py")
    return found
