"""Gradients of and through sparse tensors, on every backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import corex

D = np.arange(6.0).reshape(2, 3)
FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "to_dense": lambda x: x.to_dense(),
    "coalesce": lambda x: x.coalesce().to_dense(),
    "values": lambda x: (x * x).coalesce().values(),
    "sin": lambda x: x.sin().to_dense(),
    "sqrt": lambda x: x.sqrt().to_dense(),
    "pow": lambda x: (x**3).to_dense(),
    "mul": lambda x: (x * x).to_dense(),
    "mul dense": lambda x: (x * corex.tensor(D)).to_dense(),
    "div": lambda x: (x / 2).to_dense(),
    "sparse sum": lambda x: corex.sparse.sum(x, 0).to_dense(),
    "sum": lambda x: corex.sparse.sum(x),
    "mm": lambda x: corex.sparse.mm(x, corex.tensor(D).t()),
    "mv": lambda x: x.mv(corex.ones(3, dtype=corex.float64)),
    "sparse mm": lambda x: corex.sparse.mm(x, x.t()).to_dense(),
    "softmax": lambda x: corex.sparse.softmax(x, 1).to_dense(),
    "log_softmax": lambda x: corex.sparse.log_softmax(x, 0).to_dense(),
    "select": lambda x: x[0].to_dense(),
    "index_select": lambda x: x.index_select(1, corex.tensor([2, 0, 2])).to_dense(),
    "narrow": lambda x: x.narrow_copy(1, 1, 2).to_dense(),
    "cat": lambda x: corex.cat([x, 2 * x]).to_dense(),
    "stack": lambda x: corex.stack([x, x]).to_dense(),
    "transpose": lambda x: x.t().to_dense(),
    "unsqueeze": lambda x: x.unsqueeze(1).to_dense(),
    "csr": lambda x: x.to_sparse_csr().to_dense(),
    "csr mm": lambda x: x.to_sparse_csr() @ corex.tensor(D).t(),
    "norm": lambda x: x.norm(),
    "addmm": lambda x: corex.sparse.addmm(corex.ones(2, 2).double(), x, corex.tensor(D).t()),
}
PLACES = ([0, 0, 1], [0, 2, 1])


def of_values(function: Callable[[Any], Any], values: Any) -> Any:
    """The sum of the weighted results, of a sparse tensor with these values."""
    x = corex.sparse_coo_tensor(PLACES, values, (2, 3))
    found = function(x)
    weights = corex.arange(1.0, found.numel() + 1, dtype=corex.float64).reshape(found.shape)
    return (found * weights).sum()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients_are_those_of_finite_differences(each_backend: str, name: str) -> None:
    start = np.array([0.7, 1.3, 2.1])
    values = corex.tensor(start, requires_grad=True)
    of_values(FUNCTIONS[name], values).backward()
    step = 1e-6
    for i in range(3):
        ends = []
        for sign in (1, -1):
            moved = start.copy()
            moved[i] += sign * step
            ends.append(of_values(FUNCTIONS[name], corex.tensor(moved)).item())
        assert values.grad[i].item() == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-5)


def test_a_leafs_gradient_is_sparse_and_accumulates(each_backend: str) -> None:
    x: Any = corex.sparse_coo_tensor([[0, 1], [2, 0]], [1.0, 2.0], (2, 3), requires_grad=True)
    for _ in range(2):
        corex.sparse.mm(x, corex.ones(3, 2)).sum().backward()
    assert x.grad.layout is corex.sparse_coo
    assert x.grad.to_dense().tolist() == [[0, 0, 4], [4, 0, 0]]
    seen: list[Any] = []
    x.register_hook(seen.append)
    (3 * x).to_dense().sum().backward()
    assert seen[0].to_dense().tolist() == [[0, 0, 3], [3, 0, 0]]
    assert x.grad.to_dense().tolist() == [[0, 0, 7], [7, 0, 0]]


def test_sparse_gradients_join_dense_ones(each_backend: str) -> None:
    q = corex.arange(6.0).reshape(2, 3).requires_grad_()
    y = corex.sparse_coo_tensor([[0, 0], [0, 2]], [1.0, 2.0], (2, 3))
    ((y * q).to_dense().sum() + (q * q).sum()).backward()
    assert q.grad.tolist() == [[1, 2, 6], [6, 8, 10]]
    q.grad = None
    (y * q).to_dense().sum().backward()
    assert q.grad.layout is corex.sparse_coo
    (q * q).sum().backward()
    assert q.grad.layout is corex.strided
    assert q.grad.tolist() == [[1, 2, 6], [6, 8, 10]]


def test_second_derivatives(each_backend: str) -> None:
    x: Any = corex.sparse_coo_tensor([[0, 1], [2, 0]], [1.0, 2.0], (2, 3), requires_grad=True)
    (first,) = corex.autograd.grad((x**3).to_dense().sum(), x, create_graph=True)
    assert first.to_dense().tolist() == [[0, 0, 3], [12, 0, 0]]
    (second,) = corex.autograd.grad(first.to_dense().sum(), x)
    assert second.to_dense().tolist() == [[0, 0, 6], [12, 0, 0]]


def test_backward_needs_a_gradient_of_a_sparse_result(each_backend: str) -> None:
    x: Any = corex.sparse_coo_tensor([[0, 1], [2, 0]], [1.0, 2.0], (2, 3), requires_grad=True)
    with pytest.raises(RuntimeError, match="grad can be implicitly created only for"):
        (x * 2).backward()
    (x * 2).backward((x * 3).detach())
    assert x.grad.to_dense().tolist() == [[0, 0, 6], [12, 0, 0]]
    y = corex.sparse.mm(x, corex.ones(3, 2)).sum()
    y.backward()
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()
