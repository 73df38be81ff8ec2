"""Reductions over dims: declarations, and the functions with PyTorch's `dim` and `keepdim`.

A kernel reduces the last dims; `_reduce` permutes the chosen ones there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, overload

from corex import dtypes as dt
from corex import return_types
from corex.dispatch import template
from corex.dispatch.bind import bind
from corex.dtypes import DType
from corex.layout import normalize_dim, normalize_dims, numel
from corex.ops.composed import composition
from corex.ops.create.convert import full_on
from corex.ops.out import into
from corex.ops.pointwise import complex_steps
from corex.ops.promotion import cast, counted, require_tensor
from corex.ops.registration import exported, method
from corex.ops.shape.join import cat
from corex.ops.shape.parts import narrow
from corex.ops.shape.reorder import flip
from corex.ops.shape.views import (
    clone,
    expand,
    permute,
    plain_permute,
    reshape,
    shaped,
    sizes_of,
    unsqueeze,
)
from corex.return_types import MinMax, ValuesIndices
from corex.tensor.modes import mode
from corex.tensor.schema import (
    ALL,
    ARITHMETIC,
    BOOL,
    INEXACT,
    NUMBER,
    OpSchema,
    declare,
    like_first,
)
from corex.tensor.tensor import Tensor

Dims = int | Sequence[int] | None


# ---- declarations ----------------------------------------------------------------------------
def _kept(a: Tensor, n: int) -> list[Any]:
    return [(a.shape[: a.ndim - n], a.key.dtype)]


def _kept_int64(a: Tensor, n: int) -> list[Any]:
    return [(a.shape[: a.ndim - n], dt.int64)]


def spread(g: Tensor, shape: tuple[int, ...]) -> Tensor:
    """A reduction's gradient, seen with the reduced (last) dims again."""
    if not g.shape:
        return expand(g, shape)
    return expand(reshape(g, (*g.shape, *[1] * (len(shape) - g.ndim))), shape)


def _extreme_grad(g: Tensor, a: Tensor, y: Tensor) -> Tensor:
    """The gradient of amax and amin: shared equally among the equals, as in PyTorch."""
    mask = a == spread(y, a.shape)
    count = mask.to(a.key.dtype)
    n = a.ndim - y.ndim
    total = _reduce(SUM, count, tuple(range(a.ndim - n, a.ndim)), False)
    return count * spread(g / total, a.shape)


def _prod_grad(g: Tensor, a: Tensor, y: Tensor) -> Tensor:
    """g * (product of all other elements), exact also where elements are zero."""
    if not numel(a.shape):
        return a.new_zeros(a.shape)
    rows = reshape(a, (*y.shape, -1))
    # The steps have derivatives themselves, the kernel has none.
    recorded = rows._node is not None and mode.enabled
    others = _products_of_others(rows) if recorded else bind(PROD_OTHERS, (rows,))
    return reshape(unsqueeze(g, -1) * others, a.shape)


def _products_of_others(a: Tensor) -> Tensor:
    """Of each row, for each element, the product of all others: n multiplications by a tree.

    Upwards pairs are multiplied; downwards each half of a pair gets the other half, and what its
    pair got.
    """
    if not numel(a.shape):
        return a * 1
    n = a.shape[-1]
    missing = (1 << (n - 1).bit_length()) - n
    if missing:
        a = cat([a, a.new_ones((*a.shape[:-1], missing))], -1)
    levels = []
    while a.shape[-1] > 1:
        pairs = reshape(a, (*a.shape[:-1], -1, 2))
        levels.append(pairs)
        a = pairs.select(-1, 0) * pairs.select(-1, 1)
    rest = a.new_ones(a.shape)
    for pairs in reversed(levels):
        rest = unsqueeze(rest, -1) * flip(pairs, -1)
        rest = reshape(rest, (*rest.shape[:-2], -1))
    return narrow(rest, -1, 0, n)


SUM = declare(
    OpSchema(
        "sum", ("a",), _kept, ("n",), {"a": lambda g, a_shape: spread(g, a_shape)},
        takes=ARITHMETIC, family="reduce", fresh=False, analytic=False, doc="Sum of elements.",
    )
)  # fmt: skip
MEAN = declare(
    OpSchema(
        "mean", ("a",), _kept, ("n",),
        {"a": lambda g, a_shape: spread(g / _count(a_shape, g), a_shape)},
        decomposition=lambda a, n: _mean_by_sum(a, n),
        tier=2, takes=INEXACT, family="reduce", analytic=False, doc="Arithmetic mean.",
    )
)  # fmt: skip
PROD = declare(
    OpSchema(
        "prod", ("a",), _kept, ("n",), {"a": _prod_grad},
        takes=ARITHMETIC, family="reduce", complex_steps=complex_steps.prod,
        doc="Product of elements.",
    )
)  # fmt: skip
PROD_OTHERS = declare(
    OpSchema(
        "prod_others", ("a",), like_first, decomposition=_products_of_others,
        tier=2, takes=INEXACT, family="scan", doc="Along rows, the product of all other elements.",
    )
)  # fmt: skip
AMAX = declare(
    OpSchema(
        "amax", ("a",), _kept, ("n",), {"a": _extreme_grad},
        takes=ALL, family="reduce", doc="Largest element.",
    )
)  # fmt: skip
AMIN = declare(
    OpSchema(
        "amin", ("a",), _kept, ("n",), {"a": _extreme_grad},
        decomposition=lambda a, n: _reversed(bind(AMAX, (_reversed(a),), (n,))),
        tier=2, takes=ALL, family="reduce", doc="Smallest element.",
    )
)  # fmt: skip
ANY = declare(
    OpSchema(
        "any", ("a",), _kept, ("n",), decomposition=lambda a, n: _any_by_amax(a, n),
        tier=2, takes=BOOL, family="reduce", doc="Whether any is true.",
    )
)  # fmt: skip
ALL_ = declare(
    OpSchema(
        "all", ("a",), _kept, ("n",),
        decomposition=lambda a, n: bind(ANY, (a.logical_not(),), (n,)).logical_not(),
        tier=2, takes=BOOL, family="reduce", doc="Whether all are true.",
    )
)  # fmt: skip
ARGMAX = declare(
    OpSchema(
        "argmax", ("a",), _kept_int64, ("n",),
        takes=NUMBER, family="reduce", uniform=False, doc="Position of the largest element.",
    )
)  # fmt: skip
ARGMIN = declare(
    OpSchema(
        "argmin", ("a",), _kept_int64, ("n",),
        decomposition=lambda a, n: bind(ARGMAX, (_reversed(a),), (n,)),
        tier=2, takes=NUMBER, family="reduce", uniform=False,
        doc="Position of the smallest element.",
    )
)  # fmt: skip


def _count(shape: tuple[int, ...], g: Tensor) -> int:
    return max(numel(shape[g.ndim :]), 1)


def _reversed(a: Tensor) -> Tensor:
    """Elements in the opposite order of size, to the bit; NaN stays NaN."""
    result: Tensor = -a if a.key.dtype.kind == "f" else a.bitwise_not()
    return result


def _any_by_amax(a: Tensor, n: int) -> Tensor:
    if not numel(a.shape):
        return a.new_zeros(a.shape[: a.ndim - n])
    result: Tensor = bind(AMAX, (a,), (n,))
    return result


def _mean_by_sum(a: Tensor, n: int) -> Tensor:
    count = numel(a.shape[a.ndim - n :])
    total = _reduce(SUM, a, tuple(range(a.ndim - n, a.ndim)), False)
    return total / count if count else total * math.nan


# ---- calling ---------------------------------------------------------------------------------
def _reduce(schema: OpSchema, a: Tensor, dims: tuple[int, ...], keepdim: bool) -> Tensor:
    """Permutes `dims` (sorted, normalised) to the end, reduces, and restores kept dims."""
    ndim, n = len(a.shape), len(dims)
    if n and dims[0] != ndim - n:
        order = [*[d for d in range(ndim) if d not in dims], *dims]
        recorded = a._node is not None and mode.enabled
        arranged = permute(a, order) if recorded else plain_permute(a, order)
    else:
        arranged = a
    result: Tensor = bind(schema, (arranged,), (n,))
    if keepdim and n:
        shape = tuple([1 if d in dims else size for d, size in enumerate(a.shape)])
        result = shaped(result, shape)
    return result


# All elements of a dense tensor; None where there is no direct kernel.
_flat_sum, _flat_mean = [
    template.flat(schema, ("a",), "a.shape, {a}", shape="()", params="(len(a.shape),)")
    for schema in (SUM, MEAN)
]


def prepared(op: str, input: Tensor, dtype: DType | None) -> Tensor:
    require_tensor(op, input)
    if dtype is not None:
        return cast(input, dt.as_dtype(op, dtype))
    return cast(input, dt.int64) if input.key.dtype.kind in "bui" else input


# ---- what a sum is computed in ---------------------------------------------------------------
PART = 1 << 22
"""So many elements of a tensor are converted to a wider dtype at a time to be added up."""


def _is_large(input: Tensor) -> bool:
    return input._node is None and numel(input.shape) > PART


def _target(input: Tensor, dtype: DType | None) -> DType:
    """The dtype of a sum."""
    require_tensor("sum", input)
    if dtype is not None:
        return dt.as_dtype("sum", dtype)
    return dt.int64 if input.key.dtype.kind in "bui" else input.key.dtype


def _summed_by_parts(a: Tensor, dtype: DType, dims: tuple[int, ...]) -> Tensor:
    """The sum over `dims` in a dtype to which no more than PART elements are converted at once."""
    count = numel(a.shape)
    if count <= PART or dtype is dt.bool_:
        return _reduce(SUM, cast(a, dtype), dims, False)
    cut = max(range(a.ndim), key=lambda d: a.shape[d])
    size = a.shape[cut]
    step = -(-size // min(size, -(-count // PART)))
    parts = (
        _summed_by_parts(narrow(a, cut, start, min(step, size - start)), dtype, dims)
        for start in range(0, size, step)
    )
    if cut not in dims:
        return cat(list(parts), len([d for d in range(cut) if d not in dims]))
    total = next(parts)
    for part in parts:
        total.add_(part)
    return total


def _with_dims(result: Tensor, a: Tensor, dim: Dims) -> Tensor:
    """The result of a reduction, with the dims that were reduced as dims of size 1."""
    dims = normalize_dims(dim, a.ndim)
    return shaped(result, tuple([1 if d in dims else size for d, size in enumerate(a.shape)]))


@exported("sum", quick=True)
def sum_(
    input: Tensor,
    dim: Dims = None,
    keepdim: bool = False,
    *,
    dtype: DType | None = None,
    axis: Dims = None,
    out: Tensor | None = None,
) -> Tensor:
    """Sum over all elements, or over one or several dims; integers become int64."""
    if out is not None:
        options = {"dtype": dtype, "axis": axis}
        written: Tensor = into(out, "sum", "dtype", sum_, (input, dim, keepdim), options)
        return written
    dim = axis if dim is None else dim
    if dtype is None and isinstance(input, Tensor) and input.key.dtype.is_inexact:
        a = input
    else:
        wide = _target(input, dtype)
        if wide is not input.key.dtype and _is_large(input):
            total = _summed_by_parts(input, wide, normalize_dims(dim, input.ndim))
            return _with_dims(total, input, dim) if keepdim else total
        a = prepared("sum", input, dtype)
    if dim is None and not keepdim:
        result = _flat_sum(a)
        if result is not None:
            return result
    if a.key.dtype is dt.bool_:  # asked for: the sum of truth values is whether any is true
        return _truth(ANY, a, dim, keepdim)
    return _reduce(SUM, a, normalize_dims(dim, a.ndim), keepdim)


@exported(quick=True)
def mean(
    input: Tensor,
    dim: Dims = None,
    keepdim: bool = False,
    *,
    dtype: DType | None = None,
    axis: Dims = None,
    out: Tensor | None = None,
) -> Tensor:
    """Mean over all elements, or over one or several dims.

    Raises:
        RuntimeError: an integer tensor without `dtype`.
    """
    if out is not None:
        options = {"dtype": dtype, "axis": axis}
        written: Tensor = into(out, "mean", "cast", mean, (input, dim, keepdim), options)
        return written
    a = require_tensor("mean", input)
    if dtype is not None:
        dtype = dt.as_dtype("mean", dtype)
        if dtype.is_inexact and dtype is not a.key.dtype and _is_large(a):
            total = sum_(a, axis if dim is None else dim, keepdim, dtype=dtype)
            return total * (numel(total.shape) / numel(a.shape))
        a = cast(a, dtype)
    if not a.key.dtype.is_inexact:
        raise RuntimeError(
            f"mean(): could not infer output dtype. Input dtype must be either a floating point or "
            f"complex dtype. Got: {a.key.dtype.name}"
        )
    dim = axis if dim is None else dim
    if dim is None and not keepdim:
        result = _flat_mean(a)
        if result is not None:
            return result
    return _reduce(MEAN, a, normalize_dims(dim, a.ndim), keepdim)


@exported(out="dtype")
def prod(
    input: Tensor,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    dtype: DType | None = None,
    axis: int | None = None,
) -> Tensor:
    """Product over all elements, or over one dim; integers become int64."""
    a = prepared("prod", input, dtype)
    dim = axis if dim is None else dim
    if a.key.dtype is dt.bool_:
        return _truth(ALL_, a, dim, keepdim)
    return _reduce(PROD, a, normalize_dims(dim, a.ndim), keepdim)


def _nonempty(op: str, a: Tensor, dims: tuple[int, ...], dim: Dims = 0) -> None:
    if dim is None or (isinstance(dim, tuple | list) and not dim):
        _all_nonempty(op, a)
    if any(a.shape[d] == 0 for d in dims):
        raise IndexError(
            f"{op}(): Expected reduction dim to have non-zero size, but the tensor has shape "
            f"{list(a.shape)}. Specify another dim with the 'dim' argument."
        )


def _among(schema: OpSchema, input: Tensor, dim: Dims, keepdim: bool) -> Tensor:
    if require_tensor(schema.name, input).ndim > 64:
        raise RuntimeError(f"[{schema.name}] only tensors with up to 64 dims are supported")
    dims = normalize_dims(dim, input.ndim)
    _nonempty(schema.name, input, dims, dim)
    return _reduce(schema, input, dims, keepdim)


@exported(out="same")
def amax(input: Tensor, dim: Dims = (), keepdim: bool = False, *, axis: Dims = None) -> Tensor:
    """Largest element over dims; gradients are shared among equals.

    Raises:
        IndexError: nothing to reduce in a dim. RuntimeError: nothing at all.
    """
    return _among(AMAX, input, dim if axis is None else axis, keepdim)


@exported(out="same")
def amin(input: Tensor, dim: Dims = (), keepdim: bool = False, *, axis: Dims = None) -> Tensor:
    """Smallest element over dims; gradients are shared among equals.

    Raises:
        IndexError: nothing to reduce in a dim. RuntimeError: nothing at all.
    """
    return _among(AMIN, input, dim if axis is None else axis, keepdim)


@exported(out="same")
def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> MinMax:
    """Smallest and largest elements, as a named tuple (min, max).

    Raises:
        RuntimeError: nothing to reduce.
    """
    return return_types.aminmax(amin(input, dim, keepdim), amax(input, dim, keepdim))


def _position(schema: OpSchema, input: Tensor, dim: Any, keepdim: bool) -> Tensor:
    require_tensor(schema.name, input)
    if dim is not None and not isinstance(dim, int):
        raise TypeError(f"{schema.name}(): argument 'dim' must be int, not {type(dim).__name__}")
    if input.key.dtype.kind == "b":
        raise RuntimeError(f"{schema.name}(): does not support bool input")
    dims = normalize_dims(dim, input.ndim)
    _nonempty(schema.name, input, dims)
    return _reduce(schema, input, dims, keepdim)


@exported(out="same")
def argmax(
    input: Tensor, dim: int | None = None, keepdim: bool = False, *, axis: int | None = None
) -> Tensor:
    """Position of the largest element (the first of equals), int64.

    Raises:
        IndexError: nothing to reduce.
    """
    return _position(ARGMAX, input, axis if dim is None else dim, keepdim)


@exported(out="same")
def argmin(
    input: Tensor, dim: int | None = None, keepdim: bool = False, *, axis: int | None = None
) -> Tensor:
    """Position of the smallest element (the first of equals), int64.

    Raises:
        IndexError: nothing to reduce.
    """
    return _position(ARGMIN, input, axis if dim is None else dim, keepdim)


def _by_position(schema: OpSchema, input: Tensor, dim: int, keepdim: bool) -> ValuesIndices:
    kind = return_types.max if schema is ARGMAX else return_types.min
    dim = normalize_dim(dim, input.ndim)
    if not input.shape:
        return kind(clone(input), full_on(cast(input.detach(), dt.int64), (), 0))
    source = counted(input) if input.key.dtype.kind == "b" else input
    index = _position(schema, source, dim, True)
    values = input.gather(dim, index)
    if keepdim:
        return kind(values, index)
    left = (*input.shape[:dim], *input.shape[dim + 1 :])
    return kind(shaped(values, left), shaped(index, left))


def _extreme(name: str, input: Tensor, given: tuple[Any, Any, Any], keepdim: bool) -> Any:
    """`max` or `min`: of all elements, along a dim, or of two tensors, by what was given."""
    chosen = next((value for value in given if value is not None), None)
    largest = name == "max"
    if isinstance(chosen, Tensor):
        input = require_tensor(name, input)
        return input.maximum(chosen) if largest else input.minimum(chosen)
    if chosen is None:
        _all_nonempty(name, input)
        return _largest(input) if largest else _smallest(input)
    return _by_position(ARGMAX if largest else ARGMIN, input, chosen, keepdim)


@overload
def max_(input: Tensor, dim: Tensor | None = None) -> Tensor: ...
@overload
def max_(input: Tensor, dim: int, keepdim: bool = False) -> ValuesIndices: ...
@overload
def max_(input: Tensor, *, axis: int, keepdim: bool = False) -> ValuesIndices: ...
@overload
def max_(input: Tensor, *, other: Tensor) -> Tensor: ...
@exported("max", out="cast")
def max_(
    input: Tensor, dim: Any = None, keepdim: bool = False, *, axis: Any = None, other: Any = None
) -> Any:
    """Largest element of all; with `dim` its values and indices; with a tensor: `maximum`."""
    return _extreme("max", input, (dim, axis, other), keepdim)


@overload
def min_(input: Tensor, dim: Tensor | None = None) -> Tensor: ...
@overload
def min_(input: Tensor, dim: int, keepdim: bool = False) -> ValuesIndices: ...
@overload
def min_(input: Tensor, *, axis: int, keepdim: bool = False) -> ValuesIndices: ...
@overload
def min_(input: Tensor, *, other: Tensor) -> Tensor: ...
@exported("min", out="cast")
def min_(
    input: Tensor, dim: Any = None, keepdim: bool = False, *, axis: Any = None, other: Any = None
) -> Any:
    """Smallest element of all; with `dim` its values and indices; with a tensor: `minimum`."""
    return _extreme("min", input, (dim, axis, other), keepdim)


def evenly(g: Tensor, a: Tensor, y: Tensor) -> Tensor:
    """The gradient of one of all elements: shared among its equals, NaN being equal to NaN."""
    same = (a == y).logical_or(a.isnan().logical_and(y.isnan()))
    share = g / _reduce(SUM, cast(same, dt.int64), tuple(range(a.ndim)), False)
    return a.new_zeros(a.shape).where(same.logical_not(), share)


def _whole(schema: OpSchema) -> Callable[..., Tensor]:
    return composition(
        schema.name[1:],
        ("a",),
        lambda a: _reduce(schema, a, tuple(range(a.ndim)), False),
        {"a": evenly},
        label=f"{schema.name[1:].capitalize()}Backward1",
    )


_largest, _smallest = _whole(AMAX), _whole(AMIN)


def _all_nonempty(op: str, input: Tensor) -> None:
    if not numel(require_tensor(op, input).shape):
        raise RuntimeError(
            f"{op}(): Expected reduction dim to be specified for input.numel() == 0. Specify the "
            f"reduction dim with the 'dim' argument."
        )


@exported("any", out="truth")
def any_(input: Tensor, dim: Dims = None, keepdim: bool = False, *, axis: Dims = None) -> Tensor:
    """Whether any element is non-zero; uint8 for uint8, else bool."""
    return _truth(ANY, input, axis if dim is None else dim, keepdim)


@exported("all", out="truth")
def all_(input: Tensor, dim: Dims = None, keepdim: bool = False, *, axis: Dims = None) -> Tensor:
    """Whether all elements are non-zero; uint8 for uint8, else bool."""
    return _truth(ALL_, input, axis if dim is None else dim, keepdim)


def _truth(schema: OpSchema, input: Tensor, dim: Dims, keepdim: bool) -> Tensor:
    dtype = require_tensor(schema.name, input).key.dtype
    a = input if dtype is dt.bool_ else input != 0
    result = _reduce(schema, a, normalize_dims(dim, a.ndim), keepdim)
    return cast(result, dtype) if dtype is dt.uint8 else result


@exported()
def count_nonzero(input: Tensor, dim: Dims = None, *more: int) -> Tensor:
    """The number of non-zero elements, int64."""
    dim = sizes_of((dim, *more)) if more else dim
    mask = input if require_tensor("count_nonzero", input).key.dtype is dt.bool_ else input != 0
    return sum_(mask, dim)


@method()
def sum_to_size(self: Tensor, *size: Any) -> Tensor:
    """Sums so that the result has a shape that broadcasts to this one.

    Raises:
        RuntimeError: the shape does not broadcast to this tensor's.
    """
    target = tuple(size[0]) if len(size) == 1 and not isinstance(size[0], int) else size
    lead = self.ndim - len(target)
    if lead < 0 or any(
        want not in (1, have) for want, have in zip(target, self.shape[lead:], strict=True)
    ):
        raise RuntimeError(
            f"size {{{list(target)}}} is not expandable to size {{{list(self.shape)}}}."
        )
    dims = tuple(
        [
            d
            for d, have in enumerate(self.shape)
            if d < lead or (target[d - lead] == 1 and have != 1)
        ]
    )
    if dims:
        return shaped(_reduce(SUM, prepared("sum_to_size", self, None), dims, False), target)
    found: Tensor = self if self.shape == target else reshape(self, target)
    return found.resolve_conj().resolve_neg() if found.key.place.bits else found
