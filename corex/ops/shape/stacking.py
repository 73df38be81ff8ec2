"""Stacking by the dims that matrices and images have, and tensors of at least so many dims."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from corex.layout import numel
from corex.ops.promotion import require_tensor
from corex.ops.registration import function
from corex.ops.shape.join import cat, require_some, stack
from corex.ops.shape.views import expand, reshape, shaped, unsqueeze
from corex.tensor.tensor import Tensor


@function()
def atleast_1d(*tensors: Any) -> Any:
    """Tensors with at least one dim."""
    return _each(lambda x: reshape(x, (1,)) if x.ndim < 1 else x, tensors)


@function()
def atleast_2d(*tensors: Any) -> Any:
    """Tensors with at least two dims, vectors as rows."""
    return _each(lambda x: reshape(x, (1, -1)) if x.ndim < 2 else x, tensors)


@function()
def atleast_3d(*tensors: Any) -> Any:
    """Tensors with at least three dims: (N,) becomes (1, N, 1), (M, N) becomes (M, N, 1)."""
    return _each(_third, tensors)


def _third(x: Tensor) -> Tensor:
    if x.ndim >= 3:
        return x
    if not x.ndim:
        return reshape(x, (1, 1, 1))
    return unsqueeze(unsqueeze(x, 0) if x.ndim < 2 else x, -1)


def _each(function: Callable[[Tensor], Tensor], tensors: tuple[Any, ...]) -> Any:
    if len(tensors) == 1 and isinstance(tensors[0], Tensor):
        return function(tensors[0])
    given = tensors[0] if len(tensors) == 1 else tensors
    return tuple([function(require_tensor("atleast", tensor)) for tensor in given])


@function(out="cast")
def dstack(tensors: Sequence[Tensor]) -> Tensor:
    """Joined along the third dim."""
    require_some("dstack", tensors)
    return cat([_third(tensor) for tensor in tensors], 2)


@function(out="cast")
def column_stack(tensors: Sequence[Tensor]) -> Tensor:
    """Joined along the second dim, vectors as columns."""
    return cat([reshape(x, (-1, 1)) if x.ndim < 2 else x for x in tensors], 1)


@function()
def cartesian_prod(*tensors: Tensor) -> Tensor:
    """All combinations of the elements of vectors, as rows.

    Raises:
        RuntimeError: a tensor that is no vector.
    """
    for t in tensors:
        if t.ndim != 1:
            raise RuntimeError(f"Expect a 1D vector, but got shape {list(t.shape)}")
    if len(tensors) == 1:
        return tensors[0]
    ndim = len(tensors)
    sizes = tuple([x.shape[0] for x in tensors])
    grids = [
        expand(reshape(x, [1] * i + [-1] + [1] * (ndim - 1 - i)), sizes)
        for i, x in enumerate(tensors)
    ]
    return shaped(stack(grids, -1), (numel(sizes), ndim))
