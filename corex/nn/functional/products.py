"""Products of matrices within other functions: convolution over time, groups, a loss of logits."""

from __future__ import annotations

from typing import Any

import corex
from corex import Tensor
from corex.layout import numel
from corex.nn.functional.loss import cross_entropy
from corex.nn.functional.spatial import pad as padded


def conv_tbc(input: Tensor, weight: Tensor, bias: Tensor, pad: int = 0) -> Tensor:
    """`conv1d` of (time, batch, channels) by a weight (width, channels, output channels).

    Raises:
        RuntimeError: other numbers of dims or channels.
    """
    if input.ndim != 3:
        raise RuntimeError("Input must have 3 dims: time, batch, in_channel")
    if weight.ndim != 3:
        raise RuntimeError(
            "Weight tensor must have 3 dims: kernel_width, in_channels, out_channels."
        )
    if bias.ndim != 1:
        raise RuntimeError("Bias must be 1-D")
    if input.shape[2] != weight.shape[1]:
        raise RuntimeError("Input dim 2 (input channels) is not == dim 1 in the weight tensor")
    if weight.shape[2] != bias.shape[0]:
        raise RuntimeError("Bias size must equal dim 2 in the weight tensor (output channels).")
    length = input.shape[0] + 2 * pad - weight.shape[0] + 1
    if length < 0:
        raise RuntimeError(f"Trying to create tensor with negative dimension {length}")
    whole = padded(input, (0, 0, 0, 0, pad, pad)) if pad else input
    result = bias.expand(length, input.shape[1], bias.shape[0])
    for i in range(weight.shape[0]):
        result = result + whole[i : i + length] @ weight[i]
    return result.contiguous()


# ---- groups --------------------------------------------------------------------------------------
_GROUPED = ("bfloat16", "float16", "float32")


def _check_grouped(a: Tensor, b: Tensor, offs: Tensor | None, bias: Any, dtype: Any) -> None:
    """
    Raises:
        RuntimeError: see `grouped_mm`.
    """
    for name, t in (("mat_a", a), ("mat_b", b)):
        if t.dtype.name not in _GROUPED:
            raise RuntimeError(
                f"Expected {name} to be Float32, BFloat16 or Float16 matrix, got {t.dtype.scalar}"
            )
        if t.ndim not in (2, 3):
            raise RuntimeError(f"{name} has to be 2 or 3d")
    if (
        (a.ndim == 3 or b.ndim == 2)
        and a.shape[-1] != b.shape[-2]
        or (a.ndim == 2 and a.shape[-1] != b.shape[-2])
    ):
        raise RuntimeError("contraction dimension of mat_a and mat_b must match")
    if (offs is None) != (a.ndim == 3 and b.ndim == 3):
        raise RuntimeError(
            "Have to provide offsets if there is a 2d matrix, or no offset if both matrices are 3d"
        )
    if offs is not None and offs.dtype is not corex.int32:
        raise RuntimeError("Offsets have to be int32")
    if bias is not None:
        raise RuntimeError("Bias not supported yet")
    if dtype not in (None, a.dtype):
        raise RuntimeError("Grouped gemm output dtype must match `mat_a` dtype")
    groups = [t.shape[0] for t in (a, b) if t.ndim == 3]
    groups += [] if offs is None else [offs.shape[0]]
    if len(set(groups)) > 1:
        raise RuntimeError("matrix batch sizes have to match")


def grouped_mm(
    mat_a: Tensor,
    mat_b: Tensor,
    *,
    offs: Tensor | None = None,
    bias: Tensor | None = None,
    out_dtype: Any = None,
) -> Tensor:
    """Products of the matrices of groups; a two-dimensional operand has its groups one after the
    other, each up to an offset: along the rows of `mat_a` or the columns of `mat_b` if the other
    one has three dims, along what is summed over if both have two.

    Raises:
        RuntimeError: shapes, dtypes or offsets that do not fit.
    """
    _check_grouped(mat_a, mat_b, offs, bias, out_dtype)
    if offs is None:
        return mat_a.bmm(mat_b)
    ends = offs.tolist()
    spans = list(zip([0, *ends[:-1]], ends, strict=True))
    if mat_a.ndim == 2 and mat_b.ndim == 2:
        return corex.stack([mat_a[:, i:j].mm(mat_b[i:j]) for i, j in spans])
    if mat_a.ndim == 2:
        parts = [mat_a[i:j].mm(mat_b[k]) for k, (i, j) in enumerate(spans)]
        return _completed(parts, 0, mat_a.shape[0])
    parts = [mat_a[k].mm(mat_b[:, i:j]) for k, (i, j) in enumerate(spans)]
    return _completed(parts, 1, mat_b.shape[1])


def _completed(parts: list[Tensor], dim: int, size: int) -> Tensor:
    """The parts in a row, with zeros for what no group has."""
    whole = corex.cat(parts, dim)
    missing = size - whole.shape[dim]
    if not missing:
        return whole
    shape = list(whole.shape)
    shape[dim] = missing
    return corex.cat([whole, whole.new_zeros(shape)], dim)


# ---- the loss of a linear layer's output ---------------------------------------------------------
def linear_cross_entropy(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    *,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: Any = None,
) -> Tensor:
    """`cross_entropy` of `linear(input, linear_weight, linear_bias)`.

    `linear_weight` is (classes, ..., features), the target as in `cross_entropy`; `options`, by
    which PyTorch computes in chunks, are accepted and change nothing.

    Raises:
        RuntimeError: shapes that do not fit, or an ignored class where targets are probabilities.
    """
    classes, inner, features = _check_linear(input, linear_weight, linear_bias)
    shape = (*input.shape[:-1], classes, *inner)
    if target.shape == shape and ignore_index is not None:
        raise RuntimeError("ignore_index cannot be specified when target contains probabilities")
    if inner:
        linear_weight = linear_weight.reshape(classes * numel(inner), features)
        linear_bias = None if linear_bias is None else linear_bias.reshape(-1)
    logits = corex.linear(input, linear_weight, linear_bias).reshape(shape)
    return cross_entropy(
        logits, target, weight, ignore_index=-100 if ignore_index is None else ignore_index,
        reduction=reduction, label_smoothing=label_smoothing,
    )  # fmt: skip


def _check_linear(
    input: Tensor, weight: Tensor, bias: Tensor | None
) -> tuple[int, tuple[int, ...], int]:
    """The number of classes, the shape of a sample's loss, and the number of features."""
    if input.ndim not in (1, 2):
        raise RuntimeError(f"expected input with dimensionality 1 or 2, got {input.ndim}")
    if weight.ndim < 2:
        raise RuntimeError(
            f"expected linear_weight with dimensionality at least 2, got {weight.ndim}"
        )
    classes, *middle, features = weight.shape
    inner = tuple(middle)
    if input.shape[-1] != features:
        raise RuntimeError(
            f"expected equal input and linear_weight last dimensions (in_features), got "
            f"{input.shape[-1]} and {features}, respectively"
        )
    if bias is not None and bias.shape != (classes, *inner):
        raise RuntimeError(
            f"expected linear_bias shape {(classes, *inner)}, got {tuple(bias.shape)}"
        )
    if inner and input.ndim == 1:
        raise RuntimeError(
            f"K-dimensional loss defined by linear_weight shape {tuple(weight.shape)} requires "
            f"batched input, (N, {features}), got unbatched input with shape {tuple(input.shape)}"
        )
    return classes, inner, features
