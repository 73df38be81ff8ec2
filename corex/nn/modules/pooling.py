"""Pooling, of one to three dims."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from corex import Tensor
from corex.nn import functional
from corex.nn.modules.module import Module
from corex.nn.modules.utils import repeated


class _MaxPoolNd(Module):
    """What kinds of pooling by the maximum share.

    Args:
        kernel_size: the windows' size: one number for all dims, or one for each.
        stride: step between windows; the window's size if None.
        padding: implicit minus infinity on both sides.
        dilation: step between the elements of a window.
        return_indices: also return where the maxima were.
        ceil_mode: keep a last window that sticks out.
    """

    _function: Callable[..., Any]

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Any:
        """(N, C, ...) or (C, ...) -> the same with smaller sizes, or a pair with the indices."""
        return self._function(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode,
            self.return_indices,
        )  # fmt: skip

    def extra_repr(self) -> str:
        """The windows."""
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(_MaxPoolNd):
    """The maximum of every window of a sequence."""

    _function = staticmethod(functional.max_pool1d)


class MaxPool2d(_MaxPoolNd):
    """The maximum of every window of an image."""

    _function = staticmethod(functional.max_pool2d)


class MaxPool3d(_MaxPoolNd):
    """The maximum of every window of a volume."""

    _function = staticmethod(functional.max_pool3d)


class _MaxUnpoolNd(Module):
    """What puts maxima back to where they were, with zeros elsewhere.

    Args:
        kernel_size: the windows' size: one number for all dims, or one for each.
        stride: step between windows; the window's size if None.
        padding: what was added on both sides.
    """

    dims: int
    _function: Callable[..., Tensor]

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        super().__init__()
        self.kernel_size = repeated(kernel_size, self.dims)
        self.stride = repeated(kernel_size if stride is None else stride, self.dims)
        self.padding = repeated(padding, self.dims)

    def forward(
        self, input: Tensor, indices: Tensor, output_size: Sequence[int] | None = None
    ) -> Tensor:
        """Maxima and their indices, (N, C, ...) or (C, ...) -> the same with larger sizes."""
        return self._function(
            input, indices, self.kernel_size, self.stride, self.padding, output_size
        )

    def extra_repr(self) -> str:
        """The windows."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpoolNd):
    """What `MaxPool1d` took, put back."""

    dims = 1
    _function = staticmethod(functional.max_unpool1d)


class MaxUnpool2d(_MaxUnpoolNd):
    """What `MaxPool2d` took, put back."""

    dims = 2
    _function = staticmethod(functional.max_unpool2d)


class MaxUnpool3d(_MaxUnpoolNd):
    """What `MaxPool3d` took, put back."""

    dims = 3
    _function = staticmethod(functional.max_unpool3d)


class AvgPool1d(Module):
    """The mean of every window of a sequence.

    Args:
        kernel_size: the windows' size.
        stride: step between windows; the window's size if None.
        padding: zeros on both sides.
        ceil_mode: keep a last window that sticks out.
        count_include_pad: whether padding counts in the mean.
    """

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        self.kernel_size = repeated(kernel_size, 1)
        self.stride = repeated(kernel_size if stride is None else stride, 1)
        self.padding = repeated(padding, 1)
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, L) or (C, L) -> the same with a smaller L."""
        return functional.avg_pool1d(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode,
            self.count_include_pad,
        )  # fmt: skip

    def extra_repr(self) -> str:
        """The windows."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _AvgPool(Module):
    """What kinds of pooling by the mean share.

    Args:
        kernel_size: the windows' size: one number for all dims, or one for each.
        stride: step between windows; the window's size if None.
        padding: zeros on both sides.
        ceil_mode: keep a last window that sticks out.
        count_include_pad: whether padding counts in the mean.
        divisor_override: divide by this instead of the window's size.
    """

    _function: Callable[..., Tensor]

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, ...) or (C, ...) -> the same with smaller sizes."""
        return self._function(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode,
            self.count_include_pad, self.divisor_override,
        )  # fmt: skip

    def extra_repr(self) -> str:
        """The windows."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool2d(_AvgPool):
    """The mean of every window of an image."""

    _function = staticmethod(functional.avg_pool2d)


class AvgPool3d(_AvgPool):
    """The mean of every window of a volume."""

    _function = staticmethod(functional.avg_pool3d)


class _LPPoolNd(Module):
    """What kinds of pooling by a norm share.

    Args:
        norm_type: the exponent.
        kernel_size: the windows' size: one number for all dims, or one for each.
        stride: step between windows; the window's size if None.
        ceil_mode: keep a last window that sticks out.
    """

    _function: Callable[..., Tensor]

    def __init__(
        self, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
    ) -> None:
        super().__init__()
        self.norm_type = norm_type
        self.kernel_size = kernel_size
        self.stride = stride
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, ...) or (C, ...) -> the same with smaller sizes."""
        return self._function(
            input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode
        )

    def extra_repr(self) -> str:
        """The norm and the windows."""
        return (
            f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"ceil_mode={self.ceil_mode}"
        )


class LPPool1d(_LPPoolNd):
    """The p-norm of every window of a sequence."""

    _function = staticmethod(functional.lp_pool1d)


class LPPool2d(_LPPoolNd):
    """The p-norm of every window of an image."""

    _function = staticmethod(functional.lp_pool2d)


class LPPool3d(_LPPoolNd):
    """The p-norm of every window of a volume."""

    _function = staticmethod(functional.lp_pool3d)


class _FractionalMaxPoolNd(Module):
    """What kinds of pooling in windows of random sizes share (Graham, 2014).

    Args:
        kernel_size: the windows' size: one number for all dims, or one for each.
        output_size: the result's size; this or the next is given.
        output_ratio: the result's size, as a part of the input's, between 0 and 1.
        return_indices: also return where the maxima were.

    Raises:
        ValueError: both sizes, or neither; a ratio that is not between 0 and 1.
    """

    dims: int
    _function: Callable[..., Any]
    _random_samples: Tensor | None

    def __init__(
        self,
        kernel_size: Any,
        output_size: Any = None,
        output_ratio: Any = None,
        return_indices: bool = False,
        _random_samples: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size = repeated(kernel_size, self.dims)
        self.return_indices = return_indices
        self.register_buffer("_random_samples", _random_samples)
        self.output_size = None if output_size is None else repeated(output_size, self.dims)
        self.output_ratio = None if output_ratio is None else repeated(output_ratio, self.dims)
        name = type(self).__name__
        if output_size is None and output_ratio is None:
            raise ValueError(
                f"{name} requires specifying either an output size, or a pooling ratio"
            )
        if output_size is not None and output_ratio is not None:
            raise ValueError("only one of output_size and output_ratio may be specified")
        if self.output_ratio is not None and not all(0 < part < 1 for part in self.output_ratio):
            raise ValueError(f"output_ratio must be between 0 and 1 (got {output_ratio})")

    def forward(self, input: Tensor) -> Any:
        """(N, C, ...) or (C, ...) -> the same with smaller sizes, or a pair with the indices."""
        return self._function(
            input, self.kernel_size, self.output_size, self.output_ratio, self.return_indices,
            _random_samples=self._random_samples,
        )  # fmt: skip


class FractionalMaxPool2d(_FractionalMaxPoolNd):
    """The maximum of windows of random sizes of an image."""

    dims = 2
    _function = staticmethod(functional.fractional_max_pool2d)


class FractionalMaxPool3d(_FractionalMaxPoolNd):
    """The maximum of windows of random sizes of a volume."""

    dims = 3
    _function = staticmethod(functional.fractional_max_pool3d)


class _AdaptivePool(Module):
    """What kinds of pooling to a given size share.

    Args:
        output_size: the result's size: one number for all dims, or one for each; None keeps one.
    """

    _function: Callable[..., Any]

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Tensor) -> Any:
        """(N, C, ...) or (C, ...) -> the same with `output_size`."""
        return self._function(input, self.output_size)

    def extra_repr(self) -> str:
        """The size."""
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_AdaptivePool):
    """Means of windows chosen so that the result has a given length."""

    _function = staticmethod(functional.adaptive_avg_pool1d)


class AdaptiveAvgPool2d(_AdaptivePool):
    """Means of windows chosen so that the resulting image has a given size."""

    _function = staticmethod(functional.adaptive_avg_pool2d)


class AdaptiveAvgPool3d(_AdaptivePool):
    """Means of windows chosen so that the resulting volume has a given size."""

    _function = staticmethod(functional.adaptive_avg_pool3d)


class _AdaptiveMaxPoolNd(_AdaptivePool):
    """What kinds of pooling by the maximum to a given size share.

    Args:
        output_size: the result's size: one number for all dims, or one for each; None keeps one.
        return_indices: also return where the maxima were.
    """

    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__(output_size)
        self.return_indices = return_indices

    def forward(self, input: Tensor) -> Any:
        """(N, C, ...) or (C, ...) -> the same with `output_size`, or a pair with the indices."""
        return self._function(input, self.output_size, self.return_indices)


class AdaptiveMaxPool1d(_AdaptiveMaxPoolNd):
    """Maxima of windows chosen so that the result has a given length."""

    _function = staticmethod(functional.adaptive_max_pool1d)


class AdaptiveMaxPool2d(_AdaptiveMaxPoolNd):
    """Maxima of windows chosen so that the resulting image has a given size."""

    _function = staticmethod(functional.adaptive_max_pool2d)


class AdaptiveMaxPool3d(_AdaptiveMaxPoolNd):
    """Maxima of windows chosen so that the resulting volume has a given size."""

    _function = staticmethod(functional.adaptive_max_pool3d)
