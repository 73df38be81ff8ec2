"""The hooks through which plugins extend corex.

A plugin is a module or an instance, named by an entry point of group `corex`, with functions
marked by `pluggy.HookimplMarker("corex")`. It may set `corex_priority = N`: where several plugins
answer the same question, the higher priority is asked first, and ties go to the name that sorts
first. This replaces pluggy's `tryfirst`, `trylast` and wrappers, which corex refuses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import pluggy

from corex.backend.contract import BackendDescriptor, KernelChoice
from corex.dtypes import DType
from corex.observe.events import OpCall

PROJECT: Final = "corex"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def corex_backends() -> Sequence[BackendDescriptor]:  # type: ignore[empty-body]
    """The backends this plugin brings. Must be cheap: describe them, construct nothing."""


@hookspec(firstresult=True)
def corex_select_kernel(backend: str, op: str, dtypes: tuple[DType, ...]) -> KernelChoice | None:
    """A kernel for `op` on `backend` that goes before the backend's own, or None.

    `dtypes` are those of the kernel's views, outputs first. The answer is cached, so it may
    depend on nothing else. Where its predicate `accepts` declines the arguments, the next plugin's
    kernel is tried, and finally the backend's own.
    """


@hookspec
def corex_ops() -> Sequence[object]:  # type: ignore[empty-body]
    """Declarations of new ops, as `corex.ops.NewOp`; see `corex/ops/extension.py`.

    Asked once. Each becomes `corex.ops.NAME`, as long as the plugin is registered.
    """


@hookspec
def corex_conformance_cases() -> Sequence[object]:  # type: ignore[empty-body]
    """Conformance cases beyond those generated from the op tables."""


@hookspec
def corex_op_observer() -> Callable[[OpCall], object] | None:
    """What `corex.observe` takes: a function to be called with every `corex.OpCall`, or an object
    with methods for more; None for none at the moment.

    Asked when the plugins are loaded, and after every change of what is registered. While anybody
    listens, ops take no short cuts. An observer that raises is dropped.
    """
