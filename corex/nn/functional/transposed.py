"""Transposed convolution, and convolution of volumes, through the two-dimensional ops.

A transposed convolution is the gradient of a convolution's input. One of volumes is the sum of
those of planes, one for each plane of the filters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import corex
from corex import Tensor
from corex.nn.functional.pooling import LINES, PLANES, VOLUMES, numbers
from corex.ops.create.constant import named
from corex.ops.nn.conv import input_gradient
from corex.ops.promotion import require_kinds
from corex.ops.shape.channels import as_images
from corex.ops.shape.parts import slice_view
from corex.ops.shape.views import dense_clone, shaped

Ints = tuple[int, ...]


def conv3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlation of (N, C, D, H, W) or (C, D, H, W) with (O, C / groups, KD, KH, KW).

    `padding` is a number, three, 'valid' or 'same' (stride 1 only).

    Raises:
        RuntimeError: shapes, groups or dtypes that do not fit.
    """
    if input.dim() not in (4, 5) or weight.dim() != 5:
        raise RuntimeError(
            f"Expected 4D (unbatched) or 5D (batched) input to conv3d and 5D weight, but got input "
            f"of size: {list(input.shape)} and weight of size: {list(weight.shape)}"
        )
    if bias is not None and bias.dtype != input.dtype:
        raise RuntimeError(
            f"Input type ({input.dtype}) and bias type ({bias.dtype}) should be the same"
        )
    x = input if input.dim() == 5 else input.unsqueeze(0)
    steps, spread = numbers(stride, 3, "stride"), numbers(dilation, 3, "dilation")
    kernel = weight.shape[2:]
    if min(steps) <= 0 or min(spread) <= 0 or min(weight.shape) <= 0:
        raise RuntimeError(
            f"non-positive stride, dilation or size of weight is not supported: {steps}, {spread}, "
            f"{list(weight.shape)}"
        )
    if bias is not None and bias.shape != weight.shape[:1]:
        raise RuntimeError(
            f"Given weight of size {list(weight.shape)}, expected bias to be 1-dimensional with "
            f"{weight.shape[0]} elements, but got bias of size {list(bias.shape)} instead"
        )
    x, margin = _padding3d(x, padding, kernel, steps, spread)
    n, channels = x.shape[:2]
    reach = spread[0] * (kernel[0] - 1) + 1
    count = (x.shape[2] - reach) // steps[0] + 1
    if x.shape[2] < reach:
        raise RuntimeError(
            f"Calculated padded input size per channel: {list(x.shape[2:])}. Kernel size: "
            f"{list(kernel)}. Kernel size can't be greater than actual input size"
        )
    total = None
    for k in range(kernel[0]):
        planes = slice_view(x, 2, k * spread[0], count, steps[0]).transpose(1, 2)
        planes = planes.reshape((n * count, channels, *x.shape[3:]))
        part = corex.conv2d(
            planes, weight.select(2, k), None, steps[1:], margin, spread[1:], groups
        )
        total = part if total is None else total + part
    assert total is not None
    rows = total.unflatten(0, (n, count)).transpose(1, 2)
    if bias is not None:
        rows = rows + bias.reshape((-1, 1, 1, 1))
    result = dense_clone(rows)
    return result if input.dim() == 5 else shaped(result, result.shape[1:])


def _padding3d(
    x: Tensor, padding: Any, kernel: Ints, stride: Ints, dilation: Ints
) -> tuple[Tensor, Ints]:
    """The volumes padded in depth (and where two sides differ), and the planes' padding."""
    if isinstance(padding, str):
        if padding not in ("valid", "same"):
            raise RuntimeError(f"Invalid padding string: '{padding}'")
        if padding == "same" and stride != (1, 1, 1):
            raise RuntimeError("padding='same' is not supported for strided convolutions")
        pairs = zip(dilation, kernel, strict=True)
        reach = [d * (k - 1) if padding == "same" else 0 for d, k in pairs]
    else:
        margin = numbers(padding, 3, "padding")
        if min(margin) < 0:
            raise RuntimeError(f"[conv3d] negative padding is not supported: {margin}")
        reach = [2 * m for m in margin]
    low, high = reach[0] // 2, reach[0] - reach[0] // 2
    extra = (0, reach[2] % 2, 0, reach[1] % 2, low, high)
    x = corex.pad(x, extra) if any(extra) else x
    return x, (reach[1] // 2, reach[2] // 2)


# ---- transposed ----------------------------------------------------------------------------------
def _transposed(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: int,
    dilation: Any,
    dims: int,
) -> Tensor:
    steps, margin = numbers(stride, dims, "stride"), numbers(padding, dims, "padding")
    spread = numbers(dilation, dims, "dilation")
    more = numbers(output_padding, dims, "output_padding")
    _check_transposed(input, weight, bias, steps, margin, spread, more, groups)
    x = input if input.dim() == dims + 2 else input.unsqueeze(0)
    kernel = weight.shape[2:]
    # All that the filters reach, then without the padding: more may be kept than is reached.
    reached = [
        (x.shape[2 + i] - 1) * steps[i] + spread[i] * (kernel[i] - 1) + 1 for i in range(dims)
    ]
    sizes = [reached[i] - 2 * margin[i] + more[i] for i in range(dims)]
    if min(sizes) <= 0:
        raise RuntimeError(
            f"Given input size per channel: {list(x.shape[2:])}. Calculated output size per "
            f"channel: {sizes}. Output size is too small"
        )
    if dims == 3:
        result = _volumes(x, weight, reached, steps, spread, groups)
    else:
        result = _planes(x, weight, reached, steps, spread, groups)
    ends = [sizes[i] + margin[i] - reached[i] for i in range(dims)]
    if any(margin) or any(ends):
        sides = [side for i in reversed(range(dims)) for side in (-margin[i], ends[i])]
        result = corex.pad(result, sides)
    if bias is not None:
        result = result + bias.reshape((-1, *(1,) * dims))
    if dims == 2 and input.dim() == 4:
        return as_images(result, input, weight)
    return shaped(result, (*input.shape[: input.dim() - dims - 1], *result.shape[1:]))


def _planes(
    x: Tensor, weight: Tensor, reached: list[int], steps: Ints, spread: Ints, groups: int
) -> Tensor:
    """Of (N, C, H, W), or of (N, C, L) as images of one row; without padding."""
    shape = (x.shape[0], weight.shape[1] * groups, *reached)
    if x.dim() == 4:
        return input_gradient(shape, x, weight, steps, (0, 0), spread, groups)  # type: ignore[arg-type]
    result = input_gradient(
        (*shape[:2], 1, shape[2]), x.unsqueeze(-2), weight.unsqueeze(-2),
        (1, *steps), (0, 0), (1, *spread), groups,  # type: ignore[arg-type]
    )  # fmt: skip
    return shaped(result, shape)


def _volumes(
    x: Tensor, weight: Tensor, reached: list[int], steps: Ints, spread: Ints, groups: int
) -> Tensor:
    """Of (N, C, D, H, W): each plane of the filters adds to its own planes of the result."""
    n, channels, depth = x.shape[:3]
    planes = x.transpose(1, 2).reshape((n * depth, channels, *x.shape[3:]))
    outs = weight.shape[1] * groups
    whole = x.new_zeros((n, outs, *reached))
    for k in range(weight.shape[2]):
        part = _planes(planes, weight.select(2, k), reached[1:], steps[1:], spread[1:], groups)
        part = part.unflatten(0, (n, depth)).transpose(1, 2)
        slice_view(whole, 2, k * spread[0], depth, steps[0]).add_(part)
    return whole


def _check_transposed(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Ints,
    padding: Ints,
    dilation: Ints,
    output_padding: Ints,
    groups: int,
) -> None:
    dims = len(stride)
    op = f"conv_transpose{dims}d"
    if input.dim() not in (dims + 1, dims + 2) or weight.dim() != dims + 2:
        raise RuntimeError(
            f"Expected {dims + 1}D (unbatched) or {dims + 2}D (batched) input to {op} and "
            f"{dims + 2}D weight, but got input of size: {list(input.shape)} and weight of size: "
            f"{list(weight.shape)}"
        )
    if input.dtype != weight.dtype:
        raise RuntimeError(
            f"[{op}] Input type ({input.dtype}) and weight type ({weight.dtype}) should be the same"
        )
    if input.dtype != corex.int64:  # the one integer dtype that PyTorch takes here
        require_kinds(op, "fc", input)
    if min(stride) <= 0 or min(dilation) <= 0 or groups <= 0 or min(padding) < 0:
        raise RuntimeError(
            f"non-positive stride, dilation or groups, or negative padding is not supported: "
            f"{stride}, {dilation}, {groups}, {padding}"
        )
    if min(output_padding) < 0:
        raise RuntimeError("negative output_padding is not supported")
    for more, step, spread in zip(output_padding, stride, dilation, strict=True):
        if more >= max(step, spread):
            raise RuntimeError(
                f"output padding must be smaller than either stride or dilation, but got "
                f"output_padding: {output_padding}, stride: {stride}, dilation: {dilation}"
            )
    if 0 in input.shape[-dims:] or 0 in weight.shape:
        raise RuntimeError(
            f"Only zero batch or zero channel inputs are supported, but got input shape: "
            f"{list(input.shape)}"
        )
    channels = input.shape[-dims - 1]
    if channels != weight.shape[0] or channels % groups:
        raise RuntimeError(
            f"Given transposed=1, weight of size {list(weight.shape)}, expected input"
            f"{list(input.shape)} to have {weight.shape[0]} channels, but got {channels} channels "
            f"instead"
        )
    if bias is not None and bias.shape != (weight.shape[1] * groups,):
        raise RuntimeError(
            f"Given transposed=1, weight of size {list(weight.shape)}, expected bias to be "
            f"1-dimensional with {weight.shape[1] * groups} elements, but got bias of size "
            f"{list(bias.shape)} instead"
        )


def _conv_transpose(dims: int, sizes: str, weights: str) -> Callable[..., Tensor]:
    def convolve(
        input: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        dilation: Any = 1,
    ) -> Tensor:
        return _transposed(
            input, weight, bias, stride, padding, output_padding, groups, dilation, dims
        )

    convolve.__doc__ = f"""The transposed convolution of {sizes} with {weights}.

    Raises:
        RuntimeError: shapes, groups or padding that do not fit.
    """
    return named(convolve, f"conv_transpose{dims}d")


conv_transpose1d = _conv_transpose(1, LINES, "(C, O / groups, K)")
conv_transpose2d = _conv_transpose(2, PLANES, "(C, O / groups, KH, KW)")
conv_transpose3d = _conv_transpose(3, VOLUMES, "(C, O / groups, KD, KH, KW)")
