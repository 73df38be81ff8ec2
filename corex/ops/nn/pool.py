"""Pooling over images (N, C, H, W): the largest or the mean of each window."""

from __future__ import annotations

from typing import Any

from corex import dtypes as dt
from corex.dispatch.bind import bind, write
from corex.dispatch.resolve import check_room, empty
from corex.dtypes import DType
from corex.layout import normalize_dim, numel, padded_size
from corex.ops.nn.conv import Pair, padded, pair, windows
from corex.ops.promotion import counted, require_kinds, require_tensor
from corex.ops.registration import function
from corex.ops.shape.channels import of_images
from corex.ops.shape.join import cat
from corex.ops.shape.pad import pad as pad_constant
from corex.ops.shape.parts import slice_view
from corex.ops.shape.views import reshape, shaped, unsqueeze
from corex.tensor.schema import OpSchema, declare
from corex.tensor.tensor import Tensor


def _pool_size(size: int, kernel: int, stride: int, padding: int, dilation: int, ceil: bool) -> int:
    span = padded_size(size, padding) - dilation * (kernel - 1) - 1
    count = (-(-span // stride) if ceil else span // stride) + 1
    if ceil and (count - 1) * stride >= size + padding:
        count -= 1  # a window must start inside the image or its left padding
    return count


def _pooled(
    x: Tensor, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair
) -> tuple[int, ...]:
    """The shape of the result; the rest of a row or column that holds no window is left out."""
    height, width = (
        _pool_size(x.shape[2 + i], kernel[i], stride[i], padding[i], dilation[i], False)
        for i in (0, 1)
    )
    return (*x.shape[:2], height, width)


def _max_pool_steps(
    x: Tensor, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair
) -> tuple[Tensor, Tensor]:
    w = windows(padded(x, padding, _lowest(x.key.dtype)), kernel, stride, dilation)
    n, c, oh, ow = w.shape[:4]
    taps = kernel[0] * kernel[1]
    flat = reshape(w, (n, c, oh, ow, taps))
    values = flat.amax(-1)
    # The first of equals that is no padding, but of NaNs the last.
    inside = windows(padded(x.new_ones(x.shape), padding, 0.0), kernel, stride, dilation) != 0
    best = (flat == unsqueeze(values, -1)).logical_and(reshape(inside, flat.shape))
    last = counted(flat.isnan().flip(-1)).argmax(-1)
    at = (taps - 1 - last).where(values.isnan(), counted(best).argmax(-1))
    key = x.key.place.key(dt.int64)
    row, column = empty(key, (oh, 1)), empty(key, (ow,))
    write("arange", [reshape(row, (-1,))], [], (-padding[0], stride[0]))
    write("arange", [column], [], (-padding[1], stride[1]))
    y = at.floor_divide(kernel[1]) * dilation[0] + row
    z = at.remainder(kernel[1]) * dilation[1] + column
    return values, y * x.shape[3] + z


MAX_POOL = declare(
    OpSchema(
        "max_pool2d", ("x",),
        lambda x, kernel, stride, padding, dilation: [
            (shape := _pooled(x, kernel, stride, padding, dilation), x.key.dtype),
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
    result: Tensor = bind(MAX_POOL_BACKWARD, (g, indices), (shape,))
    return result


@function()
@of_images
def max_pool2d_with_indices(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> tuple[Tensor, Tensor]:
    """The largest of each window and its position h * W + w in the image.

    Raises:
        RuntimeError: a window that does not fit, or more padding than half of it.
    """
    if input.ndim == 3:
        values, indices = max_pool2d_with_indices(
            unsqueeze(input, 0), kernel_size, stride, padding, dilation, ceil_mode
        )
        return shaped(values, values.shape[1:]), shaped(indices, indices.shape[1:])
    kernel, steps, margin, spread, extra = _geometry(
        "max_pool2d", input, kernel_size, stride, padding, dilation, ceil_mode
    )
    if extra != (0, 0):
        return _ceil_max_pool(input, kernel, steps, margin, spread, extra)
    return _max_pool(input, kernel, steps, margin, spread)


def _max_pool(
    x: Tensor, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair
) -> tuple[Tensor, Tensor]:
    if not x.is_floating_point():  # kernels take floats
        return _max_pool_steps(x, kernel, stride, padding, dilation)
    values, indices = bind(MAX_POOL, (x,), (kernel, stride, padding, dilation))
    return values, indices


def _lowest(dtype: DType) -> float:
    """What is not above any element."""
    return float("-inf") if dtype.is_floating_point else dt.iinfo(dtype).min


def _geometry(
    op: str, x: Tensor, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil: bool
) -> tuple[Pair, Pair, Pair, Pair, Pair]:
    """Kernel, stride, padding and dilation, checked, and what `_ceil_padding` adds."""
    kernel, margin = pair(kernel_size, "kernel_size"), pair(padding, "padding")
    none = stride is None or (isinstance(stride, list | tuple) and not stride)
    steps = kernel if none else pair(stride, "stride")
    spread = pair(dilation, "dilation")
    _check_pool(op, x, kernel, steps, margin, spread, ceil)
    return kernel, steps, margin, spread, _ceil_padding(x, kernel, steps, margin, spread, ceil)


def _ceil_max_pool(
    x: Tensor, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, extra: Pair
) -> tuple[Tensor, Tensor]:
    """Pads below and to the right so that the last windows are whole."""
    width = x.shape[3] + extra[1]
    whole = pad_constant(x, (0, extra[1], 0, extra[0]), value=_lowest(x.key.dtype))
    values, indices = _max_pool(whole, kernel, stride, padding, dilation)
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
    if 0 in x.shape[1:]:
        raise RuntimeError(
            f"{op}() Expected 3D or 4D (batch mode) tensor with optional 0 dim batch size for "
            f"input, but got: {list(x.shape)}"
        )
    if op == "max_pool2d" or x.key.dtype is not dt.int64:  # the one integer dtype of means
        require_kinds(op, "uif" if op == "max_pool2d" else "f", x)
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


@function()
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
    w = windows(padded(x, padding), kernel, stride, (1, 1))
    total = w.sum((-1, -2))
    if include or padding == (0, 0):
        return total / (kernel[0] * kernel[1])
    return total / _window_counts(x, kernel, stride, padding)


def _window_counts(x: Tensor, kernel: Pair, stride: Pair, padding: Pair) -> Tensor:
    ones = x.new_ones((1, 1, *x.shape[2:]))
    return windows(padded(ones, padding), kernel, stride, (1, 1)).sum((-1, -2))


AVG_POOL = declare(
    OpSchema(
        "avg_pool2d", ("x",),
        lambda x, kernel, stride, padding, include: [
            (_pooled(x, kernel, stride, padding, (1, 1)), x.key.dtype)
        ],
        ("kernel", "stride", "padding", "include"),
        {
            "x": lambda g, x_shape, kernel, stride, padding, include: bind(
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
            "g_out": lambda g, kernel, stride, padding, include: bind(
                AVG_POOL, (g,), (kernel, stride, padding, include)
            )
        },
        decomposition=_avg_back_steps, tier=2, rule_params=1, family="pool",
        doc="Gradient of avg_pool2d's input.",
    )
)  # fmt: skip


@function(out="same")
@of_images
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
        RuntimeError: a window that does not fit, more padding than half of it, or a divisor of 0.
    """
    if divisor_override == 0:
        raise RuntimeError("[avg_pool2d] divisor must be not zero")
    if input.ndim == 3:
        means = avg_pool2d(
            unsqueeze(input, 0), kernel_size, stride, padding, ceil_mode, count_include_pad,
            divisor_override,
        )  # fmt: skip
        return shaped(means, means.shape[1:])
    kernel, steps, margin, _, extra = _geometry(
        "avg_pool2d", input, kernel_size, stride, padding, 1, ceil_mode
    )
    if input.key.dtype.kind == "i":
        return _whole_means(
            input, kernel, steps, margin, extra, count_include_pad, divisor_override
        )
    if extra != (0, 0):
        return _ceil_avg_pool(
            input, kernel, steps, margin, extra, count_include_pad, divisor_override
        )
    include = count_include_pad or divisor_override is not None
    result: Tensor = bind(AVG_POOL, (input,), (kernel, steps, margin, include))
    if divisor_override is not None:
        result = result * (kernel[0] * kernel[1] / divisor_override)
    return result


def _whole_means(
    x: Tensor, kernel: Pair, stride: Pair, padding: Pair, extra: Pair, include: bool,
    divisor: int | None,
) -> Tensor:  # fmt: skip
    """Of integers, cut off; what is padded below and to the right (`extra`) never counts."""
    more = (0, extra[1], 0, extra[0])
    total = windows(pad_constant(padded(x, padding), more), kernel, stride, (1, 1)).sum((-1, -2))
    if divisor is not None:
        return total.div(divisor, rounding_mode="trunc")
    ones = padded(x.new_ones((1, 1, *x.shape[2:])), padding, 1.0 if include else 0.0)
    counts = windows(pad_constant(ones, more), kernel, stride, (1, 1)).sum((-1, -2))
    return total.div(counts, rounding_mode="trunc")


def _ceil_avg_pool(
    x: Tensor, kernel: Pair, stride: Pair, padding: Pair, extra: Pair, include: bool,
    divisor: int | None,
) -> Tensor:  # fmt: skip
    """Pads below and to the right until the last windows are whole; that never counts."""
    low, right = padding[0] + extra[0], padding[1] + extra[1]
    whole = pad_constant(x, (padding[1], right, padding[0], low))
    means: Tensor = bind(AVG_POOL, (whole,), (kernel, stride, (0, 0), True))
    if divisor is not None:
        return means * (kernel[0] * kernel[1] / divisor)
    counted = padded(x.new_ones((1, 1, *x.shape[2:])), padding, 1.0 if include else 0.0)
    counted = pad_constant(counted, (0, extra[1], 0, extra[0]))
    shares: Tensor = bind(AVG_POOL, (counted,), (kernel, stride, (0, 0), True))
    return means / shares


@function()
@of_images
def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """Means over a grid of `output_size` nearly equal parts (None keeps a size).

    Raises:
        RuntimeError: not two sizes, a negative one, or an image without height or width.
        IndexError: fewer than two dims.
    """
    if isinstance(output_size, int):
        output_size = (output_size, output_size)
    elif require_tensor("adaptive_avg_pool2d", input).ndim <= len(output_size):
        raise ValueError(f"Input dimension should be at least {len(output_size) + 1}")
    if len(output_size) != 2:
        raise RuntimeError(f"adaptive_avg_pool2d: output_size must be 2, got {output_size!r}")
    normalize_dim(-2, require_tensor("adaptive_avg_pool2d", input).ndim)
    sizes = [input.shape[-2 + i] if s is None else s for i, s in enumerate(output_size)]
    if min(sizes) < 0:
        raise RuntimeError(
            f"adaptive_avg_pool2d: elements of output_size must be greater than or equal to 0 but "
            f"received {output_size!r}"
        )
    if 0 in input.shape[-2:] and sizes != [1, 1]:  # the mean of nothing is NaN
        raise RuntimeError(
            f"adaptive_avg_pool2d(): Expected input to have non-zero size for non-batch "
            f"dimensions, but input has sizes {list(input.shape)}"
        )
    if sizes != [1, 1] and numel(input.shape):  # else `mean` refuses them
        require_kinds("adaptive_avg_pool2d", "f", input)
    check_room(input.key.own, (*input.shape[:-2], *[max(size, 0) for size in sizes]))
    result = input
    for i, size in enumerate(sizes):
        result = _adaptive_line(result, result.ndim - 2 + i, size)
    return result


def _adaptive_line(x: Tensor, dim: int, size: int) -> Tensor:
    whole = x.shape[dim]
    if whole % max(size, 1) == 0 and size:
        return x.unflatten(dim, (size, whole // size)).mean(dim + 1)
    if size == 0:
        return slice_view(x, dim, 0, 0).clone()
    parts = []
    for i in range(size):
        start, end = i * whole // size, -(-(i + 1) * whole // size)
        parts.append(slice_view(x, dim, start, end - start).mean(dim, True))
    return cat(parts, dim)
