"""The cases, by area."""

from __future__ import annotations

from benchmarks.case import Case
from benchmarks.cases import (
    conv,
    elementwise,
    gemm,
    plugins,
    reductions,
    rows,
    startup,
    tiny,
    training,
)

CASES: list[Case | startup.Import | plugins.Plugged] = [
    *tiny.CASES,
    *training.CASES,
    *elementwise.CASES,
    *reductions.CASES,
    *rows.CASES,
    *gemm.CASES,
    *conv.CASES,
    *plugins.CASES,
    *startup.CASES,
]
