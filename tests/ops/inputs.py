"""Inputs by name, in several memory layouts, for the tables of the op tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import corex

Array = np.ndarray[Any, Any]


def floats(*shape: int, low: float = -2.0, high: float = 2.0) -> Callable[[str], Array]:
    """Uniform numbers, the same for the same name."""
    return lambda name: generator(name).uniform(low, high, shape)


def integers(*shape: int, low: int, high: int, dtype: str = "int64") -> Callable[[str], Array]:
    """Integers in [low, high), the same for the same name."""
    return lambda name: generator(name).integers(low, high, shape).astype(dtype)


def generator(name: str) -> np.random.Generator:
    """A stream of random numbers that belongs to a name."""
    return np.random.default_rng(list(name.encode()))


# Upper case: no gradients.
INPUTS: dict[str, Callable[[str], Array]] = {
    "a": floats(2, 3),
    "b": floats(2, 3),
    "c": floats(2, 1),
    "d": floats(3, 4),
    "v": floats(3),
    "w": floats(3),
    "s": floats(),
    "q": floats(3, 3),
    "t": floats(2, 3, 2),
    "r": floats(2, 2, 3),
    "pos": floats(2, 3, low=0.3, high=2.5),
    "unit": floats(2, 3, low=-0.9, high=0.9),
    "prob": floats(2, 3, low=0.1, high=0.9),
    "big": floats(2, 3, low=1.2, high=3.0),
    "x": floats(1, 2, 4, 5),
    "f": floats(2, 2, 2, 3),
    "z": floats(0, 3),
    "A": floats(2, 3),
    "I": integers(2, 3, low=-4, high=5),
    "J": integers(2, 3, low=1, high=5),
    "U": integers(2, 3, low=0, high=200, dtype="uint8"),
    "M": integers(2, 3, low=0, high=2, dtype="bool"),
    "N": integers(2, 3, low=0, high=2, dtype="bool"),
    "AT": integers(2, 3, low=0, high=2),
    "TO": integers(2, 2, low=0, high=3),
    "Y": lambda name: np.array([2, 0]),
    "K": lambda name: np.array([1, 0, 2]),
    "TIES": lambda name: np.array([[1.0, 3.0, 3.0], [-1.0, 0.0, -1.0]]),
}


def as_array(t: corex.Tensor) -> Array:
    """The elements; bfloat16, which NumPy does not have, in float32."""
    t = t.detach()
    found: Array = (t if t.dtype.numpy else t.float()).numpy()
    return found


# ---- layouts ---------------------------------------------------------------------------------
def contiguous(array: Array) -> corex.Tensor:
    """The values row by row."""
    return corex.tensor(array)


def transposed(array: Array) -> corex.Tensor:
    """The values column by column."""
    order = tuple(range(array.ndim))[::-1]
    return corex.tensor(array.T.copy()).permute(order)


def sliced(array: Array) -> corex.Tensor:
    """Every second entry of something larger, from an offset."""
    whole = np.full([2 * n + 1 for n in array.shape], 77).astype(array.dtype)
    where = tuple([slice(1, None, 2)] * array.ndim)
    whole[where] = array
    return corex.tensor(whole)[where]


LAYOUTS: dict[str, Callable[[Array], corex.Tensor]] = {
    "contiguous": contiguous,
    "transposed": transposed,
    "sliced": sliced,
}


def broadcast(array: Array) -> tuple[Array, corex.Tensor]:
    """The first entry of every dim, seen as often as the dim is long."""
    one = np.ascontiguousarray(array[tuple([slice(0, 1)] * array.ndim)])
    return np.broadcast_to(one, array.shape), corex.tensor(one).expand(array.shape)
