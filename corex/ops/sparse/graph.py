"""The graph of sparse ops: a node with a formula for each input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from corex.tensor.modes import mode
from corex.tensor.node import _FREED, Edge, Node
from corex.tensor.tensor import Tensor

Formula = Callable[[Any], Any]


class SparseNode(Node):
    """The node of an op that sparse tensors take part in.

    Attributes:
        title: the name that is shown.
        formulas: for each input the function from the output's gradient to the input's, or None;
            None when they are freed.
        saved: the dense tensors that they read, with the versions these had.
    """

    __slots__ = ("formulas", "frees", "saved", "title")

    title: str
    formulas: Sequence[Formula | None] | None
    saved: Sequence[tuple[Tensor, int]]
    frees: bool

    def name(self) -> str:
        return self.title

    def apply(self, grad: Any) -> Sequence[Tensor | None]:
        formulas = self.formulas
        if formulas is None:
            raise RuntimeError(_FREED)
        for tensor, version in self.saved:
            if tensor.storage_.version != version:
                raise RuntimeError(
                    f"one of the variables needed for gradient computation has been modified by an "
                    f"inplace operation: [{tensor.type_name()} {list(tensor.shape)}] is at version "
                    f"{tensor.storage_.version}; expected version {version} instead. It was saved "
                    f"for {self.title}."
                )
        return [
            None if formula is None or edge[0] is None else formula(grad)
            for formula, edge in zip(formulas, self.edges, strict=True)
        ]

    def release(self) -> None:
        if self.frees:
            self.formulas, self.saved = None, ()


def _edge(t: Any) -> Edge:
    node = t._node if isinstance(t, Tensor) else None
    return (None, 0) if node is None else (node, t._output_nr)


def recorded(
    result: Any,
    title: str,
    inputs: Sequence[Any],
    formulas: Sequence[Formula | None],
    saved: Sequence[Tensor] = (),
) -> Any:
    """Hangs the node of an op on its result, if gradients are recorded; `saved` are dense."""
    if not mode.enabled or not result.dtype.is_inexact:
        return result
    edges = tuple([_edge(t) for t in inputs])
    if all([node is None for node, _ in edges]):
        return result
    node = SparseNode()
    node.title = _label(title)
    node.edges = edges
    node.formulas = formulas
    node.saved = [(t, t.storage_.version) for t in saved]
    node.frees = bool(saved)
    result._node = node
    return result


def titled(result: Any, title: str) -> Any:
    """A result that a composition recorded, under the name of what it was composed for."""
    if isinstance(result._node, SparseNode):
        result._node.title = _label(title)
    return result


def _label(title: str) -> str:
    return title if "Backward" in title else f"{title}Backward0"
