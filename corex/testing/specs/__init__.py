"""The specs of all ops: written ones, and those derived from a declaration alone."""

from __future__ import annotations

from typing import Final

from corex.plugins.manager import manager
from corex.tensor.schema import REGISTRY, OpSchema
from corex.testing.spec import Spec
from corex.testing.specs import conv, create, index, matmul, optim, reduce, rows, running
from corex.testing.specs.pointwise import FAMILIES, WHERE, pointwise

_WRITTEN: Final[dict[str, Spec]] = {
    spec.op: spec
    for module in (create, reduce, matmul, index, rows, running, conv, optim)
    for spec in module.SPECS
} | {"where": WHERE}


def load_plugins() -> None:
    """Enters the ops that plugins bring into the registry."""
    manager.load()


def specs() -> dict[str, Spec]:
    """Every spec by op: kernels without declaration first, then in order of declaration.

    A plugin's spec (hook `corex_conformance_cases`) may add an op, not replace one of these.
    """
    load_plugins()
    brought = _from_plugins()
    found = {name: spec for name, spec in _WRITTEN.items() if name not in REGISTRY}
    for name, schema in REGISTRY.items():
        spec = _WRITTEN.get(name) or brought.get(name) or derived(schema)
        if spec is not None:
            found[name] = spec
    return found


def find_spec(op: str) -> Spec | None:
    """What `specs()` has for one op, without making all others: it is asked for in every case."""
    load_plugins()
    if op in _WRITTEN or op not in REGISTRY:
        return _WRITTEN.get(op)
    return _from_plugins().get(op) or derived(REGISTRY[op])


def derived(schema: OpSchema) -> Spec | None:
    """The spec of an op whose family says enough, or None."""
    return pointwise(schema) if schema.family in FAMILIES else None


def without_spec() -> list[str]:
    """The declared ops for which there are no cases: a gap that the suite reports."""
    known = specs()
    return [name for name in REGISTRY if name not in known]


def _from_plugins() -> dict[str, Spec]:
    found: dict[str, Spec] = {}
    for _, answer in manager.answers("corex_conformance_cases"):
        if isinstance(answer, list | tuple):
            found |= {spec.op: spec for spec in answer if isinstance(spec, Spec)}
    return found
