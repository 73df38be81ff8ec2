"""Entries of one dim at the positions that a vector names: selected, added to, filled, replaced.

Unlike an index in brackets the vector is no mask, its positions do not count from the end (but for
`index_fill`), and what is written is not broadcast. A 0-d tensor stands for a vector of one entry.
"""

from __future__ import annotations

from typing import Any

from corex.dispatch.resolve import check_places
from corex.layout import normalize_dim, numel
from corex.ops.indexing.brackets import getitem, index_put_, picked, setitem
from corex.ops.indexing.rows import refuse_negative
from corex.ops.inplace import check_inplace
from corex.ops.pointwise.select import where
from corex.ops.promotion import cast, factor, require_tensor, written
from corex.ops.registration import exported, method
from corex.ops.shape.views import before_write, clone, dense_clone, shaped, unsqueeze
from corex.tensor.modes import mode
from corex.tensor.tensor import Tensor


def _vector(t: Tensor) -> Tensor:
    return t if t.shape else unsqueeze(t, 0)


def _require_positions(
    op: str,
    index: Tensor,
    kind: type[Exception] = RuntimeError,
    dims: type[Exception] = IndexError,
) -> None:
    """
    Raises:
        `kind`: no integers. `dims`: more than one dim.
    """
    if require_tensor(op, index, "index").key.dtype.kind != "i":
        raise kind(f"{op}(): Expected dtype int32 or int64 for index, but got {index.dtype!r}")
    if index.ndim > 1:
        raise dims(f"{op}(): Index is supposed to be a vector, but got shape {list(index.shape)}")


def _at(dim: int, index: Tensor) -> tuple[Any, ...]:
    return (*[slice(None)] * dim, _vector(index))


@exported(out="same")
def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """Entries of a dim by a 1-d index.

    Raises:
        IndexError: out of range, or an index that is not a vector.
    """
    dim = normalize_dim(dim, input.ndim)
    _require_positions("index_select", index)
    check_places("index_select", [index], input.key.place)
    if not input.shape:
        if numel(index.shape) != 1:
            raise RuntimeError(
                f"index_select(): Index to scalar can have only 1 value, got {index.numel()}"
            )
        getitem(unsqueeze(input, 0), refuse_negative("index_select", index, 1))  # is it in range?
        return clone(input)
    if not input.shape[dim] and numel(index.shape):
        raise (IndexError if input.ndim == 1 else RuntimeError)(
            f"[index_select] an index of {numel(index.shape)} entries points into dimension {dim} "
            f"of size 0 of shape {list(input.shape)}"
        )
    index = _vector(refuse_negative("index_select", index, input.shape[dim]))
    return picked(input, dim, index)


@method()
def index_add_(
    self: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: float = 1
) -> Tensor:
    """In place: entries of a dim += entries of `source`.

    Raises:
        RuntimeError: shapes that do not fit. IndexError: out of range, or an index of more dims.
    """
    dim = normalize_dim(dim, self.ndim)
    _require_positions("index_add", index)
    require_tensor("index_add", source, "source")
    check_places("index_add", [index, source], self.key.place)
    count = numel(index.shape)
    want = (*self.shape[:dim], count, *self.shape[dim + 1 :]) if self.shape else ()
    if source.shape != want or (not want and count != 1):
        raise RuntimeError(
            f"index_add(): {count} positions of dim {dim} of shape {list(self.shape)} take a "
            f"source of shape {list(want)}, but got {list(source.shape)}"
        )
    if type(alpha) is not int or alpha != 1:
        number = factor(alpha, self.key.dtype, "index_add", "alpha", strict=False)
        source = source if number is True else source * number
    entries = _vector(self)
    index = refuse_negative("index_add", index, entries.shape[dim])
    index_put_(entries, _at(dim, index), _vector(source), True)
    return self


@exported(out="same")
def index_add(
    input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: float = 1
) -> Tensor:
    """Out of place `index_add_`."""
    return index_add_(dense_clone(input), dim, index, source, alpha=alpha)


@method()
def index_fill_(self: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """In place: entries of a dim set to a number.

    Raises:
        RuntimeError: an index of more dims, or a value that is no number. IndexError: out of range.
    """
    dim = normalize_dim(dim, self.ndim)
    _require_positions("index_fill", index, IndexError, RuntimeError)
    check_places("index_fill", [index], self.key.place)
    if not isinstance(value, Tensor):
        value = written(value, self.key.own, "index_fill_")
    elif value.shape:
        raise RuntimeError(
            f"index_fill_ only supports a 0-dimensional value tensor, but got tensor with "
            f"{value.ndim} dimension(s)."
        )
    elif value._node is not None and mode.enabled:  # each place has its part in its gradient once
        check_inplace("index_fill", self, (self, value))
        entries = _vector(self)
        filled = entries.new_zeros((entries.shape[dim], *[1] * (entries.ndim - 1 - dim))) != 0
        setitem(filled, (_vector(index),), True)
        return self.copy_(shaped(where(filled, value, before_write(entries)), self.shape))
    setitem(_vector(self), _at(dim, index), cast(value, self.key.dtype))
    return self


@exported()
def index_fill(input: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """`input` with the entries of a dim set to a number."""
    return index_fill_(clone(input), dim, index, value)


@exported(inplace=True, out="same")
def index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """`input` with the entries of a dim replaced by those of `source`.

    Raises:
        IndexError: out of range, or not as many entries as positions. RuntimeError: other shapes
            that do not fit, or another dtype.
    """
    dim = normalize_dim(dim, input.ndim)
    _require_positions("index_copy", index)
    require_tensor("index_copy", source, "source")
    check_places("index_copy", [index, source], input.key.place)
    _check_copied(dim, numel(index.shape), input.shape, source.shape)
    if input.key.dtype is not source.key.dtype:
        raise RuntimeError(
            f"index_copy_(): self and source expected to have the same dtype, but got (self) "
            f"{input.key.dtype.scalar} and (source) {source.key.dtype.scalar}"
        )
    result = dense_clone(input)
    entries = _vector(result)
    index = refuse_negative("index_copy", index, entries.shape[dim])
    setitem(entries, _at(dim, index), _vector(source))
    return result


def _check_copied(dim: int, count: int, shape: tuple[int, ...], source: tuple[int, ...]) -> None:
    """The errors of `index_copy`, in PyTorch's order."""
    given = f"{count} positions of dim {dim} of shape {list(shape)}, source {list(source)}"
    if shape and source and len(shape) != len(source):
        raise IndexError(f"index_copy(): the source has not as many dims as the tensor: {given}")
    if not source and count != 1:
        raise IndexError(f"index_copy(): a source without dims takes one position: {given}")
    if _without(shape, dim) != _without(source, dim):
        raise RuntimeError(f"index_copy(): more than the dim differs in size: {given}")
    if source and source[dim] != count:
        raise IndexError(f"index_copy(): the source has not as many entries: {given}")


def _without(shape: tuple[int, ...], dim: int) -> tuple[int, ...]:
    return (*shape[:dim], *shape[dim + 1 :])
