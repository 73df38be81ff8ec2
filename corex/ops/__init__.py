"""All ops: imports the op files, and installs on Tensor what they declare (`registration`).

`functions` maps every public name to its function; `corex` exports them, this package has them as
attributes, and `Tensor` gets those in `methods` under the same name. The ops of plugins (`NewOp`)
are attributes of this package, too, and nothing else.
"""

# ruff: noqa: F401 - a file declares its ops when it is imported

from __future__ import annotations

from typing import Any

from corex.ops import extension, forms
from corex.ops.create import (
    constant,
    convert,
    data,
    foreign,
    host,
    like,
    pinned,
    ranges,
    windows,
)
from corex.ops.extension import NewOp as NewOp
from corex.ops.extension import call as call
from corex.ops.fourier import short_time
from corex.ops.indexing import along, brackets, gather, masks, nonzero, reduced, rows
from corex.ops.linalg import contraction, matmul, norms, older
from corex.ops.nn import (
    activation,
    classification,
    conv,
    embedding,
    loss,
    normalization,
    optimizer_steps,
    pool,
    similarity,
    softmax,
)
from corex.ops.pointwise import (
    binary,
    binary_composed,
    bits,
    complex_functions,
    integers,
    select,
    special,
    ternary_composed,
    unary,
    unary_composed,
)
from corex.ops.random import counts, creation, distributions, draws, filled, generator
from corex.ops.reduce import (
    covariance,
    differences,
    distances,
    hashes,
    histograms,
    order,
    quantiles,
    reductions,
    scans,
    search,
    statistics,
    unique,
)
from corex.ops.shape import (
    blocks,
    complex_views,
    copies,
    diagonals,
    embedded,
    join,
    pad,
    parts,
    reorder,
    repeat,
    resized,
    splits,
    stacking,
    views,
)
from corex.tensor.schema import OpSchema as OpSchema
from corex.tensor.tensor import Tensor

functions, methods = forms.tables()
globals().update(functions)
for _name, _method in methods.items():
    setattr(Tensor, _name, _method)
extension.start(globals())


def __getattr__(name: str) -> Any:  # an op of a plugin, when none is loaded yet
    return extension.find(name)
