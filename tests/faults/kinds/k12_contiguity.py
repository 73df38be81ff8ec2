"""Results that were permuted views of what was computed: `view` failed on them, `detach_` too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import corex
import corex.nn.functional as F

KIND = "12: results of ops were views, and not contiguous where PyTorch's are"

a = partial(corex.arange, 12.0, dtype=corex.float64)


def matrix() -> corex.Tensor:
    """A (3, 4) tensor."""
    return a().view(3, 4)


def cube() -> corex.Tensor:
    """A (2, 3, 4) tensor."""
    return corex.arange(24.0, dtype=corex.float64).view(2, 3, 4)


index = partial(corex.tensor, [2, 0])

# Row-major in PyTorch, with memory of their own.
FRESH: dict[str, Callable[[], Any]] = {
    "softmax(0)": lambda: matrix().softmax(0),
    "softmax(1) of 3 dims": lambda: cube().softmax(1),
    "log_softmax(0)": lambda: matrix().log_softmax(0),
    "softmin": lambda: F.softmin(cube(), 1),
    "sort(0)": lambda: matrix().sort(0),
    "sort(1) of 3 dims": lambda: cube().sort(1, descending=True),
    "argsort(0)": lambda: matrix().argsort(0),
    "topk(0)": lambda: matrix().topk(2, 0),
    "topk(1)": lambda: matrix().topk(2, 1),
    "topk, the smallest": lambda: cube().topk(2, 1, largest=False),
    "kthvalue": lambda: matrix().kthvalue(2, 0),
    "median": lambda: matrix().median(0),
    "max(dim)": lambda: matrix().max(0),
    "min(dim, keepdim)": lambda: matrix().min(1, True),
    "sum(keepdim)": lambda: matrix().sum(0, True),
    "argmax(keepdim)": lambda: matrix().argmax(1, True),
    "aminmax": lambda: matrix().aminmax(dim=1, keepdim=True),
    "gather(0)": lambda: matrix().gather(0, corex.tensor([[0, 1, 2, 0]])),
    "scatter(0)": lambda: matrix().scatter(0, corex.tensor([[0, 1, 2, 0]]), 5.0),
    "scatter_add(0)": lambda: matrix().scatter_add(0, corex.tensor([[0, 1, 2, 0]]), matrix()),
    "cumsum(0)": lambda: matrix().cumsum(0),
    "cumsum(1) of 3 dims": lambda: cube().cumsum(1),
    "cumprod(0)": lambda: matrix().cumprod(0),
    "x[:, idx]": lambda: matrix()[:, index()],
    "x[:, :, idx]": lambda: cube()[:, :, index()],
    "x[:, idx, idx]": lambda: cube()[:, index(), index()],
    "x[0, :, idx]": lambda: cube()[0, :, index()],
    "x[mask]": lambda: matrix()[matrix() > 3],
    "x[:, mask]": lambda: matrix()[:, corex.tensor([True, False, True, False])],
    "index_select(1)": lambda: matrix().index_select(1, index()),
    "index_copy(1)": lambda: matrix().index_copy(1, index(), matrix()[:, :2]),
    "index_add(1)": lambda: matrix().t().index_add(0, index(), matrix().t()[:2]),
    "take": lambda: matrix().take(corex.tensor([[5, 1], [0, 2]])),
    "masked_select": lambda: matrix().masked_select(matrix() > 2),
    "embedding": lambda: F.embedding(corex.tensor([[1, 0], [2, 2]]), matrix()),
    "flip(0)": lambda: matrix().flip(0),
    "flip(0, 1)": lambda: matrix().flip((0, 1)),
    "fliplr": lambda: matrix().fliplr(),
    "rot90, twice": lambda: matrix().rot90(2),
    "roll": lambda: matrix().roll(1),
    "repeat": lambda: matrix().repeat(2, 2),
    "tile": lambda: matrix().tile((2, 1)),
    "repeat_interleave": lambda: matrix().repeat_interleave(2, 1),
    "pad, reflect": lambda: F.pad(cube(), (1, 1), mode="reflect"),
    "pad, circular": lambda: F.pad(cube(), (1, 2), mode="circular"),
    "einsum, transposed": lambda: corex.einsum("ij,jk->ki", matrix(), matrix().t()),
    "einsum, batch": lambda: corex.einsum("bij,bkj->kbi", cube(), cube()),
    "einsum, sum": lambda: corex.einsum("bij->ji", cube()),
    "tensordot": lambda: corex.tensordot(cube(), cube(), ([0, 2], [0, 2])),
    "matmul with a vector": lambda: cube() @ a()[:4],
    "bilinear": lambda: F.bilinear(matrix(), matrix(), corex.ones(2, 4, 4, dtype=corex.float64)),
    "kron": lambda: corex.kron(matrix(), matrix()),
    "cross": lambda: corex.cross(matrix(), matrix() + 1, 0),
    "diag": lambda: corex.diag(a()),
    "diag_embed": lambda: corex.diag_embed(matrix(), 0, 0, 2),
    "cartesian_prod": lambda: corex.cartesian_prod(a(), a()[:2]),
    "layer_norm": lambda: F.layer_norm(cube(), (3, 4)),
    "group_norm": lambda: F.group_norm(cube(), 3),
    "batch_norm": lambda: F.batch_norm(cube().transpose(1, 2), None, None, training=True),
    "conv1d": lambda: F.conv1d(cube(), corex.ones(1, 3, 2, dtype=corex.float64)),
    "logsumexp": lambda: cube().logsumexp(1),
    "unique": lambda: corex.unique(corex.tensor([3, 1, 3]), return_inverse=True),
    "flatten of a transposed": lambda: cube().transpose(0, 2).flatten(1),
    "masked_fill of a transposed": lambda: matrix().t().masked_fill(matrix().t() > 3, 0.0),
    "addmm with a transposed": lambda: corex.addmm(
        a()[:9].view(3, 3).t(), matrix(), matrix().t(), beta=2
    ),
    "randint": lambda: corex.randint(0, 5, (3, 4)),
    "randperm": lambda: corex.randperm(5),
}

# Elementwise, the dims stay in the order that they have in memory, as in PyTorch.
ORDERED: dict[str, Callable[[corex.Tensor], Any]] = {
    "exp": lambda x: x.exp(),
    "+ 1": lambda x: x + 1,
    "+ itself": lambda x: x + x,
    "+ a contiguous one": lambda x: x + corex.ones(x.shape),
    "== 3": lambda x: x == 3,
    "isnan": lambda x: x.isnan(),
    "where": lambda x: corex.where(x > 3, x, 0.0),
    "clamp": lambda x: x.clamp(0, 5),
    "gelu": lambda x: F.gelu(x),
    "silu": lambda x: F.silu(x),
    "dropout": lambda x: F.dropout(x, 0.5),
    "to float32": lambda x: x.float(),
    "to int64": lambda x: x.long(),
    "clone": lambda x: x.clone(),
    "zeros_like": lambda x: corex.zeros_like(x),
    "flip": lambda x: x.flip(0),
    "lerp": lambda x: x.lerp(x, 0.5),
    "addcmul": lambda x: x.addcmul(x, x),
}


def tensors(value: Any) -> list[corex.Tensor]:
    """The tensors of a result."""
    return list(value) if isinstance(value, tuple) else [value]


def _is_fresh(make: Callable[[], Any]) -> None:
    for t in tensors(make()):
        assert t.is_contiguous(), t.stride()
        assert t.view(-1).shape == (t.numel(),)
        t.detach_()


def _is_ordered(function: Callable[[corex.Tensor], Any]) -> None:
    for x, order in (
        (matrix().t(), (1, 4)),
        (cube().permute(2, 0, 1), (1, 12, 4)),
        (corex.ones(8, 6, dtype=corex.float64).t()[:, ::2], (1, 6)),
    ):
        result = function(x)
        assert result.stride() == order, (x.stride(), result.stride())
        assert result.contiguous().tolist() == function(x.contiguous()).tolist() or (
            "dropout" in str(function.__code__.co_names)
        )


def _gradient_is_like_its_leaf() -> None:
    for leaf in (matrix(), matrix().t().clone(), cube().permute(2, 0, 1).clone()):
        leaf.requires_grad_()
        (leaf.softmax(0) * leaf.cumsum(0) * leaf.flip(1)).sum().backward()
        assert leaf.grad is not None
        assert leaf.grad.stride() == leaf.stride()


def cases(backend: str) -> Iterator[tuple[str, Callable[[], object]]]:
    for name, make in FRESH.items():
        yield name, partial(_is_fresh, make)
    for name, function in ORDERED.items():
        yield f"{name}, transposed", partial(_is_ordered, function)
    yield "gradients", _gradient_is_like_its_leaf
