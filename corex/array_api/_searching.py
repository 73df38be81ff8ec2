"""The standard's functions that index, search, count and sort, and those about sets."""

from __future__ import annotations

from typing import Any, NamedTuple

import corex
from corex.array_api._promotion import normalized, operands, require_array
from corex.tensor.tensor import Tensor

Axes = int | tuple[int, ...] | None


# ---- indexing ------------------------------------------------------------------------------------
def take(x: Tensor, indices: Tensor, /, *, axis: int | None = None) -> Tensor:
    """The parts at `indices` along an axis; negative ones count from the end.

    Raises:
        ValueError: no axis, and the array has not just one. IndexError: an index out of range.
    """
    if axis is None:
        if require_array("take", x).ndim != 1:
            raise ValueError(f"[take] axis is required for an array of {x.ndim} axes")
        axis = 0
    before = (slice(None),) * normalized("take", axis, x.ndim)
    return x[(*before, indices.to(corex.int64))]


def take_along_axis(x: Tensor, indices: Tensor, /, *, axis: int = -1) -> Tensor:
    """The elements at `indices` along an axis, each from its own row; the others broadcast."""
    count = require_array("take_along_axis", x).shape[axis]
    found = require_array("take_along_axis", indices).to(corex.int64)
    return corex.take_along_dim(x, corex.where(found < 0, found + count, found), axis)


# ---- searching -----------------------------------------------------------------------------------
def argmax(x: Tensor, /, *, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """The index of the first largest element."""
    return corex.argmax(x, axis, keepdims)


def argmin(x: Tensor, /, *, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """The index of the first smallest element."""
    return corex.argmin(x, axis, keepdims)


def count_nonzero(x: Tensor, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """How many elements are not zero."""
    return corex.sum(require_array("count_nonzero", x) != 0, axis, keepdims)


def nonzero(x: Tensor, /) -> tuple[Tensor, ...]:
    """The indices of the elements that are not zero, an array per axis.

    Raises:
        ValueError: an array without axes.
    """
    if not require_array("nonzero", x).ndim:
        raise ValueError("[nonzero] the array has no axes")
    return tuple(corex.nonzero(x, as_tuple=True))


def searchsorted(
    x1: Tensor, x2: Any, /, *, side: str = "left", sorter: Tensor | None = None
) -> Tensor:
    """Where the values of `x2` would go into the sorted `x1`, before or after equal ones.

    Raises:
        ValueError: `side` neither "left" nor "right".
    """
    if side not in ("left", "right"):
        raise ValueError(f"[searchsorted] side must be 'left' or 'right', got {side!r}")
    where_from, values = operands("searchsorted", x1, x2)
    order = None if sorter is None else sorter.to(corex.int64)
    return corex.searchsorted(where_from, values, side=side, sorter=order)


def where(condition: Tensor, x1: Any, x2: Any, /) -> Tensor:
    """Elements of `x1` where the condition is true, and of `x2` elsewhere."""
    if isinstance(x1, Tensor) or isinstance(x2, Tensor):
        x1, x2 = operands("where", x1, x2)
    return corex.where(condition, x1, x2)


# ---- sorting -------------------------------------------------------------------------------------
def argsort(
    x: Tensor, /, *, axis: int = -1, descending: bool = False, stable: bool = True
) -> Tensor:
    """The indices that sort along an axis; with `stable` equal elements keep their order."""
    return corex.argsort(x, axis, descending, stable)


def sort(x: Tensor, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """The elements in order along an axis."""
    return corex.sort(x, axis, descending, stable)[0]


# ---- sets ----------------------------------------------------------------------------------------
class UniqueAll(NamedTuple):
    """What `unique_all` returns."""

    values: Tensor
    indices: Tensor
    inverse_indices: Tensor
    counts: Tensor


class UniqueCounts(NamedTuple):
    """What `unique_counts` returns."""

    values: Tensor
    counts: Tensor


class UniqueInverse(NamedTuple):
    """What `unique_inverse` returns."""

    values: Tensor
    inverse_indices: Tensor


def isin(x1: Any, x2: Any, /, *, invert: bool = False) -> Tensor:
    """For each element of `x1`, whether it is one of those of `x2`."""
    return corex.isin(*operands("isin", x1, x2), invert=invert)


def _distinct(name: str, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The distinct elements in order, which of them each element is, and how many of each.

    Complex numbers are taken as pairs, in the order of their real parts first.
    """
    flat = require_array(name, x).reshape(-1)
    pairs = x.is_complex()
    found = corex.view_as_real(flat) if pairs else flat
    values, inverse, counts = corex.unique(
        found, return_inverse=True, return_counts=True, dim=0 if pairs else None
    )
    return corex.view_as_complex(values) if pairs else values, inverse.reshape(x.shape), counts


def unique_all(x: Tensor, /) -> UniqueAll:
    """The distinct elements, where each is first, which of them each element is, and how many."""
    values, inverse, counts = _distinct("unique_all", x)
    # Sorted by what they are, and stably, the first of each kind stands where its kind begins.
    order = corex.argsort(inverse.reshape(-1), stable=True)
    first = order[corex.cumsum(counts, 0) - counts]
    return UniqueAll(values, first, inverse, counts)


def unique_counts(x: Tensor, /) -> UniqueCounts:
    """The distinct elements, and how many there are of each."""
    values, _, counts = _distinct("unique_counts", x)
    return UniqueCounts(values, counts)


def unique_inverse(x: Tensor, /) -> UniqueInverse:
    """The distinct elements, and which of them each element is."""
    values, inverse, _ = _distinct("unique_inverse", x)
    return UniqueInverse(values, inverse)


def unique_values(x: Tensor, /) -> Tensor:
    """The distinct elements."""
    return _distinct("unique_values", x)[0]


__all__ = [
    "argmax", "argmin", "argsort", "count_nonzero", "isin", "nonzero", "searchsorted", "sort",
    "take", "take_along_axis", "unique_all", "unique_counts", "unique_inverse", "unique_values",
    "where",
]  # fmt: skip
