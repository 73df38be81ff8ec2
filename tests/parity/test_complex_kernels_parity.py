"""Functions of complex numbers at zeros, infinities, NaNs and extremes, as PyTorch has them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import corex

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.parity

INF, NAN = float("inf"), float("nan")
PARTS = (0.0, -0.0, 1.0, -1.0, 0.5, -2.0, INF, -INF, NAN, 1e-30, 3e38, -3e38, 40.0, -100.0)
POINTS = [complex(x, y) for x, y in itertools.product(PARTS, PARTS)]

# PyTorch has these from C; the others of its own, which overflow or lose what they need not.
AS_C = (
    "abs angle sqrt exp log log2 log10 sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh"
).split()


def _alike(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        near = np.abs(x - y) <= 1e-5 * np.maximum(np.abs(x), np.abs(y))
    # Beside an infinity what is below all other numbers is as good as 0.
    tiny = (np.abs(x) < 1e-25) & (np.abs(y) < 1e-25)
    return (np.isnan(x) & np.isnan(y)) | (x == y) | near | tiny


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.parametrize("name", AS_C)
def test_special_values(name: str, dtype: str) -> None:
    points = np.array(POINTS, dtype)
    found = getattr(corex, name)(corex.tensor(points)).numpy()
    # one by one: PyTorch's vectors and its single elements differ
    wanted = np.array([getattr(torch, name)(torch.tensor([z])).numpy()[0] for z in points])
    same = _alike(found.real, wanted.real) & _alike(found.imag, wanted.imag)
    with np.errstate(all="ignore"):  # a part that is nothing beside the other is not compared
        same |= np.abs(found.astype("complex128") - wanted) <= 1e-6 * np.abs(wanted) + 1e-15
    # C leaves it open which part of a NaN is one.
    same |= np.isnan(found) & np.isnan(wanted)
    assert same.all(), [(points[i], found[i], wanted[i]) for i in np.flatnonzero(~same)]


@pytest.mark.parametrize("name", AS_C)
def test_branch_cuts(name: str) -> None:
    """On the axes the sign of a zero says on which side of the cut a number lies."""
    sides = [complex(x, y) for x in (-3.0, -0.5, 0.5, 3.0) for y in (0.0, -0.0)]
    points = np.array([*sides, *[complex(z.imag, z.real) for z in sides]], "complex64")
    found = getattr(corex, name)(corex.tensor(points)).numpy().astype("complex128")
    wanted = np.array([getattr(torch, name)(torch.tensor([z])).numpy()[0] for z in points])
    assert (np.abs(found - wanted) <= 1e-6 * np.maximum(np.abs(wanted), 1e-3)).all()
    for part in ("real", "imag") if wanted.dtype.kind == "c" else ():
        x, y = getattr(found, part), getattr(wanted, part)
        large = np.abs(y) > 1e-6
        assert (np.signbit(x) == np.signbit(y))[large].all()


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_quotients_of_finite_numbers(dtype: str) -> None:
    finite = np.array([z for z in POINTS if abs(z) < 1e30], dtype)
    a, b = (grid.ravel() for grid in np.meshgrid(finite, finite[finite != 0]))
    found = (corex.tensor(a) / corex.tensor(b)).numpy()
    with np.errstate(all="ignore"):
        wanted = a.astype("clongdouble") / b
        good = np.isfinite(wanted) & (np.abs(wanted) < 1e38) & (np.abs(wanted) > 1e-36)
        error = np.abs(found - wanted) / np.abs(wanted)
    assert (error[good] < 1e-6).all()
