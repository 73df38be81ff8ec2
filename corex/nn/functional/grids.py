"""Images read at any places: the places of an affine map, and sampling at them.

Source: Jaderberg et al., "Spatial transformer networks" (2015). Coordinates go from -1 to 1, the
last dim of the image first.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import corex
from corex import Tensor
from corex.errors import warn
from corex.layout import numel
from corex.nn.functional.resize import cubic_weight
from corex.ops.promotion import require_kinds
from corex.ops.shape.views import shaped


def _alignment(align_corners: bool | None) -> bool:
    if align_corners is None:
        warn(
            "Default grid_sample and affine_grid behavior has changed to align_corners=False since "
            "1.3.0. Please specify align_corners=True if the old behavior is desired. See the "
            "documentation of grid_sample for details."
        )
    return bool(align_corners)


def affine_grid(theta: Tensor, size: Sequence[int], align_corners: bool | None = None) -> Tensor:
    """The places (N, H, W, 2) or (N, D, H, W, 3) that maps (N, 2, 3) or (N, 3, 4) read from.

    Raises:
        ValueError: integers, a map of another shape, sizes that are not positive.
        NotImplementedError: a size of other than four or five dims.
    """
    align = _alignment(align_corners)
    if not theta.is_floating_point():
        raise ValueError(f"Expected theta to have floating point type, but got {theta.dtype}")
    dims = len(size) - 2
    if dims not in (2, 3):
        raise NotImplementedError(
            f"affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, "
            f"respectively. Got size {size}."
        )
    if theta.dim() != 3 or theta.shape[1:] != (dims, dims + 1):
        raise ValueError(
            f"Expected a batch of {dims}D affine matrices of shape Nx{dims}x{dims + 1} for size "
            f"{size}. Got {theta.shape}."
        )
    if align and min(size[2:]) == 1:
        warn(
            "Since version 1.3.0, affine_grid behavior has changed for unit-size grids when "
            "align_corners=True. This is not an intended use case of affine_grid. See the "
            "documentation of affine_grid for details."
        )
    elif min(size) <= 0:
        raise ValueError(f"Expected non-zero, positive output size. Got {size}")
    if theta.shape[0] != size[0]:
        raise RuntimeError(f"[affine_grid] {theta.shape[0]} maps for a batch of {size[0]}")
    places = []
    for i in reversed(range(dims)):
        line = _line(theta, size[2 + i], align)
        places.append(line.reshape((-1, *(1,) * (dims - 1 - i))).expand(tuple(size[2:])))
    base = corex.stack([*places, corex.ones_like(places[0])], -1).reshape((1, -1, dims + 1))
    return shaped(corex.matmul(base, theta.mT), (size[0], *size[2:], dims))


def _line(theta: Tensor, size: int, align: bool) -> Tensor:
    """The centres of `size` pixels from -1 to 1, or from edge to edge."""
    if size <= 1:
        return theta.new_zeros((size,))
    line = corex.linspace(-1.0, 1.0, size, dtype=theta.dtype, device=theta.device)
    return line if align else line * ((size - 1) / size)


def grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """The image (N, C, H, W) or (N, C, D, H, W) at the places of `grid` (N, ..., 2) or (N, ..., 3).

    Beyond its edges it is zeros, its border, or its reflection. 'bicubic' takes images alone.

    Raises:
        ValueError: an unknown mode. RuntimeError: shapes or dtypes that do not fit.
    """
    if mode not in ("bilinear", "nearest", "bicubic"):
        raise ValueError(
            f"nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', "
            f"but got: '{mode}'"
        )
    if padding_mode not in ("zeros", "border", "reflection"):
        raise ValueError(
            f"nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or "
            f"'reflection', but got: '{padding_mode}'"
        )
    align = _alignment(align_corners)
    _check(input, grid, mode)
    sampler = _Sampler(input, grid.shape, padding_mode, align)
    sizes = input.shape[2:]
    places = []
    for i, size in enumerate(sizes):
        at = grid.select(-1, len(sizes) - 1 - i)
        places.append((at + 1) / 2 * (size - 1) if align else ((at + 1) * size - 1) / 2)
    if mode == "nearest":
        return sampler.at([sampler.kept(at, i).round() for i, at in enumerate(places)])
    if mode == "bilinear":
        return _linear(sampler, [sampler.kept(at, i) for i, at in enumerate(places)])
    return _cubic(sampler, places)


def _check(input: Tensor, grid: Tensor, mode: str) -> None:
    dims = input.dim() - 2
    require_kinds("grid_sampler", "f", input)
    if input.dtype != grid.dtype:
        raise RuntimeError(
            f"grid_sampler(): expected input and grid to have same dtype, but input has "
            f"{input.dtype} and grid has {grid.dtype}"
        )
    if dims not in (2, 3) or grid.dim() != input.dim():
        raise RuntimeError(
            f"grid_sampler(): expected 4D or 5D input and grid with same number of dimensions, but "
            f"got input with sizes {list(input.shape)} and grid with sizes {list(grid.shape)}"
        )
    if grid.shape[0] != input.shape[0] or grid.shape[-1] != dims:
        raise RuntimeError(
            f"grid_sampler(): expected grid and input to have same batch size, and grid to have "
            f"size {dims} in last dimension, but got input with sizes {list(input.shape)} and grid "
            f"with sizes {list(grid.shape)}"
        )
    if 0 in input.shape[2:]:
        raise RuntimeError(
            f"grid_sampler(): expected input to have non-empty spatial dimensions, but input has "
            f"sizes {list(input.shape)}"
        )
    if mode == "bicubic" and dims == 3:
        raise RuntimeError("grid_sampler(): bicubic interpolation only supports 4D input")


class _Sampler:
    """An image, and what is beyond its edges."""

    def __init__(self, image: Tensor, grid: Sequence[int], padding: str, align: bool) -> None:
        self.sizes = image.shape[2:]
        self.flat = image.reshape((*image.shape[:2], numel(self.sizes)))
        self.grid, self.padding, self.align = tuple(grid[1:-1]), padding, align

    def kept(self, at: Tensor, i: int) -> Tensor:
        """Coordinates of dim i brought inside, unless zeros are outside."""
        size = self.sizes[i]
        if self.padding == "reflection":
            at = _reflected(at, 0.0, size - 1.0) if self.align else _reflected(at, -0.5, size - 0.5)
        return at if self.padding == "zeros" else corex.clamp(at, 0, size - 1)

    def at(self, places: Sequence[Tensor]) -> Tensor:
        """The pixels at whole coordinates, zeros outside: (N, C, ...)."""
        n, channels, _ = self.flat.shape
        flat = inside = None
        for at, size in zip(places, self.sizes, strict=True):
            at = at.detach()
            here = (at >= 0) & (at <= size - 1)
            index = corex.where(here, at, corex.zeros_like(at)).long()
            flat = index if flat is None else flat * size + index
            inside = here if inside is None else inside & here
        assert flat is not None
        assert inside is not None
        index = flat.reshape((n, 1, numel(self.grid))).expand((n, channels, numel(self.grid)))
        found = shaped(self.flat.gather(2, index), (n, channels, *self.grid))
        if self.padding == "zeros":
            found = found.masked_fill(inside.logical_not().unsqueeze(1), 0.0)
        return found


def _reflected(at: Tensor, low: float, high: float) -> Tensor:
    """Coordinates folded into [low, high]."""
    span = high - low
    if span == 0:
        return corex.zeros_like(at)
    at = (at - low).abs()
    folds = (at / span).floor().detach()
    rest = at - folds * span
    return corex.where(folds.remainder(2) == 0, rest, span - rest) + low


def _linear(sampler: _Sampler, places: Sequence[Tensor]) -> Tensor:
    """The mean of the corners of the cell, by what is left of it on the other side."""
    lows = [at.detach().floor() for at in places]
    total = None
    for corner in product((0, 1), repeat=len(places)):
        weight = None
        for at, low, bit in zip(places, lows, corner, strict=True):
            share = at - low if bit else low + 1 - at
            weight = share if weight is None else weight * share
        assert weight is not None
        found = sampler.at([low + bit for low, bit in zip(lows, corner, strict=True)])
        part = found * weight.unsqueeze(1)
        total = part if total is None else total + part
    assert total is not None
    return total


def _cubic(sampler: _Sampler, places: Sequence[Tensor]) -> Tensor:
    """Keys' weights of the sixteen nearest pixels, each brought inside by itself."""
    lows = [at.detach().floor() for at in places]
    total = None
    for taps in product((-1, 0, 1, 2), repeat=2):
        pixels = [low + k for low, k in zip(lows, taps, strict=True)]
        found = sampler.at([sampler.kept(at, i).round() for i, at in enumerate(pixels)])
        shares = [cubic_weight(at - to, -0.75) for at, to in zip(places, pixels, strict=True)]
        part = found * (shares[0] * shares[1]).unsqueeze(1)
        total = part if total is None else total + part
    assert total is not None
    return total
