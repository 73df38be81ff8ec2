"""Linear algebra: what factors multiply to, derivatives, singular input, and the gate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import corex
from corex.autograd.gradcheck import gradcheck, gradgradcheck
from corex.ops.host import HOSTED

L = corex.linalg
RNG = np.random.default_rng(7)
SQUARE = RNG.standard_normal((2, 4, 4)) + 2 * np.eye(4)
DEFINITE = SQUARE @ np.swapaxes(SQUARE, 1, 2) + np.eye(4)
TALL = RNG.standard_normal((2, 5, 3))
WIDE = np.ascontiguousarray(np.swapaxes(TALL, 1, 2))
RIGHT = RNG.standard_normal((2, 4, 2))
LARGE = RNG.standard_normal((2, 100, 100))


def tensor(array: Any, grad: bool = False) -> corex.Tensor:
    return corex.tensor(array, requires_grad=grad)


def close(found: corex.Tensor, expected: Any) -> None:
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=1e-9, atol=1e-9)


# ---- values ------------------------------------------------------------------------------------
@pytest.mark.parametrize("array", [SQUARE, TALL, WIDE, LARGE, LARGE[:, :40], LARGE[0]])
def test_factors_multiply_to_the_matrix(each_backend: str, array: Any) -> None:
    a = tensor(array)
    p, lower, upper = L.lu(a)
    close(p @ lower @ upper, array)
    p, lower, upper = corex.lu_unpack(*L.lu_factor(a))
    close(p @ lower @ upper, array)
    q, r = L.qr(a)
    close(q @ r, array)
    close(corex.lu(a)[0], L.lu_factor(a)[0].numpy())
    close(corex.qr(a).Q, q.numpy())
    u, s, vh = L.svd(a, full_matrices=False)
    close((u * s.unsqueeze(-2)) @ vh, array)
    u, s, v = corex.svd(a)
    close((u * s.unsqueeze(-2)) @ v.mT, array)
    close(corex.pinverse(a), np.linalg.pinv(array))


def test_symmetric_factors(each_backend: str) -> None:
    a = tensor(DEFINITE)
    factor = corex.cholesky(a)
    close(factor @ factor.mT, DEFINITE)
    close(corex.cholesky_inverse(factor), np.linalg.inv(DEFINITE))
    close(corex.cholesky_solve(tensor(RIGHT), factor), np.linalg.solve(DEFINITE, RIGHT))
    values, vectors = L.eigh(a)
    close((vectors * values.unsqueeze(-2)) @ vectors.mT, DEFINITE)
    close(corex.logdet(a), np.linalg.slogdet(DEFINITE)[1])
    close(corex.slogdet(a)[1], np.linalg.slogdet(DEFINITE)[1])


@pytest.mark.parametrize("n", [1, 31, 32, 33, 100])
def test_solutions_of_any_size(each_backend: str, n: int) -> None:
    matrix = RNG.standard_normal((2, n, n)) + n**0.5 * np.eye(n)
    right = RNG.standard_normal((2, n, 3))
    a, b = tensor(matrix), tensor(right)
    close(a @ L.solve(a, b), right)
    close(a @ corex.inverse(a), np.broadcast_to(np.eye(n), (2, n, n)))
    close(a @ corex.lu_solve(b, *L.lu_factor(a)), right)
    for upper in (False, True):
        half = a.triu() if upper else a.tril()
        close(half @ corex.triangular_solve(b, a, upper)[0], right)


def test_reflectors(each_backend: str) -> None:
    a, tau = corex.geqrf(tensor(TALL))
    q = corex.orgqr(a, tau)
    close(q @ a[:, :3].triu(), TALL)
    other = tensor(RIGHT[:, :1].repeat(5, 1))
    close(corex.ormqr(a, tau, corex.ormqr(a, tau, other), True, True), other.numpy())


def test_powers_and_products(each_backend: str) -> None:
    a = tensor(SQUARE)
    close(corex.matrix_power(a, -2), np.linalg.matrix_power(SQUARE, -2))
    values, vectors = np.linalg.eigh(DEFINITE)
    expected = (vectors * np.exp(values)[:, None]) @ np.swapaxes(vectors, 1, 2)
    np.testing.assert_allclose(corex.matrix_exp(tensor(DEFINITE)).numpy(), expected, rtol=1e-10)
    close(corex.matrix_exp(a) @ corex.matrix_exp(-a), np.broadcast_to(np.eye(4), (2, 4, 4)))
    parts = [RNG.standard_normal(shape) for shape in ((2, 7), (7, 3), (3, 5), (5, 1))]
    close(corex.chain_matmul(*map(tensor, parts)), np.linalg.multi_dot(parts))


def test_the_determinant_of_a_singular_matrix_has_a_derivative(each_backend: str) -> None:
    a = tensor(np.array([[1.0, 2, 3], [2, 4, 6], [1, 0, 1]]), grad=True)
    corex.det(a).backward()
    assert a.grad is not None
    close(a.grad, [[4.0, 4.0, -4.0], [-2.0, -2.0, 2.0], [0.0, 0.0, 0.0]])


# ---- derivatives -------------------------------------------------------------------------------
def symmetric(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda a: function((a + a.mT) / 2)


def spectrum(a: corex.Tensor) -> Any:
    """What does not depend on signs."""
    u, s, vh = L.svd(a, full_matrices=False)
    return u * u, s, vh * vh, u @ vh


SMOOTH: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "cholesky": (symmetric(L.cholesky), (DEFINITE,)),
    "cholesky upper": (symmetric(lambda a: L.cholesky(a, upper=True)), (DEFINITE,)),
    "cholesky_solve": (lambda b, a: corex.cholesky_solve(b, a.tril()), (RIGHT, SQUARE)),
    "inv": (L.inv, (SQUARE,)),
    "solve": (L.solve, (SQUARE, RIGHT)),
    "solve, a vector": (L.solve, (SQUARE, RIGHT[..., 0])),
    "solve, from the right": (lambda a, b: L.solve(a, b.mT, left=False), (SQUARE, RIGHT)),
    "triangular": (lambda a, b: L.solve_triangular(a, b, upper=True), (SQUARE, RIGHT)),
    "det": (L.det, (SQUARE,)),
    "slogdet": (lambda a: L.slogdet(a)[1], (SQUARE,)),
    "lu": (lambda a: L.lu(a)[1:], (SQUARE,)),
    "lu, tall": (lambda a: L.lu(a)[1:], (TALL,)),
    "lu, wide": (lambda a: L.lu(a)[1:], (WIDE,)),
    "lu_factor": (lambda a: L.lu_factor(a)[0], (TALL,)),
    "lu_solve": (lambda a, b: L.lu_solve(*L.lu_factor(a), b), (SQUARE, RIGHT)),
    "qr": (L.qr, (SQUARE,)),
    "qr, tall": (L.qr, (TALL,)),
    "qr, wide": (lambda a: L.qr(a, "complete"), (WIDE,)),
    "householder": (L.householder_product, (TALL, TALL[:, 0])),
    "svd": (spectrum, (SQUARE,)),
    "svd, tall": (spectrum, (TALL,)),
    "svd, wide": (spectrum, (WIDE,)),
    "eigh": (symmetric(lambda a: (L.eigh(a)[0], L.eigh(a)[1] ** 2)), (DEFINITE,)),
    "pinv": (L.pinv, (TALL,)),
    "pinv, wide": (L.pinv, (WIDE,)),
    "lstsq": (lambda a, b: L.lstsq(a, b)[0], (TALL, TALL[..., :2].copy())),
    "matrix_exp": (L.matrix_exp, (SQUARE,)),
    "cond": (L.cond, (TALL,)),
    "nuclear norm": (lambda a: L.matrix_norm(a, "nuc"), (TALL,)),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_derivatives(name: str) -> None:
    function, arrays = SMOOTH[name]
    inputs = tuple([tensor(array[:1], grad=True) for array in arrays])
    assert gradcheck(function, inputs)
    assert gradgradcheck(function, inputs)


# ---- singular input and the gate ---------------------------------------------------------------
@pytest.mark.parametrize(
    ("function", "text"),
    [
        (L.inv, r"linalg.inv: \(Batch element 1\): The diagonal element 1 is zero"),
        (lambda a: L.solve(a, a), r"linalg.solve: \(Batch element 1\): The solver failed"),
        (L.cholesky, r"linalg.cholesky: \(Batch element 1\): .* of order 1 is not"),
    ],
)
def test_singular_matrices_are_refused(each_backend: str, function: Any, text: str) -> None:
    a = tensor(np.stack([np.eye(3), np.zeros((3, 3))]))
    with pytest.raises(L.LinAlgError, match=text):
        function(a)
    assert L.inv_ex(a).info.tolist() == L.cholesky_ex(a).info.tolist() == [0, 1]
    assert L.solve_ex(a, a).info.tolist() == [0, 1]


def test_every_host_primitive_is_told_by_its_name(each_backend: str) -> None:
    heard: list[Any] = []
    with corex.observe(heard.append):
        a = tensor(DEFINITE)
        for function in (L.cholesky, L.inv, L.det, L.slogdet, L.qr, L.svd, L.eigh, L.lu):
            function(a)
    told = {call.op for call in heard if call.how == "decomposed"}
    assert {"linalg_cholesky_ex", "linalg_inv_ex", "linalg_svd", "lu_permutation"} <= told
    assert told & set(HOSTED) == told - {"triu", "tril"}


@pytest.mark.parametrize("n", [1, 2, 3, 20])
def test_indefinite_matrices(n: int) -> None:
    matrix = RNG.standard_normal((3, n, n))
    matrix = matrix + np.swapaxes(matrix, 1, 2)
    matrix[0] *= 1 - np.eye(n) * (n > 1)  # zeros on the diagonal, which need blocks of two
    right = RNG.standard_normal((3, n, 2))
    found = L.ldl_solve(*L.ldl_factor(tensor(matrix)), tensor(right))
    close(tensor(matrix) @ found, right)
