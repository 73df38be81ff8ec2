"""Reductions: of everything, along rows, along columns, of many short rows."""

from __future__ import annotations

from typing import Any

from benchmarks.case import SAME, Case, Names, floats


def million(lib: Any) -> Names:
    """A million positive numbers (a sum of them is not small), as vector, matrix and short rows."""
    a = lib.tensor(floats(10**6, low=0.5, high=1.5))
    return {"a": a, "m": a.reshape(1000, 1000), "short": a.reshape(100_000, 10)}


CASES = [
    Case("reductions/sum_1e6", million, "a.sum()", numpy=SAME),
    Case("reductions/mean_1e6", million, "a.mean()", numpy=SAME),
    Case("reductions/max_1e6", million, "a.max()", numpy=SAME),
    Case("reductions/argmax_1e6", million, "a.argmax()", numpy=SAME),
    Case("reductions/var_1e6", million, "a.var()", numpy="a.var(ddof=1)"),
    Case("reductions/norm_1e6", million, "a.norm()", numpy="lib.linalg.norm(a)"),
    Case("reductions/all_1e6", million, "(a > 0).all()", numpy=SAME),
    Case("reductions/cumsum_1e6", million, "a.cumsum(0)", numpy=SAME),
    Case("reductions/sum_rows", million, "m.sum(1)", numpy=SAME),
    Case("reductions/sum_columns", million, "m.sum(0)", numpy=SAME),
    Case("reductions/argmax_rows", million, "m.argmax(1)", numpy=SAME),
    Case("reductions/sum_rows_of_10", million, "short.sum(1)", numpy=SAME),
    Case("reductions/max_rows_of_10", million, "short.amax(1)", numpy="short.max(1)"),
    Case("reductions/sort_1e6", million, "lib.sort(a)[0]", numpy="lib.sort(a)"),
]
