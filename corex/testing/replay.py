"""Cases from the ops of a real program, as `corex.record` stored them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from corex import recorder
from corex.report import TensorSpec
from corex.schema import REGISTRY
from corex.testing.case import Case
from corex.testing.specs import specs

_NOT_MAIN = ("condition", "index", "indices")
"""Inputs whose dtype is not the one that a case is named by."""


def cases(path: str | os.PathLike[str]) -> list[Case]:
    """One `test` case per distinct signature in the file, in the file's order.

    Raises:
        ValueError: a line is no signature, or names an op that nobody here declares.
        OSError: the file cannot be read.
    """
    found: dict[str, Case] = {}
    for signature in recorder.read_signatures(path):
        if signature.op not in specs():
            raise ValueError(f"{path}: there is no op {signature.op!r} here; is a plugin missing?")
        case = Case("test", signature.op, fields(signature))
        found.setdefault(case.id, case)
    return list(found.values())


def fields(signature: recorder.Signature) -> dict[str, Any]:
    """The fields of the case that repeats a recorded call."""
    op, outputs, inputs = signature.op, signature.outputs, signature.inputs
    schema = REGISTRY.get(op)
    if schema is not None and schema.family == "optim":
        params = [item for item in outputs[0] if item is not None]  # type: ignore[union-attr]
        main: Any = params[0]
        found = {"dtype": main.dtype, "shapes": [item.shape for item in params]}
        return found | _parameters(signature) | {"layout": "dense"}
    shapes = [None if item is None else item.shape for item in inputs]  # type: ignore[union-attr]
    out: Any = outputs[0]
    if not inputs:
        shapes = [out.shape]
    elif op == "index_put":
        shapes = [out.shape, *shapes[1:]]
    elif op == "scatter_add":
        shapes = [out.shape, shapes[0]]
    found = {"dtype": _main_dtype(signature), "shapes": shapes, **_parameters(signature)}
    if op == "copy":
        source: Any = inputs[0]
        found["source"] = source.dtype
    strides = [None if item is None else item.strides for item in inputs]  # type: ignore[union-attr]
    if any(strides):
        found["strides"] = strides
    if any(item.strides for item in outputs):  # type: ignore[union-attr]
        found["out_strides"] = [item.strides for item in outputs]  # type: ignore[union-attr]
    return found


def _main_dtype(signature: recorder.Signature) -> str:
    schema = REGISTRY.get(signature.op)
    first: Any = signature.outputs[0]
    if schema is None or signature.op in ("index_put", "scatter_add"):
        return str(first.dtype)
    names = [name.rstrip("?") for name in schema.inputs]
    for name, item in zip(names, signature.inputs, strict=False):
        if isinstance(item, TensorSpec) and name not in _NOT_MAIN:
            return item.dtype
    return str(first.dtype)


def _parameters(signature: recorder.Signature) -> dict[str, Any]:
    """The parameters by name; those that only the result rule needs follow from the output."""
    spec = specs()[signature.op]
    names: Sequence[str] = REGISTRY[signature.op].params if spec.params is None else spec.params
    values = list(signature.params)
    if len(values) < len(names):
        out: Any = signature.outputs[0]
        values.append(out.shape)
    return dict(zip(names, values, strict=True))
