"""Elementwise functions of three tensors without kernels of their own; see `unary_composed.py`."""

from __future__ import annotations

from typing import Any

from corex.ops.composed import composition
from corex.ops.pointwise.select import where
from corex.ops.promotion import Number, cast, factor, require_tensor, result_type
from corex.ops.registration import exported
from corex.tensor.plan import passed
from corex.tensor.tensor import Tensor


def _same_dtype(op: str, *operands: Any) -> None:
    """Raises RuntimeError unless all tensors have one dtype."""
    kinds = {o.key.dtype for o in operands if isinstance(o, Tensor)}
    if len(kinds) > 1:
        names = " and ".join(sorted(kind.name for kind in kinds))
        raise RuntimeError(f"[{op}] expected the same dtype for all tensors, but got {names}")


@exported(inplace=True, out="cast")
def addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1) -> Tensor:
    """input + value * tensor1 * tensor2, broadcast together; of integers with the whole of value.

    Raises:
        RuntimeError: a value that the dtype cannot hold. NotImplementedError: bool tensors.
    """
    dtype = result_type(input, tensor1, tensor2)
    if dtype.kind == "b":
        raise NotImplementedError('[addcmul] "addcmul" not implemented for corex.bool')
    number = factor(value, dtype, "addcmul", "value", strict=False)
    return _addcmul(*[cast(t, dtype) for t in (input, tensor1, tensor2)], number)


_addcmul = composition(
    "addcmul", ("a", "b", "c"),
    lambda a, b, c, value: a + (b if value == 1 else b * value) * c,
    {
        "a": passed,
        "b": lambda g, c, value: g * (c * value),
        "c": lambda g, b, value: g * (b * value),
    },
    ("value",),
)  # fmt: skip


@exported(inplace=True, out="cast")
def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1) -> Tensor:
    """input + value * tensor1 / tensor2, broadcast together.

    Raises:
        RuntimeError: integer tensors.
    """
    dtype = result_type(tensor1, tensor2)
    number = factor(value, dtype, "addcdiv", "value", strict=False)
    if not dtype.is_inexact:
        raise RuntimeError(
            "[addcdiv] integer division is not supported; convert the tensors to floating point"
        )
    whole = result_type(input, tensor1, tensor2)
    return _addcdiv(*[cast(t, whole) for t in (input, tensor1, tensor2)], number)


_addcdiv = composition(
    "addcdiv", ("a", "b", "c"),
    lambda a, b, c, value: a + (b if value == 1 else b * value) / c,
    {
        "a": passed,
        "b": lambda g, c, value: g * (value / c),
        "c": lambda g, b, c, value: -g * (b * value / (c * c)),
    },
    ("value",),
)  # fmt: skip


@exported(inplace=True, out="cast")
def lerp(input: Tensor, end: Tensor, weight: Tensor | Number) -> Tensor:
    """input + weight * (end - input), computed from the nearer end.

    Raises:
        RuntimeError: different dtypes. NotImplementedError: not floating-point tensors.
    """
    require_tensor("lerp", end, "end")
    if isinstance(weight, Tensor) and not weight.shape and input.key is end.key:
        # Without dims it may have any dtype, and has its part in the result's.
        dtype = result_type(input, end, weight)
        input, end, weight = (cast(t, dtype) for t in (input, end, weight))
    _same_dtype("lerp", require_tensor("lerp", input), end, weight)
    if not input.key.dtype.is_inexact:
        raise NotImplementedError(f'[lerp] "lerp" not implemented for {input.dtype!r}')
    if isinstance(weight, Tensor):
        return _lerp(input, end, weight)
    return _lerp_by(input, end, factor(weight, input.key.dtype, "lerp", "weight", strict=False))


def _lerp_steps(a: Tensor, b: Tensor, weight: Any) -> Tensor:
    gap = b - a
    result: Tensor = where(weight.abs() < 0.5, a + gap * weight, b - gap * (1.0 - weight))
    return result


def _lerp_by_steps(a: Tensor, b: Tensor, weight: Any) -> Tensor:
    # The second is laid out as the first: by its first operand.
    result: Tensor = a + (b - a) * weight if abs(weight) < 0.5 else (a - b) * (1.0 - weight) + b
    return result


_lerp = composition(
    "lerp", ("a", "b", "weight"), _lerp_steps,
    {
        "a": lambda g, weight: g * (1.0 - weight),
        "b": lambda g, weight: g * weight,
        "weight": lambda g, a, b: g * (b - a),
    },
)  # fmt: skip
_lerp_by = composition(
    "lerp_by_number", ("a", "b"), _lerp_by_steps,
    {"a": lambda g, weight: g * (1.0 - weight), "b": lambda g, weight: g * weight},
    ("weight",), label="LerpBackward0",
)  # fmt: skip
