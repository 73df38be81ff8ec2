"""Images whose channels are the fastest dim in memory, PyTorch's `channels_last`.

It is no property of a tensor: its strides say it. Functions of images give a result that lies in
memory as their input does.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from corex.dispatch.bind import dense_copy
from corex.ops.shape.views import recorded_copy
from corex.tensor.tensor import Tensor

_F = TypeVar("_F", bound=Callable[..., Any])


def channels_last(t: Tensor) -> bool:
    """Whether the strides of a 4-d or 5-d tensor say so; where sizes of 1 leave it open, they
    decide as in PyTorch."""
    if t._strides is None or t.ndim not in (4, 5):
        return False
    shape, strides = t.shape, t.strides
    if 0 in shape or not strides[1]:
        return False
    least = 0
    for dim in (1, *range(t.ndim - 1, 1, -1), 0):
        if strides[dim] < least or (dim == 0 and least == strides[1]):
            return False
        least = strides[dim] * shape[dim]
    return True


def as_images(result: Tensor, *inputs: Tensor) -> Tensor:
    """A fresh result, with its channels last in memory where an input has them there."""
    if result.ndim not in (4, 5) or not any([channels_last(t) for t in inputs]):
        return result
    return recorded_copy(result, dense_copy(result, order=order(result.ndim)))


def order(ndim: int) -> tuple[int, ...]:
    """The dims with the channels last."""
    return (0, *range(2, ndim), 1)


def of_images(function: _F) -> _F:
    """The function, with results as `as_images` of its first argument."""

    @functools.wraps(function)
    def run(input: Any, *args: Any, **kwargs: Any) -> Any:
        result = function(input, *args, **kwargs)
        if not isinstance(input, Tensor) or input._strides is None or not channels_last(input):
            return result
        if isinstance(result, tuple):
            return tuple([as_images(one, input) for one in result])
        return result if result is input else as_images(result, input)

    return run  # type: ignore[return-value]
