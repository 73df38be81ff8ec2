"""Reductions over the last `n` dimensions, and the ops that work along the last one."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator, Mapping
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


def cumprod(out: View, a: View) -> None:
    """`out[..., j] = a[..., 0] * ... * a[..., j]`, as `cumsum`."""
    store(out, [product for row in rows(a) for product in accumulate(row, operator.mul)])


def prod_others(out: View, a: View) -> None:
    """For each element of a row, the product of all others: of those before and those behind."""

    def others(row: list[Scalar]) -> Iterator[Scalar]:
        before = [1.0, *accumulate(row, operator.mul)]
        behind = [1.0, *accumulate(reversed(row), operator.mul)]
        return (before[i] * behind[len(row) - 1 - i] for i in range(len(row)))

    store(out, [product for row in rows(a) for product in others(row)])


def chain(out: View, a: View, b: View, reverse: bool) -> None:
    """`out[..., j] = a[..., j] + b[..., j] * out[..., j - 1]`; from the end, b counts from 1."""

    def linked(row: list[Scalar], factors: list[Scalar]) -> list[Scalar]:
        if reverse:
            row, factors = row[::-1], [0.0, *factors[:0:-1]]
        found = row[:1]
        for value, factor in zip(row[1:], factors[1:], strict=True):
            found.append(value + factor * found[-1])
        return found[::-1] if reverse else found

    pairs = zip(rows(a), rows(b), strict=True)
    store(out, [value for row, factors in pairs for value in linked(row, factors)])


def _reached_places(row: list[Scalar], reached: Callable[[Scalar, Scalar], bool]) -> list[int]:
    found = [0] * len(row)
    for i in range(1, len(row)):
        best = row[found[i - 1]]
        found[i] = i if row[i] != row[i] or reached(row[i], best) else found[i - 1]
    return found


def argcummax(out: View, a: View) -> None:
    """Where the largest entry so far is: the last of equals, and the last NaN."""
    store(out, [place for row in rows(a) for place in _reached_places(row, operator.ge)])


def argcummin(out: View, a: View) -> None:
    """Where the smallest entry so far is: the last of equals, and the last NaN."""
    store(out, [place for row in rows(a) for place in _reached_places(row, operator.le)])


def _log_add(a: float, b: float) -> float:
    """log(exp(a) + exp(b)) by the larger one and what is added to it."""
    if a == b:  # infinities among them
        return a + math.log(2)
    if a != a or b != b:
        return math.nan
    return max(a, b) + math.log1p(math.exp(-abs(a - b)))


def logcumsumexp(out: View, a: View) -> None:
    """The logarithm of the running sum of exponentials."""
    store(out, [total for row in rows(a) for total in accumulate(row, _log_add)])


def _ordered(row: list[Scalar], descending: bool) -> list[int]:
    keys = [(1, 0) if value != value else (0, value) for value in row]
    return sorted(range(len(row)), key=keys.__getitem__, reverse=descending)


def argsort(out: View, a: View, descending: bool) -> None:
    """The stable order of the last dimension; NaN is larger than every number."""
    store(out, [position for row in rows(a) for position in _ordered(row, descending)])


def argselect(out: View, a: View, first: int, descending: bool) -> None:
    """The entries from `first` on of `argsort`, as many as a row of `out` has."""
    chosen = slice(first, first + out[2][-1])
    store(out, [position for row in rows(a) for position in _ordered(row, descending)[chosen]])


KERNELS: Mapping[str, Kernel] = {
    **{name: _reduction_kernel(name) for name in REDUCTIONS},
    "cumsum": cumsum,
    "cumprod": cumprod,
    "prod_others": prod_others,
    "chain": chain,
    "argcummax": argcummax,
    "argcummin": argcummin,
    "logcumsumexp": logcumsumexp,
    "argsort": argsort,
    "argselect": argselect,
}
