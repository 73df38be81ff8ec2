"""Convolution and pooling over images (N, C, H, W).

The three convolution ops are closed under differentiation: each one's derivatives are the others.
"""

from __future__ import annotations

from typing import Any

from corex import dtypes as dt
from corex.dispatcher import call, run
from corex.layout import numel
from corex.ops.join import cat
from corex.ops.join import pad as pad_constant
from corex.ops.matmul import matmul
from corex.ops.promotion import require_tensor
from corex.ops.reduce import sum_
from corex.ops.views import permute, reshape, slice_view, unfold, unsqueeze
from corex.resolution import empty
from corex.schema import OpSchema, declare
from corex.tensor import Tensor

Pair = tuple[int, int]


def pair(value: Any, name: str) -> Pair:
    """One integer for both directions, or (vertical, horizontal).

    Raises:
        TypeError: something else.
    """
    if isinstance(value, int):
        return (value, value)
    values = tuple(value)
    if len(values) == 1:
        values = values * 2
    if len(values) != 2 or not all(isinstance(v, int) for v in values):
        raise TypeError(f"{name} must be an integer or a pair of integers, got {value!r}")
    return values


# ---- convolution -----------------------------------------------------------------------------
def _windows(x: Tensor, kernel: tuple[int, ...], stride: Pair, dilation: Pair) -> Tensor:
    """All windows of a padded image as a view: (N, C, OH, OW, KH, KW)."""
    for i in (0, 1):
        x = unfold(x, 2 + i, dilation[i] * (kernel[i] - 1) + 1, stride[i])
        if dilation[i] > 1:
            x = slice_view(x, x.ndim - 1, 0, kernel[i], dilation[i])
    return x


def _padded(x: Tensor, padding: Pair, value: float = 0.0) -> Tensor:
    if padding == (0, 0):
        return x
    return pad_constant(x, (padding[1], padding[1], padding[0], padding[0]), value=value)


def _columns(
    x: Tensor, kernel: tuple[int, ...], stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Tensor:
    """im2col: (G, C/G * KH * KW, N * OH * OW)."""
    w = _windows(_padded(x, padding), kernel, stride, dilation)
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
    result = permute(reshape(product, (o, n, oh, ow)), 1, 0, 2, 3).contiguous()
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
    x = _padded(x, padding)
    for i in (0, 1):
        reach = (size[i] - 1) * stride[i] + dilation[i] * (weight_shape[2 + i] - 1) + 1
        x = slice_view(x, 2 + i, 0, reach)
    return x


def _output_shape(
    x: tuple[int, ...], weight: tuple[int, ...], stride: Pair, padding: Pair, dilation: Pair
) -> tuple[int, int, int]:
    sizes = [
        (x[2 + i] + 2 * padding[i] - dilation[i] * (weight[2 + i] - 1) - 1) // stride[i] + 1
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
        decomposition=_conv_steps, tier=2, family="conv", label="ConvolutionBackward0",
        doc="Cross-correlation of images with filters, plus bias.",
    )
)  # fmt: skip
BACKWARD_INPUT = declare(
    OpSchema(
        "conv2d_backward_input", ("g_out", "weight"),
        lambda g_out, weight, stride, padding, dilation, groups, shape: [(shape, g_out.key.dtype)],
        (*_GEOMETRY, "shape"),
        {
            "g_out": lambda g, weight, stride, padding, dilation, groups: call(
                CONV2D, (g, weight, None), (stride, padding, dilation, groups)
            ),
            "weight": lambda g, g_out, weight_shape, stride, padding, dilation, groups: (
                weight_gradient(weight_shape, g_out, g, stride, padding, dilation, groups)
            ),
        },
        decomposition=lambda g_out, weight, stride, padding, dilation, groups, shape: _input_steps(
            shape, g_out, weight, stride, padding, dilation, groups
        ),
        tier=2, rule_params=1, family="conv", doc="Gradient of conv2d's input.",
    )
)  # fmt: skip
BACKWARD_WEIGHT = declare(
    OpSchema(
        "conv2d_backward_weight", ("g_out", "x"),
        lambda g_out, x, stride, padding, dilation, groups, shape: [(shape, g_out.key.dtype)],
        (*_GEOMETRY, "shape"),
        {
            "g_out": lambda g, x, stride, padding, dilation, groups: call(
                CONV2D, (x, g, None), (stride, padding, dilation, groups)
            ),
            "x": lambda g, g_out, x_shape, stride, padding, dilation, groups: input_gradient(
                x_shape, g_out, g, stride, padding, dilation, groups
            ),
        },
        decomposition=lambda g_out, x, stride, padding, dilation, groups, shape: _weight_steps(
            shape, g_out, x, stride, padding, dilation, groups
        ),
        tier=2, rule_params=1, family="conv", doc="Gradient of conv2d's weight.",
    )
)  # fmt: skip


def input_gradient(
    shape: tuple[int, ...], g: Tensor, weight: Tensor,
    stride: Pair, padding: Pair, dilation: Pair, groups: int,
) -> Tensor:  # fmt: skip
    """The gradient of conv2d's input of the given shape (a transposed convolution)."""
    result: Tensor = call(BACKWARD_INPUT, (g, weight), (stride, padding, dilation, groups, shape))
    return result


def weight_gradient(
    shape: tuple[int, ...], g: Tensor, x: Tensor,
    stride: Pair, padding: Pair, dilation: Pair, groups: int,
) -> Tensor:  # fmt: skip
    """The gradient of conv2d's weight of the given shape."""
    result: Tensor = call(BACKWARD_WEIGHT, (g, x), (stride, padding, dilation, groups, shape))
    return result


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
        if t is not None and require_tensor("conv2d", t, name).key is not input.key:
            raise RuntimeError(
                f"[conv2d] Input type ({input.key}) and {name} type ({t.key}) should be the same"
            )
    if input.ndim == 3:
        return conv2d(unsqueeze(input, 0), weight, bias, stride, padding, dilation, groups)[0]
    steps, spread = pair(stride, "stride"), pair(dilation, "dilation")
    _check_conv(input, weight, bias, steps, spread, groups)
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
    result: Tensor = call(CONV2D, (input, weight, bias), (steps, margin, spread, groups))
    return result


def _check_conv(
    input: Tensor, weight: Tensor, bias: Tensor | None, stride: Pair, dilation: Pair, groups: int
) -> None:
    if not input.is_floating_point():
        raise NotImplementedError(f'[conv2d] "conv2d" not implemented for {input.dtype!r}')
    if input.ndim != 4 or weight.ndim != 4:
        raise RuntimeError(
            f"Expected 3D (unbatched) or 4D (batched) input to conv2d and 4D weight, but got input "
            f"of size: {list(input.shape)} and weight of size: {list(weight.shape)}"
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


# ---- pooling ---------------------------------------------------------------------------------
def _pool_size(size: int, kernel: int, stride: int, padding: int, dilation: int, ceil: bool) -> int:
    span = size + 2 * padding - dilation * (kernel - 1) - 1
    count = (-(-span // stride) if ceil else span // stride) + 1
    if ceil and (count - 1) * stride >= size + padding:
        count -= 1  # a window must start inside the image or its left padding
    return count


def _max_pool_steps(
    x: Tensor, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair
) -> tuple[Tensor, Tensor]:
    w = _windows(_padded(x, padding, float("-inf")), kernel, stride, dilation)
    n, c, oh, ow = w.shape[:4]
    flat = reshape(w, (n, c, oh, ow, kernel[0] * kernel[1]))
    at = flat.argmax(-1)
    values = flat.amax(-1)
    key = x.key.place.key(dt.int64)
    row, column = empty(key, (oh, 1)), empty(key, (ow,))
    run("arange", [reshape(row, (-1,))], [], (-padding[0], stride[0]))
    run("arange", [column], [], (-padding[1], stride[1]))
    y = at.floor_divide(kernel[1]) * dilation[0] + row
    z = at.remainder(kernel[1]) * dilation[1] + column
    return values, y * x.shape[3] + z


MAX_POOL = declare(
    OpSchema(
        "max_pool2d", ("x",),
        lambda x, kernel, stride, padding, dilation: [
            (shape := (*x.shape[:2], *(
                _pool_size(x.shape[2 + i], kernel[i], stride[i], padding[i], dilation[i], False)
                for i in (0, 1)
            )), x.key.dtype),
            (shape, dt.int64),
        ],
        ("kernel", "stride", "padding", "dilation"),
        {"x": lambda g, x_shape, y1: max_pool_gradient(x_shape, g, y1)},
        decomposition=_max_pool_steps, tier=2, family="pool", uniform=False,
        label="MaxPool2DWithIndicesBackward0",
        doc="The largest of each window, and where it was.",
    )
)  # fmt: skip
MAX_POOL_BACKWARD = declare(
    OpSchema(
        "max_pool2d_backward", ("g_out", "indices"),
        lambda g_out, indices, shape: [(shape, g_out.key.dtype)], ("shape",),
        {"g_out": lambda g, indices: _picked(g, indices)},
        decomposition=lambda g_out, indices, shape: reshape(
            _flat_images(g_out.new_zeros(shape)).scatter_add(
                -1, _flat_images(indices), _flat_images(g_out)
            ),
            shape,
        ),
        tier=2, rule_params=1, family="pool", uniform=False, doc="Gradient of max_pool2d's input.",
    )
)  # fmt: skip


def _flat_images(t: Tensor) -> Tensor:
    return reshape(t, (*t.shape[:2], numel(t.shape[2:])))


def _picked(g: Tensor, indices: Tensor) -> Tensor:
    return reshape(_flat_images(g).gather(-1, _flat_images(indices)), indices.shape)


def max_pool_gradient(shape: tuple[int, ...], g: Tensor, indices: Tensor) -> Tensor:
    """The gradient of max_pool2d's input of the given shape."""
    result: Tensor = call(MAX_POOL_BACKWARD, (g, indices), (shape,))
    return result


def max_pool2d_with_indices(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = True,
) -> tuple[Tensor, Tensor]:
    """The largest of each window and its position h * W + w in the image.

    Raises:
        RuntimeError: a window that does not fit, or more padding than half of it.
    """
    if input.ndim == 3:
        values, indices = max_pool2d_with_indices(
            unsqueeze(input, 0), kernel_size, stride, padding, dilation, ceil_mode
        )
        return values[0], indices[0]
    kernel, margin = pair(kernel_size, "kernel_size"), pair(padding, "padding")
    steps = kernel if stride is None or stride == [] else pair(stride, "stride")
    spread = pair(dilation, "dilation")
    _check_pool("max_pool2d", input, kernel, steps, margin, spread, ceil_mode)
    x, extra = input, _ceil_padding(input, kernel, steps, margin, spread, ceil_mode)
    if extra != (0, 0):
        return _ceil_max_pool(x, kernel, steps, margin, spread, extra)
    values, indices = call(MAX_POOL, (x,), (kernel, steps, margin, spread))
    return values, indices


def _ceil_max_pool(
    x: Tensor, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, extra: Pair
) -> tuple[Tensor, Tensor]:
    """Pads below and to the right so that the last windows are whole."""
    width = x.shape[3] + extra[1]
    whole = pad_constant(x, (0, extra[1], 0, extra[0]), value=float("-inf"))
    values, indices = call(MAX_POOL, (whole,), (kernel, stride, padding, dilation))
    row, column = indices.floor_divide(width), indices.remainder(width)
    return values, row * x.shape[3] + column


def _ceil_padding(
    x: Tensor, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, ceil: bool
) -> Pair:
    if not ceil:
        return (0, 0)
    extra = []
    for i in (0, 1):
        size = x.shape[2 + i]
        count = _pool_size(size, kernel[i], stride[i], padding[i], dilation[i], True)
        need = (count - 1) * stride[i] + dilation[i] * (kernel[i] - 1) + 1
        extra.append(max(need - size - 2 * padding[i], 0))
    return (extra[0], extra[1])


def _check_pool(
    op: str, x: Tensor, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, ceil: bool
) -> None:
    if require_tensor(op, x).ndim != 4:
        raise RuntimeError(f"{op}() Expected 3D or 4D input, but got {list(x.shape)}")
    if not x.is_floating_point():
        raise NotImplementedError(f'[{op}] "{op}" not implemented for {x.dtype!r}')
    if min(kernel) <= 0 or min(stride) <= 0 or min(dilation) <= 0:
        raise RuntimeError(f"{op}: kernel size, stride and dilation should be greater than zero")
    for i in (0, 1):
        if padding[i] < 0 or 2 * padding[i] > kernel[i]:
            raise RuntimeError(
                f"pad should be at most half of effective kernel size, but got pad={padding[i]}, "
                f"kernel_size={kernel[i]} and dilation={dilation[i]}"
            )
        if _pool_size(x.shape[2 + i], kernel[i], stride[i], padding[i], dilation[i], ceil) < 1:
            raise RuntimeError(
                f"Given input size: {tuple(x.shape[1:])}. {op} with kernel {kernel} gives an "
                f"output that is too small"
            )


def max_pool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest of each window (`stride` defaults to the window's size).

    Raises:
        RuntimeError: a window that does not fit, or more padding than half of it.
    """
    both = max_pool2d_with_indices(input, kernel_size, stride, padding, dilation, ceil_mode)
    return both if return_indices else both[0]


def _avg_pool_steps(x: Tensor, kernel: Pair, stride: Pair, padding: Pair, include: bool) -> Tensor:
    w = _windows(_padded(x, padding), kernel, stride, (1, 1))
    total = w.sum((-1, -2))
    if include or padding == (0, 0):
        return total / (kernel[0] * kernel[1])
    return total / _window_counts(x, kernel, stride, padding)


def _window_counts(x: Tensor, kernel: Pair, stride: Pair, padding: Pair) -> Tensor:
    ones = x.new_ones((1, 1, *x.shape[2:]))
    return _windows(_padded(ones, padding), kernel, stride, (1, 1)).sum((-1, -2))


AVG_POOL = declare(
    OpSchema(
        "avg_pool2d", ("x",),
        lambda x, kernel, stride, padding, include: [
            ((*x.shape[:2], *(
                _pool_size(x.shape[2 + i], kernel[i], stride[i], padding[i], 1, False)
                for i in (0, 1)
            )), x.key.dtype)
        ],
        ("kernel", "stride", "padding", "include"),
        {
            "x": lambda g, x_shape, kernel, stride, padding, include: call(
                AVG_POOL_BACKWARD, (g,), (kernel, stride, padding, include, x_shape)
            )
        },
        decomposition=_avg_pool_steps, tier=2, family="pool",
        doc="The mean of each window.",
    )
)  # fmt: skip


def _avg_back_steps(
    g: Tensor, kernel: Pair, stride: Pair, padding: Pair, include: bool, shape: tuple[int, ...]
) -> Tensor:
    if include or padding == (0, 0):
        share = g / (kernel[0] * kernel[1])
    else:
        share = g / _window_counts(g.new_zeros((1, 1, *shape[2:])), kernel, stride, padding)
    whole = g.new_zeros((*shape[:2], shape[2] + 2 * padding[0], shape[3] + 2 * padding[1]))
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            part = slice_view(whole, 2, i, g.shape[2], stride[0])
            slice_view(part, 3, j, g.shape[3], stride[1]).add_(share)
    inner = slice_view(slice_view(whole, 2, padding[0], shape[2]), 3, padding[1], shape[3])
    return inner.contiguous()


AVG_POOL_BACKWARD: OpSchema = declare(
    OpSchema(
        "avg_pool2d_backward", ("g_out",),
        lambda g_out, kernel, stride, padding, include, shape: [(shape, g_out.key.dtype)],
        ("kernel", "stride", "padding", "include", "shape"),
        {
            "g_out": lambda g, kernel, stride, padding, include: call(
                AVG_POOL, (g,), (kernel, stride, padding, include)
            )
        },
        decomposition=_avg_back_steps, tier=2, rule_params=1, family="pool",
        doc="Gradient of avg_pool2d's input.",
    )
)  # fmt: skip


def avg_pool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window; padding zeros count unless `count_include_pad` is False.

    Raises:
        RuntimeError: a window that does not fit, or more padding than half of it.
    """
    if input.ndim == 3:
        return avg_pool2d(
            unsqueeze(input, 0), kernel_size, stride, padding, ceil_mode, count_include_pad,
            divisor_override,
        )[0]  # fmt: skip
    kernel, margin = pair(kernel_size, "kernel_size"), pair(padding, "padding")
    steps = kernel if stride is None or stride == [] else pair(stride, "stride")
    _check_pool("avg_pool2d", input, kernel, steps, margin, (1, 1), ceil_mode)
    extra = _ceil_padding(input, kernel, steps, margin, (1, 1), ceil_mode)
    if extra != (0, 0):
        return _ceil_avg_pool(
            input, kernel, steps, margin, extra, count_include_pad, divisor_override
        )
    include = count_include_pad or divisor_override is not None
    result: Tensor = call(AVG_POOL, (input,), (kernel, steps, margin, include))
    if divisor_override is not None:
        result = result * (kernel[0] * kernel[1] / divisor_override)
    return result


def _ceil_avg_pool(
    x: Tensor, kernel: Pair, stride: Pair, padding: Pair, extra: Pair, include: bool,
    divisor: int | None,
) -> Tensor:  # fmt: skip
    """Pads below and to the right until the last windows are whole; that never counts."""
    low, right = padding[0] + extra[0], padding[1] + extra[1]
    whole = pad_constant(x, (padding[1], right, padding[0], low))
    means: Tensor = call(AVG_POOL, (whole,), (kernel, stride, (0, 0), True))
    if divisor is not None:
        return means * (kernel[0] * kernel[1] / divisor)
    counted = _padded(x.new_ones((1, 1, *x.shape[2:])), padding, 1.0 if include else 0.0)
    counted = pad_constant(counted, (0, extra[1], 0, extra[0]))
    shares: Tensor = call(AVG_POOL, (counted,), (kernel, stride, (0, 0), True))
    return means / shares


def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """Means over a grid of `output_size` nearly equal parts (None keeps a size)."""
    if isinstance(output_size, int):
        output_size = (output_size, output_size)
    sizes = [input.shape[-2 + i] if s is None else s for i, s in enumerate(output_size)]
    result = input
    for i, size in enumerate(sizes):
        result = _adaptive_line(result, result.ndim - 2 + i, size)
    return result


def _adaptive_line(x: Tensor, dim: int, size: int) -> Tensor:
    whole = x.shape[dim]
    if whole % max(size, 1) == 0 and size:
        return x.unflatten(dim, (size, whole // size)).mean(dim + 1)
    parts = []
    for i in range(size):
        start, end = i * whole // size, -(-(i + 1) * whole // size)
        parts.append(slice_view(x, dim, start, end - start).mean(dim, True))
    return cat(parts, dim)
