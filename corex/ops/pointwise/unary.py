"""Elementwise ops of one input: name, dtypes, derivative, and what they do, one row each.

In a derivative `g` is the gradient of the output, `a` the input, `y` the output; what a formula
names is what the node saves.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from corex.dispatch import template
from corex.dispatch.bind import copy_like
from corex.dtypes import DType
from corex.ops.composed import inplace_form
from corex.ops.inplace import check_inplace
from corex.ops.out import write_out
from corex.ops.pointwise import complex_steps, error_function
from corex.ops.pointwise import decompositions as composed
from corex.ops.pointwise.elementwise import (
    binary_operator,
    general,
    inplace_function,
    unary_function,
)
from corex.ops.promotion import require_kinds, require_tensor
from corex.ops.registration import exported, method, operator
from corex.tensor.node import OpNode
from corex.tensor.schema import (
    ANY,
    ARITHMETIC,
    BITS,
    FLOAT,
    INEXACT,
    NUMBER,
    REGISTRY,
    OpSchema,
    declare,
)
from corex.tensor.tensor import TENSOR_TYPES, Tensor

LN2, LN10 = math.log(2.0), math.log(10.0)
TWO_OVER_SQRT_PI = 2.0 / math.sqrt(math.pi)


def _zeros(g: Tensor) -> Tensor:
    return g.new_zeros(g.shape)


def _acosh_slope(g: Tensor, a: Tensor) -> Tensor:
    """Two roots of complex numbers: left of the imaginary axis that of the product is another."""
    if a.key.dtype.is_complex:
        return g * ((a - 1).rsqrt() * (a + 1).rsqrt())
    return g * (a * a - 1).rsqrt()


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
    takes: frozenset[DType],
    derivative: Callable[..., Tensor] | None,
    doc: str,
    *,
    alias: str = "",
    promote: str = "float",
    family: str = "unary",
    operators: tuple[str, ...] = (),
    backward: str = "",
    whole: str = "",
    inplace: bool = False,
    public: bool = True,
    steps: Callable[[Tensor], Tensor] | None = None,
) -> Callable[..., Tensor]:
    """Declares an op: its function and method, its operators, and its in-place method.

    `steps` compose it of others; without them every backend must have a kernel. A predicate has an
    in-place method only with `inplace`. `whole` are kinds of dtypes whose elements stay what they
    are, and need no kernel; `backward` names the kernel of the gradient. Of an op that is not
    `public` a function below is.
    """
    schema = declare(
        OpSchema(
            name,
            inputs=("a",),
            derivative=None if derivative is None else {"a": derivative},
            takes=takes,
            promote=promote if takes in (FLOAT, INEXACT) or promote == "int" else "",
            family=family,
            decomposition=steps,
            tier=1 if steps is None else 2,
            fast=_direct_backward(backward) if backward else None,
            complex_steps=complex_steps.STEPS.get(name),
            doc=doc,
        )
    )
    run, write = unary_function(schema), inplace_function(schema)
    if whole:
        run, write = _or_whole(name, whole, run), _or_whole_inplace(name, whole, write)
    names = (name, alias) if alias else (name,)
    if public:
        exported(*names, quick=True, inplace=inplace)(run)
    if family == "unary" and public:
        method(*[f"{one}_" for one in names], quick=True)(write)
    if operators:
        operator(*[f"__{one}__" for one in operators])(run)
    return run


# ---- dtypes whose result needs no kernel -------------------------------------------------------
def _or_whole(name: str, kinds: str, compute: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The function, but a copy of tensors of some kinds."""

    def op(input: Tensor, *, out: Tensor | None = None) -> Tensor:
        if type(input) in TENSOR_TYPES and input.key.dtype.kind in kinds:
            return copy_like(input) if out is None else write_out(out, input, name)
        return compute(input, out=out)

    return _as(compute, op)


def _or_whole_inplace(name: str, kinds: str, write: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def op_(self: Tensor) -> Tensor:
        if self.key.dtype.kind not in kinds:
            return write(self)
        check_inplace(name, self, ())
        self.storage_.version += 1
        return self

    return _as(write, op_)


def _as(other: Callable[..., Tensor], function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    function.__name__ = function.__qualname__ = other.__name__
    function.__doc__ = other.__doc__
    return function


# ---- arithmetic ------------------------------------------------------------------------------
_unary("neg", ARITHMETIC, lambda g: -g, "-a, elementwise.", alias="negative", operators=("neg",))
_unary(
    "abs",
    NUMBER,
    lambda g, a: g * a.sign(),
    "Absolute value.",
    alias="absolute",
    operators=("abs",),
)
_unary("sign", NUMBER, _zeros, "-1, 0 or 1 by the sign; 0 of NaN.", whole="b", steps=composed.sign)
_unary(
    "square", ARITHMETIC, lambda g, a: g * (a * 2), "a * a; of truth values int64.",
    promote="int", steps=lambda a: a * a,
)  # fmt: skip
_unary("reciprocal", INEXACT, lambda g, y: -g * (y * y), "1 / a.", steps=lambda a: 1.0 / a)
_unary("sqrt", INEXACT, lambda g, y: g / (y * 2), "Square root.")
_unary(
    "rsqrt",
    INEXACT,
    lambda g, y: g * (y * y * y) * -0.5,
    "1 / sqrt(a).",
    steps=lambda a: 1.0 / a.sqrt(),
)

# ---- rounding --------------------------------------------------------------------------------
_unary("floor", FLOAT, _zeros, "Largest integer not above a.", promote="", whole="ui")
_unary(
    "ceil",
    FLOAT,
    _zeros,
    "Smallest integer not below a.",
    promote="",
    whole="ui",
    steps=lambda a: -(-a).floor(),
)
_rounded = _unary(
    "round", FLOAT, _zeros, "Nearest integer, halves to even.", promote="", whole="ui", public=False
)
trunc = _unary(
    "trunc",
    FLOAT,
    _zeros,
    "Integer part, towards zero.",
    promote="",
    whole="ui",
    alias="fix",
    steps=composed.trunc,
)

# ---- exponentials and logarithms ---------------------------------------------------------------
_unary("exp", INEXACT, lambda g, y: g * y, "e ** a.")
_unary("exp2", INEXACT, lambda g, y: g * y * LN2, "2 ** a.", steps=composed.exp2)
_unary("expm1", INEXACT, lambda g, y: g * (y + 1), "exp(a) - 1, accurate near 0.")
_unary("log", INEXACT, lambda g, a: g / a, "Natural logarithm.")
_unary("log2", INEXACT, lambda g, a: g / (a * LN2), "Logarithm to base 2.", steps=composed.log2)
_unary("log10", INEXACT, lambda g, a: g / (a * LN10), "Logarithm to base 10.", steps=composed.log10)
_unary("log1p", INEXACT, lambda g, a: g / (a + 1), "log(1 + a), accurate near 0.")

# ---- trigonometric and hyperbolic --------------------------------------------------------------
_unary("sin", INEXACT, lambda g, a: g * a.cos(), "Sine of radians.")
_unary("cos", INEXACT, lambda g, a: -g * a.sin(), "Cosine of radians.")
_unary(
    "tan",
    INEXACT,
    lambda g, y: g * (y * y + 1),
    "Tangent of radians.",
    steps=lambda a: a.sin() / a.cos(),
)
_unary(
    "asin",
    INEXACT,
    lambda g, a: g * (-a * a + 1).rsqrt(),
    "Inverse sine, in radians.",
    alias="arcsin",
    steps=composed.asin,
)
_unary(
    "acos",
    INEXACT,
    lambda g, a: -g * (-a * a + 1).rsqrt(),
    "Inverse cosine, in radians.",
    alias="arccos",
    steps=composed.acos,
)
_unary(
    "atan",
    INEXACT,
    lambda g, a: g / (a * a + 1),
    "Inverse tangent, in radians.",
    alias="arctan",
    steps=lambda a: general(REGISTRY["atan2"], (a, 1.0)),
)
_unary("sinh", INEXACT, lambda g, a: g * a.cosh(), "Hyperbolic sine.", steps=composed.sinh)
_unary("cosh", INEXACT, lambda g, a: g * a.sinh(), "Hyperbolic cosine.", steps=composed.cosh)
_unary(
    "tanh",
    INEXACT,
    lambda g, y: tanh_backward(g, y),
    "Hyperbolic tangent.",
    backward="tanh_backward",
)
_unary(
    "asinh",
    INEXACT,
    lambda g, a: g * (a * a + 1).rsqrt(),
    "Inverse hyperbolic sine.",
    alias="arcsinh",
    steps=composed.asinh,
)
_unary(
    "acosh",
    INEXACT,
    _acosh_slope,
    "Inverse hyperbolic cosine.",
    alias="arccosh",
    steps=composed.acosh,
)
_unary(
    "atanh",
    INEXACT,
    lambda g, a: g / (-a * a + 1),
    "Inverse hyperbolic tangent.",
    alias="arctanh",
    steps=composed.atanh,
)
_unary(
    "sigmoid",
    INEXACT,
    lambda g, y: sigmoid_backward(g, y),
    "1 / (1 + exp(-a)).",
    backward="sigmoid_backward",
    steps=composed.sigmoid,
)
_unary("erf", FLOAT, lambda g, a: g * ((-a * a).exp() * TWO_OVER_SQRT_PI), "Error function.")
_unary(
    "erfc",
    FLOAT,
    lambda g, a: g * ((-a * a).exp() * -TWO_OVER_SQRT_PI),
    "1 - erf(a), accurate also where that is tiny.",
    steps=error_function.erfc,
)
relu = _unary(
    "relu",
    NUMBER,
    lambda g, y: relu_backward(g, y),
    "max(a, 0); NaN stays NaN.",
    backward="relu_backward",
    steps=lambda a: composed.at_least(a, 0),
)

# ---- bits and predicates -----------------------------------------------------------------------
bitwise_not = _unary(
    "bitwise_not",
    BITS,
    None,
    "Complement of the bits; of booleans, logical not.",
    steps=lambda a: a.logical_not() if a.dtype.kind == "b" else -1 - a,
)


@operator("__invert__")
def invert(self: Tensor) -> Tensor:
    """`~self`: `bitwise_not`.

    Raises:
        TypeError: a tensor of floats.
    """
    if self.key.dtype not in BITS:
        raise TypeError(
            "~ (operator.invert) is only implemented on integer and Boolean-type tensors"
        )
    return bitwise_not(self)


_unary(
    "logical_not",
    ANY,
    None,
    "True where a is zero.",
    family="predicate",
    inplace=True,
    steps=composed.logical_not,
)
_unary(
    "isnan",
    INEXACT,
    None,
    "True where a is not a number.",
    family="predicate",
    steps=lambda a: a != a,
)
_unary(
    "isinf",
    INEXACT,
    None,
    "True where a is plus or minus infinity.",
    family="predicate",
    steps=lambda a: a.abs() == math.inf,
)
_unary(
    "isfinite",
    INEXACT,
    None,
    "True where a is neither infinite nor NaN.",
    family="predicate",
    steps=lambda a: a.abs() < math.inf,
)
_unary(
    "signbit",
    FLOAT,
    None,
    "True where the sign bit is set, so also for -0.0.",
    family="predicate",
    steps=lambda a: a.new_ones(()).copysign(a) < 0,
)


# ---- with extra arguments ---------------------------------------------------------------------
@exported("round", quick=True)
def round_(input: Tensor, *, decimals: int = 0, out: Tensor | None = None) -> Tensor:
    """Nearest integer, or multiple of 10 ** -decimals, halves to even.

    Raises:
        NotImplementedError: decimals of integers.
    """
    if decimals == 0:
        return _rounded(input, out=out)
    require_kinds("round", "f", require_tensor("round", input))
    scale = 10.0 ** abs(decimals)
    if decimals > 0:
        return _rounded(input * scale).div(scale, out=out)
    return _rounded(input / scale).mul(scale, out=out)


@method("round_", quick=True)
def round_in_place(self: Tensor, *, decimals: int = 0) -> Tensor:
    """In place `round`."""
    return _round_in_place(self) if decimals == 0 else _round_decimals(self, decimals=decimals)


_round_in_place = _or_whole_inplace("round", "ui", inplace_function(REGISTRY["round"]))
_round_decimals = inplace_form("round", round_)


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
                takes=FLOAT if name == "relu_backward" else INEXACT,
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
