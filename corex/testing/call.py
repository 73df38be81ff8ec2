"""A kernel's arguments in a backend's memory, and what is there afterwards."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from corex.backend.contract import Backend, Buffer, View
from corex.testing.arrays import Array, Out, Placed, raw

ALIGNMENT: Final = 64


class Piece(NamedTuple):
    """Where one argument lives: a buffer, and the byte at which its memory starts there."""

    placed: Placed
    buffer: Buffer
    start: int


class Call:
    """Uploads arguments, runs a kernel on them, and reads all memory back.

    With `shared`, the inputs all live in one buffer; otherwise every argument has its own.
    """

    def __init__(
        self, backend: Backend, device: int, arguments: Sequence[Any], shared: bool = False
    ) -> None:
        self.backend = backend
        self.device = device
        self.pieces: dict[int, Piece] = {}
        self.given = arguments
        if shared:
            self._share([p for p in flat(arguments) if not isinstance(p, Out)])
        for placed in flat(arguments):
            if id(placed) not in self.pieces:
                buffer = backend.allocate(placed.memory.nbytes, device)
                self.pieces[id(placed)] = Piece(placed, buffer, 0)
        self.reset()

    def _share(self, inputs: list[Placed]) -> None:
        starts, total = [], 0
        for placed in inputs:
            starts.append(total)
            total += -(-placed.memory.nbytes // ALIGNMENT) * ALIGNMENT
        buffer = self.backend.allocate(total, self.device)
        for placed, start in zip(inputs, starts, strict=True):
            self.pieces[id(placed)] = Piece(placed, buffer, start)

    # ---- memory ----
    def reset(self, turn: int = 0) -> None:
        """Puts every argument's memory back; outputs get the garbage of this turn."""
        for placed, buffer, start in self.pieces.values():
            memory = placed.memory
            if turn and isinstance(placed, Out):
                memory = placed.second_garbage()
            self.backend.copy_from_host(buffer, start, raw(memory))

    def rehearse(self) -> None:
        """Puts the inputs' elements in reverse order, so that results of old inputs show."""
        for placed, buffer, start in self.pieces.values():
            if isinstance(placed, Out):
                continue
            memory = placed.memory.copy()
            array = placed.read(memory)
            array[...] = placed.array.ravel()[::-1].reshape(array.shape)
            self.backend.copy_from_host(buffer, start, raw(memory))

    def memory(self) -> Iterator[tuple[Placed, Array]]:
        """Every argument with all of the memory around it, as it is now."""
        self.backend.synchronize(self.device)
        for placed, buffer, start in self.pieces.values():
            after = np.empty_like(placed.memory)
            self.backend.copy_to_host(buffer, start, raw(after))
            yield placed, after

    # ---- the kernel's side ----
    def arguments(self) -> list[Any]:
        """The arguments as the kernel gets them: views in place of arrays."""
        return [self._shown(argument) for argument in self.given]

    def _shown(self, argument: Any) -> Any:
        if isinstance(argument, list):
            return [self._shown(item) for item in argument]
        if not isinstance(argument, Placed):
            return argument
        piece = self.pieces[id(argument)]
        return argument.view(piece.buffer, piece.start)

    # ---- the end ----
    def release(self) -> bool:
        """Lets go of all buffers. Returns whether somebody else still holds one.

        Only buffers that can be referred to weakly tell.
        """
        watched = [_watched(piece.buffer) for piece in self.pieces.values()]
        self.pieces.clear()
        if any(buffer() is not None for buffer in watched):
            gc.collect()
        return any(buffer() is not None for buffer in watched)


def _watched(buffer: Buffer) -> Callable[[], Buffer | None]:
    try:
        return weakref.ref(buffer)
    except TypeError:
        return lambda: None


def flat(arguments: Sequence[Any]) -> list[Placed]:
    """The arrays among the arguments, each once, those of lists included."""
    found: dict[int, Placed] = {}
    for argument in arguments:
        if isinstance(argument, list):
            found |= {id(placed): placed for placed in flat(argument)}
        elif isinstance(argument, Placed):
            found[id(argument)] = argument
    return list(found.values())


def views_of(arguments: Sequence[Any]) -> list[View]:
    """All views among a kernel's arguments, those of lists included."""
    found: list[View] = []
    for argument in arguments:
        if isinstance(argument, list):
            found += views_of(argument)
        elif isinstance(argument, tuple) and len(argument) == 5:
            found.append(argument)
    return found
