"""Linear algebra of complex matrices: what factors multiply to, derivatives, and their limits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import corex
from corex.autograd.gradcheck import gradcheck, gradgradcheck

L = corex.linalg
RNG = np.random.default_rng(5)


def numbers(*shape: int) -> Any:
    return RNG.standard_normal(shape) + 1j * RNG.standard_normal(shape)


SQUARE = numbers(2, 3, 3) + 2 * np.eye(3)
DEFINITE = SQUARE @ np.swapaxes(SQUARE, 1, 2).conj() + np.eye(3)
TALL = numbers(2, 3, 2)
RIGHT = numbers(2, 3, 2)


def close(found: corex.Tensor, expected: Any) -> None:
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_factors_multiply_to_the_matrix(each_backend: str, dtype: str) -> None:
    a, h = (corex.tensor(array.astype(dtype)) for array in (TALL, DEFINITE))
    real = a.real.dtype
    tolerance = 1e-4 if dtype == "complex64" else 1e-9

    def same(found: corex.Tensor, expected: corex.Tensor) -> None:
        assert found.dtype is expected.dtype
        assert np.allclose(found.numpy(), expected.numpy(), tolerance, tolerance)

    p, lower, upper = L.lu(a)
    same(p @ lower @ upper, a)
    q, r = L.qr(a)
    same(q @ r, a)
    reflectors, tau = corex.geqrf(a)
    same(L.householder_product(reflectors, tau), q)
    same(corex.ormqr(reflectors, tau, q, True, True)[..., :2, :], q.mH @ q)
    u, s, vh = L.svd(a, False)
    assert s.dtype is real
    same((u * s.unsqueeze(-2)) @ vh, a)
    u, s, v = corex.svd(a)
    same((u * s.unsqueeze(-2)) @ v.mH, a)
    factor = L.cholesky(h)
    same(factor @ factor.mH, h)
    upper = L.cholesky(h, upper=True)
    same(upper.mH @ upper, h)
    values, vectors = L.eigh(h)
    assert values.dtype is real
    same((vectors * values.unsqueeze(-2)) @ vectors.mH, h)
    values, vectors = L.eig(h)
    same(h @ vectors, vectors * values.unsqueeze(-2))


def test_eigenvalues_of_real_matrices_are_complex(each_backend: str) -> None:
    turn = corex.tensor([[0.0, -1.0], [1.0, 0.0]])
    values = L.eigvals(turn)
    assert values.dtype is corex.complex64
    assert sorted(values.imag.tolist()) == pytest.approx([-1.0, 1.0])
    with pytest.raises(RuntimeError, match="infs or NaNs"):
        L.eig(turn / 0)


@pytest.mark.parametrize("hermitian", [False, True])
@pytest.mark.parametrize("n", [1, 2, 3, 20])
def test_indefinite_matrices(n: int, hermitian: bool) -> None:
    matrix = numbers(3, n, n)
    turned = np.swapaxes(matrix, 1, 2)
    matrix = matrix + (turned.conj() if hermitian else turned)
    right = numbers(3, n, 2)
    found = L.ldl_factor(corex.tensor(matrix), hermitian=hermitian)
    solution = L.ldl_solve(*found, corex.tensor(right), hermitian=hermitian)
    np.testing.assert_allclose(solution.numpy(), np.linalg.solve(matrix, right), 1e-7, 1e-7)


def test_determinants(each_backend: str) -> None:
    a = corex.tensor(SQUARE)
    close(L.det(a), np.linalg.det(SQUARE))
    sign, size = L.slogdet(a)
    close(sign * size.exp(), np.linalg.det(SQUARE))
    close(corex.logdet(a).exp(), np.linalg.det(SQUARE))
    singular = corex.tensor([[1.0, 2j], [2j, -4.0]], requires_grad=True)
    L.det(singular).real.backward()
    assert singular.grad is not None
    close(singular.grad, np.array([[-4.0, 2j], [2j, 1.0]]))


# ---- derivatives ---------------------------------------------------------------------------------
def hermitian(a: corex.Tensor) -> corex.Tensor:
    return (a + a.mH) / 2


def spectrum(a: corex.Tensor) -> Any:
    """What does not depend on the angles of vectors."""
    u, s, vh = L.svd(a, full_matrices=False)
    return s, u @ vh, (u * u.conj()).real


def eigen(a: corex.Tensor) -> Any:
    values, vectors = L.eig(a)
    return values, (vectors * vectors.conj()).real


SMOOTH: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "cholesky": (lambda a: L.cholesky(hermitian(a)), (DEFINITE,)),
    "cholesky, upper": (lambda a: L.cholesky(hermitian(a), upper=True), (DEFINITE,)),
    "cholesky_solve": (lambda b, a: corex.cholesky_solve(b, a.tril()), (RIGHT, SQUARE)),
    "cholesky_inverse": (lambda a: corex.cholesky_inverse(a.tril()), (SQUARE,)),
    "inv": (L.inv, (SQUARE,)),
    "solve": (L.solve, (SQUARE, RIGHT)),
    "triangular": (lambda a, b: L.solve_triangular(a, b, upper=True), (SQUARE, RIGHT)),
    "det": (L.det, (SQUARE,)),
    "slogdet": (lambda a: tuple(L.slogdet(a)), (SQUARE,)),
    "logdet": (corex.logdet, (SQUARE,)),
    "lu": (lambda a: L.lu(a)[1:], (TALL,)),
    "lu_solve": (lambda a, b: L.lu_solve(*L.lu_factor(a), b, adjoint=True), (SQUARE, RIGHT)),
    "qr": (L.qr, (TALL,)),
    "qr, wide": (lambda a: L.qr(a.mT, "complete"), (TALL,)),
    "svd": (spectrum, (TALL,)),
    "svd, wide": (lambda a: spectrum(a.mT), (TALL,)),
    "eigh": (lambda a: L.eigvalsh(hermitian(a)), (DEFINITE,)),
    "eig": (eigen, (SQUARE,)),
    "pinv": (L.pinv, (TALL,)),
    "lstsq": (lambda a, b: L.lstsq(a, b)[:2], (TALL, TALL[..., :1].copy())),
    "matrix_exp": (L.matrix_exp, (SQUARE,)),
    "nuclear norm": (lambda a: L.matrix_norm(a, "nuc"), (TALL,)),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_derivatives(name: str) -> None:
    function, arrays = SMOOTH[name]

    def of_parts(*given: corex.Tensor) -> Any:
        found = function(*[corex.view_as_complex(t) for t in given])
        several = found if isinstance(found, tuple) else (found,)
        return tuple([corex.view_as_real(t) if t.dtype.is_complex else t for t in several])

    inputs = tuple(
        [
            corex.tensor(np.stack([array[:1].real, array[:1].imag], -1), requires_grad=True)
            for array in arrays
        ]
    )
    assert gradcheck(of_parts, inputs)
    assert gradgradcheck(of_parts, inputs)


def test_functions_of_the_angle_of_vectors_are_refused() -> None:
    a = corex.tensor(DEFINITE, requires_grad=True)
    for found, text in (
        (L.eigh(hermitian(a)).eigenvectors, "linalg_eigh_backward: The eigenvectors"),
        (L.svd(a).U, "svd_backward: The singular vectors"),
        (L.eig(a).eigenvectors, "linalg_eig_backward: The eigenvectors"),
    ):
        with pytest.raises(RuntimeError, match=text):
            (found.imag * found.real).sum().backward()
