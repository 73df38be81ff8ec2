"""Elementwise ops of two and three inputs, one row each; see `unary.py` for the notation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from corex.dtypes import DType
from corex.errors import LayoutError
from corex.ops.composed import composition
from corex.ops.pointwise import complex_steps
from corex.ops.pointwise import decompositions as composed
from corex.ops.pointwise.elementwise import (
    binary_function,
    binary_operator,
    inplace_function,
    reflected_operator,
)
from corex.ops.promotion import result_type
from corex.ops.registration import exported, method, operator
from corex.tensor.plan import passed
from corex.tensor.schema import (
    ALL,
    ANY,
    ARITHMETIC,
    BITS,
    FLOAT,
    INEXACT,
    INTEGER,
    NUMBER,
    OpSchema,
    declare,
)
from corex.tensor.tensor import Tensor


def _binary(
    name: str,
    takes: frozenset[DType],
    da: Callable[..., Tensor] | None,
    db: Callable[..., Tensor] | None,
    doc: str,
    *,
    alias: str = "",
    promote: str = "",
    family: str = "binary",
    operators: tuple[str, ...] = (),
    integers: Callable[..., Tensor] | None = None,
    public: bool = True,
    steps: Callable[[Tensor, Tensor], Tensor] | None = None,
    numbers: str = "both",
) -> Callable[..., Tensor]:
    """Declares an op, its function and method, its in-place method and its operators.

    `steps` compose it of others; without them every backend must have a kernel. `integers` is what
    computes tensors that are not floating point. Of an op that is not `public`
    a function below is, which knows further arguments. `numbers` says which operands users may
    give as numbers ("both", "second", "none"), as PyTorch does; the function that is returned takes
    them in any case.
    """
    derivative = None if da is None or db is None else {"a": da, "b": db}
    schema = declare(
        OpSchema(
            name,
            inputs=("a", "b"),
            derivative=derivative,
            takes=takes,
            promote=promote,
            family=family,
            decomposition=steps,
            tier=1 if steps is None else 2,
            complex_steps=complex_steps.STEPS.get(name),
            doc=doc,
        )
    )
    run = binary_function(schema)
    taken = run if numbers == "both" else binary_function(schema, numbers)
    if integers is not None:
        run = _or_of_integers(run, integers)
        taken = _or_of_integers(taken, integers, numbers == "none")
    to_bool = family == "compare"
    names = (name, alias) if alias else (name,)
    if public:
        exported(*names, quick=True, inplace=to_bool)(taken)
    if public and not to_bool:
        write = inplace_function(schema, tensors=numbers == "none")
        method(*[f"{one}_" for one in names], quick=True)(write)
    if operators:
        operator(*[f"__{one}__" for one in operators])(binary_operator(schema))
    if operators and not to_bool:
        operator(*[f"__r{one}__" for one in operators])(reflected_operator(schema))
        operator(*[f"__i{one}__" for one in operators])(inplace_function(schema, operator=True))
    return run


def _or_of_integers(
    compute: Callable[..., Tensor], whole: Callable[..., Tensor], tensors: bool = False
) -> Callable[..., Tensor]:
    """One function for floating point, another for integers; numbers, if it must be `tensors`, are
    left to the first to refuse."""

    def op(input: Any, other: Any, *, out: Tensor | None = None) -> Tensor:
        if tensors and not (isinstance(input, Tensor) and isinstance(other, Tensor)):
            return compute(input, other, out=out)
        try:
            if any(isinstance(t, Tensor) and t.key.dtype.is_inexact for t in (input, other)):
                return compute(input, other, out=out)
        except LayoutError as reached:
            found: Tensor = reached.answer(compute.__name__, (input, other), {"out": out})
            return found
        return whole(input, other, out=out)

    op.__name__ = op.__qualname__ = compute.__name__
    op.__doc__ = compute.__doc__
    return op


def _zeros(g: Tensor) -> Tensor:
    return g.new_zeros(g.shape)


def _pow_a(g: Tensor, a: Any, b: Any) -> Tensor:
    """b * a ** (b - 1), which is 0 where b is 0, even at a = 0."""
    if isinstance(b, int | float | complex):
        return _zeros(g) if b == 0 else g * (a ** (b - 1) * b)
    result: Tensor = (g * (b * a ** (b - 1))).masked_fill(b == 0, 0)
    return result


def _pow_b(g: Tensor, a: Any, b: Any, y: Tensor) -> Tensor:
    """y * log(a), which is 0 where a is 0 and b is not negative."""
    base = a if isinstance(a, Tensor) else g.new_full((), a)
    size: Any = b.real if isinstance(b, Tensor | complex) else b
    return (g * (y * base.log())).masked_fill((base == 0).logical_and(size >= 0), 0)


def _larger_share(g: Tensor, a: Any, b: Any) -> Tensor:
    """Gradient of the winner `a` of maximum: all of it, half at a tie (PyTorch's convention)."""
    return (g * 0.5).where(_equal(a, b), g.masked_fill(_less(a, b), 0))


def _smaller_share(g: Tensor, a: Any, b: Any) -> Tensor:
    return (g * 0.5).where(_equal(a, b), g.masked_fill(_less(b, a), 0))


def _equal(a: Any, b: Any) -> Any:
    return a == b if isinstance(a, Tensor) else b == a


def _less(a: Any, b: Any) -> Any:
    return a < b if isinstance(a, Tensor) else b > a


# ---- comparisons -------------------------------------------------------------------------------
def _compare(
    name: str, doc: str, alias: str = "", steps: Callable[[Tensor, Tensor], Tensor] | None = None
) -> Callable[..., Tensor]:
    takes = ANY if name in ("eq", "ne") else ALL
    return _binary(
        name, takes, None, None, doc, alias=alias, family="compare", operators=(name,), steps=steps,
        numbers="second",
    )  # fmt: skip


_compare("eq", "a == b.")
_compare("ne", "a != b.", "not_equal", lambda a, b: (a == b).logical_not())
lt = _compare("lt", "a < b.", "less")
le = _compare("le", "a <= b.", "less_equal", composed.le)
gt = _compare("gt", "a > b.", "greater", lambda a, b: b < a)
ge = _compare("ge", "a >= b.", "greater_equal", lambda a, b: b <= a)


def _logical(name: str, steps: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Declares an op of truth values, which `steps` compose of tensors of bools."""
    _binary(
        f"logical_{name}", ANY, None, None, f"{name} of truth values.", family="compare",
        steps=lambda a, b: steps(composed.truths(a), composed.truths(b)), numbers="none",
    )  # fmt: skip


_logical("and", lambda a, b: a * b)
_logical("or", lambda a, b: a + b)
_logical("xor", lambda a, b: a != b)

# ---- arithmetic ------------------------------------------------------------------------------
_add = _binary("add", ANY, passed, passed, "a + b.", operators=("add",), public=False)
_sub = _binary("sub", ARITHMETIC, passed, lambda g: -g, "a - b.", operators=("sub",), public=False)
_binary(
    "mul",
    ANY,
    lambda g, b: g * b,
    lambda g, a: g * a,
    "a * b.",
    alias="multiply",
    operators=("mul",),
)
_div = _binary(
    "div",
    INEXACT,
    lambda g, b: g / b,
    lambda g, a, b: -g * ((a / b) / b),
    "True division a / b; integers become floating point.",
    promote="float",
    operators=("truediv", "div"),  # `__div__` is its name in Python 2, which old programs call
    public=False,
)
floor_divide = _binary(
    "floor_divide", NUMBER, _zeros, _zeros, "The floor of the quotient.", operators=("floordiv",)
)
_binary(
    "remainder",
    NUMBER,
    passed,
    lambda g, a, b: -g * floor_divide(a, b),
    "Remainder with the divisor's sign, as Python's %.",
    operators=("mod",),
    steps=composed.remainder,
)


def _fmod_b(g: Tensor, a: Any, b: Any) -> Tensor:
    return -g * _truncated(a, b)


fmod = _binary(
    "fmod",
    NUMBER,
    passed,
    _fmod_b,
    "Remainder with the dividend's sign, as C's fmod.",
    numbers="second",
)


def _truncated_steps(a: Any, b: Any) -> Tensor:
    if result_type(a, b).is_inexact:
        return _div(a, b).trunc()
    return floor_divide(_sub(a, fmod(a, b)), b)


_truncated = composition(
    "div_trunc", ("a", "b"), _truncated_steps, {"a": _zeros, "b": _zeros}, label="DivBackward1"
)
pow_op = _binary("pow", ARITHMETIC, _pow_a, _pow_b, "a ** b.", public=False)
maximum = _binary(
    "maximum",
    ALL,
    _larger_share,
    lambda g, a, b: _larger_share(g, b, a),
    "The larger; NaN if either is NaN.",
    numbers="none",
)
minimum = _binary(
    "minimum",
    ALL,
    _smaller_share,
    lambda g, a, b: _smaller_share(g, b, a),
    "The smaller; NaN if either is NaN.",
    numbers="none",
)
# Integers have no NaN.
_binary(
    "fmax",
    FLOAT,
    lambda g, a, b: g.masked_fill(_picks_first(ge, a, b).logical_not(), 0),
    lambda g, a, b: g.masked_fill(_picks_first(ge, a, b), 0),
    "The larger; a NaN loses against a number.",
    promote="float",
    integers=maximum,
    steps=composed.fmax,
    numbers="none",
)
_binary(
    "fmin",
    FLOAT,
    lambda g, a, b: g.masked_fill(_picks_first(le, a, b).logical_not(), 0),
    lambda g, a, b: g.masked_fill(_picks_first(le, a, b), 0),
    "The smaller; a NaN loses against a number.",
    promote="float",
    integers=minimum,
    steps=composed.fmin,
    numbers="none",
)


def _picks_first(compare: Callable[..., Tensor], a: Any, b: Any) -> Tensor:
    """Where fmax (`ge`) or fmin (`le`) takes its first operand: at ties, too, and if b is NaN."""
    lost = b.isnan() if isinstance(b, Tensor) else b != b
    picked: Tensor = compare(a, b).logical_or(lost)
    return picked


def _recip_square(a: Any, b: Any) -> Tensor:
    """1 / (a * a + b * b), but 0 where the sum is 0: there atan2 has no slope."""
    square = a * a + b * b
    inverse: Tensor = square.reciprocal().masked_fill(square == 0, 0)
    return inverse


_binary(
    "atan2",
    FLOAT,
    lambda g, a, b: g * b * _recip_square(a, b),
    lambda g, a, b: -g * a * _recip_square(a, b),
    "The angle of the point (b, a), in radians.",
    alias="arctan2",
    promote="float",
    numbers="none",
)
_binary(
    "hypot",
    FLOAT,
    lambda g, a, y: g * (a / y),
    lambda g, b, y: g * (b / y),
    "sqrt(a * a + b * b), without overflow.",
    steps=composed.hypot,
    numbers="none",
)
_binary(
    "copysign",
    FLOAT,
    lambda g, a, y: g * (y / a).masked_fill(a == 0, 0),
    _zeros,
    "The magnitude of a with the sign of b.",
    promote="float",
    numbers="second",
)


# ---- bits ----------------------------------------------------------------------------------------
def _bitwise(
    name: str,
    takes: frozenset[DType],
    doc: str,
    operator: str,
    steps: Callable[[Tensor, Tensor], Tensor] | None = None,
) -> None:
    _binary(f"bitwise_{name}", takes, None, None, doc, operators=(operator,), steps=steps)


_bitwise("and", BITS, "Bitwise and.", "and")
_bitwise("or", BITS, "Bitwise or.", "or", composed.bitwise_or)
_bitwise("xor", BITS, "Bitwise xor.", "xor", composed.bitwise_xor)
_bitwise("left_shift", INTEGER, "a << b.", "lshift", lambda a, b: a * 2**b)
_bitwise("right_shift", INTEGER, "a >> b, arithmetic.", "rshift", composed.right_shift)


# ---- where -------------------------------------------------------------------------------------
WHERE = declare(
    OpSchema(
        "where",
        inputs=("condition", "a", "b"),
        derivative={
            "a": lambda g, condition: g.masked_fill(condition.logical_not(), 0),
            "b": lambda g, condition: g.masked_fill(condition, 0),
        },
        takes=ANY,
        family="where",
        analytic=False,
        uniform=False,
        doc="a where the condition holds, else b.",
    )
)
