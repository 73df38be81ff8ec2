"""Mode `grad`: an op through the frontend, its result and its gradient.

The oracle of the gradient is a central difference of the NumPy formula in float64, so neither the
derivative in the op's declaration nor any kernel vouches for itself.
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
from corex.plugins.manager import manager
from corex.tensor.place import Place
from corex.tensor.schema import REGISTRY
from corex.testing import apply
from corex.testing.arrays import Array, Expected, exact
from corex.testing.case import Case
from corex.testing.compare import compare
from corex.testing.diagnose import told as told_of
from corex.testing.result import FAILED, PASSED, RAISED, UNSUPPORTED, Result
from corex.testing.spec import CaseError, Spec, made
from corex.testing.verdict import Findings, Verdict, told

STEP: Final = 1e-5
TOLERANCE: Final = {
    dtype.name: max(1e-6, 6 * math.sqrt(dtypes.finfo(dtype).eps)) for dtype in dtypes.of_kinds("f")
}
"""Of a gradient's element, relative to one plus its size."""


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
    ways = report.how(case.op)
    found.attempt(_check_placement, place, case, ways)
    if found.attempt(_check_facts, place, case, outs, wanted):
        _check_results(found, case, outs, wanted, arrays)
        _check_gradients(found, spec, case, arrays, given, outs)
    found.conclude()
    return min(ways)


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
        single = dtypes.float32
        choice = place.backend.select(op, (single,) * (1 + len(REGISTRY[op].inputs)))
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
            ("requires_grad", got.requires_grad, i == 0 and got.is_floating_point()),
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
    weight = case.rng("weight").uniform(0.5, 1.5, outs[0].shape)
    tensor = corex.tensor(
        weight, dtype=outs[0].dtype, device=outs[0].device, backend=outs[0].backend
    )
    grads = corex.autograd.grad((outs[0] * tensor).sum(), [given[i] for i in leaves],
                                allow_unused=True)  # fmt: skip
    weight = exact(apply.array_of(tensor))
    points = [None if a is None else exact(a) for a in arrays]

    def function(values: list[Array | None]) -> float:
        return float((spec.oracle(case, *values)[0].values * weight).sum())

    bound = TOLERANCE[case.fields["dtype"]]
    names = _names(case.op, len(arrays))
    for i, grad in zip(leaves, grads, strict=True):
        slope = differences(function, points, i)
        got = np.zeros(slope.shape) if grad is None else apply.array_of(grad)
        if grad is not None and (grad.dtype is not given[i].dtype or got.shape != slope.shape):
            text = f"the gradient of `{names[i]}` is {grad.dtype} {got.shape}, not {given[i].dtype}"
            found.add(FAILED, "gradient", f"{text} {slope.shape}")
            continue
        eps = dtypes.finfo(dtypes.by_name(str(got.dtype))).eps
        for wrong in compare(
            got, Expected(slope, ulps=bound / float(eps), scale=1 + np.abs(slope)),
            f"gradient of {names[i]}",
        ):  # fmt: skip
            found.add(FAILED, "gradient", wrong.message)


def _names(op: str, count: int) -> list[str]:
    names = [name.rstrip("?") for name in REGISTRY[op].inputs]
    return [*names, *(f"input {i}" for i in range(len(names), count))]


def differences(
    function: Callable[[list[Array | None]], float], points: list[Array | None], position: int
) -> Array:
    """The central differences of `function` by each element of one of its arguments."""
    base = points[position]
    assert base is not None
    slope = np.zeros(base.shape)
    for at in np.ndindex(*base.shape):
        values = []
        for sign in (1, -1):
            moved = base.copy()
            moved[at] += sign * STEP
            values.append(function([*points[:position], moved, *points[position + 1 :]]))
        slope[at] = (values[0] - values[1]) / (2 * STEP)
    return slope
