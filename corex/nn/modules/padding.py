"""Layers that continue their input beyond its borders."""

from __future__ import annotations

from typing import Any

from corex import Tensor
from corex.nn import functional
from corex.nn.modules.module import Module
from corex.nn.modules.utils import repeated


class _Pad(Module):
    """What all kinds of padding share.

    Args:
        padding: what is added to both sides of the last 1, 2 or 3 dims: one number for all sides,
            or two for each dim, the last dim first.
    """

    dims: int
    mode: str

    def __init__(self, padding: Any) -> None:
        super().__init__()
        self.padding = repeated(padding, 2 * self.dims)

    def forward(self, input: Tensor) -> Tensor:
        """(..., sizes) -> the same with larger sizes."""
        return functional.pad(input, self.padding, self.mode)

    def extra_repr(self) -> str:
        """What is added."""
        return f"{self.padding}"


class _ConstantPad(_Pad):
    """What kinds of padding with a number share.

    Args:
        padding: what is added to both sides of the last 1, 2 or 3 dims: one number for all sides,
            or two for each dim, the last dim first.
        value: the number.
    """

    mode = "constant"

    def __init__(self, padding: Any, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        """(..., sizes) -> the same with larger sizes."""
        return functional.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        """What is added, and its value."""
        return f"padding={self.padding}, value={self.value}"


class _ZeroPad(_ConstantPad):
    """What kinds of padding with zeros share."""

    def __init__(self, padding: Any) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        """What is added."""
        return f"{self.padding}"


class ConstantPad1d(_ConstantPad):
    """A number on both sides of the last dim."""

    dims = 1


class ConstantPad2d(_ConstantPad):
    """A number around the last two dims."""

    dims = 2


class ConstantPad3d(_ConstantPad):
    """A number around the last three dims."""

    dims = 3


class ZeroPad1d(_ZeroPad):
    """Zeros on both sides of the last dim."""

    dims = 1


class ZeroPad2d(_ZeroPad):
    """Zeros around the last two dims."""

    dims = 2


class ZeroPad3d(_ZeroPad):
    """Zeros around the last three dims."""

    dims = 3


class ReflectionPad1d(_Pad):
    """The last dim, mirrored at its ends, which are not repeated."""

    dims, mode = 1, "reflect"


class ReflectionPad2d(_Pad):
    """The last two dims, mirrored at their ends, which are not repeated."""

    dims, mode = 2, "reflect"


class ReflectionPad3d(_Pad):
    """The last three dims, mirrored at their ends, which are not repeated."""

    dims, mode = 3, "reflect"


class ReplicationPad1d(_Pad):
    """The last dim, its ends repeated."""

    dims, mode = 1, "replicate"


class ReplicationPad2d(_Pad):
    """The last two dims, their ends repeated."""

    dims, mode = 2, "replicate"


class ReplicationPad3d(_Pad):
    """The last three dims, their ends repeated."""

    dims, mode = 3, "replicate"


class CircularPad1d(_Pad):
    """The last dim, continued from its other end."""

    dims, mode = 1, "circular"


class CircularPad2d(_Pad):
    """The last two dims, continued from their other ends."""

    dims, mode = 2, "circular"


class CircularPad3d(_Pad):
    """The last three dims, continued from their other ends."""

    dims, mode = 3, "circular"
