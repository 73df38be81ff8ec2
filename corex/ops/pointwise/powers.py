"""Powers: what is a product or a root instead, complex ones, and the operators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from corex.ops.composed import composition
from corex.ops.out import write_out
from corex.ops.pointwise.binary import _pow_a, _zeros, pow_op
from corex.ops.pointwise.elementwise import inplace, is_operand
from corex.ops.promotion import Number, as_number, cast, check_bits, check_fits, result_type
from corex.ops.registration import exported, method, operator
from corex.ops.shape.views import before_write, contiguous
from corex.tensor.schema import REGISTRY
from corex.tensor.tensor import Tensor

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
