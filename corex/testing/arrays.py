"""Values for the cases, memory in all layouts with guards around it, and arguments made of both."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import as_strided

from corex import dtypes
from corex.backend.contract import DTYPES, View

Array = npt.NDArray[Any]
Shape = tuple[int, ...]
Layout = str | Shape
"""A layout by name, or strides in elements."""

try:  # NumPy has no bfloat16 of its own
    import ml_dtypes as ml_dtypes
except ImportError:
    UNTESTED: tuple[str, ...] = ("bfloat16",)
else:
    UNTESTED = ()

_UNKNOWN: Final = (*UNTESTED, "complex32")
TESTED: Final = (
    *DTYPES,
    *[d for d in dtypes.ALL if d not in DTYPES and d.name not in _UNKNOWN],
)
"""The dtypes that cases are made for, those first that every backend holds; bfloat16 takes the
package ml_dtypes. NumPy has no complex32, of which there is little more than `copy` anyway."""
INTEGER: Final = tuple(dtype.name for dtype in TESTED if dtype.kind in "ui")
FLOAT: Final = tuple(dtype.name for dtype in TESTED if dtype.kind == "f")
COMPLEX: Final = tuple(dtype.name for dtype in TESTED if dtype.kind == "c")
INEXACT: Final = (*FLOAT, *COMPLEX)
DIFFERENTIATED: Final = tuple(
    dtype.name for dtype in TESTED if dtype.keeps_floats or dtype.is_complex
)
"""The dtypes that gradients are compared in: finite differences say nothing of 16 bits."""
TWICE: Final = ("float64", "complex128")
"""Those in which second derivatives are: differences of differences leave a third of the digits."""


def is_float(array: Array | np.dtype[Any]) -> bool:
    """Whether elements are floats, NumPy's own or bfloat16."""
    return str(getattr(array, "dtype", array)) in FLOAT


def is_complex(array: Array | np.dtype[Any]) -> bool:
    """Whether elements are complex numbers."""
    return str(getattr(array, "dtype", array)) in COMPLEX


def is_inexact(array: Array | np.dtype[Any]) -> bool:
    """Whether elements are floats or complex numbers."""
    return str(getattr(array, "dtype", array)) in INEXACT


def real_of(dtype: str) -> str:
    """The dtype of the parts of a complex one; of another itself."""
    return dtypes.by_name(dtype).to_real().name


def joined(re: Array, im: Array, dtype: str) -> Array:
    """Complex numbers of these parts, which may be infinite or NaN."""
    found = np.empty(np.broadcast_shapes(re.shape, im.shape), dtype)
    found.real, found.imag = re, im
    return found


def smallest_subnormal(dtype: str) -> float:
    """The smallest positive number of a floating dtype, or of the parts of a complex one."""
    info = dtypes.finfo(dtypes.by_name(dtype))
    return info.tiny * info.eps


# ---- data ----------------------------------------------------------------------------------
def _edges(dtype: dtypes.DType) -> list[Any]:
    if dtype.kind == "b":
        return [True, False]
    if dtype.kind == "f":
        most, subnormal = dtypes.finfo(dtype).max * 0.9, dtypes.finfo(dtype).tiny * 0.01
        specials = [0.0, -0.0, 1.0, -1.0, math.inf, -math.inf, math.nan]
        return [*specials, subnormal, most, -most, 0.5, 2.5]
    low, high = dtypes.iinfo(dtype).min, dtypes.iinfo(dtype).max
    near = [-1, 2, -2] if low else [2, high // 2, high // 2 + 1, high - 1]
    return [0, 1, *near, high, *([low] if low else [])]


EDGES: Final = {dtype.name: _edges(dtype) for dtype in TESTED if not dtype.is_complex}


def numbers(rng: np.random.Generator, dtype: str, shape: Shape, edges: bool = True) -> Array:
    """Random values of small and middling size; with the dtype's edges mixed in on request.

    Both parts of a complex number are such values.
    """
    if dtype in COMPLEX:
        re, im = (numbers(rng, real_of(dtype), shape, edges) for _ in range(2))
        return joined(re, im, dtype)
    count = math.prod(shape)
    if dtype == "bool":
        values = rng.integers(0, 2, count).astype(bool)
    elif dtype in INTEGER:
        values = rng.integers(0 if dtype.startswith("u") else -100, 100, count).astype(dtype)
    else:
        spread = rng.choice([0.3, 3.0, 30.0], count)
        values = (rng.standard_normal(count) * spread).astype(dtype)
    if edges and count:
        chosen = rng.random(count) < 0.4
        picked = rng.choice(np.array(EDGES[dtype], dtype), count)
        values = np.where(chosen, picked, values)
    return values.reshape(shape)


BEYOND: Final = [
    math.nan, math.inf, -math.inf, 1e19, -1e19, 2.0**63, -(2.0**63), 3e9, -3e9, 2.0**31, -(2.0**31),
    2.0**32 + 2.0**9, 2.0**40, 300.7, -300.7, 255.9, 256.0, -1.5, -0.5, 0.5,
]  # fmt: skip
"""Floats that some integer dtype cannot hold, and some that come close."""


def as_integers(values: Array, dtype: str) -> Array:
    """Floats as an integer dtype holds them: what does not fit is the most negative number.

    Narrow ones and uint32 are the low bits of int64; uint64 goes on where int64 ends.
    """
    lowest = -(2.0**31 if dtype == "int32" else 2.0**63)
    wide = values.astype("float64")
    beyond = (
        (wide >= -lowest) & (wide < -2 * lowest) if dtype == "uint64" else np.zeros_like(wide, bool)
    )
    wide = np.where(beyond, wide + lowest, wide)
    fits = (wide >= lowest) & (wide < -lowest)
    whole = np.where(fits, wide, lowest).astype("int64")
    over = np.isnan(wide) | (wide < -lowest) | (dtype != "uint64")  # else above uint64: 0
    whole = np.where(over, whole, 0).astype(dtype)
    return np.where(beyond, whole + np.array(2**63, "uint64"), whole).astype(dtype)


def smooth(
    rng: np.random.Generator, shape: Shape, low: float, high: float, dtype: str = "float64"
) -> Array:
    """Uniform values in an interval, for gradients; in a square of the plane, of complex dtypes."""
    if dtype in COMPLEX:
        half = (high - low) / 2
        return joined(rng.uniform(low, high, shape), rng.uniform(-half, half, shape), dtype)
    return rng.uniform(low, high, shape).astype(dtype)


# ---- memory layouts --------------------------------------------------------------------------
GUARD: Final = 7
"""Elements before and after an array that belong to nobody."""


class Placed:
    """An array somewhere in a larger piece of memory, whose other bytes are guards.

    Attributes:
        memory: all the elements.
        array: those that the kernel is shown, as a view of `memory`.
    """

    def __init__(self, values: npt.ArrayLike, dtype: str, layout: Layout = "dense") -> None:
        source = np.asarray(values)
        self.dtype = dtype
        shape = source.shape
        if isinstance(layout, str):
            room = math.prod(2 * max(1, size) for size in shape) + 2 * GUARD
        else:
            room = reach(shape, layout)[1] + 2 * GUARD
        self.memory = np.full(room, True) if dtype == "bool" else np.empty(room, dtype)
        if dtype != "bool":
            self.memory.view(np.uint8)[:] = 0x5A
        self.array = arrange(self.memory, shape, layout)
        with np.errstate(all="ignore"):
            self.array[...] = source.astype(dtype)

    @property
    def offset(self) -> int:
        """The position of the first element in the memory, in elements."""
        distance: int = self.array.ctypes.data - self.memory.ctypes.data
        return distance // self.array.itemsize

    def read(self, memory: Array) -> Array:
        """The array's elements in another piece of memory of the same arrangement."""
        return as_strided(memory[self.offset :], self.array.shape, self.array.strides)

    def expand(self, shape: Shape) -> None:
        """Shows the array broadcast to `shape`, by strides of zero."""
        if self.array.shape != shape:
            strides = np.broadcast_to(self.array, shape).strides
            self.array = as_strided(self.array, shape, strides)

    def view(self, buffer: Any, start: int = 0) -> View:
        """The kernel's view of a buffer that holds a copy of the memory from byte `start` on."""
        size = self.array.itemsize
        strides = tuple(stride // size for stride in self.array.strides)
        dtype = dtypes.by_name(self.dtype)
        offset = self.offset
        if offset and not self.array.size:  # nothing is there, so it may be anywhere
            offset = len(self.memory) + GUARD
        return (buffer, dtype, self.array.shape, strides, start // size + offset)


def reach(shape: Shape, strides: Shape) -> tuple[int, int]:
    """How many elements lie before the first one, and how many there are from end to end."""
    spans = [(size - 1) * stride for size, stride in zip(shape, strides, strict=True)]
    before = -sum(span for span in spans if span < 0)
    return before, before + sum(span for span in spans if span > 0) + 1


def arrange(memory: Array, shape: Shape, layout: Layout) -> Array:
    """A view of the given shape; every layout leaves guards behind it, most also before it."""
    if not isinstance(layout, str):
        steps = tuple(stride * memory.itemsize for stride in layout)
        first = GUARD + (reach(shape, layout)[0] if math.prod(shape) else 0)
        return as_strided(memory[first:], shape, steps)
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
    raise ValueError(f"unknown layout {layout!r}; there are {', '.join(LAYOUTS)}")


def stretched(array: Array, shape: Shape) -> Array:
    """The array broadcast to the shape, and still writable."""
    return as_strided(array, shape, np.broadcast_to(array, shape).strides)


LAYOUTS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "dense": ("dense", ("dense",)),
    "offset": ("offset", ("offset", "dense", "offset")),
    "transposed": ("transposed", ("transposed",)),
    "mixed": ("transposed", ("dense", "stepped", "negative")),
    "stepped": ("stepped", ("stepped", "stepped", "dense")),
    "negative": ("negative", ("negative", "dense", "transposed")),
    "broadcast": ("dense", ("broadcast", "broadcast_last", "scalar")),
    "scalar": ("dense", ("dense", "scalar", "dense")),
}
"""What `layout=` in an id stands for: the outputs' layout, and those of the inputs in turn."""


def input_layout(layout: str, position: int) -> str:
    """The layout of the input at a position.

    Raises:
        ValueError: there is no such layout.
    """
    try:
        inputs = LAYOUTS[layout][1]
    except KeyError:
        raise ValueError(f"unknown layout {layout!r}; there are {', '.join(LAYOUTS)}") from None
    return inputs[position % len(inputs)]


# ---- arguments -------------------------------------------------------------------------------
class In(Placed):
    """An input; `array` holds its values, which broadcasting may have made equal."""

    def __init__(
        self, values: npt.ArrayLike, dtype: str | None = None, layout: Layout = "dense"
    ) -> None:
        super().__init__(values, dtype or str(np.asarray(values).dtype), layout)

    @property
    def exact(self) -> Array:
        """The values for the oracle: floats in float64, complex numbers of such, others as they
        are."""
        return exact(self.array)


def exact(values: Array) -> Array:
    """A copy in which floats are float64, and complex numbers complex128."""
    if is_complex(values):
        return values.astype(np.complex128)
    return values.astype(np.float64) if is_float(values) else values.copy()


def sizes(values: Array) -> Array:
    """The magnitudes of numbers; of complex ones those of both parts, as complex numbers."""
    values = exact(values)
    if not is_complex(values):
        return np.asarray(np.abs(values))
    return joined(np.abs(values.real), np.abs(values.imag), "complex128")


class Expected:
    """One output as the oracle has it.

    Floats may differ by `ulps` units in the last place of `scale`, which defaults to the expected
    value: sums pass the sum of magnitudes. So may complex numbers, as points of the plane; the
    parts of a complex scale are those for each part, where the other is infinite or NaN. Not
    `signed`, an infinite part beside NaN may have either sign, as C99 leaves open.
    """

    def __init__(
        self,
        values: npt.ArrayLike,
        dtype: str | None = None,
        *,
        ulps: float = 4,
        scale: npt.ArrayLike | None = None,
        signed: bool = True,
    ) -> None:
        self.values = np.asarray(values)
        self.dtype = dtype
        self.ulps = ulps
        self.signed = signed
        self.scale = sizes(self.values) if scale is None else np.asarray(scale)


class Out(Placed):
    """An output; its elements are garbage beforehand, unless `initial` is given."""

    def __init__(
        self,
        expected: Expected,
        dtype: str,
        layout: Layout = "dense",
        initial: npt.ArrayLike | None = None,
    ) -> None:
        self.expected = expected
        self.flushed: Expected | None = None  # what it may be instead, without subnormal numbers
        self.reads = initial is not None
        first = garbage(dtype, expected.values, 0) if initial is None else initial
        super().__init__(first, dtype, layout)
        if dtype == "bool" and not self.reads:
            self.bytes(self.memory)[...] = POISON

    def bytes(self, memory: Array) -> Array:
        """The elements of bools as bytes, which need not be 0 or 1."""
        return self.read(memory.view(np.uint8))

    def second_garbage(self) -> Array:
        """The memory with other garbage in the elements (or the same `initial` again)."""
        memory = self.memory.copy()
        if not self.reads:
            self.read(memory)[...] = garbage(self.dtype, self.expected.values, 1)
        return memory


POISON: Final = 0xA5
"""What is in the elements of bools before the call: neither of their values."""


def garbage(dtype: str, wanted: Array, turn: int) -> Array:
    """Elements that differ from what is wanted, and from those of the other turn."""
    if dtype == "bool":
        return np.zeros(wanted.shape, bool)
    if dtype in INTEGER:
        with np.errstate(all="ignore"):
            flipped = np.asarray(wanted).astype(dtype) ^ np.array(0x55 + turn, dtype)
            return np.asarray(flipped)
    values = (-7777.25, 31415.5) if dtype in FLOAT else (-7777.25 + 27.5j, 31415.5 - 8.25j)
    return np.full(wanted.shape, values[turn], dtype)


def raw(array: Array) -> memoryview:
    """The bytes of a dense array."""
    return array.view(np.uint8).data


def by_python(function: Callable[..., Any], dtype: str, *arrays: Array) -> Array:
    """A Python function of Python numbers, over arrays; integers wrap around to the dtype."""
    rows = zip(*(a.ravel().tolist() for a in arrays), strict=True)
    results = [function(*items) for items in rows]
    shape = arrays[0].shape
    if dtype in INTEGER:
        bits = 8 * np.dtype(dtype).itemsize
        low = [result & (2**bits - 1) for result in results]
        return np.array(low, f"uint{bits}").view(dtype).reshape(shape)
    return np.array(results, dtype).reshape(shape)
