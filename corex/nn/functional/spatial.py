"""Convolution and pooling: the one-dimensional forms, by way of the two-dimensional ops."""

from __future__ import annotations

from typing import Any

import corex
from corex import Tensor
from corex.ops.nn.normalization import batch_norm as _batch_norm
from corex.ops.promotion import require_kinds

adaptive_avg_pool2d = corex.adaptive_avg_pool2d
avg_pool2d = corex.avg_pool2d
conv2d = corex.conv2d
group_norm = corex.group_norm
layer_norm = corex.layer_norm
max_pool2d = corex.max_pool2d
pad = corex.pad
rms_norm = corex.rms_norm


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
    """See `corex.batch_norm`, which has the arguments in another order."""
    return _batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps)


def _single(value: Any) -> int:
    if isinstance(value, int):
        return value
    if not isinstance(value, tuple | list) or len(value) != 1:
        raise TypeError(f"expected an integer, or a tuple of one, not {value!r}")
    return int(value[0])


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
    if input.dim() not in (2, 3) or weight.dim() != 3:
        raise RuntimeError(
            "Expected 2D (unbatched) or 3D (batched) input to conv1d and 3D weight, but got input "
            f"of size: {list(input.shape)} and weight of size: {list(weight.shape)}"
        )
    result = corex.conv2d(
        input.unsqueeze(-2),
        weight.unsqueeze(-2),
        bias,
        (1, _single(stride)),
        padding if isinstance(padding, str) else (0, _single(padding)),
        (1, _single(dilation)),
        groups,
    )
    return result.squeeze_(-2)  # itself, as PyTorch's result is no view


def max_pool1d(
    input: Tensor,
    kernel_size: int | tuple[int],
    stride: int | tuple[int] | None = None,
    padding: int | tuple[int] = 0,
    dilation: int | tuple[int] = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The maximum of every window of (N, C, L) or (C, L).

    Raises:
        RuntimeError: a window that does not fit.
    """
    if input.dim() not in (2, 3):
        raise RuntimeError(
            f"max_pool1d: Expected 2D or 3D (batch mode) tensor with optional 0 dim batch size for "
            f"input, but got:{list(input.shape)}"
        )
    if not return_indices:
        require_kinds("max_pool1d", "f", input)
    values, indices = corex.max_pool2d_with_indices(
        input.unsqueeze(-2),
        (1, _single(kernel_size)),
        (1, _single(stride)) if stride or stride == 0 else None,
        (0, _single(padding)),
        (1, _single(dilation)),
        ceil_mode,
    )
    values = values.squeeze(-2)
    return (values, indices.squeeze(-2)) if return_indices else values


def adaptive_avg_pool1d(input: Tensor, output_size: int | tuple[int]) -> Tensor:
    """Means of windows chosen so that the result of (N, C, L) has the given length."""
    if input.dim() not in (2, 3):
        raise RuntimeError(
            f"adaptive_avg_pool1d() Expected 2D or 3D input, but got {list(input.shape)}"
        )
    if isinstance(output_size, tuple | list) and len(output_size) != 1:
        raise RuntimeError(
            f"adaptive_avg_pool1d() argument 'output_size' should contain one int (got "
            f"{len(output_size)})"
        )
    return corex.adaptive_avg_pool2d(input.unsqueeze(-2), (1, _single(output_size))).squeeze(-2)
