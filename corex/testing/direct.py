"""Direct kernels: the short cut gives, on dense operands, what the kernel gives."""

from __future__ import annotations

from typing import Any

import numpy as np

from corex import dtypes
from corex.backend.contract import Backend, Buffer
from corex.testing.arrays import Out, raw
from corex.testing.case import Case
from corex.testing.compare import Shower, compare
from corex.testing.diagnose import shower
from corex.testing.result import FAILED, RAISED, UNSUPPORTED
from corex.testing.spec import Spec
from corex.testing.verdict import Findings, Verdict, told

OFFSET = 3
"""Elements before each operand in its buffer."""


def run(backend: Backend, device: int, spec: Spec, case: Case, given: list[Any]) -> None:
    """Runs a case of an elementwise op, or of a reduction over everything, by its short cut.

    Raises:
        Verdict: there is no short cut, or it is wrong.
    """
    out, inputs = given[0], given[1 : 1 + len(case.fields["shapes"])]
    kernel = backend.direct(spec.op, dtypes.by_name(case.fields["dtype"]))
    if kernel is None:
        raise Verdict(UNSUPPORTED, message="no direct kernel")
    operands: list[Any] = []
    number = {"direct_number_left": 0, "direct_number_right": 1}.get(case.fields["call"])
    for i, item in enumerate(inputs):
        if i == number:
            operands += [case.fields.get("number", item.array.flat[0].item()), 0]
        else:
            operands += [_upload(backend, device, item.array), OFFSET]
    shape = inputs[0].array.shape
    try:
        result = kernel(shape, *operands)
        backend.synchronize(device)
    except Exception as error:
        expected = spec.raises(case) if spec.raises is not None else None
        if expected is not None and isinstance(error, expected[0]):
            return
        raise Verdict(RAISED, "honesty", told(error)) from error
    if spec.raises is not None and spec.raises(case) is not None:
        raise Verdict(FAILED, "error", "it did not raise as the kernel does")
    if result is None and "number" in case.fields:
        return  # left to the frontend
    found = Findings()
    _check(found, backend, result, out, shower(spec.op, given, out))
    found.conclude()


def _upload(backend: Backend, device: int, values: np.ndarray[Any, Any]) -> Buffer:
    pad = np.zeros(OFFSET, values.dtype)
    memory = np.concatenate([pad, values.ravel(), pad])
    buffer = backend.allocate(memory.nbytes, device)
    backend.copy_from_host(buffer, 0, raw(memory))
    return buffer


def _check(found: Findings, backend: Backend, result: Buffer, out: Out, shown: Shower) -> None:
    got = np.empty(out.expected.values.shape, out.dtype)
    if backend.nbytes(result) < got.nbytes:
        size = f"{backend.nbytes(result)} bytes instead of {got.nbytes}"
        raise Verdict(FAILED, "result", f"the result has {size}")
    backend.copy_to_host(result, 0, raw(got.reshape(-1)))
    for wrong in compare(got, out.expected, "out", shown, out.flushed):
        found.add(FAILED, *wrong)
