"""Discrete Fourier transforms, under the names of `torch.fft`.

The functions are those of the files in `corex/ops/fourier`, which are loaded with this module.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from corex.ops.fourier import frequencies, transforms
from corex.ops.guard import in_namespace
from corex.ops.registration import Out

_F = TypeVar("_F", bound=Callable[..., object])


def _public(name: str, function: _F, out: Out = "cast") -> _F:
    return in_namespace(__name__, name, function, out)


fft = _public("fft", transforms.fft)
fft2 = _public("fft2", transforms.fft2)
fftfreq = _public("fftfreq", frequencies.fftfreq, out="new")
fftn = _public("fftn", transforms.fftn)
fftshift = _public("fftshift", frequencies.fftshift, out="")
hfft = _public("hfft", transforms.hfft)
hfft2 = _public("hfft2", transforms.hfft2)
hfftn = _public("hfftn", transforms.hfftn)
ifft = _public("ifft", transforms.ifft)
ifft2 = _public("ifft2", transforms.ifft2)
ifftn = _public("ifftn", transforms.ifftn)
ifftshift = _public("ifftshift", frequencies.ifftshift, out="")
ihfft = _public("ihfft", transforms.ihfft)
ihfft2 = _public("ihfft2", transforms.ihfft2)
ihfftn = _public("ihfftn", transforms.ihfftn)
irfft = _public("irfft", transforms.irfft)
irfft2 = _public("irfft2", transforms.irfft2)
irfftn = _public("irfftn", transforms.irfftn)
rfft = _public("rfft", transforms.rfft)
rfft2 = _public("rfft2", transforms.rfft2)
rfftfreq = _public("rfftfreq", frequencies.rfftfreq, out="new")
rfftn = _public("rfftn", transforms.rfftn)

__all__ = [
    "fft", "fft2", "fftfreq", "fftn", "fftshift", "hfft", "hfft2", "hfftn", "ifft", "ifft2",
    "ifftn", "ifftshift", "ihfft", "ihfft2", "ihfftn", "irfft", "irfft2", "irfftn", "rfft",
    "rfft2", "rfftfreq", "rfftn",
]  # fmt: skip
