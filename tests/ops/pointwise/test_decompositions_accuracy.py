"""Composed elementwise ops: as close at every magnitude as is said, exact where the function is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import corex
from corex.backend import KernelChoice, View
from corex.plugins import manager
from corex.testing.specs import formulas
from tests.ops.core import installed, restricted

Array = npt.NDArray[Any]
WIDE = np.longdouble
PRECISE = np.finfo(WIDE).eps < np.finfo(np.float64).eps / 100
"""Whether NumPy has a wider type than float64 here, to compare with."""
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "exp2": np.exp2, "log2": np.log2, "log10": np.log10, "tan": np.tan, "asin": np.arcsin,
    "acos": np.arccos, "atan": np.arctan, "sinh": np.sinh, "cosh": np.cosh, "asinh": np.arcsinh,
    "acosh": np.arccosh, "atanh": np.arctanh, "rsqrt": lambda x: 1 / np.sqrt(x),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)), "reciprocal": lambda x: 1 / x,
    "erfc": formulas.erfc, "square": np.square, "ceil": np.ceil, "trunc": np.trunc,
}  # fmt: skip


@pytest.fixture(scope="module")
def core() -> Iterator[str]:
    with installed(restricted("core")) as name:
        yield name


def arguments(dtype: str, count: int = 4000) -> Array:
    """All magnitudes, the borders of overflow and underflow, whole numbers, powers, specials."""
    rng = np.random.default_rng(0)
    info = np.finfo(dtype)
    low, high = np.log2(float(info.smallest_subnormal)), np.log2(float(info.max))
    with np.errstate(all="ignore"):
        parts = [
            np.exp2(rng.uniform(low, high, count)) * rng.choice([-1, 1], count),
            rng.standard_normal(count) * rng.choice([0.01, 0.3, 3, 30, 300], count),
            rng.uniform(-1, 1, count),
            1 + rng.uniform(-1, 1, count) * 10.0 ** rng.uniform(-12, -1, count),
            np.arange(-400.0, 400.0),
            *[sign * np.exp2(np.arange(-1074.0, 1024.0)) for sign in (1, -1)],
            *[np.linspace(a - 2, a + 2, 500) for a in (88.7, 89.4, 128, -126, -149, 709.8, 710.5)],
            *[np.linspace(a - 2, a + 2, 500) for a in (1024, -1022, -1074, -103, -745)],
        ]
        found = np.concatenate(parts).astype(dtype)
    special = [0.0, -0.0, np.inf, -np.inf, np.nan, info.max, -info.max, info.tiny, -info.tiny]
    return np.concatenate([found, np.array(special, dtype)])


def ulps(got: Array, wanted: Array, dtype: str) -> Array:
    """By how many units in the last place each is off; infinite where a special value is wrong."""
    info = np.finfo(dtype)
    with np.errstate(all="ignore"):
        rounded = wanted.astype(dtype)
        same = (got == rounded) | (np.isnan(got) & np.isnan(rounded))
        unit = np.exp2(np.floor(np.log2(np.abs(wanted)))) * info.eps
        unit = np.fmax(unit, WIDE(info.smallest_subnormal))
        off = np.abs(got.astype(WIDE) - wanted) / unit
        finite = np.isfinite(rounded) & np.isfinite(got)
        return np.where(same, np.fmin(off, 1), np.where(finite, off, np.inf))


MAY_BE_OFF = {
    "sqrt": 4, "exp": 4, "expm1": 4, "log": 4, "log1p": 4, "sin": 4, "cos": 4, "pow": 5, "atan2": 4,
}  # fmt: skip
"""By how many units in the last place a conforming kernel may be off."""


class Off(restricted("off")):  # type: ignore[misc]
    """Whose functions are off by as much as they may, this way and that, but for 0 and 1."""

    def select(self, op: str, dtypes: tuple[corex.DType, ...]) -> KernelChoice | None:
        choice: KernelChoice | None = super().select(op, dtypes)
        if choice is None or op not in MAY_BE_OFF or dtypes[0].kind != "f":
            return choice
        own, exact = manager.backend("cpu_c"), choice.run

        def run(out: View, *rest: Any) -> None:
            exact(out, *rest)
            buffer, dtype, shape, _, offset = out
            found = np.empty(shape, dtype.name)
            data, start = memoryview(found).cast("B"), offset * dtype.itemsize
            own.copy_to_host(buffer, start, data)
            sign = np.random.default_rng(found.size).choice([-1, 1], found.shape)
            with np.errstate(all="ignore"):
                moved = found * (1 + sign * (MAY_BE_OFF[op] - 1) * np.finfo(found.dtype).eps)
            found[...] = np.where(found == 1, found, moved)
            own.copy_from_host(buffer, start, data)

        return choice._replace(run=run)


@pytest.fixture(scope="module")
def off() -> Iterator[str]:
    with installed(Off) as name:
        yield name


def both(name: str, dtype: str, device: str) -> tuple[list[Array], Array, Array]:
    """Arguments, what the op makes of them on a device, and the results of a wider type."""
    x = arguments(dtype)
    given = [x]
    if name == "hypot":
        given.append(np.random.default_rng(1).permutation(x))
    got = getattr(corex, name)(*[corex.tensor(a, device=device) for a in given]).cpu().numpy()
    with np.errstate(all="ignore"):
        wanted = FUNCTIONS.get(name, np.hypot)(*[a.astype(WIDE) for a in given])
    return given, got, wanted


@pytest.mark.skipif(not PRECISE, reason="NumPy has no wider type than float64 here")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", [*FUNCTIONS, "hypot"])
def test_within_four_ulps_over_good_kernels(name: str, dtype: str, core: str) -> None:
    given, got, wanted = both(name, dtype, core)
    off = ulps(got, wanted, dtype)
    worst = int(off.argmax())
    at = tuple(a[worst] for a in given)
    assert off[worst] <= 4, f"{name}{at} = {got[worst]!r} is off by {off[worst]} ulp"


@pytest.mark.skipif(not PRECISE, reason="NumPy has no wider type than float64 here")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", [*FUNCTIONS, "hypot"])
def test_within_twelve_ulps_over_kernels_that_conform(name: str, dtype: str, off: str) -> None:
    """In the measure of the suite: multiples of the dtype's epsilon, times the result."""
    _, got, wanted = both(name, dtype, off)
    info = np.finfo(dtype)
    with np.errstate(all="ignore"):
        rounded = wanted.astype(dtype)
        same = (got == rounded) | (np.isnan(got) & np.isnan(rounded))
        bound = 12 * WIDE(info.eps) * np.abs(wanted) + 4 * WIDE(info.smallest_subnormal)
        near = np.abs(got.astype(WIDE) - wanted) <= bound
        border = np.abs(wanted) >= WIDE(info.max) * (1 - 12 * WIDE(info.eps))  # of overflow
    wrong = ~(same | near | border)
    assert not wrong.any(), (arguments(dtype)[wrong][:5], got[wrong][:5])


@pytest.mark.parametrize("dtype", [corex.float32, corex.float64])
def test_exact_at_whole_numbers_and_powers(dtype: corex.DType, core: str) -> None:
    top = 127 if dtype is corex.float32 else 1023
    whole = [float(k) for k in range(1 - top, top + 1)]
    x = corex.tensor(whole, dtype=dtype, device=core)
    powers = corex.tensor([2.0**k for k in whole], dtype=dtype, device=core)
    assert x.exp2().tolist() == powers.tolist()
    assert powers.log2().tolist() == whole
    tens = range(11 if dtype is corex.float32 else 23)
    assert corex.tensor([10.0**k for k in tens], dtype=dtype, device=core).log10().tolist() == list(
        tens
    )
    triples = [(3, 4, 5), (5, 12, 13), (8, 15, 17), (20, 21, 29), (119, 120, 169), (0, 7, 7)]
    a, b, c = corex.tensor(triples, dtype=dtype, device=core).unbind(1)
    for scale in (1.0, 2.0 ** (top - 8), 2.0 ** (20 - top)):
        assert (a * scale).hypot(b * scale).tolist() == (c * scale).tolist()
    for name in ("sinh", "asinh", "tan", "asin", "atan", "atanh"):
        assert getattr(corex.zeros(1, dtype=dtype, device=core), name)().item() == 0
    one = corex.ones(1, dtype=dtype, device=core)
    assert one.acosh().item() == one.acos().item() == 0
    assert (one * 0).cosh().item() == 1
    assert (one * 0).sigmoid().item() == 0.5


INTEGERS = ["uint8", "int32", "int64"]


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_to_the_bit(dtype: str, core: str) -> None:
    info = np.iinfo(dtype)
    edges = [0, 1, 2, 3, 7, 63, 64, 100, info.max, info.max - 1, info.min, info.min + 1]
    edges += [] if dtype == "uint8" else [-1, -2, -3, -64]
    a, b = (x.ravel() for x in np.meshgrid(np.array(edges, dtype), np.array(edges, dtype)))
    here = [corex.tensor(x, device=core) for x in (a, b)]
    there = [corex.tensor(x) for x in (a, b)]
    for name in ("bitwise_or", "bitwise_xor", "bitwise_left_shift", "bitwise_right_shift", "le",
                 "gt", "ge", "ne", "logical_and", "logical_or", "logical_xor"):  # fmt: skip
        got, wanted = [getattr(corex, name)(*pair).tolist() for pair in (here, there)]
        assert got == wanted, name
    divisors = [x[corex.tensor((b != 0).tolist())] for x in there]
    here = [corex.tensor(x.numpy(), device=core) for x in divisors]
    assert here[0].remainder(here[1]).tolist() == divisors[0].remainder(divisors[1]).tolist()
    for name in ("sign", "square", "bitwise_not", "logical_not", "amin", "argmin"):
        got, wanted = [getattr(x[0], name)().tolist() for x in (here, divisors)]
        assert got == wanted, name
