"""An output against the oracle: integers and bools exactly, floats within a tolerance."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

from corex.testing.arrays import Array, Expected

SHOWN: Final = 5


class Mismatch(NamedTuple):
    """A fault in an output, for a `Result`."""

    check: str
    message: str


def compare(got: Array, expected: Expected, name: str = "out") -> Mismatch | None:
    """None if `got` is right; else what is wrong, with the first elements that are.

    NaN and infinities are compared by kind and sign; finite floats may differ by the tolerance.
    """
    wanted = expected.values
    with np.errstate(all="ignore"):
        if got.dtype.kind != "f":
            bound = np.zeros(wanted.shape)
            bad = got != wanted.astype(got.dtype)
            special = np.zeros(wanted.shape, bool)
        else:
            bound = tolerance(got.dtype, expected)
            rounded = wanted.astype(got.dtype)
            special = ~np.isfinite(rounded)
            near = np.abs(got.astype(np.float64) - wanted.astype(np.float64)) <= bound
            same = (got == rounded) | (np.isnan(got) & np.isnan(rounded))
            bad = ~np.where(special, same, near)
    if not bad.any():
        return None
    only_special = (
        bool((special | ~np.isfinite(got))[bad].all()) if got.dtype.kind == "f" else False
    )
    check = "special" if only_special else "values"
    return Mismatch(check, _describe(got, wanted, bound, bad, name))


def tolerance(dtype: np.dtype[Any], expected: Expected) -> Array:
    """How far each element may be off."""
    info = np.finfo(dtype)
    bound = expected.ulps * float(info.eps) * expected.scale + 4 * float(info.smallest_subnormal)
    return np.broadcast_to(bound, expected.values.shape)


def _describe(got: Array, wanted: Array, bound: Array, bad: Array, name: str) -> str:
    places = np.argwhere(bad)
    lines = [f"{len(places)} of {bad.size} elements of `{name}` are wrong:"]
    for place in places[:SHOWN]:
        at = tuple(place.tolist())
        allowed = f", tolerance {bound[at]:.3g}" if got.dtype.kind == "f" else ""
        lines.append(f"  at {at}: got {got[at].item()!r}, expected {wanted[at].item()!r}{allowed}")
    if len(places) > SHOWN:
        lines.append(f"  and {len(places) - SHOWN} more")
    return "\n".join(lines)
