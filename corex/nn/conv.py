"""Convolutions."""

from __future__ import annotations

import math
from operator import index
from typing import Any

import corex
from corex import Tensor
from corex.nn import functional, init
from corex.nn.module import Module
from corex.nn.parameter import Parameter


def _sizes(name: str, value: Any, dims: int) -> tuple[int, ...]:
    if hasattr(value, "__index__"):
        return (index(value),) * dims
    sizes = tuple([index(size) for size in value])
    if len(sizes) == 1:
        return sizes * dims
    if len(sizes) != dims:
        raise ValueError(f"{name} must be one number or {dims}, got {value!r}")
    return sizes


class _Conv(Module):
    """What convolutions of one and two dimensions share."""

    dims: int
    weight: Parameter
    bias: Parameter | None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if groups <= 0:
            raise ValueError("groups must be a positive integer")
        if in_channels % groups:
            raise ValueError("in_channels must be divisible by groups")
        if out_channels % groups:
            raise ValueError("out_channels must be divisible by groups")
        modes = ("zeros", "reflect", "replicate", "circular")
        if padding_mode not in modes:
            raise ValueError(f"padding_mode must be one of {set(modes)}, but got {padding_mode!r}")
        if padding_mode != "zeros":
            raise NotImplementedError(
                f"{type(self).__name__} supports padding_mode='zeros' only, got {padding_mode!r}"
            )
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = _sizes("kernel_size", kernel_size, self.dims)
        self.stride = _sizes("stride", stride, self.dims)
        self.dilation = _sizes("dilation", dilation, self.dims)
        if isinstance(padding, str):
            if padding not in ("same", "valid"):
                raise ValueError(
                    f"Invalid padding string {padding!r}, should be one of 'same', 'valid'"
                )
            if padding == "same" and any(step != 1 for step in self.stride):
                raise ValueError("padding='same' is not supported for strided convolutions")
            self.padding: Any = padding
        else:
            self.padding = _sizes("padding", padding, self.dims)
        self.groups = groups
        self.padding_mode = padding_mode
        shape = (out_channels, in_channels // groups, *self.kernel_size)
        self.weight = Parameter(corex.empty(shape, device=device, dtype=dtype))
        if bias:
            self.bias = Parameter(corex.empty(out_channels, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws new values, uniform in ±1/sqrt(inputs of a filter)."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in = math.prod(self.weight.shape[1:])
            if fan_in:
                bound = 1 / math.sqrt(fan_in)
                init.uniform_(self.bias, -bound, bound)

    def extra_repr(self) -> str:
        """The sizes, and whatever differs from the default."""
        parts = [
            f"{self.in_channels}",
            f"{self.out_channels}",
            f"kernel_size={self.kernel_size}",
            f"stride={self.stride}",
        ]
        if self.padding != (0,) * self.dims:
            # PyTorch prints the string without quotes.
            parts.append(f"padding={self.padding}")
        if self.dilation != (1,) * self.dims:
            parts.append(f"dilation={self.dilation}")
        if self.groups != 1:
            parts.append(f"groups={self.groups}")
        if self.bias is None:
            parts.append("bias=False")
        return ", ".join(parts)


class Conv2d(_Conv):
    """Cross-correlates images (N, C, H, W) or (C, H, W) with learned filters.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the result.
        kernel_size: height and width of the filters; one number for both.
        stride: step between windows.
        padding: zeros around the image: a number, a pair, 'same' or 'valid'.
        dilation: step between the elements of a window.
        groups: blocks of channels that are not mixed.
        bias: whether to learn an additive bias.
        padding_mode: 'zeros'.
        device: where the parameters are made.
        dtype: their element type.
    """

    dims = 2

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, out_channels, H', W')."""
        return functional.conv2d(
            input,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            self.dilation,
            self.groups,
        )


class Conv1d(_Conv):
    """Cross-correlates sequences (N, C, L) or (C, L) with learned filters; see `Conv2d`."""

    dims = 1

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, L) -> (N, out_channels, L')."""
        return functional.conv1d(
            input,
            self.weight,
            self.bias,
            self.stride,  # type: ignore[arg-type]
            self.padding,
            self.dilation,  # type: ignore[arg-type]
            self.groups,
        )
