"""Python numbers that a dtype cannot hold: they wrapped around silently wherever they entered."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import corex
from corex import nn

KIND = "14: numbers outside of the dtype wrapped around silently"

INTEGERS = {
    "uint8": (0, 255),
    "int32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
}
BEYOND: list[float] = [
    math.nan, math.inf, -math.inf, 1e19, -1e19, 2.0**63, 3e9, -3e9, 2.0**31, 2.0**40 + 300.0,
    300.7, -300.2, -1.5, 0.5,
]  # fmt: skip


def cases(backend: str) -> Iterator[tuple[str, Callable[[], None]]]:
    """Pairs of a name and a check; the backend is in use."""
    for name, call, want in (*_examples(), *_written(), *_compared()):
        yield name, lambda call=call, want=want: _check(call, want)  # type: ignore[misc]
    for source in ("float32", "float64"):
        for target in ("uint8", "int32", "int64", "bool"):
            for count in (1, 3, 17, 64, 1031):
                yield (
                    f"{count} x {source} to {target}",
                    lambda s=source, t=target, n=count: _converts(s, t, n),  # type: ignore[misc]
                )


def _check(call: Callable[[], Any], want: Any) -> None:
    try:
        found = call()
    except Exception as error:
        found = error
    if isinstance(want, type):
        assert isinstance(found, want), f"{found!r} instead of {want.__name__}"
        return
    values = found.tolist() if isinstance(found, corex.Tensor) else found
    assert values == want, f"{values!r} instead of {want}"


def _examples() -> Iterator[tuple[str, Callable[[], Any], Any]]:
    bytes_ = corex.tensor([0, 100, 200], dtype=corex.uint8)
    five = corex.tensor([5])
    yield "clamp(max=300) of uint8", lambda: bytes_.clamp(max=300), RuntimeError
    yield "clamp(min=-300) of uint8", lambda: bytes_.clamp(min=-300), RuntimeError
    yield "clamp_(max=2**40) of int32", lambda: five.int().clamp_(max=2**40), RuntimeError
    yield "int64 < 2**64", lambda: five < 2**64, OverflowError
    yield "int64 < 2**63", lambda: five < 2**63, [True]
    yield "int64 == 10**30", lambda: five == 10**30, OverflowError
    yield "int64 + 2**64", lambda: five + 2**64, OverflowError
    yield "float32 * 2**64", lambda: five.float() * 2**64, OverflowError
    yield "uint8 + 300 wraps", lambda: bytes_ + 300, [44, 144, 244]
    yield "uint8 - 300 wraps", lambda: bytes_ - 300, [212, 56, 156]
    yield "int32 + 2**31 wraps", lambda: five.int() + 2**31, [5 - 2**31]
    yield "float32 + 1e300", lambda: five.float() + 1e300, [math.inf]
    yield "float32 + 2**63", lambda: five.float() + 2**63, [2.0**63]
    yield "bool + 2**63", lambda: (five > 0) + 2**63, RuntimeError
    yield "uint8 ** 300", lambda: bytes_**300, RuntimeError
    yield "alpha=300 of uint8", lambda: corex.add(bytes_, bytes_, alpha=300), RuntimeError
    yield "beta=300 of uint8", lambda: corex.addmv(bytes_, bytes_.expand(3, 3), bytes_, beta=300), \
        RuntimeError  # fmt: skip
    yield "Fraction", lambda: five + _Fraction(), TypeError
    yield "logical_and with 256", lambda: bytes_.logical_and(256), TypeError
    yield "randint over int64", lambda: _spread(), True


class _Fraction:
    """Has a value, but is no number of Python's."""

    def __float__(self) -> float:
        return 0.5


def _spread() -> bool:
    drawn = corex.randint(-(2**63), 2**63 - 1, (64,))
    return bool((drawn < 0).any().item()) and bool((drawn > 0).any().item())


def _written() -> Iterator[tuple[str, Callable[[], Any], Any]]:
    mask = corex.tensor([True, False])
    index = corex.tensor([1])
    places: dict[str, Callable[[Any, Any], Any]] = {
        "fill_": lambda x, n: x.fill_(n),
        "full": lambda x, n: corex.full((2,), n, dtype=x.dtype),
        "full_like": lambda x, n: corex.full_like(x, n),
        "new_full": lambda x, n: x.new_full((2,), n),
        "masked_fill": lambda x, n: x.masked_fill(mask, n),
        "masked_fill_": lambda x, n: x.masked_fill_(mask, n),
        "where": lambda x, n: corex.where(mask, x, n),
        "index_fill": lambda x, n: x.index_fill(0, index, n),
        "scatter": lambda x, n: x.scatter(0, index, n),
        "pad": lambda x, n: nn.functional.pad(x, (1, 0), value=n),
        "setitem": lambda x, n: x.__setitem__(0, n),
        "clamp": lambda x, n: x.clamp(min=n),
        "tensor": lambda x, n: corex.tensor([n], dtype=x.dtype),
    }
    for dtype, (_low, high) in INTEGERS.items():
        for place, write in places.items():
            x = corex.zeros(2, dtype=getattr(corex, dtype))
            late = place in ("setitem", "tensor") and high > 2**62
            error = ValueError if late else RuntimeError
            yield (
                f"{place} of {high + 1} in {dtype}",
                lambda w=write, x=x, n=high + 1: w(x, n),
                error,
            )
            if place not in ("where", "clamp"):  # which promote
                for n in (math.nan, math.inf, 1e19):
                    yield (
                        f"{place} of {n} in {dtype}",
                        lambda w=write, x=x, n=n: w(x, n),
                        RuntimeError,
                    )
    x = corex.zeros(2)
    for place, write in places.items():
        if place in ("tensor", "clamp", "pad"):
            continue
        error = ValueError if place == "setitem" else OverflowError
        yield f"{place} of 2**64 in float32", lambda w=write, x=x: w(x, 2**64), error
        yield f"{place} of 1e300 in float32", lambda w=write, x=x: w(x, 1e300), RuntimeError


def _compared() -> Iterator[tuple[str, Callable[[], Any], Any]]:
    import operator

    numbers = (300, -1, 2**31, 2**32, 2**32 + 5, 2**63 - 1, 2**63, 2**64 - 1, -(2**63))
    for dtype in INTEGERS:
        values = [0, 5, 44]
        x = corex.tensor(values, dtype=getattr(corex, dtype))
        strided = corex.stack([x, x], 1)[:, 0]
        for name in ("eq", "ne", "lt", "le", "gt", "ge"):
            compare = getattr(operator, name)
            for n in numbers:
                want = [compare(v, n) for v in values]
                yield f"{dtype} {name} {n}", lambda c=compare, x=x, n=n: c(x, n), want
                yield f"strided {dtype} {name} {n}", lambda c=compare, x=strided, n=n: c(x, n), want
                yield (
                    f"{n} {name} {dtype}",
                    lambda c=compare, x=x, n=n: c(n, x),
                    [compare(n, v) for v in values],
                )


def _converts(source: str, target: str, count: int) -> None:
    given = np.resize(np.array(BEYOND, source), count)
    t = corex.tensor(given).to(getattr(corex, target))
    strided = corex.stack([corex.tensor(given)] * 2, 1)[:, 1].to(getattr(corex, target))
    want = [_held(float(v), target) for v in given]
    assert t.tolist() == want, f"{t.tolist()[:20]} instead of {want[:20]}"
    assert strided.tolist() == want, f"strided: {strided.tolist()[:20]} instead of {want[:20]}"


def _held(value: float, dtype: str) -> int | bool:
    """Towards zero; what does not fit is the most negative number, of uint8 the low byte of it."""
    if dtype == "bool":
        return value != 0
    lowest = -(2**31) if dtype == "int32" else -(2**63)
    whole = math.trunc(value) if lowest <= value < -lowest else lowest
    return whole % 256 if dtype == "uint8" else whole
