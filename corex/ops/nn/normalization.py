"""Normalisation: layer, batch and group, as functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from corex.dispatch.bind import bind
from corex.dispatch.record import no_grad
from corex.layout import numel
from corex.ops.promotion import real_number, require_kinds, require_tensor
from corex.ops.registration import function
from corex.ops.shape.channels import of_images
from corex.ops.shape.views import contiguous, dense_clone, reshape, shaped, unsqueeze
from corex.tensor.modes import mode
from corex.tensor.schema import OpSchema, declare
from corex.tensor.tensor import Tensor


# ---- layer_norm over the last dim of (rows, n) -------------------------------------------------
def _steps(a: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float) -> Any:
    mean = a.mean(-1, True)
    centred = a - mean
    rstd = ((centred * centred).mean(-1, True) + eps).rsqrt()
    result = centred * rstd
    if weight is not None:
        result = result * weight
    if bias is not None:
        result = result + bias
    return result, reshape(mean, (-1,)), reshape(rstd, (-1,))


def _input_gradient(g: Tensor, normal: Tensor, rstd: Tensor) -> Tensor:
    """rstd * (g - mean(g) - normal * mean(g * normal)), g already times the weight."""
    return rstd * (g - g.mean(-1, True) - normal * (g * normal).mean(-1, True))


def _gradients(
    needs: tuple[bool, ...],
    g: Tensor,
    a: Tensor,
    weight: Tensor | None,
    y1: Tensor,
    y2: Tensor,
    eps: float,
) -> list[Any]:
    """From the saved mean and rstd; where the graph goes on, from the input itself."""
    grads: list[Any] = [None, None, None]
    if mode.enabled:
        centred = a - a.mean(-1, True)
        rstd = ((centred * centred).mean(-1, True) + eps).rsqrt()
        normal = centred * rstd
        if needs[0]:
            grads[0] = _input_gradient(g if weight is None else g * weight, normal, rstd)
    elif needs[0]:
        grads[0] = bind(LAYER_NORM_BACKWARD, (g, a, y1, y2, weight))
    if needs[1]:
        if not mode.enabled:
            normal = (a - unsqueeze(y1, 1)) * unsqueeze(y2, 1)
        grads[1] = (g * normal).sum(0)
    if needs[2]:
        grads[2] = g.sum(0)
    return grads


LAYER_NORM = declare(
    OpSchema(
        "layer_norm", ("a", "weight?", "bias?"),
        lambda a, weight, bias, eps: [
            (a.shape, a.key.dtype), (a.shape[:1], a.key.dtype), (a.shape[:1], a.key.dtype)
        ],
        ("eps",), joint=_gradients, decomposition=_steps,
        tier=2, family="norm", doc="Rows with mean 0 and variance 1, times weight plus bias.",
        label="NativeLayerNormBackward0",
    )
)  # fmt: skip


def _backward_steps(
    g_out: Tensor, a: Tensor, mean: Tensor, rstd: Tensor, weight: Tensor | None
) -> Tensor:
    scale = unsqueeze(rstd, 1)
    normal = (a - unsqueeze(mean, 1)) * scale
    return _input_gradient(g_out if weight is None else g_out * weight, normal, scale)


LAYER_NORM_BACKWARD = declare(
    OpSchema(
        "layer_norm_backward", ("g_out", "a", "mean", "rstd", "weight?"),
        lambda g_out, *_: [(g_out.shape, g_out.key.dtype)],
        decomposition=_backward_steps,
        tier=2, family="norm", doc="Gradient of layer_norm's input.",
    )
)  # fmt: skip


@function()
def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enable: bool = True,
) -> Tensor:
    """Mean 0 and (biased) variance 1 over the last dims, times weight plus bias.

    Source: Ba, Kiros, Hinton, "Layer normalization" (2016).

    Raises:
        RuntimeError: `normalized_shape` is not the end of the input's shape, or not the weight's.
    """
    eps = real_number(eps, "layer_norm", "eps")
    shape = tuple(normalized_shape)
    lead = input.ndim - len(shape)
    if not shape or lead < 0 or input.shape[lead:] != shape:
        raise RuntimeError(
            f"Given normalized_shape={list(shape)}, expected input with shape "
            f"[*, {', '.join(map(str, shape))}], but got input of size{list(input.shape)}"
        )
    for name, t in (("weight", weight), ("bias", bias)):
        if t is not None and t.shape != shape:
            raise RuntimeError(
                f"Expected {name} to be of same shape as normalized_shape, but got {name} of shape "
                f"{list(t.shape)} and normalized_shape = {list(shape)}"
            )
    require_kinds("layer_norm", "f", input)
    n = numel(shape)
    rows = reshape(input, (numel(input.shape[:lead]), n))
    flat = [None if t is None else reshape(t, (n,)) for t in (weight, bias)]
    result = bind(LAYER_NORM, (rows, *flat), (float(eps),))[0]
    return shaped(result, input.shape)


@function()
def rms_norm(
    input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None, eps: Any = None
) -> Tensor:
    """input / sqrt(mean(input ** 2) + eps) over the last dims, times weight.

    Source: Zhang and Sennrich, "Root mean square layer normalization" (2019).

    Raises:
        RuntimeError: last dims or a weight of another shape.
    """
    from corex.dtypes import finfo

    tail = tuple(normalized_shape)
    require_kinds("rms_norm", "fc", require_tensor("rms_norm", input))
    if not tail or input.shape[max(input.ndim - len(tail), 0) :] != tail:
        raise RuntimeError(
            f"Given normalized_shape={list(tail)}, expected input with shape [*, "
            f"{', '.join(map(str, tail))}], but got input of size{list(input.shape)}"
        )
    if weight is not None and weight.shape != tail:
        raise RuntimeError(
            f"Expected weight to be of same shape as normalized_shape, but got weight of shape "
            f"{list(weight.shape)} and normalized_shape = {list(tail)}"
        )
    dims = tuple(range(-len(tail), 0))
    floor = finfo(input.key.dtype).eps if eps is None else eps
    input = contiguous(input)
    result = input * ((input * input).mean(dims, True) + floor).rsqrt()
    return result if weight is None else result * weight


# ---- batch_norm and group_norm -------------------------------------------------------------------
@function()
@of_images
def batch_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool = True,
) -> Tensor:
    """Mean 0 and variance 1 per channel (dim 1), times weight plus bias.

    In training with the batch's own (biased) statistics, which also move the running ones (the
    variance unbiased); else with the running ones.

    Source: Ioffe and Szegedy, "Batch normalization" (2015).

    Raises:
        ValueError: training on one value per channel. RuntimeError: statistics of another size.
    """
    if input.shape == (0,):
        return dense_clone(input)
    channels = input.shape[1] if input.ndim > 1 else 0
    for name, t in (("running_mean", running_mean), ("running_var", running_var),
                    ("weight", weight), ("bias", bias)):  # fmt: skip
        if t is not None and t.numel() != channels:
            raise RuntimeError(
                f"[batch_norm] {name} should contain {channels} elements not {t.numel()}"
            )
    if input.ndim < 2:
        raise RuntimeError(f"[batch_norm] expected at least 2 dims, got shape {list(input.shape)}")
    require_kinds("batch_norm", "f", input)
    dims = [d for d in range(input.ndim) if d != 1]
    shape = [1, channels, *[1] * (input.ndim - 2)]
    if not training and (running_mean is None or running_var is None):
        name = "running_mean" if running_mean is None else "running_var"
        raise RuntimeError(f"[batch_norm] {name} must be defined in evaluation mode")
    input = contiguous(input)
    if training or running_mean is None or running_var is None:
        if training and not input.numel():
            return _of_nothing(input, weight, bias, shape)
        count = input.numel() // channels
        if training and count == 1:
            raise ValueError(
                f"Expected more than 1 value per channel when training, got input size "
                f"{list(input.shape)}"
            )
        mean = input.mean(dims, True)
        centred = input - mean
        var = (centred * centred).mean(dims, True)
        if training:
            _move(running_mean, mean, momentum, 1.0)
            _move(running_var, var, momentum, count / max(count - 1, 1))
    else:
        mean, var = reshape(running_mean, shape), reshape(running_var, shape)
        centred = input - mean
    scale = (var + eps).rsqrt()
    if weight is not None:
        scale = scale * reshape(weight, shape)
    result = centred * scale
    return result if bias is None else result + reshape(bias, shape)


def _of_nothing(
    input: Tensor, weight: Tensor | None, bias: Tensor | None, shape: Sequence[int]
) -> Tensor:
    """An empty batch, which says nothing of its statistics; gradients are zeros."""
    result = dense_clone(input)
    if weight is not None:
        result = result * reshape(weight, shape)
    return result if bias is None else result + reshape(bias, shape)


def _move(running: Tensor | None, value: Tensor, momentum: float, factor: float) -> None:
    if running is not None:
        with no_grad():
            target = reshape(value, running.shape) * (momentum * factor)
            running.mul_(1 - momentum).add_(target)


@function()
@of_images
def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enabled: bool = True,
) -> Tensor:
    """Mean 0 and variance 1 over groups of channels, times weight plus bias per channel.

    Source: Wu and He, "Group normalization" (2018).

    Raises:
        RuntimeError: the channels do not divide into the groups.
    """
    if require_tensor("group_norm", input).ndim < 2:
        raise RuntimeError(
            f"Expected at least 2 dimensions for input tensor but received {input.ndim}"
        )
    n, channels = input.shape[:2]
    if num_groups <= 0:
        raise RuntimeError(f"Expected num groups to be greater than 0, got {num_groups}")
    if channels % num_groups:
        raise RuntimeError(
            f"Expected number of channels in input to be divisible by num_groups, but got input of "
            f"shape {list(input.shape)} and num_groups={num_groups}"
        )
    require_kinds("group_norm", "f", input)
    size = numel(input.shape) // max(n * num_groups, 1)
    rows = reshape(input, (n * num_groups, size))
    result = shaped(bind(LAYER_NORM, (rows, None, None), (float(eps),))[0], input.shape)
    shape = (1, channels, *[1] * (input.ndim - 2))
    if weight is not None:
        result = result * reshape(weight, shape)
    return result if bias is None else result + reshape(bias, shape)
