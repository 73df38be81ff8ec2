"""Ops that work along the last dim, along any other: nothing is copied to put results in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import corex
import corex.nn.functional as F
from corex import Tensor
from corex.backend import KernelChoice
from corex.observe.events import observe
from corex.plugins import hookimpl, manager

A = np.random.default_rng(0).normal(size=(4, 5, 6))
INDEX = np.random.default_rng(1).integers(0, 4, (4, 5, 6))
SOME = np.array([3, 0, 0, 2, 1, 3, 2])


def softmax(a: Any, dim: int) -> Any:
    e = np.exp(a - a.max(dim, keepdims=True))
    return e / e.sum(dim, keepdims=True)


def added(a: Any, dim: int) -> Any:
    result = a.copy()
    grid = list(np.indices(a.shape))
    grid[dim] = INDEX
    np.add.at(result, tuple(grid), A)
    return result


# What is computed, and the same in NumPy.
OPS: dict[str, tuple[Callable[[Tensor, int], Any], Callable[[Any, int], Any]]] = {
    "softmax": (F.softmax, softmax),
    "log_softmax": (F.log_softmax, lambda a, d: np.log(softmax(a, d))),
    "cumsum": (lambda t, d: t.cumsum(d), lambda a, d: a.cumsum(d)),
    "argsort": (lambda t, d: t.detach().argsort(d), lambda a, d: a.argsort(d)),
    "sort": (lambda t, d: t.sort(d).values, lambda a, d: np.sort(a, d)),
    "gather": (
        lambda t, d: t.gather(d, corex.tensor(INDEX)),
        lambda a, d: np.take_along_axis(a, INDEX, d),
    ),
    "index": (
        lambda t, d: t[(slice(None),) * d + (corex.tensor(SOME),)],
        lambda a, d: a.take(SOME, d),
    ),
    "scatter_add": (
        lambda t, d: t.scatter_add(d, corex.tensor(INDEX), corex.tensor(A)),
        added,
    ),
}
# What must be there besides: the input that scatter_add adds to.
COPIES = {"scatter_add": 1}
# Those whose gradients copy nothing either. (That of cumsum turns its columns around.)
BACKWARD = ("softmax", "log_softmax", "sort", "gather", "index", "scatter_add")


def watched(function: Callable[[], Any]) -> tuple[Any, list[str]]:
    """The result and the ops that ran."""
    found: list[str] = []
    with observe(lambda event: found.append(event.op)):
        return function(), found


def is_plain(t: Tensor) -> bool:
    """Row-major, no view, and with no more memory than it shows."""
    return t.is_contiguous() and t._base is None and t.storage_.nbytes() == t.nbytes


@pytest.mark.parametrize("dim", [0, 1])
@pytest.mark.parametrize("op", OPS)
def test_nothing_is_copied(each_backend: str, op: str, dim: int) -> None:
    ours, theirs = OPS[op]
    for requires_grad in (False, True):
        t = corex.tensor(A, requires_grad=requires_grad)
        result, ran = watched(lambda t=t: ours(t, dim))
        assert ran.count("copy") == COPIES.get(op, 0), ran
        assert is_plain(result)
        np.testing.assert_allclose(result.detach().numpy(), theirs(A, dim), 1e-12, 1e-12)
        if requires_grad and op in BACKWARD:
            (g,), ran = watched(lambda r=result, t=t: corex.autograd.grad(r, t, corex.ones_like(r)))
            assert "copy" not in ran, ran
            assert is_plain(g)


@pytest.mark.parametrize("op", ["softmax", "log_softmax", "gather", "index"])
def test_a_leaf_keeps_the_gradient_that_was_made_for_it(each_backend: str, op: str) -> None:
    t = corex.tensor(A, requires_grad=True)
    result = OPS[op][0](t, 1)
    _, ran = watched(lambda: result.backward(corex.tensor(np.ones(result.shape))))
    assert "copy" not in ran, ran
    assert t.grad is not None
    assert is_plain(t.grad)


def test_gradients_of_permutations_are_kept_apart(each_backend: str) -> None:
    """One gradient for several leaves, some of it in another order, some of it kept by the user."""
    a, b, c = (corex.ones(1, 3, requires_grad=True) for _ in range(3))
    given = corex.tensor([[1.0], [2.0], [3.0]])
    (a.permute(1, 0) + b.permute(1, 0) + c.reshape(3, 1)).backward(given)
    a.permute(1, 0).backward(given)
    for leaf, factor in ((a, 2), (b, 1), (c, 1)):
        assert leaf.grad is not None
        assert leaf.grad.tolist() == [[factor, 2 * factor, 3 * factor]]
        leaf.grad.zero_()
    assert given.flatten().tolist() == [1, 2, 3]


@pytest.mark.parametrize("dim", [0, 1, 2])
@pytest.mark.parametrize("op", OPS)
def test_results_are_row_major_whatever_the_input(each_backend: str, op: str, dim: int) -> None:
    """But for those of sorts and index tensors, which lie as the input does."""
    ours, theirs = OPS[op]
    whole = corex.tensor(np.repeat(A, 2, 1))
    inputs = {
        "transposed": corex.tensor(A.transpose(2, 0, 1).copy()).permute(1, 2, 0),
        "stepped": whole[:, ::2],
        "expanded": corex.tensor(A[:1]).expand(4, 5, 6),
        "of one column": corex.tensor(A[:, :1]).expand(4, 5, 6),
    }
    for name, t in inputs.items():
        result = ours(t, dim)
        assert op in ("sort", "argsort", "index") or is_plain(result), name
        np.testing.assert_allclose(
            result.numpy(), theirs(t.numpy(), dim), 1e-12, 1e-12, err_msg=name
        )


@pytest.mark.parametrize("shape", [(3, 0), (0, 3), (1, 4), (4, 1), (1, 1), (2, 1, 3), (1, 3, 1)])
def test_sizes_of_nothing_and_one(each_backend: str, shape: tuple[int, ...]) -> None:
    a = np.arange(np.prod(shape), dtype=float).reshape(shape)
    for dim in range(len(shape)):
        t = corex.tensor(a, requires_grad=True)
        for result, right in (
            (t.cumsum(dim), a.cumsum(dim)),
            (t.sort(dim).values, np.sort(a, dim)),
            (F.softmax(t, dim), softmax(a, dim) if a.size else a),
        ):
            assert is_plain(result)
            np.testing.assert_allclose(result.detach().numpy(), right, 1e-12)
            result.sum().backward()
        assert t.grad is not None
        assert t.grad.shape == shape


# ---- kernels that are particular -----------------------------------------------------------------
class Particular:
    """A plugin with the kernels of a backend, which take row-major outputs alone."""

    def __init__(self) -> None:
        self.asked = False

    @hookimpl
    def corex_select_kernel(self, backend: str, op: str, dtypes: Any) -> KernelChoice | None:
        if self.asked or op == "copy":
            return None
        self.asked = True
        try:
            choice = manager.backend(backend).select(op, dtypes)
        finally:
            self.asked = False
        return None if choice is None else KernelChoice(choice.run, _row_major)


def _row_major(out: Any, *_: Any) -> bool:
    shape, strides = out[2:4]
    return 0 in shape or bool(
        strides == tuple([int(np.prod(shape[d + 1 :])) for d in range(len(shape))])
    )


@pytest.fixture
def particular() -> Iterator[None]:
    manager.register(Particular(), "particular")
    yield
    manager.unregister("particular")


@pytest.mark.parametrize("dim", [0, 1])
@pytest.mark.parametrize("op", OPS)
def test_kernels_that_decline_layouts_get_row_major_outputs(
    each_backend: str, particular: None, op: str, dim: int
) -> None:
    ours, theirs = OPS[op]
    t = corex.tensor(A, requires_grad=True)
    with corex.placement() as report:
        result = ours(t, dim)
        if result.requires_grad:
            result.backward(corex.ones_like(result))
    assert is_plain(result)
    np.testing.assert_allclose(result.detach().numpy(), theirs(A, dim), 1e-12, 1e-12)
    reasons = [row.reason for row in report.rows()]
    assert "kernel of plugin 'particular'" in reasons
    assert not [reason for reason in reasons if "declined" in reason]
