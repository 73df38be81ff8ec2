"""`assert_close` says the same of values as PyTorch's, and `make_tensor` makes what was asked."""

from __future__ import annotations

from typing import Any

import pytest

import corex
from corex.testing import assert_close, make_tensor

PAIRS = """
t([1., 2.]), t([1., 2.])
t([1., 2.]), t([1., 2.1])
t([1., 2.]), t([1., 2. + 1e-6])
t([1., 2.]), t([1., 2., 3.])
t([1, 2]), t([1, 3])
t([1, 2]), t([1., 2.])
t(1.), t(2.)
t(1.), 1.0
t([nan]), t([nan])
t([inf, 1.]), t([inf, 1.])
t([1 + 1j]), t([1 + 2j])
t([True]), t([False])
[t([1.]), t([2.])], [t([1.]), t([3.])]
[t([1.])], [t([1.]), t([3.])]
{"a": t([1.])}, {"a": t([1.5])}
{"a": t([1.])}, {"b": t([1.])}
1.0, 1.0 + 1e-9
1.0, 1.1
3, 4
3, 3.0
True, False
None, None
None, 3
"a", "a"
""".strip().splitlines()


def outcome(library: Any, function: Any, pair: str, **options: Any) -> tuple[str, str]:
    names = {"t": library.tensor, "nan": float("nan"), "inf": float("inf")}
    try:
        function(*eval(pair, names), **options)
    except (AssertionError, TypeError, ValueError) as error:
        first = str(error).splitlines()[0].replace("torch", "corex")
        return type(error).__name__, first
    return "", ""


@pytest.mark.parity
@pytest.mark.parametrize("pair", PAIRS)
def test_says_what_pytorch_says(pair: str) -> None:
    torch = pytest.importorskip("torch")
    for options in ({}, {"check_dtype": False}, {"rtol": 0.2, "atol": 0.0}, {"equal_nan": True}):
        ours = outcome(corex, assert_close, pair, **options)
        theirs = outcome(torch, torch.testing.assert_close, pair, **options)
        assert ours[0] == theirs[0], options
        if ours[0] == "AssertionError":
            assert ours[1].split(":")[0] == theirs[1].split(":")[0]


def test_messages() -> None:
    a, b = corex.tensor([[1.0, 2.0], [3.0, 4.0]]), corex.tensor([[1.0, 2.0], [3.0, 5.0]])
    with pytest.raises(AssertionError, match=r"Mismatched elements: 1 / 4 \(25.0%\)") as caught:
        assert_close(a, b)
    assert "Greatest absolute difference: 1.0 at index (1, 1) (up to 1e-05" in str(caught.value)
    assert "Greatest relative difference: 0.2 at index (1, 1)" in str(caught.value)
    with pytest.raises(AssertionError, match=r"^mine$"):
        assert_close(a, b, msg="mine")
    with pytest.raises(AssertionError, match=r"item \['x'\]\[1\]"):
        assert_close({"x": [a, a]}, {"x": [a, b]})
    with pytest.raises(ValueError, match="must both be specified"):
        assert_close(a, b, rtol=1e-3)
    with pytest.raises(AssertionError, match="stride"):
        assert_close(a, a.t().contiguous().t(), check_stride=True)
    assert_close(a, b, rtol=0.0, atol=1.0)
    assert_close(a.to_sparse(), a.to_sparse())


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", "float32", "complex64"])
def test_made_tensors(dtype: str) -> None:
    kind = getattr(corex, dtype)
    made = make_tensor((20, 30), dtype=kind, device="cpu", noncontiguous=True, exclude_zero=True)
    assert (made.shape, made.dtype, made.is_contiguous()) == ((20, 30), kind, False)
    assert bool((made != 0).all())
    assert float(made.to(corex.complex128).abs().max()) <= 13
    few = make_tensor(50, dtype=kind, device="cpu", low=0, high=1)
    assert float(few.to(corex.complex128).abs().max()) < 1.5
    with pytest.raises(ValueError, match="must be less than"):
        make_tensor(2, dtype=kind, device="cpu", low=2, high=1)
    if kind.is_inexact:
        assert make_tensor(2, 3, dtype=kind, device="cpu", requires_grad=True).requires_grad
