"""Sparse tensors against NumPy's dense arrays, on every backend: coordinates that come several
times, dense dims, batches, empty tensors, all kinds of dtypes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import corex

KINDS = {"f": np.float64, "c": np.complex128, "i": np.int64}
SHAPES = [((3, 4), 2), ((3, 4, 2), 2), ((5,), 1), ((2, 3, 2), 3), ((3, 0), 2)]


def made(seed: int, shape: tuple[int, ...], dims: int, kind: str) -> tuple[Any, Any]:
    """A sparse tensor, and the array that it stands for."""
    rng = np.random.default_rng(seed)
    nnz = 0 if 0 in shape else 6
    places = np.stack([rng.integers(0, max(n, 1), nnz) for n in shape[:dims]])
    values = rng.integers(-3, 4, (nnz, *shape[dims:])).astype(KINDS[kind])
    if kind == "c":
        values = values + 1j * rng.integers(-3, 4, values.shape)
    dense = np.zeros(shape, KINDS[kind])
    np.add.at(dense, tuple(places), values)
    t = corex.sparse_coo_tensor(corex.tensor(places), corex.tensor(values), shape)
    return t, dense


def whole(t: Any) -> Any:
    """The array of a sparse or dense tensor."""
    return np.asarray(t.to_dense().tolist()).reshape(t.shape)


OPS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "to_dense": (lambda a, b: a, lambda a, b: a),
    "coalesce": (lambda a, b: a.coalesce(), lambda a, b: a),
    "add": (lambda a, b: a + b, lambda a, b: a + b),
    "add coalesced": (lambda a, b: a.coalesce() + b.coalesce(), lambda a, b: a + b),
    "sub": (lambda a, b: a.sub(b, alpha=2), lambda a, b: a - 2 * b),
    "mul": (lambda a, b: a.coalesce() * b.coalesce(), lambda a, b: a * b),
    "mul uncoalesced": (lambda a, b: a * b, lambda a, b: a * b),
    "mul dense": (lambda a, b: a * b.to_dense(), lambda a, b: a * b),
    "dense add": (lambda a, b: b.to_dense() + a, lambda a, b: a + b),
    "number": (lambda a, b: 3 * a, lambda a, b: a * 3),
    "div": (lambda a, b: a / 4, lambda a, b: a / 4),
    "neg": (lambda a, b: -a, lambda a, b: -a),
    "square": (lambda a, b: a.square(), lambda a, b: a * a),
    "sum": (lambda a, b: a.sum(), lambda a, b: a.sum()),
    "sum 0": (lambda a, b: a.sum(0), lambda a, b: a.sum(0)),
    "sum last": (lambda a, b: a.sum(-1), lambda a, b: a.sum(-1)),
    "cat": (lambda a, b: corex.cat([a, b], 0), lambda a, b: np.concatenate([a, b], 0)),
    "cat last": (lambda a, b: corex.cat([a, b], -1), lambda a, b: np.concatenate([a, b], -1)),
    "stack": (lambda a, b: corex.stack([a, b], 1), lambda a, b: np.stack([a, b], 1)),
    "rows": (lambda a, b: a.index_select(0, corex.tensor([1, 1, 0])), lambda a, b: a[[1, 1, 0]]),
    "row": (lambda a, b: a[1], lambda a, b: a[1]),
    "last row": (lambda a, b: a.narrow_copy(0, 1, 1), lambda a, b: a[1:2]),
    "unsqueeze": (lambda a, b: a.unsqueeze(0), lambda a, b: a[None]),
    "mask": (lambda a, b: a.sparse_mask(b.coalesce()), lambda a, b: np.where(b != 0, a, 0)),
    "clone": (lambda a, b: a.clone().detach(), lambda a, b: a),
    "round trip": (lambda a, b: a.to_dense().to_sparse(1), lambda a, b: a),
}
MATRICES: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "csr": (lambda a, b: a.to_sparse_csr(), lambda a, b: a),
    "csc": (lambda a, b: a.to_sparse_csc(), lambda a, b: a),
    "bsr": (lambda a, b: a.to_sparse_bsr((1, 2)), lambda a, b: a),
    "bsc": (lambda a, b: a.to_dense().to_sparse_bsc((3, 2)), lambda a, b: a),
    "there and back": (lambda a, b: a.to_sparse_csc().to_sparse_csr().to_sparse(), lambda a, b: a),
    "t": (lambda a, b: a.t(), lambda a, b: a.T),
    "csr t": (lambda a, b: a.to_sparse_csr().t(), lambda a, b: a.T),
    "mm": (lambda a, b: a @ b.to_dense().t(), lambda a, b: a @ b.T),
    "dense mm": (lambda a, b: b.to_dense() @ a.t(), lambda a, b: b @ a.T),
    "sparse mm": (lambda a, b: a @ b.t(), lambda a, b: a @ b.T),
    "csr mm": (lambda a, b: a.to_sparse_csr() @ b.to_dense().t(), lambda a, b: a @ b.T),
    "csr csc": (lambda a, b: a.to_sparse_csr() @ b.to_sparse_csr().t(), lambda a, b: a @ b.T),
    "mv": (lambda a, b: a @ b.to_dense()[0], lambda a, b: a @ b[0]),
    "addmm": (
        lambda a, b: corex.addmm(b.to_dense()[:, :3], a, b.to_dense().t(), alpha=2),
        lambda a, b: b[:, :3] + 2 * a @ b.T,
    ),
    "hspmm": (lambda a, b: corex.hspmm(a, b.to_dense().t()), lambda a, b: a @ b.T),
    "smm": (lambda a, b: corex.smm(a, b.to_dense().t()), lambda a, b: a @ b.T),
    "csr add": (lambda a, b: a.to_sparse_csr() + b.to_sparse_csr(), lambda a, b: a + b),
    "csr mul": (lambda a, b: a.to_sparse_csr() * b.to_sparse_csr(), lambda a, b: a * b),
    "csr sum": (
        lambda a, b: a.to_sparse_csr().sum(1, keepdim=True),
        lambda a, b: a.sum(1)[:, None],
    ),
    "bmm": (
        lambda a, b: corex.bmm(corex.stack([a, b]), corex.stack([b, a]).to_dense().transpose(1, 2)),
        lambda a, b: np.stack([a @ b.T, b @ a.T]),
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_ops(each_backend: str, kind: str) -> None:
    for seed, (shape, dims) in enumerate(SHAPES):
        (a, x), (b, y) = made(seed, shape, dims, kind), made(seed + 9, shape, dims, kind)
        for name, (ours, theirs) in OPS.items():
            if len(shape) == 1 and name in ("row", "round trip", "last row"):
                continue
            assert a.backend == each_backend
            if name == "mask":  # values that are stored, and zero, are masked in as well
                b, y = b.coalesce(), np.ones_like(y)
                y[tuple(slice(None) for _ in shape)] = 0
                y[tuple(np.asarray(b.indices().tolist(), int).reshape(dims, -1))] = 1
            found, wanted = whole(ours(a, b)), theirs(x, y)
            assert found.shape == np.shape(wanted), name
            np.testing.assert_allclose(found, wanted, err_msg=name)


@pytest.mark.parametrize("kind", KINDS)
def test_matrices(each_backend: str, kind: str) -> None:
    (a, x), (b, y) = made(1, (3, 4), 2, kind), made(2, (3, 4), 2, kind)
    for name, (ours, theirs) in MATRICES.items():
        np.testing.assert_allclose(whole(ours(a, b)), theirs(x, y), err_msg=name)


def test_batches_of_matrices(each_backend: str) -> None:
    dense = np.zeros((2, 3, 4))
    dense[0, 0, 1], dense[0, 2, 3], dense[1, 1, 0], dense[1, 2, 2] = 1, 2, 3, 4
    t = corex.tensor(dense)
    for layout in (corex.sparse_csr, corex.sparse_csc):
        s: Any = t.to_sparse(layout=layout)
        assert s.layout is layout
        assert s._nnz() == 2
        assert whole(s).tolist() == dense.tolist()
        assert whole(s[1]).tolist() == dense[1].tolist()
        assert whole(s.to_sparse()).tolist() == dense.tolist()
        assert whole(s.transpose(1, 2)).tolist() == dense.transpose(0, 2, 1).tolist()
    with pytest.raises(RuntimeError, match="same number of specified elements"):
        corex.tensor([[[1.0, 1.0]], [[0.0, 1.0]]]).to_sparse_csr()


def test_softmax_is_that_of_the_stored_elements(each_backend: str) -> None:
    t = corex.sparse_coo_tensor([[0, 0, 1], [0, 2, 1]], [1.0, 2.0, 5.0], (2, 3))
    e = np.exp([1.0, 2.0])
    found = corex.sparse.softmax(t, 1)
    np.testing.assert_allclose(whole(found), [[e[0] / e.sum(), 0, e[1] / e.sum()], [0, 1, 0]], 1e-6)
    logs = corex.sparse.log_softmax(t, 1).to_dense()
    np.testing.assert_allclose(logs[0, 2].item(), np.log(e[1] / e.sum()), 1e-6)


def test_functions_that_leave_zero_zero(each_backend: str) -> None:
    t = corex.sparse_coo_tensor([[0, 0, 1], [2, 2, 0]], [0.25, 0.25, 0.75], (2, 3))
    names = "abs asin asinh atan atanh ceil erf expm1 floor frac log1p relu sgn sin sqrt"
    for name in names.split():
        expected = getattr(corex, name)(t.to_dense())
        found = getattr(t, name)()
        assert found.is_coalesced()
        assert repr(found.to_dense()) == repr(expected), name
        assert repr(getattr(corex, name)(t).to_dense()) == repr(expected), name


def test_diagonals_and_sampled_products(each_backend: str) -> None:
    rows = corex.arange(9.0).reshape(3, 3)
    found = corex.sparse.spdiags(rows, corex.tensor([0, -1, 2]), (3, 3))
    assert found.to_dense().tolist() == [[0, 0, 8], [3, 1, 0], [0, 4, 2]]
    mask: Any = corex.tensor([[0.0, 1.0], [2.0, 0.0]]).to_sparse_csr()
    a, b = corex.ones(2, 3), corex.full((3, 2), 2.0)
    assert corex.sparse.sampled_addmm(mask, a, b, beta=0.5).to_dense().tolist() == [
        [0, 6.5],
        [7, 0],
    ]
