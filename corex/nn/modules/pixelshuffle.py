"""Channels for pixels, and the other way round (Shi et al., 2016)."""

from __future__ import annotations

from corex import Tensor
from corex.nn import functional
from corex.nn.modules.module import Module


class PixelShuffle(Module):
    """Blocks of channels become blocks of pixels.

    Args:
        upscale_factor: the blocks' height and width.
    """

    def __init__(self, upscale_factor: int) -> None:
        super().__init__()
        self.upscale_factor = upscale_factor

    def forward(self, input: Tensor) -> Tensor:
        """(..., C r², H, W) -> (..., C, H r, W r)."""
        return functional.pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self) -> str:
        """The factor."""
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """Blocks of pixels become blocks of channels.

    Args:
        downscale_factor: the blocks' height and width.
    """

    def __init__(self, downscale_factor: int) -> None:
        super().__init__()
        self.downscale_factor = downscale_factor

    def forward(self, input: Tensor) -> Tensor:
        """(..., C, H r, W r) -> (..., C r², H, W)."""
        return functional.pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self) -> str:
        """The factor."""
        return f"downscale_factor={self.downscale_factor}"
