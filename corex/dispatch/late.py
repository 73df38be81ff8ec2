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


class Call:
    """A call with the views it was made on, but without their memory; put into words when asked."""

    __slots__ = ("arguments", "line", "op", "place")

    def __init__(self, place: Place, op: str, arguments: tuple[Any, ...]) -> None:
        self.place = place
        self.op = op
        self.arguments = [(None, *a[1:]) if _is_view(a) else a for a in arguments]
        self.line = user_line()

    def __str__(self) -> str:
        return f"{call_text(self.op, self.place, tuple(self.arguments))}, at {self.line}"


def _is_view(argument: Any) -> bool:
    return type(argument) is tuple and len(argument) == 5


def noting(place: Place, op: str, kernel: Kernel) -> Kernel:
    """The kernel, which notes each of its calls that has something to compute."""
    calls = place.late
    assert calls is not None

    def run(*arguments: Any) -> None:
        if math.prod(arguments[0][2]):
            calls.append(Call(place, op, arguments))
        kernel(*arguments)

    return run
