"""Mode `test` of an op without a kernel: its decomposition, against the oracle of the kernel.

What a backend leaves out is composed of the kernels that it has. With a core that keeps its bounds
a composed elementwise op is within `ULPS`, thrice the bound of a kernel, and exact where the oracle
is. What complex numbers are composed of looks at their parts, as views: such an op runs in every
layout that tensors have, in place, and on inputs that share memory (`testing/laid.py`).
"""

from __future__ import annotations

from functools import partial
from typing import Final

import numpy as np

import corex
from corex.backend.traits import ELEMENTWISE
from corex.dispatch.devices import place_of
from corex.tensor.schema import REGISTRY
from corex.testing import apply, laid
from corex.testing.arrays import COMPLEX, Array, Out
from corex.testing.case import Case
from corex.testing.compare import Shower, compare
from corex.testing.diagnose import told as told_of
from corex.testing.result import FAILED, RAISED, UNSUPPORTED
from corex.testing.spec import Spec, arguments, outputs
from corex.testing.verdict import Findings, Verdict, told

ULPS: Final = 12


def applies(spec: Spec, case: Case) -> bool:
    """Whether a case of a kernel says something about the decomposition, too."""
    fields = case.fields
    if spec.build is not None or not composed(spec.op, fields["dtype"]):
        return False
    large = np.prod(fields["shapes"][0]) >= 10_000
    if fields["dtype"] in COMPLEX:
        return "call" not in fields and not large
    dense = fields.get("layout", "dense") == "dense" and "strides" not in fields
    plain = fields.get("sharing", "unique") == "unique" and "call" not in fields
    return dense and plain and bool(REGISTRY[spec.op].inputs) and not large


def composed(op: str, dtype: str) -> bool:
    """Whether an op is composed of others where there is no kernel for a dtype."""
    schema = REGISTRY.get(op)
    if schema is None:
        return False
    of_complex = dtype in COMPLEX and schema.complex_steps is not None
    return of_complex or schema.decomposition is not None


def run(name: str, device: int, spec: Spec, case: Case) -> None:
    """Runs the op on a device.

    Raises:
        Verdict: a wrong result; or none of the device's own, as it lacks kernels of the core.
    """
    place, dtype = place_of(name, device), case.fields["dtype"]
    if dtype not in {held.name for held in place.backend.dtypes(device)}:
        raise Verdict(UNSUPPORTED, message=f"the device holds no {dtype} tensors")
    traits = place.backend.traits(device)
    wanted = list({id(out): out for out in outputs(arguments(spec, case, traits))}.values())
    arrays = list(spec.inputs(case))
    if spec.initial is not None:
        arrays.insert(0, spec.initial(case))
    error = None if spec.raises is None else spec.raises(case)
    wrong = Findings()
    try:
        with corex.no_grad(), corex.placement() as report:
            if dtype in COMPLEX:
                outs = laid.outputs(wrong, place, spec, case)
            else:
                outs = apply.outputs(spec, case, apply.tensors(place, arrays))
            found = [apply.array_of(out) for out in outs]
    except Verdict:
        raise
    except Exception as raised:
        if error is not None and isinstance(raised, error[0]):
            return
        raise Verdict(RAISED, "decomposition", told(raised)) from raised
    lacking = sorted({row.op for row in report.rows() if row.how == "fallback"})
    if lacking:
        message = f"no kernel, and its decomposition needs {', '.join(lacking)} of the host"
        raise Verdict(UNSUPPORTED, message=message)
    if error is not None:
        raise Verdict(FAILED, "error", f"{error[0].__name__} was not raised")
    worst = max(traits.ulps_of(family, 0) for family in ELEMENTWISE)
    for got, out in zip(found, wanted, strict=True):
        shown = partial(told_of, case.op, arrays, shape=out.expected.values.shape)
        wrong.attempt(_check, wrong, got, out, ULPS / 4 * worst, shown)
    wrong.conclude()


def _check(wrong: Findings, got: Array, out: Out, ulps: float, shown: Shower) -> None:
    shape = out.expected.values.shape
    if got.dtype.name != out.dtype or got.shape != shape:
        text = f"the result is {got.dtype} {got.shape}, not {out.dtype} {shape}"
        raise Verdict(FAILED, "result", f"decomposed: {text}")
    for expected in filter(None, (out.expected, out.flushed)):
        if expected.ulps:  # else it is exact
            expected.ulps = max(ULPS, expected.ulps, ulps)
    for check, message in compare(got, out.expected, "out", shown, out.flushed):
        wrong.add(FAILED, check, f"decomposed: {message}")
