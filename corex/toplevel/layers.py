"""Functions of layers with PyTorch's parameters of the functions in `torch`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import corex
import corex.nn.functional as F
from corex.dispatch.record import no_grad
from corex.layout import numel
from corex.nn.functional.bags import bagged
from corex.nn.functional.noise import sloped
from corex.ops.nn.embedding import renormalise
from corex.ops.random.generator import Generator
from corex.tensor.tensor import Tensor

_MODES = ("bilinear", "nearest", "bicubic")
_PADDINGS = ("zeros", "border", "reflection")


# ---- pools, places -------------------------------------------------------------------------------
def adaptive_max_pool1d(input: Tensor, output_size: Any) -> tuple[Tensor, Tensor]:
    """The largest of each of `output_size` windows of (N, C, L) or (C, L), and its place."""
    values, indices = F.adaptive_max_pool1d(input, output_size, True)
    return values, indices


def affine_grid_generator(theta: Tensor, size: Sequence[int], align_corners: bool) -> Tensor:
    """See `nn.functional.affine_grid`."""
    result: Tensor = F.affine_grid(theta, size, align_corners)
    return result


def grid_sampler(
    input: Tensor, grid: Tensor, interpolation_mode: int, padding_mode: int, align_corners: bool
) -> Tensor:
    """`nn.functional.grid_sample` with modes as numbers: 0 'bilinear', 1 'nearest', 2 'bicubic';
    0 'zeros', 1 'border', 2 'reflection'."""
    result: Tensor = F.grid_sample(
        input, grid, _MODES[interpolation_mode], _PADDINGS[padding_mode], align_corners
    )
    return result


def grid_sampler_2d(
    input: Tensor, grid: Tensor, interpolation_mode: int, padding_mode: int, align_corners: bool
) -> Tensor:
    """`grid_sampler` of images."""
    return grid_sampler(input, grid, interpolation_mode, padding_mode, align_corners)


def grid_sampler_3d(
    input: Tensor, grid: Tensor, interpolation_mode: int, padding_mode: int, align_corners: bool
) -> Tensor:
    """`grid_sampler` of volumes."""
    return grid_sampler(input, grid, interpolation_mode, padding_mode, align_corners)


def constant_pad_nd(input: Tensor, pad: Sequence[int], value: Any = 0) -> Tensor:
    """`nn.functional.pad` with a number."""
    result: Tensor = F.pad(input, pad, "constant", value)
    return result


def convolution(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
) -> Tensor:
    """A convolution, or a transposed one, of as many dims as the weight's shape says."""
    dims = weight.ndim - 2
    result: Tensor
    if transposed:
        function = getattr(F, f"conv_transpose{dims}d")
        result = function(input, weight, bias, stride, padding, output_padding, groups, dilation)
    else:
        result = getattr(F, f"conv{dims}d")(input, weight, bias, stride, padding, dilation, groups)
    return result


# ---- noise ---------------------------------------------------------------------------------------
def alpha_dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """See `nn.functional.alpha_dropout`."""
    result: Tensor = F.alpha_dropout(input, p, train)
    return result


def feature_alpha_dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """See `nn.functional.feature_alpha_dropout`."""
    result: Tensor = F.feature_alpha_dropout(input, p, train)
    return result


def _kept_features(input: Tensor, p: float) -> Tensor:
    """One factor for each channel of (N, C, ...).

    Raises:
        RuntimeError: fewer than two dims.
    """
    if input.ndim < 2:
        raise RuntimeError("Feature dropout requires at least 2 dimensions in the input")
    shape = (*input.shape[:2], *(1,) * (input.ndim - 2))
    kept: Tensor = corex.dropout(input.new_ones(shape), p, True)
    return kept


def feature_dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """`dropout` of whole channels of (N, C, ...)."""
    if not train or p == 0 or not input.numel():
        return input
    return input * _kept_features(input, p)


def alpha_dropout_(input: Tensor, p: float, train: bool) -> Tensor:
    """`alpha_dropout` over the input."""
    result: Tensor = F.alpha_dropout(input, p, train, True)
    return result


def feature_alpha_dropout_(input: Tensor, p: float, train: bool) -> Tensor:
    """`feature_alpha_dropout` over the input."""
    result: Tensor = F.feature_alpha_dropout(input, p, train, True)
    return result


def feature_dropout_(input: Tensor, p: float, train: bool) -> Tensor:
    """`feature_dropout` over the input."""
    if train and p and input.numel():
        input.mul_(_kept_features(input, p))
    return input


def dropout_(input: Tensor, p: float, train: bool) -> Tensor:
    """`dropout` over the input."""
    result: Tensor = F.dropout(input, p, train, True)
    return result


def native_dropout(input: Tensor, p: float, train: bool | None) -> tuple[Tensor, Tensor]:
    """`dropout`, and where elements were kept."""
    if train is False or p == 0:
        return input.clone(), corex.ones_like(input, dtype=corex.bool)
    kept = corex.rand_like(input.detach()) >= p
    return input * kept * (0.0 if p == 1 else 1 / (1 - p)), kept


def rrelu(
    input: Tensor,
    lower: float = 1.0 / 8,
    upper: float = 1.0 / 3,
    training: bool = False,
    generator: Generator | None = None,
) -> Tensor:
    """See `nn.functional.rrelu`."""
    return sloped(input, lower, upper, training, False, generator)


def rrelu_(
    input: Tensor,
    lower: float = 1.0 / 8,
    upper: float = 1.0 / 3,
    training: bool = False,
    generator: Generator | None = None,
) -> Tensor:
    """`rrelu` over the input."""
    return sloped(input, lower, upper, training, True, generator)


# ---- rows ----------------------------------------------------------------------------------------
def embedding_bag(
    weight: Tensor,
    indices: Tensor,
    offsets: Tensor,
    scale_grad_by_freq: bool = False,
    mode: int = 0,
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """`nn.functional.embedding_bag` with modes as numbers: 0 'sum', 1 'mean', 2 'max'; then the bag
    of each index, the bags' sizes, and of 'max' the rows that are largest, else the sizes again.

    As in PyTorch, sizes of 'sum' are 0.
    """
    found = bagged(
        indices, weight, offsets, scale_grad_by_freq, ("sum", "mean", "max")[mode], sparse,
        per_sample_weights, include_last_offset, padding_idx,
    )  # fmt: skip
    sizes = found.sizes * (mode != 0)
    last = sizes.clone() if found.rows is None else found.rows
    of, sizes, last = [t.to(indices.dtype) for t in (found.of, sizes, last)]
    return found.total, of, sizes, last


def embedding_renorm_(input: Tensor, indices: Tensor, max_norm: float, norm_type: float) -> Tensor:
    """Scales the named rows whose norm is larger down to `max_norm`, in place."""
    renormalise(input, indices, max_norm, norm_type)
    return input


# ---- normalisation -------------------------------------------------------------------------------
def instance_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    use_input_stats: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool,
) -> Tensor:
    """See `nn.functional.instance_norm`."""
    result: Tensor = F.instance_norm(
        input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps
    )
    return result


def _statistics(rows: Tensor, dims: Any, eps: float) -> tuple[Tensor, Tensor]:
    """The mean, and one over the deviation."""
    with no_grad():
        var, mean = corex.var_mean(rows.detach(), dims, correction=0)
        return mean, (var + eps).rsqrt()


def native_batch_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """`batch_norm`, and of channels mean and 1 / sqrt(variance + eps): empty if not training."""
    result = F.batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)
    if not training:
        return result, input.new_zeros((0,)), input.new_zeros((0,))
    dims = [d for d in range(input.ndim) if d != 1]
    return (result, *_statistics(input, dims, eps))


def native_layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None,
    bias: Tensor | None,
    eps: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """`layer_norm`, and mean and 1 / sqrt(variance + eps) of what was normalised."""
    result = F.layer_norm(input, normalized_shape, weight, bias, eps)
    count = len(normalized_shape)
    lead = input.shape[: input.ndim - count]
    rows = input.reshape(*lead, numel(tuple(normalized_shape)))
    shape = (*lead, *(1,) * count)
    mean, scale = _statistics(rows, -1, eps)
    return result, mean.reshape(shape), scale.reshape(shape)


def native_group_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    N: int,
    C: int,
    HxW: int,
    group: int,
    eps: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """`group_norm` of N samples of C channels of HxW elements, and mean and 1 / sqrt(variance +
    eps) of the groups, (N, group)."""
    result = F.group_norm(input, group, weight, bias, eps)
    rows = input.reshape(N, group, C // max(group, 1) * HxW)
    return (result, *_statistics(rows, -1, eps))
