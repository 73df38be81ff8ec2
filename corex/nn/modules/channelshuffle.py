"""Channels in another order (Zhang et al., 2018)."""

from __future__ import annotations

from corex import Tensor
from corex.nn import functional
from corex.nn.modules.module import Module


class ChannelShuffle(Module):
    """The channels of all groups, one of each in turn.

    Args:
        groups: how many groups there are.
    """

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, ...) -> (N, C, ...)."""
        return functional.channel_shuffle(input, self.groups)

    def extra_repr(self) -> str:
        """The groups."""
        return f"groups={self.groups}"
