"""Complex numbers on every CPU backend: values against NumPy, gradients against finite differences.

The gradient of a real loss by z = x + iy is dL/dx + i dL/dy, as in PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import corex
from corex.tensor.schema import REGISTRY

Array = Any

UNARY = """
    neg square reciprocal exp exp2 expm1 log log2 log10 log1p sin cos tan asin acos atan sinh cosh
    tanh asinh acosh atanh sqrt rsqrt sigmoid abs angle sgn conj
""".split()
ORACLES: dict[str, Callable[[Array], Array]] = {
    "neg": np.negative,
    "rsqrt": lambda z: 1 / np.sqrt(z),
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "sgn": lambda z: np.where(z == 0, 0, z / np.abs(np.where(z == 0, 1, z))),
    "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan,
    "asinh": np.arcsinh, "acosh": np.arccosh, "atanh": np.arctanh,
}  # fmt: skip
EDGES = [1, -1, 1j, -1j, 0.5, -2, 2j, 1e-8 + 1j, 1 + 1e-9j, 3 + 4j, -3 - 4j, 30 + 1j, -30 - 2j]


def numbers(shape: tuple[int, ...], seed: int = 0, dtype: str = "complex128") -> Array:
    rng = np.random.default_rng(seed)
    return (rng.normal(size=shape) * 2 + 1j * rng.normal(size=shape) * 2).astype(dtype)


def near(got: corex.Tensor, wanted: Array, tolerance: float) -> None:
    found = got.detach().resolve_conj().numpy()
    assert found.shape == wanted.shape
    assert found.dtype.kind == wanted.dtype.kind
    if wanted.dtype.kind == "b":
        assert (found == wanted).all()
        return
    scale = np.maximum(np.abs(wanted), 1e-30)
    with np.errstate(all="ignore"):
        same = (found == wanted) | (np.isnan(found) & np.isnan(wanted))
        assert (same | (np.abs(found - wanted) <= tolerance * scale)).all(), (found, wanted)


# ---- values ------------------------------------------------------------------------------------
@pytest.mark.usefixtures("each_backend")
@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.parametrize("name", UNARY)
def test_functions(name: str, dtype: str) -> None:
    z = np.concatenate([numbers((3, 40)).ravel(), EDGES]).astype(dtype)
    oracle = ORACLES.get(name) or getattr(np, name)
    with np.errstate(all="ignore"):
        wanted = np.asarray(oracle(z.astype("complex128")))
    if name in ("atan", "atanh", "log", "log2", "log10"):  # poles, told apart in PyTorch's tests
        keep = np.isfinite(wanted)
        z, wanted = z[keep], wanted[keep]
    near(getattr(corex, name)(corex.tensor(z)), wanted, 3e-6 if dtype == "complex64" else 1e-13)


BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "pow": lambda a, b: a**b,
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "rsub": lambda a, b: 2.5 - a,
    "rdiv": lambda a, b: (1 - 2j) / a,
    "number": lambda a, b: a * 3 + 1j - a / 2,
    "real": lambda a, b: a * b.real + b.imag,
}


@pytest.mark.usefixtures("each_backend")
@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.parametrize("name", BINARY)
def test_operators(name: str, dtype: str) -> None:
    a, b = numbers((4, 6), 1, dtype), numbers((4, 6), 2, dtype)
    b[0] = a[0]
    pairs = [(a, b), (a, b[:1]), (a.T, b.T), (a[::2], b[::2]), (a[:0], b[:0]), (a[0, 0], b[0, 0])]
    for x, y in pairs:
        wanted = np.asarray(BINARY[name](x, y))
        got = BINARY[name](corex.tensor(np.asarray(x)), corex.tensor(np.asarray(y)))
        near(got, wanted, 2e-5 if dtype == "complex64" else 1e-13)


@pytest.mark.usefixtures("each_backend")
def test_a_square_of_the_size_is_real() -> None:
    z = corex.tensor(numbers((100,), 3))
    assert ((z * z.conj()).imag == 0).all()


@pytest.mark.usefixtures("each_backend")
@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_what_moves_and_adds(dtype: str) -> None:
    a = numbers((3, 4), 4, dtype)
    t = corex.tensor(a)
    index = corex.tensor([2, 0, 2])
    near(t[index], a[[2, 0, 2]], 0)
    near(t.T.contiguous(), a.T, 0)
    near(t.gather(0, index.view(1, 3).expand(1, 3)), a[[2, 0, 2], [0, 1, 2]][None], 0)
    near(t.sum(0), a.sum(0), 1e-5)
    near(t.mean(), a.mean(), 1e-5)
    near(t.prod(), a.prod(), 1e-5)
    near(t.cumsum(1), a.cumsum(1), 1e-5)
    near(t.var(), a.var(ddof=1), 1e-5)
    near(t.norm(), np.linalg.norm(a), 1e-5)
    near(t.tril(), np.tril(a), 0)
    near(corex.where(t.real > 0, t, 1j), np.where(a.real > 0, a, 1j).astype(dtype), 0)
    near(t @ t.mH, a @ a.conj().T, 1e-5)
    near(corex.cat([t, t.real], 0), np.concatenate([a, a.real]), 0)
    put = t.clone()
    put[index] += 1 - 1j
    wanted = a.copy()
    wanted[[2, 0]] += 1 - 1j
    near(put, wanted, 1e-6)
    near(corex.zeros(3, 4, dtype=t.dtype).index_add(0, index, t), np.stack([a[1], 0 * a[0],
         a[0] + a[2]]), 1e-6)  # fmt: skip


@pytest.mark.usefixtures("each_backend")
def test_conversions() -> None:
    z = np.array([1.9 + 2j, -0.5j, 0, 3 + 0j])
    t = corex.tensor(z)
    assert t.to(corex.complex64).dtype is corex.complex64
    assert t.bool().tolist() == [True, True, False, True]
    assert t.long().tolist() == [1, 0, 0, 3]
    assert t.real.to(corex.complex64).tolist() == [1.899999976158142, 0, 0, 3]
    assert corex.tensor([1, 2]).to(corex.complex128).tolist() == [1, 2]
    half = corex.tensor([1 + 2j, 0.1j]).chalf()
    assert (half + half).tolist() == [2 + 4j, 0.199951171875j]
    assert t.tolist() == z.tolist()


@pytest.mark.usefixtures("each_backend")
def test_views_share_the_memory() -> None:
    t = corex.zeros(2, 3, dtype=corex.complex64)
    t.real.fill_(2)
    t.imag[1] = 3
    assert t.tolist() == [[2, 2, 2], [2 + 3j] * 3]
    pairs = corex.view_as_real(t)
    assert pairs.shape == (2, 3, 2)
    pairs[0, 0, 1] = 7
    assert t[0, 0].item() == 2 + 7j
    assert corex.view_as_complex(pairs).data_ptr() == t.data_ptr()
    with pytest.raises(RuntimeError, match="last dimension of size 2"):
        corex.view_as_complex(corex.ones(3))
    with pytest.raises(RuntimeError, match="non-complex"):
        _ = corex.ones(2).imag


# ---- gradients ---------------------------------------------------------------------------------
W = numbers((4,), 9)

FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{name: (lambda a, name=name: getattr(corex, name)(a)) for name in UNARY},
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "pow": lambda a, b: a**b,
    "power": lambda a: a**3,
    "root": lambda a: a**0.5,
    "of_number": lambda a: (2 + 1j) ** a,
    "real": lambda a: a.real * a.imag,
    "mixed": lambda a, b: a * b.real + b.conj() * 1j,
    "as_real": lambda a: corex.view_as_real(a).prod(-1),
    "made": lambda a: corex.complex(a.imag, a.real) * a,
    "polar": lambda a: corex.polar(a.abs(), a.angle()),
    "sum": lambda a: a.sum() * a,
    "prod": lambda a: a.prod() * a,
    "cumsum": lambda a: a.cumsum(0) * a,
    "norm": lambda a: a.norm() * a,
    "var": lambda a: a.var() * a,
    "matmul": lambda a, b: a.view(2, 2) @ b.view(2, 2).mH,
    "index": lambda a: a[corex.tensor([0, 2, 2, 1])] * a,
    "where": lambda a, b: corex.where(a.real > 0, a * b, b),
    "silu": lambda a: corex.nn.functional.silu(a),
    "logsumexp": lambda a: corex.logsumexp(a, 0) * a,
}


def loss(name: str, *inputs: Any) -> Any:
    y = FUNCTIONS[name](*inputs).reshape(-1)
    weights = corex.tensor(W[: y.numel()])
    return (y * weights).real.sum() + (y * y.conj()).real.sum() * 0.25


def arity(name: str) -> int:
    function = FUNCTIONS[name]
    return function.__code__.co_argcount - len(function.__defaults__ or ())


def differences(function: Callable[..., float], z: Array, step: float = 1e-6) -> Array:
    """d/dx + i d/dy of each element, central."""
    slope = np.zeros_like(z)
    for at in np.ndindex(z.shape):
        for unit in (1, 1j):
            up, down = z.copy(), z.copy()
            up[at] += step * unit
            down[at] -= step * unit
            slope[at] += unit * (function(up) - function(down)) / (2 * step)
    return slope


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients(name: str) -> None:
    given = [numbers((4,), seed) * 0.4 for seed in range(arity(name))]
    leaves = [corex.tensor(z, requires_grad=True) for z in given]
    found = corex.autograd.grad(loss(name, *leaves), leaves, create_graph=True)
    for k, gradient in enumerate(found):

        def value(z: Array, k: int = k) -> float:
            tensors = [corex.tensor(z if i == k else g) for i, g in enumerate(given)]
            return float(loss(name, *tensors))

        np.testing.assert_allclose(
            gradient.detach().resolve_conj().numpy(),
            differences(value, given[k]),
            rtol=1e-5,
            atol=1e-7,
        )


@pytest.mark.parametrize("name", [n for n in FUNCTIONS if n not in ("angle", "polar", "sgn")])
def test_second_gradients(name: str) -> None:
    given = [numbers((4,), seed) * 0.4 for seed in range(arity(name))]
    weights = corex.tensor(numbers((4,), 11))

    def slope(z: Any) -> Any:
        tensors = [z, *[corex.tensor(g) for g in given[1:]]]
        (gradient,) = corex.autograd.grad(loss(name, *tensors), z, create_graph=True)
        return (gradient * weights).real.sum()

    leaf = corex.tensor(given[0], requires_grad=True)
    total = slope(leaf)
    (found,) = corex.autograd.grad(total, leaf)
    wanted = differences(
        lambda z: float(slope(corex.tensor(z, requires_grad=True))), given[0], 1e-5
    )
    np.testing.assert_allclose(found.resolve_conj().numpy(), wanted, rtol=2e-4, atol=1e-5)


def test_a_complex_loss_has_no_gradient_of_its_own() -> None:
    z = corex.tensor([1 + 1j], requires_grad=True)
    with pytest.raises(RuntimeError, match="real scalar outputs"):
        z.sum().backward()
    (z * z.conj()).real.sum().backward()
    assert z.grad is not None
    assert z.grad.tolist() == [2 + 2j]


def test_a_real_leaf_has_a_real_gradient() -> None:
    x = corex.tensor([1.0, 2.0], requires_grad=True)
    (x * (2 + 3j)).imag.sum().backward()
    assert x.grad is not None
    assert x.grad.dtype is corex.float32
    assert x.grad.tolist() == [3, 3]


# ---- what has no order -------------------------------------------------------------------------
REFUSED = """
    lt le gt ge maximum minimum floor fmod floor_divide relu atan2 sort max argmax amax
""".split()


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str) -> None:
    z = corex.tensor([1 + 1j, 2])
    function = getattr(corex, name)
    two = name in REGISTRY and len(REGISTRY[name].inputs) == 2
    with pytest.raises((NotImplementedError, RuntimeError, TypeError)):
        function(z, z) if two else function(z)


def test_nothing_waits_in_a_result() -> None:
    z = corex.tensor([1 + 2j])
    for t in (z, -z.conj(), z.conj() * 2, z.conj().clone(), z.conj_physical(), corex.ones(1)):
        assert not t.is_conj()
        assert not t.is_neg()
        assert t.resolve_conj() is t
        assert t.resolve_neg() is t
    assert z.is_complex()
    assert z.conj_physical().tolist() == [1 - 2j]
