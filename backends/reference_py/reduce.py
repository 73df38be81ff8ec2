"""Reductions over the last `n` dimensions, and the two ops that work along the last one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import reduce
from itertools import accumulate

from corex.backend import Kernel, View

from .elementwise import BINARY
from .ieee import add_up
from .views import Scalar, check_listable, load, store


def split(values: list[Scalar], parts: int) -> list[list[Scalar]]:
    """The values in `parts` equal, consecutive groups."""
    size = len(values) // parts if parts else 0
    return [values[i * size : (i + 1) * size] for i in range(parts)]


def rows(view: View) -> list[list[Scalar]]:
    """The elements, one list per run along the last dimension."""
    check_listable(math.prod(view[2][:-1]), view[2])
    return split(load(view), math.prod(view[2][:-1]))


def _sum(values: list[Scalar]) -> Scalar:
    return add_up(values) if values and isinstance(values[0], float) else sum(values)


def _prod(values: list[Scalar]) -> Scalar:
    if values and isinstance(values[0], float):
        return math.prod(values)
    return reduce(lambda product, value: product * value % 2**64, values, 1)


def _amax(values: list[Scalar]) -> Scalar:
    return reduce(BINARY["maximum"], values)


def _amin(values: list[Scalar]) -> Scalar:
    return reduce(BINARY["minimum"], values)


def argmax(values: list[Scalar]) -> int:
    """The first position of the maximum, or of NaN.

    `list.index` finds the identical object before it asks for equality, so it finds NaN too.
    """
    return values.index(_amax(values))


def argmin(values: list[Scalar]) -> int:
    """The first position of the minimum, or of NaN."""
    return values.index(_amin(values))


REDUCTIONS: Mapping[str, Callable[[list[Scalar]], Scalar]] = {
    "sum": _sum,
    "prod": _prod,
    "amax": _amax,
    "amin": _amin,
    "argmax": argmax,
    "argmin": argmin,
    "any": any,
    "all": all,
}


def _reduction_kernel(name: str) -> Kernel:
    function = REDUCTIONS[name]

    def kernel(out: View, a: View, n: int) -> None:
        store(out, map(function, split(load(a), math.prod(out[2]))))

    return kernel


def cumsum(out: View, a: View) -> None:
    """`out[..., j] = a[..., 0] + ... + a[..., j]`, in double precision or unbounded integers."""
    store(out, [total for row in rows(a) for total in accumulate(row)])


def argsort(out: View, a: View, descending: bool) -> None:
    """The stable order of the last dimension; NaN is larger than every number."""

    def ordered(row: list[Scalar]) -> list[int]:
        keys = [(1, 0) if value != value else (0, value) for value in row]
        return sorted(range(len(row)), key=keys.__getitem__, reverse=descending)

    store(out, [position for row in rows(a) for position in ordered(row)])


KERNELS: Mapping[str, Kernel] = {
    **{name: _reduction_kernel(name) for name in REDUCTIONS},
    "cumsum": cumsum,
    "argsort": argsort,
}
