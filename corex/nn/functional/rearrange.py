"""Pixels and channels in another order, and images as columns of their windows."""

from __future__ import annotations

from typing import Any

from corex import Tensor
from corex.ops.nn.conv import Pair, padded, pair, windows
from corex.ops.shape.channels import of_images
from corex.ops.shape.parts import slice_view
from corex.ops.shape.views import dense_clone, shaped


@of_images
def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """(..., C r², H, W) to (..., C, H r, W r).

    Source: Shi et al., "Real-time single image and video super-resolution using an efficient
    sub-pixel convolutional neural network" (2016).

    Raises:
        RuntimeError: fewer than three dims, channels that r² does not divide, or r not positive.
    """
    r = upscale_factor
    _check_image("pixel_shuffle", input)
    if r <= 0:
        raise RuntimeError(f"pixel_shuffle expects a positive upscale_factor, but got {r}")
    *lead, channels, height, width = input.shape
    if channels % (r * r):
        raise RuntimeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square "
            f"of upscale_factor, but input.size(-3)={channels} is not divisible by {r * r}"
        )
    n, fewer = len(lead), channels // (r * r)
    parts = input.reshape((*lead, fewer, r, r, height, width))
    order = (*range(n), n, n + 3, n + 1, n + 4, n + 2)
    return shaped(dense_clone(parts.permute(order)), (*lead, fewer, height * r, width * r))


@of_images
def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """(..., C, H r, W r) to (..., C r², H, W): the opposite of `pixel_shuffle`.

    Raises:
        RuntimeError: fewer than three dims, sizes that r does not divide, or r not positive.
    """
    r = downscale_factor
    _check_image("pixel_unshuffle", input)
    if r <= 0:
        raise RuntimeError(f"pixel_unshuffle expects a positive downscale_factor, but got {r}")
    *lead, channels, height, width = input.shape
    for name, dim, size in (("height", -2, height), ("width", -1, width)):
        if size % r:
            raise RuntimeError(
                f"pixel_unshuffle expects {name} to be divisible by downscale_factor, but "
                f"input.size({dim})={size} is not divisible by {r}"
            )
    n = len(lead)
    parts = input.reshape((*lead, channels, height // r, r, width // r, r))
    order = (*range(n), n, n + 2, n + 4, n + 1, n + 3)
    shape = (*lead, channels * r * r, height // r, width // r)
    return shaped(dense_clone(parts.permute(order)), shape)


def _check_image(op: str, input: Tensor) -> None:
    if input.dim() < 3:
        raise RuntimeError(
            f"{op} expects input to have at least 3 dimensions, but got input with "
            f"{input.dim()} dimension(s)"
        )


@of_images
def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """The channels (dim 1) of each group one after the other: (N, g, C / g, ...) transposed.

    Source: Zhang et al., "ShuffleNet" (2018).

    Raises:
        RuntimeError: fewer than three dims, or channels that the groups do not divide.
    """
    if input.dim() <= 2:
        raise RuntimeError(
            f"channel_shuffle expects input with > 2 dims, but got input with sizes "
            f"{list(input.shape)}"
        )
    if groups <= 0:
        raise RuntimeError(
            f"Number of groups to divide channels in must be positive. Value of groups:{groups}"
        )
    channels = input.shape[1]
    if channels % groups:
        raise RuntimeError(
            f"Number of channels must be divisible by groups. Got {channels} channels and "
            f"{groups} groups."
        )
    parts = input.reshape((input.shape[0], groups, channels // groups, *input.shape[2:]))
    return shaped(dense_clone(parts.transpose(1, 2)), input.shape)


native_channel_shuffle = channel_shuffle


def unfold(
    input: Tensor,
    kernel_size: Any,
    dilation: Any = 1,
    padding: Any = 0,
    stride: Any = 1,
) -> Tensor:
    """Every window of (N, C, H, W) or (C, H, W) as a column: (N, C KH KW, windows).

    Raises:
        RuntimeError: another number of dims, or windows that do not fit.
    """
    kernel, spread, margin, steps = _geometry(kernel_size, dilation, padding, stride)
    if input.dim() < 3:
        raise IndexError(f"[unfold] expected 3 or 4 dims, but got shape {list(input.shape)}")
    if input.dim() > 4 or 0 in input.shape[-3:]:
        raise RuntimeError(
            f"Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero "
            f"dimensions for input, but got: {list(input.shape)}"
        )
    if input.dim() == 3:
        columns = unfold(input.unsqueeze(0), kernel, spread, margin, steps)
        return shaped(columns, columns.shape[1:])
    sizes = _positions(input.shape[-2:], kernel, spread, margin, steps)
    if min(sizes) < 1:
        raise RuntimeError(
            f"Given input with spatial size {list(input.shape[-2:])}, kernel_size={kernel}, "
            f"dilation={spread}, padding={margin}, calculated shape of the array of sliding blocks "
            f"as {sizes}, but its components must be at least one."
        )
    w = windows(padded(input, margin), kernel, steps, spread).permute(0, 1, 4, 5, 2, 3)
    n, channels = input.shape[:2]
    shape = (n, channels * kernel[0] * kernel[1], sizes[0] * sizes[1])
    return shaped(dense_clone(w), shape)


def fold(
    input: Tensor,
    output_size: Any,
    kernel_size: Any,
    dilation: Any = 1,
    padding: Any = 0,
    stride: Any = 1,
) -> Tensor:
    """The sum of the columns of `unfold`, each back in its window: (N, C, H, W).

    Raises:
        RuntimeError: sizes that `unfold` would not give.
    """
    kernel, spread, margin, steps = _geometry(kernel_size, dilation, padding, stride)
    height, width = _two(output_size, "output_size")
    if input.dim() not in (2, 3) or 0 in input.shape[-2:]:
        raise RuntimeError(
            f"Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and "
            f"non-zero dimensions for input, but got: {list(input.shape)}"
        )
    if input.dim() == 2:
        image = fold(input.unsqueeze(0), (height, width), kernel, spread, margin, steps)
        return shaped(image, image.shape[1:])
    sizes = _positions((height, width), kernel, spread, margin, steps)
    taps = kernel[0] * kernel[1]
    n, size, count = input.shape
    if size % taps:
        raise RuntimeError(
            f"Expected size of input's dimension 1 to be divisible by the product of kernel_size, "
            f"but got input.size(1)={size} and kernel_size={kernel}."
        )
    if min(sizes) < 1 or count != sizes[0] * sizes[1]:
        raise RuntimeError(
            f"Given output_size={(height, width)}, kernel_size={kernel}, dilation={spread}, "
            f"padding={margin}, stride={steps}, expected size of input's dimension 2 to match the "
            f"calculated number of sliding blocks {sizes[0]} * {sizes[1]}, but got "
            f"input.size(2)={count}."
        )
    channels = size // taps
    parts = input.reshape((n, channels, *kernel, *sizes))
    whole = input.new_zeros((n, channels, height + 2 * margin[0], width + 2 * margin[1]))
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            part = slice_view(whole, 2, i * spread[0], sizes[0], steps[0])
            slice_view(part, 3, j * spread[1], sizes[1], steps[1]).add_(parts[:, :, i, j])
    if margin == (0, 0):
        return whole
    inner = slice_view(slice_view(whole, 2, margin[0], height), 3, margin[1], width)
    return dense_clone(inner)


def _two(value: Any, name: str) -> Pair:
    """A `pair`, of which a tuple must have both numbers: one is not taken for two, as elsewhere."""
    if isinstance(value, tuple | list) and len(value) != 2:
        raise RuntimeError(f"It is expected {name} equals to 2, but got size {len(value)}")
    return pair(value, name)


def _geometry(
    kernel_size: Any, dilation: Any, padding: Any, stride: Any
) -> tuple[Pair, Pair, Pair, Pair]:
    kernel, spread = _two(kernel_size, "kernel_size"), _two(dilation, "dilation")
    margin, steps = _two(padding, "padding"), _two(stride, "stride")
    for name, values in (("kernel size", kernel), ("dilation", spread), ("stride", steps)):
        if min(values) <= 0:
            raise RuntimeError(
                f"{name} should be greater than zero, but got {name}: {values[0]} x {values[1]}"
            )
    if min(margin) < 0:
        raise RuntimeError(f"padding should be non-negative, but got padding: {margin}")
    return kernel, spread, margin, steps


def _positions(
    size: tuple[int, ...], kernel: Pair, dilation: Pair, padding: Pair, stride: Pair
) -> Pair:
    """How many windows there are, vertically and horizontally."""
    rows, columns = (
        (size[i] + 2 * padding[i] - dilation[i] * (kernel[i] - 1) - 1) // stride[i] + 1
        for i in (0, 1)
    )
    return rows, columns
