"""Everything of sparse tensors: whoever makes one loads this file."""

# ruff: noqa: F401 - a file enters its ops when it is imported

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from corex.errors import LayoutError
from corex.ops.guard import explained
from corex.ops.sparse import components, create, like, pointwise, products, reduce, rows, shape
from corex.ops.sparse.table import COMPRESSED, COO, answer
from corex.ops.sparse.tensor import CooTensor, SparseTensor
from corex.sparse import objects
from corex.sparse.show import formatted, shown
from corex.tensor.tensor import Tensor

# What is the same for every tensor.
_KEPT = set(
    """
    __class__ __new__ __init__ __init_subclass__ __subclasshook__ __dict__ __weakref__ __doc__
    __module__ __slots__ __hash__ __getattribute__ __setattr__ __delattr__ __dir__ __sizeof__
    __reduce__ __getstate__ __str__ __len__ __static_attributes__ __firstlineno__
    __class_getitem__ __orig_bases__ __parameters__ __annotations__
    shape ndim dim numel nelement size requires_grad requires_grad_ grad grad_fn is_leaf output_nr
    retains_grad retain_grad register_hook register_post_accumulate_grad_hook has_names is_sparse
    is_sparse_csr
    """.split()
)
_OWN = {
    "__repr__": shown,
    "__format__": formatted,
    "__deepcopy__": objects.deepcopy,
    "__reduce_ex__": objects.reduce,
    "nbytes": property(objects.nbytes),
}


def _method(name: str, dense: Any = None) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return answer(name, (self, *args), kwargs)
        except (AttributeError, NotImplementedError, TypeError) as error:
            if callable(dense):  # wrong arguments are told first, as of a dense tensor
                inspect.signature(dense).bind(self, *args, **kwargs)
                wrong = explained(name, inspect.unwrap(dense), (self, *args), kwargs, error)
                if wrong is not None:
                    raise wrong from error
            raise

    method.__name__ = name
    method.__qualname__ = f"SparseTensor.{name}"
    return method


def _operator(name: str) -> Callable[..., Any]:
    """An operator of two tensors; what is no operand is left to it."""

    def method(self: Any, other: Any) -> Any:
        if not isinstance(other, Tensor | bool | int | float | complex) and not hasattr(
            other, "dtype"
        ):
            return NotImplemented
        return answer(name, (self, other), {})

    method.__name__ = name
    return method


# What the values answer, beside all that begins with `is_`.
_OF_VALUES = "name volatile grad_dtype ndimension get_device".split()


def _asked_of_values(name: str, static: Any) -> Any:
    if isinstance(static, property):
        return property(lambda self: getattr(self.values_, name))
    if name == "ndimension":
        return Tensor.dim
    return lambda self, *args, **kwargs: getattr(self.values_, name)(*args, **kwargs)


_OPERATORS = {
    f"__{side}{name}__"
    for name in "add sub mul truediv floordiv mod pow matmul and or xor lshift rshift".split()
    for side in ("", "r")
} | {f"__{name}__" for name in "eq ne lt le gt ge".split()}


def _inplace_operator(name: str) -> Callable[..., Any]:
    base = {"truediv": "div", "floordiv": "floor_divide"}.get(name, name)

    def method(self: Any, other: Any) -> Any:
        return answer(f"{base}_", (self, other), {})

    method.__name__ = f"__i{name}__"
    return method


def _install() -> None:
    """Gives sparse tensors every name that tensors have: an op, or the error that says so."""
    taken = set(vars(SparseTensor)) | _KEPT | set(_OWN)
    names = {name for cls in Tensor.__mro__[:-1] for name in vars(cls)} | set(COO) | set(COMPRESSED)
    for name in names:
        static = inspect.getattr_static(Tensor, name, None)
        private = name.startswith("_") and name not in COO and name not in COMPRESSED
        if name in taken or (private and not name.endswith("__")):
            continue
        if name not in COO and (name.startswith("is_") or name in _OF_VALUES):
            setattr(SparseTensor, name, _asked_of_values(name, static))
        elif name in _OPERATORS:
            setattr(SparseTensor, name, _operator(name))
        elif isinstance(static, property):
            setattr(SparseTensor, name, property(_method(name)))
        elif callable(static) or static is None:
            setattr(SparseTensor, name, _method(name, static))
    for name in "add sub mul truediv floordiv".split():
        setattr(SparseTensor, f"__i{name}__", _inplace_operator(name))
    for name, value in _OWN.items():
        setattr(SparseTensor, name, value)
    SparseTensor.__hash__ = Tensor.__hash__  # type: ignore[method-assign]


_install()
LayoutError.answer = staticmethod(answer)  # type: ignore[method-assign]
