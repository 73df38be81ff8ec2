"""Fourier transforms: NumPy's values, derivatives of both orders, errors, and the gate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import corex
from corex import fft
from corex.autograd.gradcheck import gradcheck, gradgradcheck
from corex.ops.host import HOSTED

RNG = np.random.default_rng(11)
REAL = RNG.standard_normal((2, 4, 5))
COMPLEX = REAL + 1j * RNG.standard_normal(REAL.shape)
ONE = "fft ifft rfft irfft hfft ihfft".split()
SEVERAL = "fft2 ifft2 rfft2 irfft2 fftn ifftn rfftn irfftn".split()
OF_REAL = {"rfft", "ihfft", "rfft2", "rfftn", "ihfft2", "ihfftn"}


def given(name: str, dtype: str = "float64") -> Any:
    if name in OF_REAL:
        return REAL.astype(dtype)
    return COMPLEX.astype("complex128" if dtype == "float64" else "complex64")


def close(found: corex.Tensor, expected: Any, tolerance: float = 1e-9) -> None:
    found = found.detach().resolve_conj()
    np.testing.assert_allclose(found.numpy(), expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("norm", [None, "backward", "forward", "ortho"])
@pytest.mark.parametrize("name", ONE)
def test_along_one_dim(each_backend: str, name: str, norm: Any) -> None:
    array = given(name)
    for n in (None, 3, 8):
        for dim in (-1, 0, 1):
            found = getattr(fft, name)(corex.tensor(array), n, dim, norm)
            close(found, getattr(np.fft, name)(array, n, dim, norm))


@pytest.mark.parametrize("name", SEVERAL)
def test_along_several_dims(each_backend: str, name: str) -> None:
    array = given(name)
    for s, dim in ((None, (0, 2)), ((3, 7), (2, 1)), ((2, 2), (-1, 0))):
        found = getattr(fft, name)(corex.tensor(array), s, dim, "ortho")
        close(found, getattr(np.fft, name)(array, s, dim, "ortho"))


@pytest.mark.parametrize("name", [*ONE, *SEVERAL])
def test_single_precision_stays(each_backend: str, name: str) -> None:
    found = getattr(fft, name)(corex.tensor(given(name, "float32")))
    assert found.dtype in (corex.float32, corex.complex64)
    close(found, getattr(np.fft, name)(given(name)), 1e-4)


def test_hermitian_of_several_dims(each_backend: str) -> None:
    array = corex.tensor(REAL)
    close(fft.hfftn(fft.ihfftn(array), (2, 4, 5)), REAL)
    close(fft.hfft2(fft.ihfft2(array), (4, 5)), REAL)


def test_integers_are_promoted(each_backend: str) -> None:
    found = fft.fft(corex.arange(4))
    assert found.dtype is corex.complex64
    close(found, np.fft.fft(np.arange(4)), 1e-6)


def test_frequencies(each_backend: str) -> None:
    for n in (1, 4, 5):
        close(fft.fftfreq(n, 0.5, dtype=corex.float64), np.fft.fftfreq(n, 0.5))
        close(fft.rfftfreq(n, 0.5, dtype=corex.float64), np.fft.rfftfreq(n, 0.5))
    close(fft.fftshift(corex.tensor(REAL), (0, 2)), np.fft.fftshift(REAL, (0, 2)))
    close(fft.ifftshift(corex.tensor(REAL)), np.fft.ifftshift(REAL))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda t: fft.fft(t, 0), "Invalid number of data points"),
        (lambda t: fft.fft(t, norm="other"), "Invalid normalization mode"),
        (lambda t: fft.fftn(t, dim=(0, -3)), "FFT dims must be unique"),
        (lambda t: fft.fftn(t, (2,), (0, 1)), "must have the same length"),
        (lambda t: fft.fftn(t, (1, 2, 3, 4)), "only has 3 dimensions"),
        (lambda t: fft.rfft(t + 0j), "rfft expects a real input tensor"),
        (lambda t: fft.rfftn(t, dim=()), "must transform at least one axis"),
        (lambda t: fft.fft(t.half()), "Unsupported dtype Half"),
        (lambda t: fft.irfft(t[..., :1]), "Invalid number of data points"),
        (lambda t: corex.stft(t[0], 4), "return_complex"),
        (lambda t: corex.stft(t[0], 9, center=False, return_complex=True), "expected 0 < n_fft"),
        (lambda t: corex.istft(t, 4), "complex-valued input"),
        (lambda t: corex.istft(t + 0j, 5, 1), "frequency dimension"),
        (
            lambda t: corex.istft(t[:, :3] + 0j, 4, 1, window=corex.zeros(4).double()),
            "window overlap",
        ),
    ],
)
def test_wrong_arguments(each_backend: str, call: Callable[..., Any], text: str) -> None:
    with pytest.raises(RuntimeError, match=text):
        call(corex.tensor(REAL))


# ---- derivatives ---------------------------------------------------------------------------------
def parts(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function of a complex tensor as one of parts, with parts as results."""

    def run(t: corex.Tensor) -> corex.Tensor:
        found = function(corex.view_as_complex(t))
        return corex.view_as_real(found) if found.dtype.is_complex else found

    return run


DIFFERENTIABLE: dict[str, Callable[..., Any]] = {
    "fft": lambda t: fft.fft(t, 4),
    "ifftn": lambda t: fft.ifftn(t, norm="ortho"),
    "irfft": fft.irfft,
    "irfft, odd": lambda t: fft.irfft(t, 5, norm="forward"),
    "irfftn": lambda t: fft.irfftn(t, (2, 3)),
    "hfftn": fft.hfftn,
    "istft": lambda t: corex.istft(t, 4, 1),
    "stft": lambda t: corex.stft(t, 3, 1),
    "rfft": lambda t: fft.rfft(t.real, 5),
    "rfftn": lambda t: fft.rfftn(t.real),
    "fft, of reals": lambda t: fft.fft(t.real, dim=0),
    "ihfftn": lambda t: fft.ihfftn(t.real),
    "stft, onesided": lambda t: corex.stft(t.real, 4, 1, 3, return_complex=True),
}


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_derivatives(name: str) -> None:
    t = corex.tensor(RNG.standard_normal((3, 5, 2)), requires_grad=True)
    function = parts(DIFFERENTIABLE[name])
    assert gradcheck(function, (t,))
    assert gradgradcheck(function, (t,))


# ---- windows of signals ------------------------------------------------------------------------
def test_the_inverse_gives_the_signal_back(each_backend: str) -> None:
    signal = corex.tensor(RNG.standard_normal((2, 40)))
    window = corex.hann_window(8, dtype=corex.float64)
    for options in ({}, {"normalized": True}, {"onesided": False}):
        found = corex.stft(signal, 8, 2, window=window, return_complex=True, **options)
        close(corex.istft(found, 8, 2, window=window, **options), signal.numpy())
        back = found.istft(8, 2, window=window, length=37, **options)
        close(back, signal.numpy()[:, :37])


def test_windows_begin_where_the_signal_does(each_backend: str) -> None:
    signal = RNG.standard_normal(12)
    found = corex.stft(
        corex.tensor(signal), 6, 2, 4, center=False, return_complex=True, align_to_window=True
    )
    padded = np.pad(signal, 1)
    for k in range(found.shape[1]):
        piece = padded[2 * k : 2 * k + 6] * [0, 1, 1, 1, 1, 0]
        close(found[:, k], np.fft.rfft(piece))


def test_transforms_are_told_by_their_names(each_backend: str) -> None:
    heard: list[Any] = []
    with corex.observe(heard.append):
        fft.irfft(fft.fft(fft.rfft(corex.tensor(REAL))))
    names = ["_fft_r2c", "_fft_c2c", "_fft_c2r"]
    assert [call.op for call in heard if call.how == "decomposed"] == names
    assert set(names) <= set(HOSTED)
