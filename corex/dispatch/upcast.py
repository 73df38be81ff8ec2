"""Computing in a wider dtype where a place holds a dtype and has no kernel for an op on it.

What the op reads is converted, the kernel for the `compute` dtype runs, what it writes is converted
back, all on the op's own place. To those who ask for a kernel this is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from corex.backend.contract import Kernel, KernelChoice, View
from corex.backend.signatures import SIGNATURES, UPDATES
from corex.dtypes import DType
from corex.layout import NBYTES, contiguous_strides
from corex.plugins.manager import manager
from corex.tensor.place import Place

_OWN_BITS: Final = frozenset(("copy", "random_uniform", "random_normal"))
"""What a wider dtype would round twice, or draw from other bits."""

_NUMBERS: Final = (bool, int, float)

Question = tuple[str, tuple[DType, ...]]
"""An op and the dtypes of its views."""


def upcast(place: Place, op: str, dtypes: tuple[DType, ...]) -> Upcast | None:
    """A kernel for `op` on views of these dtypes, if there is one for the wider ones.

    Numbers among its operands stay what they are until they are of the wider dtype.
    """
    wide = tuple([dtype.compute or dtype for dtype in dtypes])
    signature = SIGNATURES.get(op)
    if wide == dtypes or signature is None or signature.lists or op in _OWN_BITS:
        return None
    if not all([place.holds(dtype) for dtype in (*dtypes, *wide)]):
        return None
    line = _for_every_layout(place, op, wide)
    helpers: dict[Question, Kernel] = {}
    computes: dict[DType, None] = {}
    for dtype in dtypes:
        compute = dtype.compute
        if compute is None:
            continue
        computes[compute] = None
        questions: tuple[Question, ...] = (
            ("copy", (compute, dtype)),
            ("copy", (dtype, compute)),
            ("fill", (compute,)),
        )
        for question in questions:
            choices = _for_every_layout(place, *question)
            if not choices:
                return None
            helpers[question] = choices[-1].run
    return Upcast(place, op, line, helpers, tuple(computes)) if line else None


def _for_every_layout(place: Place, op: str, dtypes: tuple[DType, ...]) -> list[KernelChoice]:
    """The kernels in line, if the last of them takes what the others decline; else none."""
    line = [choice for choice, _ in manager.kernels(place.backend, op, dtypes)]
    return line if line and line[-1].accepts is None else []


class Upcast:
    """What is called in place of a kernel.

    Attributes:
        computes: the wider dtypes.
    """

    __slots__ = ("computes", "helpers", "line", "numbers", "op", "place", "signature")

    def __init__(
        self,
        place: Place,
        op: str,
        line: Sequence[KernelChoice],
        helpers: dict[Question, Kernel],
        computes: tuple[DType, ...],
    ) -> None:
        self.place = place
        self.op = op
        self.line = line
        self.helpers = helpers
        self.computes = computes
        self.signature = SIGNATURES[op]
        self.numbers = all([choice.numbers for choice in line])

    def __call__(self, *arguments: Any) -> None:
        given: list[Any] = []
        written: list[tuple[View, View]] = []
        outputs, operands = self.signature.outputs, self.signature.operands
        for i, argument in enumerate(arguments):
            if _is_narrow(argument):
                owned, wide, shown = self._room(argument)
                if i >= outputs or self.op in UPDATES:
                    self._copy(wide, owned)
                if i < outputs:
                    written.append((owned, wide))
                argument = shown
            elif type(argument) in _NUMBERS and i < operands and not self.numbers:
                argument = self._number(argument, arguments[0][2])
            given.append(argument)
        for choice in self.line:
            if choice.accepts is None or choice.accepts(*given):
                choice.run(*given)
                break
        for owned, wide in written:
            self._copy(owned, wide)

    def _copy(self, target: View, source: View) -> None:
        self.helpers["copy", (target[1], source[1])](target, source)

    def _number(self, value: Any, shape: tuple[int, ...]) -> View:
        """A number as an operand of the wider dtype."""
        dtype = self.computes[0]
        memory = self.place.backend.allocate(dtype.itemsize, self.place.index, dtype, ())
        self.helpers["fill", (dtype,)]((memory, dtype, (), (), 0), value)
        return (memory, dtype, shape, (0,) * len(shape), 0)

    def _room(self, view: View) -> tuple[View, View, View]:
        """The view without the repetitions of broadcasting; room for it in the wider dtype; and
        that as a view of the same shape."""
        buffer, dtype, shape, strides, offset = view
        compute = dtype.compute
        assert compute is not None
        own = tuple([n if step else min(n, 1) for n, step in zip(shape, strides, strict=True)])
        nbytes = NBYTES[compute.itemsize][own]
        memory = self.place.backend.allocate(nbytes, self.place.index, compute, own)
        dense = contiguous_strides(own)
        repeated = tuple([d if step else 0 for d, step in zip(dense, strides, strict=True)])
        return (
            (buffer, dtype, own, strides, offset),
            (memory, compute, own, dense, 0),
            (memory, compute, shape, repeated, 0),
        )


def _is_narrow(argument: Any) -> bool:
    """Whether an argument is a view of a dtype that is computed in another."""
    return (
        type(argument) is tuple
        and len(argument) == 5
        and isinstance(argument[1], DType)
        and argument[1].compute is not None
    )
