"""Images, sequences and volumes in other sizes."""

from __future__ import annotations

from typing import Any

from corex import Tensor
from corex.nn import functional
from corex.nn.modules.module import Module


class Upsample(Module):
    """`functional.interpolate` as a layer.

    Args:
        size: the result's size; this or the next is given.
        scale_factor: the result's size in parts of the input's: one number, or one for each dim.
        mode: 'nearest', 'linear', 'bilinear', 'bicubic', 'trilinear', ...
        align_corners: whether the corners' centres stay where they are.
        recompute_scale_factor: whether the factor is what the rounded sizes give.
    """

    def __init__(
        self,
        size: Any = None,
        scale_factor: Any = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:
        super().__init__()
        self.name = type(self).__name__
        self.size = size
        if isinstance(scale_factor, tuple):
            self.scale_factor: Any = tuple([float(factor) for factor in scale_factor])
        else:
            self.scale_factor = float(scale_factor) if scale_factor else None
        self.mode = mode
        self.align_corners = align_corners
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, ...) -> the same with other sizes."""
        return functional.interpolate(
            input, self.size, self.scale_factor, self.mode, self.align_corners,
            self.recompute_scale_factor,
        )  # fmt: skip

    def extra_repr(self) -> str:
        """The size."""
        if self.scale_factor is not None:
            return f"scale_factor={self.scale_factor!r}, mode={self.mode!r}"
        return f"size={self.size!r}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """Images in another size, each pixel the nearest one.

    Args:
        size: the result's size; this or the next is given.
        scale_factor: the result's size in parts of the input's.
    """

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, mode="nearest")


class UpsamplingBilinear2d(Upsample):
    """Images in another size, linear between pixels; the corners' centres stay where they are.

    Args:
        size: the result's size; this or the next is given.
        scale_factor: the result's size in parts of the input's.
    """

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, mode="bilinear", align_corners=True)
