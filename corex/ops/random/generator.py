"""The state of random streams: the same seed gives the same bits everywhere.

A generator is a seed and an offset; every draw of n elements advances the offset by what it used,
so a draw depends on nothing but (seed, offset, shape), not on backend or threads.
"""

from __future__ import annotations

import os
from typing import Any

from corex import dtypes as dt
from corex.device import device as Device
from corex.ops.registration import function
from corex.tensor.modes import capturing
from corex.tensor.modes import refuse as capturing_refused
from corex.tensor.tensor import Tensor

_MASK = (1 << 64) - 1


class Generator:
    """The state of a random stream: Philox4x32-10 keyed by `seed`, counting from `offset`.

    Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
    """

    def __init__(self, device: Device | str = "cpu") -> None:
        self.device = Device(device)
        self._seed = 67280421310721
        self._offset = 0

    def manual_seed(self, seed: int) -> Generator:
        """Restarts the stream with a seed; returns the generator.

        Raises:
            ValueError: a seed beyond 64 bits. RuntimeError: no integer.
        """
        if not hasattr(seed, "__index__"):
            raise RuntimeError(f"manual_seed expected a long, but got {type(seed).__name__}")
        number = seed.__index__()
        if not -(2**63) <= number < 2**64:
            raise ValueError("Overflow when unpacking long long")
        self._seed = number & _MASK
        self._offset = 0
        return self

    def seed(self) -> int:
        """Restarts the stream with a seed from the system's entropy, and returns it."""
        self.manual_seed(int.from_bytes(os.urandom(8), "little"))
        return self._seed

    def initial_seed(self) -> int:
        """The seed in use."""
        return self._seed

    def get_state(self) -> Tensor:
        """Seed and offset, as an int64 tensor of two elements."""
        from corex.ops.create.data import tensor

        return tensor([_signed(self._seed), _signed(self._offset)], dtype=dt.int64, device="cpu")

    def set_state(self, state: Tensor) -> None:
        """Continues where `get_state` was called.

        Raises:
            RuntimeError: not such a tensor.
        """
        if not isinstance(state, Tensor) or state.shape != (2,) or state.dtype is not dt.int64:
            raise RuntimeError("set_state() expects the int64 tensor of 2 elements of get_state()")
        self._seed, self._offset = (value & _MASK for value in state.tolist())

    def advance(self, blocks: int) -> tuple[int, int]:
        """(seed, offset) for a draw of `blocks` counter blocks, which are used up."""
        if capturing.active and self is not default_generator:
            capturing_refused("drawing random numbers from a generator of one's own")
        start = self._offset
        self._offset = (start + blocks) & _MASK
        return self._seed, start


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


default_generator = Generator()


@function()
def manual_seed(seed: Any) -> Generator:
    """Restarts the default stream with a seed, of whatever `int` takes, as in PyTorch; returns the
    default generator.

    Raises:
        ValueError: a seed beyond 64 bits, or no number.
    """
    return default_generator.manual_seed(int(seed))


@function()
def seed() -> int:
    """Restarts the default stream with a seed from the system's entropy, and returns it."""
    return default_generator.seed()


@function()
def initial_seed() -> int:
    """The seed of the default stream."""
    return default_generator.initial_seed()


@function()
def get_rng_state() -> Tensor:
    """The state of the default stream."""
    return default_generator.get_state()


@function()
def set_rng_state(new_state: Tensor) -> None:
    """Continues the default stream from a state."""
    default_generator.set_state(new_state)
