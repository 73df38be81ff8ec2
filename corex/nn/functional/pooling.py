"""Pooling of one and three spatial dims, adaptive maxima, power means, and maxima put back.

What separates into dims goes through the two-dimensional ops: planes first, then their depth.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import corex
from corex import Tensor
from corex.layout import numel
from corex.nn.functional.spatial import avg_pool2d, max_pool1d, max_pool2d
from corex.ops.create.constant import named
from corex.ops.promotion import require_kinds
from corex.ops.shape.channels import as_images
from corex.ops.shape.views import shaped

LINES, PLANES = "(N, C, L) or (C, L)", "(N, C, H, W) or (C, H, W)"
VOLUMES = "(N, C, D, H, W) or (C, D, H, W)"


def numbers(value: Any, count: int, name: str) -> tuple[int, ...]:
    """One integer for every dim, or one for each.

    Raises:
        TypeError: something else. RuntimeError: another number of integers.
    """
    values = tuple(value) if isinstance(value, Sequence) else (value,)
    if not all(isinstance(v, int) for v in values):
        raise TypeError(f"{name} must be an integer or {count} integers, got {value!r}")
    if len(values) == 1:
        values = values * count
    if len(values) != count:
        raise RuntimeError(f"{name} must be an integer or {count} integers, got {value!r}")
    return values


def _steps(stride: Any, kernel: tuple[int, ...]) -> tuple[int, ...]:
    absent = stride is None or (isinstance(stride, Sequence) and not stride)
    return kernel if absent else numbers(stride, len(kernel), "stride")


def _batched(op: str, input: Tensor, dims: int) -> Tensor:
    """(N, C, ...), with a batch of one where there is none.

    Raises:
        RuntimeError: another number of dims, or one without elements that is not the batch.
    """
    if input.dim() not in (dims + 1, dims + 2) or 0 in input.shape[1:]:
        raise RuntimeError(
            f"{op}() Expected {dims + 1}D or {dims + 2}D input with optional 0 dim batch size, but "
            f"got {list(input.shape)}"
        )
    return input if input.dim() == dims + 2 else input.unsqueeze(0)


# ---- means ---------------------------------------------------------------------------------------
def avg_pool1d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """The mean of every window of (N, C, L) or (C, L).

    Raises:
        RuntimeError: a window that does not fit, or more padding than half of it.
    """
    lines = _batched("avg_pool1d", input, 1)
    kernel = numbers(kernel_size, 1, "kernel_size")
    steps, margin = _steps(stride, kernel), numbers(padding, 1, "padding")
    means = avg_pool2d(
        lines.unsqueeze(-2), (1, *kernel), (1, *steps), (0, *margin), ceil_mode, count_include_pad
    )
    return shaped(means, (*input.shape[:-1], means.shape[-1]))


def avg_pool3d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of every window of (N, C, D, H, W) or (C, D, H, W).

    Raises:
        RuntimeError: a window that does not fit, more padding than half of it, a divisor of 0.
    """
    if divisor_override == 0:
        raise RuntimeError("[avg_pool3d] divisor must be not zero")
    volumes = _batched("avg_pool3d", input, 3)
    kernel = numbers(kernel_size, 3, "kernel_size")
    steps, margin = _steps(stride, kernel), numbers(padding, 3, "padding")
    n, channels, depth, height, width = volumes.shape
    planes = avg_pool2d(
        volumes.reshape((n * channels, depth, height, width)),
        kernel[1:], steps[1:], margin[1:], ceil_mode, divisor_override=1,
    )  # fmt: skip
    rows, columns = planes.shape[2:]
    total = avg_pool2d(
        planes.reshape((n * channels, 1, depth, rows * columns)),
        (kernel[0], 1), (steps[0], 1), (margin[0], 0), ceil_mode, divisor_override=1,
    )  # fmt: skip
    sizes = (total.shape[2], rows, columns)
    result = shaped(total, (*input.shape[:-3], *sizes))
    if divisor_override is not None:
        return _mean(result, divisor_override)
    counts = None
    for i in (0, 1, 2):
        start = corex.arange(sizes[i], device=input.device) * steps[i] - margin[i]
        end = corex.clamp(start + kernel[i], max=volumes.shape[2 + i] + margin[i])
        if not count_include_pad:
            start = corex.clamp(start, min=0)
            end = corex.clamp(end, max=volumes.shape[2 + i])
        line = (end - start).to(input.dtype).reshape((-1, *(1,) * (2 - i)))
        counts = line if counts is None else counts * line
    return _mean(result, counts)


def _mean(total: Tensor, count: Any) -> Tensor:
    """Integers are cut off."""
    return total / count if total.is_floating_point() else total.div(count, rounding_mode="trunc")


def adaptive_avg_pool3d(input: Tensor, output_size: Any) -> Tensor:
    """Means over a grid of `output_size` nearly equal parts of (N, C, D, H, W) or (C, D, H, W).

    Raises:
        RuntimeError: not three sizes, or a negative one.
    """
    _check_dims(input, output_size, 3)
    volumes = _batched("adaptive_avg_pool3d", input, 3)
    require_kinds("adaptive_avg_pool3d", "f", input)
    size = _target(output_size, volumes.shape[2:], "adaptive_avg_pool3d")
    n, channels, depth = volumes.shape[:3]
    planes = corex.adaptive_avg_pool2d(volumes.flatten(1, 2), size[1:])
    lines = planes.reshape((n * channels, 1, depth, size[1] * size[2]))
    means = corex.adaptive_avg_pool2d(lines, (size[0], None))
    means = shaped(means, (*input.shape[:-3], *size))
    return as_images(means, input) if size == (1, 1, 1) else means  # elsewhere row-major


def _target(output_size: Any, sizes: tuple[int, ...], op: str) -> tuple[int, ...]:
    """The sizes asked for, None being those there are."""
    if isinstance(output_size, str):
        raise TypeError(f"{op}(): argument 'output_size' must be tuple of ints, not str")
    several = isinstance(output_size, Sequence)
    wanted = list(output_size) if several else [output_size] * len(sizes)
    if len(wanted) != len(sizes):
        raise RuntimeError(f"{op}: output_size must be {len(sizes)}, got {output_size!r}")
    pairs = zip(wanted, sizes, strict=True)
    result = tuple([have if want is None else want for want, have in pairs])
    if min(result) < 0:
        raise RuntimeError(
            f"{op}: elements of output_size must be greater than or equal to 0 but received "
            f"{output_size!r}"
        )
    return result


# ---- maxima --------------------------------------------------------------------------------------
def max_pool1d_with_indices(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> tuple[Tensor, Tensor]:
    """`max_pool1d`, with the positions of the maxima."""
    both: tuple[Tensor, Tensor]
    both = max_pool1d(input, kernel_size, stride, padding, dilation, ceil_mode, True)
    return both


def max_pool3d_with_indices(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> tuple[Tensor, Tensor]:
    """The largest of every window of (N, C, D, H, W) or (C, D, H, W), and its flat position.

    Raises:
        RuntimeError: a window that does not fit, or more padding than half of it.
    """
    volumes = _batched("max_pool3d", input, 3)
    if input.dim() == 4 and not input.shape[0]:
        raise RuntimeError(
            f"max_pool3d: Expected input's non-batch dimensions to have positive length, but input "
            f"has a shape of {list(input.shape)}"
        )
    kernel = numbers(kernel_size, 3, "kernel_size")
    steps, margin = _steps(stride, kernel), numbers(padding, 3, "padding")
    spread = numbers(dilation, 3, "dilation")
    n, channels, depth, height, width = volumes.shape
    best, at = corex.max_pool2d_with_indices(
        volumes.reshape((n * channels, depth, height, width)),
        kernel[1:], steps[1:], margin[1:], spread[1:], ceil_mode,
    )  # fmt: skip
    rows, columns = best.shape[2:]
    best, deep = corex.max_pool2d_with_indices(
        best.reshape((n * channels, 1, depth, rows * columns)),
        (kernel[0], 1), (steps[0], 1), (margin[0], 0), (spread[0], 1), ceil_mode,
    )  # fmt: skip
    shape = (*input.shape[:-3], best.shape[2], rows, columns)
    deep = deep.flatten(1)
    inside = at.reshape((n * channels, depth * rows * columns)).gather(1, deep)
    deep = deep.floor_divide(rows * columns)
    flat = deep * (height * width) + inside
    return as_images(shaped(best, shape), input), as_images(shaped(flat, shape), input)


def max_pool3d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest of every window of (N, C, D, H, W) or (C, D, H, W).

    Raises:
        RuntimeError: a window that does not fit, or more padding than half of it.
    """
    both = max_pool3d_with_indices(input, kernel_size, stride, padding, dilation, ceil_mode)
    return both if return_indices else both[0]


def _check_dims(input: Tensor, output_size: Any, dims: int) -> None:
    """
    Raises:
        ValueError: sizes for as many dims as there are, or more.
    """
    if dims > 1 and isinstance(output_size, Sequence) and input.dim() <= len(output_size):
        raise ValueError(f"Input dimension should be at least {len(output_size) + 1}")


def _adaptive_max(op: str, input: Tensor, output_size: Any, dims: int) -> tuple[Tensor, Tensor]:
    """Maxima over a grid of parts, the last dim first, and their flat positions."""
    _check_dims(input, output_size, dims)
    whole = _batched(op, input, dims)
    require_kinds(op, "f", input)
    sizes = whole.shape[2:]
    target = _target(output_size, sizes, op)
    values, flat, block = whole, None, 1
    for dim in range(dims + 1, 1, -1):
        size, count = sizes[dim - 2], target[dim - 2]
        first = corex.arange(count, device=input.device)
        end = ((first + 1) * size + count - 1).floor_divide(max(count, 1))
        start = (first * size).floor_divide(max(count, 1))
        # A part that is shorter than the longest shows its last element again.
        longest = -(-size // count) + (size % count != 0) if count else 1
        taps = start.unsqueeze(1) + corex.arange(longest, device=input.device)
        taps = corex.minimum(taps, end.unsqueeze(1) - 1).reshape((-1,))
        parts = values.index_select(dim, taps).unflatten(dim, (count, longest))
        values, best = parts.max(dim + 1)
        where = start.reshape((count, *(1,) * (dims + 1 - dim))) + best
        if flat is None:
            flat = where
        else:
            flat = flat.gather(dim, where) + where * block
        block *= size
    assert flat is not None
    shape = (*input.shape[: input.dim() - dims], *target)
    values, flat = shaped(values, shape), shaped(flat, shape)
    return (as_images(values, input), as_images(flat, input)) if dims == 2 else (values, flat)


def _adaptive_max_pool(dims: int, sizes: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """`adaptive_max_pool1d` and its like, and the form that always gives positions."""
    op = f"adaptive_max_pool{dims}d"

    def with_indices(
        input: Tensor, output_size: Any, return_indices: bool = False
    ) -> tuple[Tensor, Tensor]:
        return _adaptive_max(op, input, output_size, dims)

    def pool(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
        both = _adaptive_max(op, input, output_size, dims)
        return both if return_indices else both[0]

    pool.__doc__ = f"""Maxima over a grid of `output_size` nearly equal parts of {sizes}.

    Raises:
        RuntimeError: another number of sizes, or a negative one.
    """
    with_indices.__doc__ = f"`{op}`, with the flat positions of the maxima."
    return named(pool, op), named(with_indices, f"{op}_with_indices")


adaptive_max_pool1d, adaptive_max_pool1d_with_indices = _adaptive_max_pool(1, LINES)
adaptive_max_pool2d, adaptive_max_pool2d_with_indices = _adaptive_max_pool(2, PLANES)
adaptive_max_pool3d, adaptive_max_pool3d_with_indices = _adaptive_max_pool(3, VOLUMES)


# ---- power means ---------------------------------------------------------------------------------
def _lp_pool(
    input: Tensor, p: float, kernel_size: Any, stride: Any, ceil_mode: bool, dims: int
) -> Tensor:
    pools: Any = ((avg_pool1d, avg_pool2d, avg_pool3d), (max_pool1d, max_pool2d, max_pool3d))
    means, largest = (kind[dims - 1] for kind in pools)
    if p in (float("inf"), -float("inf")):
        sign = 1 if p > 0 else -1
        best: Tensor = largest(sign * input.abs(), kernel_size, stride, 0, 1, ceil_mode)
        return sign * best
    mean = means(input.pow(p), kernel_size, stride, 0, ceil_mode)
    taps = numel(numbers(kernel_size, dims, "kernel_size"))
    # Odd powers of negative numbers can add up to something negative, which has no root.
    return (corex.sign(mean) * corex.relu(mean.abs()) * taps).pow(1.0 / p)


def _power_pool(dims: int, sizes: str) -> Callable[..., Tensor]:
    def pool(
        input: Tensor,
        norm_type: float,
        kernel_size: Any,
        stride: Any = None,
        ceil_mode: bool = False,
    ) -> Tensor:
        return _lp_pool(input, norm_type, kernel_size, stride, ceil_mode, dims)

    pool.__doc__ = f"The `norm_type`-norm of every window of {sizes}."
    return named(pool, f"lp_pool{dims}d")


lp_pool1d = _power_pool(1, LINES)
lp_pool2d = _power_pool(2, PLANES)
lp_pool3d = _power_pool(3, VOLUMES)


# ---- maxima put back -----------------------------------------------------------------------------
def _unpool(dims: int) -> Callable[..., Tensor]:
    op = f"max_unpool{dims}d"

    def unpool(
        input: Tensor,
        indices: Tensor,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        output_size: Any = None,
    ) -> Tensor:
        return _max_unpool(op, input, indices, kernel_size, stride, padding, output_size, dims)

    unpool.__doc__ = f"""The opposite of `max_pool{dims}d`: values where `indices` say, else zeros.

    Raises:
        ValueError: a size that no pooling makes into this. RuntimeError: shapes, or an index
            outside of the result.
    """
    return named(unpool, op)


def _max_unpool(
    op: str,
    input: Tensor,
    indices: Tensor,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    output_size: Any,
    dims: int,
) -> Tensor:
    kernel = numbers(kernel_size, dims, "kernel_size")
    steps, margin = _steps(stride, kernel), numbers(padding, dims, "padding")
    sizes = [
        (input.shape[i - dims] - 1) * steps[i] + kernel[i] - 2 * margin[i] for i in range(dims)
    ]
    if output_size is not None:
        sizes = _wanted(list(output_size), sizes, steps)
    if indices.dtype != corex.int64:
        raise RuntimeError("elements in indices should be type int64")
    _batched(op, input, dims)
    require_kinds(op, "f", input)
    if indices.shape != input.shape:
        raise RuntimeError(
            f"Expected shape of indices to be same as that of the input tensor "
            f"({list(input.shape)}) but got indices tensor with shape: {list(indices.shape)}"
        )
    if min(sizes) < 0:
        raise ValueError(f"[{op}] output_size must not be negative, but is {list(sizes)}")
    room = numel(tuple(sizes))
    if indices.numel() and not bool(((indices >= 0) & (indices < room)).all()):
        raise RuntimeError(f"Found an invalid max index for an output of size {sizes}")
    lead = input.shape[: input.dim() - dims]
    flat = input.new_zeros((*lead, room)).scatter(-1, indices.flatten(-dims), input.flatten(-dims))
    whole = shaped(flat, (*lead, *sizes))
    return as_images(whole, input) if dims == 2 else whole


def _wanted(given: list[int], sizes: list[int], steps: tuple[int, ...]) -> list[int]:
    """The size asked for, if pooling it can have given what is unpooled."""
    dims = len(sizes)
    if len(given) == dims + 2:
        given = given[2:]
    if len(given) != dims:
        raise ValueError(
            f"output_size should be a sequence containing {dims} or {dims + 2} elements, but it "
            f"has a length of '{len(given)}'"
        )
    for i, size in enumerate(sizes):
        if not size - steps[i] < given[i] < size + steps[i]:
            raise ValueError(
                f'invalid output_size "{given}" (dim {i} must be between {size - steps[i]} and '
                f"{size + steps[i]})"
            )
    return given


max_unpool1d, max_unpool2d, max_unpool3d = (_unpool(dims) for dims in (1, 2, 3))
