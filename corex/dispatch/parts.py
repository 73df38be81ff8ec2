"""Ops on complex tensors that treat real and imaginary parts alike, by the kernels for floats.

A view of complex elements is two views of floats, of twice the strides; where all views of an
elementwise op are complex it is one, with a dimension of 2 more. To those who ask for a kernel what
is found here is one, so that a place which holds complex numbers needs no kernels for them. What
mixes the parts (products, functions) is composed of ops on them, in
`ops/pointwise/complex_steps.py`.
"""

from __future__ import annotations

from typing import Any, Final

from corex.backend.contract import Kernel, KernelChoice, View
from corex.dispatch.upcast import upcast
from corex.dtypes import DType, bool_
from corex.layout import NBYTES, contiguous_strides
from corex.plugins.manager import manager
from corex.tensor.place import Place

_ELEMENTWISE: Final = frozenset(("neg", "add", "sub"))
PARTWISE: Final = _ELEMENTWISE | frozenset(
    "where sum cumsum tril triu index index_put gather scatter_add".split()
)
"""What is done to each part by itself."""


def by_parts(place: Place, op: str, dtypes: tuple[DType, ...]) -> Kernel | None:
    """A kernel for `op` on views of these dtypes, complex ones among them, if there is one for
    their parts."""
    if not any([dtype.is_complex for dtype in dtypes]):
        return None
    if op == "copy":
        return _copy(place, *dtypes)
    if op == "fill":
        fill = _kernel(place, op, (dtypes[0].to_real(),))
        return None if fill is None else _Fill(fill)
    if op not in PARTWISE:
        return None
    kernel = _kernel(place, op, tuple([dtype.to_real() for dtype in dtypes]))
    return None if kernel is None else _Parts(op, kernel)


def _kernel(place: Place, op: str, dtypes: tuple[DType, ...]) -> KernelChoice | None:
    """A kernel that takes every layout."""
    if not all([place.holds(dtype) for dtype in dtypes]):
        return None
    line = [choice for choice, _ in manager.kernels(place.backend, op, dtypes)]
    if line and line[-1].accepts is None:
        return line[-1]
    wider = upcast(place, op, dtypes)
    return None if wider is None else KernelChoice(wider, None, wider.numbers)


# ---- views -----------------------------------------------------------------------------------
def is_complex(argument: Any) -> bool:
    """Whether an argument of a kernel is a view of complex elements."""
    return (
        type(argument) is tuple
        and len(argument) == 5
        and isinstance(argument[1], DType)
        and argument[1].is_complex
    )


def part(view: View, number: int) -> View:
    """The real (0) or imaginary (1) parts of a view of complex elements."""
    buffer, dtype, shape, strides, offset = view
    doubled = tuple([2 * stride for stride in strides])
    return (buffer, dtype.to_real(), shape, doubled, 2 * offset + number)


def both(view: View) -> View:
    """Real and imaginary parts, along a last dimension."""
    buffer, dtype, shape, strides, offset = part(view, 0)
    return (buffer, dtype, (*shape, 2), (*strides, 1), offset)


def beside(view: View) -> View:
    """Real and imaginary parts, along a dimension before the last."""
    buffer, dtype, shape, strides, offset = part(view, 0)
    return (buffer, dtype, (*shape[:-1], 2, shape[-1]), (*strides[:-1], 1, strides[-1]), offset)


# ---- kernels -----------------------------------------------------------------------------------
class _Parts:
    """The kernel for floats, twice, or once over both parts."""

    __slots__ = ("joined", "kernel", "numbers", "operands")

    def __init__(self, op: str, kernel: KernelChoice) -> None:
        self.joined = both if op in _ELEMENTWISE else beside if op == "cumsum" else None
        self.operands = op in _ELEMENTWISE or op == "where"  # and no parameters
        self.kernel = kernel.run
        self.numbers = kernel.numbers

    def __call__(self, *arguments: Any) -> None:
        joined = self.joined
        if joined is not None and all([is_complex(argument) for argument in arguments]):
            self.kernel(*[joined(argument) for argument in arguments])
            return
        for number in (0, 1):
            self.kernel(*[self._part_of(argument, number) for argument in arguments])

    def _part_of(self, argument: Any, number: int) -> Any:
        if is_complex(argument):
            return part(argument, number)
        if self.operands and isinstance(argument, int | float | complex):
            return argument.imag if number else argument.real
        return argument


class _Fill:
    __slots__ = ("kernel", "numbers")

    def __init__(self, kernel: KernelChoice) -> None:
        self.kernel = kernel.run
        self.numbers = True

    def __call__(self, out: View, value: complex) -> None:
        self.kernel(part(out, 0), value.real)
        self.kernel(part(out, 1), value.imag)


def _copy(place: Place, to: DType, of: DType) -> Kernel | None:
    real = _kernel(place, "copy", (to.to_real(), of.to_real()))
    if real is None:
        return None
    if to.is_complex and of.is_complex:
        copy = real.run
        return lambda out, a: copy(both(out), both(a))
    if to.is_complex:
        fill = _kernel(place, "fill", (to.to_real(),))
        return None if fill is None else _widening(real.run, fill.run)
    if to is not bool_:
        copy = real.run
        return lambda out, a: copy(out, part(a, 0))
    either = _kernel(place, "logical_or", (bool_, bool_, bool_))
    return None if either is None else _truth(place, real.run, either.run)


def _widening(copy: Kernel, fill: Kernel) -> Kernel:
    def run(out: View, a: View) -> None:
        copy(part(out, 0), a)
        fill(part(out, 1), 0)

    return run


def _truth(place: Place, copy: Kernel, either: Kernel) -> Kernel:
    """A complex number is true if one of its parts is."""

    def run(out: View, a: View) -> None:
        shape = out[2]
        memory = place.backend.allocate(NBYTES[1][shape], place.index, bool_, shape)
        other = (memory, bool_, shape, contiguous_strides(shape), 0)
        copy(out, part(a, 0))
        copy(other, part(a, 1))
        either(out, out, other)

    return run
