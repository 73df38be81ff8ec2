"""Views: neighbours that move together, wherever they begin; divisions of indices; wide indices."""

from __future__ import annotations

import importlib
import pkgutil
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from corex.dtypes import by_name

from . import test_kernels_large as large
from . import test_kernels_rows as rows
from .arrays import Array, Arrays, View


@pytest.fixture
def arrays(cuda: Any) -> Iterator[Arrays]:
    yield Arrays(cuda)
    cuda.synchronize(0)


def seen(up: View, base: Array, part: Array) -> View:
    """The view on the device that `part` is of `base`."""
    begins = [one.__array_interface__["data"][0] for one in (base, part)]
    offset = (begins[1] - begins[0]) // base.itemsize
    return (up[0], up[1], part.shape, tuple(s // base.itemsize for s in part.strides), offset)


# ---- copies ------------------------------------------------------------------------------------
Cut = Callable[[Array], Array]
CUTS: dict[str, Cut] = {
    "rows of 16 bytes": lambda a: a[:, 1:5, 16:48],
    "rows of 8 bytes": lambda a: a[:, 1:5, 8:40],
    "rows of 4 bytes": lambda a: a[:, 1:5, 4:36],
    "one element later": lambda a: a[:, 1:5, 1:33],
    "odd rows": lambda a: a[:, 1:5, 3:34],
    "short rows": lambda a: a[:, :, 5:7],
    "every other": lambda a: a[:, ::2, ::2],
    "exchanged": lambda a: a.transpose(1, 0, 2)[:, 1:],
    "turned": lambda a: a.transpose(2, 1, 0),
    "turned planes": lambda a: a[:, 2:5, :17].transpose(1, 2, 0),
    "from the end": lambda a: a[::-1, :, ::-1],
    "one for a row": lambda a: np.broadcast_to(a[:, :, :1], (6, 10, 32)),
    "one for rows": lambda a: np.broadcast_to(a[:, :1, 16:], (6, 10, 32)),
}  # fmt: skip
PAIRS = [
    ("float32", "float32"), ("uint8", "uint8"), ("float64", "float64"), ("bool", "bool"),
    ("float64", "float32"), ("float32", "int64"), ("int32", "uint8"), ("uint8", "float32"),
]  # fmt: skip


def base_of(arrays: Arrays, dtype: str) -> Array:
    return arrays.rng.integers(0, 2 if dtype == "bool" else 100, (6, 10, 48)).astype(dtype)


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
@pytest.mark.parametrize("name", CUTS)
def test_copies(arrays: Arrays, name: str, pair: tuple[str, str]) -> None:
    base = base_of(arrays, pair[1])
    part = CUTS[name](base)
    a = seen(arrays.up(base), base, part)
    for margin in (0, 1, 16):  # rows of the output that begin at vectors, at elements, at vectors
        *lead, count = part.shape
        target = np.full((*lead, count + 2 * margin), 7).astype(pair[0])
        inside = target[..., margin : margin + count]
        out = arrays.up(target)
        arrays.call("copy", seen(out, target, inside), a)
        inside[...] = part
        np.testing.assert_array_equal(arrays.down(out), target, f"{margin}")


def test_how_many_neighbours_move_together(cuda: Any) -> None:
    from corex_cuda_pycuda.ops.create import _copy_plan

    def width(count: int, step: int, dtypes: tuple[str, str], *misplaced: int) -> str:
        to, of = (by_name(name) for name in dtypes)
        planned = _copy_plan((5, count), (count, 1), (step, 1), to, of, misplaced or (0, 0))
        assert planned is not None
        assert planned.source is not None
        return dict(planned.source.defines)["WIDTH"]

    floats, bytes_ = ("float32", "float32"), ("uint8", "uint8")
    assert [width(n, 60, floats) for n in (32, 34, 33)] == ["4", "2", "1"]
    assert [width(32, step, floats) for step in (36, 38, 39)] == ["4", "2", "1"]
    assert [width(32, 60, floats, 0, m) for m in (0, 8, 4, 12)] == ["4", "2", "1", "1"]
    assert [width(32, 60, floats, m, 0) for m in (0, 8, 4)] == ["4", "2", "1"]
    assert [width(n, 64, bytes_) for n in (32, 24, 20, 18, 17)] == ["16", "8", "4", "2", "1"]
    assert width(32, 60, ("float64", "float32"), 0, 8) == "2"
    assert width(32, 60, ("float64", "float32"), 8, 0) == "1"


@pytest.mark.parametrize("dtype", ["float32", "uint8", "int64"])
def test_fills(arrays: Arrays, dtype: str) -> None:
    for name, cut in CUTS.items():
        if name.startswith("one for"):
            continue
        base = base_of(arrays, dtype)
        out = arrays.up(base)
        arrays.call("fill", seen(out, base, cut(base)), 9)
        cut(base)[...] = 9
        np.testing.assert_array_equal(arrays.down(out), base, name)


# ---- elementwise -------------------------------------------------------------------------------
BROADCASTS: dict[str, tuple[Cut, Cut]] = {
    "both": (CUTS["rows of 16 bytes"], CUTS["rows of 16 bytes"]),
    "one elsewhere": (CUTS["rows of 16 bytes"], CUTS["one element later"]),
    "a vector for all rows": (lambda a: a[:, 1:5, 16:48], lambda a: a[0, 0, 16:48]),
    "a number for each row": (lambda a: a[:, 1:5, 16:48], lambda a: a[:, 1:5, 2:3]),
    "a number for each plane": (lambda a: a[:, :1, 3:4], lambda a: a[:, 1:5, :32]),
    "odd rows": (CUTS["odd rows"], lambda a: a[:1, :1, 3:34]),
}
ELEMENTWISE: dict[str, Callable[[Array, Array], Array]] = {
    "add": np.add, "eq": np.equal, "maximum": np.maximum,
}  # fmt: skip


def spread_as(shape: tuple[int, ...], view: View, part: Array) -> View:
    steps = np.broadcast_to(part, shape).strides
    return (view[0], view[1], shape, tuple(s // part.itemsize for s in steps), view[4])


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "uint8", "bool"])
@pytest.mark.parametrize("name", BROADCASTS)
def test_elementwise_views(arrays: Arrays, name: str, dtype: str) -> None:
    base = base_of(arrays, dtype)
    up = arrays.up(base)
    parts = [cut(base) for cut in BROADCASTS[name]]
    shape = np.broadcast_shapes(*[part.shape for part in parts])
    a, b = (spread_as(shape, seen(up, base, part), part) for part in parts)
    for op, function in ELEMENTWISE.items():
        wanted = function(*parts)
        for margin in (0, 1):
            out = arrays.placed(np.zeros(shape, wanted.dtype), margin)
            arrays.call(op, out, a, b)
            np.testing.assert_array_equal(arrays.taken(out), wanted, f"{op} {margin}")
    condition = arrays.rng.random((6, 10, 48)) > 0.5
    chosen = np.broadcast_to(BROADCASTS[name][0](condition), shape)
    first = seen(arrays.up(condition), condition, BROADCASTS[name][0](condition))
    first = spread_as(shape, first, BROADCASTS[name][0](condition))
    out = arrays.empty(shape, dtype)
    arrays.call("where", out, first, a, b)
    np.testing.assert_array_equal(arrays.down(out), np.where(chosen, *parts))


def test_a_zero_divisor_in_a_vector(arrays: Arrays) -> None:
    a = np.ones((4, 32), "int32")
    b = np.ones(32, "int32")
    b[30] = 0
    divisor = arrays.up(b)
    out = arrays.empty((4, 32), "int32")
    arrays.call("floor_divide", out, a, (*divisor[:2], (4, 32), (0, 1), 0))
    with pytest.raises(ZeroDivisionError):
        arrays.backend.synchronize(0)


# ---- division ----------------------------------------------------------------------------------
TOP = 1 << 31
SIZES = sorted(
    {*range(1, 3000), *[2**k + d for k in range(2, 31) for d in (-1, 0, 1)], TOP - 1, TOP - 2}
    | {int(n) for n in np.random.default_rng(0).integers(1, TOP, 3000)}
)


def dividends(size: int) -> Array:
    """Numbers around multiples; among them the last whose remainder is the largest: what the factor
    is too large grows with the number, so that where this one is right, all are."""
    last = TOP // size * size - 1
    few = [0, 1, size - 1, size, size + 1, 2 * size - 1, TOP // 2, TOP - 1, last, last + 1]
    drawn = np.random.default_rng(size).integers(0, TOP, 16)
    numbers = np.array([*few, *drawn, *(drawn // size * size), *(drawn // size * size - 1)])
    return numbers[(numbers >= 0) & (numbers < TOP)]


def test_factors_divide_every_number(cuda: Any) -> None:
    from corex_cuda_pycuda.ops.packing import magic

    for size in SIZES:
        factor, shift = magic(size)
        assert 0 < factor < 1 << 32
        n = dividends(size).astype("uint64")
        doubled = (n * np.uint64(factor) >> np.uint64(32)) + n
        assert doubled.max() < 1 << 32
        np.testing.assert_array_equal(doubled >> np.uint64(shift), n // np.uint64(size), f"{size}")


DIVIDE = """
extern "C" __global__ void divide_each(int *out, const int *n, long long count, Divisor by)
{
    for (Index i = grid_thread(); i < count; i += grid_threads()) {
        Index rest = n[i];
        out[2 * i] = divide_off(by, rest);
        out[2 * i + 1] = rest;
    }
}
"""


@pytest.mark.parametrize("index", ["int", "long long"])
def test_kernels_divide_as_the_host_expects(
    index: str, arrays: Arrays, runtime: ModuleType, device: Any, tmp_path: Path
) -> None:
    from corex_cuda_pycuda.ops.packing import divisor

    file = tmp_path / "divide.cu"
    file.write_text(DIVIDE)
    function = device.function(runtime.Source(str(file), (("INDEX", index),)), "divide_each")
    for size in SIZES[:: len(SIZES) // 60]:
        n = dividends(size).astype("int32")
        given, out = arrays.up(n), arrays.empty((len(n), 2), "int32")
        packed = struct.pack("=QQ4q", out[0].ptr, given[0].ptr, len(n), *divisor(size))
        device.launch(function, (2, 1, 1), (32, 1, 1), packed)
        np.testing.assert_array_equal(arrays.down(out), np.stack([n // size, n % size], 1))


# ---- indices of 64 bits ------------------------------------------------------------------------
def forget() -> list[ModuleType]:
    """Empties what the ops remember of geometries; their modules."""
    import corex_cuda_pycuda.ops as package

    names = [found.name for found in pkgutil.iter_modules(package.__path__)]
    modules = [importlib.import_module(f"{package.__name__}.{name}") for name in names]
    for module in modules:
        for name, held in list(vars(module).items()):
            if hasattr(held, "cache_clear"):
                held.cache_clear()
            elif isinstance(held, dict) and name.startswith("_plans"):
                held.clear()
    return modules


@pytest.fixture
def wide_indices(cuda: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing is small enough for indices of 32 bits."""
    for module in forget():
        for name in ("NARROW_COUNT", "NARROW_REACH"):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, 0)
    yield
    forget()


def check_reductions(arrays: Arrays) -> None:
    for shape, axis in (((3, 301), -1), ((30, 24), 0)):
        values = arrays.numbers(shape, "int32")
        buffer, kind, (m, n), (i, j), start = arrays.placed(values, 1)
        view = (buffer, kind, (n, m), (j, i), start) if axis == 0 else arrays.placed(values, 1)
        rows.check_reductions(arrays, view, values, axis)


def check_views(arrays: Arrays) -> None:
    for name in ("rows of 16 bytes", "odd rows", "turned"):
        test_copies(arrays, name, ("float32", "float32"))
    test_elementwise_views(arrays, "a number for each row", "float32")
    test_fills(arrays, "float32")


def check_places(arrays: Arrays) -> None:
    large.test_rows_are_taken_in_wide_pieces(arrays, 20, "float32")
    large.test_many_values_for_few_places(arrays, 600, 3, "int64")
    large.test_scatter_add(arrays, (5, 513), 600, "int32")
    large.test_nonzero(arrays, (13, 17, 31))


def check_windows(arrays: Arrays) -> None:
    for name in ("strides", "few features"):
        large.test_convolutions(arrays, name)
    large.test_gradients_of_max_pooling_meet_at_one_pixel(arrays)


WIDE: dict[str, Callable[[Arrays], None]] = {
    "softmax": lambda a: rows.check_softmax(a, rows.LAYOUTS["rows apart"], (3, 301), "float32"),
    "norm": lambda a: rows.check_norm(a, rows.LAYOUTS["output elsewhere"], 3, 301, "float32"),
    "reductions": check_reductions,
    "views": check_views,
    "places": check_places,
    "sort": lambda a: large.test_sorting_is_stable(a, (3, 1025), "float32"),
    "windows": check_windows,
}


@pytest.mark.usefixtures("wide_indices")
@pytest.mark.parametrize("name", WIDE)
def test_wide_indices(
    name: str, arrays: Arrays, runtime: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: set[str] = set()
    function = runtime.Device.function

    def noted(device: Any, source: Any, name: str) -> Any:
        asked.add(dict(source.defines)["INDEX"])
        return function(device, source, name)

    monkeypatch.setattr(runtime.Device, "function", noted)
    WIDE[name](arrays)
    assert asked == {"long long"}
