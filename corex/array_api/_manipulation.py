"""The standard's functions about shapes."""

from __future__ import annotations

from collections.abc import Sequence

import corex
from corex.array_api._promotion import normalized, operands, require_array
from corex.tensor.tensor import Tensor

Axes = int | tuple[int, ...]


def broadcast_arrays(*arrays: Tensor) -> tuple[Tensor, ...]:
    """Views of arrays in their common shape; dtypes stay.

    Raises:
        RuntimeError: the shapes do not broadcast.
    """
    return tuple(corex.broadcast_tensors(*arrays))


def broadcast_shapes(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The common shape of shapes.

    Raises:
        ValueError: they do not broadcast.
    """
    try:
        return tuple(corex.broadcast_shapes(*shapes))
    except RuntimeError as error:
        raise ValueError(str(error)) from None


def broadcast_to(x: Tensor, /, shape: Sequence[int]) -> Tensor:
    """A view of an array in a larger shape."""
    return corex.broadcast_to(x, tuple(shape))


def concat(arrays: tuple[Tensor, ...] | list[Tensor], /, *, axis: int | None = 0) -> Tensor:
    """Arrays one behind the other along an axis; None flattens them first."""
    parts = operands("concat", *arrays)
    if axis is None:
        return corex.cat([part.reshape(-1) for part in parts])
    return corex.cat(parts, normalized("concat", axis, parts[0].ndim))


def expand_dims(x: Tensor, /, axis: Axes) -> Tensor:
    """A view with axes of size 1 at these places of the result.

    Raises:
        IndexError: no such place. ValueError: one twice.
    """
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    count = x.ndim + len(axes)
    places = sorted([normalized("expand_dims", each, count) for each in axes])
    if len(set(places)) < len(places):
        raise ValueError(f"[expand_dims] an axis is there twice: {axis}")
    for place in places:
        x = x.unsqueeze(place)
    return x


def flip(x: Tensor, /, *, axis: Axes | None = None) -> Tensor:
    """The elements in reverse order along some axes, or all."""
    axes = range(x.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    return corex.flip(x, tuple(axes))


def moveaxis(x: Tensor, source: Axes, destination: Axes, /) -> Tensor:
    """A view with axes moved to other places; the rest keep their order."""
    return corex.moveaxis(x, source, destination)


def permute_dims(x: Tensor, /, axes: Sequence[int]) -> Tensor:
    """A view with the axes in another order."""
    return corex.permute(x, tuple(axes))


def repeat(x: Tensor, repeats: int | Tensor, /, *, axis: int | None = None) -> Tensor:
    """Each element so many times, along an axis, or of the flattened array.

    The host waits for `repeats`, if that is an array.
    """
    return corex.repeat_interleave(x, repeats, dim=axis)


def reshape(x: Tensor, /, shape: Sequence[int], *, copy: bool | None = None) -> Tensor:
    """The elements in another shape: a view where one is possible, unless `copy=True`.

    Raises:
        ValueError: `copy=False`, but no view is possible.
    """
    require_array("reshape", x)
    if copy:
        return x.clone().reshape(tuple(shape))
    found = x.reshape(tuple(shape))
    if copy is False and found.storage_ is not x.storage_:
        raise ValueError(f"[reshape] {tuple(x.shape)} to {tuple(shape)} needs a copy")
    return found


def roll(x: Tensor, /, shift: Axes, *, axis: Axes | None = None) -> Tensor:
    """The elements moved along some axes, or in the flattened array; what leaves comes in again."""
    if isinstance(axis, tuple) and isinstance(shift, int):
        shift = (shift,) * len(axis)
    return corex.roll(x, shift, axis)


def squeeze(x: Tensor, /, axis: Axes) -> Tensor:
    """A view without these axes, whose size is 1.

    Raises:
        ValueError: an axis of another size.
    """
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    for each in axes:
        if x.shape[normalized("squeeze", each, x.ndim)] != 1:
            raise ValueError(f"[squeeze] axis {each} of shape {tuple(x.shape)} is not of size 1")
    return corex.squeeze(x, axes)


def stack(arrays: tuple[Tensor, ...] | list[Tensor], /, *, axis: int = 0) -> Tensor:
    """Arrays of one shape along a new axis."""
    return corex.stack(operands("stack", *arrays), axis)


def tile(x: Tensor, repetitions: Sequence[int], /) -> Tensor:
    """The array so many times side by side along each axis, counted from the last."""
    return corex.tile(x, tuple(repetitions))


def unstack(x: Tensor, /, *, axis: int = 0) -> tuple[Tensor, ...]:
    """Views of the parts along an axis."""
    return tuple(corex.unbind(x, axis))


__all__ = [
    "broadcast_arrays", "broadcast_shapes", "broadcast_to", "concat", "expand_dims", "flip",
    "moveaxis", "permute_dims", "repeat", "reshape", "roll", "squeeze", "stack", "tile", "unstack",
]  # fmt: skip
