"""Differences of neighbours and what is integrated from them: diff, gradient, trapezoid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from corex import dtypes as dt
from corex.layout import normalize_dim, normalize_dims
from corex.ops.create.constant import number_of
from corex.ops.promotion import cast, require_tensor
from corex.ops.reduce.order import cumsum
from corex.ops.registration import exported, function
from corex.ops.shape.join import cat
from corex.ops.shape.parts import select, slice_view
from corex.ops.shape.views import reshape
from corex.tensor.tensor import Tensor


def _steps(t: Tensor, dim: int) -> Tensor:
    """Each entry less the one before it."""
    size = t.shape[dim]
    later, earlier = slice_view(t, dim, 1, size - 1), slice_view(t, dim, 0, size - 1)
    return later.logical_xor(earlier) if t.key.dtype is dt.bool_ else later - earlier


@exported(out="cast")
def diff(
    input: Tensor,
    n: int = 1,
    dim: int = -1,
    prepend: Tensor | None = None,
    append: Tensor | None = None,
) -> Tensor:
    """The n-th differences of neighbours along a dim (bool: whether they differ).

    Raises:
        RuntimeError: a 0-d tensor, a negative `n`, or what is put before or behind does not fit.
    """
    if require_tensor("diff", input).ndim < 1:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    dim = normalize_dim(dim, input.ndim)
    for other in (prepend, append):
        if other is not None and require_tensor("diff", other, "prepend").ndim != input.ndim:
            raise RuntimeError("diff expects prepend or append to be the same dimension as input")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    if n == 0:
        return input.clone()
    parts = [part for part in (prepend, input, append) if part is not None]
    result = cat(parts, dim) if len(parts) > 1 else input
    if n >= result.shape[dim]:
        return slice_view(result, dim, 0, 0).clone()
    for _ in range(n):
        result = _steps(result, dim)
    return result


# ---- integrals -------------------------------------------------------------------------------
def _areas(op: str, y: Tensor, x: Any, dx: Any, dim: int) -> tuple[Tensor, int, Any]:
    """The sums of neighbours of `y`, the dim, and half the widths they are multiplied by.

    Raises:
        RuntimeError: both `x` and `dx`, or an `x` that does not fit.
    """
    dim = normalize_dim(dim, require_tensor(op, y).ndim)
    if x is not None and dx is not None:
        raise TypeError(f"{op}(): takes either x or dx, not both")
    if not y.shape:
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    if y.key.dtype is dt.bool_:
        raise RuntimeError(f"{op}: received a bool input for `y`, but bool is not supported")
    size = y.shape[dim]
    count = max(size - 1, 0)
    sums = slice_view(y, dim, size - count, count) + slice_view(y, dim, 0, count)
    if x is None:
        return sums, dim, (1.0 if dx is None else float(number_of(op, "dx", dx))) / 2.0
    if require_tensor(op, x, "x").key.dtype is dt.bool_:
        raise RuntimeError(f"{op}: received a bool input for `x` or `y`, but bool is not supported")
    if x.ndim == 1:
        if x.shape[0] != size:
            raise RuntimeError(
                f"{op}: There must be one `x` value for each sample point, got {x.shape[0]} for "
                f"{size}"
            )
        x = reshape(x, (-1, *[1] * (y.ndim - 1 - dim)))
    elif x.ndim < y.ndim:
        x = reshape(x, (*[1] * (y.ndim - x.ndim), *x.shape))
    along = dim - y.ndim + x.ndim
    width = max(x.shape[along] - 1, 0)
    steps = slice_view(x, along, x.shape[along] - width, width) - slice_view(x, along, 0, width)
    return sums, dim, steps


@function()
def trapezoid(y: Tensor, x: Any = None, *, dx: Any = None, dim: int = -1) -> Tensor:
    """The integral along a dim by the trapezoidal rule, at positions `x` or `dx` apart.

    Raises:
        RuntimeError: bool tensors, or an `x` that does not fit.
    """
    sums, dim, widths = _areas("trapezoid", y, x, dx, dim)
    if y.shape[dim] == 0:
        return _nothing(y, dim)
    if isinstance(widths, Tensor):
        return (sums * widths).sum(dim) / 2.0
    ends = select(y, dim, 0) + select(y, dim, -1)
    whole: Tensor = (y.sum(dim) - ends * 0.5) * (widths * 2)
    return whole


def _nothing(y: Tensor, dim: int) -> Tensor:
    shape = (*y.shape[:dim], *y.shape[dim + 1 :])
    return y.detach().new_zeros(shape)


@function()
def trapz(y: Tensor, x: Any = None, *, dx: Any = None, dim: int = -1) -> Tensor:
    """As `trapezoid`."""
    return trapezoid(y, x, dx=dx, dim=dim)


@function()
def cumulative_trapezoid(y: Tensor, x: Any = None, *, dx: Any = None, dim: int = -1) -> Tensor:
    """The running integral along a dim by the trapezoidal rule; one entry fewer than `y` has.

    Raises:
        RuntimeError: as `trapezoid`.
    """
    sums, dim, widths = _areas("cumulative_trapezoid", y, x, dx, dim)
    if isinstance(widths, Tensor):
        return cumsum(sums * widths, dim) / 2.0
    return cumsum(sums * widths, dim)


# ---- slopes ----------------------------------------------------------------------------------
@function()
def gradient(
    input: Tensor,
    *,
    spacing: Any = 1,
    dim: int | Sequence[int] | None = None,
    edge_order: int = 1,
) -> tuple[Tensor, ...]:
    """Estimated slopes along each dim: central differences, one-sided ones at the two ends.

    `spacing` is a distance, or one for each dim, or for each dim the positions of its samples.

    Raises:
        RuntimeError: `spacing` of another length than there are dims, an `edge_order` that is not
            1 or 2, or a dim too short for it.
    """
    ndim = require_tensor("gradient", input).ndim
    if input.key.dtype is dt.uint8:
        raise RuntimeError("torch.gradient does not support uint8 input.")
    if input.key.dtype is dt.bool_:
        raise RuntimeError("[gradient] truth values cannot be subtracted; convert the tensor first")
    if spacing is None:
        spacing = 1
    dims = tuple(range(ndim)) if dim is None else normalize_dims(dim, ndim)
    several = isinstance(spacing, list | tuple)
    if isinstance(spacing, Tensor) and spacing.ndim:
        raise TypeError("gradient(): argument 'spacing' must be a number or a list of tensors")
    if several and len(spacing) != len(dims):
        raise RuntimeError(
            f"torch.gradient expected spacing to be unspecified, a scalar, or a list of length "
            f"equal to 'dims.size()' ({len(dims)}), but got {len(spacing)}"
        )
    if edge_order not in (1, 2):
        raise RuntimeError("torch.gradient only supports edge_order=1 and edge_order=2.")
    results = []
    for i, d in enumerate(dims):
        if input.shape[d] < edge_order + 1:
            raise RuntimeError(
                "torch.gradient expected each dimension size to be at least edge_order+1"
            )
        results.append(_slope(input, d, spacing[i] if several else spacing, edge_order))
    return tuple(results)


def _slope(input: Tensor, dim: int, spacing: Any, edge_order: int) -> Tensor:
    a = input if input.key.dtype.is_inexact else cast(input, dt.get_default_dtype())
    size = a.shape[dim]
    if isinstance(spacing, Tensor) and spacing.ndim:
        if spacing.ndim != 1 or spacing.shape[0] != size:
            raise RuntimeError(
                f"torch.gradient expected each element of spacing to have the same size as the "
                f"corresponding dimension: {list(spacing.shape)} and {size}"
            )
        line = reshape(spacing, (-1, *[1] * (a.ndim - 1 - dim)))
        widths = slice_view(line, 0, 1, size - 1) - slice_view(line, 0, 0, size - 1)
    else:
        widths = a.detach().new_ones((size - 1, *[1] * (a.ndim - 1 - dim))) * spacing
    slopes = _steps(a, dim) / widths
    first, last = slice_view(slopes, dim, 0, 1), slice_view(slopes, dim, size - 2, 1)
    if size == 2:
        return cat([first, last], dim)
    before, after = slice_view(widths, 0, 0, size - 2), slice_view(widths, 0, 1, size - 2)
    left, right = slice_view(slopes, dim, 0, size - 2), slice_view(slopes, dim, 1, size - 2)
    inner = (left * after + right * before) / (before + after)
    if edge_order == 2:  # the parabola through the three entries at an end
        turn = (right - left) / (before + after)
        first = first - slice_view(turn, dim, 0, 1) * select(widths, 0, 0)
        last = last + slice_view(turn, dim, size - 3, 1) * select(widths, 0, size - 2)
    return cat([first, inner, last], dim)
