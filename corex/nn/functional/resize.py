"""Images of another size: nearest, linear, cubic and area interpolation, along one dim at a time.

Source of the coordinates: an output pixel i covers scale * (i + 1/2) - 1/2 of the input, or, with
`align_corners`, the centres of the outermost pixels coincide. Cubic weights: Keys, "Cubic
convolution interpolation for digital image processing" (1981).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import corex
from corex import Tensor
from corex.errors import warn
from corex.nn.functional.pooling import adaptive_avg_pool3d
from corex.nn.functional.spatial import adaptive_avg_pool1d, adaptive_avg_pool2d
from corex.ops.shape.channels import of_images
from corex.ops.shape.views import contiguous

_LINEAR = {"linear": 3, "bilinear": 4, "trilinear": 5, "bicubic": 4}
_ANY = ("nearest", "nearest-exact", "area")


@of_images
def interpolate(
    input: Tensor,
    size: int | Sequence[int] | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """(N, C, ...) with one to three spatial dims of another size, or scaled.

    Raises:
        ValueError: not exactly one of size and scale_factor, or arguments that the mode does not
            have. NotImplementedError: a mode for other dims. RuntimeError: a size that is not
            positive.
    """
    if mode in _ANY and align_corners is not None:
        raise ValueError(
            "align_corners option can only be set with the interpolating modes: linear | bilinear "
            "| bicubic | trilinear"
        )
    sizes, scales = _sizes(input, size, scale_factor)
    if recompute_scale_factor and size is not None:
        raise ValueError("recompute_scale_factor is not meaningful with an explicit size.")
    if recompute_scale_factor or mode == "area":
        scales = [None] * len(sizes)
    if antialias and not (mode in ("bilinear", "bicubic") and input.dim() == 4):
        raise ValueError(
            "Anti-alias option is restricted to bilinear, bicubic, and lanczos modes and requires "
            "a 4-D tensor as input"
        )
    _check_mode(input, mode)
    if mode == "area":
        pools: list[Callable[..., Tensor]]
        pools = [adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d]
        return pools[input.dim() - 3](input, sizes if len(sizes) > 1 else sizes[0])
    _check_sizes(input, sizes, mode)
    result = contiguous(input)
    for i, (out, scale) in enumerate(zip(sizes, scales, strict=True)):
        result = resized(result, 2 + i, out, scale, mode, bool(align_corners), antialias)
    return result.clone() if result is input else result


def _sizes(input: Tensor, size: Any, scale_factor: Any) -> tuple[list[int], list[float | None]]:
    """The sizes of the result, and by which factors they were asked for."""
    dims = input.dim() - 2
    if (size is None) == (scale_factor is None):
        raise ValueError(
            "either size or scale_factor should be defined"
            if size is None
            else "only one of size or scale_factor should be defined"
        )
    given = scale_factor if size is None else size
    values = list(given) if isinstance(given, list | tuple) else [given] * dims
    if len(values) != dims:
        raise ValueError(
            f"Input and {'scale_factor' if size is None else 'output'} must have the same number "
            f"of spatial dimensions, but got input with spatial dimensions of "
            f"{list(input.shape[2:])} and {given}."
        )
    if size is None:
        return [int(input.shape[2 + i] * s) for i, s in enumerate(values)], values
    for value in values:
        if not hasattr(type(value), "__index__") or isinstance(value, bool):
            raise TypeError(
                f"expected size to be one of int or Tuple[int] or Tuple[int, int] or Tuple[int, "
                f"int, int], but got size {size!r}"
            )
    return [int(value) for value in values], [None] * dims


def _check_mode(input: Tensor, mode: str) -> None:
    dims = input.dim()
    if (mode in _ANY and dims in (3, 4, 5)) or _LINEAR.get(mode) == dims:
        return
    if mode in ("linear", "bilinear", "trilinear") and dims in (3, 4, 5):
        needed = _LINEAR[mode]
        raise NotImplementedError(f"Got {dims}D input, but {mode} mode needs {needed}D input")
    raise NotImplementedError(
        f"Input Error: Only 3D, 4D and 5D input Tensors supported (got {dims}D) for the modes: "
        f"nearest | linear | bilinear | bicubic | trilinear | area | nearest-exact (got {mode})"
    )


def _check_sizes(input: Tensor, sizes: Sequence[int], mode: str) -> None:
    if min(sizes) <= 0 or 0 in input.shape[2:]:
        raise RuntimeError(
            f"Input and output sizes should be greater than 0, but got input "
            f"{list(input.shape[2:])} and output {list(sizes)}"
        )
    if not input.shape[1]:
        raise RuntimeError(
            f"Non-empty {input.dim()}D data tensor expected but got a tensor with sizes "
            f"{list(input.shape)}"
        )
    whole = input.dtype == corex.uint8 and mode in ("nearest", "nearest-exact")
    if not input.is_floating_point() and not whole:
        raise NotImplementedError(f'[interpolate] "{mode}" not implemented for {input.dtype!r}')


def resized(
    x: Tensor, dim: int, out: int, factor: float | None, mode: str, align: bool, antialias: bool
) -> Tensor:
    """One dim of x with another size."""
    size = x.shape[dim]
    scale = _scale(size, out, factor, align)
    if antialias:
        weights = _wide_weights(x, size, out, scale, mode == "bicubic")
        if dim == x.dim() - 1:
            return corex.matmul(x, weights.mT)
        return corex.matmul(weights, x)  # of the two dims of an image, the other one
    if mode.startswith("nearest"):
        return x.index_select(dim, _nearest(x, size, out, scale, mode == "nearest-exact"))
    if mode == "bicubic":
        return _cubic(x, dim, size, _centres(x, out, scale, align))
    if size == out:
        return x
    at = corex.clamp(_centres(x, out, scale, align), min=0.0)
    low = corex.clamp(at.long(), max=size - 1)
    share = corex.clamp(at - low, 0.0, 1.0).reshape((out, *(1,) * (x.dim() - dim - 1)))
    first = x.index_select(dim, low) * (1.0 - share)
    return first + x.index_select(dim, corex.clamp(low + 1, max=size - 1)) * share


def _scale(size: int, out: int, factor: float | None, align: bool) -> float:
    """How far apart the output's pixels are in the input."""
    if align:
        return (size - 1) / (out - 1) if out > 1 else 0.0
    return 1.0 / factor if factor is not None and factor > 0 else size / out


def _positions(x: Tensor, out: int) -> Tensor:
    dtype = x.dtype if x.is_floating_point() else corex.float32
    return corex.arange(out, dtype=dtype, device=x.device)


def _centres(x: Tensor, out: int, scale: float, align: bool) -> Tensor:
    at = _positions(x, out)
    return at * scale if align else (at + 0.5) * scale - 0.5


def _nearest(x: Tensor, size: int, out: int, scale: float, exact: bool) -> Tensor:
    if size == out and not exact:  # whatever the scale
        scale = 1.0
    at = corex.arange(out, dtype=corex.float32, device=x.device)  # as PyTorch, in every dtype
    return corex.clamp(((at + 0.5 if exact else at) * scale).floor().long(), max=size - 1)


def _cubic(x: Tensor, dim: int, size: int, at: Tensor) -> Tensor:
    """Keys' weights of the four nearest pixels, the outermost repeated beyond the edges."""
    low = at.floor()
    share = (at - low).reshape((at.numel(), *(1,) * (x.dim() - dim - 1)))
    first = low.long()
    parts = [
        x.index_select(dim, corex.clamp(first + k, 0, size - 1)) * cubic_weight(share - k, -0.75)
        for k in (-1, 0, 1, 2)
    ]
    return parts[0] + parts[1] + parts[2] + parts[3]


def cubic_weight(distance: Tensor, a: float) -> Tensor:
    """Keys' cubic convolution kernel, with slope `a` at 1."""
    d = distance.abs()
    near = ((a + 2.0) * d - (a + 3.0)) * d * d + 1.0
    far = ((a * d - 5.0 * a) * d + 8.0 * a) * d - 4.0 * a
    return corex.where(d <= 1.0, near, corex.where(d < 2.0, far, corex.zeros_like(d)))


def _wide_weights(x: Tensor, size: int, out: int, scale: float, cubic: bool) -> Tensor:
    """(out, size): the kernel, as wide as an output pixel; rows add up to 1."""
    wide = max(scale, 1.0)
    centre = ((_positions(x, out) + 0.5) * scale).unsqueeze(1)
    distance = (_positions(x, size) + 0.5 - centre) / wide
    if cubic:
        weights = cubic_weight(distance, -0.5)
    else:
        weights = corex.clamp(1.0 - distance.abs(), min=0.0)
    return weights / weights.sum(1, True)


# ---- older names ---------------------------------------------------------------------------------
def upsample(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Tensor:
    """`interpolate`, by its older name."""
    _warn("upsample")
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """`interpolate(mode="nearest")`, by its older name."""
    _warn("upsample_nearest")
    return interpolate(input, size, scale_factor)


def upsample_bilinear(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """`interpolate(mode="bilinear", align_corners=True)`, by its older name."""
    _warn("upsample_bilinear")
    return interpolate(input, size, scale_factor, "bilinear", True)


def _warn(name: str) -> None:
    warn(
        f"`nn.functional.{name}` is deprecated. Use `nn.functional.interpolate` instead.",
    )
