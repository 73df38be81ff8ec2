"""The Tensor methods that autograd provides."""

from __future__ import annotations

from typing import Any

from corex.autograd.api import backward as _backward
from corex.autograd.api import backward_from_scalar
from corex.tensor.node import UNREACHED
from corex.tensor.tensor import Tensor


def backward(
    self: Tensor,
    gradient: Tensor | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Adds the gradients of this tensor to the `.grad` of the leaves it depends on.

    `gradient` is the gradient of this tensor, which a scalar does not need. See
    `corex.autograd.backward` for the rest.
    """
    node = self._node
    if (
        gradient is None
        and not self.shape
        and node is not None
        and node is not UNREACHED
        and not create_graph
        and inputs is None
    ):
        backward_from_scalar(node, self._output_nr, self.key, bool(retain_graph))
        return
    _backward(self, gradient, retain_graph, create_graph, inputs)


def install(tensor_class: Any) -> None:
    """Gives the class its methods."""
    tensor_class.backward = backward
