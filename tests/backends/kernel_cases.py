"""What the kernel tests share: backends, memory layouts with guards, and the comparison.

A test builds its arguments from `In` (an input in some layout) and `Out` (what is expected in
some layout) and hands them to `check`, which runs the kernel and looks at every byte afterwards:
outputs against the expectation, everything around them and all inputs against what was there.
"""

from __future__ import annotations

import importlib
import math
import zlib
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from numpy.lib.stride_tricks import as_strided

from corex import dtypes
from corex.backend import Backend, BackendDescriptor, KernelChoice, View

Array = npt.NDArray[Any]
Axis = Iterable[Any] | Callable[[str], Iterable[Any]]

BACKENDS = ["reference_py", "cpu_c"]

NUMBER = ["uint8", "int32", "int64", "float32", "float64"]
ALL = ["bool", *NUMBER]
INTEGER = ["uint8", "int32", "int64"]
BITS = ["bool", *INTEGER]
FLOAT = ["float32", "float64"]

TIER_1 = """
    copy fill arange neg abs sign square floor ceil round trunc sqrt rsqrt reciprocal exp exp2 expm1
    log log2 log10 log1p sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh sigmoid erf
    relu logical_not bitwise_not isnan isinf isfinite signbit add mul sub div floor_divide remainder
    fmod pow maximum minimum fmax fmin atan2 hypot copysign eq ne lt le gt ge logical_and logical_or
    logical_xor bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift where sum
    prod amax amin argmax argmin any all matmul index index_put nonzero random_bits
""".split()


# ---- backends ------------------------------------------------------------------------------
@cache
def descriptor(name: str) -> BackendDescriptor:
    """What the backend's plugin announces."""
    plugin = importlib.import_module(f"corex_{name}.plugin")
    announced: list[BackendDescriptor] = plugin.corex_backends()
    return next(found for found in announced if found.name == name)


@cache
def load(name: str) -> Backend:
    """The backend, constructed once."""
    return descriptor(name).factory()


def offered(name: str, op: str) -> bool:
    """Whether to generate cases: always for tier 1, else if the backend has the kernel.

    A backend that cannot be imported gets its cases too: they fail and say so.
    """
    try:
        return op in TIER_1 or descriptor(name).probe() is not None or op in load(name).kernels
    except ImportError:
        return True


def cases(ops: Sequence[str], *rest: Axis) -> list[Any]:
    """Parameters (backend, op, ...): all combinations; an op's `rest` may be computed from it."""
    found = []
    for name in BACKENDS:
        reason = descriptor_reason(name)
        marks = [pytest.mark.skip(reason=f"{name}: {reason}")] if reason else []
        for op in ops:
            if not offered(name, op):
                continue
            rows: list[tuple[Any, ...]] = [(name, op)]
            for axis in rest:
                values = axis(op) if callable(axis) else axis
                rows = [(*row, value) for row in rows for value in values]
            found += [pytest.param(*row, marks=marks, id="-".join(map(str, row))) for row in rows]
    return found


def descriptor_reason(name: str) -> str | None:
    """The probe's reason, if the backend cannot be used here."""
    try:
        return descriptor(name).probe()
    except ImportError:
        return None


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


# ---- running and comparing -------------------------------------------------------------------
def choose(
    backend: Backend, op: str, views: Sequence[View], arguments: Sequence[Any]
) -> KernelChoice:
    """The backend's kernel for these arguments; declining is a fault in tier 1 only."""
    choice = backend.select(op, tuple(view[1] for view in views))
    if choice is None or not (choice.accepts is None or choice.accepts(*arguments)):
        verdict = f"{backend.name} declines {op} of {[view[1] for view in views]}"
        if op in TIER_1:
            pytest.fail(verdict)
        pytest.skip(verdict)
    return choice


class Call:
    """A kernel's arguments in a backend's memory, and what is there afterwards."""

    def __init__(self, name: str, op: str, arguments: Sequence[Any]) -> None:
        self.backend = load(name)
        self.placed: dict[int, tuple[Placed, Any, View]] = {}
        self.arguments = [self.upload(argument) for argument in arguments]
        self.kernel = choose(self.backend, op, flat_views(self.arguments), self.arguments).run

    def upload(self, argument: Any) -> Any:
        """The argument as the kernel gets it: arrays become views, each once."""
        if isinstance(argument, list):
            return [self.upload(item) for item in argument]
        if not isinstance(argument, Placed):
            return argument
        if id(argument) not in self.placed:
            buffer = self.backend.allocate(argument.memory.nbytes, 0)
            self.backend.copy_from_host(buffer, 0, raw(argument.memory))
            self.placed[id(argument)] = (argument, buffer, argument.view(buffer))
        return self.placed[id(argument)][2]

    def memory_afterwards(self) -> Iterable[tuple[Placed, Array]]:
        """Every argument and all of the memory around it."""
        self.backend.synchronize(0)
        for placed, buffer, _ in self.placed.values():
            after = np.empty_like(placed.memory)
            self.backend.copy_to_host(buffer, 0, raw(after))
            yield placed, after


def check(name: str, op: str, *arguments: Any) -> None:
    """Runs the kernel on the arguments and examines all memory afterwards.

    The same `Out` given twice is the same view: an op in place.
    """
    call = Call(name, op, arguments)
    call.kernel(*call.arguments)
    for placed, after in call.memory_afterwards():
        if isinstance(placed, Out):
            compare(placed.read(after).copy(), placed)
            # With the elements put back, every other byte must be the old one.
            placed.read(after)[...] = placed.array
        assert after.tobytes() == placed.memory.tobytes(), "wrote where it must not"


def check_raises(
    name: str, op: str, error: type[Exception], message: str | None, *arguments: Any
) -> None:
    """Runs the kernel, which must raise; index_put must then have written nothing at all."""
    call = Call(name, op, arguments)
    with pytest.raises(error, match=message):
        call.kernel(*call.arguments)
    for placed, after in call.memory_afterwards():
        if isinstance(placed, Out) and op != "index_put":
            placed.read(after)[...] = placed.array
        assert after.tobytes() == placed.memory.tobytes(), "wrote where it must not"


def flat_views(arguments: Sequence[Any]) -> list[View]:
    """All views among the arguments, those of lists included."""
    found: list[View] = []
    for argument in arguments:
        if isinstance(argument, list):
            found += flat_views(argument)
        elif isinstance(argument, tuple) and len(argument) == 5:
            found.append(argument)
    return found


def compare(got: Array, out: Out) -> None:
    """Integers and bools exactly, NaN and infinities by kind, floats within the tolerance."""
    with np.errstate(all="ignore"):
        if got.dtype.kind != "f":
            bad = got != out.expected.astype(got.dtype)
        else:
            info = np.finfo(got.dtype)
            rounded = out.expected.astype(got.dtype)
            bound = out.ulps * float(info.eps) * out.scale + 4 * float(info.smallest_subnormal)
            finite = np.isfinite(rounded)
            close = np.abs(got.astype(np.float64) - out.expected.astype(np.float64)) <= bound
            same_kind = (got == rounded) | (np.isnan(got) & np.isnan(rounded))
            bad = ~np.where(finite, close, same_kind)
    if bad.any():
        where = tuple(int(i[0]) for i in np.nonzero(np.atleast_1d(bad)))
        at = where if got.ndim else ()
        pytest.fail(
            f"{int(bad.sum())} of {bad.size} elements are wrong, the first at {at}: "
            f"got {got[at]!r}, expected {out.expected[at]!r}"
        )


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
