"""multinomial follows its weights, and refuses what is no distribution."""

from __future__ import annotations

import pytest

import corex


def test_multinomial_follows_the_weights(each_backend: str) -> None:
    corex.manual_seed(3)
    weights = corex.tensor([[1.0, 0.0, 3.0], [0.0, 2.0, 2.0]])
    drawn = corex.multinomial(weights, 2000, replacement=True)
    counts = [[(row == k).sum().item() / 2000 for k in range(3)] for row in drawn]
    for got, want in zip(counts, ([0.25, 0.0, 0.75], [0.0, 0.5, 0.5]), strict=True):
        assert got == pytest.approx(want, abs=0.05)
    rows = corex.multinomial(weights, 2).tolist()
    assert sorted(rows[0]) == [0, 2]
    assert sorted(rows[1]) == [1, 2]


def test_multinomial_refuses_what_is_no_distribution() -> None:
    for weights, count in (([0.0, 0.0], 1), ([1.0, 0.0], 2), ([1.0, -1.0], 1), ([1.0, 2.0], 0)):
        with pytest.raises(RuntimeError):
            corex.multinomial(corex.tensor(weights), count)
