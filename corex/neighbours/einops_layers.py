"""`einops.layers.corex`: the layers `Rearrange`, `Reduce` and `EinMix` as corex modules."""

from __future__ import annotations

from typing import Any

from einops.layers import RearrangeMixin, ReduceMixin
from einops.layers._einmix import _EinmixMixin

import corex
from corex import nn

__all__ = ["EinMix", "Rearrange", "Reduce"]


class Rearrange(RearrangeMixin, nn.Module):  # type: ignore[misc]
    """`einops.rearrange` of one pattern, as a layer."""

    def forward(self, input: corex.Tensor) -> corex.Tensor:
        """The input, rearranged."""
        return self._apply_recipe(input)  # type: ignore[no-any-return]


class Reduce(ReduceMixin, nn.Module):  # type: ignore[misc]
    """`einops.reduce` of one pattern and reduction, as a layer."""

    def forward(self, input: corex.Tensor) -> corex.Tensor:
        """The input, reduced."""
        return self._apply_recipe(input)  # type: ignore[no-any-return]


class EinMix(_EinmixMixin, nn.Module):  # type: ignore[misc]
    """`einops.einsum` of the input with a weight of its own, between two rearrangements."""

    weight: nn.Parameter
    bias: nn.Parameter | None

    def _create_parameters(
        self, weight_shape: Any, weight_bound: float, bias_shape: Any, bias_bound: float
    ) -> None:
        self.weight = _uniform(weight_shape, weight_bound)
        self.bias = None if bias_shape is None else _uniform(bias_shape, bias_bound)

    def _create_rearrange_layers(
        self, before: str | None, sizes_before: Any, after: str | None, sizes_after: Any
    ) -> None:
        make: Any = Rearrange
        self.pre_rearrange = None if before is None else make(before, **sizes_before)
        self.post_rearrange = None if after is None else make(after, **sizes_after)

    def forward(self, input: corex.Tensor) -> corex.Tensor:
        """The mixture, with the bias added."""
        if self.pre_rearrange is not None:
            input = self.pre_rearrange(input)
        result = corex.einsum(self.einsum_pattern, input, self.weight)
        if self.bias is not None:
            result = result + self.bias
        return result if self.post_rearrange is None else self.post_rearrange(result)


def _uniform(shape: Any, bound: float) -> nn.Parameter:
    return nn.Parameter(corex.empty(shape).uniform_(-bound, bound))
