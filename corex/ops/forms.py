"""What users call, made from the declarations: functions and methods that tell what is wrong with
their arguments, and the methods that write their result over the tensor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from corex.ops.composed import inplace_form
from corex.ops.guard import guarded
from corex.ops.inplace import check_inplace
from corex.ops.registration import DECLARATIONS, Declaration
from corex.tensor.lineage import reshaped
from corex.tensor.modes import mode
from corex.tensor.tensor import Tensor


def tables(
    declarations: list[Declaration] | None = None,
) -> tuple[dict[str, Callable[..., Any]], dict[str, Any]]:
    """Every function of `corex`, and every method, operator and property of Tensor, by name.

    Args:
        declarations: by default all.
    """
    functions: dict[str, Callable[..., Any]] = {}
    methods: dict[str, Any] = {}
    for declared in DECLARATIONS if declarations is None else declarations:
        public = declared.target if declared.quick is True else _guarded(declared)
        if declared.function:
            functions.update(dict.fromkeys(declared.names, public))
        if declared.method:
            method = declared.target if declared.quick else public
            methods.update(dict.fromkeys(declared.names, method))
        if declared.inplace_names:
            methods.update(dict.fromkeys(declared.inplace_names, _inplace(declared)))
    return functions, methods


def _guarded(declared: Declaration) -> Callable[..., Any]:
    name = declared.names[0]
    public = guarded(name, declared.target, declared.out)
    return public if declared.function else _of_tensor(public)


def _inplace(declared: Declaration) -> Callable[..., Any]:
    name, target = declared.names[0], declared.target
    form = inplace_form(name, target, declared.out) if declared.inplace else reshaping(name, target)
    return _of_tensor(guarded(f"{name}_", form))


def _of_tensor(method: Callable[..., Any]) -> Callable[..., Any]:
    method.__qualname__ = f"Tensor.{method.__name__}"
    return method


# ---- in place ----------------------------------------------------------------------------------
def reshaping(name: str, view: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The method `NAME_`, which gives the tensor itself the shape and strides of a view of it."""

    def op(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        check_inplace(name, self, (self,), repeats=True)
        other = view(self, *args, **kwargs)
        node = other._node
        self.shape, self._strides, self.offset = other.shape, other._strides, other.offset
        self.storage_.version += 1  # by which a view is stale, and finds its new shape's node
        if node is not None and mode.enabled:
            reshaped(self, node)
        return self

    op.__name__ = op.__qualname__ = f"{name}_"
    op.form_of = view  # type: ignore[attr-defined]
    op.__doc__ = f"In-place version of `{name}`; returns the tensor itself."
    return op
