"""The standard's extension `fft`: Fourier transforms."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import corex
from corex.array_api._promotion import named, require_array
from corex.device import device as Device
from corex.dtypes import DType
from corex.tensor.tensor import Tensor


def _along_one(name: str) -> Callable[..., Tensor]:
    op: Callable[..., Tensor] = getattr(corex.fft, name)

    def function(
        x: Tensor, /, *, n: int | None = None, axis: int = -1, norm: str = "backward"
    ) -> Tensor:
        # The standard knows no conjugates that wait to be computed, as those of `ihfft` do.
        return op(require_array(name, x), n=n, dim=axis, norm=norm).resolve_conj()

    return named(function, name, op)


def _along_many(name: str) -> Callable[..., Tensor]:
    op: Callable[..., Tensor] = getattr(corex.fft, name)

    def function(
        x: Tensor,
        /,
        *,
        s: Sequence[int] | None = None,
        axes: Sequence[int] | None = None,
        norm: str = "backward",
    ) -> Tensor:
        return op(require_array(name, x), s=s, dim=axes, norm=norm)

    return named(function, name, op)


fft = _along_one("fft")
ifft = _along_one("ifft")
rfft = _along_one("rfft")
irfft = _along_one("irfft")
hfft = _along_one("hfft")
ihfft = _along_one("ihfft")
fftn = _along_many("fftn")
ifftn = _along_many("ifftn")
rfftn = _along_many("rfftn")
irfftn = _along_many("irfftn")


def fftfreq(
    n: int,
    /,
    *,
    d: float = 1.0,
    dtype: DType | None = None,
    device: Device | str | None = None,
) -> Tensor:
    """The frequencies of `fft` of n samples, d apart."""
    return corex.fft.fftfreq(n, d, dtype=dtype, device=device)


def rfftfreq(
    n: int,
    /,
    *,
    d: float = 1.0,
    dtype: DType | None = None,
    device: Device | str | None = None,
) -> Tensor:
    """The frequencies of `rfft` of n samples, d apart."""
    return corex.fft.rfftfreq(n, d, dtype=dtype, device=device)


def fftshift(x: Tensor, /, *, axes: int | Sequence[int] | None = None) -> Tensor:
    """The transform with the frequency 0 in the middle."""
    return corex.fft.fftshift(x, axes)


def ifftshift(x: Tensor, /, *, axes: int | Sequence[int] | None = None) -> Tensor:
    """The inverse of `fftshift`."""
    return corex.fft.ifftshift(x, axes)


__all__ = [
    "fft", "fftfreq", "fftn", "fftshift", "hfft", "ifft", "ifftn", "ifftshift", "ihfft", "irfft",
    "irfftn", "rfft", "rfftfreq", "rfftn",
]  # fmt: skip
