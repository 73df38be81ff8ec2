"""Mode `support`: what a backend says it can do, for each op and dtype. No kernel runs."""

from __future__ import annotations

from collections.abc import Iterator

from corex import dtypes
from corex.plugins.manager import manager
from corex.testing import decomposed, kernel
from corex.testing.call import Call
from corex.testing.case import Case
from corex.testing.result import MISSING, PASSED, RAISED, UNSUPPORTED, Result
from corex.testing.spec import Fields, Spec, arguments
from corex.testing.verdict import Verdict


def fields(spec: Spec) -> Iterator[Fields]:
    """One case per dtype that the op takes."""
    seen = {row["dtype"] for row in spec.fields()}
    return ({"dtype": dtype.name} for dtype in dtypes.ALL if dtype.name in seen)


def run(name: str, device: int, spec: Spec, case: Case) -> Result:
    """Asks the predicates about every layout among the op's test cases."""
    dtype = case.fields["dtype"]
    backend = manager.backend(name)
    if dtype not in {d.name for d in backend.dtypes(device)}:
        return Result(case.id, case.op, spec.tier, UNSUPPORTED,
                      message=f"the device holds no {dtype} tensors")  # fmt: skip
    taken: dict[str, bool] = {}
    way = "native"
    for layout, row in _one_per_layout(spec, dtype).items():
        given = arguments(spec, Case("test", case.op, row))
        try:
            _, way = kernel.choose(name, spec, Call(backend, device, given))
        except Verdict as end:
            if end.status == RAISED:
                return Result(case.id, case.op, spec.tier, RAISED, end.check, end.message)
            taken[layout] = False
        else:
            taken[layout] = True
    return _judged(name, spec, case, taken, way)


def _one_per_layout(spec: Spec, dtype: str) -> dict[str, Fields]:
    found: dict[str, Fields] = {}
    for row in spec.fields():
        if row["dtype"] == dtype and "call" not in row:
            found.setdefault(row.get("layout", "dense"), row)
    return found


def _judged(name: str, spec: Spec, case: Case, taken: dict[str, bool], way: str) -> Result:
    """`way`: in which a kernel computes where there is one; it is the same for every layout."""
    declined = [layout for layout, yes in taken.items() if not yes]
    measures = {"layouts": {layout: int(yes) for layout, yes in taken.items()}}
    if not declined:
        return Result(case.id, case.op, spec.tier, PASSED, how=way, measures=measures)
    dtype = dtypes.by_name(case.fields["dtype"])
    composed = decomposed.composed(case.op, dtype.name)
    composed = composed and case.op not in manager.backend(name).prefer_host
    wider = dtype.compute is not None
    how = "upcast" if wider else "decomposed" if composed else "fallback"
    some = len(declined) < len(taken)
    message = f"declines the layouts {', '.join(declined)}" if some else "no kernel"
    asked_for = spec.tier == 1 and not wider and not dtype.is_complex
    status = MISSING if asked_for else PASSED if some else UNSUPPORTED
    return Result(case.id, case.op, spec.tier, status, message=message,
                  how=way if some else how, measures=measures)  # fmt: skip
