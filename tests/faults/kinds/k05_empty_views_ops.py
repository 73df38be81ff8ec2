"""Ops on nothing: results, gradients and refusals. (Of kernels: k05_build_and_empty_views.)"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

import corex
import corex.nn.functional as F

KIND = "05: ops on tensors without elements failed, or answered what PyTorch refuses"


def f(*shape: int) -> corex.Tensor:
    """Zeros of nothing, at an offset."""
    return corex.zeros(2, *shape, dtype=corex.float64)[1]


# A call, and what it gives: nested lists, and the shape.
RESULTS: dict[str, tuple[Callable[[], Any], Any, tuple[int, ...]]] = {
    "sum": (lambda: f(0, 3).sum(), 0.0, ()),
    "sum(0)": (lambda: f(0, 3).sum(0), [0.0] * 3, (3,)),
    "prod(0)": (lambda: f(0, 2).prod(0), [1.0] * 2, (2,)),
    "mean": (lambda: f(0, 3).mean(), math.nan, ()),
    "mean(0)": (lambda: f(0, 1).mean(0), [math.nan], (1,)),
    "var": (lambda: f(0).var(), math.nan, ()),
    "var, corrected upwards": (lambda: f(2, 0).var(1, correction=-1), [math.nan] * 2, (2,)),
    "all": (lambda: f(0).bool().all(), True, ()),
    "any(0)": (lambda: f(0, 2).bool().any(0), [False, False], (2,)),
    "median": (lambda: f(0).median(), math.nan, ()),
    "norm": (lambda: f(0, 2).norm(2, 0), [0.0, 0.0], (2,)),
    "logsumexp": (lambda: f(0, 2).logsumexp(0), [-math.inf, -math.inf], (2,)),
    "max(1) of no rows": (lambda: f(0, 3).max(1).values, [], (0,)),
    "argmax(1) of no rows": (lambda: f(0, 3).argmax(1), [], (0,)),
    "softmax": (lambda: f(0, 3).softmax(0), [], (0, 3)),
    "cumsum": (lambda: f(0, 3).cumsum(0), [], (0, 3)),
    "cumprod": (lambda: f(2, 0).cumprod(0), [[], []], (2, 0)),
    "sort": (lambda: f(0, 3).sort(0).values, [], (0, 3)),
    "topk": (lambda: f(0, 3).topk(2, 1).values, [], (0, 2)),
    "flip": (lambda: f(2, 0).flip(0, 1), [[], []], (2, 0)),
    "roll": (lambda: f(2, 0).roll(1, 0), [[], []], (2, 0)),
    "mm, nothing within": (lambda: f(2, 0) @ f(0, 3), [[0.0] * 3] * 2, (2, 3)),
    "mm, nothing without": (lambda: f(0, 2) @ corex.ones(2, 3, dtype=corex.float64), [], (0, 3)),
    "bmm": (lambda: corex.bmm(f(2, 1, 0), f(2, 0, 1)), [[[0.0]], [[0.0]]], (2, 1, 1)),
    "mv": (lambda: f(2, 0) @ f(0), [0.0, 0.0], (2,)),
    "dot": (lambda: f(0) @ f(0), 0.0, ()),
    "linear": (lambda: F.linear(f(2, 0), f(3, 0)), [[0.0] * 3] * 2, (2, 3)),
    "einsum": (lambda: corex.einsum("ij,jk->ik", f(2, 0), f(0, 1)), [[0.0], [0.0]], (2, 1)),
    "bilinear, no outputs": (lambda: F.bilinear(f(2, 3), f(2, 3), f(0, 3, 3)), [[], []], (2, 0)),
    "prelu, no channels": (lambda: F.prelu(f(2, 0, 3), f(0)), [[], []], (2, 0, 3)),
    "index_select by nothing": (
        lambda: f(2, 3).index_select(1, corex.tensor([], dtype=corex.int64)), [[], []], (2, 0),
    ),
    "x[nothing]": (lambda: f(0, 3)[corex.zeros(0, dtype=corex.int64)], [], (0, 3)),
    "gather": (lambda: f(0, 3).gather(1, corex.zeros(0, 2, dtype=corex.int64)), [], (0, 2)),
    "nonzero": (lambda: f(0, 3).nonzero(), [], (0, 2)),
    "cat": (lambda: corex.cat([f(0, 3), corex.ones(1, 3)]), [[1.0] * 3], (1, 3)),
    "stack": (lambda: corex.stack([f(0), f(0)]), [[], []], (2, 0)),
    "embedding of nothing": (
        lambda: F.embedding(corex.zeros(0, dtype=corex.int64), f(2, 3)), [], (0, 3),
    ),
    "bincount": (
        lambda: corex.bincount(corex.zeros(0, dtype=corex.int64), f(0), 2), [0, 0], (2,),
    ),
    "one_hot, classes told": (
        lambda: F.one_hot(corex.zeros(0, dtype=corex.int64), 4), [], (0, 4),
    ),
    "multinomial of no rows": (lambda: corex.multinomial(f(0, 3), 2), [], (0, 2)),
    "mse_loss": (lambda: F.mse_loss(f(0), f(0)), math.nan, ()),
    "cross_entropy": (
        lambda: F.cross_entropy(f(0, 3), corex.zeros(0, dtype=corex.int64)), math.nan, (),
    ),
    "cross_entropy, no classes": (
        lambda: F.cross_entropy(f(2, 0), f(2, 0), label_smoothing=0.1), math.nan, (),
    ),
    "batch_norm, training": (
        lambda: F.batch_norm(f(0, 3), None, None, training=True), [], (0, 3),
    ),
    "layer_norm": (lambda: F.layer_norm(f(0, 3), (3,)), [], (0, 3)),
    "conv2d of no images": (
        lambda: F.conv2d(f(0, 2, 3, 3), f(4, 2, 3, 3)), [], (0, 4, 1, 1),
    ),
    "max_pool2d of no images": (lambda: F.max_pool2d(f(0, 2, 4, 4), 2), [], (0, 2, 2, 2)),
}  # fmt: skip

REFUSALS: dict[str, tuple[Callable[[], Any], type[Exception]]] = {
    "max": (lambda: f(0, 3).max(), RuntimeError),
    "max(0)": (lambda: f(0, 3).max(0), IndexError),
    "amin(0)": (lambda: f(0, 3).amin(0), IndexError),
    "argmax(0)": (lambda: f(0, 3).argmax(0), IndexError),
    "kthvalue": (lambda: f(2, 0).kthvalue(1, 1), IndexError),
    "median(1)": (lambda: f(2, 0).median(1), IndexError),
    "norm, the largest": (lambda: f(0, 2).norm(math.inf, 0), RuntimeError),
    "one_hot": (lambda: F.one_hot(corex.zeros(0, dtype=corex.int64)), RuntimeError),
    "index_select": (lambda: f(2, 0).index_select(1, corex.tensor([0])), RuntimeError),
    "embedding": (lambda: F.embedding(corex.tensor([0]), f(0, 3)), RuntimeError),
    "rms_norm": (lambda: F.rms_norm(f(2, 0), (3,)), RuntimeError),
    "pad, reflect": (lambda: F.pad(f(2, 0, 3), (1, 1), mode="reflect"), RuntimeError),
    "pad, replicate": (lambda: F.pad(f(2, 3, 0), (1, 1), mode="replicate"), RuntimeError),
    "max_pool2d": (lambda: F.max_pool2d(f(2, 0, 4, 4), 2), RuntimeError),
    "avg_pool2d": (lambda: F.avg_pool2d(f(2, 0, 4, 4), 2), RuntimeError),
    "adaptive_avg_pool2d": (lambda: F.adaptive_avg_pool2d(f(2, 2, 0, 4), 2), RuntimeError),
    "conv2d": (lambda: F.conv2d(f(2, 2, 0, 4), f(3, 2, 1, 1), padding=1), RuntimeError),
    "multinomial of no columns": (lambda: corex.multinomial(f(0, 0), 2), RuntimeError),
}

GRADIENTS: dict[str, tuple[Callable[[corex.Tensor], Any], tuple[int, ...]]] = {
    "stack": (lambda x: corex.stack([x, x]), (0, 3)),
    "unbind": (lambda x: x.unbind(1)[1], (0, 3)),
    "unbind of nothing": (lambda x: x.sum(1), (2, 0)),
    "split": (lambda x: x.split(1)[0], (2, 0)),
    "cat": (lambda x: corex.cat([x, x], 1), (2, 0)),
    "mm": (lambda x: x @ corex.ones(0, 3, dtype=corex.float64), (2, 0)),
    "mean": (lambda x: x.mean(0), (2, 0)),
    "max": (lambda x: x.max(1).values, (0, 3)),
    "prod": (lambda x: x.prod(0), (0, 3)),
    "softmax": (lambda x: x.softmax(0), (2, 0)),
    "sort": (lambda x: x.sort(0).values, (2, 0)),
    "cumsum": (lambda x: x.cumsum(1), (2, 0)),
    "flip": (lambda x: x.flip(0), (2, 0)),
    "gather": (lambda x: x.gather(0, corex.zeros(1, 0, dtype=corex.int64)), (2, 0)),
    "x[idx]": (lambda x: x[[1, 0, 1]], (2, 0)),
    "pad": (lambda x: F.pad(x, (1, 0)), (2, 0)),
    "layer_norm": (lambda x: F.layer_norm(x, (3,)), (0, 3)),
    "batch_norm": (lambda x: F.batch_norm(x, None, None, training=True), (0, 3)),
    "var": (lambda x: x.var(0), (2, 0)),
    "norm": (lambda x: x.norm(2, 0), (2, 0)),
    "expand": (lambda x: x.expand(4, 2, 0), (2, 0)),
    "where": (lambda x: corex.where(x > 0, x, 0.0), (2, 0)),
}


def _gives(make: Callable[[], Any], wanted: Any, shape: tuple[int, ...]) -> None:
    result = make()
    assert tuple(result.shape) == shape, result.shape
    right = corex.tensor(wanted, dtype=corex.float64).reshape(shape)
    assert corex.allclose(result.double(), right, equal_nan=True), result


def _refuses(make: Callable[[], Any], kind: type[Exception]) -> None:
    with pytest.raises(kind):
        make()


def _has_gradient(function: Callable[[corex.Tensor], Any], shape: tuple[int, ...]) -> None:
    for leaf in (corex.zeros(shape, dtype=corex.float64), f(*shape)):
        x = leaf.detach().requires_grad_()
        function(x).sum().backward()
        assert x.grad is not None
        assert x.grad.shape == x.shape


def cases(backend: str) -> Iterator[tuple[str, Callable[[], object]]]:
    for name, (make, wanted, shape) in RESULTS.items():
        yield name, partial(_gives, make, wanted, shape)
    for name, (call, kind) in REFUSALS.items():
        yield f"{name} is refused", partial(_refuses, call, kind)
    for name, (function, shape) in GRADIENTS.items():
        yield f"gradient of {name}", partial(_has_gradient, function, shape)
