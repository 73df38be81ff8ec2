"""Maxima of windows at places drawn at random (B. Graham, "Fractional max-pooling", 2014)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import corex
from corex import Tensor
from corex.dispatch.record import no_grad
from corex.layout import numel
from corex.nn.functional.pooling import numbers
from corex.ops.shape.views import shaped

_EDGES = {2: ("height", "width"), 3: ("time", "height", "width")}


def _output_size(op: str, input: Tensor, size: Any, ratio: Any, dims: int) -> tuple[int, ...]:
    """
    Raises:
        ValueError: neither a size nor a ratio.
    """
    if size is None and ratio is None:
        raise ValueError(f"{op} requires specifying either an output_size or an output_ratio")
    if size is not None:
        return numbers(size, dims, "output_size")
    if len(ratio) > dims:
        raise ValueError(f"{op} requires output_ratio to either be a single Int or tuple of Ints.")
    ratios = tuple(ratio) * dims if len(ratio) == 1 else tuple(ratio)
    return tuple([int(n * r) for n, r in zip(input.shape[-dims:], ratios, strict=True)])


def _check(
    op: str, input: Tensor, samples: Tensor, kernel: Sequence[int], target: Sequence[int]
) -> None:
    """
    Raises:
        RuntimeError: an input or samples of another shape or dtype, or windows that do not fit.
    """
    dims = len(kernel)
    if min(kernel) <= 0:
        raise RuntimeError(f"{op}(): kernel_size should be greater than zero, got {list(kernel)}")
    batched = input.ndim == dims + 2
    for i in range(int(batched), input.ndim):
        if not input.shape[i]:
            raise RuntimeError(
                f"{op}(): Expected input to have non-zero size for non-batch dimensions, but got"
                f"{list(input.shape)} with dimension {i} being empty."
            )
    if input.ndim not in (dims + 1, dims + 2):
        raise RuntimeError(f"{op}(): Expected {dims + 1}D or {dims + 2}D tensor, but got: "
                           f"{list(input.shape)}")  # fmt: skip
    for n, k, o, name in zip(input.shape[-dims:], kernel, target, _EDGES[dims], strict=True):
        if o + k - 1 > n:
            raise RuntimeError(f"{op}(): pool {name} {k} too large relative to input {name} {n}")
    if samples.requires_grad and corex.is_grad_enabled():
        raise RuntimeError(
            f"The function '{op}' is not differentiable with respect to argument "
            f"'random_samples'. This input cannot have requires_grad True."
        )
    if samples.key.dtype is not input.key.dtype:
        raise RuntimeError("Expect _random_samples to have the same dtype as input")
    if samples.ndim != 3:
        raise RuntimeError(f"Expect _random_samples to have 3 dimensions, got {samples.ndim}")
    lead = input.shape[0] if batched else 1
    if samples.shape[0] < lead:
        raise RuntimeError("Expect _random_samples.size(0) no less then input batch size.")
    if samples.shape[1] != input.shape[-dims - 1]:
        raise RuntimeError("Expect _random_samples.size(1) equals to input channel size.")
    if samples.shape[2] != dims:
        raise RuntimeError(
            f"Expect _random_samples.size(2) equals to {dims}; got {samples.shape[2]}."
        )


def _starts(sample: Tensor, size: int, kernel: int, count: int) -> Tensor:
    """Where the windows along one dim begin: (N, C, count)."""
    sample = sample.unsqueeze(-1)
    ends = corex.full_like(sample, size - kernel, dtype=corex.int64)
    if count == 1:
        return ends
    step = (size - kernel) / (count - 1)
    order = corex.arange(count - 1, dtype=sample.dtype, device=sample.device)
    begins = ((order + sample) * step).trunc() - (sample * step).trunc()
    return corex.cat([begins.long(), ends], -1)


def _places(
    planes: Tensor, starts: Sequence[Tensor], sizes: Sequence[int], kernel: Sequence[int]
) -> Tensor:
    """Of the largest element of each window, flat; the first of equal ones, and the last NaN."""
    dims = len(sizes)
    shape = (*planes.shape[:2], *[s.shape[-1] for s in starts])
    corner = corex.zeros(shape, dtype=corex.int64, device=planes.device)
    for i, start in enumerate(starts):
        line = [1] * dims
        line[i] = start.shape[-1]
        corner = corner + start.reshape(*start.shape[:2], *line) * numel(sizes[i + 1 :])
    corner = corner.flatten(2)
    best = place = None
    for step in range(numel(kernel)):
        offset, rest = 0, step
        for i in range(dims - 1, -1, -1):
            offset += rest % kernel[i] * numel(sizes[i + 1 :])
            rest //= kernel[i]
        at = corner + offset
        value = planes.gather(2, at)
        if best is None or place is None:
            best, place = value, at
            continue
        larger = (value > best) | value.isnan()
        best, place = corex.where(larger, value, best), corex.where(larger, at, place)
    assert place is not None
    return place


def _fractional(
    dims: int,
    input: Tensor,
    kernel_size: Any,
    output_size: Any,
    output_ratio: Any,
    samples: Tensor | None,
) -> tuple[Tensor, Tensor]:
    op = f"fractional_max_pool{dims}d"
    target = _output_size(op, input, output_size, output_ratio, dims)
    kernel = numbers(kernel_size, dims, "kernel_size")
    channels = input.size(-dims - 1)
    if samples is None:
        lead = 1 if input.ndim == dims + 1 else input.shape[0]
        samples = corex.rand(lead, channels, dims, dtype=input.dtype, device=input.device)
    _check(op, input, samples, kernel, target)
    sizes = input.shape[-dims:]
    planes = input.reshape(-1, channels, numel(sizes))
    samples = samples[: planes.shape[0]]
    # In two dims the first sample is the width's, in three the time's.
    order = (1, 0) if dims == 2 else (0, 1, 2)
    with no_grad():
        starts = [
            _starts(samples[..., order[i]], sizes[i], kernel[i], target[i]) for i in range(dims)
        ]
        places = _places(planes.detach(), starts, sizes, kernel)
    values = planes.gather(2, places)
    shape = (*input.shape[:-dims], *target)
    return shaped(values, shape), shaped(places, shape)


def fractional_max_pool2d_with_indices(
    input: Tensor,
    kernel_size: Any,
    output_size: Any = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """The largest of each window of (N, C, H, W) or (C, H, W), and its place h * W + w.

    The windows' places follow from one number in [0, 1) per image, channel and dim.

    Raises:
        ValueError: neither an output size nor a ratio. RuntimeError: windows that do not fit.
    """
    return _fractional(2, input, kernel_size, output_size, output_ratio, _random_samples)


def fractional_max_pool3d_with_indices(
    input: Tensor,
    kernel_size: Any,
    output_size: Any = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """The largest of each window of (N, C, D, H, W) or (C, D, H, W), and its place.

    Raises:
        ValueError: neither an output size nor a ratio. RuntimeError: windows that do not fit.
    """
    return _fractional(3, input, kernel_size, output_size, output_ratio, _random_samples)


def fractional_max_pool2d(
    input: Tensor,
    kernel_size: Any,
    output_size: Any = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:
    """`fractional_max_pool2d_with_indices`, with the places only if wanted.

    Raises:
        ValueError: neither an output size nor a ratio. RuntimeError: windows that do not fit.
    """
    both = _fractional(2, input, kernel_size, output_size, output_ratio, _random_samples)
    return both if return_indices else both[0]


def fractional_max_pool3d(
    input: Tensor,
    kernel_size: Any,
    output_size: Any = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:
    """`fractional_max_pool3d_with_indices`, with the places only if wanted.

    Raises:
        ValueError: neither an output size nor a ratio. RuntimeError: windows that do not fit.
    """
    both = _fractional(3, input, kernel_size, output_size, output_ratio, _random_samples)
    return both if return_indices else both[0]
