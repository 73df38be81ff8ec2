"""Sums, differences and quotients with their further arguments: `alpha`, `rounding_mode`."""

from __future__ import annotations

from typing import Any

from corex.dispatch.resolve import check_overlap, check_places
from corex.dtypes import can_cast
from corex.errors import LayoutError
from corex.ops.composed import composition
from corex.ops.old_forms import third, without_third
from corex.ops.out import write_out
from corex.ops.pointwise.binary import _add, _div, _sub, _truncated, floor_divide
from corex.ops.pointwise.elementwise import inplace, inplace_function, operand
from corex.ops.promotion import Number, cast, factor, require_tensor, result_type
from corex.ops.registration import exported, method
from corex.ops.shape.views import before_write
from corex.tensor.schema import REGISTRY
from corex.tensor.tensor import Tensor


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
