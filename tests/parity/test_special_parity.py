"""`corex.special` against PyTorch: values, dtypes and gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.special
import torch

import corex

ENDS = [0.0, -0.0, np.inf, -np.inf, np.nan, 1e10, -1e10]
WIDE = np.r_[np.linspace(-8, 30, 2001), np.linspace(-2, 7, 2001), ENDS]
UNIT = np.r_[np.linspace(0, 1, 1001), 10.0 ** -np.arange(1, 37), [-1, 2, np.nan]]
BESSEL = np.r_[np.linspace(-20, 60, 4001), [1e-20, 1e-8, 3e4], ENDS[:5]]
UNARY = {
    "entr": WIDE, "erfcx": WIDE, "log_ndtr": np.r_[-WIDE, WIDE], "ndtr": np.r_[-WIDE, WIDE],
    "ndtri": UNIT, "spherical_bessel_j0": WIDE,
    **dict.fromkeys(("bessel_j0", "bessel_j1", "bessel_y0", "bessel_y1"), BESSEL),
    **dict.fromkeys(("i0", "i0e", "i1", "i1e", "modified_bessel_i0", "modified_bessel_i1"), BESSEL),
    **dict.fromkeys(("modified_bessel_k0", "modified_bessel_k1"), BESSEL),
    **dict.fromkeys(("scaled_modified_bessel_k0", "scaled_modified_bessel_k1"), BESSEL),
}  # fmt: skip
GAMMA = np.r_[np.linspace(-12.3, 40, 2001), np.linspace(-0.1, 3.1, 2001), [1e-20, 3e4], ENDS]
INSIDE = np.r_[np.linspace(-1, 1, 2001), 1 - 10.0 ** -np.arange(1, 16), [1e-30, -2, np.nan]]
AIRY = np.r_[np.linspace(-50, 30, 4001), ENDS[:5]]
UNARY |= {"gammaln": GAMMA, "digamma": GAMMA, "psi": GAMMA, "erfinv": INSIDE, "airy_ai": AIRY}
POLYNOMIALS = [name for name in corex.special.__all__ if "polynomial" in name]
# PyTorch's own are off by 8e-7 near 5.
SCIPYS = {f"bessel_{name}": getattr(scipy.special, name) for name in ("j0", "j1", "y0", "y1")}
SCIPYS["airy_ai"] = lambda x: scipy.special.airy(x)[0]  # PyTorch's is off by 3e-6 near -6
BOUNDS = {"float32": 1e-6, "float64": 1e-13}


def agree(ours: Any, theirs: Any, bound: float) -> None:
    ours, theirs = ours.detach().numpy(), theirs.detach().numpy()
    assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
    finite = np.isfinite(theirs)
    np.testing.assert_array_equal(ours[~finite], theirs[~finite])
    error = np.abs(ours[finite] - theirs[finite]) / np.maximum(1, np.abs(theirs[finite]))
    assert error.size == 0 or error.max() <= bound


@pytest.mark.parametrize("dtype", BOUNDS)
@pytest.mark.parametrize("name", UNARY)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_values(name: str, dtype: str) -> None:
    x = UNARY[name].astype(dtype)
    # In float64, the better oracle for float32.
    wide = x.astype("float64")
    if name in SCIPYS:
        right = torch.tensor(SCIPYS[name](wide))
        right[torch.tensor(wide).isinf()] = torch.nan  # as PyTorch has it there
    else:
        right = getattr(torch.special, name)(torch.tensor(wide))
    bound = 2 * BOUNDS[dtype] if name == "bessel_y1" else BOUNDS[dtype]
    agree(getattr(corex.special, name)(corex.tensor(x)), right.to(getattr(torch, dtype)), bound)


@pytest.mark.parametrize("name", ["entr", "erfcx", "log_ndtr", "ndtr", "ndtri"])
def test_gradients(name: str) -> None:
    x = np.linspace(0.01, 0.99, 50) if name in ("ndtri", "entr") else np.linspace(-6, 6, 101)
    found = []
    for library, make in ((corex, corex.tensor), (torch, torch.tensor)):
        leaf: Any = make(x, requires_grad=True)
        getattr(library.special, name)(leaf).sum().backward()
        found.append(leaf.grad)
    agree(found[0], found[1], 1e-11)


@pytest.mark.parametrize("name", ["i0", "i0e", "i1", "i1e"])
def test_gradients_of_bessel_functions(name: str) -> None:
    x = np.linspace(-12, 12, 100)
    found = []
    for library, make in ((corex, corex.tensor), (torch, torch.tensor)):
        leaf: Any = make(x, requires_grad=True)
        getattr(library.special, name)(leaf).sum().backward()
        found.append(leaf.grad)
    agree(found[0], found[1], 1e-11)


@pytest.mark.parametrize("dtype", BOUNDS)
def test_polygamma(dtype: str) -> None:
    x = np.linspace(0.01, 30, 1001).astype(dtype)
    for n in range(6):
        right = scipy.special.polygamma(n, x.astype("float64")).astype(dtype)
        agree(corex.special.polygamma(n, corex.tensor(x)), torch.tensor(right), BOUNDS[dtype])
    left = np.linspace(-9.95, 0, 200)
    for n in range(4):  # those of order 1 are off by 5e-10 in PyTorch
        theirs = torch.special.polygamma(n, torch.tensor(left))
        agree(corex.special.polygamma(n, corex.tensor(left)), theirs, 1e-8 if n == 1 else 1e-13)


@pytest.mark.parametrize("dtype", BOUNDS)
@pytest.mark.parametrize("name", ["gammainc", "gammaincc"])
def test_incomplete_gamma(name: str, dtype: str) -> None:
    rng = np.random.default_rng(5)
    a = np.r_[rng.uniform(0, 40, 3000), 10 ** rng.uniform(-8, 6, 2000)].astype(dtype)
    x = np.r_[rng.uniform(0, 70, 3000), a[3000:] * rng.uniform(0.3, 2, 2000)].astype(dtype)
    right = getattr(scipy.special, name)(a.astype("float64"), x.astype("float64")).astype(dtype)
    f = getattr(corex.special, name)
    agree(f(corex.tensor(a), corex.tensor(x)), torch.tensor(right), BOUNDS[dtype])
    ends = np.array([0.0, 1.0, np.inf, -1.0, np.nan], dtype)
    theirs = getattr(torch.special, name)(torch.tensor(ends[:, None]), torch.tensor(ends))
    agree(f(corex.tensor(ends[:, None]), corex.tensor(ends)), theirs, BOUNDS[dtype])


def test_multigammaln() -> None:
    x = np.linspace(-3, 20, 300)
    for p in (1, 2, 5):
        theirs = torch.special.multigammaln(torch.tensor(x), p)
        agree(corex.special.multigammaln(corex.tensor(x), p), theirs, 1e-13)


def test_zeta() -> None:
    x = np.array([[1.5], [2.0], [5.0], [30.0], [1.0], [0.5], [3.0], [np.nan]])
    q = np.array([1.0, 0.25, 7.0, 1e6, 0.0, -1.0, -0.5, -2.75])
    agree(
        corex.special.zeta(corex.tensor(x), corex.tensor(q)),
        torch.special.zeta(torch.tensor(x), torch.tensor(q)),
        1e-13,
    )
    agree(corex.special.zeta(2, corex.tensor(q)), torch.special.zeta(2, torch.tensor(q)), 1e-13)


def test_xlog1py() -> None:
    x = np.array([0.0, 0.0, 0.0, 1.0, 2.0, -1.0])
    y = np.array([-1.0, np.nan, np.inf, 0.5, -1.0, 3.0])
    found = []
    for library, make in ((corex, corex.tensor), (torch, torch.tensor)):
        f = library.special.xlog1py
        a, b = make(x), make(y)
        found.append([f(a, b), f(a, 2), f(3, b), f(make([1, 2]), make([3, 4])), f(make([1, 0]), 2)])
    for ours, theirs in zip(*found, strict=True):
        agree(ours, theirs, 1e-13)
    with pytest.raises(TypeError):
        corex.special.xlog1py(1, 2)


@pytest.mark.parametrize("dtype", BOUNDS)
@pytest.mark.parametrize("name", POLYNOMIALS)
def test_polynomials(name: str, dtype: str) -> None:
    x = np.linspace(-1.5, 1.5, 31).astype(dtype)
    degrees = np.arange(31) % 9 - 1
    found = []
    for library, make in ((corex, corex.tensor), (torch, torch.tensor)):
        f = getattr(library.special, name)
        found.append([f(make(x), make(degrees)), *[f(make(x), n) for n in (-1, 0, 1, 5)]])
        found[-1].append(f(0.25, make(degrees[:9]).to(getattr(library, dtype))))
    for ours, theirs in zip(*found, strict=True):
        agree(ours, theirs, 30 * BOUNDS[dtype])


def test_integers_and_errors() -> None:
    whole = [0, 1, 2]
    agree(corex.special.ndtr(corex.tensor(whole)), torch.special.ndtr(torch.tensor(whole)), 1e-6)
    with pytest.raises(TypeError, match="argument 'input' must be Tensor, not float"):
        corex.special.entr(1.0)
    with pytest.raises(TypeError):
        corex.special.legendre_polynomial_p(1.0, 2)
    out = corex.empty(3, dtype=corex.float64)
    x = corex.tensor([0.5, 0.25, 0.1], dtype=corex.float64)
    assert corex.special.ndtri(x, out=out) is out
    assert np.array_equal(out.numpy(), corex.special.ndtri(x).numpy())
    zero = corex.tensor([-0.0])
    assert np.signbit(corex.special.i1(zero, out=corex.empty(1)).numpy()) == np.signbit(
        corex.special.i1(zero).numpy()
    )
    with pytest.raises(RuntimeError, match="special_ndtr"):
        corex.special.ndtr(x, out=corex.empty(3, dtype=corex.int64))
