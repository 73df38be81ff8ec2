"""What a device is like, as its backend declares it and as a few kernels show it.

The cases take their expectations from what is declared; what is measured here stands beside it at
the head of a report, so that a reader sees whether a declaration was needed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from corex import dtypes
from corex.backend.contract import Backend
from corex.backend.traits import Traits
from corex.plugins.manager import manager
from corex.tensor.schema import REGISTRY
from corex.testing.arrays import Array, raw
from corex.testing.specs.formulas import BINARY, UNARY

COUNT: Final = 512


def declared(traits: Traits) -> str:
    """Every trait, as the backend declares it."""
    ulps = ", ".join(f"{family} {bound:g}" for family, bound in traits.ulps.items())
    shown = {
        **{name: getattr(traits, name) for name in _PLAIN},
        "ulps": ulps or "as promised",
        "held_only": ", ".join(sorted(dtype.name for dtype in traits.held_only)) or "none",
    }
    return "; ".join(f"{name} {value}" for name, value in shown.items())


_PLAIN: Final = ("subnormals", "index_bits", "memory", "accumulation", "errors")


def measured(backend: Backend, device: int) -> dict[str, str]:
    """The traits that kernels show, as far as the backend has these kernels."""
    found = {name: measure(backend, device) for name, measure in _MEASURES.items()}
    return {name: value for name, value in found.items() if value is not None}


def broken(traits: Traits, found: dict[str, str]) -> list[str]:
    """Where a device is less than its backend declares."""
    return [
        f"{name} are declared {getattr(traits, name)!r}, but measured {worse!r}"
        for name, worse in _WORSE.items()
        if found.get(name) == worse != getattr(traits, name)
    ]


_WORSE: Final = {"subnormals": "flushed", "accumulation": "free", "errors": "deferred"}


# ---- measuring -------------------------------------------------------------------------------
def _run(backend: Backend, device: int, op: str, out: Array, *inputs: Array, **more: Any) -> bool:
    """Runs a kernel on dense arrays; False if there is none. `out` is filled."""
    arrays = (out, *inputs)
    kinds = tuple(dtypes.by_name(str(array.dtype)) for array in arrays)
    line = manager.kernels(backend, op, kinds)
    if not line or not set(kinds) <= set(backend.dtypes(device)):
        return False
    views = []
    for array, dtype in zip(arrays, kinds, strict=True):
        dense = array.copy()
        buffer = backend.allocate(dense.nbytes, device)
        backend.copy_from_host(buffer, 0, raw(dense.reshape(-1)))
        strides = tuple(step // dense.itemsize for step in dense.strides)
        views.append((buffer, dtype, array.shape, strides, 0))
    line[-1].choice.run(*views, *more.get("params", ()))
    if more.get("wait", True):
        backend.synchronize(device)
        flat = out.reshape(-1)
        backend.copy_to_host(views[0][0], 0, raw(flat))
    return True


def _subnormals(backend: Backend, device: int) -> str | None:
    tiny = np.full(4, np.finfo(np.float32).smallest_subnormal * 64, np.float32)
    out = np.ones(4, np.float32)
    if not _run(backend, device, "mul", out, tiny, np.ones(4, np.float32)):
        return None
    return "kept" if (out == tiny).all() else "flushed"


def _ulps(backend: Backend, device: int) -> str | None:
    """The worst of float32, family by family, over ordinary values."""
    worst: dict[str, float] = {}
    rng = np.random.default_rng(0)
    for formulas, count in ((UNARY, 1), (BINARY, 2)):
        for op, formula in formulas.items():
            family = REGISTRY[op].family if op in REGISTRY else ""
            if family not in ("unary", "binary"):
                continue
            given = [rng.uniform(0.05, 0.95, COUNT).astype(np.float32) for _ in range(count)]
            out = np.empty(COUNT, np.float32)
            if not _run(backend, device, op, out, *given):
                continue
            with np.errstate(all="ignore"):
                wanted = np.asarray(formula(*[a.astype(np.float64) for a in given]), np.float64)
                unit = np.spacing(np.abs(wanted).astype(np.float32)).astype(np.float64)
                off = np.abs(out.astype(np.float64) - wanted) / unit
            finite = off[np.isfinite(off)]
            worst[family] = max(worst.get(family, 0.0), float(finite.max(initial=0.0)))
    return ", ".join(f"{family} {bound:.1f}" for family, bound in worst.items()) or None


def _held_only(backend: Backend, device: int) -> str | None:
    found = [
        dtype.name
        for dtype in backend.dtypes(device)
        if dtype is not dtypes.bool_
        and not dtype.is_complex  # computed by their parts
        and not manager.kernels(backend, "add", (dtype,) * 3)
    ]
    return ", ".join(found) or "none"


def _accumulation(backend: Backend, device: int) -> str | None:
    values = np.random.default_rng(1).standard_normal(100_003).astype(np.float32)
    seen = set()
    for _ in range(3):
        out = np.empty((), np.float32)
        if not _run(backend, device, "sum", out, values, params=(1,)):
            return None
        seen.add(out.tobytes())
    return "deterministic" if len(seen) == 1 else "free"


def _errors(backend: Backend, device: int) -> str | None:
    out, a, index = np.zeros(1, np.float32), np.zeros(3, np.float32), np.array([7])
    try:
        if not _run(backend, device, "index", out, a, index, wait=False):
            return None
    except IndexError:
        return "in order"
    try:
        backend.synchronize(device)
    except IndexError:
        return "deferred"
    return "not raised"


_MEASURES: Final[dict[str, Callable[[Backend, int], str | None]]] = {
    "subnormals": _subnormals,
    "ulps": _ulps,
    "held_only": _held_only,
    "accumulation": _accumulation,
    "errors": _errors,
}
