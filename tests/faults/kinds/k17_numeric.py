"""Large numbers in float32, truth values, empty batches, factors of integers, padding."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

import corex
import corex.nn.functional as F

KIND = "17: numbers: std of 1e20, heaviside of bools, factors of integers, circular padding"


def _std() -> None:
    x = corex.tensor([1e20, -1e20, 3e20])
    for found in (x.std(), corex.std_mean(x)[0], x.reshape(1, 3).std(1)):
        np.testing.assert_allclose(found.numpy(), 2e20, rtol=1e-5)


def _heaviside() -> None:
    a, b = corex.tensor([True, False, False]), corex.tensor([False, True, False])
    found = corex.heaviside(a, b)
    assert found.dtype is corex.bool
    assert found.tolist() == [True, True, False]


def _factors() -> None:
    i, v = corex.ones(2, 2).long(), corex.ones(2).long()
    assert corex.addmm(i, i, i, beta=0.5).tolist() == [[2, 2], [2, 2]]
    assert corex.addmv(v, i, v, alpha=0.5).tolist() == [1, 1]
    with pytest.raises(RuntimeError):
        corex.addr(i, v, v, beta=0.5)
    with pytest.raises(RuntimeError):
        corex.add(i, i, alpha=0.5)


def _padding() -> None:
    x = corex.arange(5.0).reshape(1, 1, 5)
    assert F.pad(x, (1, -1), mode="circular").tolist() == [[[3, 0, 1, 2, 3]]]
    assert F.pad(x, (-2, 2), mode="circular").tolist() == [[[2, 3, 4, 2, 3]]]
    with pytest.raises(RuntimeError):
        F.pad(x, (-6, 0), mode="circular")
    with pytest.raises(RuntimeError):
        F.pad(x, (-5, 0), mode="reflect")


def _similarity() -> None:
    a, b = corex.tensor([[3.0, 4.0]]), corex.tensor([[2.0]])
    np.testing.assert_allclose(F.cosine_similarity(a, b, 1).numpy(), [7 / (5 * 2**0.5)], rtol=1e-6)


def _empty_batch() -> None:
    norm = corex.nn.BatchNorm1d(2)
    assert norm(corex.empty(0, 2, 3)).shape == (0, 2, 3)


def cases(backend: str) -> Iterator[tuple[str, Callable[[], None]]]:
    """One check for each example and its siblings."""
    checks = (_std, _heaviside, _factors, _padding, _similarity, _empty_batch)
    yield from ((check.__name__, check) for check in checks)
