"""Elementwise ops of two and three inputs, one row each; see `unary.py` for the notation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from corex.dispatch.resolve import check_overlap, check_places
from corex.dtypes import DType, can_cast
from corex.errors import LayoutError
from corex.ops.composed import composition
from corex.ops.old_forms import third, without_third
from corex.ops.out import write_out
from corex.ops.pointwise import complex_steps
from corex.ops.pointwise import decompositions as composed
from corex.ops.pointwise.elementwise import (
    binary_function,
    binary_operator,
    inplace,
    inplace_function,
    is_operand,
    operand,
    reflected_operator,
)
from corex.ops.promotion import (
    Number,
    as_number,
    cast,
    check_bits,
    check_fits,
    factor,
    require_tensor,
    result_type,
)
from corex.ops.registration import exported, method, operator
from corex.ops.shape.views import before_write, contiguous
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
    REGISTRY,
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
    return -g * div(a, b, rounding_mode="trunc")


fmod = _binary(
    "fmod",
    NUMBER,
    passed,
    _fmod_b,
    "Remainder with the dividend's sign, as C's fmod.",
    numbers="second",
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


# ---- forms with extra arguments ------------------------------------------------------------------
@exported(quick=True)
@without_third
def add(
    input: Tensor | Number,
    other: Tensor | Number,
    old: Any = None,
    *,
    alpha: Number = 1,
    out: Tensor | None = None,
) -> Tensor:
    """input + alpha * other, broadcast together."""
    if old is not None:
        alpha, other = third("add", input, other, old, alpha)
    try:
        return _add(input, _scaled("add", input, other, alpha), out=out)
    except LayoutError as reached:
        options = {"alpha": alpha, "out": out}
        return reached.answer("add", (input, other), options)  # type: ignore[no-any-return]


@exported("sub", "subtract", quick=True)
@without_third
def sub(
    input: Tensor | Number,
    other: Tensor | Number,
    old: Any = None,
    *,
    alpha: Number = 1,
    out: Tensor | None = None,
) -> Tensor:
    """input - alpha * other, broadcast together."""
    if old is not None:
        alpha, other = third("sub", input, other, old, alpha)
    try:
        return _sub(input, _scaled("sub", input, other, alpha), out=out)
    except LayoutError as reached:
        options = {"alpha": alpha, "out": out}
        return reached.answer("sub", (input, other), options)  # type: ignore[no-any-return]


_ONE: Any = 1  # not True, which is no factor of numbers; another object of 1 costs a little more


def _scaled(op: str, input: Any, other: Any, alpha: Any) -> Any:
    if type(alpha) is int and alpha == 1:
        return other
    dtype = result_type(operand(op, input, 0), operand(op, other, 1))
    number = factor(alpha, dtype, op, "alpha")
    if not isinstance(other, Tensor):
        return other * number
    return _times(cast(other, dtype), number)


_times = composition(
    "times_number", ("a",), lambda a, number: a * number, {"a": lambda g, number: g * number},
    ("number",), label="MulBackward0",
)  # fmt: skip
"""Unlike a product it saves nothing, so that its graph may be walked twice, as PyTorch's `add`."""


@method(quick=True)
@without_third
def add_(self: Tensor, other: Tensor | Number, old: Any = None, *, alpha: Number = 1) -> Tensor:
    """In place: self += alpha * other."""
    if old is not None:
        alpha, other = third("add_", self, other, old, alpha)
    if alpha is _ONE:
        return _plainly["add"](self, other)
    return _add_scaled("add", self, other, alpha)


@method("sub_", "subtract_", quick=True)
@without_third
def sub_(self: Tensor, other: Tensor | Number, old: Any = None, *, alpha: Number = 1) -> Tensor:
    """In place: self -= alpha * other."""
    if old is not None:
        alpha, other = third("sub_", self, other, old, alpha)
    if alpha is _ONE:
        return _plainly["sub"](self, other)
    return _add_scaled("sub", self, other, alpha)


def _add_scaled(name: str, self: Tensor, other: Tensor | Number, alpha: Number) -> Tensor:
    try:
        if isinstance(other, Tensor):
            check_overlap(f"{name}_", self, other)
        return _plainly[name](self, _scaled(name, self, other, alpha))
    except LayoutError as reached:
        found: Tensor = reached.answer(f"{name}_", (self, other), {"alpha": alpha})
        return found


_plainly = {name: inplace_function(REGISTRY[name]) for name in ("add", "sub")}


@exported("div", "divide", "true_divide", quick=True)
def div(
    input: Tensor | Number,
    other: Tensor | Number,
    *,
    rounding_mode: str | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """input / other; `rounding_mode` 'floor' or 'trunc' rounds the quotient.

    Raises:
        RuntimeError: an unknown rounding mode. TypeError: one that is no string.
    """
    if rounding_mode is None:
        return _div(input, other, out=out)
    if rounding_mode == "floor":
        return floor_divide(input, other, out=out)
    if rounding_mode != "trunc":
        raise (RuntimeError if isinstance(rounding_mode, str) else TypeError)(
            f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found "
            f"'{rounding_mode}'"
        )
    input, other = operand("div", input, 0), operand("div", other, 1)
    try:
        dtype = result_type(input, other)
    except LayoutError as reached:
        options = {"rounding_mode": rounding_mode, "out": out}
        return reached.answer("div", (input, other), options)  # type: ignore[no-any-return]
    a, b = [cast(v, dtype) if isinstance(v, Tensor) else v for v in (input, other)]
    result = _truncated(a, b)
    return result if out is None else write_out(out, result, "div")


def _truncated_steps(a: Any, b: Any) -> Tensor:
    if result_type(a, b).is_inexact:
        return _div(a, b).trunc()
    return floor_divide(_sub(a, fmod(a, b)), b)


_truncated = composition(
    "div_trunc", ("a", "b"), _truncated_steps, {"a": _zeros, "b": _zeros}, label="DivBackward1"
)


@method("div_", "divide_", "true_divide_", quick=True)
def div_(self: Tensor, other: Tensor | Number, *, rounding_mode: str | None = None) -> Tensor:
    """In place: self /= other."""
    if rounding_mode is None:
        return inplace(REGISTRY["div"], self, (other,))
    result = div(before_write(self, other), other, rounding_mode=rounding_mode)
    if not can_cast(result.key.dtype, self.key.dtype):
        raise RuntimeError(
            f"[div_] result type {result.key.dtype.name} can't be cast to the desired output type "
            f"{self.key.dtype.name}"
        )
    check_places("div", [result], self.key.place)
    return self.copy_(result)


@exported(quick=True)
def rsub(input: Tensor, other: Tensor | Number, *, alpha: Number = 1) -> Tensor:
    """other - alpha * input."""
    require_tensor("rsub", input)
    return _sub(other, _scaled("rsub", other, input, alpha))


# As in PyTorch, roots are NaN for minus infinity, where C's pow is not.
_inverse_root = composition(
    "pow_root", ("a",), lambda a: a.rsqrt(), {"a": lambda g, a: _pow_a(g, a, -0.5)},
    label="PowBackward0",
)  # fmt: skip


def _power_of_complex(number: float, steps: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    return composition(
        f"complex_pow_{number:g}", ("a",), steps, {"a": lambda g, a: _pow_a(g, a, number)},
        label="PowBackward0",
    )  # fmt: skip


_COMPLEX_POWERS: dict[complex, Callable[..., Tensor]] = {
    number: _power_of_complex(number, steps)
    for number, steps in (
        (0, lambda a: a.new_ones(()).expand(a.shape).clone()),
        (1, lambda a: a.clone()),
        (2, lambda a: a * a),
        (3, lambda a: a * a * a),
        (-1, lambda a: a.reciprocal()),
        (-2, lambda a: (a * a).reciprocal()),
        (0.5, lambda a: a.sqrt()),
        (-0.5, lambda a: a.rsqrt()),
    )
}
"""What PyTorch does not take a logarithm for; by the number, of whatever type."""


_power_of_one = composition(
    "complex_pow_of_1", ("b",), _COMPLEX_POWERS[0], {"b": _zeros}, label="PowBackward1"
)


def _known_power(base: Tensor, exponent: Any) -> Callable[[Tensor], Tensor] | None:
    """What computes a tensor to the power of a number if one of them is complex, or None."""
    if not isinstance(exponent, int | float | complex):
        return None
    if not base.key.dtype.is_complex and not isinstance(exponent, complex):
        return None
    return _COMPLEX_POWERS.get(exponent)


def _power(of_operator: bool) -> Callable[..., Tensor]:
    """The function, or the operator, which answers NotImplemented for foreign operands."""

    def op(
        input: Tensor | Number, exponent: Tensor | Number, *, out: Tensor | None = None
    ) -> Tensor:
        base = input
        if out is None and isinstance(exponent, int | float) and isinstance(base, Tensor):
            kind = base.key.dtype.kind
            if kind == "c" and exponent in _COMPLEX_POWERS:
                return _COMPLEX_POWERS[exponent](base)
            if kind == "b":
                _check_exponent(base, exponent)
                return pow_op(base * 1, exponent) if exponent is not True else base * True
            if exponent == 2 and (type(exponent) is int or kind in "fc"):
                return base * base
            if exponent == 1 and (type(exponent) is not float or kind in "fc"):
                return base * 1
            if base.key.dtype.is_inexact and exponent == 0.5:
                return base.sqrt()
            if base.key.dtype.is_inexact and exponent == -0.5:
                return _inverse_root(base)
            _check_exponent(base, exponent)
        elif of_operator and not is_operand(exponent):
            return NotImplemented  # type: ignore[no-any-return]
        elif type(exponent).__module__ == "numpy":
            number = as_number(exponent)  # of NumPy
            if number is not None:
                return op(base, number, out=out)
        elif isinstance(base, Tensor) and (steps := _known_power(base, exponent)) is not None:
            result = steps(cast(base, result_type(base, exponent)))
            return result if out is None else write_out(out, result, "pow")
        elif not isinstance(base, Tensor) and isinstance(exponent, Tensor):
            exponent = contiguous(exponent)  # PyTorch's result is row-major here
            if base == 1 and exponent.key.dtype.is_complex:
                result = _power_of_one(exponent)
                return result if out is None else write_out(out, result, "pow")
        elif out is not None and isinstance(base, Tensor):
            _check_exponent(base, exponent)
        return pow_op(base, exponent, out=out)

    op.__name__ = op.__qualname__ = "__pow__" if of_operator else "pow"
    op.__doc__ = """input ** exponent.

    Raises:
        RuntimeError: integers to a negative integer power.
    """
    return op


pow_ = exported("pow", quick=True)(_power(of_operator=False))
operator("__pow__")(_power(of_operator=True))


def _check_exponent(base: Tensor, exponent: Any) -> None:
    """An exponent that is a number must fit the dtype that it is computed in."""
    if base.key.dtype.is_inexact:
        return
    number = as_number(exponent)
    if not isinstance(number, int):
        return
    dtype = result_type(base, number)
    check_bits(number)
    if dtype.kind in "ui":
        if number < 0:
            raise RuntimeError("Integers to negative integer powers are not allowed.")
        check_fits(number, dtype)


@method("pow_", quick=True)
def pow_in_place(self: Tensor, exponent: Any) -> Tensor:
    """In place: self **= exponent.

    Raises:
        RuntimeError: integers to a negative integer power.
    """
    _check_exponent(self, exponent)
    if exponent is True and self.key.dtype.kind == "b":
        return self
    if self.key.dtype.is_complex and (steps := _known_power(self, exponent)) is not None:
        return self.copy_(steps(before_write(self)))
    return inplace(REGISTRY["pow"], self, (exponent,))


@operator("__rpow__")
def rpow(exponent: Tensor, base: Any) -> Any:
    """base ** exponent, for the reflected operator."""
    return pow_(base, exponent) if is_operand(base) else NotImplemented


@operator("__ipow__")
def ipow(base: Tensor, exponent: Tensor | Number) -> Tensor:
    """base **= exponent."""
    return pow_in_place(base, exponent) if is_operand(exponent) else NotImplemented


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
