"""Values for the kernel tests, memory in all layouts, and the arguments made of both."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import as_strided

from corex import dtypes
from corex.backend import View

Array = npt.NDArray[Any]

NUMBER = ["uint8", "int32", "int64", "float32", "float64"]
ALL = ["bool", *NUMBER]
INTEGER = ["uint8", "int32", "int64"]
BITS = ["bool", *INTEGER]
FLOAT = ["float32", "float64"]


# ---- data ----------------------------------------------------------------------------------
def rng(*key: object) -> np.random.Generator:
    """Random numbers that depend on the case and on nothing else."""
    return np.random.default_rng(zlib.crc32(repr(key).encode()))


EDGES = {
    "bool": [True, False],
    "uint8": [0, 1, 2, 127, 128, 254, 255],
    "int32": [0, 1, -1, 2, -2, 2**31 - 1, -(2**31)],
    "int64": [0, 1, -1, 2, -2, 2**63 - 1, -(2**63)],
    "float32": [0.0, -0.0, 1.0, -1.0, math.inf, -math.inf, math.nan, 1e-40, 3e38, -3e38, 0.5, 2.5],
    "float64": [0.0, -0.0, 1.0, -1.0, math.inf, -math.inf, math.nan, 5e-320, 1.7e308, 0.5, -1.5],
}


def numbers(dtype: str, shape: tuple[int, ...], *key: object, edges: bool = True) -> Array:
    """Random values of small and middling size; with the dtype's edges mixed in on request."""
    source = rng(dtype, shape, *key)
    count = math.prod(shape)
    if dtype == "bool":
        values = source.integers(0, 2, count).astype(bool)
    elif dtype in INTEGER:
        low = 0 if dtype == "uint8" else -100
        values = source.integers(low, 100, count).astype(dtype)
    else:
        values = (source.standard_normal(count) * source.choice([0.3, 3.0, 30.0], count)).astype(
            dtype
        )
    if edges and count:
        chosen = source.random(count) < 0.4
        picked = source.choice(np.array(EDGES[dtype], dtype), count)
        values = np.where(chosen, picked, values)
    return values.reshape(shape)


# ---- memory layouts --------------------------------------------------------------------------
GUARD = 7


class Placed:
    """An array somewhere in a larger piece of memory, whose other bytes are guards."""

    def __init__(self, values: npt.ArrayLike, dtype: str, layout: str = "dense") -> None:
        source = np.asarray(values)
        self.dtype = dtype
        shape = source.shape
        room = math.prod(2 * max(1, size) for size in shape) + 2 * GUARD
        self.memory = np.full(room, True) if dtype == "bool" else np.empty(room, dtype)
        if dtype != "bool":
            self.memory.view(np.uint8)[:] = 0x5A
        self.array = arrange(self.memory, shape, layout)
        with np.errstate(all="ignore"):
            self.array[...] = source.astype(dtype)

    def read(self, memory: Array) -> Array:
        """The array's elements in another piece of memory of the same arrangement."""
        return as_strided(memory[self.offset :], self.array.shape, self.array.strides)

    @property
    def offset(self) -> int:
        """The position of the first element in the memory, in elements."""
        distance: int = self.array.ctypes.data - self.memory.ctypes.data
        return distance // self.array.itemsize

    def view(self, buffer: Any) -> View:
        """The kernel's view of a buffer that holds a copy of the memory."""
        strides = tuple(stride // self.array.itemsize for stride in self.array.strides)
        return (buffer, dtypes.by_name(self.dtype), self.array.shape, strides, self.offset)


def arrange(memory: Array, shape: tuple[int, ...], layout: str) -> Array:
    """A view of the given shape; every layout leaves guards behind it, most also before it."""
    count = math.prod(shape)
    inner = memory[GUARD:]
    everywhere: Any = (*(slice(None, None, -1) for _ in shape), ...)
    if layout == "dense":
        return memory[:count].reshape(shape)
    if layout == "offset":
        return inner[:count].reshape(shape)
    if layout == "transposed":
        return inner[:count].reshape(shape[::-1]).T
    if layout == "negative":
        return np.asarray(inner[:count].reshape(shape)[everywhere])
    if layout == "stepped":
        doubled = tuple(2 * size for size in shape)
        odd: Any = (*(slice(1, None, 2) for _ in shape), ...)
        return np.asarray(inner[: math.prod(doubled)].reshape(doubled)[odd])
    if layout == "broadcast":  # along the first dimension
        row = (1, *shape[1:]) if shape else ()
        return stretched(inner[: math.prod(row)].reshape(row), shape)
    if layout == "broadcast_last":
        column = (*shape[:-1], 1) if shape else ()
        return stretched(inner[: math.prod(column)].reshape(column), shape)
    if layout == "scalar":  # along all dimensions
        return as_strided(inner[:1], shape, (0,) * len(shape))
    raise ValueError(layout)


def stretched(array: Array, shape: tuple[int, ...]) -> Array:
    """The array broadcast to the shape, and still writable."""
    return as_strided(array, shape, np.broadcast_to(array, shape).strides)


class In(Placed):
    """An input; `array` holds its values, which broadcasting may have made equal."""

    def __init__(
        self, values: npt.ArrayLike, dtype: str | None = None, layout: str = "dense"
    ) -> None:
        super().__init__(values, dtype or str(np.asarray(values).dtype), layout)

    @property
    def exact(self) -> Array:
        """The values for the oracle: floats in float64, others as they are."""
        return self.array.astype(np.float64) if self.array.dtype.kind == "f" else self.array.copy()


class Out(Placed):
    """An output: its initial elements are garbage, unless given.

    Floats may differ by `ulps` units in the last place of `scale`, which defaults to the expected
    value: sums pass the sum of magnitudes.
    """

    def __init__(
        self,
        expected: npt.ArrayLike,
        dtype: str,
        layout: str = "dense",
        *,
        ulps: float = 4,
        scale: npt.ArrayLike | None = None,
        initial: npt.ArrayLike | None = None,
    ) -> None:
        self.expected = np.asarray(expected)
        self.ulps = ulps
        self.scale = np.abs(self.expected) if scale is None else np.asarray(scale)
        wrong = np.logical_not(self.expected) if dtype == "bool" else None
        garbage = numbers(dtype, self.expected.shape, "garbage") if wrong is None else wrong
        super().__init__(garbage if initial is None else initial, dtype, layout)


def raw(array: Array) -> memoryview:
    """The bytes of a dense array."""
    return array.view(np.uint8).data


def elementwise(function: Callable[..., Any], dtype: str, *arrays: Array) -> Array:
    """A Python function of Python numbers, over arrays; integers wrap around to the dtype."""
    if arrays[0].size == 0:
        return np.empty(arrays[0].shape, dtype)
    results = [
        function(*items) for items in zip(*(a.ravel().tolist() for a in arrays), strict=True)
    ]
    if dtype in INTEGER:
        bits = 8 * np.dtype(dtype).itemsize
        low = [result & (2**bits - 1) for result in results]
        return np.array(low, f"uint{bits}").view(dtype).reshape(arrays[0].shape)
    return np.array(results, dtype).reshape(arrays[0].shape)


# What every elementwise kernel goes through: shape, layout of the output, layouts of the inputs.
SCENARIOS: dict[str, tuple[tuple[int, ...], str, tuple[str, str, str]]] = {
    "dense": ((3, 5), "dense", ("dense", "dense", "dense")),
    "offset": ((3, 7), "offset", ("offset", "dense", "offset")),
    "transposed": ((2, 3, 5), "transposed", ("transposed", "transposed", "transposed")),
    "mixed": ((4, 3, 5), "transposed", ("dense", "stepped", "negative")),
    "stepped": ((3, 6), "stepped", ("stepped", "stepped", "dense")),
    "negative": ((2, 3, 4), "negative", ("negative", "dense", "transposed")),
    "broadcast": ((3, 5), "dense", ("broadcast", "broadcast_last", "scalar")),
    "scalar": ((19,), "dense", ("dense", "scalar", "dense")),
    "empty": ((0, 3), "dense", ("dense", "transposed", "dense")),
    "0-d": ((), "offset", ("dense", "offset", "dense")),
    "long": ((1031,), "offset", ("dense", "offset", "dense")),
    "five-d": ((2, 3, 2, 3, 2), "stepped", ("transposed", "negative", "broadcast")),
}
