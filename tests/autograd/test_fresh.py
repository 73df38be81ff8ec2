"""What declarations say of the memory of gradients is so, for every op, composition and view."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import corex
import corex.linalg
import corex.special
from corex.nn import functional as F
from corex.ops.composed import COMPOSED
from corex.tensor.schema import REGISTRY, OpSchema
from corex.tensor.view_op import VIEWS
from corex.testing.case import Case
from corex.testing.result import PASSED, UNSUPPORTED
from corex.testing.suite import generate, run_case
from tests.autograd.ownership import checked

# Of these a gradient may be a view of the output's, or that itself, from call to call.
SHARING = {"sum", "index_put", "addmm", "linalg_matrix_exp", "complex"}


def differentiable() -> dict[str, OpSchema]:
    own = {name: schema for name, schema in REGISTRY.items() if schema.differentiable}
    return own | COMPOSED


def test_what_is_not_declared_fresh() -> None:
    assert {name for name, s in differentiable().items() if s.fresh is not True} == SHARING
    assert {name for name, view in VIEWS.items() if not view.fresh} == {
        "alias", "conj", "expand", "permute", "squeeze", "squeeze.dim", "squeeze.dims", "t",
        "transpose", "unsqueeze", "view", "view_as_complex", "view_as_real",
    }  # fmt: skip


def cases() -> dict[str, list[Case]]:
    """The gradient cases of each op; of the many that convolutions and pools have, every few."""
    found: dict[str, list[Case]] = {}
    for case in generate(["grad"]):
        found.setdefault(case.op, []).append(case)
    return {op: picked[:: 1 + len(picked) // 8] for op, picked in found.items()}


@pytest.mark.parametrize(("op", "picked"), cases().items(), ids=list(cases()))
def test_gradients_of_ops(op: str, picked: list[Case], each_backend: str) -> None:
    with checked():
        for case in picked:
            result = run_case(each_backend, 0, case)
            assert result.status in (PASSED, UNSUPPORTED), result.message


def leaf(*shape: int) -> corex.Tensor:
    return (corex.rand(*shape, dtype=corex.float64) * 0.8 + 0.1).requires_grad_()


CALLS: list[Callable[[Any, Any, Any], Any]] = [
    lambda a, b, c: F.smooth_l1_loss(a, b),
    lambda a, b, c: F.huber_loss(a, b),
    lambda a, b, c: F.binary_cross_entropy(a, b),
    lambda a, b, c: F.binary_cross_entropy_with_logits(a, b, pos_weight=c.detach()),
    lambda a, b, c: F.hardtanh(a),
    lambda a, b, c: corex.bernoulli(a.sigmoid()),
    lambda a, b, c: F.prelu(a, c[:1]),
    lambda a, b, c: F.elu(a),
    lambda a, b, c: F.logsigmoid(a),
    lambda a, b, c: F.hardsigmoid(a),
    lambda a, b, c: F.hardswish(a),
    lambda a, b, c: F.mish(a),
    lambda a, b, c: F.softshrink(a),
    lambda a, b, c: corex.addmm(c, a, b.t()[:, :3]),
    lambda a, b, c: corex.addmm(a[:, :3], a, b.t()[:, :3], beta=1, alpha=2),
    lambda a, b, c: corex.complex(a, b).abs(),
    lambda a, b, c: corex.complex(a, b).sgn().real + corex.complex(b, a).angle(),
    lambda a, b, c: corex.complex(a, b).conj_physical().imag + a.angle(),
    lambda a, b, c: a.norm(),
    lambda a, b, c: a.norm(dim=1, keepdim=True),
    lambda a, b, c: a.logsumexp(1),
    lambda a, b, c: corex.div(a, b, rounding_mode="trunc"),
    lambda a, b, c: a**-0.5,
    lambda a, b, c: a.clamp(b, c[0]),
    lambda a, b, c: corex.pow(1, corex.complex(a, b)).real + a.angle(),
    lambda a, b, c: a.sinc(),
    lambda a, b, c: a.erfc(),
    lambda a, b, c: corex.nextafter(a, b),
    lambda a, b, c: corex.poisson(a),
    lambda a, b, c: a.i0() + corex.special.i1(a),
    lambda a, b, c: corex.special.i0e(a) + corex.special.i1e(a),
    lambda a, b, c: a.lgamma(),
    lambda a, b, c: a.digamma(),
    lambda a, b, c: a.polygamma(1),
    lambda a, b, c: a.erfinv(),
    lambda a, b, c: corex.igamma(a.detach(), b),
    lambda a, b, c: corex.igammac(a.detach(), b),
    lambda a, b, c: corex.cdist(a, b),
    lambda a, b, c: a.scatter_reduce(0, corex.tensor([[0, 2, 0]]), b, "prod"),
    lambda a, b, c: a.nanmedian(),
    lambda a, b, c: corex.linalg.matrix_exp(a),
    lambda a, b, c: corex.linalg.pinv(a),
    lambda a, b, c: corex.cholesky_solve(a, b.tril()),
    lambda a, b, c: a.logcumsumexp(1),
    lambda a, b, c: a.logit(),
    lambda a, b, c: corex.logaddexp(a, b),
    lambda a, b, c: corex.xlogy(a, b),
    lambda a, b, c: corex.addcmul(a, b, c[0]),
    lambda a, b, c: corex.addcdiv(a, b, c[0]),
    lambda a, b, c: corex.lerp(a, b, c[0]),
    lambda a, b, c: a.nansum(),
    lambda a, b, c: a.var(),
    lambda a, b, c: a.std(1),
    lambda a, b, c: a.max() + a.min() * a.median(),
]


def test_gradients_of_compositions() -> None:
    seen: set[str] = set()
    for function in CALLS:
        corex.manual_seed(2)
        a, b, c = leaf(3, 3), leaf(3, 3), leaf(3)
        out = function(a, b, c)
        weights = corex.rand(*out.shape, dtype=corex.float64)
        leaves = [a, b, c]
        expected = corex.autograd.grad(
            (out * weights).sum(), leaves, retain_graph=True, materialize_grads=True
        )
        with checked() as labels:
            found = corex.autograd.grad((out * weights).sum(), leaves, materialize_grads=True)
        assert [g.tolist() for g in found] == [g.tolist() for g in expected]
        seen |= labels
    assert {schema.label for schema in COMPOSED.values()} - seen == set()


def test_gradients_of_views_and_copies() -> None:
    x = leaf(4, 6)
    parts: list[Callable[[Any], Any]] = [
        lambda t: t.view(6, 4), lambda t: t.permute(1, 0), lambda t: t.transpose(0, 1),
        lambda t: t.t(), lambda t: t[None].squeeze(), lambda t: t[None].squeeze(0),
        lambda t: t[None].squeeze((0, 1)), lambda t: t.unsqueeze(1), lambda t: t.expand(3, 4, 6),
        lambda t: t.expand(4, 6), lambda t: t.view_as(t), lambda t: t[1:, ::2], lambda t: t[1],
        lambda t: t[:, 2], lambda t: t[..., 1:], lambda t: t.split(2)[1],
        lambda t: t.split([1, 3])[1],
        lambda t: t.select(1, 0), lambda t: t.unbind(1)[2], lambda t: t.diagonal(),
        lambda t: t.unfold(1, 3, 2), lambda t: t.as_strided((2, 2), (6, 1), 3),
        lambda t: t.clone(), lambda t: t.float(), lambda t: t.flip(0), lambda t: t.roll(1),
        lambda t: corex.cat((t, t)), lambda t: corex.stack((t, t)), lambda t: t.tril(),
        lambda t: t.narrow(0, 1, 2), lambda t: t.index_select(0, corex.tensor([1, 1])),
        lambda t: corex.atleast_3d(t) if hasattr(corex, "atleast_3d") else t,
    ]  # fmt: skip
    for part in parts:
        out = part(x)
        weights = corex.rand(*out.shape, dtype=out.dtype)
        (expected,) = corex.autograd.grad((out * weights).sum(), x, retain_graph=True)
        (out * weights).sum().backward(retain_graph=True)
        plain, x.grad = x.grad, None
        with checked():
            (out * weights).sum().backward()
        assert x.grad.tolist() == plain.tolist() == expected.tolist()
        assert not x.grad._is_view()
        assert x.grad.storage().nbytes() == x.nbytes
        x.grad = None
