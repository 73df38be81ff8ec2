"""Sparse tensors as objects: what they are made of, how they are shown, copied, refused."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import corex
import corex.nn.functional as F
from corex.errors import LayoutError


def coordinates(**options: Any) -> Any:
    return corex.sparse_coo_tensor([[0, 1, 1], [2, 0, 2]], [3.0, 4.0, 5.0], (2, 3), **options)


def test_how_they_are_shown() -> None:
    assert repr(coordinates()) == (
        "tensor(indices=tensor([[0, 1, 1],\n"
        "                       [2, 0, 2]]),\n"
        "       values=tensor([3., 4., 5.]),\n"
        "       size=(2, 3), nnz=3, layout=corex.sparse_coo)"
    )
    assert repr(coordinates(dtype=corex.float64, requires_grad=True).to_sparse_csr()) == (
        "tensor(crow_indices=tensor([0, 1, 3]),\n"
        "       col_indices=tensor([2, 0, 2]),\n"
        "       values=tensor([3., 4., 5.]), size=(2, 3), nnz=3, dtype=corex.float64,\n"
        "       layout=corex.sparse_csr, grad_fn=<ToSparseCsrBackward0>)"
    )


def test_they_are_tensors_of_a_layout() -> None:
    x = coordinates()
    assert isinstance(x, corex.Tensor)
    assert x.layout is corex.sparse_coo
    assert x.is_sparse
    assert not x.is_sparse_csr
    assert isinstance(x.layout, corex.layout)
    assert (x.sparse_dim(), x.dense_dim(), x._nnz()) == (2, 0, 3)
    dense = corex.ones(2)
    assert dense.layout is corex.strided
    assert not dense.is_sparse
    assert (dense.sparse_dim(), dense.dense_dim()) == (0, 1)
    assert dense.to_dense() is dense
    assert corex.zeros(2, 3, layout=corex.sparse_coo)._nnz() == 0
    with pytest.raises(RuntimeError, match="values expected sparse tensor layout but got Strided"):
        dense.values()


@pytest.mark.parametrize("make", [lambda x: x, lambda x: x.to_sparse_csr()])
def test_copies(make: Any) -> None:
    x = make(coordinates()).requires_grad_()
    x.tag = "mine"
    for other in (copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert repr(other) == repr(x)
        assert (other.requires_grad, other.tag) == (True, "mine")
        other.detach().mul_(0)
        assert x.to_dense().tolist() == [[0, 0, 3], [4, 0, 5]]


def test_files(tmp_path: Path) -> None:
    x, csr = coordinates(requires_grad=True), coordinates().to_sparse_csr()
    corex.save({"x": x, "more": [csr, corex.ones(2)]}, tmp_path / "a.safetensors")
    found = corex.load(tmp_path / "a.safetensors")
    assert repr(found["x"]) == repr(x)
    assert repr(found["more"][0]) == repr(csr)
    corex.save(csr, tmp_path / "b.safetensors")
    assert repr(corex.load(tmp_path / "b.safetensors")) == repr(csr)


def test_in_place() -> None:
    x = coordinates()
    x.mul_(2).add_(x)
    assert x.to_dense().tolist() == [[0, 0, 12], [16, 0, 20]]
    x.sub_(x)
    assert x.to_dense().tolist() == [[0, 0, 0], [0, 0, 0]]
    x.t_()
    assert tuple(x.shape) == (3, 2)
    x.zero_()
    assert x._nnz() == 0
    x.sparse_resize_((4, 2), 2, 0)
    assert tuple(x.shape) == (4, 2)
    d = corex.ones(2, 3)
    d.add_(coordinates()).mul_(coordinates())
    assert d.tolist() == [[0, 0, 12], [20, 0, 30]]
    leaf = coordinates(requires_grad=True)
    with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
        leaf.mul_(2)


WRONG = {
    "sparse_coo_tensor([[0, 5]], [1.0, 2.0], (3,))": "for dim 0, size is 3 but found index 5",
    "sparse_coo_tensor([[0, -1]], [1.0, 2.0], (3,))": "found negative index -1 for dim 0",
    "sparse_coo_tensor([[0, 1]], [1.0, 2.0, 3.0], (3,))": "must have same nnz",
    "sparse_coo_tensor([[0, 1]], [1.0, 2.0], (3, 2))": "sparse_dim = 1, dense_dim = 0",
    "sparse_csr_tensor([0, 1], [0], [1.0], (2, 2))": r"crow_indices.shape\[-1\] == nrows \+ 1",
    "sparse_csr_tensor([0, 1, 2], [0, 5], [1.0, 2.0], (2, 2), check_invariants=True)": "0 <= col",
    "sparse_csr_tensor([0, 2, 2], [1, 0], [1.0, 2.0], (2, 2), check_invariants=True)": "are sorted",
    "sparse_compressed_tensor([0, 1], [0], [1.0])": "expected sparse compressed tensor layout",
    "ones(2, 3).to_sparse(3)": r"sparse_dim argument must be in \[0,2\] range, but 3 is given",
    "ones(2, 3).to_sparse_bsr((2, 2))": "must be divisible by given blocksize",
}


@pytest.mark.parametrize("call", WRONG)
def test_what_is_refused(call: str) -> None:
    with pytest.raises(RuntimeError, match=WRONG[call]):
        eval(f"corex.{call}", {"corex": corex})


@pytest.mark.parametrize("name", ["mm", "softmax", "sum", "log_softmax"])
def test_arguments_that_are_no_tensors(name: str) -> None:
    arguments = (2, 1) if name != "sum" else (2,)
    with pytest.raises(TypeError, match=rf"{name}\(\): argument 'input'"):
        getattr(corex.sparse, name)(*arguments)
    with pytest.raises(TypeError, match="missing a required argument"):
        coordinates().addmm()
    with pytest.raises(NotImplementedError, match="only sparse tensors have it"):
        corex.ones(2)._indices()


def test_checks_can_be_switched() -> None:
    check = corex.sparse.check_sparse_tensor_invariants
    assert not check.is_enabled()
    with check():
        assert check.is_enabled()
        with pytest.raises(RuntimeError, match="are sorted"):
            corex.sparse_csr_tensor([0, 2, 2], [1, 0], [1.0, 2.0], (2, 2))
    with check(False):
        corex.sparse_coo_tensor([[0, 5]], [1.0, 2.0], (3,))
    corex.sparse_coo_tensor([[0, 5]], [1.0, 2.0], (3,), check_invariants=False)


def _numbers(value: Any) -> Any:
    return value.to_dense().tolist() if isinstance(value, corex.Tensor) else None


# Of the stored elements alone, or random, or not a function of the elements.
OWN = "empty_like rand_like randn_like dropout native_norm is_nonzero"


@pytest.mark.filterwarnings("ignore")
def test_no_function_gives_another_answer_than_of_a_dense_tensor() -> None:
    """Those that have no sparse form say so, with the layout."""
    x, d = coordinates(), corex.full((2, 3), 2.0)
    refused = answered = 0
    functions = {**corex.ops.functions, **{n: getattr(F, n) for n in F.__all__}}
    for name, function in functions.items():
        for args in ((x,), (x, d), (d, x), (x, 1), ([x, x],)):
            try:
                found = function(*args)
            except NotImplementedError as error:
                refused += "sparse" in str(error)
            except (RuntimeError, TypeError, ValueError, IndexError, AttributeError):
                pass
            else:
                dense = [[x.to_dense()] * 2 if type(a) is list else _dense(a) for a in args]
                if isinstance(found, corex.Tensor) and name not in OWN.split():
                    np.testing.assert_allclose(_numbers(found), _numbers(function(*dense)))
                    answered += 1
    assert refused > 400
    assert answered > 100


def _dense(value: Any) -> Any:
    return value.to_dense() if isinstance(value, corex.Tensor) else value


def test_the_error_names_the_function() -> None:
    x = coordinates()
    for call in (lambda: corex.exp(x), lambda: x.exp(), lambda: corex.nn.functional.gelu(x)):
        with pytest.raises(NotImplementedError, match=r"\[(exp|gelu)\] .*sparse_coo"):
            call()
    with pytest.raises(LayoutError, match=r"\[where\] .*sparse_coo"):
        corex.where(corex.ones(2, 3) > 0, x, x)


def test_dense_programs_load_nothing_of_it() -> None:
    code = (
        "import sys, corex; corex.ones(2).add(1).sum(); corex.ones(2).to_dense();"
        "assert not {'corex.sparse', 'corex.ops.sparse'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
