"""What an exception of a kernel is told on its way to the user: which op, where, and on what."""

from __future__ import annotations

from typing import Any

from corex.dtypes import DType
from corex.errors import add_note
from corex.layout import contiguous_strides
from corex.tensor.place import Place
from corex.tensor.tensor import Tensor

MANY = 6
"""How many views of a list are told."""


def note(error: BaseException, op: str, place: Place, arguments: tuple[Any, ...]) -> None:
    """Adds a note to an exception, from Python 3.11 on; before, to its message.

    `arguments` are tensors, or what a kernel was called with.
    """
    add_note(error, f"in {call_text(op, place, arguments)}")


def call_text(op: str, place: Place, arguments: tuple[Any, ...]) -> str:
    """A call of a kernel in words."""
    told = ", ".join(map(_told, arguments))
    return f"kernel '{op}' of backend '{place.name}' on {place.device}, called with: {told}"


def _told(argument: Any) -> str:
    """An argument: dtype, shape and layout of what lies in memory, the value of the rest."""
    if isinstance(argument, Tensor):
        return _memory(argument.key.dtype, argument.shape, argument.strides, argument.offset)
    if isinstance(argument, tuple) and len(argument) == 5 and isinstance(argument[1], DType):
        return _memory(*argument[1:])
    if isinstance(argument, list | tuple):
        shown = [_told(item) for item in argument[:MANY]]
        more = [f"... {len(argument) - MANY} more"] if len(argument) > MANY else []
        return f"[{', '.join([*shown, *more])}]"
    return repr(argument) if isinstance(argument, _PLAIN) else type(argument).__name__


_PLAIN = (bool, int, float, str, type(None))


def _memory(dtype: DType, shape: tuple[int, ...], strides: tuple[int, ...], offset: int) -> str:
    text = f"{dtype.name} {shape}"
    if strides != contiguous_strides(shape):
        text += f" with strides {strides}"
    return text + (f" from element {offset}" if offset else "")
