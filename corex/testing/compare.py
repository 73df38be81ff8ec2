"""An output against the oracle: integers and bools exactly, floats within a tolerance.

Complex numbers are compared as points of the plane, |got - wanted| <= ulps eps |wanted|, and not
part by part: so it is that rounding errors of complex arithmetic are bounded, by sqrt(2) gamma(2)
of a product and sqrt(2) gamma(4) of a quotient (Higham, *Accuracy and Stability of Numerical
Algorithms*, 2nd ed., 3.6), while a part that cancels may have no right digit. Where a part is
infinite or NaN there is no distance, and each part is compared as a float.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np

from corex import dtypes
from corex.testing.arrays import Array, Expected, is_complex, is_inexact, sizes, smallest_subnormal
from corex.testing.flushing import smallest

SHOWN: Final = 5


class Mismatch(NamedTuple):
    """A fault in an output, for a `Result`."""

    check: str
    message: str


Shower = Callable[[tuple[int, ...]], str]
"""What the inputs were for an element of the output, in words."""


def compare(
    got: Array,
    expected: Expected,
    name: str = "out",
    shown: Shower = lambda at: "",
    flushed: Expected | None = None,
) -> list[Mismatch]:
    """What is wrong with `got`, by check, with the first elements that are.

    NaN and infinities are compared by kind and sign; finite floats may differ by the tolerance. An
    element may also be what is `flushed`, and zero in place of a subnormal number.
    """
    wanted = expected.values
    with np.errstate(all="ignore"):
        bad, bound = _wrong(got, expected)
        if flushed is not None:
            small = smallest(str(got.dtype)) if is_inexact(got) else 0.0
            bad &= _wrong(got, flushed, small)[0] & _wrong(got, expected, small)[0]
    special = bad & _special(got, wanted)
    return [
        Mismatch(check, _describe(got, wanted, bound, wrong, name, shown))
        for check, wrong in (("values", bad & ~special), ("special", special))
        if wrong.any()
    ]


def _wrong(got: Array, expected: Expected, more: float = 0.0) -> tuple[Array, Array]:
    """Which elements are not as expected, and how far each may be off; `more` comes on top."""
    wanted = expected.values
    if not is_inexact(got):
        return got != wanted.astype(got.dtype), np.zeros(wanted.shape)
    bound = tolerance(got.dtype, expected) + more
    rounded = wanted.astype(got.dtype)
    wide = np.complex128 if is_complex(got) else np.float64
    near = np.abs(got.astype(wide) - wanted.astype(wide)) <= bound
    same = _same_parts(got, rounded, expected) if is_complex(got) else _same(got, rounded)
    return ~np.where(np.isfinite(rounded), near, same), bound


def _same(got: Array, rounded: Array) -> Array:
    return np.asarray((got == rounded) | (np.isnan(got) & np.isnan(rounded)))


def _same_parts(got: Array, rounded: Array, expected: Expected) -> Array:
    """Whether complex numbers of which a part is infinite or NaN are alike, part by part."""
    scale = expected.scale if is_complex(expected.scale) else sizes(rounded)
    unit = expected.ulps * np.finfo(got.real.dtype).eps
    found = np.ones(got.shape, bool)
    parts = (
        (got.real, rounded.real, scale.real, rounded.imag),
        (got.imag, rounded.imag, scale.imag, rounded.real),
    )
    for one, other, size, beside in parts:
        near = (one == other) | (np.abs(one - other) <= unit * size)
        right = np.where(np.isfinite(other), near, _same(one, other))
        if not expected.signed:
            right |= np.isinf(one) & np.isinf(other) & np.isnan(beside)
        found &= right
    return found


def _special(got: Array, wanted: Array) -> Array:
    """Which elements are, or must be, NaN or an infinity."""
    if not is_inexact(got):
        return np.zeros(wanted.shape, bool)
    with np.errstate(all="ignore"):
        return np.asarray(~np.isfinite(wanted.astype(got.dtype)) | ~np.isfinite(got))


def tolerance(dtype: np.dtype[Any], expected: Expected) -> Array:
    """How far each element may be off."""
    eps = dtypes.finfo(dtypes.by_name(str(dtype))).eps
    # Among subnormal numbers an ulp is the smallest of them.
    subnormal = max(4.0, expected.ulps) * smallest_subnormal(str(dtype))
    scale = expected.scale
    if is_complex(scale):
        scale = np.maximum(scale.real, scale.imag)
    bound = expected.ulps * eps * scale + subnormal
    return np.broadcast_to(bound, expected.values.shape)


def _describe(got: Array, wanted: Array, bound: Array, bad: Array, name: str, shown: Shower) -> str:
    places = np.argwhere(bad)
    lines = [f"{len(places)} of {bad.size} elements of `{name}` are wrong:"]
    for place in places[:SHOWN]:
        at = tuple(place.tolist())
        allowed = f", tolerance {bound[at]:.3g}" if is_inexact(got) else ""
        lines.append(f"  at {at}: got {got[at].item()!r}, expected {wanted[at].item()!r}{allowed}"
                     f"{shown(at)}")  # fmt: skip
    if len(places) > SHOWN:
        lines.append(f"  and {len(places) - SHOWN} more")
    return "\n".join(lines)
