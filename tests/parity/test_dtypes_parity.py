"""Calls of all sorts over every dtype: values, result dtypes and refusals are PyTorch's.

Where PyTorch refuses a dtype (uint16, uint32 and uint64 most of the time) corex may compute.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import corex
from corex import dtypes

NEW = "int8 int16 uint16 uint32 uint64 float16 bfloat16".split()

# a, b: (3, 4), without zeros in b; i: positions; m: truth values.
CALLS: dict[str, Callable[..., Any]] = {
    "a + b": lambda lib, a, b, i, m: a + b,
    "a - b": lambda lib, a, b, i, m: a - b,
    "a * b": lambda lib, a, b, i, m: a * b,
    "a / b": lambda lib, a, b, i, m: a / b,
    "a // b": lambda lib, a, b, i, m: a // b,
    "a % b": lambda lib, a, b, i, m: a % b,
    "fmod": lambda lib, a, b, i, m: lib.fmod(a, b),
    "a ** 2": lambda lib, a, b, i, m: a**2,
    "pow": lambda lib, a, b, i, m: lib.pow(b, a.abs() % 4),
    "a + 1": lambda lib, a, b, i, m: a + 1,
    "a * 0.1": lambda lib, a, b, i, m: a * 0.1,
    "a + 0.1": lambda lib, a, b, i, m: a + 0.1,
    "1 / b": lambda lib, a, b, i, m: 1 / b,
    "3 - a": lambda lib, a, b, i, m: 3 - a,
    "a + float32": lambda lib, a, b, i, m: a + lib.ones(4),
    "a + int32": lambda lib, a, b, i, m: a + lib.ones(4, dtype=lib.int32),
    "a + uint8": lambda lib, a, b, i, m: a + lib.ones(4, dtype=lib.uint8),
    "a + bool": lambda lib, a, b, i, m: a + m,
    "a + 0-d int64": lambda lib, a, b, i, m: a + lib.tensor(3),
    "a + 0-d float64": lambda lib, a, b, i, m: a + lib.tensor(0.5, dtype=lib.float64),
    "in place": lambda lib, a, b, i, m: a.clone().add_(b).mul_(2),
    "neg": lambda lib, a, b, i, m: -a,
    "abs": lambda lib, a, b, i, m: a.abs(),
    "sign": lambda lib, a, b, i, m: a.sign(),
    "square": lambda lib, a, b, i, m: a.square(),
    "relu": lambda lib, a, b, i, m: a.relu(),
    "exp": lambda lib, a, b, i, m: (a / 16).exp(),
    "sqrt": lambda lib, a, b, i, m: b.sqrt(),
    "sin": lambda lib, a, b, i, m: a.sin(),
    "sigmoid": lambda lib, a, b, i, m: a.sigmoid(),
    "round": lambda lib, a, b, i, m: a.round(),
    "floor": lambda lib, a, b, i, m: a.floor(),
    "~a": lambda lib, a, b, i, m: ~a,
    "a & b": lambda lib, a, b, i, m: a & b,
    "a << 1": lambda lib, a, b, i, m: a << 1,
    "a >> 1": lambda lib, a, b, i, m: a >> 1,
    "a < b": lambda lib, a, b, i, m: a < b,
    "a == 3": lambda lib, a, b, i, m: a == 3,
    "a > 2.5": lambda lib, a, b, i, m: a > 2.5,
    "logical_not": lambda lib, a, b, i, m: a.logical_not(),
    "isnan": lambda lib, a, b, i, m: a.isnan(),
    "maximum": lambda lib, a, b, i, m: lib.maximum(a, b),
    "clamp": lambda lib, a, b, i, m: a.clamp(1, 5),
    "where": lambda lib, a, b, i, m: lib.where(m, a, b),
    "masked_fill": lambda lib, a, b, i, m: a.masked_fill(m, 7),
    "lerp": lambda lib, a, b, i, m: lib.lerp(a, b, 0.25),
    "addcmul": lambda lib, a, b, i, m: lib.addcmul(a, b, b),
    "sum": lambda lib, a, b, i, m: a.sum(),
    "sum(1)": lambda lib, a, b, i, m: a.sum(1),
    "sum(dtype)": lambda lib, a, b, i, m: a.sum(0, dtype=lib.float32),
    "prod": lambda lib, a, b, i, m: (b % 3 + 1).prod(0),
    "mean": lambda lib, a, b, i, m: a.mean(1),
    "var": lambda lib, a, b, i, m: a.var(1),
    "amax": lambda lib, a, b, i, m: a.amax(1),
    "max": lambda lib, a, b, i, m: a.max(1),
    "argmax": lambda lib, a, b, i, m: a.argmax(1),
    "any": lambda lib, a, b, i, m: a.any(),
    "all(0)": lambda lib, a, b, i, m: a.all(0),
    "cumsum": lambda lib, a, b, i, m: a.cumsum(0),
    "sort": lambda lib, a, b, i, m: a.sort(1),
    "topk": lambda lib, a, b, i, m: a.topk(2)[0],
    "unique": lambda lib, a, b, i, m: a.unique(),
    "count_nonzero": lambda lib, a, b, i, m: a.count_nonzero(),
    "norm": lambda lib, a, b, i, m: a.norm(),
    "matmul": lambda lib, a, b, i, m: a @ b.t(),
    "linear": lambda lib, a, b, i, m: lib.nn.functional.linear(a, b),
    "softmax": lambda lib, a, b, i, m: (a / 4).softmax(1),
    "layer_norm": lambda lib, a, b, i, m: lib.nn.functional.layer_norm(a, (4,)),
    "gelu": lambda lib, a, b, i, m: lib.nn.functional.gelu(a),
    "index": lambda lib, a, b, i, m: a[i],
    "mask": lambda lib, a, b, i, m: a[m],
    "gather": lambda lib, a, b, i, m: a.gather(0, i[:, None]),
    "scatter_add": lambda lib, a, b, i, m: a.scatter_add(0, i[:, None], b),
    "index_put": lambda lib, a, b, i, m: a.index_put((i,), b, accumulate=True),
    "nonzero": lambda lib, a, b, i, m: a.nonzero(),
    "cat": lambda lib, a, b, i, m: lib.cat([a, b]),
    "cat, mixed": lambda lib, a, b, i, m: lib.cat([a, lib.ones(1, 4)]),
    "stack": lambda lib, a, b, i, m: lib.stack([a, b]),
    "flip": lambda lib, a, b, i, m: a.flip(0),
    "tril": lambda lib, a, b, i, m: a.tril(),
    "pad": lambda lib, a, b, i, m: lib.nn.functional.pad(a, (1, 2)),
    "full": lambda lib, a, b, i, m: lib.full((2,), 3, dtype=a.dtype),
    "full, beyond": lambda lib, a, b, i, m: lib.full((2,), 1e9, dtype=a.dtype),
    "arange": lambda lib, a, b, i, m: lib.arange(1, 9, 2, dtype=a.dtype),
    "linspace": lambda lib, a, b, i, m: lib.linspace(0, 9, 4, dtype=a.dtype),
    "eye": lambda lib, a, b, i, m: lib.eye(2, dtype=a.dtype),
    "ones_like": lambda lib, a, b, i, m: lib.ones_like(a),
    "tensor, beyond": lambda lib, a, b, i, m: lib.tensor([70000.0], dtype=a.dtype),
    "fill_": lambda lib, a, b, i, m: a.clone().fill_(2),
    "to float": lambda lib, a, b, i, m: a.float(),
    "to half": lambda lib, a, b, i, m: a.half(),
    "to int8": lambda lib, a, b, i, m: a.char(),
    "to bool": lambda lib, a, b, i, m: a.bool(),
    "from float": lambda lib, a, b, i, m: (lib.arange(12.0) * 30.7).to(a.dtype),
    "view(uint8)": lambda lib, a, b, i, m: a.view(lib.uint8),
    "view(int64)": lambda lib, a, b, i, m: a.view(lib.int64),
    "bincount": lambda lib, a, b, i, m: lib.bincount(b.reshape(-1)),
    "equal": lambda lib, a, b, i, m: lib.tensor(lib.equal(a, b)),
    "allclose": lambda lib, a, b, i, m: lib.tensor(lib.allclose(a, a)),
    "item": lambda lib, a, b, i, m: lib.tensor(a[0, 1].item()),
    "dot": lambda lib, a, b, i, m: a[0].dot(b[0]),
    "result_type": lambda lib, a, b, i, m: lib.zeros((), dtype=lib.result_type(a, 0.5)),
}  # fmt: skip


def inputs(lib: Any, name: str) -> tuple[Any, ...]:
    dtype = getattr(lib, name)
    a = lib.tensor([[0, 1, 5, 2], [7, 3, 0, 100], [9, 4, 6, 8]]).to(dtype)
    b = lib.tensor([[1, 2, 3, 4], [5, 3, 1, 2], [4, 2, 120, 1]]).to(dtype)
    if not name.startswith("u"):
        a = lib.where(lib.tensor([[True, False, False, True]]), -a, a)
    return a, b, lib.tensor([2, 0, 1]), lib.tensor([[True, False, True, False]]).expand(3, 4)


def outcome(lib: Any, text: str, name: str) -> Any:
    try:
        return CALLS[text](lib, *inputs(lib, name))
    except (RuntimeError, TypeError, ValueError, IndexError, OverflowError) as error:
        return error


def exactly(t: Any) -> Any:
    return (t.double() if t.is_floating_point() else t).numpy()


def agree(mine: Any, theirs: Any) -> None:
    assert isinstance(mine, corex.Tensor), f"PyTorch has {theirs}"
    assert str(mine.dtype).split(".")[1] == str(theirs.dtype).split(".")[1]
    assert mine.shape == tuple(theirs.shape)
    units = 1.01 * dtypes.finfo(mine.dtype).eps if mine.is_floating_point() else 0
    units = max(units, 1e-5) if units else 0  # float32 and float64 have tests of their own
    np.testing.assert_allclose(exactly(mine), exactly(theirs), rtol=units, atol=units / 8)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", NEW)
@pytest.mark.parametrize("text", CALLS)
def test_calls_are_pytorchs(text: str, name: str) -> None:
    mine, theirs = outcome(corex, text, name), outcome(torch, text, name)
    if isinstance(theirs, Exception):
        if name not in ("uint16", "uint32", "uint64"):
            assert isinstance(mine, type(theirs)), f"PyTorch raises {theirs!r}"
        return
    if isinstance(mine, Exception):
        raise mine
    if isinstance(theirs, torch.Tensor):
        agree(mine, theirs)
    else:
        for mine_, theirs_ in zip(mine, theirs, strict=True):
            agree(mine_, theirs_)
