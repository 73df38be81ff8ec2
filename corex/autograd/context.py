"""What a custom Function keeps between its forward and its backward."""

from __future__ import annotations

import weakref
from typing import Any, NamedTuple

from corex.tensor.node import _FREED, Node
from corex.tensor.tensor import Tensor, alias


class _Saved(NamedTuple):
    """One saved tensor. An output is kept without its node (`output` is its number), for the node
    owns the context, and with it this."""

    tensor: Tensor | None
    version: int
    output: int | None


class FunctionCtx:
    """The `ctx` of a custom Function. Any attribute may be set on it.

    Attributes:
        needs_input_grad: for each argument of forward, whether its gradient is wanted.
    """

    needs_input_grad: tuple[bool, ...] = ()
    _to_save: tuple[Any, ...] = ()
    _saved: tuple[_Saved, ...] | None = None
    _released = False
    _dirty: tuple[Any, ...] = ()
    _constant: tuple[Any, ...] = ()
    _materialize = True
    _of: weakref.ref[Node] | None = None
    _label = "Function"

    def save_for_backward(self, *tensors: Any) -> None:
        """Keeps tensors (or None) for backward, which finds them in `saved_tensors`.

        Inputs and outputs must be kept this way; each call replaces what earlier ones kept.
        """
        self._to_save = tensors

    def save_for_forward(self, *tensors: Any) -> None:
        """Accepted for code written for PyTorch; there is no forward-mode rule to keep them for."""

    def mark_dirty(self, *tensors: Any) -> None:
        """Names the inputs that forward changed in place; each must also be returned."""
        self._dirty = tensors

    def mark_non_differentiable(self, *tensors: Any) -> None:
        """Names outputs that do not require gradients; backward gets zeros for them."""
        self._constant = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """Whether backward gets zeros (the default) or None for an output that nobody used."""
        self._materialize = value

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What `save_for_backward` kept.

        Raises:
            RuntimeError: it was freed already, or modified in place since.
        """
        if self._released:
            raise RuntimeError(_FREED)
        if self._saved is None:
            return self._to_save
        return tuple(self._unpack(saved) for saved in self._saved)

    def _unpack(self, saved: _Saved) -> Tensor | None:
        tensor, version, number = saved
        if tensor is None:
            return None
        node = None if self._of is None else self._of()
        if tensor.storage_.version != version:
            origin = self._label if tensor._node is None else tensor._node.name()
            raise RuntimeError(
                f"one of the variables needed for gradient computation has been modified by an "
                f"inplace operation: [{tensor.type()} {list(tensor.shape)}], which is output "
                f"{number or 0} of {origin}, is at version {tensor.storage_.version}; expected "
                f"version {version} instead. Hint: enable anomaly detection to find the operation "
                f"that failed to compute its gradient, with "
                f"corex.autograd.set_detect_anomaly(True)."
            )
        if number is None or node is None:
            return tensor
        output = alias(tensor, node)
        output._output_nr = number
        return output

    def _keep(self, outputs: tuple[Any, ...], node: Node) -> None:
        """Turns what was given to `save_for_backward` into saved tensors."""
        self._of = weakref.ref(node)
        saved = []
        for i, value in enumerate(self._to_save):
            if value is None:
                saved.append(_Saved(None, 0, None))
                continue
            if not isinstance(value, Tensor):
                raise TypeError(
                    f"save_for_backward can only save variables, but argument {i} is of type "
                    f"{type(value).__name__}"
                )
            number = next((k for k, output in enumerate(outputs) if output is value), None)
            version = value.storage_.version
            if number is None:
                saved.append(_Saved(value, version, None))
            else:
                saved.append(_Saved(alias(value), version, number if value._node else None))
        self._saved = tuple(saved)
        self._to_save = ()

    def _release(self) -> None:
        if self._saved:
            self._saved = None
            self._released = True
