"""`corex.signal.windows` against PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import corex

CALLS: dict[str, list[dict[str, Any]]] = {
    "bartlett": [{}],
    "blackman": [{}],
    "cosine": [{}],
    "exponential": [{}, {"tau": 2.5}, {"center": 1.0, "sym": False}],
    "gaussian": [{}, {"std": 0.7}],
    "general_cosine": [{"a": [0.4, 0.3, 0.2, 0.1]}, {"a": (1.0,)}],
    "general_hamming": [{}, {"alpha": 0.3}],
    "hamming": [{}],
    "hann": [{}],
    "kaiser": [{}, {"beta": 0.0}, {"beta": 3.5}],
    "nuttall": [{}],
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("length", [0, 1, 2, 3, 8, 101])
def test_windows(name: str, length: int) -> None:
    for options in CALLS[name]:
        for sym in (True, False):
            given = {"sym": sym, **options}
            for dtype in ("float32", "float64"):
                ours = getattr(corex.signal.windows, name)(
                    length, dtype=getattr(corex, dtype), **given
                )
                theirs = getattr(torch.signal.windows, name)(
                    length, dtype=getattr(torch, dtype), **given
                )
                assert ours.dtype.name == dtype
                assert tuple(ours.shape) == tuple(theirs.shape)
                bound = 2e-6 if dtype == "float32" else 1e-13
                np.testing.assert_allclose(ours.numpy(), theirs.numpy(), 0, bound)


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("hann", {"M": -1}),
    ("bartlett", {"M": -1}),
    ("hann", {"M": 3, "dtype": "int64"}),
    ("kaiser", {"M": 3, "beta": -1.0}),
    ("gaussian", {"M": 3, "std": 0.0}),
    ("exponential", {"M": 3, "tau": 0.0}),
    ("exponential", {"M": 3, "center": 1.0}),
    ("general_cosine", {"M": 3, "a": []}),
    ("general_cosine", {"M": 3, "a": 2}),
    ("hann", {"M": 2.5}),
]


@pytest.mark.parametrize(("name", "options"), WRONG, ids=str)
def test_errors(name: str, options: dict[str, Any]) -> None:
    kinds = []
    for library in (corex, torch):
        given = dict(options)
        if "dtype" in given:
            given["dtype"] = getattr(library, given["dtype"])
        with pytest.raises(Exception) as raised:
            getattr(library.signal.windows, name)(**given)
        kinds.append(raised.type)
    assert kinds[0] is kinds[1]


def test_the_gradient_may_be_wanted() -> None:
    assert corex.signal.windows.hann(4, requires_grad=True).requires_grad
    assert corex.hann_window(4, requires_grad=True).requires_grad
