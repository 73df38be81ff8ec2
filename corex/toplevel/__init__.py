"""PyTorch's second names: functions in `torch` that corex has as methods or in `nn.functional`.

`corex` loads this package when one of them is asked for. Where PyTorch's functions in both places
have parameters of another order or kind, so have these.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import corex.nn.functional as F
from corex.nn.functional import recurrent
from corex.ops.guard import guarded
from corex.toplevel import (
    batches,
    eigenpairs,
    files,
    inner,
    inplace,
    layers,
    losses,
    others,
    removed,
    settings,
    symbols,
)

_SAME = """
    adaptive_avg_pool1d avg_pool1d celu_ channel_shuffle conv1d conv3d conv_tbc conv_transpose1d
    conv_transpose2d conv_transpose3d max_pool1d max_pool1d_with_indices max_pool3d
    native_channel_shuffle pairwise_distance pdist pixel_shuffle pixel_unshuffle selu_ threshold_
""".split()


def _own(module: ModuleType) -> list[tuple[str, Any]]:
    """What is written in a module."""
    return [
        (name, value)
        for name, value in vars(module).items()
        if getattr(value, "__module__", "") == module.__name__ and not name.startswith("_")
    ]


def _table() -> dict[str, Any]:
    """Every function by name."""
    found = {name: getattr(F, name) for name in _SAME}
    for module in (batches, eigenpairs, files, layers, losses, others, recurrent):
        for name, value in _own(module):
            public = name.removesuffix("_") if name == "range_" else name
            found[public] = guarded(public, value)
    found |= {name: guarded(name, getattr(inner, name)) for name in inner.TENSORS}
    found |= {name: getattr(inner, name) for name in inner.OTHERS}
    for module in (settings, symbols):  # whose arguments are no tensors
        found.update(_own(module))
    return found | removed.functions | {name: inplace.function_of(name) for name in inplace.NAMES}


functions = _table()
globals().update(functions)
__all__ = sorted(functions)
