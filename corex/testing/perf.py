"""Mode `perf`: how long an op takes at the sizes of real programs, beside the default CPU backend.

Timed through the frontend, as a program sees it, with the device synchronised at the end of each
batch of calls; medians of several batches.
"""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any, Final

import corex
from corex.dispatch.bind import write
from corex.dispatch.devices import place_of
from corex.errors import FallbackWarning
from corex.ops.nn import optimizer_steps
from corex.plugins.manager import manager
from corex.tensor.place import Place
from corex.tensor.schema import REGISTRY
from corex.testing import apply
from corex.testing.case import Case
from corex.testing.result import PASSED, RAISED, UNSUPPORTED, Result
from corex.testing.spec import CaseError, Spec, made
from corex.testing.verdict import told

BATCHES: Final = 5
BATCH_SECONDS: Final = 0.02
TOO_LONG: Final = 1.0
"""A call that takes longer than this is timed once."""

Timed = tuple[Callable[[], Any], int]
"""A function to time, and the bytes that it must at least move."""


def run(name: str, device: int, spec: Spec, case: Case) -> Result:
    """Times a case on the backend and on the default CPU backend."""
    made(case, spec.parameters, case)
    place = place_of(name, device)
    if case.fields["dtype"] not in {d.name for d in place.backend.dtypes(device)}:
        return Result(case.id, case.op, spec.tier, UNSUPPORTED,
                      message=f"the device holds no {case.fields['dtype']} tensors")  # fmt: skip
    try:
        with warnings.catch_warnings(), corex.no_grad():
            warnings.simplefilter("ignore", FallbackWarning)
            how, measures = _measure(place, spec, case)
    except CaseError:
        raise
    except Exception as error:
        return Result(case.id, case.op, spec.tier, RAISED, "honesty", told(error))
    return Result(case.id, case.op, spec.tier, PASSED, how=how, measures=measures)


def _measure(place: Place, spec: Spec, case: Case) -> tuple[str, dict[str, Any]]:
    function, nbytes = prepare(place, spec, case)
    with corex.placement() as report:
        function()
    how = min(report.how(case.op) or {"native"})
    seconds = median(function, place)
    measures: dict[str, Any] = {"seconds": seconds, "gbps": nbytes / seconds / 1e9}
    flops = _flops(case)
    if flops:
        measures["gflops"] = flops / seconds / 1e9
    host = manager.backend_for_device_type("cpu")
    if host != place.name:
        beside = place_of(host)
        reference = median(prepare(beside, spec, case)[0], beside)
        measures |= {f"{host} seconds": reference, f"times {host}": seconds / reference}
    return how, measures


def median(function: Callable[[], Any], place: Place) -> float:
    """The median over batches of the seconds of one call."""
    start = time.perf_counter()
    function()
    place.backend.synchronize(place.index)
    once = time.perf_counter() - start
    if once > TOO_LONG:
        return once
    count = max(1, int(BATCH_SECONDS / max(once, 1e-7)))
    found = []
    for _ in range(BATCHES):
        start = time.perf_counter()
        for _ in range(count):
            function()
        place.backend.synchronize(place.index)
        found.append((time.perf_counter() - start) / count)
    return statistics.median(found)


def prepare(place: Place, spec: Spec, case: Case) -> Timed:
    """The op on tensors of a place, ready to be called again and again."""
    if spec.build is not None:
        return _prepare_step(place, spec, case)
    ins = [_laid_out(t, case) for t in apply.tensors(place, made(case, spec.inputs, case))]
    if spec.initial is not None:
        (before,) = apply.tensors(place, [spec.initial(case)])
        ins.insert(0, before)
    schema = REGISTRY.get(case.op)
    if schema is None or schema.family == "random":
        return _prepare_plain(place, spec, case, ins)
    outs = apply.outputs(spec, case, ins)
    nbytes = sum(t.nbytes for t in (*ins, *outs) if t is not None)
    return (lambda: apply.outputs(spec, case, ins)), nbytes


def _laid_out(t: corex.Tensor | None, case: Case) -> corex.Tensor | None:
    if t is None or case.fields.get("layout") != "transposed":
        return t
    order = tuple(range(t.ndim))[::-1]
    return t.permute(order).contiguous().permute(order)


def _prepare_plain(place: Place, spec: Spec, case: Case, ins: list[Any]) -> Timed:
    """A kernel without a public function of its own: it writes a tensor that is there."""
    dtype = getattr(corex, case.fields["dtype"])
    shape = case.fields["shapes"][0]
    out = corex.empty(shape, dtype=dtype, device=place.device, backend=place.name)
    params = tuple(spec.parameters(case))
    nbytes = out.nbytes + sum(t.nbytes for t in ins)
    return (lambda: write(case.op, [out], ins, params)), nbytes


def _prepare_step(place: Place, spec: Spec, case: Case) -> Timed:
    """An optimizer step on parameters of the case's shapes."""
    names = REGISTRY[case.op].inputs
    rng = case.rng()
    lists: list[list[Any]] = []
    for _ in names:
        arrays = [rng.random(s).astype(case.fields["dtype"]) for s in case.fields["shapes"]]
        lists.append(apply.tensors(place, list(arrays)))
    options = {name: case.fields[name] for name in REGISTRY[case.op].params}
    step = getattr(optimizer_steps, f"{case.op}_")
    nbytes = sum(t.nbytes for tensors in lists for t in tensors)
    return (lambda: step(*lists, **options)), nbytes


def _flops(case: Case) -> float:
    """Multiplications and additions, where they are what counts."""
    shapes = case.fields["shapes"]
    if case.op == "matmul":
        (batch, m, k), (_, _, n) = shapes
        return float(2 * batch * m * k * n)
    if case.op == "linear":
        (m, k), (n, _) = shapes[:2]
        return float(2 * m * k * n)
    if case.op == "conv2d":
        (n, c, h, w), (features, _, kh, kw) = shapes[:2]
        return float(2 * n * h * w * features * c * kh * kw / case.fields["groups"])
    return 0.0
