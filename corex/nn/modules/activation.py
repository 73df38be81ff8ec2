"""Activation functions as modules."""

from __future__ import annotations

import warnings
from typing import Any

import corex
from corex import Tensor
from corex.nn import functional
from corex.nn.modules.module import Module
from corex.nn.parameter import Parameter

_relu = corex.relu
_sigmoid = functional.sigmoid
_tanh = functional.tanh


class _Inplace(Module):
    """An activation whose only setting is whether to overwrite its input."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def extra_repr(self) -> str:
        """Whether it overwrites its input."""
        return "inplace=True" if self.inplace else ""


class ReLU(_Inplace):
    """`max(input, 0)`."""

    def forward(self, input: Tensor) -> Tensor:
        """The input's shape."""
        return input.relu_() if self.inplace else _relu(input)


class SiLU(_Inplace):
    """`input * sigmoid(input)`, also called swish."""

    def forward(self, input: Tensor) -> Tensor:
        """The input's shape."""
        return functional.silu(input, self.inplace)


class Mish(_Inplace):
    """`input * tanh(softplus(input))`."""

    def forward(self, input: Tensor) -> Tensor:
        """The input's shape."""
        return functional.mish(input, self.inplace)


class SELU(_Inplace):
    """The self-normalising `scale * elu(input, alpha)`."""

    def forward(self, input: Tensor) -> Tensor:
        """The input's shape."""
        return functional.selu(input, self.inplace)


class Hardsigmoid(_Inplace):
    """`relu6(input + 3) / 6`."""

    def forward(self, input: Tensor) -> Tensor:
        """The input's shape."""
        return functional.hardsigmoid(input, self.inplace)

    def extra_repr(self) -> str:
        """Nothing, as in PyTorch."""
        return ""


class Hardswish(_Inplace):
    """`input * hardsigmoid(input)`."""

    def forward(self, input: Tensor) -> Tensor:
        """The input's shape."""
        return functional.hardswish(input, self.inplace)

    def extra_repr(self) -> str:
        """Nothing, as in PyTorch."""
        return ""


class Sigmoid(Module):
    """`1 / (1 + exp(-input))`."""

    def forward(self, input: Tensor) -> Tensor:
        """The input's shape."""
        return _sigmoid(input)


class Tanh(Module):
    """The hyperbolic tangent."""

    def forward(self, input: Tensor) -> Tensor:
        """The input's shape."""
        return _tanh(input)


class Softsign(Module):
    """`input / (1 + |input|)`."""

    def forward(self, input: Tensor) -> Tensor:
        """The input's shape."""
        return functional.softsign(input)


class Tanhshrink(Module):
    """`input - tanh(input)`."""

    def forward(self, input: Tensor) -> Tensor:
        """The input's shape."""
        return functional.tanhshrink(input)


class LogSigmoid(Module):
    """`log(sigmoid(input))`."""

    def forward(self, input: Tensor) -> Tensor:
        """The input's shape."""
        return functional.logsigmoid(input)


class GELU(Module):
    """`input * Phi(input)`, Phi being the normal distribution function.

    Args:
        approximate: 'none', or 'tanh' for the faster formula.
    """

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Tensor) -> Tensor:
        """The input's shape."""
        return functional.gelu(input, approximate=self.approximate)

    def extra_repr(self) -> str:
        """The formula."""
        return f"approximate={self.approximate!r}"


class ELU(Module):
    """`input` where positive, else `alpha * (exp(input) - 1)`."""

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """The input's shape."""
        return functional.elu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        """The limit on the left."""
        return f"alpha={self.alpha}" + (", inplace=True" if self.inplace else "")


class CELU(ELU):
    """`input` where positive, else `alpha * (exp(input / alpha) - 1)`."""

    def forward(self, input: Tensor) -> Tensor:
        """The input's shape."""
        return functional.celu(input, self.alpha, self.inplace)


class LeakyReLU(Module):
    """`input` where positive, else `negative_slope * input`."""

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        self.negative_slope = negative_slope
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """The input's shape."""
        return functional.leaky_relu(input, self.negative_slope, self.inplace)

    def extra_repr(self) -> str:
        """The slope."""
        return f"negative_slope={self.negative_slope}" + (", inplace=True" if self.inplace else "")


class PReLU(Module):
    """`input` where positive, else a learned multiple of it.

    Args:
        num_parameters: one slope for all channels (1), or one for each.
        init: where the slopes start.
        device: where they are made.
        dtype: their element type.
    """

    weight: Parameter

    def __init__(
        self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.init = init
        self.weight = Parameter(corex.full((num_parameters,), init, device=device, dtype=dtype))

    def forward(self, input: Tensor) -> Tensor:
        """The input's shape."""
        return functional.prelu(input, self.weight)

    def extra_repr(self) -> str:
        """The number of slopes."""
        return f"num_parameters={self.num_parameters}"


def _renamed(old: str, new: str, given: float | None, value: float) -> float:
    """The value of an argument that may still be given by its old name."""
    if given is None:
        return value
    warnings.warn(
        f"keyword argument `{old}` is deprecated and rename to `{new}`", FutureWarning, stacklevel=3
    )
    return given


class Hardtanh(Module):
    """`input` kept within [min_val, max_val].

    Raises:
        AssertionError: the interval is empty.
    """

    def __init__(
        self,
        min_val: float = -1.0,
        max_val: float = 1.0,
        inplace: bool = False,
        min_value: float | None = None,
        max_value: float | None = None,
    ) -> None:
        super().__init__()
        min_val = _renamed("min_value", "min_val", min_value, min_val)
        max_val = _renamed("max_value", "max_val", max_value, max_val)
        if max_val <= min_val:
            raise AssertionError("max_val must be larger than min_val")
        self.min_val = min_val
        self.max_val = max_val
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """The input's shape."""
        return functional.hardtanh(input, self.min_val, self.max_val, self.inplace)

    def extra_repr(self) -> str:
        """The interval."""
        text = f"min_val={self.min_val}, max_val={self.max_val}"
        return text + (", inplace=True" if self.inplace else "")


class ReLU6(Hardtanh):
    """`min(max(input, 0), 6)`."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(0.0, 6.0, inplace)

    def extra_repr(self) -> str:
        """Whether it overwrites its input."""
        return "inplace=True" if self.inplace else ""


class Softplus(Module):
    """`log(1 + exp(beta * input)) / beta`, and `input` itself above the threshold."""

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta = beta
        self.threshold = threshold

    def forward(self, input: Tensor) -> Tensor:
        """The input's shape."""
        return functional.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        """The settings."""
        return f"beta={self.beta}, threshold={self.threshold}"


class _Shrink(Module):
    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def extra_repr(self) -> str:
        """The width of the flat part."""
        return str(self.lambd)


class Hardshrink(_Shrink):
    """Zero within [-lambd, lambd], else `input`."""

    def forward(self, input: Tensor) -> Tensor:
        """The input's shape."""
        return functional.hardshrink(input, self.lambd)


class Softshrink(_Shrink):
    """`input` moved by `lambd` towards zero, and zero within [-lambd, lambd]."""

    def forward(self, input: Tensor) -> Tensor:
        """The input's shape."""
        return functional.softshrink(input, self.lambd)


class Threshold(Module):
    """`input` where above the threshold, else `value`."""

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__()
        self.threshold = threshold
        self.value = value
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """The input's shape."""
        return functional.threshold(input, self.threshold, self.value, self.inplace)

    def extra_repr(self) -> str:
        """The settings."""
        text = f"threshold={self.threshold}, value={self.value}"
        return text + (", inplace=True" if self.inplace else "")


class _AlongDim(Module):
    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def extra_repr(self) -> str:
        """The dimension."""
        return f"dim={self.dim}"


class Softmax(_AlongDim):
    """Exponentials along `dim`, scaled to sum to 1."""

    def forward(self, input: Tensor) -> Tensor:
        """The input's shape."""
        return functional.softmax(input, self.dim)


class Softmin(_AlongDim):
    """`softmax(-input)`."""

    def forward(self, input: Tensor) -> Tensor:
        """The input's shape."""
        return functional.softmin(input, self.dim)


class LogSoftmax(_AlongDim):
    """`log(softmax(input))`."""

    def forward(self, input: Tensor) -> Tensor:
        """The input's shape."""
        return functional.log_softmax(input, self.dim)


class GLU(_AlongDim):
    """The first half of the input along `dim`, gated by the sigmoid of the second."""

    dim: int

    def __init__(self, dim: int = -1) -> None:
        super().__init__(dim)

    def forward(self, input: Tensor) -> Tensor:
        """Half as long along `dim`."""
        return functional.glu(input, self.dim)


class RReLU(Module):
    """`leaky_relu` with a slope that is drawn for each element while training, else the mean.

    Args:
        lower: the least slope.
        upper: the largest.
        inplace: whether to overwrite the input.
    """

    def __init__(
        self, lower: float = 1.0 / 8, upper: float = 1.0 / 3, inplace: bool = False
    ) -> None:
        super().__init__()
        self.lower = lower
        self.upper = upper
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """The input's shape."""
        return functional.rrelu(input, self.lower, self.upper, self.training, self.inplace)

    def extra_repr(self) -> str:
        """The slopes."""
        text = f"lower={self.lower}, upper={self.upper}"
        return text + (", inplace=True" if self.inplace else "")


class Softmax2d(Module):
    """`Softmax` over the channels of (N, C, H, W) or (C, H, W)."""

    def forward(self, input: Tensor) -> Tensor:
        """The input's shape.

        Raises:
            ValueError: another number of dims.
        """
        if input.dim() not in (3, 4):
            raise ValueError(f"Softmax2d: expected input to be 3D or 4D, got {input.dim()}D")
        return functional.softmax(input, -3)
