"""Tensors of more than 2**31 elements: positions and counts that 32 bits do not hold."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import corex
from corex import Tensor

pytestmark = [pytest.mark.full, pytest.mark.timeout(600)]

COUNT = 2**31 + 2**20
MARKS = {3: 9, 2**31: 5, COUNT - 1: 7}
"""The elements that are not zero."""


def need(gibibytes: int) -> None:
    """Skips where there is not so much free memory."""
    lines = Path("/proc/meminfo").read_text().splitlines() if Path("/proc/meminfo").exists() else []
    free = next((int(n.split()[1]) for n in lines if n.startswith("MemAvailable")), 0) / 2**20
    if free < gibibytes:
        pytest.skip(f"needs {gibibytes} GiB of free memory, and there are {free:.1f}")


@pytest.fixture(scope="module")
def large() -> Iterator[Tensor]:
    """2 GiB of zeros, but for MARKS."""
    need(4)
    with corex.use_backend("cpu_c"):
        x = corex.zeros(COUNT, dtype=corex.uint8)
        for at, value in MARKS.items():
            x[at] = value
        yield x
        del x
        gc.collect()


def is_marked(y: Tensor, expected: dict[int, int]) -> bool:
    """Whether these are the elements that are not zero."""
    flat = y.reshape(-1)
    found = flat[corex.tensor(list(expected))].tolist()
    return found == list(expected.values()) and flat.count_nonzero().item() == len(expected)


# ---- read ------------------------------------------------------------------------------------
READS: dict[str, tuple[Callable[[Tensor], object], object]] = {
    "sum": (lambda x: x.sum().item(), 21),
    "mean": (lambda x: round(x.mean(dtype=corex.float64).item() * COUNT, 6), 21.0),
    "max": (lambda x: x.max().item(), 9),
    "argmax": (lambda x: (x.argmax().item(), x[4:].argmax().item()), (3, COUNT - 5)),
    "any": (lambda x: (x.any().item(), x[2**31 + 1 : -1].any().item()), (1, 0)),
    "all": (lambda x: x.all().item(), 0),
    "count_nonzero": (lambda x: x.count_nonzero().item(), 3),
    "nonzero": (lambda x: x.nonzero().reshape(-1).tolist(), list(MARKS)),
    "get": (lambda x: x[corex.tensor([3, 2**31, -1, 4])].tolist(), [9, 5, 7, 0]),
    "integer": (lambda x: (x[2**31].item(), x[-1].item()), (5, 7)),
    "mask": (lambda x: x[x > 5].tolist(), [9, 7]),
    "index_select": (lambda x: x.index_select(0, corex.tensor([2**31])).tolist(), [5]),
    "gather": (lambda x: x.gather(0, corex.tensor([COUNT - 1, 0])).tolist(), [7, 0]),
    "take": (lambda x: x.take(corex.tensor([2**31, 3])).tolist(), [5, 9]),
    "slice": (lambda x: x[2**31 - 1 : 2**31 + 2].tolist(), [0, 5, 0]),
    "steps": (lambda x: (x[:: 2**31].tolist(), x[3 :: 2**30].shape), ([0, 5], (3,))),
    "numpy": (lambda x: (int(x.numpy()[-1]), x.numpy().size), (7, COUNT)),
    "rows": (lambda x: x.reshape(-1, 2**20).sum(1).nonzero().reshape(-1).tolist(), [0, 2048]),
    "columns": (lambda x: x.reshape(-1, 2**20).max(0).values[[3, 0, -1]].tolist(), [9, 5, 7]),
    "sort": (lambda x: x[None, :: 2**21].sort(1).values[0, -1].item(), 5),
    "topk": (lambda x: x[:: 2**20].topk(1).indices.item(), 2048),
}


@pytest.mark.parametrize("name", READS)
def test_read(name: str, large: Tensor) -> None:
    need(4)
    read, expected = READS[name]
    assert read(large) == expected


# ---- new tensors of the same size --------------------------------------------------------------
MADE: dict[str, tuple[Callable[[Tensor], Tensor], dict[int, int]]] = {
    "clone": (lambda x: x.clone(), MARKS),
    "copy_": (lambda x: corex.empty_like(x).copy_(x), MARKS),
    "add": (lambda x: x + x, {n: 2 * v for n, v in MARKS.items()}),
    "mul": (lambda x: x.mul(3), {n: 3 * v for n, v in MARKS.items()}),
    "eq": (lambda x: x == 7, {COUNT - 1: True}),
    "bool": (lambda x: x.to(corex.bool), dict.fromkeys(MARKS, True)),
    "int8": (lambda x: x.to(corex.int8), MARKS),
    "cat": (lambda x: corex.cat([x[: 2**30], x[2**30 :]]), MARKS),
    "flip": (lambda x: x.flip(0), {COUNT - 1 - n: v for n, v in MARKS.items()}),
    "roll": (lambda x: x.roll(4), {3: 7, 7: 9, 2**31 + 4: 5}),
    "cumsum": (
        lambda x: x.reshape(2**20, -1)[:, :2049].cumsum(0, dtype=corex.uint8)[-1],
        {3: 9, 2**31 % 2049: 5, 2048: 7},
    ),
    "transposed": (
        lambda x: x.reshape(2, -1).t().contiguous(),
        {6: 9, 2 * (2**31 - COUNT // 2) + 1: 5, COUNT - 1: 7},
    ),
    "where": (lambda x: corex.where(x == 7, x, 0), {COUNT - 1: 7}),
    "masked_fill": (lambda x: x.masked_fill(x == 9, 0), {2**31: 5, COUNT - 1: 7}),
}


@pytest.mark.parametrize("name", MADE)
def test_made(name: str, large: Tensor) -> None:
    need(8)
    make, expected = MADE[name]
    made = make(large)
    assert is_marked(made, expected)
    del made
    gc.collect()


# ---- written -----------------------------------------------------------------------------------
def test_written(large: Tensor) -> None:
    at = corex.tensor([2**31 + 5, COUNT - 2])
    large[at] = corex.tensor([1, 2], dtype=corex.uint8)
    assert large[at].tolist() == [1, 2]
    large.index_put_((at,), corex.tensor([4, 4], dtype=corex.uint8), accumulate=True)
    assert large[at].tolist() == [5, 6]
    large[2**31 + 4 : 2**31 + 7] = 0
    large.index_fill_(0, at, 0)
    assert is_marked(large, MARKS)


# ---- made of little ------------------------------------------------------------------------------
def test_a_product_of_more_than_two_to_the_31() -> None:
    need(8)
    with corex.use_backend("cpu_c"):
        one = corex.ones(1, 46400, dtype=corex.uint8)
        one[0, -1] = 3
        product = one.t() @ one
        assert product.shape == (46400, 46400)
        assert product[-1, -2:].tolist() == [3, 9]
        assert product.sum().item() == (46400 + 2) ** 2


def test_a_sum_over_a_dim_that_repeats() -> None:
    with corex.use_backend("cpu_c"):
        x = corex.tensor([0.5, 1.5], dtype=corex.float64).expand(2**31 + 2, 2)
        assert x.sum(0).tolist() == [2.0**30 + 1, 1.5 * (2**31 + 2)]
        assert x.amax().item() == 1.5
        assert x[2**31 + 1].tolist() == [0.5, 1.5]
        assert x[:: 2**31].shape == (2, 2)
