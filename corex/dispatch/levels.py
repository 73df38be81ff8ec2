"""Who gets an op before it runs: the interpreters at work on a thread, the latest on top.

An interpreter does something else with ops than to run them, or runs them and takes notes: a tape
records them, a batch runs them for many inputs at once. One that `sees_all` gets every op of its
thread (a tape must know of factories, random numbers, and writes to tensors made before it); any
other gets the ops on its own tensors, which live on an `InterpretedPlace`. While it handles an op,
only those below it are at work, so that interpreters nest in any order.

Nobody pays for this: the gate asks `open`, a number, and the short cuts, which ask nothing, hang on
dispatch keys and are closed while there is an interpreter: on its thread alone.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from corex.backend.contract import Backend
from corex.dtypes import ALL, DType
from corex.tensor import place as places
from corex.tensor.modes import mode
from corex.tensor.place import DispatchKey, Place
from corex.tensor.schema import OpSchema
from corex.tensor.tensor import Tensor, alias
from corex.tensor.view_op import ViewOp

Shape = tuple[int, ...]

open = 0
"""How many interpreters are at work, on any thread."""


class Interpreter:
    """What is done with ops instead of running them.

    A method may call the gate for ops on other tensors (or, where it sees all, on the same): those
    are left to the interpreters below. One that answers NotImplemented to an op leaves it to its
    decomposition, whose ops come to it next. Gradients are recorded above: whatever a method does,
    its results are recorded for those of its inputs that require gradients.
    """

    sees_all = False

    def over(self, place: Place) -> InterpretedPlace:
        """Where this interpreter's tensors over those of `place` live."""
        places: dict[Place, InterpretedPlace] = self.__dict__.setdefault("_places", {})
        found = places.get(place)
        if found is None:
            found = places[place] = InterpretedPlace(self, place)
        return found

    def op(
        self,
        schema: OpSchema,
        inputs: tuple[Any, ...],
        params: tuple[Any, ...],
        spec: tuple[Shape, DType] | None,
        out: Tensor | None,
    ) -> Any:
        """The result of an op, or a tuple of them.

        Inputs are tensors, numbers, or None. `spec` is the result's shape and dtype where the op
        is elementwise, whose inputs broadcast; `out`, if given, is written and returned.
        """
        raise NotImplementedError

    def view(self, op: ViewOp, t: Tensor, params: tuple[Any, ...]) -> Tensor:
        """A view of `t`, outside the graph."""
        raise NotImplementedError

    def write(
        self,
        name: str,
        outs: Sequence[Any],
        inputs: Sequence[Any],
        params: tuple[Any, ...],
        indices: Sequence[Tensor],
    ) -> None:
        """A kernel that writes existing tensors; they may be in lists."""
        raise NotImplementedError


class InterpretedPlace(Place):
    """Where the tensors of an interpreter live: beside a real place, without memory or kernels.

    The buffer of such a tensor is what the interpreter put there. One that nobody wrote yet has an
    `Unwritten` one.
    """

    __slots__ = ("below", "interpreter")

    def __init__(self, interpreter: Interpreter, below: Place) -> None:
        self.interpreter: Interpreter = interpreter
        self.below = below
        self.name, self.index, self.device = below.name, below.index, below.device
        self.backend = _Memoryless()
        self.kernels = {}
        self.late = None
        self.keys = tuple(DispatchKey(self, dtype) for dtype in ALL)

    @property
    def real(self) -> Place:
        """The place that holds the memory."""
        return self.below.real

    @property
    def level(self) -> int:
        """One more than the place below."""
        return self.below.level + 1


class Unwritten:
    """In place of a buffer: nothing was written there yet."""


class _Memoryless(Backend):
    name = "interpreted"

    def allocate(self, nbytes: int, device: int, dtype: Any = None, shape: Any = None) -> Any:
        """What stands for memory until an interpreter puts something there."""
        return Unwritten()

    def direct(self, op: str, dtype: DType) -> None:
        """There are no short cuts."""
        return


# ---- the stack -----------------------------------------------------------------------------------
class _Thread(threading.local):
    stack: tuple[Interpreter, ...] = ()


_thread = _Thread()
_lock = threading.Lock()


def busy() -> bool:
    """Whether an interpreter is at work on this thread."""
    return bool(_thread.stack)


places.ask_interpreters(busy)


def _count(by: int) -> None:
    global open
    with _lock:
        open += by
    places.change_interpreters(by)


@contextmanager
def interpreting(interpreter: Interpreter) -> Iterator[None]:
    """Puts an interpreter on top of those of this thread, until the end of the block."""
    before = _thread.stack
    _count(1)
    _thread.stack = (*before, interpreter)
    try:
        yield
    finally:
        _thread.stack = before
        _count(-1)


@contextmanager
def below(interpreter: Interpreter) -> Iterator[None]:
    """Only the interpreters below one are at work in the block."""
    before = _thread.stack
    _thread.stack = before[: before.index(interpreter)]
    recording = mode.enabled
    if interpreter.sees_all:  # the same tensors: what is recorded is recorded above
        mode.enabled = False
    try:
        yield
    finally:
        _thread.stack = before
        mode.enabled = recording


def own(interpreter: Interpreter, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """The inputs, those on other places than the interpreter's outside the graph."""
    return tuple(
        [
            alias(t)
            if isinstance(t, Tensor)
            and getattr(t.key.place, "interpreter", None) is not interpreter
            else t
            for t in inputs
        ]
    )


def handler(tensors: Iterable[Any]) -> Interpreter | None:
    """Who gets an op on these tensors; None if it is to run."""
    stack = _thread.stack
    if not stack:
        return None
    owners = {getattr(t.key.place, "interpreter", None) for t in tensors if isinstance(t, Tensor)}
    for interpreter in reversed(stack):
        if interpreter.sees_all or interpreter in owners:
            return interpreter
    return None
