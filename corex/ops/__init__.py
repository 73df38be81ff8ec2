"""All ops: imports the op files that every program needs, and installs on Tensor what they declare
(`registration`); those of `late` when one of their names is asked for.

`functions` maps every public name to its function; `corex` exports them, this package has them as
attributes, and `Tensor` gets those in `methods` under the same name. The ops of plugins (`NewOp`)
are attributes of this package, too, and nothing else.
"""

# ruff: noqa: F401 - a file declares its ops when it is imported

from __future__ import annotations

from typing import Any

from corex.ops import extension
from corex.ops import late as late
from corex.ops.create import constant, convert, data, foreign, host, like
from corex.ops.extension import NewOp as NewOp
from corex.ops.extension import call as call
from corex.ops.indexing import brackets, nonzero, rows
from corex.ops.linalg import matmul
from corex.ops.pointwise import (
    arithmetic,
    binary,
    complex_functions,
    powers,
    select,
    unary,
    unary_composed,
)
from corex.ops.random import generator
from corex.ops.reduce import reductions
from corex.ops.shape import complex_views, join, parts, reorder, views
from corex.tensor.schema import OpSchema as OpSchema

functions, methods = late.FUNCTIONS, late.METHODS
late.start(globals())
extension.start(globals(), {*functions.names(), *late.FAMILIES})


def __getattr__(name: str) -> Any:
    if name in functions:
        return functions[name]
    return extension.find(name)  # an op of a plugin, when none is loaded yet


def __dir__() -> list[str]:
    return [*{*globals(), *functions.names()}]
