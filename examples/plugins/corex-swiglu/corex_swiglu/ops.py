"""The declarations: what the ops mean, in terms of ops that are there."""

from __future__ import annotations

from typing import Any

import corex
from corex import Tensor
from corex.ops import NewOp, OpSchema

# ---- squared_relu: elementwise, so corex makes the function ----------------------------------
SQUARED_RELU = OpSchema(
    "squared_relu",
    inputs=("a",),
    derivative={"a": lambda g, a: g * (a.relu() * 2)},
    decomposition=lambda a: a.relu().square(),
    tier=2,
    family="unary",
    doc='max(a, 0) ** 2 (So et al., "Primer", 2021).',
)


# ---- swiglu: two inputs of one shape, and a function that prepares them ----------------------
def _slope(a: Tensor) -> Tensor:
    """The derivative of silu."""
    s = a.sigmoid()
    return s * (a * (1 - s) + 1)


def _same(a: Tensor, b: Tensor) -> list[Any]:
    """The result rule: one (shape, dtype) per output."""
    return [(a.shape, a.dtype)]


SWIGLU = OpSchema(
    "swiglu",
    inputs=("a", "b"),
    result=_same,
    derivative={
        "a": lambda g, a, b: g * b * _slope(a),
        "b": lambda g, a: g * corex.silu(a),
    },
    decomposition=lambda a, b: corex.silu(a) * b,
    tier=2,
    family="gate",
    doc="silu(a) * b.",
)


def swiglu(input: Tensor, dim: int = -1) -> Tensor:
    """silu of the first half of a dim, times the second half (Shazeer, 2020).

    Raises:
        RuntimeError: an odd size.
    """
    if input.shape[dim] % 2:
        raise RuntimeError(f"[swiglu] cannot halve dim {dim} of shape {tuple(input.shape)}")
    a, b = input.chunk(2, dim)
    result: Tensor = corex.ops.call(SWIGLU, (a, b))
    return result


DECLARATIONS = [NewOp(SQUARED_RELU), NewOp(SWIGLU, swiglu)]
