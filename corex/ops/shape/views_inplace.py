"""Views in place: a tensor that takes the shape and strides of a view of itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from corex.ops.inplace import check_inplace
from corex.ops.shape.views import squeeze, t, transpose, unsqueeze
from corex.tensor.lineage import hang
from corex.tensor.modes import mode
from corex.tensor.tensor import Tensor


def _in_place(name: str, view: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The method `NAME_`, which gives the tensor itself the shape and strides of a view of it."""

    def op(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        check_inplace(name, self, (self,), repeats=True)
        other = view(self, *args, **kwargs)
        node = other._node
        self.shape, self._strides, self.offset = other.shape, other._strides, other.offset
        if node is not None and self._base is None and mode.enabled:
            hang(self, node)
        self.storage_.version += 1  # by which a view is stale, and finds its new shape's node
        return self

    op.__name__ = op.__qualname__ = f"{name}_"
    op.__doc__ = f"In-place version of `{name}`; returns the tensor itself."
    return op


t_ = _in_place("t", t)
squeeze_ = _in_place("squeeze", squeeze)
unsqueeze_ = _in_place("unsqueeze", unsqueeze)
transpose_ = _in_place("transpose", transpose)
