"""NumPy's integers and 0-d tensors as dims, sizes and counts: the same as Python's integers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import corex
from corex import nn

pytestmark = pytest.mark.usefixtures("each_backend")

CALLS = """
t.sum(n)
t.mean(dim=n)
t.sum((n, 1))
t.prod(n)
t.max(n + 0)
t.amax(n)
t.argmax(n)
t.all(n)
t.std(n)
t.median(n)
t.logsumexp(n)
t.squeeze(n)
t.movedim(n, 1)
t.flip(n)
t.flip((n,))
t.roll(1, n)
t.roll(n + 1)
t.roll((n + 1,), (n,))
t.repeat_interleave(n + 2, n)
t.repeat(n + 2, 1)
t.expand(n + 3, 2, 3)
t.reshape(n + 3, 2)
t.view(n + 3, 2)
t.split(n + 1, n)
t.split([n + 1, 1])
t.chunk(n + 2)
t.tensor_split(n + 2)
t.topk(n + 1)
t.narrow(n, n, n + 1)
corex.nansum(t, n)
corex.quantile(t, 0.5, n)
corex.count_nonzero(t, n)
corex.trapezoid(t, dim=n)
corex.cross(t, t, dim=n + 1)
corex.aminmax(t, dim=n)
corex.var_mean(t, dim=n)
corex.linalg.vector_norm(t, dim=n)
corex.cat([t, t], n)
corex.stack([t, t], dim=n)
corex.zeros(n + 2)
corex.zeros((n + 2, 3))
corex.eye(n + 3)
corex.arange(n + 3)
corex.linspace(0, 1, n + 3)
corex.rand(n + 2).shape
corex.randn(2, n + 2).shape
corex.randperm(n + 3).shape
F.pad(t, (n + 1, 0))
F.normalize(t, dim=n)
F.cosine_similarity(t, t, n)
F.softmax(t, n)
F.max_pool2d(square, n + 2)
F.max_pool2d(square, (n + 2, n + 2))
F.max_pool2d(square, 2, n + 1)
F.conv2d(square, corex.ones(1, 1, 1, 1), stride=n + 1, padding=n)
F.unfold(square, n + 1)
F.one_hot(corex.tensor([0, 1]), n + 3)
nn.Conv2d(n + 1, 2, n + 1)(square).shape
nn.MaxPool2d(n + 2)(square)
nn.LayerNorm(n + 3)(t)
nn.Linear(n + 3, n + 2)(t).shape
""".strip().split("\n")


def found(call: str, n: Any) -> list[Any]:
    names = {
        "corex": corex, "nn": nn, "F": nn.functional, "n": n,
        "t": corex.arange(6.0).reshape(2, 3), "square": corex.arange(4.0).reshape(1, 1, 2, 2),
    }  # fmt: skip
    return list(parts(eval(call, names)))


def parts(result: Any) -> Iterator[Any]:
    if isinstance(result, corex.Tensor):
        layout = (*result.shape, *result.stride(), result.storage_offset())
        assert [type(number) for number in layout] == [int] * len(layout)
        yield result.tolist()
    elif isinstance(result, tuple | list):
        for one in result:
            yield from parts(one)
    else:
        assert type(result) is int
        yield result


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("kind", [np.int64, np.int16, corex.tensor], ids=["int64", "int16", "0-d"])
def test_as_python_integers(call: str, kind: Any) -> None:
    if kind is corex.tensor and call == "t.max(n + 0)":
        return  # the other form, which compares with a tensor
    assert found(call, kind(0)) == found(call, 0)


def test_what_is_no_integer_is_refused() -> None:
    t = corex.ones(2, 3)
    for wrong in (np.float64(1), corex.tensor(1.0), 1.5, "a"):
        for call in (t.sum, t.amax, t.squeeze, t.flip, corex.rand, t.chunk):
            with pytest.raises(TypeError):
                call(wrong)


def test_a_list_with_an_array_is_told() -> None:
    t = corex.ones(2)
    for join in (corex.stack, corex.cat):
        with pytest.raises(TypeError):
            join([t, t.numpy()])
