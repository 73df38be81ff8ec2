"""Conjugates and negatives that are views: nothing is computed before they are read."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import corex
from corex.tensor.twins import CONJ, NEG, among

A = np.array([[1 + 2j, -3 + 0.5j, 2j], [4 - 1j, 0.25, -1 - 1j]])
SMALL = np.array([[0.5 + 1j, -0.75 + 0.25j], [0.25 - 0.5j, -0.5 - 0.75j]])
B = np.array([[2 - 1j, 1j, 1 + 1j], [-0.5j, 3 + 2j, 1.5]])


def value(t: Any) -> Any:
    return np.array(t.detach().tolist())


# ---- what they are -------------------------------------------------------------------------------
@pytest.mark.usefixtures("each_backend")
def test_a_conjugate_is_a_view() -> None:
    z = corex.tensor(A)
    c = z.conj()
    assert c.is_conj()
    assert not c.is_neg()
    assert not z.is_conj()
    assert c._is_view()
    assert c._base is z
    assert c.data_ptr() == z.data_ptr()
    assert c.dtype is z.dtype
    assert c.stride() == z.stride()
    assert not c.conj().is_conj()
    assert c.conj().data_ptr() == z.data_ptr()
    assert value(c).tolist() == A.conj().tolist()
    real = corex.ones(2)
    assert real.conj() is real
    assert real.resolve_conj() is real


@pytest.mark.usefixtures("each_backend")
def test_imaginary_parts_of_a_conjugate_are_negatives() -> None:
    z = corex.tensor(A)
    part = z.conj().imag
    assert part.is_neg()
    assert not part.is_conj()
    assert part.data_ptr() == z.imag.data_ptr()
    assert value(part).tolist() == (-A.imag).tolist()
    assert not z.conj().real.is_neg()
    assert value(z.conj().real).tolist() == A.real.tolist()
    assert not z.conj()._neg_view().imag.is_neg()
    part.copy_(corex.tensor([[1, 2, 3]]))  # of another dtype
    assert value(z.imag).tolist() == [[-1, -2, -3]] * 2
    part.fill_(5)
    assert value(z.imag).tolist() == [[-5] * 3] * 2


@pytest.mark.parametrize(
    "view",
    [
        lambda t: t.T, lambda t: t[0], lambda t: t[:, ::2], lambda t: t.reshape(3, 2),
        lambda t: t.expand(4, 2, 3), lambda t: t.unsqueeze(0), lambda t: t.detach(),
        lambda t: t.as_strided((2,), (3,)), lambda t: t.chunk(2)[1], lambda t: t.data,
        lambda t: t.unfold(1, 2, 1), lambda t: t.diagonal(), lambda t: t.contiguous(),
    ],
)  # fmt: skip
def test_views_keep_what_waits(view: Callable[[Any], Any]) -> None:
    z = corex.tensor(A)
    assert view(z.conj()).is_conj()
    assert value(view(z.conj())).tolist() == value(view(z)).conj().tolist()
    assert view(z._neg_view()).is_neg()
    assert value(view(z._neg_view())).tolist() == (-value(view(z))).tolist()


def test_adjoints() -> None:
    z = corex.tensor(A)
    for turned in (z.H, z.mH, z.adjoint(), corex.adjoint(z)):
        assert turned.is_conj()
        assert turned.data_ptr() == z.data_ptr()
        assert value(turned).tolist() == A.conj().T.tolist()
    assert not z.H.H.is_conj()


# ---- what is computed of them --------------------------------------------------------------------
OPS: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda a, b: a + b, "mul": lambda a, b: a * b, "number": lambda a, b: 2 * a - 1j,
    "cube": lambda a, b: a**3, "abs": lambda a, b: abs(a), "sum": lambda a, b: a.sum(0),
    "matmul": lambda a, b: a @ b.T, "rows": lambda a, b: a[[1, 0, 1]], "eq": lambda a, b: a == b,
}  # fmt: skip


@pytest.mark.usefixtures("each_backend")
@pytest.mark.parametrize("name", OPS)
def test_results_wait_for_nothing(name: str) -> None:
    a, b = corex.tensor(A), corex.tensor(B)
    for x, y, p, q in (
        (a.conj(), b, A.conj(), B),
        (a, b.conj(), A, B.conj()),
        (a.conj(), b.conj(), A.conj(), B.conj()),
        (a.T.conj(), b.T, A.conj().T, B.T),
        (a._neg_view(), b.conj(), -A, B.conj()),
        (a.conj()._neg_view(), b, -A.conj(), B),
    ):
        found = OPS[name](x, y)
        assert not found.is_conj()
        assert not found.is_neg()
        np.testing.assert_allclose(value(found), OPS[name](p, q), rtol=1e-12)


@pytest.mark.usefixtures("each_backend")
def test_real_negatives_are_operands() -> None:
    z = corex.tensor(A)
    n = z.conj().imag
    assert value(n + 1).tolist() == (1 - A.imag).tolist()
    assert value(n.exp()).tolist() == pytest.approx(np.exp(-A.imag), rel=1e-12)
    assert value(corex.cat((n, n), 1)).tolist() == np.tile(-A.imag, 2).tolist()
    assert value(n > 0).tolist() == (A.imag < 0).tolist()
    assert value(n.clone()).tolist() == (-A.imag).tolist()
    assert not n.clone().is_neg()
    counts = corex.tensor([1, 0])._neg_view()
    assert value(z[counts]).tolist() == A[[-1, 0]].tolist()


def test_strides_of_results() -> None:
    z = corex.tensor(A)
    assert (z.T.conj() + 1).stride() == (z.T + 1).stride()
    assert z.T.conj().clone().stride() == (1, 3)
    assert z.T.conj().contiguous().stride() == (2, 1)
    assert z.T.conj().resolve_conj().stride() == (1, 3)


# ---- writes --------------------------------------------------------------------------------------
WRITES: dict[str, Callable[[Any, Any], Any]] = {
    "fill": lambda t, b: t.fill_(1 + 2j), "copy": lambda t, b: t.copy_(b),
    "conjugates": lambda t, b: t.copy_(b.conj()), "negatives": lambda t, b: t.copy_(b._neg_view()),
    "mul": lambda t, b: t.mul_(b), "number": lambda t, b: t.add_(1j), "0": lambda t, b: t.zero_(),
    "item": lambda t, b: t.__setitem__((0, 1), 5j), "slice": lambda t, b: t[:, 1:].copy_(b[:, 1:]),
    "index": lambda t, b: t.index_put_((corex.tensor([1, 1]),), b, accumulate=True),
    "mask": lambda t, b: t.masked_fill_(b.real > 1, 7 - 1j),
    "out": lambda t, b: corex.add(b, 1j, out=t), "exp": lambda t, b: t.exp_(),
    "kept": lambda t, b: t.index_add_(0, corex.tensor([0]), b[:1]), "same": lambda t, b: t.mul_(t),
    "narrow": lambda t, b: t.copy_(b.to(corex.complex64)), "real": lambda t, b: t.copy_(b.real),
    "unary": lambda t, b: corex.exp(b, out=t), "product": lambda t, b: corex.mm(b, b.T, out=t),
}  # fmt: skip


@pytest.mark.usefixtures("each_backend")
@pytest.mark.parametrize("name", WRITES)
def test_writes_go_through(name: str) -> None:
    a, b = (A[:, :2], B) if name == "product" else (A, B)
    for view in (lambda t: t.conj(), lambda t: t._neg_view(), lambda t: t.conj()._neg_view()):
        base, b0, expected = corex.tensor(a), corex.tensor(b), view(corex.tensor(a)).clone()
        WRITES[name](view(base), b0)
        WRITES[name](expected, b0)
        np.testing.assert_allclose(value(base), value(view(expected)), rtol=1e-12)


@pytest.mark.usefixtures("each_backend")
def test_a_tensor_and_its_conjugate_in_one_op() -> None:
    z = corex.tensor(A)
    z.mul_(z.conj())
    np.testing.assert_allclose(value(z), A * A.conj())
    z = corex.tensor(A)
    z.copy_(z.conj())
    assert value(z).tolist() == A.conj().tolist()
    z = corex.tensor(A)
    z.conj().add_(z)
    np.testing.assert_allclose(value(z), (A.conj() + A).conj())


# ---- what reads memory by itself -----------------------------------------------------------------
def test_memory_for_others_is_refused() -> None:
    c = corex.tensor(A).conj()
    for read in (c.numpy, lambda: np.asarray(c)):
        with pytest.raises(RuntimeError, match=r"conjugate bit set\. Use tensor\.resolve_conj"):
            read()
    with pytest.raises(RuntimeError, match=r"negative bit set\. Use tensor\.resolve_neg"):
        c.imag.numpy()
    assert c.resolve_conj().numpy().tolist() == A.conj().tolist()
    assert c.numpy(force=True).tolist() == A.conj().tolist()
    with pytest.raises(BufferError, match="conjugate bit"):
        c.__dlpack__()
    with pytest.raises(BufferError, match="negative bit"):
        c.imag.__dlpack__()
    with pytest.raises(RuntimeError, match="unresolved conjugated tensors"):
        corex.view_as_real(c)
    with pytest.raises(RuntimeError, match="conjugate view tensors"):
        c.view(corex.float64)
    with pytest.raises(RuntimeError, match="conjugate view tensors"):
        c.view(c.dtype)
    with pytest.raises(RuntimeError, match="negative bit set"):
        c.imag.view(corex.int64)


@pytest.mark.usefixtures("each_backend")
def test_numbers_and_text() -> None:
    c = corex.tensor(A).conj()
    assert c[0, 0].item() == 1 - 2j
    assert complex(c[0, 0]) == 1 - 2j
    assert repr(c) == repr(corex.tensor(A.conj()))
    assert c.imag[0, 0].item() == -2
    assert c.to(corex.complex64).tolist() == A.conj().tolist()


def test_copies_of_objects(tmp_path: Path) -> None:
    z = corex.tensor(A)
    c = z.conj()
    assert copy.copy(c).is_conj()
    assert not copy.deepcopy(c).is_conj()  # as in PyTorch
    assert pickle.loads(pickle.dumps(c)).is_conj()
    corex.save({"c": c, "n": c.imag, "z": z}, tmp_path / "all")
    found = corex.load(tmp_path / "all")
    assert found["c"].is_conj()
    assert found["n"].is_neg()
    for name, t in {"c": c, "n": c.imag, "z": z}.items():
        assert value(found[name]).tolist() == value(t).tolist()
    for t in (copy.copy(c), copy.deepcopy(c), pickle.loads(pickle.dumps(c))):
        assert value(t).tolist() == A.conj().tolist()


def test_other_memory() -> None:
    z, other = corex.tensor(A), corex.tensor(B)
    c = z.conj()
    c.set_(other)
    assert c.is_conj()
    assert value(c).tolist() == B.conj().tolist()
    c = z.conj().detach()
    c.resize_(12)
    assert c.is_conj()
    assert value(c)[:6].tolist() == A.conj().ravel().tolist()


def test_other_places() -> None:
    z = corex.tensor(A)
    c = z.conj()
    there = c.to(backend="reference_py")
    assert there.backend == "reference_py"
    assert not there.is_conj()
    assert value(there).tolist() == A.conj().tolist()
    assert c.to(c.device) is c
    other = corex.zeros(2, 3, dtype=corex.complex128, backend="reference_py")
    other.conj().copy_(z)
    assert value(other).tolist() == A.conj().tolist()
    c.copy_(there)
    assert value(z).tolist() == A.tolist()
    with pytest.raises(RuntimeError, match="Expected all tensors to be on the same device"):
        _ = c * other


def test_programs_that_are_recorded() -> None:
    from corex.compiler import prepare, record

    z, w = corex.tensor(A), corex.tensor(B)
    recording, _ = record(lambda t: (t.conj() * t.conj().imag, t.mH @ w, t.conj()), z)
    given = [corex.tensor(B) if t.data_ptr() == z.data_ptr() else t for t in recording.inputs]
    found = prepare(recording.graph)(given, recording.states, recording.numbers)
    for got, wanted in zip(found, (B.conj() * -B.imag, B.conj().T @ B, B.conj()), strict=True):
        np.testing.assert_allclose(value(got), wanted, rtol=1e-12)


# ---- gradients -----------------------------------------------------------------------------------
def test_gradients_of_conjugates() -> None:
    x = corex.tensor(A, requires_grad=True)
    g = corex.tensor(B)
    (found,) = corex.autograd.grad(x.conj(), x, g)
    assert found.is_conj()
    assert found.data_ptr() == g.data_ptr()
    x.conj().backward(g)
    assert not x.grad.is_conj()
    assert value(x.grad).tolist() == B.conj().tolist()
    x.conj().backward(g)
    assert value(x.grad).tolist() == (2 * B.conj()).tolist()
    assert value(g).tolist() == B.tolist()


STEPS: dict[str, Callable[[Any], Any]] = {
    "conj": lambda x: x.conj(), "product": lambda x: x.conj() * x, "imag": lambda x: x.conj().imag,
    "adjoint": lambda x: x.mH @ x, "neg": lambda x: x._neg_view().exp(),
    "abs": lambda x: (x.conj().imag * 3).abs(), "relu": lambda x: x.conj().imag.relu(),
    "sigmoid": lambda x: x.conj().imag.sigmoid() * 2, "tanh": lambda x: x._neg_view().tanh(),
}  # fmt: skip


def of_parts(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The function between real numbers, which are the parts of complex ones."""

    def call(parts: Any) -> Any:
        found = function(corex.view_as_complex(parts))
        return corex.view_as_real(found.resolve_conj()) if found.is_complex() else found

    return call


def parts_of(array: Any) -> Any:
    return corex.view_as_real(corex.tensor(array)).clone().requires_grad_()


@pytest.mark.parametrize("name", STEPS)
def test_derivatives(name: str) -> None:
    function = of_parts(STEPS[name])
    assert corex.autograd.gradcheck(function, (parts_of(SMALL),))
    if name in ("product", "imag", "neg"):
        assert corex.autograd.gradgradcheck(function, (parts_of(SMALL[1:]),))


VIEWS: list[Callable[[Any], Any]] = [
    lambda y: y.real, lambda y: y.imag, lambda y: y.conj(), lambda y: y.conj().imag,
    lambda y: y.T.conj()[1:], lambda y: y._neg_view(), lambda y: corex.view_as_real(y)[..., 0],
]  # fmt: skip


@pytest.mark.parametrize("view", VIEWS)
def test_derivatives_of_writes_to_parts(view: Callable[[Any], Any]) -> None:
    def written(z: Any) -> Any:
        y = z * 1
        part = view(y)
        part.mul_(view(z * 0.5))
        return y * y

    assert corex.autograd.gradcheck(of_parts(written), (parts_of(SMALL),))


@pytest.mark.parametrize("view", VIEWS)
def test_derivatives_of_parts_of_what_was_written(view: Callable[[Any], Any]) -> None:
    def read(z: Any) -> Any:
        y = z * 1
        part = view(y)
        y.mul_(1 + 2j)
        return part * part

    assert corex.autograd.gradcheck(of_parts(read), (parts_of(SMALL),))


def test_derivatives_of_numbers_written_as_complex() -> None:
    def written(x: Any) -> Any:
        y = x * 1
        corex.view_as_complex(y.view(3, 2)).conj().mul_(2 - 1j)
        return y * y

    assert corex.autograd.gradcheck(
        written, (corex.rand(6, dtype=corex.float64, requires_grad=True),)
    )


def test_a_saved_conjugate_that_was_overwritten_is_noticed() -> None:
    x = corex.tensor(A, requires_grad=True)
    other = corex.tensor(B)
    y = x * other.conj()
    other.mul_(2)
    with pytest.raises(RuntimeError, match="inplace"):
        y.sum().abs().backward()


@pytest.mark.parametrize("name", "exp tanh sigmoid square relu silu gelu log".split())
def test_kernels_of_derivatives_do_not_read_negatives(name: str) -> None:
    function = getattr(corex.nn.functional, name, None) or getattr(corex, name)
    x = corex.tensor([1 - 2j], requires_grad=True)  # its parts are dense
    (found,) = corex.autograd.grad(function(x.conj().imag).sum(), x)
    (wanted,) = corex.autograd.grad(function(-x.imag).sum(), x)
    np.testing.assert_allclose(value(found), value(wanted), rtol=1e-12)


def test_steps_of_optimizers() -> None:
    for make in (corex.optim.SGD, corex.optim.Adam):
        x, y = corex.tensor(A, requires_grad=True), corex.tensor(A, requires_grad=True)
        x.grad, y.grad = corex.tensor(B).conj(), corex.tensor(B.conj())
        make([x], lr=0.1).step()
        make([y], lr=0.1).step()
        np.testing.assert_allclose(value(x), value(y), rtol=1e-12)


# ---- no backend sees one -------------------------------------------------------------------------
def test_no_short_cut_and_no_kernel_is_found_for_a_twin() -> None:
    c = corex.ones(3, dtype=corex.complex64).conj()
    assert len((c * c, c.exp(), c.sum(), c.clone(), c.fill_(1))) == 5
    assert not any(c.key.direct.values())
    assert not c.key.kernels
    assert not c.key.place.kernels
    assert c.key.place.bits == CONJ
    assert c._neg_view().key.place.bits == CONJ | NEG
    assert among((1, c))
    assert not among((1, c.conj()))
    assert c.key.own is c.conj().key
