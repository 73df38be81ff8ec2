"""The window functions, against NumPy's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import corex

WINDOWS: dict[str, tuple[Callable[..., Any], Callable[[int], Any], tuple[float, ...]]] = {
    "hann": (corex.hann_window, np.hanning, ()),
    "hamming": (corex.hamming_window, np.hamming, ()),
    "blackman": (corex.blackman_window, np.blackman, ()),
    "bartlett": (corex.bartlett_window, np.bartlett, ()),
    "kaiser": (corex.kaiser_window, lambda length: np.kaiser(length, 8.0), (8.0,)),
}


@pytest.mark.parametrize("name", WINDOWS)
@pytest.mark.parametrize("length", [0, 1, 2, 5, 64])
def test_windows(name: str, length: int, each_backend: str) -> None:
    ours, theirs, more = WINDOWS[name]
    symmetric = ours(length, False, *more, dtype=corex.float64)
    np.testing.assert_allclose(symmetric.numpy(), theirs(length), 0, 1e-14)
    periodic = ours(length, True, *more, dtype=corex.float64)
    right = theirs(length + 1)[:length] if length > 1 else theirs(length)
    np.testing.assert_allclose(periodic.numpy(), right, 0, 1e-14)
    assert ours(length, True, *more).dtype is corex.float32


def test_errors() -> None:
    with pytest.raises(RuntimeError, match="requires non-negative window_length"):
        corex.hann_window(-1)
    with pytest.raises(RuntimeError, match="expects floating point dtypes"):
        corex.kaiser_window(3, dtype=corex.int64)
    with pytest.raises(TypeError, match="must be int, not float"):
        corex.bartlett_window(2.5)
