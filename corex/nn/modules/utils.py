"""Sizes that are given as one number for all dims, or as one for each."""

from __future__ import annotations

from operator import index
from typing import Any


def sizes(name: str, value: Any, dims: int) -> tuple[int, ...]:
    """`dims` integers.

    Raises:
        TypeError: no integers. ValueError: another number of them.
    """
    if hasattr(value, "__index__"):
        return (index(value),) * dims
    given = tuple([index(size) for size in value])
    if len(given) == 1:
        return given * dims
    if len(given) != dims:
        raise ValueError(f"{name} must be one number or {dims}, got {value!r}")
    return given


def repeated(value: Any, dims: int) -> tuple[Any, ...]:
    """What is given for each dim, or the same for all of them."""
    return tuple(value) if isinstance(value, tuple | list) else (value,) * dims


def _single(x: Any) -> tuple[Any, ...]:
    return repeated(x, 1)


def _pair(x: Any) -> tuple[Any, ...]:
    return repeated(x, 2)


def _triple(x: Any) -> tuple[Any, ...]:
    return repeated(x, 3)


def _quadruple(x: Any) -> tuple[Any, ...]:
    return repeated(x, 4)
