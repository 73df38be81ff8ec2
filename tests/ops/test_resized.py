"""resize_ keeps memory where it suffices, and its content where not."""

from __future__ import annotations

import pytest

import corex


def test_within_memory(each_backend: str) -> None:
    x = corex.arange(6.0)
    assert x.resize_(2, 2) is x
    assert x.tolist() == [[0, 1], [2, 3]]
    assert x.resize_(6).tolist() == [0, 1, 2, 3, 4, 5]
    part = x[2:]
    assert part.resize_(2, 1).tolist() == [[2], [3]]
    part.fill_(7)
    assert x.tolist() == [0, 1, 7, 7, 4, 5]
    assert corex.arange(6).resize_as_(corex.zeros(3, 2)).tolist() == [[0, 1], [2, 3], [4, 5]]
    assert x.resize_(()).shape == ()


def test_beyond_memory(each_backend: str) -> None:
    x = corex.arange(6.0)[1:]
    assert x.resize_(2, 4).shape == (2, 4)
    assert x.flatten()[:5].tolist() == [1, 2, 3, 4, 5]
    assert corex.empty(0).resize_(2, 3).shape == (2, 3)


def test_refusals() -> None:
    x = corex.ones(3)
    with pytest.raises(RuntimeError, match="negative"):
        x.resize_(-1)
    with pytest.raises(RuntimeError, match="require grad"):
        x.requires_grad_().resize_(2)
