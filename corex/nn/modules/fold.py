"""Windows as columns of a matrix, and back."""

from __future__ import annotations

from typing import Any

from corex import Tensor
from corex.nn import functional
from corex.nn.modules.module import Module


class Fold(Module):
    """Adds up windows, given as columns, to images.

    Args:
        output_size: height and width of the result.
        kernel_size: height and width of a window.
        dilation: step between the elements of a window.
        padding: zeros around the image.
        stride: step between windows.
    """

    def __init__(
        self,
        output_size: Any,
        kernel_size: Any,
        dilation: Any = 1,
        padding: Any = 0,
        stride: Any = 1,
    ) -> None:
        super().__init__()
        self.output_size = output_size
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def forward(self, input: Tensor) -> Tensor:
        """(N, C kH kW, L) or (C kH kW, L) -> (N, C, H, W) or (C, H, W)."""
        return functional.fold(
            input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride
        )

    def extra_repr(self) -> str:
        """The windows."""
        return (
            f"output_size={self.output_size}, kernel_size={self.kernel_size}, "
            f"dilation={self.dilation}, padding={self.padding}, stride={self.stride}"
        )


class Unfold(Module):
    """The windows of images as columns.

    Args:
        kernel_size: height and width of a window.
        dilation: step between the elements of a window.
        padding: zeros around the image.
        stride: step between windows.
    """

    def __init__(
        self, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, H, W) or (C, H, W) -> (N, C kH kW, L) or (C kH kW, L)."""
        return functional.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        """The windows."""
        return (
            f"kernel_size={self.kernel_size}, dilation={self.dilation}, padding={self.padding}, "
            f"stride={self.stride}"
        )
