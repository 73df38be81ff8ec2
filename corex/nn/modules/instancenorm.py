"""Normalisation of every sample by itself (Ulyanov et al., 2016)."""

from __future__ import annotations

from typing import Any

from corex import Tensor
from corex.nn import functional
from corex.nn.modules.batchnorm import _NormBase


class _InstanceNorm(_NormBase):
    """What normalises every channel of every sample.

    Args:
        num_features: how many channels there are.
        eps: added to the variance.
        momentum: weight of a sample in the running statistics.
        affine: whether to learn a scale and shift for each channel.
        track_running_stats: whether to keep statistics for evaluation.
        device: where parameters and buffers are made.
        dtype: their element type.
        bias: whether to learn the shift.
    """

    dims: int

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(
            num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias
        )

    def _check_input_dim(self, input: Tensor) -> None:
        if input.dim() not in (self.dims + 1, self.dims + 2):
            raise ValueError(
                f"expected {self.dims + 1}D or {self.dims + 2}D input (got {input.dim()}D input)"
            )

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, ...) or (C, ...), unchanged.

        Raises:
            ValueError: another number of dims or, with a scale, of channels.
        """
        self._check_input_dim(input)
        channels = input.shape[-self.dims - 1]
        if self.affine and channels != self.num_features:
            raise ValueError(
                f"expected input's size at dim={input.dim() - self.dims - 1} to match num_features "
                f"({self.num_features}), but got: {channels}."
            )
        if input.dim() == self.dims + 1:
            return self._normalised(input.unsqueeze(0)).squeeze(0)
        return self._normalised(input)

    def _normalised(self, input: Tensor) -> Tensor:
        return functional.instance_norm(
            input, self.running_mean, self.running_var, self.weight, self.bias,
            self.training or not self.track_running_stats,
            self.momentum if self.momentum is not None else 0.0, self.eps,
        )  # fmt: skip


class InstanceNorm1d(_InstanceNorm):
    """Normalises every channel of every sequence: (N, C, L) or (C, L)."""

    dims = 1


class InstanceNorm2d(_InstanceNorm):
    """Normalises every channel of every image: (N, C, H, W) or (C, H, W)."""

    dims = 2


class InstanceNorm3d(_InstanceNorm):
    """Normalises every channel of every volume: (N, C, D, H, W) or (C, D, H, W)."""

    dims = 3
