"""Convolutions, and their transposes, of one to three dims."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import corex
from corex import Tensor
from corex.nn import functional, init
from corex.nn.modules.module import Module
from corex.nn.modules.utils import sizes
from corex.nn.parameter import Parameter

_MODES = ("zeros", "reflect", "replicate", "circular")


def _around(padding: Any, kernel: tuple[int, ...], dilation: tuple[int, ...]) -> list[int]:
    """`padding` as `pad` takes it: the last dim first, both sides of each."""
    if padding == "valid":
        return [0] * (2 * len(kernel))
    if padding == "same":
        reach = [step * (size - 1) for size, step in zip(kernel, dilation, strict=True)]
        return [side for r in reversed(reach) for side in (r // 2, r - r // 2)]
    return [side for p in reversed(padding) for side in (p, p)]


class _ConvNd(Module):
    """What all convolutions share."""

    dims: int
    transposed = False
    weight: Parameter
    bias: Parameter | None

    def _build(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any,
        padding: Any,
        dilation: Any,
        output_padding: Any,
        groups: int,
        bias: bool,
        padding_mode: str,
        device: Any,
        dtype: Any,
    ) -> None:
        if groups <= 0:
            raise ValueError("groups must be a positive integer")
        if in_channels % groups:
            raise ValueError("in_channels must be divisible by groups")
        if out_channels % groups:
            raise ValueError("out_channels must be divisible by groups")
        if padding_mode not in _MODES:
            raise ValueError(f"padding_mode must be one of {set(_MODES)}, but got {padding_mode!r}")
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = sizes("kernel_size", kernel_size, self.dims)
        self.stride = sizes("stride", stride, self.dims)
        self.padding = self._padding(padding)
        self.dilation = sizes("dilation", dilation, self.dims)
        self.output_padding = sizes("output_padding", output_padding, self.dims)
        self.groups = groups
        self.padding_mode = padding_mode
        self._reversed_padding_repeated_twice = _around(
            self.padding, self.kernel_size, self.dilation
        )
        ends = (in_channels, out_channels) if self.transposed else (out_channels, in_channels)
        shape = (ends[0], ends[1] // groups, *self.kernel_size)
        self.weight = Parameter(corex.empty(shape, device=device, dtype=dtype))
        if bias:
            self.bias = Parameter(corex.empty(out_channels, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def _padding(self, padding: Any) -> Any:
        if not isinstance(padding, str):
            return sizes("padding", padding, self.dims)
        if padding not in ("same", "valid"):
            raise ValueError(
                f"Invalid padding string {padding!r}, should be one of 'same', 'valid'"
            )
        if padding == "same" and any(step != 1 for step in self.stride):
            raise ValueError("padding='same' is not supported for strided convolutions")
        return padding

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
        if self.output_padding != (0,) * self.dims:
            parts.append(f"output_padding={self.output_padding}")
        if self.groups != 1:
            parts.append(f"groups={self.groups}")
        if self.bias is None:
            parts.append("bias=False")
        if self.padding_mode != "zeros":
            parts.append(f"padding_mode={self.padding_mode}")
        return ", ".join(parts)


class _Conv(_ConvNd):
    """What convolutions share.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the result.
        kernel_size: the filters' size: one number for all dims, or one for each.
        stride: step between windows.
        padding: how far the input is continued on both sides: numbers, 'same' or 'valid'.
        dilation: step between the elements of a window.
        groups: blocks of channels that are not mixed.
        bias: whether to learn an additive bias.
        padding_mode: with what it is continued: 'zeros', 'reflect', 'replicate' or 'circular'.
        device: where the parameters are made.
        dtype: their element type.

    Raises:
        ValueError: groups that do not divide the channels, or another padding.
    """

    _function: Callable[..., Tensor]

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
        self._build(
            in_channels, out_channels, kernel_size, stride, padding, dilation, 0, groups, bias,
            padding_mode, device, dtype,
        )  # fmt: skip

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        padding = self.padding
        if self.padding_mode != "zeros":
            input = functional.pad(
                input, self._reversed_padding_repeated_twice, mode=self.padding_mode
            )
            padding = 0
        return self._function(input, weight, bias, self.stride, padding, self.dilation, self.groups)

    def forward(self, input: Tensor) -> Tensor:
        """(N, in_channels, ...) or (in_channels, ...) -> the same with out_channels."""
        return self._conv_forward(input, self.weight, self.bias)


class Conv1d(_Conv):
    """Cross-correlates sequences (N, C, L) or (C, L) with learned filters."""

    dims = 1
    _function = staticmethod(functional.conv1d)


class Conv2d(_Conv):
    """Cross-correlates images (N, C, H, W) or (C, H, W) with learned filters."""

    dims = 2
    _function = staticmethod(functional.conv2d)


class Conv3d(_Conv):
    """Cross-correlates volumes (N, C, D, H, W) or (C, D, H, W) with learned filters."""

    dims = 3
    _function = staticmethod(functional.conv3d)


class _ConvTransposeNd(_ConvNd):
    """What transposed convolutions share: the gradient of a convolution, as a layer.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the result.
        kernel_size: the filters' size: one number for all dims, or one for each.
        stride: step between the windows of the result.
        padding: what is cut off the result on both sides.
        output_padding: what is added on one side, to choose among sizes.
        groups: blocks of channels that are not mixed.
        bias: whether to learn an additive bias.
        dilation: step between the elements of a window.
        padding_mode: 'zeros'.
        device: where the parameters are made.
        dtype: their element type.

    Raises:
        ValueError: groups that do not divide the channels, or another padding.
    """

    transposed = True
    _function: Callable[..., Tensor]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {type(self).__name__}')
        super().__init__()
        self._build(
            in_channels, out_channels, kernel_size, stride, padding, dilation, output_padding,
            groups, bias, padding_mode, device, dtype,
        )  # fmt: skip

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """(N, in_channels, ...) or (in_channels, ...) -> the same with out_channels, of the size
        that the arguments give, or of `output_size`, if that is one of those it could have.

        Raises:
            ValueError: an `output_size` that no input of this size can have.
        """
        extra = self.output_padding if output_size is None else self._extra(input, output_size)
        return self._function(
            input, self.weight, self.bias, self.stride, self.padding, extra, self.groups,
            self.dilation,
        )  # fmt: skip

    def _extra(self, input: Tensor, output_size: Sequence[int]) -> tuple[int, ...]:
        dims = self.dims
        lead = input.dim() - dims
        wanted = list(output_size)
        if len(wanted) == lead + dims:
            wanted = wanted[lead:]
        if len(wanted) != dims:
            raise ValueError(
                f"ConvTranspose{dims}D: for {input.dim()}D input, output_size must have {dims} or "
                f"{lead + dims} elements (got {len(wanted)})"
            )
        steps = zip(
            input.shape[lead:], self.stride, self.padding, self.kernel_size, self.dilation,
            strict=True,
        )  # fmt: skip
        least = [(n - 1) * s - 2 * p + d * (k - 1) + 1 for n, s, p, k, d in steps]
        most = [low + step - 1 for low, step in zip(least, self.stride, strict=True)]
        for size, low, high in zip(wanted, least, most, strict=True):
            if not low <= size <= high:
                raise ValueError(
                    f"requested an output size of {wanted}, but valid sizes range from {least} to "
                    f"{most} (for an input of {list(input.shape[lead:])})"
                )
        return tuple([size - low for size, low in zip(wanted, least, strict=True)])


class ConvTranspose1d(_ConvTransposeNd):
    """The transpose of `Conv1d`: (N, C, L) or (C, L)."""

    dims = 1
    _function = staticmethod(functional.conv_transpose1d)


class ConvTranspose2d(_ConvTransposeNd):
    """The transpose of `Conv2d`: (N, C, H, W) or (C, H, W)."""

    dims = 2
    _function = staticmethod(functional.conv_transpose2d)


class ConvTranspose3d(_ConvTransposeNd):
    """The transpose of `Conv3d`: (N, C, D, H, W) or (C, D, H, W)."""

    dims = 3
    _function = staticmethod(functional.conv_transpose3d)
