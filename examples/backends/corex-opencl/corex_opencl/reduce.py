"""Reductions over the last `n` dimensions."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final, NamedTuple

import numpy as np
import pyopencl as cl

from corex.backend import Kernel, View
from corex.dtypes import DType, int64

from .devices import Device
from .layouts import layouts, plan
from .programs import TYPES, Source, title, type_defines
from .scratch import densely

GROUP = 64  # work-items of a group in the kernel `segments`
LONG = 1024  # rows of so many elements are worth a group, where there are few of them
MANY = 512  # so many rows keep a device busy with one work-item each

_LIMITS: Final = {  # C's names for the smallest and the largest value
    "bool": ("0", "1"),
    "uint8": ("0", "255"),
    "int32": ("INT_MIN", "INT_MAX"),
    "int64": ("LONG_MIN", "LONG_MAX"),
    "float32": ("-INFINITY", "INFINITY"),
    "float64": ("-INFINITY", "INFINITY"),
}


class Rule(NamedTuple):
    """A reduction: the macros of `reduce.cl`.

    Attributes:
        kinds: letters of `DType.kind`.
        join: JOIN of p and q; for positions BEATS.
        nothing: NOTHING; "lowest" and "highest" stand for the dtype's limits.
        wide: whether to accumulate in a wider type.
        result: RESULT of total and length.
        positions: whether the result is a position.
    """

    kinds: str
    join: str
    nothing: str
    wide: bool = False
    result: str = "(OUT_TYPE)(total)"
    positions: bool = False


RULES: Final[Mapping[str, Rule]] = {
    "sum": Rule("uif", "(p) + (q)", "0", wide=True),
    "mean": Rule("f", "(p) + (q)", "0", wide=True, result="(OUT_TYPE)((total) / (ACC)(length))"),
    "prod": Rule("uif", "(p) * (q)", "1", wide=True),
    "amax": Rule("buif", "(p) >= (q) || (p) != (p) ? (p) : (q)", "lowest"),
    "amin": Rule("buif", "(p) <= (q) || (p) != (p) ? (p) : (q)", "highest"),
    "argmax": Rule("uif", "(q) > (p)", "item(0, -1)", result="(total).at", positions=True),
    "argmin": Rule("uif", "(q) < (p)", "item(0, -1)", result="(total).at", positions=True),
    "any": Rule("b", "(p) | (q)", "0"),
    "all": Rule("b", "(p) & (q)", "1"),
}


def signature(op: str, dtypes: tuple[DType, ...]) -> bool:
    """Whether a reduction has these dtypes: output, input."""
    rule = RULES.get(op)
    if rule is None or len(dtypes) != 2 or dtypes[1].kind not in rule.kinds:
        return False
    return dtypes[0] is (int64 if rule.positions else dtypes[1])


def source(op: str, dtype: DType, fp64: bool) -> Source:
    """The program of a reduction."""
    rule = RULES[op]
    name = TYPES[dtype.name]
    lowest, highest = _LIMITS[dtype.name]
    defines = [*type_defines(dtype, fp64), ("GROUP", str(GROUP))]
    if rule.positions:
        defines += [("POSITIONS", "1"), ("ACC", "Best"), ("BEATS(q, p)", rule.join)]
    else:
        defines += [("ACC", "WIDE" if rule.wide else name), ("JOIN(p, q)", rule.join)]
    defines += [
        ("NOTHING", {"lowest": lowest, "highest": highest}.get(rule.nothing, rule.nothing)),
        ("ITEM(x, j)", "item(x, j)" if rule.positions else "(ACC)(x)"),
        ("OUT_TYPE", "long" if rule.positions else name),
        ("RESULT(total, length)", rule.result),
    ]
    return Source(title(op, [dtype]), ("reduce",), tuple(defines))


def run(op: str, out: View, a: View, n: int) -> None:
    """Enqueues a reduction: one work-item per row, or a group for each of few long rows."""
    split = len(a[2]) - n
    inner = plan(a[2][split:], a[3][split:])
    if len(inner.places) > 1:
        a = densely(a)
        inner = plan(a[2][split:], a[3][split:])
    kept = plan(out[2], out[3], a[3][:split])
    if kept.size == 0:
        return
    device: Device = a[0].device
    dtype = a[1]

    def function(name: str) -> cl.Kernel:
        return device.function((op, dtype, name), name, partial(source, op, dtype, device.fp64))

    (row,) = layouts(inner, 0)
    target, origin = out[0].ptr, a[0].ptr
    for rows in layouts(kept, out[4], a[4]):
        if inner.size < LONG or kept.size >= MANY:
            device.launch(function("rows"), kept.size, target, origin, rows, row)
            continue
        count = max(1, min(inner.size // (GROUP * GROUP), 2 * MANY // kept.size))
        parts = device.scratch(16 * kept.size * count)
        groups = kept.size * count
        device.launch_groups(
            function("segments"),
            (groups * GROUP,),
            (GROUP,),
            parts.ptr,
            origin,
            rows,
            row,
            np.int64(count),
        )
        sizes = np.int64(count), np.int64(inner.size)
        device.launch(function("together"), kept.size, target, parts.ptr, rows, *sizes)


def _kernel(op: str) -> Kernel:
    def kernel(out: View, a: View, n: int) -> None:
        run(op, out, a, n)

    return kernel


KERNELS: Mapping[str, Kernel] = {op: _kernel(op) for op in RULES}
