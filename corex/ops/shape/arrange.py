"""Building and taking apart: diagonals, stacks, splits, in-place views, and sets of values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from corex import dtypes as dt
from corex.dispatch.resolve import check_places
from corex.layout import broadcast_shapes, normalize_dim, numel
from corex.ops.indexing.along import index_select
from corex.ops.indexing.index import getitem, index_put_, nonzero
from corex.ops.inplace import check_inplace
from corex.ops.pointwise.composite import inplace_form
from corex.ops.promotion import cast, require_tensor
from corex.ops.reduce.reductions import argsort, cumsum
from corex.ops.shape.join import cat, flip, stack
from corex.ops.shape.parts import diagonal, tensor_split
from corex.ops.shape.views import (
    dense_clone,
    expand,
    reshape,
    shaped,
    squeeze,
    t,
    transpose,
    unsqueeze,
)
from corex.tensor.lineage import hang
from corex.tensor.modes import mode
from corex.tensor.tensor import Tensor


# ---- diagonals -------------------------------------------------------------------------------
def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """The diagonal of a matrix (a copy), or the matrix with a vector as its diagonal.

    Raises:
        RuntimeError: more than two dims.
    """
    ndim = require_tensor("diag", input).ndim
    if ndim == 1:
        return diag_embed(input, diagonal)
    if ndim != 2:
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {ndim}D")
    return _diagonal(input, diagonal).clone()


_diagonal = diagonal


def diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Matrices, over two new dims, whose diagonals are the last dim.

    Raises:
        RuntimeError: the two dims are the same.
    """
    n = input.shape[-1] + abs(offset)
    ndim = input.ndim + 1
    a, b = normalize_dim(dim1, ndim), normalize_dim(dim2, ndim)
    if a == b:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    sizes = list(input.shape[:-1])
    for dim in sorted((a, b)):
        sizes.insert(dim, n)
    whole = input.new_zeros(sizes)
    _diagonal(whole, offset, a, b).copy_(input)
    return whole


def diagflat(input: Tensor, offset: int = 0) -> Tensor:
    """The matrix whose diagonal holds all elements in order."""
    return diag_embed(reshape(input, (-1,)), offset)


# ---- stacks and splits -------------------------------------------------------------------------
def atleast_1d(*tensors: Any) -> Any:
    """Tensors with at least one dim."""
    return _each(lambda x: reshape(x, (1,)) if x.ndim < 1 else x, tensors)


def atleast_2d(*tensors: Any) -> Any:
    """Tensors with at least two dims, vectors as rows."""
    return _each(lambda x: reshape(x, (1, -1)) if x.ndim < 2 else x, tensors)


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
    return tuple([function(tensor) for tensor in given])


def dstack(tensors: Sequence[Tensor]) -> Tensor:
    """Joined along the third dim."""
    return cat([_third(tensor) for tensor in tensors], 2)


def column_stack(tensors: Sequence[Tensor]) -> Tensor:
    """Joined along the second dim, vectors as columns."""
    return cat([reshape(x, (-1, 1)) if x.ndim < 2 else x for x in tensors], 1)


def hsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """`tensor_split` of the second dim (of the first of a vector).

    Raises:
        RuntimeError: a 0-d tensor, or sections that do not divide the size.
    """
    return _split("hsplit", input, indices_or_sections, 0 if input.ndim == 1 else 1, 1)


def vsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """`tensor_split` of the first dim.

    Raises:
        RuntimeError: fewer than two dims, or sections that do not divide the size.
    """
    return _split("vsplit", input, indices_or_sections, 0, 2)


def dsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """`tensor_split` of the third dim.

    Raises:
        RuntimeError: fewer than three dims, or sections that do not divide the size.
    """
    return _split("dsplit", input, indices_or_sections, 2, 3)


def _split(op: str, input: Tensor, sections: Any, dim: int, least: int) -> tuple[Tensor, ...]:
    if input.ndim < least:
        raise RuntimeError(
            f"{op} requires a tensor with at least {least} dimension(s), but got a tensor with "
            f"{input.ndim} dimensions!"
        )
    if isinstance(sections, int) and (sections <= 0 or input.shape[dim] % sections):
        raise RuntimeError(
            f"{op} attempted to split along dimension {dim}, but the size of the dimension "
            f"{input.shape[dim]} is not divisible by the split_size {sections}!"
        )
    return tensor_split(input, sections, dim)


def fliplr(input: Tensor) -> Tensor:
    """The second dim reversed."""
    return flip(input, (1,))


def flipud(input: Tensor) -> Tensor:
    """The first dim reversed."""
    return flip(input, (0,))


def cartesian_prod(*tensors: Tensor) -> Tensor:
    """All combinations of the elements of vectors, as rows."""
    if len(tensors) == 1:
        return tensors[0]
    ndim = len(tensors)
    sizes = tuple([x.shape[0] for x in tensors])
    grids = [
        expand(reshape(x, [1] * i + [-1] + [1] * (ndim - 1 - i)), sizes)
        for i, x in enumerate(tensors)
    ]
    return shaped(stack(grids, -1), (numel(sizes), ndim))


# ---- views in place -----------------------------------------------------------------------------
def _in_place(name: str, view: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The method `NAME_`, which gives the tensor itself the shape and strides of a view of it."""

    def op(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        check_inplace(name, self, (self,), repeats=True)
        other = view(self, *args, **kwargs)
        node = other._node
        self.shape, self._strides, self.offset = other.shape, other._strides, other.offset
        if node is not None and self._base is None and mode.enabled:
            hang(self, node)
        self.storage_.version += 1  # by which a view is stale, and finds its new shape's node
        return self

    op.__name__ = op.__qualname__ = f"{name}_"
    op.__doc__ = f"In-place version of `{name}`; returns the tensor itself."
    return op


# ---- by index -----------------------------------------------------------------------------------
def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """`input` with the places where the mask holds filled, in order, from the start of `source`.

    Raises:
        RuntimeError: a mask that is not boolean, another dtype, or a source that is too short.
    """
    if require_tensor("masked_scatter", mask, "mask").key.dtype is not dt.bool_:
        raise RuntimeError(f"masked_scatter_ only supports boolean masks, but got {mask.dtype!r}")
    require_tensor("masked_scatter", source, "source")
    check_places("masked_scatter", [mask, source], input.key.place)
    if source.key.dtype is not input.key.dtype:
        raise RuntimeError(
            "masked_scatter: expected self and source to have same dtypes but got "
            f"{input.dtype!r} and {source.dtype!r}"
        )
    shape = broadcast_shapes("masked_scatter", input.shape, mask.shape)
    where = nonzero(expand(mask, shape), as_tuple=True)
    count = where[0].shape[0]
    if count > source.numel():
        raise RuntimeError("[masked_scatter] the mask holds more often than source has elements")
    values = reshape(source, (-1,))[:count]
    if not shape:
        return shaped(values.clone(), ()) if count else input * 1
    return index_put_(dense_clone(expand(input, shape)), where, values)


def argwhere(input: Tensor) -> Tensor:
    """Positions of the non-zero elements, one row each."""
    found: Tensor = nonzero(input)
    return found


# ---- sets of values -----------------------------------------------------------------------------
def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often each non-negative integer occurs, or the sum of its weights.

    Raises:
        RuntimeError: not a vector of non-negative integers. NotImplementedError: not integers.
    """
    if require_tensor("bincount", input).key.dtype.kind not in "ui":
        raise NotImplementedError(f'[bincount] "bincount" not implemented for {input.dtype!r}')
    if input.ndim != 1:
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    if minlength < 0:
        raise RuntimeError("minlength should be >= 0")
    size = minlength
    if not input.shape[0]:
        return cast(input, dt.int64).new_zeros((size,))
    if input.amin().item() < 0:
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    size = max(size, int(input.amax().item()) + 1)
    index = cast(input, dt.int64)
    if weights is None:
        return index.new_zeros((size,)).scatter_add(0, index, index.new_ones(index.shape))
    if weights.shape != input.shape:
        raise RuntimeError("weights should be 1-d and have the same length as input")
    values = weights if weights.key.dtype is dt.float32 else cast(weights, dt.float64)
    return values.new_zeros((size,)).scatter_add(0, index, values.detach())


def unique(
    input: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """The different values in order; on request where each element's is, and how many there are.

    Raises:
        NotImplementedError: `dim` is given.
    """
    if dim is not None:
        raise NotImplementedError("[unique] along a dim is not implemented; leave dim out")
    flat = reshape(require_tensor("unique", input).detach(), (-1,))
    order = argsort(flat, 0)
    return _runs(index_select(flat, 0, order), order, input.shape, return_inverse, return_counts)


def unique_consecutive(
    input: Tensor,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """The values without direct repetitions, and on request as `unique`.

    Raises:
        NotImplementedError: `dim` is given.
    """
    if dim is not None:
        raise NotImplementedError("[unique_consecutive] along a dim is not implemented")
    flat = reshape(require_tensor("unique_consecutive", input).detach(), (-1,))
    return _runs(flat, None, input.shape, return_inverse, return_counts)


def _runs(
    line: Tensor, order: Tensor | None, shape: tuple[int, ...], inverse: bool, counts: bool
) -> Any:
    """Values of runs of equals in a line, whose elements come from positions `order`."""
    n = line.shape[0]
    changes = line[1:] != line[:-1]
    starts = cat([changes.new_ones((min(n, 1),)), changes], 0)
    results = [getitem(line, starts)]
    number = cumsum(starts, 0) - 1
    if inverse:
        if order is not None:
            number = number.new_zeros((n,)).scatter(0, order, number)
        results.append(shaped(number, shape))
    if counts:
        results.append(bincount(number, minlength=results[0].shape[0]))
    return results[0] if len(results) == 1 else tuple(results)


functions: dict[str, Callable[..., Any]] = {
    f.__name__: f
    for f in (
        diag, diag_embed, diagflat, atleast_1d, atleast_2d, atleast_3d, dstack, column_stack,
        hsplit, vsplit, dsplit, fliplr, flipud, cartesian_prod, masked_scatter, argwhere,
        bincount, unique, unique_consecutive,
    )
}  # fmt: skip

_METHODS = """
    diag diag_embed diagflat hsplit vsplit dsplit fliplr flipud
    masked_scatter argwhere bincount unique unique_consecutive
"""
methods: dict[str, Callable[..., Any]] = {
    **{name: functions[name] for name in _METHODS.split()},
    "masked_scatter_": inplace_form("masked_scatter", masked_scatter),
    "t_": _in_place("t", t),
    "squeeze_": _in_place("squeeze", squeeze),
    "unsqueeze_": _in_place("unsqueeze", unsqueeze),
    "transpose_": _in_place("transpose", transpose),
}
