"""From a table's entry to a compiled program.

The sources are the files of `cl/`. What differs from op to op and from dtype to dtype are macros,
which a program's text defines first: `#define T float`, `#define EXPRESSION a + b`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from functools import cache
from importlib import resources
from typing import NamedTuple

import pyopencl as cl

from corex.dtypes import DType

OPTIONS = ["-cl-std=CL1.2"]

TYPES = {
    "bool": "uchar",
    "uint8": "uchar",
    "int32": "int",
    "int64": "long",
    "float32": "float",
    "float64": "double",
}
UNSIGNED = {"uchar": "uchar", "int": "uint", "long": "ulong", "float": "float", "double": "double"}
BITS = {1: "uchar", 4: "uint", 8: "ulong"}


class Source(NamedTuple):
    """A program before compilation.

    Attributes:
        title: the op and its dtypes, for error messages.
        files: names in `cl/`, without suffix, in order.
        defines: macros and their values, in order.
    """

    title: str
    files: tuple[str, ...]
    defines: tuple[tuple[str, str], ...]

    @property
    def text(self) -> str:
        """The program as the compiler gets it."""
        lines = [f"#define {name} {value}" for name, value in self.defines]
        return "\n".join([*lines, *map(read, ("prelude", *self.files))])


@cache
def read(name: str) -> str:
    """The text of a file in `cl/`."""
    return (resources.files(__package__) / "cl" / f"{name}.cl").read_text()


def title(op: str, dtypes: Iterable[DType]) -> str:
    """The op and its dtypes as error messages call them."""
    return f"{op}({', '.join(dtype.name for dtype in dtypes)})"


def type_defines(dtype: DType, fp64: bool) -> tuple[tuple[str, str], ...]:
    """The macros of one element type: T itself, U its unsigned form, WIDE a wider one."""
    name = TYPES[dtype.name]
    wide = "double" if fp64 else "float"
    return (
        ("T", name),
        ("U", UNSIGNED[name]),
        ("WIDE", wide if dtype.kind == "f" else "ulong"),
        ("BITS", str(8 * dtype.itemsize)),
        ("IS_SIGNED", str(int(dtype.kind == "i"))),
        ("IS_FLOAT", str(int(dtype.kind == "f"))),
        *((("FP64", "1"),) if fp64 else ()),
    )


def build(context: cl.Context, hardware: cl.Device, source: Source) -> cl.Program:
    """Compiles a program.

    Raises:
        RuntimeError: the compiler refuses; with its log.
    """
    exact = hardware.single_fp_config & cl.device_fp_config.CORRECTLY_ROUNDED_DIVIDE_SQRT
    options = [*OPTIONS, *(["-cl-fp32-correctly-rounded-divide-sqrt"] if exact else [])]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # compilers have notes even on what is right
            program: cl.Program = cl.Program(context, source.text).build(options, [hardware])
            return program
    except cl.Error as error:
        raise RuntimeError(
            f"opencl could not compile {source.title} for {hardware.name}: {error}"
        ) from None
