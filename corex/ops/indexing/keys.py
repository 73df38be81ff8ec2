"""What stands in the brackets of `t[key]`: integers, slices, None, Ellipsis, masks, index tensors.

Basic parts become views at once; what remains are tensors of positions, one per indexed dim.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from corex import dtypes as dt
from corex.dispatch.bind import write
from corex.dispatch.resolve import check_places, empty
from corex.layout import numel, slice_dim
from corex.ops.create.data import tensor
from corex.ops.indexing.nonzero import nonzero
from corex.ops.places import to_place
from corex.ops.promotion import cast
from corex.ops.shape.parts import select, slice_view
from corex.ops.shape.views import unsqueeze
from corex.tensor.tensor import Tensor

ParsedKey = tuple[Tensor, list[Tensor | None]]


def parse_key(self: Tensor, key: Any) -> ParsedKey:
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


def is_mask(self: Tensor, key: Any) -> bool:
    """Whether one mask is all there is of index tensors in a key."""
    items = list(key) if isinstance(key, tuple) or _is_old_tuple(key) else [key]
    found = [_as_index(self, item) for item in items]
    tensors = [item for item in found if isinstance(item, bool | Tensor)]
    return len(tensors) == 1 and isinstance(tensors[0], Tensor) and tensors[0].key.dtype is dt.bool_


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
        if item.key.dtype is dt.uint8:
            item = cast(item, dt.bool_)
        if not item.shape:
            return item.item()
        if item.key.place.device.type != "cpu":
            check_places("index", [item], self.key.place)
        alike = item.key.own.place is self.key.own.place
        return item if alike else to_place(item, self.key.own.place)
    if hasattr(item, "__index__") and not getattr(item, "shape", ()):
        return item.__index__()
    if isinstance(item, str):
        raise TypeError("an index cannot be a str")
    if isinstance(item, Sequence) or hasattr(item, "__array__"):
        found = tensor(item, device=self.key.place.device, backend=self.key.place.name)
        if isinstance(item, Sequence) and not numel(found.shape):
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


_BASIC_TYPES = frozenset((int, slice, type(None)))


def basic_key(self: Tensor, key: Any) -> tuple[Any, ...] | None:
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
    return basic_key(self, items[:at] + whole + items[at + 1 :])
