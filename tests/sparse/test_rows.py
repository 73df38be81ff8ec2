"""Embeddings with sparse gradients, and the optimizers that take them, on every backend."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import corex
import corex.nn.functional as F
from corex import nn, optim


def trained(make: Any, sparse: bool, steps: int = 3) -> Any:
    """The weight of an embedding after some steps, of which none uses the last row."""
    layer = nn.Embedding(6, 2, padding_idx=0, sparse=sparse)
    with corex.no_grad():
        layer.weight.copy_(corex.arange(12.0).reshape(6, 2) / 10)
    optimizer = make([layer.weight])
    for i in range(steps):
        optimizer.zero_grad()
        out = layer(corex.tensor([[1, 2, 1], [0, 3 + i % 2, 4]]))
        (out * out * corex.tensor([1.0, 3.0])).sum().backward()
        assert (layer.weight.grad.layout is corex.sparse_coo) is sparse
        optimizer.step()
    return np.array(layer.weight.tolist())


SGDS = [
    {"lr": 0.1},
    {"lr": 0.1, "momentum": 0.9, "dampening": 0.5},
    {"lr": 0.1, "momentum": 0.9, "nesterov": True, "maximize": True},
]


@pytest.mark.parametrize("options", SGDS)
def test_sgd_does_the_same_with_sparse_gradients(
    each_backend: str, options: dict[str, Any]
) -> None:
    def make(params: Any) -> Any:
        return optim.SGD(params, **options)

    np.testing.assert_allclose(trained(make, True), trained(make, False), rtol=1e-5)


def test_gradients_are_the_rows_in_the_order_of_the_indices(each_backend: str) -> None:
    weight = corex.ones(5, 2, requires_grad=True)
    F.embedding(corex.tensor([[1, 2], [1, 0]]), weight, padding_idx=0, sparse=True).sum().backward()
    grad: Any = weight.grad
    assert grad._indices().tolist() == [[1, 2, 1]]
    assert grad.coalesce().to_dense().tolist() == [[0, 0], [2, 2], [1, 1], [0, 0], [0, 0]]
    grad.mul_(2)  # it has memory of its own
    assert grad.to_dense().tolist() == [[0, 0], [4, 4], [2, 2], [0, 0], [0, 0]]
    weight.grad = None
    bags = F.embedding_bag(
        corex.tensor([1, 2, 1, 3]), weight, corex.tensor([0, 2]), mode="mean", sparse=True
    )
    bags.sum().backward()
    grad = weight.grad
    assert grad.to_dense().tolist() == [[0, 0], [1, 1], [0.5, 0.5], [0.5, 0.5], [0, 0]]
    with pytest.raises(ValueError, match="max mode does not support sparse weights"):
        F.embedding_bag(corex.tensor([[1]]), weight, mode="max", sparse=True)


def test_sparse_adam_is_adam_where_the_gradient_is(each_backend: str) -> None:
    """In the first step a gradient of zero moves nothing: there Adam does the same."""
    ours = trained(optim.SparseAdam, True, 1)
    np.testing.assert_allclose(ours, trained(optim.Adam, False, 1), rtol=1e-5)
    later = trained(lambda params: optim.SparseAdam(params, lr=0.1), True, 4)
    start = np.arange(12.0).reshape(6, 2) / 10
    assert later[[0, 5]].tolist() == np.float32(start[[0, 5]]).tolist()
    assert (np.abs(later[1:5] - start[1:5]) > 0.05).all()


def test_what_optimizers_refuse() -> None:
    weight = nn.Parameter(corex.ones(2, 2))
    weight.grad = corex.ones(2, 2).to_sparse()
    for kind in (optim.Adam, optim.AdamW):
        with pytest.raises(RuntimeError, match="does not support sparse gradients"):
            kind([weight]).step()
    with pytest.raises(RuntimeError, match="add.sparse, dense. is not supported"):
        optim.SGD([weight], lr=0.1, weight_decay=0.1).step()
    weight.grad = corex.ones(2, 2)
    with pytest.raises(RuntimeError, match="SparseAdam does not support dense gradients"):
        optim.SparseAdam([weight]).step()
    with pytest.raises(ValueError, match="Invalid learning rate: -1"):
        optim.SparseAdam([weight], lr=-1)
    with pytest.raises(ValueError, match=r"Sparse params at indices \[\[0, 0\]\]"):
        optim.SparseAdam([corex.ones(2, 2).to_sparse()])
