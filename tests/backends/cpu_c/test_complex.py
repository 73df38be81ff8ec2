"""The kernels of complex numbers against NumPy in a wider dtype: in every layout, where squares
would overflow, and beside poles and branch cuts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import corex

Array = Any

FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "neg": np.negative, "abs": np.abs, "angle": np.angle, "conj": np.conj,
    "sgn": lambda z: z / np.abs(z), "square": np.square, "reciprocal": lambda z: 1 / z,
    "sqrt": np.sqrt, "rsqrt": lambda z: 1 / np.sqrt(z), "exp": np.exp, "exp2": np.exp2,
    "expm1": np.expm1, "log": np.log, "log2": np.log2, "log10": np.log10,
    "log1p": lambda z: np.log(1 + z), "sin": np.sin, "cos": np.cos, "tan": np.tan,
    "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "sinh": np.sinh, "cosh": np.cosh,
    "tanh": np.tanh, "asinh": np.arcsinh, "acosh": np.arccosh, "atanh": np.arctanh,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
}  # fmt: skip
WIDE = {"complex64": "complex128", "complex128": "clongdouble"}
TOLERANCE = {"complex64": 8 * 2.0**-24, "complex128": 1e-14}
"""Of the size of the result: 8 units in the last place; complex128 as far as NumPy's is exact."""
N = 611  # more than two blocks, and a rest


def numbers(dtype: str, seed: int = 0, count: int = N) -> Array:
    """Of all sizes from 1e-3 to 30, in all directions."""
    rng = np.random.default_rng(seed)
    sizes, turns = 10 ** rng.uniform(-3, 1.5, count), rng.uniform(-math.pi, math.pi, count)
    return (sizes * np.exp(1j * turns)).astype(dtype)


def check(got: corex.Tensor, wanted: Array, dtype: str, factor: float = 1) -> None:
    found = got.numpy(force=True)
    assert found.shape == wanted.shape
    error = np.abs(found.astype(WIDE[dtype]) - wanted)
    worst = (error / np.maximum(np.abs(wanted), 1e-30)).max(initial=0)
    assert worst <= factor * TOLERANCE[dtype], worst


def layouts(a: Array) -> Iterator[tuple[corex.Tensor, Array]]:
    """Dense, with steps, backwards, columns, one element for all, none."""
    t, square = corex.tensor(a), a[:600].reshape(20, 30)
    yield t, a
    yield t[::3], a[::3]
    yield t.flip(0)[1:], a[::-1][1:]
    yield corex.tensor(square).T, square.T
    yield corex.tensor(square)[:, 1:17:2], square[:, 1:17:2]
    yield t[5].expand(7), np.broadcast_to(a[5], (7,))
    yield t[:0], a[:0]


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_in_every_layout(name: str, dtype: str) -> None:
    a = numbers(dtype)
    for t, values in layouts(a):
        wanted = FUNCTIONS[name](values.astype(WIDE[dtype]))
        check(getattr(corex, name)(t), wanted, dtype)
        if name not in ("abs", "angle", "conj"):
            out = corex.full((*t.shape, 2), 7, dtype=t.dtype)[..., 0]  # with steps
            getattr(corex, name)(t, out=out)
            check(out, wanted, dtype)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "pow"])
def test_binary_in_every_layout(name: str, dtype: str) -> None:
    function = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide,
                "pow": np.power}[name]  # fmt: skip
    a, b = numbers(dtype), numbers(dtype, 1)
    if name == "pow":
        a, b = a[np.abs(a) > 0.1], b[np.abs(b) < 3]
        a, b = np.resize(a, N), np.resize(b, N)
    factor = 40 if name == "pow" else 1 if name in ("mul", "div") else 1e3  # sums may cancel
    for (s, x), (t, y) in zip(layouts(a), layouts(b), strict=True):
        with np.errstate(all="ignore"):
            wanted = function(x.astype("complex128"), y.astype("complex128"))
            first = function(x.astype("complex128"), complex(b[3]))
            second = function(complex(a[3]), y.astype("complex128"))
        call = getattr(corex, name)
        check(call(s, t), wanted, dtype, factor)
        check(call(s, corex.tensor(b[3])), first, dtype, factor)
        check(call(corex.tensor(a[3]), t), second, dtype, factor)


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_no_square_overflows(dtype: str) -> None:
    """Sizes, roots and quotients of what is larger or smaller than a square can be."""
    most = float(np.finfo(dtype).max)
    least = float(np.finfo(dtype).smallest_subnormal) * 2.0**20
    for size in (most / 2, most / 3, least, least * 3):
        z = corex.tensor(
            [complex(size, size / 2), complex(-size, size)], dtype=getattr(corex, dtype)
        )
        exact = z.numpy().astype("clongdouble")
        # 2^-18 of the smallest number is all that there is of it
        factor = 1.0 if size > 1 else 2.0**6 if dtype == "complex64" else 2.0**30
        for got, wanted in (
            (z.abs(), np.abs(exact)),
            (z / z.flip(0), exact / exact[::-1]),
            (z.sgn(), exact / np.abs(exact)),
            (z.sqrt(), np.sqrt(exact)),
            (z.log(), np.log(exact)),
            (1 / (1 / z) if size < 1e30 and size > 1 else z, exact),
        ):
            error = np.abs(got.numpy() - wanted) / np.abs(wanted)
            assert float(error.max()) <= factor * TOLERANCE[dtype], (size, got, wanted)
    far = corex.tensor([most / 4 * (1 + 1j)], dtype=getattr(corex, dtype))
    assert (far / (least * (1 + 1j))).isinf().all()
    assert (least / far == 0).all()


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_beside_poles_nothing_is_lost(dtype: str) -> None:
    """f(pole + d) is a series in d, whatever cancels on the way."""
    parts = "float32" if dtype == "complex64" else "float64"
    turn = float(np.array(math.pi, parts))
    lost = math.pi - turn if dtype == "complex64" else 1.2246467991473532e-16
    d = 10.0 ** np.arange(-1, -5, -1) * np.exp(1j * np.arange(4))
    # Rounded first: pole + d is what the kernel sees.
    z = (1j * turn + d).astype(dtype)
    seen = z.astype("complex128") - 1j * turn - 1j * lost
    with np.errstate(all="ignore"):
        wanted = -1 / np.expm1(-seen)
    check(corex.tensor(z).sigmoid(), wanted, dtype, 4)
    half = (1j * turn / 2 + d).astype(dtype)
    seen = half.astype("complex128") - 1j * turn / 2 - 1j * lost / 2
    check(corex.tensor(half).tanh(), 1 / np.tanh(seen), dtype, 4)
    one = (1 + d).astype(dtype)
    check(corex.tensor(one).log(), np.log(one.astype("clongdouble")), dtype, 4)
    circle = numbers(dtype)
    circle = (circle / np.abs(circle)).astype(dtype)
    check(corex.tensor(circle).log(), np.log(circle.astype("clongdouble")), dtype)


def test_large_angles() -> None:
    """A block with an angle that vectors cannot reduce goes through libm."""
    a = numbers("complex64")
    a[300] = 1 + 1e8j
    check(corex.tensor(a).exp(), np.exp(a.astype("complex128")), "complex64")
    check(corex.tensor(a * 1j).sin(), np.sin((a * 1j).astype("complex128")), "complex64")


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_reductions_in_every_layout(dtype: str) -> None:
    a = numbers(dtype, 2, 20 * 30 * 40).reshape(20, 30, 40)
    a /= np.abs(a) ** 0.99  # near 1, so that products stay there
    t = corex.tensor(a)
    for s, x in (
        (t, a),
        (t.permute(2, 0, 1), a.transpose(2, 0, 1)),
        (t[:, ::3, 1:], a[:, ::3, 1:]),
    ):
        wide = x.astype("complex128")
        for dim in (None, 0, 1, 2, (0, 2)):
            size = np.abs(wide).sum(dim)
            for got, wanted in ((s.sum(dim), wide.sum(dim)), (s.mean(dim), wide.mean(dim))):
                assert (np.abs(got.numpy() - wanted) <= 20 * TOLERANCE[dtype] * size).all()
            if isinstance(dim, int):
                scan, wanted = s.cumprod(dim), wide.cumprod(dim)
                check(scan, wanted, dtype, 2000 if dtype == "complex128" else 4)
            if not isinstance(dim, tuple):
                got = s.prod() if dim is None else s.prod(dim)
                check(got, wide.prod(dim), dtype, 2000 if dtype == "complex128" else 4)
    check(t.cumsum(0), a.astype("complex128").cumsum(0), dtype, 1e3)
    check(t.var(1), a.astype("complex128").var(1, ddof=1), dtype, 20)
    assert t[:0].sum().item() == 0
    assert t[:0].prod().item() == 1


def test_no_kernel_is_composed() -> None:
    """Of the functions above, each is a kernel of the library, for both dtypes."""
    with corex.placement() as report:
        for dtype in (corex.complex64, corex.complex128):
            t = corex.tensor([1 + 2j], dtype=dtype)
            for name in FUNCTIONS:
                getattr(corex, name)(t)
            t.sum(), t.mean(), t.prod(), t.cumprod(0), t**2.5, t / t, t - t
    composed = {row.op for row in report.rows() if row.how != "native"}
    assert composed == {"fill"}, composed  # of the number 2.5
