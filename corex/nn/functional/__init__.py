"""The functions behind the layers, with PyTorch's names and signatures."""

from __future__ import annotations

import corex
from corex import Tensor
from corex.nn.functional.activation import (
    celu,
    celu_,
    cosine_similarity,
    dropout,
    dropout1d,
    dropout2d,
    elu,
    elu_,
    gelu,
    glu,
    hardshrink,
    hardsigmoid,
    hardswish,
    hardtanh,
    hardtanh_,
    leaky_relu,
    leaky_relu_,
    log_softmax,
    logsigmoid,
    mish,
    normalize,
    prelu,
    relu,
    relu6,
    relu_,
    selu,
    selu_,
    sigmoid,
    silu,
    softmax,
    softmin,
    softplus,
    softshrink,
    softsign,
    tanh,
    tanhshrink,
    threshold,
    threshold_,
)
from corex.nn.functional.attention import scaled_dot_product_attention
from corex.nn.functional.bags import embedding_bag
from corex.nn.functional.ctc import ctc_loss
from corex.nn.functional.distance import pairwise_distance, pdist
from corex.nn.functional.fractional import (
    fractional_max_pool2d,
    fractional_max_pool2d_with_indices,
    fractional_max_pool3d,
    fractional_max_pool3d_with_indices,
)
from corex.nn.functional.grids import affine_grid, grid_sample
from corex.nn.functional.heads import multi_head_attention_forward
from corex.nn.functional.loss import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    hinge_embedding_loss,
    huber_loss,
    kl_div,
    l1_loss,
    margin_ranking_loss,
    mse_loss,
    nll_loss,
    poisson_nll_loss,
    smooth_l1_loss,
    soft_margin_loss,
)
from corex.nn.functional.margins import (
    cosine_embedding_loss,
    gaussian_nll_loss,
    multi_margin_loss,
    multilabel_margin_loss,
    multilabel_soft_margin_loss,
    triplet_margin_loss,
    triplet_margin_with_distance_loss,
)
from corex.nn.functional.noise import (
    alpha_dropout,
    dropout3d,
    feature_alpha_dropout,
    gumbel_softmax,
    rrelu,
    rrelu_,
)
from corex.nn.functional.normalization import instance_norm, local_response_norm
from corex.nn.functional.pooling import (
    adaptive_avg_pool3d,
    adaptive_max_pool1d,
    adaptive_max_pool1d_with_indices,
    adaptive_max_pool2d,
    adaptive_max_pool2d_with_indices,
    adaptive_max_pool3d,
    adaptive_max_pool3d_with_indices,
    avg_pool1d,
    avg_pool3d,
    lp_pool1d,
    lp_pool2d,
    lp_pool3d,
    max_pool1d_with_indices,
    max_pool3d,
    max_pool3d_with_indices,
    max_unpool1d,
    max_unpool2d,
    max_unpool3d,
)
from corex.nn.functional.products import conv_tbc, grouped_mm, linear_cross_entropy
from corex.nn.functional.rearrange import (
    channel_shuffle,
    fold,
    native_channel_shuffle,
    pixel_shuffle,
    pixel_unshuffle,
    unfold,
)
from corex.nn.functional.resize import interpolate, upsample, upsample_bilinear, upsample_nearest
from corex.nn.functional.spatial import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    avg_pool2d,
    batch_norm,
    conv1d,
    conv2d,
    group_norm,
    layer_norm,
    max_pool1d,
    max_pool2d,
    pad,
    rms_norm,
)
from corex.nn.functional.transposed import (
    conv3d,
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose3d,
)
from corex.ops.guard import guarded, written_out
from corex.ops.nn.embedding import embedding as _embedding
from corex.ops.nn.embedding import renormalise
from corex.ops.registration import Out

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool1d_with_indices",
    "adaptive_max_pool2d",
    "adaptive_max_pool2d_with_indices",
    "adaptive_max_pool3d",
    "adaptive_max_pool3d_with_indices",
    "affine_grid",
    "alpha_dropout",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "batch_norm",
    "bilinear",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "celu",
    "celu_",
    "channel_shuffle",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_tbc",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "cosine_embedding_loss",
    "cosine_similarity",
    "cross_entropy",
    "ctc_loss",
    "dropout",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "elu",
    "elu_",
    "embedding",
    "embedding_bag",
    "feature_alpha_dropout",
    "fold",
    "fractional_max_pool2d",
    "fractional_max_pool2d_with_indices",
    "fractional_max_pool3d",
    "fractional_max_pool3d_with_indices",
    "gaussian_nll_loss",
    "gelu",
    "glu",
    "grid_sample",
    "group_norm",
    "grouped_mm",
    "gumbel_softmax",
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "hardtanh_",
    "hinge_embedding_loss",
    "huber_loss",
    "instance_norm",
    "interpolate",
    "kl_div",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "leaky_relu_",
    "linear",
    "linear_cross_entropy",
    "local_response_norm",
    "log_softmax",
    "logsigmoid",
    "lp_pool1d",
    "lp_pool2d",
    "lp_pool3d",
    "margin_ranking_loss",
    "max_pool1d",
    "max_pool1d_with_indices",
    "max_pool2d",
    "max_pool2d_with_indices",
    "max_pool3d",
    "max_pool3d_with_indices",
    "max_unpool1d",
    "max_unpool2d",
    "max_unpool3d",
    "mish",
    "mse_loss",
    "multi_head_attention_forward",
    "multi_margin_loss",
    "multilabel_margin_loss",
    "multilabel_soft_margin_loss",
    "native_channel_shuffle",
    "nll_loss",
    "normalize",
    "one_hot",
    "pad",
    "pairwise_distance",
    "pdist",
    "pixel_shuffle",
    "pixel_unshuffle",
    "poisson_nll_loss",
    "prelu",
    "relu",
    "relu6",
    "relu_",
    "rms_norm",
    "rrelu",
    "rrelu_",
    "scaled_dot_product_attention",
    "selu",
    "selu_",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "soft_margin_loss",
    "softmax",
    "softmin",
    "softplus",
    "softshrink",
    "softsign",
    "tanh",
    "tanhshrink",
    "threshold",
    "threshold_",
    "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
    "unfold",
    "upsample",
    "upsample_bilinear",
    "upsample_nearest",
]

bilinear = corex.bilinear
linear = corex.linear
max_pool2d_with_indices = corex.max_pool2d_with_indices
one_hot = corex.one_hot


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """The rows of `weight` that `input` names; the row `padding_idx` gets no gradient. With
    `sparse` the gradient of `weight` is a sparse tensor: the rows that were named.

    With `max_norm` those rows are first scaled down in place to at most this norm; with
    `scale_grad_by_freq` a row's gradient is divided by how often it is named.

    Raises:
        IndexError: an index outside the rows.
        RuntimeError: `sparse` with `scale_grad_by_freq`.
    """
    if padding_idx is not None:
        rows = weight.shape[0]
        if not -rows <= padding_idx < rows:
            raise AssertionError("Padding_idx must be within num_embeddings")
        padding_idx %= rows
    if max_norm is not None:
        renormalise(weight.detach(), input, max_norm, norm_type)
    return _embedding(input, weight, padding_idx, scale_grad_by_freq, sparse)


_OUT: dict[str, Out] = {"avg_pool3d": "same", "normalize": "cast"}


def _guard() -> None:
    """Puts the functions behind `guarded`, but for the quickest, which check for themselves."""
    for name in __all__:
        function = globals()[name]
        if name in _OUT:
            globals()[name] = guarded(name, function, _OUT[name], __name__)
        elif name != "mse_loss" and function is not corex.ops.functions.get(name):
            globals()[name] = written_out(name, function, __name__)


_guard()
