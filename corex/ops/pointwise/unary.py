"""Elementwise ops of one input: name, dtypes, derivative, and what they do, one row each.

In a derivative `g` is the gradient of the output, `a` the input, `y` the output; what a formula
names is what the node saves.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from corex.dispatch import template
from corex.dispatch.bind import dense_copy
from corex.ops.inplace import check_inplace, write_out
from corex.ops.pointwise.elementwise import binary_operator, inplace_function, unary_function
from corex.ops.promotion import require_tensor
from corex.tensor.node import OpNode
from corex.tensor.schema import (
    ALL,
    BITS,
    FLOAT,
    NUMBER,
    OpSchema,
    declare,
)
from corex.tensor.tensor import Tensor

functions: dict[str, Callable[..., Tensor]] = {}
inplace_functions: dict[str, Callable[..., Tensor]] = {}

LN2, LN10 = math.log(2.0), math.log(10.0)
TWO_OVER_SQRT_PI = 2.0 / math.sqrt(math.pi)


def _zeros(g: Tensor) -> Tensor:
    return g.new_zeros(g.shape)


def _direct_backward(name: str) -> Callable[[OpNode, Tensor], tuple[Tensor, ...] | None]:
    """`Plan.fast` of an op whose input gradient is one direct kernel of (gradient, output)."""
    return template.backward(
        (name,),
        ("y",),
        f"return (wrap(key, {name}_kernel(y.shape, {{grad}}, {{y}}), y.shape),)",
        guard="y.key is key and grad.shape == y.shape",
    )


def _unary(
    name: str,
    accepts: str,
    derivative: Callable[..., Tensor] | None,
    doc: str,
    *,
    promote: str = "float",
    family: str = "unary",
    backward: str = "",
) -> None:
    schema = declare(
        OpSchema(
            name,
            inputs=("a",),
            derivative=None if derivative is None else {"a": derivative},
            accepts=accepts,
            promote=promote if accepts == FLOAT else "",
            family=family,
            fast=_direct_backward(backward) if backward else None,
            doc=doc,
        )
    )
    functions[name] = unary_function(schema)
    if family == "unary":
        inplace_functions[f"{name}_"] = inplace_function(schema)


# ---- arithmetic ------------------------------------------------------------------------------
_unary("neg", NUMBER, lambda g: -g, "-a, elementwise.")
_unary("abs", NUMBER, lambda g, a: g * a.sign(), "Absolute value.")
_unary("sign", NUMBER, _zeros, "-1, 0 or 1 by the sign; 0 of NaN.")
_unary("square", NUMBER, lambda g, a: g * (a * 2), "a * a.")
_unary("reciprocal", FLOAT, lambda g, y: -g * (y * y), "1 / a.")
_unary("sqrt", FLOAT, lambda g, y: g / (y * 2), "Square root.")
_unary("rsqrt", FLOAT, lambda g, y: g * (y * y * y) * -0.5, "1 / sqrt(a).")

# ---- rounding --------------------------------------------------------------------------------
_unary("floor", FLOAT, _zeros, "Largest integer not above a.", promote="")
_unary("ceil", FLOAT, _zeros, "Smallest integer not below a.", promote="")
_unary("round", FLOAT, _zeros, "Nearest integer, halves to even.", promote="")
_unary("trunc", FLOAT, _zeros, "Integer part, towards zero.", promote="")

# ---- exponentials and logarithms ---------------------------------------------------------------
_unary("exp", FLOAT, lambda g, y: g * y, "e ** a.")
_unary("exp2", FLOAT, lambda g, y: g * y * LN2, "2 ** a.")
_unary("expm1", FLOAT, lambda g, y: g * (y + 1), "exp(a) - 1, accurate near 0.")
_unary("log", FLOAT, lambda g, a: g / a, "Natural logarithm.")
_unary("log2", FLOAT, lambda g, a: g / (a * LN2), "Logarithm to base 2.")
_unary("log10", FLOAT, lambda g, a: g / (a * LN10), "Logarithm to base 10.")
_unary("log1p", FLOAT, lambda g, a: g / (a + 1), "log(1 + a), accurate near 0.")

# ---- trigonometric and hyperbolic --------------------------------------------------------------
_unary("sin", FLOAT, lambda g, a: g * a.cos(), "Sine of radians.")
_unary("cos", FLOAT, lambda g, a: -g * a.sin(), "Cosine of radians.")
_unary("tan", FLOAT, lambda g, y: g * (y * y + 1), "Tangent of radians.")
_unary("asin", FLOAT, lambda g, a: g * (-a * a + 1).rsqrt(), "Inverse sine, in radians.")
_unary("acos", FLOAT, lambda g, a: -g * (-a * a + 1).rsqrt(), "Inverse cosine, in radians.")
_unary("atan", FLOAT, lambda g, a: g / (a * a + 1), "Inverse tangent, in radians.")
_unary("sinh", FLOAT, lambda g, a: g * a.cosh(), "Hyperbolic sine.")
_unary("cosh", FLOAT, lambda g, a: g * a.sinh(), "Hyperbolic cosine.")
_unary(
    "tanh",
    FLOAT,
    lambda g, y: tanh_backward(g, y),
    "Hyperbolic tangent.",
    backward="tanh_backward",
)
_unary("asinh", FLOAT, lambda g, a: g * (a * a + 1).rsqrt(), "Inverse hyperbolic sine.")
_unary("acosh", FLOAT, lambda g, a: g * (a * a - 1).rsqrt(), "Inverse hyperbolic cosine.")
_unary("atanh", FLOAT, lambda g, a: g / (-a * a + 1), "Inverse hyperbolic tangent.")
_unary(
    "sigmoid",
    FLOAT,
    lambda g, y: sigmoid_backward(g, y),
    "1 / (1 + exp(-a)).",
    backward="sigmoid_backward",
)
_unary("erf", FLOAT, lambda g, a: g * ((-a * a).exp() * TWO_OVER_SQRT_PI), "Error function.")
_unary(
    "relu",
    NUMBER,
    lambda g, y: relu_backward(g, y),
    "max(a, 0); NaN stays NaN.",
    backward="relu_backward",
)

# ---- bits and predicates -----------------------------------------------------------------------
_unary("bitwise_not", BITS, None, "Complement of the bits; of booleans, logical not.")
_unary("logical_not", ALL, None, "True where a is zero.", family="predicate")
_unary("isnan", FLOAT, None, "True where a is not a number.", family="predicate")
_unary("isinf", FLOAT, None, "True where a is plus or minus infinity.", family="predicate")
_unary("isfinite", FLOAT, None, "True where a is neither infinite nor NaN.", family="predicate")
_unary(
    "signbit", FLOAT, None, "True where the sign bit is set, so also for -0.0.", family="predicate"
)


# ---- dtypes whose result needs no kernel -------------------------------------------------------
def _unchanged(name: str, kinds: str) -> None:
    """Makes an op hand back a copy of tensors of some kinds: integers are whole already."""
    compute, write = functions[name], inplace_functions[f"{name}_"]

    def op(input: Tensor, *, out: Tensor | None = None) -> Tensor:
        if isinstance(input, Tensor) and input.key.dtype.kind in kinds:
            return dense_copy(input) if out is None else write_out(out, input, name)
        return compute(input, out=out)

    def op_(self: Tensor) -> Tensor:
        if self.key.dtype.kind not in kinds:
            return write(self)
        check_inplace(name, self, ())
        self.storage_.version += 1
        return self

    for function, other in ((op, compute), (op_, write)):
        function.__name__ = function.__qualname__ = other.__name__
        function.__doc__ = other.__doc__
    functions[name], inplace_functions[f"{name}_"] = op, op_


for _name in ("floor", "ceil", "trunc", "round"):
    _unchanged(_name, "ui")
_unchanged("sign", "b")
_whole = functions["round"]


def round_(input: Tensor, *, decimals: int = 0, out: Tensor | None = None) -> Tensor:
    """Nearest integer, or multiple of 10 ** -decimals, halves to even.

    Raises:
        NotImplementedError: decimals of integers.
    """
    if decimals == 0:
        return _whole(input, out=out)
    if not require_tensor("round", input).is_floating_point():
        raise NotImplementedError(
            f'[round] "round" with decimals not implemented for {input.dtype!r}'
        )
    scale = 10.0 ** abs(decimals)
    if decimals > 0:
        return _whole(input * scale).div(scale, out=out)
    return _whole(input / scale).mul(scale, out=out)


functions["round"] = round_

# PyTorch's second names.
ALIASES = {
    "negative": "neg",
    "absolute": "abs",
    "arcsin": "asin",
    "arccos": "acos",
    "arctan": "atan",
    "arcsinh": "asinh",
    "arccosh": "acosh",
    "arctanh": "atanh",
    "fix": "trunc",
}


# ---- derivatives that are worth a kernel -------------------------------------------------------
# The second input of each is the forward op's output.
def _pair(
    name: str,
    derivative: dict[str, Callable[..., Tensor]],
    decomposition: Callable[..., Tensor],
    doc: str,
) -> Callable[..., Tensor]:
    return binary_operator(
        declare(
            OpSchema(
                name,
                inputs=("grad", "out"),
                derivative=derivative,
                decomposition=decomposition,
                tier=2,
                family="binary",
                doc=doc,
            )
        )
    )


sigmoid_backward: Callable[..., Tensor] = _pair(
    "sigmoid_backward",
    {
        "grad": lambda g, out: sigmoid_backward(g, out),
        "out": lambda g, grad, out: g * grad * (1 - out * 2),
    },
    lambda grad, out: grad * (1 - out) * out,
    "The gradient of sigmoid's input from that of its output `out`.",
)
tanh_backward: Callable[..., Tensor] = _pair(
    "tanh_backward",
    {
        "grad": lambda g, out: tanh_backward(g, out),
        "out": lambda g, grad, out: g * grad * (out * -2),
    },
    lambda grad, out: grad * (1 - out * out),
    "The gradient of tanh's input from that of its output `out`.",
)
relu_backward: Callable[..., Tensor] = _pair(
    "relu_backward",
    {"grad": lambda g, out: relu_backward(g, out), "out": lambda g: _zeros(g)},
    lambda grad, out: grad.masked_fill(out <= 0, 0),
    "The gradient of relu's input from that of its output `out`.",
)
