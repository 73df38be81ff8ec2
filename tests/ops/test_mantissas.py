"""frexp and nextafter against NumPy's, over the whole range of a dtype; nonzero_static."""

from __future__ import annotations

import numpy as np
import pytest

import corex


def numbers(dtype: str) -> np.ndarray:
    """Of all exponents, and the special ones."""
    info = np.finfo(dtype)
    bits = np.random.default_rng(1).integers(0, 2**63, 4000, dtype="uint64")
    drawn = (
        bits.view("float64") if dtype == "float64" else (bits >> 32).astype("uint32").view(dtype)
    )
    most, tiny, least = info.max, info.tiny, info.smallest_subnormal
    ends = [0.0, -0.0, 1, -1, 2, 0.5, 4, np.inf, -np.inf, np.nan, most, -most, tiny, -tiny, least,
            -least, 2 * least]  # fmt: skip
    return np.concatenate([drawn, -drawn[:100], np.array(ends, dtype)])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_frexp(each_backend: str, dtype: str) -> None:
    x = numbers(dtype)
    found = corex.frexp(corex.tensor(x))
    mantissa, exponent = np.frexp(x)
    finite = np.isfinite(x)
    assert found.exponent.dtype is corex.int32
    assert np.array_equal(found.mantissa.numpy(), mantissa, equal_nan=True)
    assert np.array_equal(found.exponent.numpy()[finite], exponent[finite])
    assert not found.exponent.numpy()[~finite].any()


def test_frexp_of_others() -> None:
    with pytest.raises(RuntimeError, match="floating-point"):
        corex.frexp(corex.tensor([1, 2]))
    x = corex.tensor([3.0, 0.1], requires_grad=True)
    mantissa, exponent = x.frexp()
    mantissa.sum().backward()
    assert x.grad.tolist() == (2.0**-exponent).tolist()
    assert repr(corex.frexp(x.detach())).startswith("corex.return_types.frexp(")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nextafter(each_backend: str, dtype: str) -> None:
    x = numbers(dtype)
    for y in (
        np.random.default_rng(2).permutation(x),
        x,
        np.zeros_like(x),
        np.full_like(x, np.inf),
    ):
        found = corex.nextafter(corex.tensor(x), corex.tensor(y)).numpy()
        with np.errstate(all="ignore"):
            right = np.nextafter(x, y)
        assert np.array_equal(found, right, equal_nan=True)
        assert np.array_equal(np.signbit(found)[right == 0], np.signbit(right)[right == 0])


def test_nextafter_of_others() -> None:
    with pytest.raises(NotImplementedError):
        corex.nextafter(corex.tensor([1]), corex.tensor([2]))
    a, b = (corex.tensor(v, requires_grad=True) for v in ([1.0, 2.0], [1.0, 3.0]))
    corex.nextafter(a, b).sum().backward()
    assert (a.grad.tolist(), b.grad.tolist()) == ([0, 1], [0, 0])


def test_nonzero_static(each_backend: str) -> None:
    x = corex.tensor([[1, 0, 2], [0, 3, 0]])
    assert x.nonzero_static(size=2).tolist() == [[0, 0], [0, 2]]
    found = corex.nonzero_static(x, size=4, fill_value=7)
    assert found.tolist() == [[0, 0], [0, 2], [1, 1], [7, 7]]
    assert corex.nonzero_static(corex.tensor(3.0), size=2).shape == (2, 0)
    with pytest.raises(RuntimeError, match="non-negative"):
        corex.nonzero_static(x, size=-1)
