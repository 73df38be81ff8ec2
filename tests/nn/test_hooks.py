"""Hooks around forward and backward."""

from __future__ import annotations

from typing import Any

import pytest

import corex
from corex import nn


class Double(nn.Module):
    def forward(self, x: Any, factor: float = 2.0) -> Any:
        return x * factor


def test_hooks_see_and_replace_arguments_and_results() -> None:
    module = Double()
    seen: list[Any] = []
    x = corex.ones(2)
    first = module.register_forward_pre_hook(lambda m, args: seen.append((m, args)))
    second = module.register_forward_hook(lambda m, args, out: seen.append((m, args, out)))
    out = module(x)
    assert seen == [(module, (x,)), (module, (x,), out)]
    first.remove()
    first.remove()
    second.remove()
    module(x)
    assert len(seen) == 2
    assert not module._hooked
    with module.register_forward_pre_hook(lambda m, args: (args[0] + 1,)):
        assert module(x).tolist() == [4.0, 4.0]
    with module.register_forward_hook(lambda m, args, out: out + 1):
        assert module(x).tolist() == [3.0, 3.0]
    assert module(x).tolist() == [2.0, 2.0]


def test_hooks_with_keywords() -> None:
    module = Double()
    with module.register_forward_pre_hook(
        lambda m, args, kwargs: (args, {"factor": 5.0}), with_kwargs=True
    ):
        assert module(corex.ones(1), factor=1.0).tolist() == [5.0]
    with module.register_forward_hook(
        lambda m, args, kwargs, out: out + kwargs["factor"], with_kwargs=True
    ):
        assert module(corex.ones(1), factor=3.0).tolist() == [6.0]
    module.register_forward_pre_hook(lambda m, args, kwargs: 3, with_kwargs=True)
    with pytest.raises(RuntimeError, match="tuple of \\(new_args, new_kwargs\\)"):
        module(corex.ones(1))


def test_order_and_prepend() -> None:
    module = Double()
    order: list[int] = []
    module.register_forward_hook(lambda *_: order.append(1))
    module.register_forward_hook(lambda *_: order.append(2))
    module.register_forward_hook(lambda *_: order.append(0), prepend=True)
    module(corex.ones(1))
    assert order == [0, 1, 2]
    module._forward_hooks.clear()
    module(corex.ones(1))
    assert order == [0, 1, 2]


def test_full_backward_hooks(each_backend: str) -> None:
    layer = nn.Linear(2, 1, bias=False)
    with corex.no_grad():
        layer.weight.copy_(corex.tensor([[2.0, 3.0]]))
    seen: list[Any] = []
    layer.register_full_backward_pre_hook(lambda m, grads: (grads[0] * 10,))
    layer.register_full_backward_hook(lambda m, grad_in, grad_out: seen.append((grad_in, grad_out)))
    x = corex.ones(1, 2, requires_grad=True)
    layer(x).sum().backward()
    ((grad_in,), (grad_out,)) = seen[0]
    assert grad_out.tolist() == [[10.0]]
    assert grad_in.tolist() == [[20.0, 30.0]]
    assert x.grad.tolist() == [[20.0, 30.0]]
    assert layer.weight.grad.tolist() == [[10.0, 10.0]]


def test_a_backward_hook_may_replace_the_gradient() -> None:
    layer = Double()
    layer.register_full_backward_hook(lambda m, grad_in, grad_out: (grad_in[0] * 0,))
    x = corex.ones(2, requires_grad=True)
    layer(x).sum().backward()
    assert x.grad.tolist() == [0.0, 0.0]


def test_a_backward_hook_runs_without_differentiable_inputs() -> None:
    layer = nn.Linear(2, 1)
    seen: list[Any] = []
    layer.register_full_backward_hook(lambda m, grad_in, grad_out: seen.append(grad_in))
    layer(corex.ones(1, 2)).sum().backward()
    assert seen == [(None,)]
