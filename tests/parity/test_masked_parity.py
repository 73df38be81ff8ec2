"""`corex.masked` against PyTorch: values, dtypes, shapes and gradients, under several masks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import corex

X = np.random.default_rng(0).normal(size=(3, 4, 2)) * 2
MASKS = {
    "none": None,
    "some": np.random.default_rng(1).random((3, 4, 2)) < 0.6,
    "rows": np.array([[True], [False], [True], [True]]),
    "empty rows": np.repeat(np.array([True, False, True]), 8).reshape(3, 4, 2),
}
DIMS: list[dict[str, Any]] = [{}, {"dim": 1}, {"dim": -1, "keepdim": True}, {"dim": (0, 2)}]
REDUCTIONS = ["sum", "prod", "amax", "amin", "mean", "logsumexp", "var", "std", "norm"]
ALONG = ["cumsum", "cumprod", "softmax", "log_softmax", "softmin"]


def compared(name: str, array: Any, mask: Any, gradients: bool, **options: Any) -> None:
    found = []
    for library, make in ((corex, corex.tensor), (torch, torch.tensor)):
        given = {key: named(library, value) for key, value in options.items()}
        x: Any = make(array)
        if gradients:
            x.requires_grad_()
        function: Callable[..., Any] = getattr(library.masked, name)
        out = function(x, mask=None if mask is None else make(mask), **given)
        grad = None
        if gradients:
            out.sum().backward()
            grad = x.grad.numpy()
        found.append((out.detach().numpy(), grad))
    (ours, our_grad), (theirs, their_grad) = found
    assert ours.dtype == theirs.dtype
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, 1e-9, 1e-12)
    if gradients:
        np.testing.assert_allclose(our_grad, their_grad, 1e-8, 1e-12)


def named(library: Any, value: Any) -> Any:
    return getattr(library, value[1:]) if isinstance(value, str) else value


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions(name: str, mask: str) -> None:
    for options in DIMS:
        # The sum of a gradient's NaN and a zero is not defined: no gradients of empty rows.
        smooth = mask != "empty rows" and not (
            mask == "rows" and options.get("dim") in (-1, (0, 2))
        )
        compared(name, X, MASKS[mask], smooth, **options)


@pytest.mark.parametrize("mask", ["none", "some", "rows"])
@pytest.mark.parametrize("name", ALONG)
def test_along_a_dim(name: str, mask: str) -> None:
    compared(name, X, MASKS[mask], name != "log_softmax", dim=1)
    compared(name, X.astype("float32"), MASKS[mask], False, dim=1, dtype="!float64")


@pytest.mark.parametrize("mask", ["none", "some", "rows"])
def test_the_rest(mask: str) -> None:
    for order in (1.0, 2.0, 3.5, float("inf"), float("-inf"), 0.0):
        compared("norm", X, MASKS[mask], False, ord=order, dim=1)
    compared("normalize", X, MASKS[mask], True, ord=2.0, dim=1)
    for name in ("argmax", "argmin"):
        compared(name, X, MASKS[mask], False, dim=1)
        compared(name, X, MASKS[mask], False, dim=0, keepdim=True)
    compared("median", X, MASKS[mask], False, dim=1)
    for options in ({"correction": 0}, {"unbiased": False}, {"correction": 2}):
        compared("var", X, MASKS[mask], False, dim=1, **options)


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8"])
@pytest.mark.parametrize("name", ["sum", "prod", "amax", "amin", "cumsum", "cumprod", "var"])
def test_integers(name: str, dtype: str) -> None:
    array = (np.abs(X) * 2).astype(dtype)
    compared(name, array, MASKS["some"], False, dim=1)


@pytest.mark.parametrize("name", ["sum", "prod"])
def test_bools(name: str) -> None:
    compared(name, X > 0, MASKS["some"], False, dim=1)


def test_two_masks() -> None:
    a, b, one, other = X, X[::-1].copy(), MASKS["some"], ~MASKS["some"]
    ours, theirs = (
        library.masked.logaddexp(
            make(a), make(b), input_mask=make(one), other_mask=make(other)
        ).numpy()
        for library, make in ((corex, corex.tensor), (torch, torch.tensor))
    )
    np.testing.assert_allclose(ours, theirs, 1e-12)


def test_errors() -> None:
    x = corex.tensor(X)
    with pytest.raises(ValueError, match="Could not infer output dtype"):
        corex.masked.mean(x.long())
    with pytest.raises(RuntimeError):
        corex.masked.sum(x, 1, mask=corex.ones(3, dtype=corex.bool))
    with pytest.raises(TypeError, match="argument 'input' must be Tensor, not list"):
        corex.masked.sum([1.0])
    with pytest.raises(TypeError, match="argument 'mask' must be Tensor, not bool"):
        corex.masked.sum(x, mask=True)
    none = corex.zeros(3, 4, 2, dtype=corex.bool)
    with pytest.raises(ValueError, match="no fully masked out rows"):
        corex.masked.median(x.long(), 1, mask=none)
