"""array-api-compat: what it finds out about a tensor; the namespace is handed on as it is."""

from __future__ import annotations

import array_api_compat as compat
import numpy as np
import pytest

import corex
from corex import array_api


def test_the_namespace_is_our_own() -> None:
    x = corex.ones(2, 3)
    assert compat.array_namespace(x) is array_api
    assert compat.array_namespace(x, x.sum(), 1.0, None) is array_api
    with pytest.raises(TypeError, match="Multiple namespaces"):
        compat.array_namespace(x, np.ones(2))


def test_what_it_finds_out() -> None:
    x = corex.ones(2, 3)
    assert compat.is_array_api_obj(x)
    for other in (compat.is_torch_array, compat.is_numpy_array, compat.is_lazy_array):
        assert not other(x)
    assert compat.is_writeable_array(x)
    assert compat.size(x) == 6
    assert compat.device(x) == corex.device("cpu")
    moved = compat.to_device(x, compat.device(x))
    assert isinstance(moved, corex.Tensor)
    assert moved.tolist() == x.tolist()


def test_a_function_of_the_standard_alone() -> None:
    def standardised(x: corex.Tensor) -> corex.Tensor:
        xp = compat.array_namespace(x)
        return (x - xp.mean(x, axis=0)) / xp.std(x, axis=0, correction=1)

    data = np.random.default_rng(0).normal(size=(5, 3))
    found = standardised(corex.from_numpy(data))
    assert isinstance(found, corex.Tensor)
    expected = (data - data.mean(0)) / data.std(0, ddof=1)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)
