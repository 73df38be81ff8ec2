"""How far an answer may be from PyTorch's, where, and why.

Elements that are not compared are those at which PyTorch's own answer is no better than noise, or
plainly wrong; ours are then right or at least finite. Everything else must agree.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.special_points.points import Array, make

RELATIVE = {"float32": 1e-5, "float64": 1e-10}

# (line, which part, absolute tolerance in units of the dtype's precision or relative one, why)
NOISE: list[tuple[str, str, float, float, str]] = [
    (r"gelu", "values first second", 32, 0, "PyTorch's rational erf and tanh lose the far tail"),
    (r"hardsigmoid", "first", 0, 1e-7, "PyTorch rounds 1/6 to float32"),
    (r"F\.binary_cross_entropy\(", "first", 0, 1e-7, "PyTorch rounds 1e-12 to float32"),
    (r"softmax|log_softmax|cross_entropy", "first second", 4, 1e-4, "1 - p next to 1"),
    (r"(elu|celu)\(.*inplace", "first second", 4, 0, "PyTorch goes by the output, which cancels"),
    (r"logaddexp2", "values", 1, 0, "a logarithm next to 1"),
    (r"batch_norm|group_norm|layer_norm", "values first second", 1024, 1e-3, "differences cancel"),
    (r"F\.batch_norm\(c", "values", 1, 0, "products in another order"),
    (r"(var|std)_mean", "values", 1, 0, "sums in another order"),
    (r"sigmoid\(a", "first", 1, 0, "1 - p next to 1"),
    (r"cosine_similarity", "values", 1, 0, "terms that cancel"),
    (r"cosine_similarity|norm\(|std\(", "first second", 8, 0, "terms that cancel"),
    (r"glu\(", "values first second", 1, 0, "PyTorch's sigmoid is 0 where ours is 1e-308"),
    (r"(poly|di)gamma\((1,)?a", "values first", 32, 1e-8, "PyTorch's trigamma is right to 5e-10"),
    (r"igammac?\(", "values first", 16, 2e-9, "PyTorch's expansion for large a is right to 4e-10"),
    (r"^logcumsumexp", "first", 0, 1e-4, "PyTorch's terms are logarithms, with their rounding"),
    (r"^logcumsumexp", "second", 1000, 0, "PyTorch's terms are logarithms that cancel"),
    (r"", "second", 100, 1e-3, "formulas of other shapes round differently"),
]

# Lines whose second derivative has another convention at a kink, or differs in what is 0 * inf.
NO_SECOND = re.compile(
    r"F\.prelu|F\.binary_cross_entropy\(|soft_margin|softplus|^sinc|float_power\(p|^hypot|0\.5\)?$"
)


def _overflows(p: Array, q: Array) -> Array:
    most = np.finfo(p.dtype).max
    with np.errstate(all="ignore"):
        return np.asarray(np.isfinite(p) & np.isfinite(q) & (np.abs(p) > np.abs(q) * most / 4))


def _tiny_or_huge(p: Array, q: Array) -> Array:
    info = np.finfo(p.dtype)
    size = np.maximum(np.abs(p), np.abs(q))
    huge = [np.isfinite(x) & (np.abs(x) > info.max / 2) for x in (p, q)]
    return np.asarray(((size > 0) & (size < info.tiny)) | huge[0] | huge[1])


def _sum_overflows(p: Array, q: Array) -> Array:
    most = np.finfo(p.dtype).max
    return np.asarray((np.abs(p) >= 1e20) | (np.abs(q) == most))


def _next_to_zero_or_huge(a: Array) -> Array:
    return np.asarray((a != 0) & (np.abs(a) < 1e-7) | (np.abs(a) >= 1e20))


def _product_saturates(p: Array, q: Array) -> Array:
    return np.asarray(np.abs(p * q) > 88)


def _before_pole(a: Array) -> Array:
    return np.asarray((a != -1) & (np.abs(a + 1) < 1e-6))


def _subnormal(a: Array) -> Array:
    return np.asarray((a != 0) & (np.abs(a[:46]) < np.finfo(a.dtype).tiny))


def _smallest_or_largest(p: Array, q: Array) -> Array:
    info = np.finfo(p.dtype)
    return np.asarray((p == info.smallest_subnormal) | (p == info.max))


def _overflowing_rows(r: Array) -> Array:
    most = np.finfo(r.dtype).max
    beyond = np.isinf(r) if r.dtype == np.float32 else np.isinf(r) | (np.abs(r) == most)
    return np.asarray(beyond.any(1))


def _infinite_product(r: Array) -> Array:
    beyond = np.isinf(r).any(1, keepdims=True) | np.isinf(np.abs(r).prod(1, keepdims=True))
    return beyond | np.zeros(r.shape, bool)


# (line, part, inputs, where the elements are not compared, why)
ELSEWHERE: list[tuple[str, str, str, Callable[..., Any], str]] = [
    (r"^(remainder|fmod)\(p,q\)", "values", "p q", _overflows, "exact; NaN where p / q overflows"),
    (r"^remainder\(2\.5,a\)", "values", "a", lambda a: np.abs(a) < 1e-300, "exact, as above"),
    (r"^hypot\(p,q\)", "first", "p q", _tiny_or_huge, "PyTorch's product overflows or vanishes"),
    (r"^hypot\(a,a\)", "first", "a a", _tiny_or_huge, "PyTorch's product overflows or vanishes"),
    (r"^sinc", "first", "a", _next_to_zero_or_huge, "PyTorch's quotient cancels or overflows"),
    (r"^(lerp|addcmul)\(p,q,[pq]", "values", "p q", _sum_overflows, "PyTorch rounds once (fma)"),
    (r"^F\.gelu\(a\)", "values", "a", np.isposinf, "infinity; PyTorch's float32 kernel gives NaN"),
    (r"soft_margin_loss\(p", "first", "p q", _product_saturates, "PyTorch's exponential overflows"),
    (r"^digamma", "values", "a", _before_pole, "PyTorch's tangent is of a rounded number"),
    (r"^lgamma", "first", "a", _before_pole, "digamma, as above"),
    (r"^igamma\(A", "values", "A", _subnormal, "1; PyTorch's factor vanishes"),
    (r"^igammac?\(P", "values", "p q", _smallest_or_largest, "1, or 0; PyTorch's factor vanishes"),
    (r"^cumprod\(r", "first", "r", _infinite_product, "PyTorch divides the whole by the factor"),
    (r"^(var|std)(_mean)?\(r", "values", "r", _overflowing_rows, "PyTorch's mean is NaN"),
    (r"^(var|std)(_mean)?\(f,", "values", "f", _overflowing_rows, "PyTorch's mean is NaN"),
]


def allowance(line: str, part: str, dtype: str) -> tuple[float, float]:
    """Relative and absolute tolerance."""
    relative, absolute = RELATIVE[dtype], float(np.finfo(dtype).tiny)
    for pattern, parts, units, rtol, _ in NOISE:
        if part in parts.split() and re.search(pattern, line):
            relative = max(relative, rtol)
            absolute = max(absolute, units * float(np.finfo(dtype).eps))
    return relative, absolute


def skipped(line: str, part: str, dtype: str, shape: tuple[int, ...]) -> Array:
    """Where elements are not compared."""
    for pattern, of, names, where, _ in ELSEWHERE:
        if of == part and re.search(pattern, line):
            with np.errstate(all="ignore"):
                return np.asarray(where(*[make(name, dtype) for name in names.split()])).reshape(-1)
    return np.zeros(shape, bool)


def difference(line: str, part: str, dtype: str, ours: Any, theirs: Any) -> str:
    """What differs between two flat arrays, or ''."""
    if theirs is None or ours is None:  # no gradient and one of zeros say the same
        other = theirs if ours is None else ours
        return "" if other is None or not np.any(other) else f"{ours} instead of {theirs}"
    if ours.dtype != theirs.dtype or ours.shape != theirs.shape:
        return f"{ours.dtype}{ours.shape} instead of {theirs.dtype}{theirs.shape}"
    relative, absolute = allowance(line, part, dtype)
    skip = skipped(line, part, dtype, theirs.shape)
    a, b = ours.astype("float64"), theirs.astype("float64")
    if part == "second":  # where PyTorch has one
        skip = skip | ~np.isfinite(b)
    with np.errstate(all="ignore"):
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        close = np.abs(a - b) <= relative * np.abs(b) + absolute
    bad = np.flatnonzero(~(same | close | skip))
    shown = [f"[{i}] {a[i]:.8g} instead of {b[i]:.8g}" for i in bad[:4]]
    return f"{len(bad)} of {len(b)}: " + "; ".join(shown) if shown else ""


def compared(line: str, dtype: str, ours: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    """All differences between two outcomes of a line."""
    found = []
    for part, expected in theirs.items():
        if part == "second" and NO_SECOND.search(line):
            continue
        given = ours.get(part, [None] * len(expected))
        for i, (a, b) in enumerate(zip(given, expected, strict=True)):
            if text := difference(line, part, dtype, a, b):
                found.append(f"{line} {dtype} {part} {i}: {text}")
    return found
