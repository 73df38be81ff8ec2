"""Calls whose errors come later: who made them is noted, to be told with the error.

Where a device's traits say errors='deferred', an index out of range is found when somebody waits.
The kernels that may find one are wrapped when they are resolved, so no other call pays for it; the
notes hang on the place, `Place.late`, and are told by `corex.tensor.storage.waited`.
"""

from __future__ import annotations

import math
from typing import Any

from corex.backend.contract import Kernel
from corex.dispatch.notes import call_text
from corex.dtypes import DType
from corex.errors import user_line
from corex.tensor.place import Place

_INDEXED = frozenset({"index", "index_put", "gather", "scatter_add"})
_DIVIDING = frozenset({"floor_divide", "remainder", "fmod"})


def may_raise(op: str, dtype: DType) -> bool:
    """Whether a kernel with outputs of `dtype` may find a value that it must raise about."""
    return op in _INDEXED or (op in _DIVIDING and dtype.kind in "ui")


def noting(place: Place, op: str, kernel: Kernel) -> Kernel:
    """The kernel, which notes each of its calls that has something to compute."""
    calls = place.late
    assert calls is not None

    def run(*arguments: Any) -> None:
        if math.prod(arguments[0][2]):
            calls.append(f"{call_text(op, place, arguments)}, at {user_line()}")
        kernel(*arguments)

    return run
