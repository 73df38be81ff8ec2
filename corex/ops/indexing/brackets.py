"""`t[key]` and `t[key] = value`, and `index_put`, which is the same with a list of tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from corex import dtypes as dt
from corex.layout import broadcast_shapes, numel
from corex.ops.create.data import as_tensor
from corex.ops.indexing.keys import basic_key, parse_key
from corex.ops.indexing.rows import INDEX_PUT, Indices, get_rows, write_rows
from corex.ops.inplace import check_inplace, finish_inplace
from corex.ops.places import to_place
from corex.ops.promotion import as_number, cast, written
from corex.ops.registration import exported, method, operator
from corex.ops.shape.parts import basic_view, select
from corex.ops.shape.views import alias_view, expand, permute, reordered, reshape, shaped
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
        self.indices = [reshape(expand(i.detach(), shape), -1) for i in given]
        self.shape = shape
        self.rest = tuple([t.shape[d] for d in rest])
        # Adjacent index tensors leave their dims in place; separated ones go to the front.
        adjacent = dims == list(range(dims[0], dims[0] + len(dims)))
        self.at = dims[0] if adjacent else 0

    def rows(self) -> Tensor:
        """The entries that the indices name, as the user sees them."""
        at = self.at
        if not at:
            return shaped(get_rows(self.front, self.indices), self.result_shape())
        order = (*range(1, at + 1), 0, *range(at + 1, len(self.rest) + 1))
        found = reordered(get_rows(self.front, self.indices, order), order)
        return shaped(found, self.result_shape())

    def result_shape(self) -> tuple[int, ...]:
        """The shape of what the user sees."""
        return (*self.rest[: self.at], *self.shape, *self.rest[self.at :])

    def flat(self, values: Tensor) -> Tensor:
        """Values of `result_shape` as rows: (n, *rest)."""
        if self.at:
            n, at = len(self.shape), self.at
            values = permute(values, [*range(at, at + n), *range(at), *range(at + n, values.ndim)])
        return reshape(values, (numel(self.shape), *self.rest))


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
        and key.shape
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


@operator("__setitem__")
def setitem(self: Tensor, key: Any, value: Any) -> None:
    """`self[key] = value`, with value broadcast and converted.

    Raises:
        IndexError: see `parse_key`. RuntimeError: value does not broadcast, or autograd forbids.
    """
    if isinstance(value, Tensor):
        source = value
    elif isinstance(value, int | float) or as_number(value) is not None:
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise ValueError("Overflow when unpacking long long")
        source = written(value, self.key, "setitem")
    elif (
        value is None
        or isinstance(value, str)
        or (hasattr(value, "__float__") and not hasattr(value, "__len__"))
    ):
        raise TypeError(f"can't assign a {type(value).__name__} to a corex.{self.key.dtype.name}")
    else:
        place = self.key.place
        source = as_tensor(value, dtype=self.key.dtype, device=place.device, backend=place.name)
    basic = basic_key(self, key)
    if basic is not None:
        target = basic_view(self, basic)
        if source.shape == target.shape:
            target.copy_(source)
            return
        if not source.shape:
            target.fill_(source)
            return
    view, advanced = parse_key(self, key)
    if all(index is None for index in advanced):
        target = view
        while source.shape and source.shape[0] == 1 and source.shape != target.shape:
            source = select(source, 0, 0)
        if source.shape and broadcast_shapes("setitem", source.shape, target.shape) != target.shape:
            raise RuntimeError(
                f"[setitem] shape mismatch: value tensor of shape {list(source.shape)} cannot be "
                f"broadcast to indexing result of shape {list(target.shape)}"
            )
        target.copy_(expand(source, target.shape))
        return
    given = [index.ndim for index in advanced if index is not None]
    while source.ndim > len(advanced) - len(given) + max(given) and source.shape[0] == 1:
        source = select(source, 0, 0)
    _put_in_place(view, advanced, source, False)


def _put_in_place(
    self: Tensor, advanced: list[Tensor | None], source: Tensor, accumulate: bool
) -> None:
    requires = check_inplace("index_put", self, (self, source))
    form = _Advanced(self, advanced)
    if source.key.dtype is not self.key.dtype and numel(source.shape) != 1:
        raise RuntimeError(
            f"Index put requires the source and destination dtypes match, got "
            f"{self.key.dtype.name} for the destination and {source.key.dtype.name} for the source."
        )
    source = cast(source, self.key.dtype)
    if not source.shape and source.key.place is not self.key.place:
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
    _put_in_place(view, advanced, values, accumulate)
    return self


@exported()
def index_put(
    input: Tensor, indices: Sequence[Tensor], values: Tensor, accumulate: bool = False
) -> Tensor:
    """Out of place `index_put_`."""
    return index_put_(input.clone(), indices, values, accumulate)
