"""Devices: where a tensor's memory is, as PyTorch writes it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

_entering: list[Any] = []
"""What `with device(...)` does at its beginning and end: set by the floor that knows backends."""


def enter_devices(enter: Callable[[device], None], leave: Callable[[], None]) -> None:
    """Sets what a `with` block of a device does."""
    _entering[:] = [enter, leave]


_PATTERN = re.compile(r"([a-z_][a-z0-9_]*)(?::(\d+))?\Z")


class device:  # noqa: N801 - PyTorch's name
    """A device type and, optionally, a number: `device("cuda:1")`, `device("cuda", 1)`.

    Whether such a device exists is checked where it is used, because plugins bring new types.

    Raises:
        RuntimeError: the string is not of the form TYPE or TYPE:NUMBER.
        TypeError: not a string, number or device.
    """

    __slots__ = ("index", "type")

    type: str
    index: int | None

    def __init__(self, type: str | device, index: int | None = None) -> None:
        if isinstance(type, device):
            self.type, self.index = type.type, type.index if index is None else index
            return
        if not isinstance(type, str):
            raise TypeError(f"device() takes a string such as 'cpu' or 'cuda:0', got {type!r}")
        match = _PATTERN.match(type)
        if match is None:
            raise RuntimeError(f"Invalid device string: {type!r} (expected TYPE or TYPE:NUMBER)")
        self.type = match[1]
        self.index = index if match[2] is None else int(match[2])
        if match[2] is not None and index is not None:
            raise RuntimeError(
                "type (string) must not include an index because index was passed explicitly: "
                f"{type}"
            )
        if self.index is not None and self.index < 0:
            raise RuntimeError(f"Device index must not be negative: {self.index}")

    def __repr__(self) -> str:
        suffix = "" if self.index is None else f", index={self.index}"
        return f"device(type='{self.type}'{suffix})"

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) and self.type == other.type and self.index == other.index

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __enter__(self) -> device:
        """Has new tensors of this thread go here, until the end of the `with` block.

        Raises:
            RuntimeError: nobody serves the device type, or it has no such number.
        """
        _entering[0](self)
        return self

    def __exit__(self, *error: object) -> None:
        _entering[1]()

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (device, (str(self),))
