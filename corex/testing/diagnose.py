"""What a wrong output tells about its cause."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.lib.stride_tricks import as_strided

from corex import dtypes
from corex.layout import contiguous_strides
from corex.tensor.schema import REGISTRY
from corex.testing.arrays import POISON, TESTED, Array, Out, Placed, is_inexact
from corex.testing.compare import Mismatch, Shower, compare

SHOWN: Final = 8
"""How many elements of an input are shown for one of the output."""


def faults(placed: Out, after: Array, name: str, shown: Shower) -> list[Mismatch]:
    """What is wrong with an output, whose memory is now `after`."""
    got = placed.read(after)
    if placed.dtype == "bool":
        found = _strange_bytes(placed, after, name)
        if found:
            return found
    found = compare(got, placed.expected, name, shown, placed.flushed)
    if found and placed.dtype != "bool" and _untouched(placed, got):
        message = "\n".join(["elements were not written", *[wrong.message for wrong in found]])
        return [Mismatch("unwritten", message)]
    other = written_as(placed, after) if found else None
    if other is not None:
        text = f"the memory holds these values as {other}, not as {placed.dtype}"
        found = [Mismatch("values", "\n".join([text, *[wrong.message for wrong in found]]))]
    return found


def _strange_bytes(placed: Out, after: Array, name: str) -> list[Mismatch]:
    """Bools of other bytes than 0 and 1."""
    seen = placed.bytes(after)
    left = (seen == POISON) & (not placed.reads)
    strange = (seen > 1) & ~left
    found = []
    for check, places, what in (
        ("unwritten", left, "were not written"),
        ("values", strange, "are neither 0 nor 1"),
    ):
        if places.any():
            at = tuple(np.argwhere(places)[0].tolist())
            text = f"{int(places.sum())} of {places.size} elements of `{name}` {what}:"
            found.append(Mismatch(check, f"{text}\n  at {at}: byte {int(seen[at]):#04x}"))
    return found


def _untouched(placed: Out, got: Array) -> bool:
    """Whether all that is wrong is what was there before."""
    before = placed.array
    different = got != placed.expected.values
    untouched = (got == before) & different
    return bool(not placed.reads and untouched.any() and not (different & ~untouched).any())


# ---- another dtype's bytes -------------------------------------------------------------------
def written_as(placed: Out, after: Array) -> str | None:
    """The name of a dtype as whose elements the right values lie in an output's memory."""
    wanted = placed.expected.values
    complex_ = wanted.dtype.kind == "c"
    others = [d for d in TESTED if d.kind != "b" and d.is_complex == complex_]
    for dtype in others:
        if dtype.name != placed.dtype and _lies_there(placed, after, dtype):
            return dtype.name
    if complex_:
        return None
    return "bool" if wanted.dtype.kind != "b" and _lies_there(placed, after, dtypes.bool_) else None


def _lies_there(placed: Out, after: Array, dtype: dtypes.DType) -> bool:
    other = np.dtype(dtype.name)
    with np.errstate(all="ignore"):
        wanted = placed.expected.values.astype(other)
    if placed.array.dtype == other or len(np.unique(wanted[wanted == wanted])) < 3:
        return False  # of few values nothing can be said
    memory = after.view(np.uint8)
    own = tuple(stride // placed.array.itemsize for stride in placed.array.strides)
    starts = {placed.offset * placed.array.itemsize, placed.offset * other.itemsize}
    return any(
        _matches(memory, wanted, start, strides)
        for start in starts
        for strides in (own, contiguous_strides(wanted.shape))
    )


def _matches(memory: Array, wanted: Array, start: int, strides: tuple[int, ...]) -> bool:
    """Whether the memory holds the values from a byte on, as far as it reaches."""
    size = wanted.itemsize
    places = np.zeros(wanted.shape, np.int64) + start
    for axis, stride in enumerate(strides):
        along = np.arange(wanted.shape[axis]) * stride * size
        places += along.reshape([-1 if i == axis else 1 for i in range(wanted.ndim)])
    inside = (places >= 0) & (places + size <= memory.size)
    if inside.sum() < min(3, wanted.size):
        return False
    bytes_of = as_strided(memory, (memory.size - size + 1, size), (1, 1))
    seen = bytes_of[places[inside]].copy().view(wanted.dtype).ravel()
    right = wanted[inside]
    if len(np.unique(right[right == right])) < 3:
        return False
    if not is_inexact(wanted):
        return bool((seen == right).all())
    return bool(np.allclose(seen, right, rtol=1e-3, atol=0, equal_nan=True))


# ---- the inputs of an element ------------------------------------------------------------------
_ALONG: Final = (
    "cumsum", "cumprod", "prod_others", "chain", "logcumsumexp", "argcummax", "argcummin",
    "argsort", "argselect", "softmax", "log_softmax", "softmax_backward",
    "log_softmax_backward", "gather", "scatter_add",
)  # fmt: skip
"""Ops whose elements depend on a row of each input."""
_ELSEWHERE: Final = ("index", "index_put", "nonzero", "conv", "max_pool", "avg_pool")
"""Beginnings of the names of ops whose elements depend on others than those at their place."""


def shower(op: str, arguments: Sequence[Any], out: Placed) -> Shower:
    """A function that tells the inputs of an element of an output, where that can be told."""
    inputs = [
        item
        for item in arguments
        if item is None or (isinstance(item, Placed) and (not isinstance(item, Out) or item.reads))
    ]
    arrays = [None if item is None else item.array for item in inputs]
    return lambda at: told(op, arrays, at, out.array.shape)


def told(
    op: str, arrays: Sequence[Array | None], at: tuple[int, ...], shape: tuple[int, ...]
) -> str:
    """The inputs of the element at a place of an output of this shape, in words."""
    names = [name.rstrip("?") for name in REGISTRY[op].inputs] if op in REGISTRY else []
    if len(names) != len(arrays):
        names = [f"input {i}" for i in range(len(arrays))]
    found = []
    for i, (name, array) in enumerate(zip(names, arrays, strict=True)):
        part = None if array is None else _part(op, i, array, at, shape)
        if part is not None and part.size:
            found.append(f"{name} = {_text(part)}")
    return f"; {', '.join(found)}" if found else ""


def _part(
    op: str, position: int, array: Array, at: tuple[int, ...], shape: tuple[int, ...]
) -> Array | None:
    """The elements of an input on which one of the output depends; None where that is not known."""
    if op == "matmul":
        batch, row, column = at
        return np.asarray(array[batch, row] if position == 0 else array[batch, :, column])
    if op == "linear":
        return np.asarray(array[at[position != 0]])
    if op.startswith(_ELSEWHERE):
        return None
    if not array.ndim:
        return array
    reach = len(shape) - 1 if op in _ALONG else len(shape)
    return np.asarray(array[at[:reach]]) if array.shape[:reach] == shape[:reach] else None


def _text(part: Array) -> str:
    values = part.ravel()
    if part.ndim == 0:
        return repr(values[0].item())
    more = [f"... {values.size} elements"] if values.size > SHOWN else []
    return f"[{', '.join([*[repr(v.item()) for v in values[:SHOWN]], *more])}]"
