"""Convolution, pooling, padding of images, and normalisation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import corex
from corex import Tensor, ops

Size2d = int | tuple[int, int]

layer_norm = ops.layer_norm


def pair(name: str, value: Any) -> tuple[int, int]:
    """Height and width out of one number or two.

    Raises:
        ValueError: neither one number nor two.
    """
    if isinstance(value, int):
        return (value, value)
    values = tuple(int(v) for v in value)
    if len(values) == 1:
        return (values[0], values[0])
    if len(values) != 2:
        raise ValueError(f"{name} must be one number or two, got {value!r}")
    return values


def same_padding(kernel: Sequence[int], dilation: Sequence[int]) -> list[int]:
    """How much padding keeps the size, for each dimension: what goes after counts for odd sums."""
    return [step * (size - 1) for size, step in zip(kernel, dilation, strict=True)]


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size2d = 1,
    padding: str | Size2d = 0,
    dilation: Size2d = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlates (N, C, H, W) or (C, H, W) with filters (O, C / groups, KH, KW).

    `padding` is a number, a pair, 'valid' (none) or 'same' (keeps the size; stride 1 only).

    Raises:
        RuntimeError: shapes do not fit, or padding='same' with a stride.
    """
    steps = pair("stride", stride)
    spread = pair("dilation", dilation)
    if isinstance(padding, str):
        around, input = _string_padding(input, weight, padding, steps, spread)
    else:
        around = pair("padding", padding)
    single = input.dim() == 3
    images = input.unsqueeze(0) if single else input
    result = ops.conv2d(images, weight, bias, steps, around, spread, groups)
    return result.squeeze(0) if single else result


def _string_padding(
    input: Tensor,
    weight: Tensor,
    padding: str,
    stride: tuple[int, int],
    dilation: tuple[int, int],
) -> tuple[tuple[int, int], Tensor]:
    if padding == "valid":
        return (0, 0), input
    if padding != "same":
        raise RuntimeError(f"Invalid padding string: '{padding}'; it should be 'valid' or 'same'")
    if stride != (1, 1):
        raise RuntimeError("padding='same' is not supported for strided convolutions")
    high, wide = same_padding(weight.shape[2:], dilation)
    if high % 2 or wide % 2:
        # The odd row or column goes to the bottom or right.
        input = pad(input, (0, wide % 2, 0, high % 2))
    return (high // 2, wide // 2), input


def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple[int] = 1,
    padding: str | int | tuple[int] = 0,
    dilation: int | tuple[int] = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlates (N, C, L) or (C, L) with filters (O, C / groups, K).

    Raises:
        RuntimeError: shapes do not fit, or padding='same' with a stride.
    """
    wide = padding if isinstance(padding, str) else (0, _single(padding))
    result = conv2d(
        input.unsqueeze(-2),
        weight.unsqueeze(-2),
        bias,
        (1, _single(stride)),
        wide,
        (1, _single(dilation)),
        groups,
    )
    return result.squeeze(-2)


def _single(value: Any) -> int:
    return value if isinstance(value, int) else int(value[0])


def pad(
    input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None
) -> Tensor:
    """Adds elements around the last dimensions: `pad` is (before, after) of the last one, then of
    the one before it, and so on; negative numbers cut off.

    Raises:
        NotImplementedError: a mode other than 'constant'.
        RuntimeError: an odd number of sizes, or more than the dimensions have.
    """
    if mode != "constant":
        raise NotImplementedError(f"pad() supports mode='constant' only, got {mode!r}")
    if len(pad) % 2:
        raise RuntimeError(f"pad() needs an even number of sizes, got {len(pad)}")
    if len(pad) // 2 > input.dim():
        raise RuntimeError(
            f"pad() got {len(pad)} sizes, more than two for each of {input.dim()} dimensions"
        )
    shape = list(input.shape)
    cut: list[slice] = [slice(None)] * input.dim()
    place: list[slice] = [slice(None)] * input.dim()
    for i in range(len(pad) // 2):
        dim = input.dim() - 1 - i
        before, after = pad[2 * i], pad[2 * i + 1]
        size = shape[dim] + before + after
        if size < 0:
            raise RuntimeError(
                f"pad() would make dimension {dim} of size {shape[dim]} negative: {tuple(pad)}"
            )
        cut[dim] = slice(max(-before, 0), shape[dim] - max(-after, 0))
        place[dim] = slice(max(before, 0), size - max(after, 0))
        shape[dim] = size
    result = corex.full(tuple(shape), value or 0.0, dtype=input.dtype, device=input.device)
    result[tuple(place)] = input[tuple(cut)]
    return result


def max_pool2d(
    input: Tensor,
    kernel_size: Size2d,
    stride: Size2d | None = None,
    padding: Size2d = 0,
    dilation: Size2d = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The maximum of every window of (N, C, H, W) or (C, H, W); with `return_indices` also its
    position, row by row, in the plane.

    Raises:
        RuntimeError: the windows do not fit.
    """
    if input.dim() == 3:
        result = max_pool2d(
            input.unsqueeze(0), kernel_size, stride, padding, dilation, ceil_mode, return_indices
        )
        return tuple(r.squeeze(0) for r in result) if return_indices else result.squeeze(0)
    kernel = pair("kernel_size", kernel_size)
    steps = kernel if stride is None else pair("stride", stride)
    options = (kernel, steps, pair("padding", padding), pair("dilation", dilation), ceil_mode)
    if return_indices:
        return ops.max_pool2d_with_indices(input, *options)
    return ops.max_pool2d(input, *options)


def max_pool1d(
    input: Tensor,
    kernel_size: int | tuple[int],
    stride: int | tuple[int] | None = None,
    padding: int | tuple[int] = 0,
    dilation: int | tuple[int] = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The maximum of every window of (N, C, L) or (C, L)."""
    result = max_pool2d(
        input.unsqueeze(-2),
        (1, _single(kernel_size)),
        None if stride is None else (1, _single(stride)),
        (0, _single(padding)),
        (1, _single(dilation)),
        ceil_mode,
        return_indices,
    )
    return tuple(r.squeeze(-2) for r in result) if return_indices else result.squeeze(-2)


def avg_pool2d(
    input: Tensor,
    kernel_size: Size2d,
    stride: Size2d | None = None,
    padding: Size2d = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of every window of (N, C, H, W) or (C, H, W).

    Raises:
        RuntimeError: the windows do not fit.
    """
    if input.dim() == 3:
        return avg_pool2d(
            input.unsqueeze(0),
            kernel_size,
            stride,
            padding,
            ceil_mode,
            count_include_pad,
            divisor_override,
        ).squeeze(0)
    kernel = pair("kernel_size", kernel_size)
    steps = kernel if stride is None else pair("stride", stride)
    around = pair("padding", padding)
    if divisor_override is not None:
        if divisor_override == 0:
            raise RuntimeError("divisor must be not zero")
        total = ops.avg_pool2d(input, kernel, steps, around, ceil_mode, True)
        return total * (kernel[0] * kernel[1] / divisor_override)
    return ops.avg_pool2d(input, kernel, steps, around, ceil_mode, count_include_pad)


def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """Means of windows chosen so that the result has the given height and width.

    Args:
        input: (N, C, H, W) or (C, H, W).
        output_size: one number or (height, width); None keeps the size.
    """
    sizes = (output_size, output_size) if isinstance(output_size, int | None) else output_size
    for dim, size in zip((-2, -1), sizes, strict=True):
        if size is not None:
            input = _adaptive_mean(input, dim, size)
    return input


def adaptive_avg_pool1d(input: Tensor, output_size: int | tuple[int]) -> Tensor:
    """Means of windows chosen so that the result of (N, C, L) has the given length."""
    return _adaptive_mean(input, -1, _single(output_size))


def _adaptive_mean(input: Tensor, dim: int, size: int) -> Tensor:
    full = input.shape[dim]
    if size and full % size == 0:
        # Windows of equal size: one reshape and one mean.
        cut = input.dim() + dim
        shape = (*input.shape[:cut], size, full // size, *input.shape[cut + 1 :])
        return input.reshape(shape).mean(cut + 1)
    windows = [
        input.narrow(dim, i * full // size, -(-(i + 1) * full // size) - i * full // size)
        for i in range(size)
    ]
    return corex.cat([window.mean(dim, keepdim=True) for window in windows], dim)


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalises every channel of (N, C, ...), over the batch while training, else by the running
    statistics, which training updates.

    Raises:
        ValueError: training with a single value per channel.
    """
    if training and input.numel() == input.shape[1]:
        raise ValueError(
            "Expected more than 1 value per channel when training, got input size "
            f"{tuple(input.shape)}"
        )
    return ops.batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)


def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Normalises (N, C, ...) over groups of channels.

    Raises:
        RuntimeError: the groups do not divide the channels.
    """
    if input.dim() < 2:
        raise RuntimeError(
            f"Expected at least 2 dimensions for input tensor but received {input.dim()}"
        )
    batch, channels = input.shape[:2]
    if channels % num_groups:
        raise RuntimeError(
            "Expected number of channels in input to be divisible by num_groups, but got input of "
            f"shape {list(input.shape)} and num_groups={num_groups}"
        )
    rows = input.reshape(batch, num_groups, -1)
    result = ops.layer_norm(rows, (rows.shape[-1],), None, None, eps).reshape(input.shape)
    per_channel = (channels,) + (1,) * (input.dim() - 2)
    if weight is not None:
        result = result * weight.reshape(per_channel)
    if bias is not None:
        result = result + bias.reshape(per_channel)
    return result


def rms_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    eps: float | None = None,
) -> Tensor:
    """`input / sqrt(mean(input²) + eps) * weight` over the trailing dimensions.

    Raises:
        RuntimeError: the input does not end in `normalized_shape`.
    """
    shape = tuple(normalized_shape)
    if tuple(input.shape[-len(shape) :]) != shape:
        raise RuntimeError(
            f"Given normalized_shape={list(shape)}, expected input with shape "
            f"[*, {', '.join(map(str, shape))}], but got input of size{list(input.shape)}"
        )
    if eps is None:
        eps = corex.finfo(input.dtype).eps
    dims = tuple(range(-len(shape), 0))
    result = input * corex.rsqrt((input * input).mean(dims, keepdim=True) + eps)
    return result if weight is None else result * weight
