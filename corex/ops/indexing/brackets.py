"""`t[key]` and `t[key] = value`, and `index_put`, which is the same with a list of tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from corex import dtypes as dt
from corex.dispatch.bind import dense_copy
from corex.layout import Shape, broadcast_shapes, inverse, numel, order_of_indexed
from corex.ops.create.data import as_tensor
from corex.ops.indexing.keys import basic_key, is_mask, parse_key
from corex.ops.indexing.rows import INDEX_PUT, Indices, get_rows, write_rows
from corex.ops.inplace import check_inplace, finish_inplace
from corex.ops.places import to_place
from corex.ops.promotion import as_number, cast, written, written_number
from corex.ops.registration import exported, method, operator
from corex.ops.shape.parts import basic_view, select
from corex.ops.shape.views import (
    alias_view,
    expand,
    permute,
    recorded_copy,
    relaid,
    reordered,
    reshape,
    shaped,
    unsqueeze,
)
from corex.tensor.tensor import TENSOR_TYPES, Tensor


class _Advanced:
    """An advanced index in normal form, and how its result is put in order."""

    def __init__(self, t: Tensor, advanced: list[Tensor | None]) -> None:
        dims = [d for d, index in enumerate(advanced) if index is not None]
        given = [index for index in advanced if index is not None]
        try:
            shape = broadcast_shapes("index", *[i.shape for i in given])
        except RuntimeError:
            raise IndexError(
                f"shape mismatch: indexing tensors could not be broadcast together with shapes "
                f"{', '.join(str(list(i.shape)) for i in given)}"
            ) from None
        if 0 in t.shape and numel(shape) and not all([t.shape[d] for d in dims]):
            raise IndexError(
                f"index is out of bounds for a dimension of size 0 of shape {list(t.shape)}"
            )
        rest = [d for d in range(t.ndim) if d not in dims]
        self.front = permute(t, [*dims, *rest]) if dims != list(range(len(dims))) else t
        self.given = [expand(i.detach(), shape) for i in given]
        self.indices = [reshape(i, -1) for i in self.given]
        self.shape = shape
        self.rest = tuple([t.shape[d] for d in rest])
        # Adjacent index tensors leave their dims in place; separated ones go to the front.
        adjacent = dims == list(range(dims[0], dims[0] + len(dims)))
        self.at = dims[0] if adjacent else 0

    def rows(self) -> Tensor:
        """The entries that the indices name, as the user sees them."""
        if self.front._strides is None and all([i._strides is None for i in self.given]):
            return _rows(self.front, self.indices, self.at, self.shape)
        count = len(self.indices)
        strides = self.front.strides[count:]
        given = tuple([(i.shape, i.strides) for i in self.given])
        order, own, at = order_of_indexed(self.rest, strides, self.at, given)
        if order is None:
            return _rows(self.front, self.indices, self.at, self.shape)
        if own is None:
            found = _rows(self.front, self.indices, self.at, self.shape)
            return recorded_copy(found, dense_copy(found, order=order))
        # With the dims of the result as they lie in memory, and then relaid.
        last = self.at + len(self.shape)
        rest = [d if d < self.at else d - last + self.at for d in order if not self.at <= d < last]
        front = permute(self.front, [*range(count), *[count + d for d in rest]])
        indices = [reshape(permute(i, own), -1) for i in self.given]
        found = _rows(front, indices, at, tuple([self.shape[d] for d in own]))
        return relaid(found, inverse(order))

    def result_shape(self) -> tuple[int, ...]:
        """The shape of what the user sees."""
        return (*self.rest[: self.at], *self.shape, *self.rest[self.at :])

    def flat(self, values: Tensor) -> Tensor:
        """Values of `result_shape` as rows: (n, *rest)."""
        if self.at:
            n, at = len(self.shape), self.at
            values = permute(values, [*range(at, at + n), *range(at), *range(at + n, values.ndim)])
        return reshape(values, (numel(self.shape), *self.rest))


def _rows(front: Tensor, indices: Sequence[Tensor], at: int, shape: Shape) -> Tensor:
    """The entries of the first dims at positions of a shape, whose dims then stand at `at`."""
    rest = front.shape[len(indices) :]
    if not at:
        return shaped(get_rows(front, indices), (*shape, *rest))
    order = (*range(1, at + 1), 0, *range(at + 1, len(rest) + 1))
    found = reordered(get_rows(front, indices, order), order)
    return shaped(found, (*rest[:at], *shape, *rest[at:]))


@operator("__getitem__")
def getitem(self: Tensor, key: Any) -> Tensor:
    """`self[key]`: a view for basic indices, else a copy.

    Raises:
        IndexError: see `parse_key`.
    """
    if (
        type(key) in TENSOR_TYPES
        and key.key is self.key.place.keys[dt.int64.index]
        and self.shape
        and self._strides is None
        and key.shape
        and (key._strides is None or len(key.shape) == 1)
    ):
        # Rows by number, the commonest of all.
        flat = key if len(key.shape) == 1 else reshape(key.detach(), (-1,))
        rows = get_rows(self, [flat])
        return rows if flat is key else shaped(rows, (*key.shape, *self.shape[1:]))
    basic = basic_key(self, key)
    if basic is not None:
        return basic_view(self, basic)
    view, advanced = parse_key(self, key)
    if all(index is None for index in advanced):
        return alias_view(self) if view is self else view
    return _Advanced(view, advanced).rows()


def picked(t: Tensor, dim: int, index: Tensor) -> Tensor:
    """Entries of a dim by the positions of a vector, row-major whatever the tensor's layout."""
    index = cast(index, dt.int64)
    if not dim:
        return get_rows(t, [index])
    form = _Advanced(t, [*[None] * dim, index, *[None] * (t.ndim - dim - 1)])
    return _rows(form.front, form.indices, form.at, form.shape)


@operator("__setitem__")
def setitem(self: Tensor, key: Any, value: Any) -> None:
    """`self[key] = value`, with value broadcast and converted.

    Raises:
        IndexError: see `parse_key`. RuntimeError: value does not broadcast, or autograd forbids.
    """
    source = value if isinstance(value, Tensor) else _new_source(self, value)
    if key is False:
        return  # not even recorded, as in PyTorch
    basic = basic_key(self, key)
    if basic is not None:
        target = self if key is ... else basic_view(self, basic)  # by which no view is recorded
        if source.shape == target.shape:
            target.copy_(source)
            return
        if not source.shape:
            target.fill_(source)
            return
    if key is True or key is ...:
        _copy_to(unsqueeze(self, 0) if key is True else self, source)
        return
    view, advanced = parse_key(self, key)
    if all(index is None for index in advanced):
        _copy_to(view, source)
        return
    given = [index.ndim for index in advanced if index is not None]
    while source.ndim > len(advanced) - len(given) + max(given) and source.shape[0] == 1:
        source = select(source, 0, 0)
    _put_in_place(view, advanced, source, False, key)


def _new_source(self: Tensor, value: Any) -> Tensor:
    """What is no tensor as one of the dtype that it is written to.

    Raises:
        TypeError: it is no number, nor numbers in an array. ValueError: an integer of more than 64
            bits. RuntimeError: it does not fit the dtype.
    """
    if isinstance(value, int | float) or as_number(value) is not None:
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise ValueError("Overflow when unpacking long long")
        return written(value, self.key.own, "setitem")
    if (
        value is None
        or isinstance(value, str)
        or (hasattr(value, "__float__") and not hasattr(value, "__len__"))
    ):
        raise TypeError(f"can't assign a {type(value).__name__} to a corex.{self.key.dtype.name}")
    place = self.key.place
    return as_tensor(value, dtype=self.key.dtype, device=place.device, backend=place.name)


def _copy_to(target: Tensor, source: Tensor) -> None:
    while source.shape and source.shape[0] == 1 and source.shape != target.shape:
        source = select(source, 0, 0)
    if source.shape and broadcast_shapes("setitem", source.shape, target.shape) != target.shape:
        raise RuntimeError(
            f"[setitem] shape mismatch: value tensor of shape {list(source.shape)} cannot be "
            f"broadcast to indexing result of shape {list(target.shape)}"
        )
    target.copy_(expand(source, target.shape))


def _put_in_place(
    self: Tensor, advanced: list[Tensor | None], source: Tensor, accumulate: bool, key: Any
) -> None:
    requires = check_inplace("index_put", self, (self, source))
    form = _Advanced(self, advanced)
    if source.key.dtype is not self.key.dtype:
        _check_dtypes(self, source, not accumulate and is_mask(self, key))
    source = cast(source, self.key.dtype)
    if not source.shape and source.key.own.place is not self.key.own.place:
        source = to_place(source, self.key.place)
    want = form.result_shape()
    if source.shape != want:
        try:
            source = expand(source, want)
        except RuntimeError:
            raise RuntimeError(
                f"shape mismatch: value tensor of shape {list(source.shape)} cannot be broadcast "
                f"to indexing result of shape {list(want)}"
            ) from None
    values = form.flat(source)
    if requires:
        # Through the permuted view, whose write rebases the graph of everything below it.
        target = form.front
        edges = ((target._node, target._output_nr), (values._node, values._output_nr))
        write_rows(target, values, form.indices, accumulate)
        target.storage_.version += 1
        if target is self or target._base is not None:
            finish_inplace(
                INDEX_PUT, target, (target, values), (Indices.of(form.indices), accumulate), edges,
                (0, 0),
            )  # fmt: skip
        return
    write_rows(form.front.detach(), values, form.indices, accumulate)
    self.storage_.version += 1


def _check_dtypes(self: Tensor, source: Tensor, mask: bool) -> None:
    """
    Raises:
        RuntimeError: the source has another dtype, and is not one element that goes to where a mask
            is true; or that does not fit the dtype.
    """
    if not mask or numel(source.shape) != 1:
        raise RuntimeError(
            f"Index put requires the source and destination dtypes match, got "
            f"{self.key.dtype.scalar} for the destination and {source.key.dtype.scalar} for the "
            f"source."
        )
    written_number(source.item(), self.key.dtype, "setitem")


@method()
def index_put_(
    self: Tensor, indices: Sequence[Tensor], values: Tensor, accumulate: bool = False
) -> Tensor:
    """In place: self[indices] = values, or += values.

    Raises:
        IndexError: out of range. RuntimeError: values do not broadcast.
    """
    view, advanced = parse_key(self, tuple(indices))
    if all(index is None for index in advanced):
        target = view
        target.add_(values) if accumulate else target.copy_(values)
        return self
    _put_in_place(view, advanced, values, accumulate, tuple(indices))
    return self


@exported()
def index_put(
    input: Tensor, indices: Sequence[Tensor], values: Tensor, accumulate: bool = False
) -> Tensor:
    """Out of place `index_put_`."""
    return index_put_(input.clone(), indices, values, accumulate)
