"""The same memory as elements of another dtype."""

from __future__ import annotations

from corex.dispatch import levels
from corex.dtypes import DType
from corex.layout import contiguous_strides
from corex.tensor.tensor import Tensor, make
from corex.tensor.twins import CONJ


def reinterpreted(t: Tensor, dtype: DType) -> Tensor:
    """`t.view(dtype)`: the last dim is as much longer as the elements are shorter. No autograd.

    Raises:
        RuntimeError: conjugates or negatives of what is in memory; or the elements of the last dim,
            or the steps along the others, make no whole elements of the dtype.
        NotImplementedError: inside of a transform.
        TypeError: the place does not hold the dtype.
    """
    if levels.open and levels.handler((t,)) is not None:
        raise NotImplementedError("view(dtype) has no rule for transforms of functions")
    if t.key.place.bits:
        what = "conjugate view tensors"
        if not t.key.place.bits & CONJ:
            what = "tensors with negative bit set"
        raise RuntimeError(
            f"corex.Tensor.view is not supported for {what} when converting to a different dtype."
        )
    key, own, other = t.key.place.key(dtype), t.key.dtype.itemsize, dtype.itemsize
    shape, strides, offset = t.shape, t.strides, t.offset
    if own != other:
        _check(t, dtype, max(other // own, 1))
        *rest, last = shape
        shape = (*rest, last * own // other)
        strides = (*[step * own // other for step in strides[:-1]], 1)
        offset = offset * own // other
    dense = strides == contiguous_strides(shape)
    return make(t.storage_, key, shape, None if dense else strides, offset)


def _check(t: Tensor, dtype: DType, ratio: int) -> None:
    """Whether sizes and strides can be counted in elements that are `ratio` times as long."""
    what = f"to view {t.key.dtype.scalar} as {dtype.scalar} (different element sizes)"
    if not t.shape:
        raise RuntimeError(f"self.dim() cannot be 0 {what}")
    *steps, last = t.strides
    numbers = {"size(-1)": t.shape[-1], "storage_offset()": t.offset}
    for name, number in numbers.items():
        _check_divisible(name, number, ratio, what)
    if last != 1:
        raise RuntimeError(f"self.stride(-1) must be 1 {what}, but got {last}")
    for d, step in enumerate(steps):
        _check_divisible(f"stride({d})", step, ratio, what)


def _check_divisible(name: str, number: int, ratio: int, what: str) -> None:
    if number % ratio:
        raise RuntimeError(f"self.{name} must be divisible by {ratio} {what}, but got {number}")
