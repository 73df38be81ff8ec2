"""Which ops a backend runs with its own kernels: the table of `corex backends --ops`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress

from corex import dtypes
from corex.backend.signatures import SIGNATURES
from corex.cli.table import table
from corex.dtypes import DType
from corex.plugins import Plugin, PluginManager
from corex.plugins.manager import ask
from corex.tensor.schema import REGISTRY, OpSchema

WAYS = ("native", "decomposed", "fallback")
_ROLES = {"condition": dtypes.bool_, "index": dtypes.int64, "indices": dtypes.int64}


def summary(manager: PluginManager, backends: Sequence[str]) -> str:
    """Counts per backend and tier."""
    rows = []
    for backend in backends:
        counts = Counter(
            (schema.tier, _way(manager, backend, schema)[0]) for schema in REGISTRY.values()
        )
        for tier in sorted({tier for tier, _ in counts}):
            rows.append((backend, str(tier), *[str(counts[tier, way]) for way in WAYS]))
    return table(("backend", "tier", *WAYS), rows)


def details(manager: PluginManager, backends: Sequence[str]) -> str:
    """One line per op, one column per backend."""
    rows = []
    for schema in REGISTRY.values():
        ways = [" ".join(_way(manager, backend, schema)) for backend in backends]
        rows.append((schema.name, str(schema.tier), *ways))
    return table(("op", "tier", *backends), rows)


def _way(manager: PluginManager, backend: str, schema: OpSchema) -> tuple[str, ...]:
    """How the op runs, and the dtypes with a kernel where not all have one."""
    accepted = [dtype for dtype in dtypes.ALL if dtype in schema.takes]
    native = [dtype for dtype in accepted if _has_kernel(manager, backend, schema, dtype)]
    if native:
        names = [dtype.name for dtype in native]
        return ("native",) if native == accepted else ("native", f"({' '.join(names)} only)")
    if schema.name in manager.backend(backend).prefer_host:
        return ("fallback", "(preferred)")
    return ("fallback",) if schema.decomposition is None else ("decomposed",)


def overridden(plugin: Plugin, backend: str) -> list[str]:
    """The ops for which a plugin puts kernels before those of a backend."""
    return [
        schema.name
        for schema in REGISTRY.values()
        if any(_overrides(plugin, backend, schema, dtype) for dtype in dtypes.ALL)
    ]


def _overrides(plugin: Plugin, backend: str, schema: OpSchema, dtype: DType) -> bool:
    for views in _signatures(schema, dtype):
        with suppress(Exception):  # it may trip over a number of views that the op never has
            if ask(plugin, backend, schema.name, views) is not None:
                return True
    return False


def _has_kernel(manager: PluginManager, backend: str, schema: OpSchema, dtype: DType) -> bool:
    selecting = [p for p in manager.registered() if "corex_select_kernel" in p.hooks]
    if any(_overrides(plugin, backend, schema, dtype) for plugin in selecting):
        return True
    select = manager.backend(backend).select
    for views in _signatures(schema, dtype):
        with suppress(Exception):
            if select(schema.name, views) is not None:
                return True
    return False


def _signatures(schema: OpSchema, dtype: DType) -> Iterator[tuple[DType, ...]]:
    """Dtypes that the op's views may have when its main input has `dtype`.

    A schema tells its outputs only for actual inputs, so of an op that is not in the contract this
    tries the few shapes of signature that kernels have; a backend knows its own.
    """
    known = SIGNATURES.get(schema.name)
    if known is not None:
        yield known.example(dtype)
        return
    inputs = [_ROLES.get(name.rstrip("?"), dtype) for name in schema.inputs]
    for outputs in (
        (dtype,),
        (dtypes.bool_,),
        (dtypes.int64,),
        (dtype, dtypes.int64),
        (dtype, dtype, dtype),
    ):
        yield (*outputs, *inputs)
        yield (*outputs, *inputs, dtypes.int64)
