"""Mode `grad`: an op through the frontend, its result, its gradient and the gradient of that.

The oracle of the gradient is a central difference of the NumPy formula in float64, so neither the
derivative in the op's declaration nor any kernel vouches for itself. By a complex number z = x + iy
the gradient of a real loss L is dL/dx + i dL/dy, as in PyTorch: a difference along each axis. For
outputs out and weights w the loss is Re(sum(conj(w) out)), whose gradient by out is w.

The second order is that of the gradient along a direction v, which is a difference of L along v;
its gradient is a difference of differences, again of the formula alone.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import numpy as np

import corex
from corex import dtypes
from corex.dispatch.devices import place_of
from corex.dispatch.resolve import computes
from corex.errors import FallbackWarning
from corex.observe.placement import Report
from corex.plugins.manager import manager
from corex.tensor.place import Place
from corex.tensor.schema import REGISTRY
from corex.testing import apply
from corex.testing.arrays import COMPLEX, TWICE, Array, Expected, exact, joined
from corex.testing.case import Case
from corex.testing.compare import compare
from corex.testing.diagnose import told as told_of
from corex.testing.result import FAILED, PASSED, RAISED, UNSUPPORTED, Result
from corex.testing.spec import CaseError, Spec, made
from corex.testing.verdict import Findings, Verdict, told

STEP: Final = 1e-5
TOLERANCE: Final = {
    dtype.name: max(1e-6, 6 * math.sqrt(dtypes.finfo(dtype).eps)) for dtype in dtypes.of_kinds("fc")
}
"""Of a gradient's element, relative to one plus its size."""
SECOND_STEP: Final = 2e-4
SECOND_TOLERANCE: Final = 2e-5
"""Differences of differences are known to eps / step^2 (1e-8 here) and step^2."""


def run(name: str, device: int, spec: Spec, case: Case) -> Result:
    """Runs a grad case."""
    how = ""
    made(case, spec.parameters, case)
    try:
        place = place_of(name, device)
        if case.fields["dtype"] not in {d.name for d in place.backend.dtypes(device)}:
            raise Verdict(
                UNSUPPORTED, message=f"the device holds no {case.fields['dtype']} tensors"
            )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FallbackWarning)
            how = _run(place, spec, case)
    except Verdict as end:
        return Result(
            case.id, case.op, spec.tier, end.status, end.check, end.message, how=how, also=end.also
        )
    except CaseError:
        raise
    except Exception as error:
        return Result(case.id, case.op, spec.tier, RAISED, "gradient", told(error), how=how)
    return Result(case.id, case.op, spec.tier, PASSED, how=how)


def _run(place: Place, spec: Spec, case: Case) -> str:
    arrays = list(made(case, spec.domain or spec.inputs, case))
    if spec.initial is not None:
        arrays.insert(0, made(case, spec.initial, case))
    wanted = made(case, spec.oracle, case, *[None if a is None else exact(a) for a in arrays])
    given = apply.tensors(place, arrays, leaves=True)
    with corex.placement() as report:
        outs = apply.outputs(spec, case, given)
    found = Findings()
    ways = _ways(report, case.op)
    found.attempt(_check_placement, place, case, ways)
    if found.attempt(_check_facts, place, case, outs, wanted):
        _check_results(found, case, outs, wanted, arrays)
        _check_gradients(found, spec, case, arrays, given, outs)
    found.conclude()
    return min(ways)


def _ways(report: Report, op: str) -> set[str]:
    """The ways in which an op ran; of one that is composed of itself on the parts of complex
    numbers, that of the whole, which is told first."""
    ways = [row.how for row in report.rows() if row.op == op]
    return set(ways[:1]) if ways[:1] == ["decomposed"] else set(ways)


def _check_placement(place: Place, case: Case, ways: set[str]) -> None:
    """The way in which the op ran must be the best that the backend offers."""
    if len(ways) != 1:
        raise Verdict(FAILED, "placement", f"the report says {sorted(ways)} for one call")
    (way,) = ways
    op, dtype = case.op, dtypes.by_name(case.fields["dtype"])
    asked = op in place.backend.prefer_host or not computes(place, [dtype])
    if way == "fallback" and REGISTRY[op].decomposition is not None and not asked:
        raise Verdict(FAILED, "placement", "it fell back although it has a decomposition")
    if way != "native" and op in place.backend.kernels and not manager.selectors():
        # Only a predicate may have declined; a kernel without one is always taken.
        choice = place.backend.select(op, (dtype,) * (1 + len(REGISTRY[op].inputs)))
        if choice is not None and choice.accepts is None and REGISTRY[op].uniform:
            raise Verdict(FAILED, "placement", f"there is a kernel, and yet it was {way}")


def _check_facts(
    place: Place, case: Case, outs: Sequence[corex.Tensor], wanted: Sequence[Expected]
) -> None:
    for i, (got, expected) in enumerate(zip(outs, wanted, strict=True)):
        dtype = expected.dtype or case.fields["dtype"]
        facts = (
            ("shape", tuple(got.shape), expected.values.shape),
            ("dtype", got.dtype.name, dtype),
            ("device", got.device, place.device),
            ("backend", got.backend, place.name),
            ("requires_grad", got.requires_grad, i == 0 and got.dtype.is_inexact),
        )
        for label, found, right in facts:
            if found != right and not (label == "requires_grad" and i):
                text = f"the result has {label} {found}, not {right}"
                raise Verdict(FAILED, "result", text)


def _check_results(
    found: Findings,
    case: Case,
    outs: Sequence[corex.Tensor],
    wanted: Sequence[Expected],
    arrays: Sequence[Array | None],
) -> None:
    for i, (got, expected) in enumerate(zip(outs, wanted, strict=True)):
        dtype = expected.dtype or case.fields["dtype"]
        loose = Expected(
            expected.values, dtype, ulps=8 * expected.ulps + 64, scale=expected.scale + 1e-3
        )
        name = "out" if len(outs) == 1 else f"out{i}"
        shown = partial(told_of, case.op, arrays, shape=expected.values.shape)
        for wrong in compare(apply.array_of(got), loose, name, shown):
            found.add(FAILED, *wrong)


def _check_gradients(
    found: Findings,
    spec: Spec,
    case: Case,
    arrays: list[Array | None],
    given: Sequence[Any],
    outs: Sequence[Any],
) -> None:
    leaves = [i for i, t in enumerate(given) if t is not None and t.requires_grad]
    weight = _like(case.rng("weight"), outs[0], 0.5, 1.5)
    twice = case.fields["dtype"] in TWICE
    inputs = [given[i] for i in leaves]
    grads = corex.autograd.grad(
        outs[0], inputs, weight, create_graph=twice, allow_unused=True
    )  # fmt: skip
    weights = exact(apply.array_of(weight))
    points = [None if a is None else exact(a) for a in arrays]

    def loss(values: list[Array | None]) -> float:
        return float(np.vdot(weights, spec.oracle(case, *values)[0].values).real)

    names = _names(case.op, len(arrays))
    bound = TOLERANCE[case.fields["dtype"]]
    for i, grad in zip(leaves, grads, strict=True):
        slope = differences(loss, points, i)
        _check_gradient(found, "gradient", names[i], given[i], grad, slope, bound)
    if twice:
        along = [_like(case.rng("along", i), t, -1, 1) for i, t in enumerate(inputs)]
        second = _second(inputs, grads, along)
        way: list[Array | None] = [None] * len(points)
        for i, v in zip(leaves, along, strict=True):
            way[i] = exact(apply.array_of(v))
        for i, grad in zip(leaves, second, strict=True):
            slope = differences(partial(_slope_along, loss, way), points, i, SECOND_STEP)
            _check_gradient(found, "second", names[i], given[i], grad, slope, SECOND_TOLERANCE)


def _like(rng: np.random.Generator, t: corex.Tensor, low: float, high: float) -> corex.Tensor:
    """Random numbers from an interval, in a tensor of the same shape, dtype and place."""
    values = rng.uniform(low, high, t.shape)
    if t.dtype.is_complex:
        values = joined(values, rng.uniform(-1, 1, t.shape), "complex128")
    return corex.tensor(values, dtype=t.dtype, device=t.device, backend=t.backend)


def _second(
    inputs: Sequence[Any], grads: Sequence[Any], along: Sequence[corex.Tensor]
) -> Sequence[Any]:
    """The gradients of Re(sum(conj(v) g)), v for v, g for g; those that there are."""
    pairs = [(g, v) for g, v in zip(grads, along, strict=True) if g is not None and g.requires_grad]
    if not pairs:
        return [None] * len(inputs)
    outputs, weights = zip(*pairs, strict=True)
    return corex.autograd.grad(outputs, inputs, weights, allow_unused=True)


def _slope_along(
    loss: Callable[[list[Array | None]], float],
    way: list[Array | None],
    points: list[Array | None],
) -> float:
    """The central difference of the loss along a direction."""
    values = []
    for step in (SECOND_STEP, -SECOND_STEP):
        moved = [
            p if v is None or p is None else p + step * v for p, v in zip(points, way, strict=True)
        ]
        values.append(loss(moved))
    return (values[0] - values[1]) / (2 * SECOND_STEP)


def _check_gradient(
    found: Findings, check: str, name: str, given: Any, grad: Any, slope: Array, bound: float
) -> None:
    got = np.zeros_like(slope) if grad is None else apply.array_of(grad)
    label = "gradient" if check == "gradient" else "second derivative"
    if grad is not None and (grad.dtype is not given.dtype or got.shape != slope.shape):
        text = f"the {label} of `{name}` is {grad.dtype} {got.shape}, not {given.dtype}"
        found.add(FAILED, check, f"{text} {slope.shape}")
        return
    eps = dtypes.finfo(dtypes.by_name(str(got.dtype))).eps
    wanted = Expected(slope, ulps=bound / float(eps), scale=1 + np.abs(slope))
    for wrong in compare(got, wanted, f"{label} of {name}"):
        found.add(FAILED, check, wrong.message)


def _names(op: str, count: int) -> list[str]:
    names = [name.rstrip("?") for name in REGISTRY[op].inputs]
    return [*names, *(f"input {i}" for i in range(len(names), count))]


def differences(
    function: Callable[[list[Array | None]], float],
    points: list[Array | None],
    position: int,
    step: float = STEP,
) -> Array:
    """The central differences of `function` by each element of one of its arguments.

    By a complex element: that along the real axis, and i times that along the imaginary one.
    """
    base = points[position]
    assert base is not None
    slope = np.zeros(base.shape, base.dtype)
    axes = (1, 1j) if str(base.dtype) in COMPLEX else (1,)
    for at in np.ndindex(*base.shape):
        for axis in axes:
            values = []
            for sign in (1, -1):
                moved = base.copy()
                moved[at] += sign * axis * step
                values.append(function([*points[:position], moved, *points[position + 1 :]]))
            slope[at] += axis * (values[0] - values[1]) / (2 * step)
    return slope
