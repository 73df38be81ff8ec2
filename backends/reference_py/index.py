"""Reading and writing at positions that are data; they are checked before anything is written."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

from corex.backend import Kernel, View

from .views import add_at, load, load_at, positions, store, write_at


def checked(index: int, dimension: int, size: int) -> int:
    """The index counted from the start; IndexError if it is not one of the dimension's."""
    if not -size <= index < size:
        raise IndexError(
            f"index {index} is out of bounds for dimension {dimension} with size {size}"
        )
    return index % size


def chosen(view: View, indices: tuple[View, ...]) -> list[int]:
    """The positions of `view[i1, ..., ik]` in row-major order: (n, *rest), see `index`."""
    buffer, dtype, shape, strides, offset = view
    k = len(indices)
    rest = positions((buffer, dtype, shape[k:], strides[k:], 0))
    starts = [
        offset
        + sum(
            checked(index, dimension, shape[dimension]) * strides[dimension]
            for dimension, index in enumerate(together)
        )
        for together in zip(*map(load, indices), strict=True)
    ]
    return [start + step for start in starts for step in rest]


def index(out: View, a: View, *indices: View) -> None:
    """`out[i] = a[i1[i], ..., ik[i]]`."""
    store(out, load_at(a, chosen(a, indices)))


def index_put(out: View, values: View, accumulate: bool, *indices: View) -> None:
    """`out[i1[i], ..., ik[i]] = values[i]`, or `+=`, in order of i."""
    where = chosen(out, indices)
    (add_at if accumulate else write_at)(out, where, load(values))


def nonzero(out: View, a: View) -> None:
    """The coordinates of the true elements, one per row of `out`, in row-major order."""
    coordinates = itertools.product(*map(range, a[2]))
    found = itertools.compress(coordinates, load(a))
    store(out, itertools.chain.from_iterable(found))


def _along_last(view: View, index: View) -> list[int]:
    """The positions of `view[..., index[..., j]]`, the leading dimensions being the index's."""
    buffer, dtype, shape, strides, offset = view
    *leading, length = index[2]
    starts = positions((buffer, dtype, tuple(leading), strides[:-1], offset))
    dimension, size = len(shape) - 1, shape[-1]
    found = []
    for i, j in enumerate(load(index)):
        if not 0 <= j < size:
            raise IndexError(
                f"index {j} is out of bounds for dimension {dimension} with size {size}"
            )
        found.append(starts[i // length] + j * strides[-1])
    return found


def gather(out: View, a: View, index: View) -> None:
    """`out[..., j] = a[..., index[..., j]]`."""
    store(out, load_at(a, _along_last(a, index)))


def scatter_add(out: View, index: View, src: View) -> None:
    """`out[..., index[..., j]] += src[..., j]`, in order of j."""
    buffer, dtype, _, strides, offset = src
    add_at(out, _along_last(out, index), load((buffer, dtype, index[2], strides, offset)))


KERNELS: Mapping[str, Kernel] = {
    "index": index,
    "index_put": index_put,
    "nonzero": nonzero,
    "gather": gather,
    "scatter_add": scatter_add,
}
