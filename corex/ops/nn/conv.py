"""Convolution over images (N, C, H, W).

The three convolution ops are closed under differentiation: each one's derivatives are the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import Any

from corex.dispatch.bind import bind
from corex.dispatch.resolve import check_places
from corex.dispatch.views import transformed
from corex.layout import LARGEST, padded_size
from corex.ops.linalg.matmul import matmul
from corex.ops.promotion import require_kinds, require_tensor
from corex.ops.reduce.reductions import sum_
from corex.ops.registration import function
from corex.ops.shape.channels import as_images
from corex.ops.shape.pad import pad as pad_constant
from corex.ops.shape.parts import slice_view, unfold
from corex.ops.shape.views import VIEW, permute, reordered, reshape, unsqueeze
from corex.tensor.schema import INEXACT, OpSchema, declare
from corex.tensor.tensor import Tensor

Pair = tuple[int, int]


def pair(value: Any, name: str) -> Pair:
    """One integer for both directions, or (vertical, horizontal).

    Raises:
        TypeError: something else. RuntimeError: more integers.
    """
    if isinstance(value, int):
        values: tuple[Any, ...] = (value, value)
    else:
        values = tuple(value) if isinstance(value, Sequence) else (value,)
        if not all([type(v) is int for v in values]):  # NumPy's integers, or 0-d tensors
            values = tuple([index(v) if hasattr(v, "__index__") else v for v in values])
    if len(values) == 1:
        values = values * 2
    if len(values) > 2 and all(isinstance(v, int) for v in values):
        raise RuntimeError(f"{name} must be an integer or a pair of integers, got {value!r}")
    if len(values) != 2 or not all(isinstance(v, int) for v in values):
        raise TypeError(f"{name} must be an integer or a pair of integers, got {value!r}")
    if max(values) > LARGEST:
        raise TypeError(f"{name}: Overflow when unpacking long long: {value!r}")
    return values


# ---- convolution -----------------------------------------------------------------------------
def windows(x: Tensor, kernel: tuple[int, ...], stride: Pair, dilation: Pair) -> Tensor:
    """All windows of a padded image as a view: (N, C, OH, OW, KH, KW)."""
    for i in (0, 1):
        x = unfold(x, 2 + i, dilation[i] * (kernel[i] - 1) + 1, stride[i])
        if dilation[i] > 1:
            x = slice_view(x, x.ndim - 1, 0, kernel[i], dilation[i])
    return x


def padded(x: Tensor, padding: Pair, value: float = 0.0) -> Tensor:
    if padding == (0, 0):
        return x
    return pad_constant(x, (padding[1], padding[1], padding[0], padding[0]), value=value)


def _columns(
    x: Tensor, kernel: tuple[int, ...], stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Tensor:
    """im2col: (G, C/G * KH * KW, N * OH * OW)."""
    w = windows(padded(x, padding), kernel, stride, dilation)
    n, c, oh, ow = w.shape[:4]
    size = c // groups * kernel[0] * kernel[1]
    return reshape(permute(w, 1, 4, 5, 0, 2, 3), (groups, size, n * oh * ow))


def _conv_steps(
    x: Tensor, weight: Tensor, bias: Tensor | None,
    stride: Pair, padding: Pair, dilation: Pair, groups: int,
) -> Tensor:  # fmt: skip
    n, oh, ow = _output_shape(x.shape, weight.shape, stride, padding, dilation)
    o, kernel = weight.shape[0], weight.shape[2:]
    columns = _columns(x, kernel, stride, padding, dilation, groups)
    product = matmul(reshape(weight, (groups, o // groups, -1)), columns)
    result = reordered(reshape(product, (o, n, oh, ow)), (1, 0, 2, 3))
    return result if bias is None else result + reshape(bias, (1, -1, 1, 1))


def _input_steps(
    shape: tuple[int, ...], g: Tensor, weight: Tensor,
    stride: Pair, padding: Pair, dilation: Pair, groups: int,
) -> Tensor:  # fmt: skip
    n, c, h, w = shape
    o, kernel = weight.shape[0], weight.shape[2:]
    oh, ow = g.shape[2:]
    rows = reshape(permute(g, 1, 0, 2, 3), (groups, o // groups, n * oh * ow))
    columns = matmul(reshape(weight, (groups, o // groups, -1)).mT, rows)
    windows = permute(reshape(columns, (c, *kernel, n, oh, ow)), 3, 0, 4, 5, 1, 2)
    whole = g.new_zeros((n, c, h + 2 * padding[0], w + 2 * padding[1]))
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            part = slice_view(whole, 2, i * dilation[0], oh, stride[0])
            part = slice_view(part, 3, j * dilation[1], ow, stride[1])
            part.add_(windows[:, :, :, :, i, j])
    inner = slice_view(slice_view(whole, 2, padding[0], h), 3, padding[1], w)
    return inner.contiguous()


def _weight_steps(
    shape: tuple[int, ...], g: Tensor, x: Tensor,
    stride: Pair, padding: Pair, dilation: Pair, groups: int,
) -> Tensor:  # fmt: skip
    o = shape[0]
    n, _, oh, ow = g.shape
    x = _used(x, shape, (oh, ow), stride, padding, dilation)
    columns = _columns(x, shape[2:], stride, (0, 0), dilation, groups)
    rows = reshape(permute(g, 1, 0, 2, 3), (groups, o // groups, n * oh * ow))
    return reshape(matmul(rows, columns.mT), shape)


def _used(
    x: Tensor,
    weight_shape: tuple[int, ...],
    size: Pair,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
) -> Tensor:
    """The padded image without the rest that no window reaches."""
    x = padded(x, padding)
    for i in (0, 1):
        reach = (size[i] - 1) * stride[i] + dilation[i] * (weight_shape[2 + i] - 1) + 1
        x = slice_view(x, 2 + i, 0, reach)
    return x


def _output_shape(
    x: tuple[int, ...], weight: tuple[int, ...], stride: Pair, padding: Pair, dilation: Pair
) -> tuple[int, int, int]:
    sizes = [
        (padded_size(x[2 + i], padding[i]) - dilation[i] * (weight[2 + i] - 1) - 1) // stride[i] + 1
        for i in (0, 1)
    ]
    return x[0], sizes[0], sizes[1]


def _conv_result(
    x: Tensor, weight: Tensor, bias: Any, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> list[Any]:
    n, oh, ow = _output_shape(x.shape, weight.shape, stride, padding, dilation)
    return [((n, weight.shape[0], oh, ow), x.key.dtype)]


_GEOMETRY = ("stride", "padding", "dilation", "groups")

CONV2D = declare(
    OpSchema(
        "conv2d", ("x", "weight", "bias?"), _conv_result, _GEOMETRY,
        {
            "x": lambda g, weight, x_shape, stride, padding, dilation, groups: input_gradient(
                x_shape, g, weight, stride, padding, dilation, groups
            ),
            "weight": lambda g, x, weight_shape, stride, padding, dilation, groups: weight_gradient(
                weight_shape, g, x, stride, padding, dilation, groups
            ),
            "bias": lambda g: sum_(g, (0, 2, 3)),
        },
        decomposition=_conv_steps, takes=INEXACT, tier=2, cost="products",
        family="conv", label="ConvolutionBackward0",
        doc="Cross-correlation of images with filters, plus bias.",
    )
)  # fmt: skip
BACKWARD_INPUT = declare(
    OpSchema(
        "conv2d_backward_input", ("g_out", "weight"),
        lambda g_out, weight, stride, padding, dilation, groups, shape: [(shape, g_out.key.dtype)],
        (*_GEOMETRY, "shape"),
        {
            "g_out": lambda g, weight, stride, padding, dilation, groups: bind(
                CONV2D, (g, weight, None), (stride, padding, dilation, groups)
            ),
            "weight": lambda g, g_out, weight_shape, stride, padding, dilation, groups: (
                weight_gradient(weight_shape, g_out, g, stride, padding, dilation, groups)
            ),
        },
        decomposition=lambda g_out, weight, stride, padding, dilation, groups, shape: _input_steps(
            shape, g_out, weight, stride, padding, dilation, groups
        ),
        takes=INEXACT, tier=2, cost="products", rule_params=1, family="conv",
        doc="Gradient of conv2d's input.",
    )
)  # fmt: skip
BACKWARD_WEIGHT = declare(
    OpSchema(
        "conv2d_backward_weight", ("g_out", "x"),
        lambda g_out, x, stride, padding, dilation, groups, shape: [(shape, g_out.key.dtype)],
        (*_GEOMETRY, "shape"),
        {
            "g_out": lambda g, x, stride, padding, dilation, groups: bind(
                CONV2D, (x, g, None), (stride, padding, dilation, groups)
            ),
            "x": lambda g, g_out, x_shape, stride, padding, dilation, groups: input_gradient(
                x_shape, g_out, g, stride, padding, dilation, groups
            ),
        },
        decomposition=lambda g_out, x, stride, padding, dilation, groups, shape: _weight_steps(
            shape, g_out, x, stride, padding, dilation, groups
        ),
        takes=INEXACT, tier=2, cost="products", rule_params=1, family="conv",
        doc="Gradient of conv2d's weight.",
    )
)  # fmt: skip


def input_gradient(
    shape: tuple[int, ...], g: Tensor, weight: Tensor,
    stride: Pair, padding: Pair, dilation: Pair, groups: int,
) -> Tensor:  # fmt: skip
    """The gradient of conv2d's input of the given shape (a transposed convolution)."""
    if not g.is_floating_point():
        return _input_steps(shape, g, weight, stride, padding, dilation, groups)
    result: Tensor = bind(BACKWARD_INPUT, (g, weight), (stride, padding, dilation, groups, shape))
    return result


def weight_gradient(
    shape: tuple[int, ...], g: Tensor, x: Tensor,
    stride: Pair, padding: Pair, dilation: Pair, groups: int,
) -> Tensor:  # fmt: skip
    """The gradient of conv2d's weight of the given shape."""
    result: Tensor = bind(BACKWARD_WEIGHT, (g, x), (stride, padding, dilation, groups, shape))
    return result


@function()
def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlation of (N, C, H, W) or (C, H, W) with (O, C/groups, KH, KW).

    `padding` is a number, a pair, 'valid' or 'same' (stride 1 only).

    Raises:
        RuntimeError: shapes, groups or dtypes that do not fit.
    """
    for t, name in ((input, "input"), (weight, "weight"), (bias, "bias")):
        if t is not None and require_tensor("conv2d", t, name).key.own is not input.key.own:
            check_places("conv2d", [t], input.key.place)
            raise RuntimeError(
                f"[conv2d] Input type ({input.key}) and {name} type ({t.key}) should be the same"
            )
    if input.ndim == 3:
        batch = conv2d(unsqueeze(input, 0), weight, bias, stride, padding, dilation, groups)
        return transformed(VIEW, batch, (batch.shape[1:],))
    steps, spread = pair(stride, "stride"), pair(dilation, "dilation")
    _check_conv(input, weight, bias, steps, spread, groups)
    given = input
    if isinstance(padding, str):
        input, margin = _named_padding(input, weight, padding, steps, spread)
    else:
        margin = pair(padding, "padding")
        if min(margin) < 0:
            raise RuntimeError(f"[conv2d] negative padding is not supported: {margin}")
    for i in (0, 1):
        reach = spread[i] * (weight.shape[2 + i] - 1) + 1
        if input.shape[2 + i] + 2 * margin[i] < reach:
            raise RuntimeError(
                f"Calculated padded input size per channel: "
                f"({input.shape[2] + 2 * margin[0]} x {input.shape[3] + 2 * margin[1]}). "
                f"Kernel size: ({weight.shape[2]} x {weight.shape[3]}). Kernel size can't be "
                f"greater than actual input size"
            )
    if not input.is_floating_point():  # kernels take floats
        result = _conv_steps(input, weight, bias, steps, margin, spread, groups)
    else:
        result = bind(CONV2D, (input, weight, bias), (steps, margin, spread, groups))
    plain = given._strides is None and weight._strides is None
    return result if plain else as_images(result, given, weight)


def _check_conv(
    input: Tensor, weight: Tensor, bias: Tensor | None, stride: Pair, dilation: Pair, groups: int
) -> None:
    require_kinds("conv2d", "uifc", input)
    if input.ndim != 4 or weight.ndim != 4:
        raise RuntimeError(
            f"Expected 3D (unbatched) or 4D (batched) input to conv2d and 4D weight, but got input "
            f"of size: {list(input.shape)} and weight of size: {list(weight.shape)}"
        )
    if min(weight.shape[2:]) == 0:
        raise RuntimeError(
            f"[conv2d] kernel size should be greater than zero, but got {list(weight.shape[2:])}"
        )
    if min(stride) <= 0 or min(dilation) <= 0 or groups <= 0:
        raise RuntimeError(
            f"non-positive stride, dilation or groups is not supported: {stride}, {dilation}, "
            f"{groups}"
        )
    if input.shape[1] != weight.shape[1] * groups or weight.shape[0] % groups:
        raise RuntimeError(
            f"Given groups={groups}, weight of size {list(weight.shape)}, expected input"
            f"{list(input.shape)} to have {weight.shape[1] * groups} channels, but got "
            f"{input.shape[1]} channels instead"
        )
    if 0 in input.shape[2:]:
        raise RuntimeError(
            f"Only zero batch or zero channel inputs are supported, but got input shape: "
            f"{list(input.shape)}"
        )
    if bias is not None and bias.shape != weight.shape[:1]:
        raise RuntimeError(
            f"Given weight of size {list(weight.shape)}, expected bias to be 1-dimensional with "
            f"{weight.shape[0]} elements, but got bias of size {list(bias.shape)} instead"
        )


def _named_padding(
    input: Tensor, weight: Tensor, padding: str, stride: Pair, dilation: Pair
) -> tuple[Tensor, Pair]:
    if padding == "valid":
        return input, (0, 0)
    if padding != "same":
        raise RuntimeError(f"Invalid padding string: '{padding}'")
    if stride != (1, 1):
        raise RuntimeError("padding='same' is not supported for strided convolutions")
    total = [dilation[i] * (weight.shape[2 + i] - 1) for i in (0, 1)]
    extra = [t % 2 for t in total]
    if any(extra):
        input = pad_constant(input, (0, extra[1], 0, extra[0]))
    return input, (total[0] // 2, total[1] // 2)
