"""Indexing: integers, slices, None, Ellipsis, boolean masks and integer tensors, get and set.

Basic parts become views. What remains, tensors of positions, goes to two primitives, `index` and
`index_put`, in their normal form: the indexed dims in front, one flat index tensor for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from corex import dtypes as dt
from corex.dispatch.bind import dense_copy, write
from corex.dispatch.record import record
from corex.dispatch.resolve import check_places, empty
from corex.layout import broadcast_shapes, numel, slice_dim
from corex.ops.create.data import as_tensor, tensor
from corex.ops.inplace import check_inplace, finish_inplace
from corex.ops.places import to_place
from corex.ops.promotion import as_number, cast, require_tensor, written
from corex.ops.shape.parts import basic_view, select, slice_view
from corex.ops.shape.views import (
    alias_view,
    expand,
    permute,
    plain_permute,
    reordered,
    reshape,
    shaped,
    unsqueeze,
)
from corex.tensor.modes import mode
from corex.tensor.schema import (
    ALL,
    BOOL,
    OpSchema,
    declare,
)
from corex.tensor.tensor import TENSOR_TYPES, Tensor

INDEX = declare(
    OpSchema(
        "index",
        ("a",),
        None,
        ("indices",),
        {"a": lambda g, a_shape, indices: _index_back(g, a_shape, _unchanged(indices))},
        accepts=ALL,
        family="index",
        uniform=False,
        doc="a[i1, i2, ...] for flat int64 index tensors over the leading dims.",
    )
)
INDEX_PUT = declare(
    OpSchema(
        "index_put",
        ("a", "values"),
        None,
        ("indices", "accumulate"),
        {
            "a": lambda g, indices, accumulate: (
                g if accumulate else _zeroed(g, _unchanged(indices))
            ),
            "values": lambda g, indices: get_rows(g, _unchanged(indices)),
        },
        accepts=ALL,
        family="index",
        uniform=False,
        doc="a with a[i1, i2, ...] = values, or += values.",
    )
)
NONZERO = declare(
    OpSchema(
        "nonzero", ("a",), None, accepts=BOOL, family="index", uniform=False,
        doc="Positions of the true elements, row by row.",
    )
)  # fmt: skip


class Indices(tuple[Tensor, ...]):
    """The index tensors of a recorded op, which is given them as a parameter, with their versions.

    (Masks are not among them: they became positions before.)
    """

    versions: tuple[int, ...]

    @classmethod
    def of(cls, indices: Sequence[Tensor]) -> Indices:
        """Index tensors as they are now."""
        result = cls(indices)
        result.versions = tuple([t.storage_.version for t in indices])
        return result

    def check(self) -> None:
        """
        Raises:
            RuntimeError: one was modified in place since.
        """
        for t, version in zip(self, self.versions, strict=True):
            if t.storage_.version != version:
                raise RuntimeError(
                    f"one of the variables needed for gradient computation has been modified by an "
                    f"inplace operation: an index tensor [{t.type_name()} {list(t.shape)}] is at "
                    f"version {t.storage_.version}; expected version {version} instead. Hint: make "
                    f"a copy with .clone() before changing it."
                )


def _unchanged(indices: Sequence[Tensor]) -> Sequence[Tensor]:
    if isinstance(indices, Indices):
        indices.check()
    return indices


def get_rows(a: Tensor, indices: Sequence[Tensor]) -> Tensor:
    """Normal form of `index`: (D1..Dk, *rest) and k index tensors (n,) -> (n, *rest)."""
    result = empty(a.key, (indices[0].shape[0], *a.shape[len(indices) :]))
    check_places("index", indices, a.key.place)
    write("index", [result], [a, *indices])
    if a._node is not None and mode.enabled:
        record(INDEX, (a,), (Indices.of(indices),), (result,))
    return result


def _index_back(g: Tensor, shape: tuple[int, ...], indices: Sequence[Tensor]) -> Tensor:
    return put_rows(g.new_zeros(shape), g, indices, True)


def _zeroed(g: Tensor, indices: Sequence[Tensor]) -> Tensor:
    shape = (indices[0].shape[0], *g.shape[len(indices) :])
    return put_rows(g, g.new_zeros(shape), indices, False)


def put_rows(a: Tensor, values: Tensor, indices: Sequence[Tensor], accumulate: bool) -> Tensor:
    """Out of place `index_put` in normal form."""
    result = dense_copy(a)
    _write(result, values, indices, accumulate)
    if mode.enabled and (a._node is not None or values._node is not None):
        record(INDEX_PUT, (a, values), (Indices.of(indices), accumulate), (result,))
    return result


def _write(target: Tensor, values: Tensor, indices: Sequence[Tensor], accumulate: bool) -> None:
    shared = values.storage_.buffer is target.storage_.buffer
    run_index_put(target, dense_copy(values) if shared else values, indices, accumulate)


def run_index_put(
    target: Tensor, values: Tensor, indices: Sequence[Tensor], accumulate: bool
) -> None:
    """Calls the kernel, whose parameter stands before the index views."""
    check_places("index_put", [values, *indices], target.key.place)
    write("index_put", [target], [values], (accumulate,), indices)


# ---- parsing an index ------------------------------------------------------------------------
_Parsed = tuple[Tensor, list[Tensor | None]]


def _parse(self: Tensor, key: Any) -> _Parsed:
    """Applies the basic parts as views; returns the view and one entry per dim, None = whole.

    Raises:
        IndexError: too many indices, out of range, masks of another shape, or a wrong type.
    """
    items = list(key) if isinstance(key, tuple) or _is_old_tuple(key) else [key]
    items = [_as_index(self, item) for item in items]
    used = sum(
        item.ndim if isinstance(item, Tensor) and item.key.dtype is dt.bool_ else 1
        for item in items
        if item is not None and item is not Ellipsis and not isinstance(item, bool)
    )
    if used > self.ndim:
        raise IndexError(f"too many indices for tensor of dimension {self.ndim}")
    if sum(item is Ellipsis for item in items) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    result = self
    advanced: list[Tensor | None] = []
    for item in items:
        dim = len(advanced)
        if item is Ellipsis:
            advanced.extend([None] * (self.ndim - used))
        elif item is None:
            result = unsqueeze(result, dim)
            advanced.append(None)
        elif isinstance(item, bool):
            result = unsqueeze(result, dim)
            advanced.append(_truth(self, item))
        elif isinstance(item, slice):
            result = _sliced(result, dim, item)
            advanced.append(None)
        elif isinstance(item, Tensor):
            advanced.extend(_positions(result, dim, item))
        else:
            result = _selected(result, dim, item)
    advanced.extend([None] * (result.ndim - len(advanced)))
    return result, advanced


def _is_old_tuple(key: Any) -> bool:
    """Whether a list stands for a tuple: it holds what cannot be an entry of an index tensor."""
    return type(key) is list and any(
        item is None or item is Ellipsis or isinstance(item, slice | Tensor) for item in key
    )


def _as_index(self: Tensor, item: Any) -> Any:
    if item is None or item is Ellipsis or isinstance(item, slice | bool | int):
        return item
    if isinstance(item, Tensor):
        if item.key.dtype.kind == "f":
            raise IndexError(
                f"tensors used as indices must be long, int, byte or bool tensors, not "
                f"{item.key.dtype!r}"
            )
        if not item.shape:
            return item.item()
        if item.key.dtype is dt.uint8:
            item = cast(item, dt.bool_)
        if item.key.place.device.type != "cpu":
            check_places("index", [item], self.key.place)
        return item if item.key.place is self.key.place else to_place(item, self.key.place)
    if hasattr(item, "__index__") and not getattr(item, "shape", ()):
        return item.__index__()
    if isinstance(item, str):
        raise TypeError("an index cannot be a str")
    if isinstance(item, Sequence) or hasattr(item, "__array__"):
        found = tensor(item, device=self.key.place.device, backend=self.key.place.name)
        if isinstance(item, Sequence) and not len(item):
            found = cast(found, dt.int64)
        return _as_index(self, found)
    raise IndexError(
        f"only integers, slices (`:`), ellipsis (`...`), None and long or bool Tensors are valid "
        f"indices (got {type(item).__name__})"
    )


def _sliced(t: Tensor, dim: int, item: slice) -> Tensor:
    bounds = slice(
        *[None if v is None else v.__index__() for v in (item.start, item.stop, item.step)]
    )
    start, length, step = slice_dim(t.shape[dim], bounds)
    if start == 0 and step == 1 and length == t.shape[dim]:
        return t
    return slice_view(t, dim, start, length, step)


def _selected(t: Tensor, dim: int, index: int) -> Tensor:
    if not -t.shape[dim] <= index < t.shape[dim]:
        raise IndexError(
            f"index {index} is out of bounds for dimension {dim} with size {t.shape[dim]}"
        )
    return select(t, dim, index)


def _truth(self: Tensor, value: bool) -> Tensor:
    flags = empty(self.key.place.key(dt.int64), (1 if value else 0,))
    write("fill", [flags], [], (0,))
    return flags


def _positions(t: Tensor, dim: int, item: Tensor) -> list[Tensor]:
    """An index tensor as int64 positions; a boolean mask gives one tensor per dim of its own."""
    if item.key.dtype.kind != "b":
        return [cast(item, dt.int64)]
    mask = item
    covered = t.shape[dim : dim + mask.ndim]
    if mask.shape != covered:
        at = next(
            (i for i, (a, b) in enumerate(zip(mask.shape, covered, strict=False)) if a != b), 0
        )
        raise IndexError(
            f"The shape of the mask {list(mask.shape)} at index {at} does not match the shape of "
            f"the indexed tensor {list(t.shape)} at index {dim + at}"
        )
    found = nonzero(mask)
    return [select(found, 1, i) for i in range(mask.ndim)]


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
        found, at = get_rows(self.front, self.indices), self.at
        if at:
            found = reordered(found, [*range(1, at + 1), 0, *range(at + 1, found.ndim)])
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


_BASIC_TYPES = frozenset((int, slice, type(None)))


def _basic(self: Tensor, key: Any) -> tuple[Any, ...] | None:
    """The index as a tuple if it holds only integers, plain slices, None and one ellipsis."""
    items = key if type(key) is tuple else (key,)
    used = 0
    for item in items:
        kind = type(item)
        if kind not in _BASIC_TYPES:
            if item is Ellipsis:
                return _without_ellipsis(self, items)
            return None
        if kind is slice:
            for bound in (item.start, item.stop, item.step):
                if bound is not None and type(bound) is not int:
                    return None
        used += item is not None
    if not items or used > len(self.shape):
        return None
    return items


def _without_ellipsis(self: Tensor, items: tuple[Any, ...]) -> tuple[Any, ...] | None:
    at = next(i for i, item in enumerate(items) if item is Ellipsis)
    rest = items[:at] + items[at + 1 :]
    used = 0
    for item in rest:
        if type(item) not in _BASIC_TYPES:
            return None
        used += item is not None
    missing = len(self.shape) - used
    if missing < 0:
        return None
    whole = (slice(None),) * missing
    return _basic(self, items[:at] + whole + items[at + 1 :])


# ---- get and set -----------------------------------------------------------------------------
def getitem(self: Tensor, key: Any) -> Tensor:
    """`self[key]`: a view for basic indices, else a copy.

    Raises:
        IndexError: see `_parse`.
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
    basic = _basic(self, key)
    if basic is not None:
        return basic_view(self, basic)
    view, advanced = _parse(self, key)
    if all(index is None for index in advanced):
        return alias_view(self) if view is self else view
    return _Advanced(view, advanced).rows()


def setitem(self: Tensor, key: Any, value: Any) -> None:
    """`self[key] = value`, with value broadcast and converted.

    Raises:
        IndexError: see `_parse`. RuntimeError: the value does not broadcast, or autograd forbids.
    """
    if isinstance(value, Tensor):
        source = value
    elif isinstance(value, int | float) or as_number(value) is not None:
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise ValueError("Overflow when unpacking long long")
        source = written(value, self.key, "setitem")
    elif hasattr(value, "__float__") and not hasattr(value, "__len__"):
        raise TypeError(f"can't assign a {type(value).__name__} to a corex.{self.key.dtype.name}")
    else:
        place = self.key.place
        source = as_tensor(value, dtype=self.key.dtype, device=place.device, backend=place.name)
    basic = _basic(self, key)
    if basic is not None:
        target = basic_view(self, basic)
        if source.shape == target.shape:
            target.copy_(source)
            return
        if not source.shape:
            target.fill_(source)
            return
    view, advanced = _parse(self, key)
    if all(index is None for index in advanced):
        target = view
        while source.shape and source.shape[0] == 1:
            source = select(source, 0, 0)
        if source.shape and broadcast_shapes("setitem", source.shape, target.shape) != target.shape:
            raise RuntimeError(
                f"[setitem] shape mismatch: value tensor of shape {list(source.shape)} cannot be "
                f"broadcast to indexing result of shape {list(target.shape)}"
            )
        target.copy_(expand(source, target.shape))
        return
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
    while source.ndim > len(want) and source.shape[0] == 1:
        source = select(source, 0, 0)
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
        _write(target, values, form.indices, accumulate)
        target.storage_.version += 1
        if target is self or target._base is not None:
            finish_inplace(
                INDEX_PUT, target, (target, values), (Indices.of(form.indices), accumulate), edges,
                (0, 0),
            )  # fmt: skip
        return
    _write(form.front.detach(), values, form.indices, accumulate)
    self.storage_.version += 1


def index_put_(
    self: Tensor, indices: Sequence[Tensor], values: Tensor, accumulate: bool = False
) -> Tensor:
    """In place: self[indices] = values, or += values.

    Raises:
        IndexError: out of range. RuntimeError: values do not broadcast.
    """
    view, advanced = _parse(self, tuple(indices))
    if all(index is None for index in advanced):
        target = view
        target.add_(values) if accumulate else target.copy_(values)
        return self
    _put_in_place(view, advanced, values, accumulate)
    return self


def index_put(
    input: Tensor, indices: Sequence[Tensor], values: Tensor, accumulate: bool = False
) -> Tensor:
    """Out of place `index_put_`."""
    return index_put_(input.clone(), indices, values, accumulate)


# ---- positions -------------------------------------------------------------------------------
def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    """Positions of non-zero elements: an (n, ndim) int64 tensor, or one tensor per dim."""
    mask = require_tensor("nonzero", input).detach()
    mask = mask if mask.key.dtype is dt.bool_ else mask != 0
    count = int(cast(mask, dt.int64).sum().item())
    # Column by column, as in PyTorch, so that each of the tuple's parts is dense.
    columns = empty(mask.key.place.key(dt.int64), (mask.ndim, count))
    result = plain_permute(columns, (1, 0))
    write("nonzero", [result], [mask])
    if not as_tuple:
        return result
    if not input.shape:
        return (result.new_zeros((count,)),)  # a 0-d tensor counts as one element
    return tuple([select(result, 1, i) for i in range(input.ndim)])


def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """The elements where the mask holds, in row-major order.

    Raises:
        RuntimeError: a mask that is not boolean.
    """
    if require_tensor("masked_select", mask, "mask").key.dtype is not dt.bool_:
        raise RuntimeError("masked_select: expected BoolTensor for mask")
    check_places("masked_select", [mask], input.key.place)
    shape = broadcast_shapes("masked_select", input.shape, mask.shape)
    picked = expand(input, shape)
    if not shape:
        return getitem(unsqueeze(picked, 0), unsqueeze(mask, 0))
    return getitem(picked, expand(mask, shape))


def refuse_negative(op: str, index: Tensor, size: int) -> Tensor:
    """For functions that, unlike `t[index]`, do not count negative positions from the end.

    Returns the index to use. On a device that the host would have to wait for, that has negative
    positions moved out of range, where the kernel finds them.

    Raises:
        IndexError: a negative position.
    """
    if not numel(index.shape):
        return index
    known = index.detach()
    if known.key.place.backend.host_view(known.storage_.buffer) is None:
        return known - (known < 0) * size
    lowest = known.amin().item()
    if lowest < 0:
        raise IndexError(f"[{op}] index out of range in self: {lowest} is not in 0 .. {size - 1}")
    return index


def take(input: Tensor, index: Tensor) -> Tensor:
    """Elements by their position in the flattened tensor.

    Raises:
        RuntimeError: an index that is not int64. IndexError: out of range.
    """
    if require_tensor("take", index, "index").key.dtype is not dt.int64:
        raise RuntimeError(f"take(): Expected a long tensor for index, but got {index.dtype!r}")
    check_places("take", [index], input.key.place)
    return shaped(get_rows(reshape(input, -1), [reshape(index, -1)]), index.shape)
