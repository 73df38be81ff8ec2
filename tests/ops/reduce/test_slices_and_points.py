"""unique along a dim, and histograms of points, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import corex


@pytest.mark.parametrize("shape", [(6, 1), (7, 2), (40, 5), (30, 2, 3), (1, 4), (0, 3)])
def test_unique_slices(each_backend: str, shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(len(shape)).integers(0, 2, shape)
    for dim in range(len(shape)):
        if 0 in shape[:dim] + shape[dim + 1 :]:
            continue
        found = corex.unique(corex.tensor(x), dim=dim, return_inverse=True, return_counts=True)
        right = np.unique(x, axis=dim, return_inverse=True, return_counts=True)
        for ours, theirs in zip(found, right, strict=True):
            assert np.array_equal(ours.numpy(), theirs.reshape(ours.shape))
            assert ours._base is None


def test_unique_slices_of_floats() -> None:
    x = corex.tensor([[0.0, -0.0], [-0.0, 0.0], [float("nan"), 1], [float("nan"), 1]])
    assert corex.unique(x, dim=0).shape == (3, 2)  # a NaN is like no other
    kept, number, sizes = corex.unique_consecutive(
        corex.tensor([[1, 2], [1, 2], [3, 4], [1, 2]]), True, True, dim=0
    )
    assert kept.tolist() == [[1, 2], [3, 4], [1, 2]]
    assert (number.tolist(), sizes.tolist()) == ([0, 0, 1, 2], [2, 1, 1])
    with pytest.raises(RuntimeError, match="sized dimensions"):
        corex.unique(corex.zeros(2, 0), dim=0)
    with pytest.raises(IndexError, match="no dimensions"):
        corex.unique(corex.tensor(1), dim=0)


def test_histogramdd(each_backend: str) -> None:
    rng = np.random.default_rng(3)
    points, weight = rng.uniform(-1, 2, (50, 3)), rng.uniform(0, 1, 50)
    edges = [np.array([-1.0, 0, 0.5, 2]), np.array([-1.0, 2]), np.array([0.0, 0.25, 1])]
    x, w = corex.tensor(points), corex.tensor(weight)
    for bins, own, options in (
        ([2, 3, 4], [2, 3, 4], {}),
        (2, 2, {"range": [(-1, 1), (0, 1), (-1, 2)]}),
        (edges, [corex.tensor(e) for e in edges], {}),
    ):
        for density in (False, True):
            right, lines = np.histogramdd(points, bins, weights=weight, density=density, **options)
            flat = {name: [n for pair in value for n in pair] for name, value in options.items()}
            found = corex.histogramdd(x, own, weight=w, density=density, **flat)
            np.testing.assert_allclose(found.hist.numpy(), right, rtol=1e-12)
            for ours, theirs in zip(found.bin_edges, lines, strict=True):
                np.testing.assert_allclose(ours.numpy(), theirs, rtol=1e-12, atol=1e-15)
    assert corex.histogramdd(corex.zeros(0, 2), [2, 2]).hist.sum() == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: corex.histogramdd(x, [2]), "size of bins"),
        (lambda x: corex.histogramdd(x[0], [2, 2]), "at least 2"),
        (lambda x: corex.histogramdd(x, [2, 0]), "bins must be > 0, but got 0 for dimension 1"),
        (lambda x: corex.histogramdd(x, [2, 2], range=[0.0, 1.0]), "4 elements"),
        (lambda x: corex.histogramdd(x, [2, 2], weight=corex.ones(2)), "weight"),
    ],
)
def test_histogramdd_refuses(call: object, message: str) -> None:
    with pytest.raises(RuntimeError, match=message):
        call(corex.ones(3, 2))  # type: ignore[operator]
