"""The rules of shapes know every kernel, and refuse no call that corex makes."""

from __future__ import annotations

import warnings
from typing import Any

import corex
from corex.backend.graph.rules import NUMERIC, RULES, shape_problem
from corex.backend.signatures import SIGNATURES
from corex.observe.events import OpCall, TensorSpec
from tests.compiler.toy import Bare, installed
from tests.dispatch.test_interpreters import Trainer


def test_every_kernel_has_a_rule() -> None:
    lists = {name for name, signature in SIGNATURES.items() if signature.lists}
    assert RULES.keys() == SIGNATURES.keys() - lists
    assert "where" in NUMERIC
    assert not {"matmul", "softmax_backward", "neg"} & NUMERIC


class Calls:
    """An observer that asks the rules about every call of a kernel."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.wrong: list[Any] = []

    def __call__(self, call: OpCall) -> None:
        if call.how not in ("native", "fallback") or call.op not in RULES:
            return
        self.seen.add(call.op)
        ins: list[Any] = [one.shape if isinstance(one, TensorSpec) else one for one in call.inputs]
        indices = []
        if call.op == "index_put":
            ins, indices = ins[:1], ins[1:]
        outs = [one.shape for one in call.outputs if isinstance(one, TensorSpec)]
        if why := shape_problem(call.op, outs, ins, call.params, indices):
            self.wrong.append((call.op, why))


def program() -> None:
    """Of every family something, forward and backward."""
    f = corex.nn.functional
    x = corex.randn(2, 3, 8, 8, requires_grad=True)
    w = corex.randn(4, 3, 3, 3, requires_grad=True)
    y = f.conv2d(x, w, corex.randn(4, requires_grad=True), stride=2, padding=1)
    y = f.max_pool2d(y, 2) + f.avg_pool2d(y, 2)
    z = f.gelu(y).flatten(1).softmax(1).log_softmax(0)
    z = f.layer_norm(z, (16,), corex.ones(16, requires_grad=True), corex.zeros(16))
    a = f.linear(z, corex.randn(5, 16, requires_grad=True), corex.randn(5))
    b = (a.unsqueeze(0) @ corex.randn(1, 5, 5)).cumsum(-1).tril()
    loss = f.mse_loss(b, corex.randn(1, 2, 5)) + f.cross_entropy(a, corex.tensor([1, 2]))
    (loss + b.amax() + b.prod() + b.var() + b.sort()[0].sum()).backward()
    t = corex.arange(12.0).reshape(3, 4)
    t[corex.tensor([0, 2])] = t[corex.tensor([1, 1])] * 2
    t.gather(1, corex.tensor([[0, 3]])).nonzero()
    t.scatter_add_(1, corex.tensor([[0, 1], [2, 2]]), t.clone())
    corex.where(t > 3, t, 0.0).argmax(), (t != 0).all(), t.isnan().any(), t.median()


def test_no_call_is_refused(each_backend: str) -> None:
    calls = Calls()
    with corex.observe(calls):
        program()
        for optimizer in ("SGD", "AdamW"):
            Trainer(optimizer).step(*Trainer(optimizer).load(0))
    assert calls.wrong == []
    assert len(calls.seen) > (45 if each_backend == "cpu_c" else 30)


def test_no_part_of_a_decomposition_is_refused() -> None:
    calls = Calls()
    with (
        installed(Bare) as name,
        corex.use_backend(name),
        corex.observe(calls),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        program()
    assert calls.wrong == []
    assert {"sum", "matmul", "index", "index_put", "argsort"} & calls.seen
