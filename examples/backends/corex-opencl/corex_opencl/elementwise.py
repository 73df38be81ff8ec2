"""Elementwise kernels: the ops of `tables`, `where`, and `copy` with its conversions."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from corex.backend import Kernel, View
from corex.dtypes import DType, bool_

from .checks import no_zero
from .devices import Device
from .layouts import layouts, plan
from .programs import BITS, TYPES, Source, title, type_defines
from .tables import (
    BINARY,
    BINARY_TO_BOOL,
    DIVISIONS,
    KIND,
    UNARY,
    UNARY_TO_BOOL,
    WIDE,
    Row,
)

# Those with a kernel of their own in elementwise.cl; any other geometry is computed `anywhere`.
_ALONG = {"11", "10", "111", "110", "101", "1111"}


def run(op: str, out: View, *inputs: View) -> None:
    """Enqueues one elementwise op."""
    views = (out, *inputs)
    dtypes = tuple([view[1] for view in views])
    found = plan(out[2], *[view[3] for view in views])
    if found.size == 0:
        return
    device: Device = out[0].device
    name = f"along_{found.steps}" if found.steps in _ALONG else "anywhere"
    kernel = device.function((op, dtypes, name), name, lambda: source(op, dtypes, device.fp64))
    buffers = [view[0].ptr for view in views]
    for layout in layouts(found, *[view[4] for view in views]):
        device.launch(kernel, found.size, *buffers, layout)


# ---- sources -----------------------------------------------------------------------------------
def source(op: str, dtypes: tuple[DType, ...], fp64: bool) -> Source:
    """The program of an op: expression and types as macros, before `elementwise.cl`."""
    helpers: tuple[str, ...] = ()
    if op == "copy":
        stored, computed, expression = _conversion(*dtypes)
    elif op == "where":
        bits = BITS[dtypes[0].itemsize]
        stored, computed, expression = (
            [bits, "uchar", bits, bits],
            ["uchar", bits, bits],
            "a ? b : c",
        )
    else:
        row = rows()[op][KIND[dtypes[1].kind]]
        assert row is not None, title(op, dtypes)
        expression = row
        stored = [TYPES[dtype.name] for dtype in dtypes]
        wide = fp64 and op in WIDE and dtypes[1].kind == "f"
        computed = ["double" if wide else name for name in stored[1:]]
        helpers = {"b": (), "f": ("floating",)}.get(dtypes[1].kind, ("integer",))
    defines = [
        *type_defines(dtypes[-1], fp64),
        ("REAL", computed[-1]),
        ("INPUTS", str(len(dtypes) - 1)),
        ("OUT_TYPE", stored[0]),
        *((f"{letter}_TYPE", name) for letter, name in zip("ABC", stored[1:], strict=False)),
        *((f"{letter}_AS", name) for letter, name in zip("ABC", computed, strict=False)),
        ("EXPRESSION", expression),
    ]
    return Source(title(op, dtypes), (*helpers, "elementwise"), tuple(defines))


_WHOLE: Mapping[str, tuple[str, str, str]] = {
    "int": ("int", "0x1p31f", "(-2147483647 - 1)"),
    "long": ("long", "0x1p63f", "(-9223372036854775807L - 1)"),
}


def _conversion(to: DType, dtype: DType) -> tuple[list[str], list[str], str]:
    """Stored types, types computed with, and the expression of a copy."""
    if to is dtype:
        bits = BITS[to.itemsize]
        return [bits, bits], [bits], "a"
    names = [TYPES[to.name], TYPES[dtype.name]]
    if to.kind == "b":
        return names, names[1:], "a != 0"
    if to.kind in "ui" and dtype.kind == "f":
        # What does not fit gives the lowest number; uint8 is the low byte of 64 bits.
        whole, bound, lowest = _WHOLE["int" if to.itemsize == 4 else "long"]
        return names, names[1:], f"a >= -{bound} && a < {bound} ? ({whole})a : {lowest}"
    return names, names[1:], "a"


@cache
def rows() -> Mapping[str, Row]:
    """All tables in one."""
    return {**UNARY, **UNARY_TO_BOOL, **BINARY, **BINARY_TO_BOOL}


# ---- kernels -----------------------------------------------------------------------------------
def _kernel(op: str) -> Kernel:
    def kernel(*views: View) -> None:
        run(op, *views)

    return kernel


def _division(op: str) -> Kernel:
    def kernel(out: View, a: View, b: View) -> None:
        if b[1].kind in "ui":
            no_zero(b)
        run(op, out, a, b)

    return kernel


def gelu(out: View, a: View, tanh: bool) -> None:
    """a Phi(a), or its approximation by tanh."""
    run("gelu_tanh" if tanh else "gelu", out, a)


def gelu_backward(out: View, g: View, a: View, tanh: bool) -> None:
    """g times the derivative of gelu."""
    run("gelu_tanh_backward" if tanh else "gelu_backward", out, g, a)


def signature(op: str, dtypes: tuple[DType, ...]) -> bool:
    """Whether an op of the tables has these dtypes, the output's first."""
    row = rows().get(op)
    if row is None:
        return False
    count = 2 if op in UNARY or op in UNARY_TO_BOOL else 3
    to_bool = op in UNARY_TO_BOOL or op in BINARY_TO_BOOL
    inputs = dtypes[1:]
    return (
        len(dtypes) == count
        and all(dtype is inputs[0] for dtype in inputs)
        and dtypes[0] is (bool_ if to_bool else inputs[0])
        and row[KIND[inputs[0].kind]] is not None
    )


KERNELS: Mapping[str, Kernel] = {
    **{op: _kernel(op) for op in rows() if "gelu" not in op},
    **{op: _division(op) for op in DIVISIONS},
    "gelu": gelu,
    "gelu_backward": gelu_backward,
    "where": _kernel("where"),
    "copy": _kernel("copy"),
}
