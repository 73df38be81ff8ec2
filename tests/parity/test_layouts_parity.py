"""The committed table of layouts is PyTorch's, and so are layouts of any other geometry."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import torch

import corex
from tests.sweeps.layouts import FILE, table, written


def test_the_table_is_what_pytorch_does() -> None:
    assert written(table(torch)) == FILE.read_text(), "run python -m tests.sweeps.layouts"


def geometry(choose: random.Random, shape: list[int]) -> Callable[[Any], Any]:
    """How either library makes a tensor of a shape: dims in any order, with steps, expanded."""
    order = choose.sample(range(len(shape)), len(shape))
    sizes = [shape[d] for d in order]
    steps = [choose.choice((1, 1, 1, 2)) for _ in sizes]
    expanded = [choose.random() < 0.12 for _ in sizes]
    whole = [1 if e else n * s for n, s, e in zip(sizes, steps, expanded, strict=True)]
    where = tuple([slice(None, None, 1 if e else s) for s, e in zip(steps, expanded, strict=True)])
    back = [order.index(d) for d in range(len(shape))]
    return lambda library: library.ones(whole)[where].expand(sizes).permute(back)


OPS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "add": lambda lib, x, y: x + y,
    "add a number": lambda lib, x, y: x + 1.0,
    "exp": lambda lib, x, y: x.exp(),
    "less": lambda lib, x, y: x < y,
    "where": lambda lib, x, y: lib.where(x > 0, x, y),
    "clone": lambda lib, x, y: x.clone(),
    "zeros_like": lambda lib, x, y: lib.zeros_like(x),
    "double": lambda lib, x, y: x.double(),
    "flip": lambda lib, x, y: x.flip(0),
    "lerp": lambda lib, x, y: lib.lerp(x, y.expand(x.shape), 0.5),
    "reshape": lambda lib, x, y: x.reshape(-1),
    "contiguous": lambda lib, x, y: x.contiguous(),
    "sort": lambda lib, x, y: x.sort(0).values,
    "sort the last": lambda lib, x, y: x.sort(-1, True).indices,
    "argsort": lambda lib, x, y: x.argsort(0),
    "rand_like": lambda lib, x, y: lib.rand_like(x),
    "randint_like": lambda lib, x, y: lib.randint_like(x, 3),
    "addr": lambda lib, x, y: lib.addr(x, x[:, 0], x[0]) if x.ndim == 2 else x.exp(),
}


def test_results_have_the_strides_of_pytorch() -> None:
    choose = random.Random(5)
    wrong = []
    for _ in range(60):
        shape = [choose.randint(2, 4) for _ in range(choose.randint(1, 4))]
        other = [n if choose.random() < 0.75 else 1 for n in shape][choose.randint(0, 1) :]
        makers = geometry(choose, shape), geometry(choose, other)
        for name, op in OPS.items():
            ours, theirs = (op(lib, *[make(lib) for make in makers]) for lib in (corex, torch))
            if ours.stride() != theirs.stride():
                wrong.append((name, shape, other, ours.stride(), theirs.stride()))
    assert wrong == []
