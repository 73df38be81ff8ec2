"""Made-up runs that look like real ones, for the tests of the reports."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator

from corex.testing.case import Case
from corex.testing.report.contract import Op, ops
from corex.testing.result import Result, Run

LAYOUTS = ("dense", "offset", "transposed", "stepped", "negative", "broadcast")
SHAPES = {
    1: ([(3, 5)], [(64,)], [()], [(0, 4)]),
    2: ([(3, 5), (3, 5)], [(64,), (1,)], [(), ()], [(0, 4), (4,)]),
}
ABOUT = {
    "date": "2026-01-02 03:04 UTC",
    "corex": "0.1.0",
    "python": "3.11.7",
    "numpy": "2.4.6",
    "processor": "a processor with 8 cores",
    "dtypes": "bool uint8 int32 int64 float32 float64",
    "required tier": "1",
}
MISMATCH = """out[1, 2] is 0.30000001192092896, must be 0.3 (3 ulp allowed, 9 found)
2 of 15 elements differ; the first ones:
  position   found                expected
  (1, 2)     0.30000001192092896  0.3
  (2, 4)     nan                  inf"""
HOSTILE = (
    "</script></style></pre><b onclick=alert(1)>&amp;\"'`|\n<!-- \x1b[31m\u202e ]]> https://x.test"
)

FATES = {
    ("cumsum", "transposed"): ("failed", "values", MISMATCH),
    ("pow", "offset"): ("raised", "honesty", "TypeError: pow() takes 3 arguments (4 given)"),
    ("erf", "dense"): ("missing", "", "no kernel for erf on these dtypes"),
    ("nonzero", "dense"): ("crashed", "", "signal 11 (SIGSEGV)\nFatal Python error: ..."),
    ("matmul", "offset"): ("timeout", "", "more than 10 s"),
    ("where", "offset"): ("invalid", "", "no such case: where(): the op 'where' needs dtype=..."),
    ("softmax", "transposed"): ("unsupported", "", "`accepts` declines this layout"),
}


@functools.cache
def run(full: bool = True, trouble: bool = True, backend: str = "toy") -> Run:
    """A run of all modes; `full` for as many cases as a real one, `trouble` for every status."""
    results = [*_memory(), *_kernels(full, trouble), *_others(full)]
    cumsum = [r for r in results if r.op == "cumsum" and r.status == "failed"]
    return Run(
        backend=backend,
        device=f"{backend}:0",
        about=ABOUT,
        results=results,
        expected={r.id: "the driver rounds towards zero, issue 12" for r in cumsum[:1]},
        stale=["add(dtype=float64,shapes=[(3,5),(3,5)],layout=stepped)"] if trouble else [],
    )


def small(trouble: bool = True) -> Run:
    """A run of a few hundred cases."""
    return run(full=False, trouble=trouble)


def hostile() -> Run:
    """A run whose texts try to break out of the page they stand in."""
    bad = Result(
        id=f"add(dtype='{HOSTILE}')", op=f"add{HOSTILE}", tier=1, status="failed",
        check=f"values{HOSTILE}", message=HOSTILE * 2, seconds=math.inf, how=HOSTILE,
        measures={HOSTILE: HOSTILE, "ratio": math.nan},
    )  # fmt: skip
    strange = bad._replace(id="\udcff no id at all", status="crashed", message="\udcff\0")
    quiet = bad._replace(status="unsupported", id=HOSTILE)
    return Run(
        backend=HOSTILE,
        device=HOSTILE,
        about={HOSTILE: HOSTILE},
        results=[bad, strange, quiet, bad._replace(id="add()")],
        expected={"add()": HOSTILE},
        stale=[HOSTILE],
    )


def _memory() -> Iterator[Result]:
    for name in ("allocate", "roundtrip", "offsets", "free"):
        for nbytes in (0, 1, 4096):
            case = Case("test", name, {"nbytes": nbytes})
            yield Result(case.id, "memory", 0, "passed", seconds=0.0002)


def _kernels(full: bool, trouble: bool) -> Iterator[Result]:
    for op in ops():
        for case in _cases(op, full):
            layout = case.fields["layout"]
            status, check, message = FATES.get((op.name, layout), ("passed", "", ""))
            if op.tier == 2 and op.family in ("conv", "optim"):
                status, check, message = "unsupported", "", f"no kernel for {op.name}"
            if not trouble and status != "unsupported":
                status, check, message = "passed", "", ""
            how = "native" if status == "passed" else ""
            yield Result(case.id, op.name, op.tier, status, check, message, _time(case), how)


def _cases(op: Op, full: bool) -> Iterator[Case]:
    shapes = SHAPES[2 if len(op.inputs) > 1 else 1]
    for dtype in op.names:
        for shape in shapes if full else shapes[:1]:
            for layout in LAYOUTS if full else LAYOUTS[:3]:
                for sharing in ("unique", "inplace") if full else ("unique",):
                    fields = {"dtype": dtype, "shapes": shape, "layout": layout}
                    if sharing != "unique":
                        fields["sharing"] = sharing
                    yield Case("test", op.name, fields)


def _others(full: bool) -> Iterator[Result]:
    for op in ops():
        if not op.inputs:
            continue
        fields = {"dtype": "float32", "shapes": [(3, 5)]}
        ways = {True: "decomposed", False: "fallback"}
        how = ways[op.composed] if op.family in ("conv", "optim") else "native"
        for mode in ("grad", "support"):
            case = Case(mode, op.name, fields)
            yield Result(case.id, op.name, op.tier, "passed", "", "", 0.002, how)
        if full or op.name == "add":
            case = Case("perf", op.name, {"dtype": "float32", "shapes": [(1000, 1000)]})
            seconds = _time(case) * 3
            measures = {"seconds": seconds, "gbps": 8e-3 / seconds, "ratio": 0.7 + seconds}
            yield Result(case.id, op.name, op.tier, "passed", "", "", 1.1, "native", measures)


def _time(case: Case) -> float:
    return 1e-4 + float(case.rng().exponential(3e-4))
