"""Choosing between values: where, masked_fill, clamp, and friends."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, overload

from corex import dtypes as dt
from corex.dispatch.bind import bind_pointwise
from corex.dtypes import DType
from corex.layout import broadcast_shapes
from corex.ops.composed import composition
from corex.ops.out import into, write_out
from corex.ops.places import brought, common_place
from corex.ops.pointwise.binary import WHERE, maximum, minimum
from corex.ops.pointwise.complex_functions import complex_
from corex.ops.promotion import (
    Number,
    cast,
    check_fits,
    plain_number,
    real_number,
    require_tensor,
    result_type,
    written_number,
)
from corex.ops.registration import exported, function, method
from corex.ops.shape.views import clone, contiguous
from corex.tensor.tensor import TENSOR_TYPES, Tensor


@overload
def where(condition: Tensor) -> tuple[Tensor, ...]: ...
@overload
def where(condition: Tensor, input: Any, other: Any, *, out: Tensor | None = None) -> Tensor: ...
@function(quick=True)
def where(
    condition: Tensor, input: Any = None, other: Any = None, *, out: Tensor | None = None
) -> Any:
    """`input` where the condition holds, else `other`, broadcast together.

    With the condition alone: the indices of its true elements (`nonzero(as_tuple=True)`).

    Raises:
        RuntimeError: a condition that is not boolean, or shapes that do not broadcast.
    """
    if out is not None:
        return into(out, "where", "same", where, (condition, input, other), {})
    require_tensor("where", condition, "condition")
    if input is None and other is None:
        return condition.nonzero(as_tuple=True)
    if condition.key.dtype is not dt.bool_:
        raise RuntimeError(
            f"where expected condition to be a boolean tensor, but got a tensor with dtype "
            f"{condition.key.dtype!r}"
        )
    if (
        type(input) in TENSOR_TYPES
        and type(other) in TENSOR_TYPES
        and input.key is other.key
        and input.key.place is condition.key.place
    ):
        shape = condition.shape
        if not (shape == input.shape == other.shape):
            shape = broadcast_shapes("where", shape, input.shape, other.shape)
        return bind_pointwise(WHERE, (condition, input, other), (), shape, input.key.dtype)
    dtype = result_type(input, other)
    return _choose("where", condition, input, other, dtype)


def _choose(
    op: str,
    condition: Tensor,
    a: Any,
    b: Any,
    dtype: DType,
    number: Callable[..., Number] = written_number,
) -> Tensor:
    """`where` with tensors or numbers of any dtype, some of which may yet have to travel."""
    given = [t for t in (condition, a, b) if isinstance(t, Tensor)]
    place = condition.key.place
    if any([t.key.place is not place for t in given]):
        place = common_place(op, given)
    inputs: list[Any] = [condition]
    for value in (a, b):
        inputs.append(cast(value, dtype) if isinstance(value, Tensor) else number(value, dtype))
    inputs = [brought(t, place) if isinstance(t, Tensor) else t for t in inputs]
    tensors = [t for t in inputs if isinstance(t, Tensor)]
    shape = broadcast_shapes(op, *[t.shape for t in tensors])
    numbers = len(tensors) < len(inputs)
    return bind_pointwise(WHERE, tuple(inputs), (), shape, dtype, None, numbers)


@method("where", quick=True)
def where_method(self: Tensor, condition: Tensor, other: Any) -> Tensor:
    """`where(condition, self, other)`."""
    return where(condition, self, other)


@exported(inplace=True)
def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """`input` with a number (or 0-d tensor) where the mask holds; keeps input's dtype.

    Raises:
        RuntimeError: a mask that is not boolean, or a value with dims.
    """
    require_tensor("masked_fill", mask, "mask")
    if mask.key.dtype is not dt.bool_:
        raise RuntimeError(
            f"masked_fill only supports boolean masks, but got mask with dtype {mask.key.dtype!r}"
        )
    if isinstance(value, Tensor) and value.shape:
        raise RuntimeError(
            f"masked_fill only supports a 0-dimensional value tensor, but got tensor with "
            f"{value.ndim} dimension(s)."
        )
    return contiguous(_choose("masked_fill", mask, value, input, input.key.dtype))


@exported("clamp", "clip", inplace=True)
def clamp(
    input: Tensor,
    min: Tensor | Number | None = None,
    max: Tensor | Number | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """`input` limited to [min, max]; gradients pass where the limits do not act.

    Raises:
        RuntimeError: neither limit given.
    """
    if min is None and max is None:
        raise RuntimeError("clamp: At least one of 'min' or 'max' must not be None")
    if not (isinstance(min, Tensor | None) and isinstance(max, Tensor | None)):
        # With a number on one side a tensor without dims is a number on the other.
        min, max = (_as_number(v) for v in (min, max))
    dtype = result_type(*[v for v in (input, min, max) if v is not None])
    limits = [v for v in (min, max) if v is not None]
    if dtype.kind == "b" and not (len(limits) == 1 and isinstance(limits[0], Tensor)):
        raise NotImplementedError('[clamp] "clamp" not implemented for corex.bool')
    for limit in (min, max):
        if limit is not None and not isinstance(limit, Tensor):
            check_fits(plain_number(limit, "clamp", "min or max"), dtype)
    bounds = [cast(v, dtype) if isinstance(v, Tensor) else v for v in (min, max)]
    result = _limited(cast(input, dtype), *bounds)
    if out is not None:
        return write_out(out, result, "clamp")
    return result


def _as_number(limit: Any) -> Any:
    if isinstance(limit, Tensor) and not limit.shape and limit._node is None:
        return limit.item()
    return limit


def _clamp_steps(a: Tensor, low: Any, high: Any) -> Tensor:
    result = a
    if low is not None:
        result = maximum(result, low)
    if high is not None:
        result = minimum(result, high)
    return result


def _inside(g: Tensor, a: Tensor, low: Any, high: Any) -> Tensor:
    """The gradient where no limit acts; at the limits themselves it passes, for NaN it does not."""
    if high is None:
        return where(a >= low, g, 0.0)
    if low is None:
        return where(a <= high, g, 0.0)
    return where((a >= low).logical_and(a <= high), g, 0.0)


def _below(g: Tensor, a: Tensor, low: Any, high: Any) -> Tensor:
    acts = a < low
    return where(acts if high is None else acts.logical_and(low < high), g, 0.0)


def _above(g: Tensor, a: Tensor, low: Any, high: Any) -> Tensor:
    acts = a > high
    return where(acts if low is None else acts.logical_or(high < low), g, 0.0)


_limited = composition(
    "clamp", ("a", "low", "high"), _clamp_steps, {"a": _inside, "low": _below, "high": _above},
    label="ClampBackward1",
)  # fmt: skip


@exported(inplace=True, out="cast")
def clamp_min(input: Tensor, min: Any) -> Tensor:
    """`input` limited from below."""
    return clamp(input, min=min)


@exported(inplace=True, out="cast")
def clamp_max(input: Tensor, max: Any) -> Tensor:
    """`input` limited from above."""
    return clamp(input, max=max)


@exported(inplace=True, out="same")
def nan_to_num(
    input: Tensor,
    nan: float | None = None,
    posinf: float | None = None,
    neginf: float | None = None,
) -> Tensor:
    """NaN and infinities replaced by numbers (infinities by the dtype's limits)."""
    chosen = [
        v if v is None else real_number(v, "nan_to_num", name)
        for v, name in ((nan, "nan"), (posinf, "posinf"), (neginf, "neginf"))
    ]
    if require_tensor("nan_to_num", input).key.dtype.is_complex:
        parts = [nan_to_num(part, nan, posinf, neginf) for part in (input.real, input.imag)]
        return complex_(parts[0], parts[1])
    if not input.is_floating_point():
        return clone(input)
    limits = dt.finfo(input.key.dtype)
    found = (input.isnan(), input == math.inf, input == -math.inf)
    result = input
    for places, value, default in zip(found, chosen, (0.0, limits.max, limits.min), strict=True):
        number = default if value is None else value
        result = _choose(
            "nan_to_num", places, number, result, input.key.dtype, lambda value, dtype: value
        )
    return result


@exported()
def isclose(
    input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Tensor:
    """True where |input - other| <= atol + rtol * |other|."""
    for name, bound in (("rtol", rtol), ("atol", atol)):
        if not bound >= 0:
            raise RuntimeError(f"{name} must be greater than or equal to zero, but got {bound}")
    if input.key.dtype is not other.key.dtype:
        raise RuntimeError(f"{input.key.dtype!r} did not match {other.key.dtype!r}")
    same = input == other
    gap = input - other if input.key.dtype.is_inexact else _gap(input, other)
    if not input.key.dtype.is_inexact:
        input, other = cast(input, gap.key.dtype), cast(other, gap.key.dtype)
    near = gap.abs() <= (other.abs() * rtol + atol)
    result = same.logical_or(near.logical_and(input.isfinite()).logical_and(other.isfinite()))
    if equal_nan:
        result = result.logical_or(input.isnan().logical_and(other.isnan()))
    return result


def _gap(a: Tensor, b: Tensor) -> Tensor:
    """The difference of integers in float64; in float32, but after subtracting, where need be."""
    if a.key.place.holds(dt.float64):
        return cast(a, dt.float64) - cast(b, dt.float64)
    return cast(cast(a, dt.int64) - cast(b, dt.int64), dt.float32)


@exported()
def allclose(
    input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> bool:
    """Whether all elements are close; see `isclose`."""
    return bool(isclose(input, other, rtol, atol, equal_nan).all().item())


@exported()
def equal(input: Tensor, other: Tensor) -> bool:
    """Whether two tensors have the same shape and elements."""
    if input.shape != other.shape:
        return False
    return bool((input == other).all().item())
