"""Histograms of points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from corex import return_types
from corex.layout import numel
from corex.ops.pointwise.select import where
from corex.ops.promotion import cast
from corex.ops.reduce.search import check_floating, edges_of, searched
from corex.ops.registration import function
from corex.ops.shape.parts import select
from corex.ops.shape.views import reshape, shaped
from corex.tensor.tensor import Tensor


def _bins_of(bins: Any, dims: int) -> list[Any]:
    """Bins of every dim.

    Raises:
        RuntimeError: of another number of dims.
    """
    found = [bins] * dims if isinstance(bins, int) else list(bins)
    if len(found) != dims:
        raise RuntimeError(
            "histogramdd: The size of bins must be equal to the innermost dimension of the input."
        )
    return found


@function()
def histogramdd(
    input: Tensor,
    bins: int | Sequence[int] | Sequence[Tensor],
    range: Sequence[float] | None = None,
    weight: Tensor | None = None,
    density: bool = False,
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Counts (or sums of weights) of points in the boxes between edges, and each dim's edges.

    The last dim of the input has the points' coordinates. Bins are as in `histogram`, given for
    every dim or once for all; `range` has two numbers for each.

    Raises:
        RuntimeError: bins, a range or weights that do not fit. NotImplementedError: not floating.
    """
    check_floating("histogramdd", input)
    if input.ndim < 2:
        raise RuntimeError("torch.histogramdd: input tensor should have at least 2 dimensions")
    dims = input.shape[-1]
    each = _bins_of(bins, dims)
    if range is not None and len(range) != 2 * dims:
        raise RuntimeError(
            f"torch.histogramdd: for a {dims}-dimensional histogram range should have {2 * dims} "
            f"elements, but got {len(range)}"
        )
    if weight is not None and weight.shape != input.shape[:-1]:
        raise RuntimeError(
            f"torch.histogramdd: if weight tensor is provided it should have the same shape as the "
            f"input tensor excluding its innermost dimension, but got input with shape "
            f"{list(input.shape)} and weight with shape {list(weight.shape)}"
        )
    points = reshape(input.detach(), (numel(input.shape[:-1]), dims))
    edges, place, inside = [], None, None
    for d, one in enumerate(each):
        line = select(points, 1, d)
        ends = None if range is None else range[2 * d : 2 * d + 2]
        edges.append(edges_of(line, one, ends, d))
        at, within = searched(line, edges[d], isinstance(one, int))
        place = at if place is None else place * (edges[d].shape[0] - 1) + at
        inside = within if inside is None else inside.logical_and(within)
    if place is None or inside is None:  # points of no dims
        return return_types.histogramdd(points.new_zeros(()), ())
    if weight is None:
        share = cast(inside, input.key.dtype)
    else:
        share = where(inside, reshape(cast(weight.detach(), input.key.dtype), -1), 0.0)
    shape = tuple([one.shape[0] - 1 for one in edges])
    counts = points.new_zeros((numel(shape),)).scatter_add(0, place, share)
    counts = shaped(counts, shape)
    if density:
        counts = counts / counts.sum()
        for d, one in enumerate(edges):
            counts = counts / reshape(one[1:] - one[:-1], (-1, *[1] * (dims - 1 - d)))
    return return_types.histogramdd(counts, tuple(edges))
