"""Cases from the ops of a real program, as `corex.record` stored them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from corex.observe import signatures as recorder
from corex.observe.events import TensorSpec
from corex.tensor.schema import REGISTRY
from corex.testing import suite
from corex.testing.arrays import Out
from corex.testing.case import Case
from corex.testing.spec import CaseError, arguments
from corex.testing.specs import find_spec

_NOT_MAIN = ("condition", "index", "indices")
"""Inputs whose dtype is not the one that a case is named by."""


def cases(path: str | os.PathLike[str]) -> list[Case]:
    """One `test` case per distinct signature in the file, in the file's order.

    Raises:
        ValueError: a line is no signature, names an op that nobody here declares, or shapes that
            do not go together.
        OSError: the file cannot be read.
    """
    found: dict[str, Case] = {}
    for signature in recorder.read_signatures(path):
        if find_spec(signature.op) is None:
            raise ValueError(f"{path}: there is no op {signature.op!r} here; is a plugin missing?")
        case = Case("test", signature.op, fields(signature))
        _check(signature, case)
        found.setdefault(case.id, case)
    return list(found.values())


def _check(signature: recorder.Signature, case: Case) -> None:
    """Makes sure that the case can be, and gives outputs like those that were recorded."""
    suite.verify(case)
    if suite.is_big(case) or case.op == "nonzero":  # its output's shape is that of the values
        return
    spec = find_spec(case.op)
    assert spec is not None  # `cases` looked
    outs = [item for item in arguments(spec, case) if isinstance(item, Out)]
    for out, recorded in zip(outs, signature.outputs, strict=False):
        wanted = out.expected.values.shape
        if isinstance(recorded, TensorSpec) and recorded.shape != wanted:
            raise CaseError(
                f"no such case: {case.id} has an output of shape {wanted}, "
                f"not {recorded.shape}, as was recorded"
            )


def fields(signature: recorder.Signature) -> dict[str, Any]:
    """The fields of the case that repeats a recorded call."""
    op = signature.op
    outputs: tuple[Any, ...] = signature.outputs
    inputs: tuple[Any, ...] = signature.inputs
    schema = REGISTRY.get(op)
    if schema is not None and schema.family == "optim":
        params = outputs[0]
        found = {"dtype": params[0].dtype, "shapes": [item.shape for item in params]}
        return found | _parameters(signature) | {"layout": "dense"}
    shapes = [None if item is None else item.shape for item in inputs]
    out = outputs[0]
    if not inputs:
        shapes = [out.shape]
    elif op == "index_put":
        shapes = [out.shape, *shapes[1:]]
    elif op == "scatter_add":
        shapes = [out.shape, shapes[0]]
    found = {"dtype": _main_dtype(signature), "shapes": shapes, **_parameters(signature)}
    if op == "copy":
        found["source"] = inputs[0].dtype
    strides = [None if item is None else item.strides for item in inputs]
    if any(strides):
        found["strides"] = strides
    if any(item.strides for item in outputs):
        found["out_strides"] = [item.strides for item in outputs]
    return found


def _main_dtype(signature: recorder.Signature) -> str:
    schema = REGISTRY.get(signature.op)
    outputs: tuple[Any, ...] = signature.outputs
    if schema is None or signature.op in ("index_put", "scatter_add"):
        return str(outputs[0].dtype)
    names = [name.rstrip("?") for name in schema.inputs]
    for name, item in zip(names, signature.inputs, strict=False):
        if isinstance(item, TensorSpec) and name not in _NOT_MAIN:
            return item.dtype
    return str(outputs[0].dtype)


def _parameters(signature: recorder.Signature) -> dict[str, Any]:
    """The parameters by name; those that only the result rule needs follow from the output."""
    spec = find_spec(signature.op)
    assert spec is not None  # `cases` looked
    names: Sequence[str] = REGISTRY[signature.op].params if spec.params is None else spec.params
    values = list(signature.params)
    if len(values) < len(names):
        out: Any = signature.outputs[0]
        values.append(out.shape)
    return dict(zip(names, values, strict=True))
