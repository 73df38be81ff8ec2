"""Devices: where a tensor's memory is, as PyTorch writes it."""

from __future__ import annotations

import re

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

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (device, (str(self),))
