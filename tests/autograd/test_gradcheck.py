"""gradcheck and gradgradcheck find wrong derivatives and pass right ones; the functional API."""

from __future__ import annotations

import numpy as np
import pytest

import corex
from corex.autograd import Function, GradcheckError, gradcheck, gradgradcheck
from corex.autograd.functional import hessian, hvp, jacobian, jvp, vhp, vjp


def leaf(values):
    return corex.tensor(values, dtype=corex.float64, requires_grad=True)


class Wrong(Function):
    """x², whose derivative is wrong at one place."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * (x * 2 + corex.tensor([0.0, 0.5], dtype=corex.float64))


def test_right_derivatives_pass() -> None:
    x, y = leaf([[0.3, -0.5], [1.0, 2.0]]), leaf([0.5, 0.7])
    assert gradcheck(lambda a, b: a.sin() * b, (x, y))
    assert gradcheck(lambda a, b: (a * b, a + b), (x, y))
    assert gradgradcheck(lambda a, b: a.sin() * b.exp(), (x, y))
    assert gradcheck(lambda a: a.exp(), leaf(0.3))


def test_inputs_are_left_as_they_were() -> None:
    x = leaf([0.3, -0.5])
    gradcheck(lambda a: a.sin(), x)
    assert x.tolist() == [0.3, -0.5]
    assert x.grad is None


def test_wrong_derivatives_are_located() -> None:
    x = leaf([1.0, 2.0])
    with pytest.raises(GradcheckError) as caught:
        gradcheck(Wrong.apply, x)
    text = str(caught.value)
    assert "Jacobian mismatch for output 0 with respect to input 0" in text
    assert "output position [1], input position [1]" in text
    assert "analytical derivative is 4.5, the numerical one 4.0" in text or "3.99999" in text
    assert "1 of 4 entries" in text
    assert not gradcheck(Wrong.apply, x, raise_exception=False)


def test_wrong_second_derivatives() -> None:
    class WrongTwice(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * 2 * x.detach()

    x = leaf([1.0, 2.0])
    assert gradcheck(WrongTwice.apply, x)
    with pytest.raises(GradcheckError):
        gradgradcheck(WrongTwice.apply, x)


def test_unequal_passes_are_found() -> None:
    state = [0.0]

    class Drifts(Wrong):
        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            state[0] += 1e-9
            return g * (x * 2 + state[0])

    with pytest.raises(GradcheckError, match="not reentrant"):
        gradcheck(Drifts.apply, leaf([1.0, 2.0]))
    assert gradcheck(Drifts.apply, leaf([1.0, 2.0]), nondet_tol=1e-6)


def test_something_must_require_gradients() -> None:
    with pytest.raises(ValueError, match="at least one input tensor to require gradient"):
        gradcheck(lambda a: a, corex.ones(2))


def f(x):
    return x.sin() * x.sum()


X = np.array([0.3, -0.5, 1.1])
JACOBIAN = np.diag(np.cos(X) * X.sum()) + np.sin(X)[:, None]
V = np.array([1.0, 2.0, -1.0])


def array(t):
    return np.array(t.tolist())


def test_jacobian_and_its_products() -> None:
    x, v = corex.tensor(X), corex.tensor(V)
    np.testing.assert_allclose(array(jacobian(f, x)), JACOBIAN, rtol=1e-13)
    value, product = vjp(f, x, v)
    np.testing.assert_allclose(array(value), np.sin(X) * X.sum())
    np.testing.assert_allclose(array(product), V @ JACOBIAN, rtol=1e-13)
    np.testing.assert_allclose(array(jvp(f, x, v)[1]), JACOBIAN @ V, rtol=1e-13)
    assert not product.requires_grad


def test_hessian_and_its_products() -> None:
    x, v = corex.tensor(X), corex.tensor(V)

    def cubic(t):
        return (t**3).sum() + t[0] * t[1] * t[2]

    cross = X.prod() / np.outer(X, X)
    np.fill_diagonal(cross, 0)
    expected = np.diag(6 * X) + cross
    np.testing.assert_allclose(array(hessian(cubic, x)), expected, rtol=1e-13)
    np.testing.assert_allclose(array(hvp(cubic, x, v)[1]), expected @ V, rtol=1e-13)
    np.testing.assert_allclose(array(vhp(cubic, x, v)[1]), V @ expected, rtol=1e-13)


def test_structures_follow_inputs_and_outputs() -> None:
    a, b = corex.tensor([1.0, 2.0]), corex.tensor([3.0])

    def both(a, b):
        return a * b, (a + b).sum()

    found = jacobian(both, (a, b))
    assert [[tuple(t.shape) for t in row] for row in found] == [[(2, 2), (2, 1)], [(2,), (1,)]]
    second = hessian(lambda a, b: (a * a * b).sum(), (a, b))
    assert second[0][0].tolist() == [[6.0, 0.0], [0.0, 6.0]]
    assert second[0][1].tolist() == [[2.0], [4.0]]
    assert second[1][1].tolist() == [[0.0]]


def test_create_graph_and_strict() -> None:
    x = leaf(X.tolist())
    (f_jacobian := jacobian(f, x, create_graph=True)).sum().backward()
    assert f_jacobian.requires_grad
    assert x.grad is not None
    with pytest.raises(RuntimeError, match="independent of input 1"):
        jacobian(lambda a, b: a * 2, (x, x * 1), strict=True)
    with pytest.raises(RuntimeError, match="does not require gradients"):
        jacobian(lambda a: a.detach(), x, strict=True)
    assert jacobian(lambda a: a.detach(), x).tolist() == [[0.0] * 3] * 3


def test_misuse() -> None:
    x = corex.tensor(X)
    with pytest.raises(TypeError, match="must be either a Tensor or a tuple of Tensors"):
        jacobian(f, [x])
    with pytest.raises(RuntimeError, match="can only be None"):
        vjp(f, x)
    with pytest.raises(RuntimeError, match="v has invalid size"):
        vjp(f, x, corex.ones(2))
    with pytest.raises(RuntimeError, match="single element"):
        hessian(f, x)
