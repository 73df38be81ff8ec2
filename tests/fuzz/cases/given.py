"""What the cases are made of: a source of choices, and tensors of all dtypes and layouts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from math import prod
from typing import Any, TypeVar

import numpy as np

Option = TypeVar("Option")
Shape = tuple[int, ...]

FLOATS = ("float32", "float64", "float16", "bfloat16")
INTEGERS = ("int64", "int32", "uint8", "int8", "int16")
COMPLEX = ("complex64", "complex128")
DTYPES = ("float32", "int64", "bool", *FLOATS[1:], *INTEGERS[1:], *COMPLEX)
"""Those in which PyTorch has its ops; the wider unsigned ones it refuses nearly everywhere."""


class Source:
    """Choices, all made of numbers below a bound; the smaller they are, the simpler the case.

    Args:
        below: a number from 0 to its argument, exclusive.
    """

    def __init__(self, below: Callable[[int], int]) -> None:
        self.below = below
        self.mistaken = False

    def pick(self, options: Sequence[Option]) -> Option:
        """One of the options, of which the first is the simplest."""
        return options[self.below(len(options))]

    def between(self, low: int, high: int) -> int:
        """A number from low to high, inclusive."""
        return low + self.below(high - low + 1)

    def chance(self, percent: int) -> bool:
        """True in so many of a hundred cases."""
        return self.below(100) >= 100 - percent

    def mistake(self, percent: int) -> bool:
        """As `chance`, but once in a case: which of two mistakes is found first is nobody's
        business."""
        if not self.mistaken and self.chance(percent):
            self.mistaken = True
            return True
        return False

    def shape(self, most: int = 3, sizes: Sequence[int] = (2, 3, 1, 4, 0)) -> Shape:
        """Sizes of up to `most` dims; 0 is rare."""
        found = [self.pick(sizes) for _ in range(self.below(most + 1))]
        return tuple([size or self.pick((1, 2, 0)) for size in found])

    def order(self, count: int) -> list[int]:
        """A permutation of the numbers below `count`."""
        rest = list(range(count))
        return [rest.pop(self.below(len(rest))) for _ in range(count)]


# ---- elements --------------------------------------------------------------------------------
_STEPS = np.random.default_rng(1).integers(-6, 7, 1024)
_APART = np.random.default_rng(2).permutation(2048).astype(np.float64) / 512 - 2 + 1 / 1024
_SPECIAL = np.array([np.nan, np.inf, -np.inf, -0.0, 0.0, 1.0, -1.0, 2.5, np.nan, 0.5])
_PARTS = {"complex64": np.float32, "complex128": np.float64}


@lru_cache(maxsize=8192)
def _elements(count: int, dtype: str, seed: int, kind: str) -> Any:
    """Elements in a row: `plain` ones are few halves, so that there are ties and sums are exact;
    those of `apart` all differ; `special` has infinities and NaN among plain ones."""
    at = (np.arange(count) + seed * 37) % 997
    if dtype in _PARTS:
        kind = "plain" if kind == "special" else kind  # of infinite ones only parts are defined
        parts = [_elements(count, "float64", seed + k, kind) for k in (0, 5)]
        return (parts[0] + 1j * parts[1]).astype(dtype)
    if dtype == "bool":
        return _STEPS[at] % 2 == 0
    if dtype in FLOATS:
        values = _APART[at] if kind == "apart" else _STEPS[at] / 2
        if kind == "special":
            values = np.where(_STEPS[at + 9] > 2, _SPECIAL[at % 10], values)
        return values.astype("float32" if dtype == "bfloat16" else dtype)
    values = np.abs(_STEPS[at]) if dtype.startswith("u") else _STEPS[at]
    return values.astype(dtype)


def _row_major(shape: Shape) -> list[int]:
    strides, step = [], 1
    for size in reversed(shape):
        strides.append(step)
        step *= max(size, 1)
    return strides[::-1]


def _placed(shape: Shape, layout: str) -> tuple[list[int], int, int]:
    """Strides, offset and size of the memory of a layout."""
    if layout == "turned":  # the memory of the transpose
        strides = _row_major(shape[::-1])[::-1]
        return strides, 0, prod(shape)
    if layout == "rolled":  # the first dim is the innermost, as channels that come last
        strides = _row_major((*shape[1:], *shape[:1]))
        return strides[-1:] + strides[:-1], 0, prod(shape)
    if layout == "gaps":
        return [2 * step for step in _row_major(shape)], 1, 2 * prod(shape) + 1
    strides = _row_major(shape)
    if layout == "offset":
        return strides, 3, prod(shape) + 3
    for d, size in enumerate(shape):  # `repeated`: dims of stride 0
        if size > 1:
            strides[d] = 0
            break
    return strides, 0, prod(shape)


LAYOUTS = ("dense", "dense", "turned", "gaps", "offset", "rolled", "conjugated")
"""Those that can be written to."""
ALL_LAYOUTS = (*LAYOUTS, "repeated")


def _turned(t: Any) -> Any:
    """What shows conjugates of its memory, or negatives if it is of floats; others as they are."""
    if t.dtype.is_complex:
        return t.conj()
    return t._neg_view() if t.dtype.is_floating_point else t


def maker(lib: Any) -> Callable[..., Any]:
    """What makes tensors of one library."""

    def new(
        shape: Shape,
        dtype: str = "float64",
        seed: int = 0,
        layout: str = "dense",
        kind: str = "plain",
        grad: bool = False,
    ) -> Any:
        """A tensor, in both libraries with the same elements and strides."""
        dense = layout in ("dense", "conjugated") or not shape
        strides, offset, room = ([], 0, prod(shape)) if dense else _placed(shape, layout)
        flat = _elements(room, dtype, seed, kind).copy()
        if dense and room:
            made = lib.from_numpy(flat.reshape(shape))
        elif dense:
            made = lib.empty(shape, dtype=getattr(lib, dtype))
        else:
            made = lib.from_numpy(flat)
        if dtype == "bfloat16":
            made = made.to(lib.bfloat16)
        if not dense:
            made = made.as_strided(shape, strides, offset)
        if layout == "conjugated":
            made = _turned(made)
        return made.requires_grad_() if grad else made

    return new


def text_of(
    source: Source,
    shape: Shape,
    dtype: str,
    layouts: Sequence[str] = ALL_LAYOUTS,
    kind: str = "plain",
    grad: bool = False,
) -> str:
    """The text that makes a tensor."""
    seed, layout = source.below(25), source.pick(layouts)
    parts = [str(shape), repr(dtype), str(seed)]
    parts += [f"layout={layout!r}"] if layout != "dense" else []
    parts += [f"kind={kind!r}"] if kind != "plain" else []
    parts += ["grad=True"] if grad else []
    return f"new({', '.join(parts)})"
