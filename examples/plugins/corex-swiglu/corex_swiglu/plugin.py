"""What corex asks this package for. Each part is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Sequence

import pluggy

from corex.backend import KernelChoice

hookimpl = pluggy.HookimplMarker("corex")

BACKENDS = ("reference_py", "numpy")
"""Whose memory NumPy can read: the reference, and the example backend corex-numpy."""


@hookimpl
def corex_ops() -> Sequence[object]:
    """`corex.ops.swiglu` and `corex.ops.squared_relu`."""
    from corex_swiglu.ops import DECLARATIONS

    return DECLARATIONS


@hookimpl
def corex_select_kernel(backend: str, op: str) -> KernelChoice | None:
    """A kernel is optional: on all other backends the decomposition runs."""
    if backend not in BACKENDS or op not in ("swiglu", "squared_relu"):
        return None
    from corex_swiglu.kernels import KERNELS

    return KernelChoice(KERNELS[op])


@hookimpl
def corex_conformance_cases() -> Sequence[object]:
    """Cases for `swiglu`; those of `squared_relu` follow from its family."""
    from corex_swiglu.cases import SWIGLU

    return [SWIGLU]
