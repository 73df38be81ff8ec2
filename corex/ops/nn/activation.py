"""Activations: those worth a kernel are declared, the rest are compositions."""

from __future__ import annotations

import math
from typing import Any

from corex.dispatch.bind import bind_pointwise
from corex.layout import normalize_dim
from corex.ops.composed import composition
from corex.ops.out import write_out
from corex.ops.pointwise.binary import minimum
from corex.ops.pointwise.select import clamp, where
from corex.ops.pointwise.unary import relu as plain_relu
from corex.ops.promotion import cast, factor, real_number, require_kinds, require_tensor
from corex.ops.random.creation import rand_like
from corex.ops.random.generator import Generator
from corex.ops.registration import exported, function
from corex.ops.shape.views import before_write, contiguous, reshape
from corex.tensor.schema import INEXACT, OpSchema, declare, like_first
from corex.tensor.tensor import Tensor

_SQRT_HALF = math.sqrt(0.5)
_INV_SQRT_2PI = 1.0 / math.sqrt(2.0 * math.pi)
_TANH_SCALE, _TANH_CUBE = math.sqrt(2.0 / math.pi), 0.044715


# ---- gelu and silu -----------------------------------------------------------------------------
def _gelu_steps(a: Tensor, tanh: bool) -> Tensor:
    if tanh:
        return a * 0.5 * ((a * (a * a * _TANH_CUBE + 1) * _TANH_SCALE).tanh() + 1)
    return a * 0.5 * ((a * _SQRT_HALF).erf() + 1)


def _gelu_slope(a: Tensor, tanh: bool) -> Tensor:
    if tanh:
        inner = (a * (a * a * _TANH_CUBE + 1) * _TANH_SCALE).tanh()
        slope = (a * a * (3 * _TANH_CUBE) + 1) * _TANH_SCALE
        return (inner + 1) * 0.5 + a * 0.5 * (1 - inner * inner) * slope
    return ((a * _SQRT_HALF).erf() + 1) * 0.5 + a * (a * a * -0.5).exp() * _INV_SQRT_2PI


def _gelu_curvature(a: Tensor, tanh: bool) -> Tensor:
    """The derivative of `_gelu_slope`."""
    if not tanh:
        return (a * a * -0.5).exp() * _INV_SQRT_2PI * (2 - a * a)
    t = (a * (a * a * _TANH_CUBE + 1) * _TANH_SCALE).tanh()
    slope = (a * a * (3 * _TANH_CUBE) + 1) * _TANH_SCALE
    bend = a * (6 * _TANH_CUBE * _TANH_SCALE)
    sech = 1 - t * t
    return sech * slope + a * 0.5 * (sech * bend - t * sech * slope * slope * 2)


GELU = declare(
    OpSchema(
        "gelu", ("a",), like_first, ("tanh",),
        {"a": lambda g, a, tanh: _pointwise(GELU_BACKWARD, (g, a), (tanh,))},
        decomposition=_gelu_steps,
        tier=2, family="activation", doc="a * Phi(a); exactly, or by tanh.",
    )
)  # fmt: skip
GELU_BACKWARD: OpSchema = declare(
    OpSchema(
        "gelu_backward", ("g_out", "a"), like_first, ("tanh",),
        {
            "g_out": lambda g, a, tanh: _pointwise(GELU_BACKWARD, (g, a), (tanh,)),
            "a": lambda g, g_out, a, tanh: g * g_out * _gelu_curvature(a, tanh),
        },
        decomposition=lambda g_out, a, tanh: g_out * _gelu_slope(a, tanh),
        tier=2, family="activation", doc="Gradient of gelu's input.",
    )
)  # fmt: skip
SILU = declare(
    OpSchema(
        "silu", ("a",), like_first,
        derivative={"a": lambda g, a: _pointwise(SILU_BACKWARD, (g, a), ())},
        decomposition=lambda a: a * a.sigmoid(),
        takes=INEXACT, tier=2, family="activation", doc="a * sigmoid(a).",
    )
)  # fmt: skip
SILU_BACKWARD: OpSchema = declare(
    OpSchema(
        "silu_backward", ("g_out", "a"), like_first,
        derivative={
            "g_out": lambda g, a: _pointwise(SILU_BACKWARD, (g, a), ()),
            "a": lambda g, g_out, a: g * g_out * _silu_curvature(a),
        },
        decomposition=lambda g_out, a: g_out * _silu_slope(a),
        takes=INEXACT, tier=2, family="activation", doc="Gradient of silu's input.",
    )
)  # fmt: skip


def _silu_slope(a: Tensor) -> Tensor:
    s = a.sigmoid()
    return s * (a * (1 - s) + 1)


def _silu_curvature(a: Tensor) -> Tensor:
    s = a.sigmoid()
    return s * (1 - s) * (2 + a * (1 - s * 2))


def _pointwise(schema: OpSchema, inputs: tuple[Tensor, ...], params: tuple[Any, ...]) -> Tensor:
    first = inputs[0]
    if first.key.dtype not in schema.takes:
        raise NotImplementedError(
            f'[{schema.name}] "{schema.name}" not implemented for {first.dtype!r}'
        )
    return bind_pointwise(schema, inputs, params, first.shape, first.key.dtype)


@function(quick=True)
def gelu(input: Tensor, *, approximate: str = "none", out: Tensor | None = None) -> Tensor:
    """input * Phi(input), Phi the normal distribution function; 'tanh' approximates it.

    Source: Hendrycks and Gimpel, "Gaussian error linear units" (2016).

    Raises:
        RuntimeError: another `approximate`.
    """
    if approximate not in ("none", "tanh"):
        wrong = RuntimeError if isinstance(approximate, str) else TypeError
        raise wrong("approximate argument must be either none or tanh.")
    result = _pointwise(GELU, (require_tensor("gelu", input),), (approximate == "tanh",))
    return result if out is None else write_out(out, result, "gelu")


@function()
def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """input * sigmoid(input)."""
    a = _source(require_tensor("silu", input), inplace)
    return _stored(input, _pointwise(SILU, (a,), ()), inplace)


def _source(input: Tensor, inplace: bool) -> Tensor:
    """What to compute from: where the input is to be overwritten and ops record, a copy of it."""
    return before_write(input) if inplace else input


def _stored(input: Tensor, result: Tensor, inplace: bool) -> Tensor:
    """The result, written over the input where `inplace` asks for it."""
    return input.copy_(result) if inplace else result


# ---- compositions ------------------------------------------------------------------------------
def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(input, 0)."""
    return input.relu_() if inplace else plain_relu(input)


@function()
def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """input limited to [0, 6]."""
    return hardtanh(input, 0.0, 6.0, inplace)


@function()
def hardtanh(
    input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Tensor:
    """input limited to [min_val, max_val]; no gradient at the limits."""
    kind = require_tensor("hardtanh", input).key.dtype.kind
    if kind == "b":
        raise RuntimeError("[hardtanh] Bool inputs not supported for hardtanh")
    if kind in "ui":
        min_val, max_val = int(min_val), int(max_val)
    if kind == "u" and min(min_val, max_val) < 0:
        raise RuntimeError("[hardtanh] cannot do hardtanh on an unsigned type with negative limits")
    if min_val > max_val:
        raise ValueError(f"min_val cannot be greater than max_val, but got {min_val}, {max_val}")
    return _stored(input, _limited(_source(input, inplace), min_val, max_val), inplace)


_limited = composition(
    "hardtanh", ("a",), clamp,
    {"a": lambda g, a, low, high: where((a <= low).logical_or(a >= high), 0.0, g)},
    ("low", "high"),
)  # fmt: skip


@function()
def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """input where positive, else negative_slope * input."""
    require_kinds("leaky_relu", "f", input)
    if isinstance(negative_slope, complex):
        raise RuntimeError(f"[leaky_relu] negative_slope {negative_slope} is no real number")
    a = _source(input, inplace)
    return _stored(input, where(a > 0, a, a * negative_slope), inplace)


@exported()
def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """`leaky_relu` with a learned slope, one, or one per channel (dim 1).

    Raises:
        RuntimeError: a slope of more than one dim, or another dtype, or not as many as channels.
    """
    if require_tensor("prelu", input).key.dtype is not weight.key.dtype:
        raise RuntimeError(
            f"prelu: Type promoting not supported. Got {input.key.dtype.scalar} and "
            f"{weight.key.dtype.scalar}"
        )
    if weight.ndim > 1:
        raise RuntimeError(
            f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {weight.ndim}"
        )
    require_kinds("prelu", "f", input)
    count = weight.numel()
    if count == 1:
        return _prelu(input, reshape(weight, ()))
    if not input.shape:
        raise RuntimeError("[prelu] Not allow zero-dim input tensor.")
    channels = input.shape[1] if input.ndim > 1 else 1
    if count != channels:
        raise RuntimeError(
            f"Mismatch of parameter numbers and input channel size. Found parameter numbers = "
            f"{count} and channel size = {channels}."
        )
    return _prelu(input, reshape(weight, (1, count, *[1] * (input.ndim - 2))))


_prelu = composition(
    "prelu", ("a", "slope"), lambda a, slope: where(a > 0, a, a * slope),
    {
        "a": lambda g, a, slope: where(a > 0, g, g * slope),
        "slope": lambda g, a: where(a > 0, 0.0, a * g),
    },
)  # fmt: skip


def _elu_steps(a: Tensor, alpha: float, scale: float, rate: float) -> Tensor:
    low = where(a > 0, 0.0, a)
    return where(a > 0, a * scale if scale != 1 else a, (low * rate).expm1() * (alpha * scale))


def _elu_slope(g: Tensor, a: Tensor, alpha: float, scale: float, rate: float) -> Tensor:
    """From the input: exp(a), of which the output has nothing left far below 0."""
    steep = (where(a < 0, a, 0.0) * rate).exp() * (g * (alpha * scale * rate))
    return where(a <= 0, steep, g * scale)


_elu = composition("elu", ("a",), _elu_steps, {"a": _elu_slope}, ("alpha", "scale", "rate"))


def _coefficient(op: str, input: Tensor, alpha: Any) -> float:
    require_kinds(op, "f", require_tensor(op, input))
    return float(factor(alpha, input.key.dtype, op, "alpha", strict=False))


@function()
def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """input where positive, else alpha * (exp(input) - 1)."""
    return _stored(
        input, _elu(_source(input, inplace), _coefficient("elu", input, alpha), 1.0, 1.0), inplace
    )


@function()
def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """Scaled `elu` with the fixed constants of Klambauer et al. (2017)."""
    require_kinds("selu", "f", input)
    result = _elu(_source(input, inplace), 1.6732632423543772, 1.0507009873554805, 1.0)
    return _stored(input, result, inplace)


@function()
def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """input where positive, else alpha * (exp(input / alpha) - 1)."""
    alpha = _coefficient("celu", input, alpha)
    return _stored(input, _elu(_source(input, inplace), alpha, 1.0, 1.0 / alpha), inplace)


@function(out="cast")
def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + exp(beta * input)) / beta, linear above the threshold."""
    require_kinds("softplus", "f", input)
    scaled = input * beta
    low = where(scaled > threshold, 0.0, scaled)
    return where(scaled > threshold, input, low.exp().log1p() / beta)


def _logsigmoid_steps(a: Tensor) -> Tensor:
    return minimum(a, 0.0) - (-a.abs()).exp().log1p()


_logsigmoid = composition(
    "logsigmoid", ("a",), _logsigmoid_steps, {"a": lambda g, a: g * (-a).sigmoid()},
    label="LogSigmoidBackward0",
)  # fmt: skip


@function(out="cast")
def logsigmoid(input: Tensor) -> Tensor:
    """log(sigmoid(input)), without overflow."""
    require_kinds("logsigmoid", "f", require_tensor("logsigmoid", input))
    return _logsigmoid(contiguous(input))


@function()
def softsign(input: Tensor) -> Tensor:
    """input / (1 + |input|)."""
    return input / (input.abs() + 1)


@function()
def tanhshrink(input: Tensor) -> Tensor:
    """input - tanh(input)."""
    return input - input.tanh()


_hardsigmoid = composition(
    "hardsigmoid", ("a",), lambda a: clamp(a + 3, 0.0, 6.0) / 6,
    {"a": lambda g, a: where((a > -3).logical_and(a < 3), g / 6, 0.0)},
)  # fmt: skip


@function()
def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """(input + 3) / 6, limited to [0, 1]."""
    require_kinds("hardsigmoid", "f", input)
    return _stored(input, _hardsigmoid(_source(input, inplace)), inplace)


_hardswish = composition(
    "hardswish", ("a",), lambda a: a * _hardsigmoid(a),
    {"a": lambda g, a: where(a <= -3, 0.0, where(a < 3, g * (a / 3 + 0.5), g))},
)  # fmt: skip


@function()
def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """input * hardsigmoid(input)."""
    require_kinds("hardswish", "f", input)
    return _stored(input, _hardswish(_source(input, inplace)), inplace)


def _mish_slope(g: Tensor, a: Tensor) -> Tensor:
    t = softplus(a).tanh()
    return g * (t + a * a.sigmoid() * (1 - t * t))


_mish = composition("mish", ("a",), lambda a: a * softplus(a).tanh(), {"a": _mish_slope})


@function()
def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """input * tanh(softplus(input))."""
    require_kinds("mish", "f", input)
    return _stored(input, _mish(_source(input, inplace)), inplace)


@function(out="cast")
def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """input moved towards 0 by lambd.

    Raises:
        RuntimeError: a negative lambd.
    """
    lambd = real_number(lambd, "softshrink", "lambd")
    require_kinds("softshrink", "f", input)
    if not 0 <= lambd < math.inf:
        raise RuntimeError(f"[softshrink] lambda must not be negative, but found {lambd}")
    return _softshrink(input, lambd)


_softshrink = composition(
    "softshrink", ("a",),
    lambda a, lambd: where(a > lambd, a - lambd, where(a < -lambd, a + lambd, a * 0)),
    {"a": lambda g, a, lambd: where((a >= -lambd).logical_and(a <= lambd), 0.0, g)},
    ("lambd",),
)  # fmt: skip


@exported(out="cast")
def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """0 where |input| <= lambd, else input (NaN too)."""
    require_kinds("hardshrink", "f", input)
    return where(input.abs() <= lambd, 0.0, input)


@function(out="cast")
def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """The value where the input is not above the threshold, else the input (NaN too)."""
    require_kinds("threshold", "uif", input)
    if isinstance(value, complex):
        raise RuntimeError(f"[threshold] {value} cannot be an element of {input.key.dtype.name}")
    return _stored(input, where(input <= threshold, value, input), inplace)


@function()
def glu(input: Tensor, dim: int = -1) -> Tensor:
    """First half of a dim times the sigmoid of the second half.

    Raises:
        RuntimeError: an odd size.
    """
    require_kinds("glu", "f", input)
    size = input.shape[normalize_dim(dim, input.ndim)]
    if size % 2:
        raise RuntimeError(f"Halving dimension must be even, but dimension {dim} is size {size}")
    a, b = input.chunk(2, dim)
    return a * b.sigmoid()


@function("dropout")
def dropout_of_all(input: Tensor, p: float, train: bool) -> Tensor:
    """See `nn.functional.dropout`."""
    return dropout(input, p, train)


def dropout(
    input: Tensor,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    generator: Generator | None = None,
) -> Tensor:
    """Zeros with probability p, the rest scaled by 1 / (1 - p); unchanged outside training.

    Source: Srivastava et al., "Dropout" (2014).

    Raises:
        ValueError: p outside [0, 1].
    """
    if not 0.0 <= real_number(p, "dropout", "p") <= 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    if not training or p == 0.0:
        return input
    if p == 1.0:
        return _stored(input, input * 0.0, inplace)
    keep = rand_like(input.detach(), generator=generator) >= p
    scale = cast(keep, input.key.dtype)
    scale = scale * (1.0 / (1.0 - p))
    return _stored(input, input * scale, inplace)
