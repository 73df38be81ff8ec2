"""Sparse tensors against PyTorch: results as they are shown, errors, gradients, and generated
patterns of every kind and dtype."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

import corex
from tests.sparse.samples import gradients, lines, outcome


@pytest.fixture(autouse=True)
def _beta_state() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize("line", lines("calls.txt"))
def test_calls(line: str) -> None:
    assert outcome(corex, line) == outcome(torch, line)


@pytest.mark.parametrize("uncoalesced", [False, True])
@pytest.mark.parametrize("line", lines("gradients.txt"))
def test_gradients(line: str, uncoalesced: bool) -> None:
    ours, theirs = gradients(corex, line, uncoalesced), gradients(torch, line, uncoalesced)
    assert ours.dense.keys() == theirs.dense.keys()
    for name, value in theirs.dense.items():
        np.testing.assert_allclose(ours.dense[name], value, rtol=1e-6)
    if line not in OTHER_NODES:
        assert (ours.label, ours.layouts) == (theirs.label, theirs.layouts)


OTHER_NODES = {
    "x[0, 2]": "a gradient of one element is sparse",
    "xp.sparse.sum(x, (0, 1))": "the sum of all values is that of a dense tensor",
}

# ---- generated patterns --------------------------------------------------------------------------
KINDS = "float32 float64 float16 complex64 int64 int32 uint8 bool".split()
SHAPES = [((4, 5), 2), ((3, 4, 2), 2), ((6,), 1), ((2, 3, 4), 3), ((3, 0), 2), ((4, 3), 1)]


def pattern(xp: Any, seed: int, shape: tuple[int, ...], dims: int, dtype: str) -> Any:
    """Coordinates, some of them twice, with small whole values."""
    rng = np.random.default_rng(seed)
    nnz = 0 if 0 in shape else int(rng.integers(0, 9))
    indices = np.stack([rng.integers(0, max(n, 1), nnz) for n in shape[:dims]])
    values = rng.integers(0, 5, (nnz, *shape[dims:]))
    made = xp.tensor(values.tolist(), dtype=getattr(xp, dtype)).reshape(nnz, *shape[dims:])
    places = xp.tensor(indices.tolist(), dtype=xp.int64).reshape(dims, nnz)
    return xp.sparse_coo_tensor(places, made, shape)


OPS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "coalesce": lambda xp, a, b: a.coalesce(),
    "add": lambda xp, a, b: a + b,
    "sub": lambda xp, a, b: a.sub(b, alpha=2),
    "mul": lambda xp, a, b: a * b,
    "mul coalesced": lambda xp, a, b: a.coalesce() * b.coalesce(),
    "number": lambda xp, a, b: a * 3,
    "float": lambda xp, a, b: a * 2.5,
    "div": lambda xp, a, b: a / 2,
    "dense": lambda xp, a, b: a * b.to_dense(),
    "to dense": lambda xp, a, b: b.to_dense() + a,
    "mask": lambda xp, a, b: a.sparse_mask(b.coalesce()),
    "neg": lambda xp, a, b: -a,
    "sin": lambda xp, a, b: a.sin(),
    "isnan": lambda xp, a, b: a.isnan(),
    "sum": lambda xp, a, b: a.sum(),
    "sparse sum": lambda xp, a, b: xp.sparse.sum(a, 0),
    "last sum": lambda xp, a, b: xp.sparse.sum(a, -1),
    "cat": lambda xp, a, b: xp.cat([a, b], -1),
    "stack": lambda xp, a, b: xp.stack([a, b]),
    "index": lambda xp, a, b: a.index_select(0, xp.tensor([1, 1, 0])),
    "select": lambda xp, a, b: a.select(0, 1),
    "transpose": lambda xp, a, b: a.transpose(0, 1),
    "unsqueeze": lambda xp, a, b: a.unsqueeze(1),
    "double": lambda xp, a, b: a.double(),
    "zeros": lambda xp, a, b: xp.zeros_like(a),
    "csr": lambda xp, a, b: a.to_sparse_csr(),
    "csc": lambda xp, a, b: a.to_sparse_csc(),
    "mm": lambda xp, a, b: a @ b.to_dense().t(),
    "sparse mm": lambda xp, a, b: a @ b.t(),
    "csr mm": lambda xp, a, b: a.to_sparse_csr() @ b.to_dense().t(),
    "csr add": lambda xp, a, b: a.to_sparse_csr() + b.to_sparse_csr(),
    "blocks": lambda xp, a, b: a.to_dense().to_sparse_bsr((2, 5)),
    "softmax": lambda xp, a, b: xp.sparse.softmax(a, 0),
    "log_softmax": lambda xp, a, b: xp.sparse.log_softmax(a, -1),
}


def _found(xp: Any, name: str, seed: int, shape: tuple[int, ...], dims: int, dtype: str) -> Any:
    a, b = (pattern(xp, seed + i, shape, dims, dtype) for i in range(2))
    try:
        result = OPS[name](xp, a, b)
        dense = result.to_dense() if result.layout is not xp.strided else result
    except (IndexError, RuntimeError, TypeError):
        return None
    layout = str(result.layout).rpartition(".")[2]
    sizes: Any = tuple(result.shape)
    if layout == "sparse_coo":
        # Of others it depends on the order in which PyTorch walks over the elements.
        stored = result._nnz() if result.is_coalesced() else None
        sizes = (sizes, result.sparse_dim(), stored)
    return layout, sizes, str(result.dtype).rpartition(".")[2], dense.tolist()


@pytest.mark.parametrize("dtype", KINDS)
@pytest.mark.parametrize("name", OPS)
def test_generated_patterns(name: str, dtype: str) -> None:
    for seed in range(12):
        shape, dims = SHAPES[seed % len(SHAPES)]
        theirs = _found(torch, name, 7 * seed, shape, dims, dtype)
        ours = _found(corex, name, 7 * seed, shape, dims, dtype)
        if theirs is None:
            continue  # PyTorch has it not for this dtype or shape
        assert ours is not None, (shape, dims)
        assert ours[:3] == theirs[:3], (shape, dims)
        np.testing.assert_allclose(
            np.asarray(ours[3], complex), np.asarray(theirs[3], complex),
            rtol=1e-3 if dtype == "float16" else 1e-6, atol=1e-6,
        )  # fmt: skip


# ---- rows ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["SparseAdam", "SGD"])
def test_training_an_embedding(kind: str) -> None:
    found = []
    for xp in (corex, torch):
        layer: Any = xp.nn.Embedding(6, 2, padding_idx=0, sparse=True)
        with xp.no_grad():
            layer.weight.copy_(xp.arange(12.0).reshape(6, 2) / 10)
        options = {"momentum": 0.9} if kind == "SGD" else {}
        optimizer = getattr(xp.optim, kind)([layer.weight], lr=0.1, **options)
        for i in range(5):
            optimizer.zero_grad()
            out = layer(xp.tensor([[1, 2, 1], [0, 3 + i % 2, 4]]))
            (out * out).sum().backward()
            optimizer.step()
        found.append((repr(layer.weight.grad).replace("corex", "torch"), layer.weight.tolist()))
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-5)
    assert found[0][0].splitlines()[0] == found[1][0].splitlines()[0]
