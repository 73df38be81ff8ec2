"""opt_einsum: contractions of tensors, along its paths and through its expressions."""

from __future__ import annotations

import numpy as np
import opt_einsum
import pytest

import corex
from tests.downstream.comparing import check

_random = np.random.default_rng(0)
DATA = {
    "a": _random.normal(size=(2, 3, 4)), "b": _random.normal(size=(4, 3, 5)),
    "c": _random.normal(size=(5, 2)), "d": _random.normal(size=(2, 2)),
}  # fmt: skip
CALLS = """
opt_einsum.contract("ijk,kjl,li->", a, b, c)
opt_einsum.contract("ijk,kjl->il", a, b)
opt_einsum.contract("ijk,kjl,li->i", a, b, c)
opt_einsum.contract("ijk->kji", a)
opt_einsum.contract("ij,ij->ij", d, d)
opt_einsum.contract("ii->i", d)
opt_einsum.contract("...k,kjl->...jl", a, b)
opt_einsum.contract("ijk,kjl,lm,mi->", a, b, c, d, optimize="greedy")
opt_einsum.contract("ijk,kjl,lm,mi->", a, b, c, d, optimize="optimal")
opt_einsum.contract("ijk,kjl,lm,mi->", a, b, c, d, optimize="dp", memory_limit=1000)
opt_einsum.contract(a, [0, 1, 2], b, [2, 1, 3], [0, 3])
opt_einsum.contract("αβγ,γβδ->αδ", a, b)
opt_einsum.contract("ijk,kjl->il", a, b, use_blas=False)
opt_einsum.contract_expression("ijk,kjl,li->i", a.shape, b.shape, c.shape)(a, b, c)
opt_einsum.contract_expression("ijk,kjl->il", a, b.shape, constants=[0])(b)
""".strip().split("\n")


@pytest.mark.parametrize("call", CALLS)
def test_contractions(call: str) -> None:
    check(call, {"opt_einsum": opt_einsum}, DATA, rtol=1e-10)


def test_arrays_in_corex() -> None:
    """An expression of arrays, computed by corex: arrays go in and come out."""
    expression = opt_einsum.contract_expression("ijk,kjl->il", (2, 3, 4), (4, 3, 5))
    found = expression(DATA["a"], DATA["b"], backend="corex")
    assert isinstance(found, np.ndarray)
    np.testing.assert_allclose(found, np.einsum("ijk,kjl->il", DATA["a"], DATA["b"]))
    constant = opt_einsum.contract_expression(
        "ijk,kjl,li->i", DATA["a"], DATA["b"], (5, 2), constants=[0, 1]
    )
    found = constant(DATA["c"], backend="corex")
    assert isinstance(found, np.ndarray)
    expected = np.einsum("ijk,kjl,li->i", DATA["a"], DATA["b"], DATA["c"])
    np.testing.assert_allclose(found, expected)


def test_gradients() -> None:
    a, b, c = (corex.tensor(DATA[name], requires_grad=True) for name in "abc")
    opt_einsum.contract("ijk,kjl,li->", a, b, c).backward()
    expected = np.einsum("kjl,li->ijk", DATA["b"], DATA["c"])
    np.testing.assert_allclose(a.grad.numpy(), expected, rtol=1e-10)


def test_shared_intermediates() -> None:
    a, b, c = (corex.tensor(DATA[name]) for name in "abc")
    with opt_einsum.shared_intermediates() as cache:
        first = opt_einsum.contract("ijk,kjl,li->", a, b, c)
        size = len(cache)
        second = opt_einsum.contract("ijk,kjl,li->", a, b, c)
    assert len(cache) == size > 0
    assert first.item() == second.item()
