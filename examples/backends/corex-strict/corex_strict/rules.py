"""What the contract says of every required kernel: docs/kernels.md of corex, as rules.

A rule gets a `Call` and raises through it. It may rely on the views being sound by themselves,
which `checks.py` has seen to.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

from corex.backend import DTYPES, View, contiguous_strides
from corex.dtypes import DType, bool_, int64
from corex_strict.errors import StrictError

Dtypes = frozenset[DType]


def _of_kinds(kinds: str) -> Dtypes:
    """Those of the contract; one that comes later is taken by nobody who has not said so."""
    return frozenset(dtype for dtype in DTYPES if dtype.kind in kinds)


ALL, NUMBER, FLOAT = _of_kinds("buif"), _of_kinds("uif"), _of_kinds("f")
BITS, BOOL = _of_kinds("bui"), _of_kinds("b")


class Call(NamedTuple):
    """A kernel call: the output, the inputs and the parameters."""

    kernel: str
    out: View
    inputs: tuple[View, ...]
    params: tuple[Any, ...]

    def require(self, condition: bool, argument: str, reason: str) -> None:
        """Raises StrictError unless the condition holds."""
        if not condition:
            raise StrictError(self.kernel, argument, reason)


Rule = Callable[[Call], None]
Takes = Callable[[tuple[DType, ...]], bool]


class Kernel(NamedTuple):
    """Attributes:
    inputs: how many input views it has; None for any number.
    takes: whether it takes these dtypes, of output and inputs.
    rule: checks shapes and parameters.
    """

    inputs: int | None
    takes: Takes
    rule: Rule


# ---- dtypes ------------------------------------------------------------------------------------
def _alike(held: Dtypes) -> Takes:
    """Output and inputs of one dtype."""
    return lambda dtypes: dtypes[0] in held and len(set(dtypes)) == 1


def _to(result: DType, held: Dtypes) -> Takes:
    """A fixed output dtype, inputs of one dtype."""
    return lambda ds: ds[0] is result and len(set(ds[1:])) == 1 and ds[1] in held


def _any_dtypes(dtypes: tuple[DType, ...]) -> bool:
    return set(dtypes) <= ALL


def _choice(dtypes: tuple[DType, ...]) -> bool:
    out, condition, *values = dtypes
    return condition is bool_ and out in ALL and all(value is out for value in values)


def _positions(dtypes: tuple[DType, ...]) -> bool:
    same = dtypes[0] in ALL and dtypes[0] is dtypes[1]
    return same and all(dtype is int64 for dtype in dtypes[2:])


# ---- shapes and parameters ---------------------------------------------------------------------
def _same_shapes(call: Call) -> None:
    _parameters(call)
    for i, view in enumerate(call.inputs):
        call.require(
            view[2] == call.out[2], f"input {i}", f"has shape {view[2]}, the output {call.out[2]}"
        )


def _parameters(call: Call, *kinds: type | tuple[type, ...]) -> None:
    call.require(
        len(call.params) == len(kinds),
        "the parameters",
        f"are {len(call.params)}, but it takes {len(kinds)}",
    )
    for i, (value, kind) in enumerate(zip(call.params, kinds, strict=True)):
        found = type(value)
        fits = found in kind if isinstance(kind, tuple) else found is kind
        call.require(fits, f"parameter {i}", f"is {value!r}, of type {found.__name__}")


_NUMBERS = (bool, int, float)


def _fill(call: Call) -> None:
    _parameters(call, _NUMBERS)


def _arange(call: Call) -> None:
    _parameters(call, (int, float), (int, float))
    call.require(len(call.out[2]) == 1, "the output", "is not one-dimensional")


def _reduction(call: Call) -> None:
    _parameters(call, int)
    shape, count = call.inputs[0][2], call.params[0]
    call.require(0 <= count <= len(shape), "parameter 0", f"is {count}: not as many dimensions")
    kept, reduced = shape[: len(shape) - count], shape[len(shape) - count :]
    call.require(call.out[2] == kept, "the output", f"has shape {call.out[2]} instead of {kept}")
    extreme = call.kernel in ("amax", "argmax")
    call.require(not (extreme and 0 in reduced), "input 0", "is empty where it is reduced")


def _matmul(call: Call) -> None:
    _parameters(call)
    a, b = (view[2] for view in call.inputs)
    fits = len(a) == len(b) == 3 and a[0] == b[0] and a[2] == b[1]
    call.require(fits, "the inputs", f"have shapes {a} and {b}")
    wanted = (a[0], a[1], b[2])
    call.require(call.out[2] == wanted, "the output", f"has shape {call.out[2]}, not {wanted}")


def _index(call: Call) -> None:
    _parameters(call)
    _rows(call, call.inputs[0], call.out, call.inputs[1:])


def _index_put(call: Call) -> None:
    _parameters(call, bool)
    _rows(call, call.out, call.inputs[0], call.inputs[1:])


def _rows(call: Call, whole: View, rows: View, indices: tuple[View, ...]) -> None:
    call.require(0 < len(indices) <= len(whole[2]), "the indices", f"are {len(indices)}")
    wanted = (*indices[0][2], *whole[2][len(indices) :])
    call.require(rows[2] == wanted, "the rows", f"have shape {rows[2]} instead of {wanted}")
    for i, index in enumerate(indices):
        same = len(index[2]) == 1 and index[2] == indices[0][2]
        call.require(same, f"index {i}", f"has shape {index[2]}, the first {indices[0][2]}")


def _nonzero(call: Call) -> None:
    _parameters(call)
    shape, ndim = call.out[2], len(call.inputs[0][2])
    call.require(len(shape) == 2 and shape[1] == ndim, "the output", f"has shape {shape}")


def _random_bits(call: Call) -> None:
    _parameters(call, int, int)
    for i, value in enumerate(call.params):
        call.require(0 <= value < 1 << 64, f"parameter {i}", "is no unsigned 64-bit number")
    _, _, shape, strides, _ = call.out
    dense = strides == contiguous_strides(shape) or 0 in shape
    call.require(dense, "the output", "is not contiguous")


# ---- the table ---------------------------------------------------------------------------------
def _table() -> dict[str, Kernel]:
    words: list[tuple[str, int | None, Takes, Rule]] = [
        ("copy", 1, _any_dtypes, _same_shapes),
        ("fill", 0, _any_dtypes, _fill),
        ("arange", 0, _alike(NUMBER), _arange),
        ("neg abs", 1, _alike(NUMBER), _same_shapes),
        (_FLOAT_UNARY, 1, _alike(FLOAT), _same_shapes),
        ("add mul maximum minimum", 2, _alike(ALL), _same_shapes),
        ("sub floor_divide fmod pow", 2, _alike(NUMBER), _same_shapes),
        ("div atan2 copysign", 2, _alike(FLOAT), _same_shapes),
        ("eq lt", 2, _to(bool_, ALL), _same_shapes),
        ("bitwise_and", 2, _alike(BITS), _same_shapes),
        ("where", 3, _choice, _same_shapes),
        ("sum prod", 1, _alike(NUMBER), _reduction),
        ("amax", 1, _alike(ALL), _reduction),
        ("argmax", 1, _to(int64, NUMBER), _reduction),
        ("matmul", 2, _alike(NUMBER), _matmul),
        ("index", None, _positions, _index),
        ("index_put", None, _positions, _index_put),
        ("nonzero", 1, _to(int64, BOOL), _nonzero),
        ("random_bits", 0, _alike(frozenset({int64})), _random_bits),
    ]
    return {
        name: Kernel(inputs, takes, rule)
        for names, inputs, takes, rule in words
        for name in names.split()
    }


_FLOAT_UNARY = "floor round sqrt exp expm1 log log1p sin cos tanh erf"
RULES = _table()
"""Every required kernel, by name."""


def self_overlaps(shape: tuple[int, ...], strides: tuple[int, ...]) -> bool:
    """Whether two elements of a view may share memory."""
    steps = sorted((abs(s), n) for n, s in zip(shape, strides, strict=True) if n > 1)
    if 0 in shape or not steps:
        return False
    reaches = [s * (n - 1) for s, n in steps]
    return steps[0][0] == 0 or any(
        outer[0] <= sum(reaches[: i + 1]) for i, (_, outer) in enumerate(pairwise(steps))
    )
