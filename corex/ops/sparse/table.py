"""From the name of an op to what it means for sparse tensors.

A function is entered under the op's name by `coo_op`, `compressed_op` or `sparse_op` (both). What
users call comes here in two ways: methods of sparse tensors directly, all else by the `LayoutError`
that a dense op ends in. An op that is not entered is refused with its name and layout.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from corex.dtypes import can_cast
from corex.errors import LayoutError
from corex.ops.late import first_name
from corex.ops.sparse.tensor import KINDS, CooTensor, SparseTensor
from corex.tensor.modes import mode
from corex.tensor.node import AccumulateGrad
from corex.tensor.tensor import Tensor

_F = TypeVar("_F", bound=Callable[..., Any])

COO: dict[str, Callable[..., Any]] = {}
COMPRESSED: dict[str, Callable[..., Any]] = {}


def _entering(tables: Iterable[dict[str, Any]], names: tuple[str, ...]) -> Callable[[_F], _F]:
    def enter(function: _F) -> _F:
        for table in tables:
            for name in names:
                assert name not in table, f"{name} is entered twice"
                table[name] = function
        return function

    return enter


def coo_op(*names: str) -> Callable[[_F], _F]:
    """Enters a function for tensors of coordinates."""
    return _entering((COO,), names)


def compressed_op(*names: str) -> Callable[[_F], _F]:
    """Enters a function for tensors of compressed rows or columns."""
    return _entering((COMPRESSED,), names)


def sparse_op(*names: str) -> Callable[[_F], _F]:
    """Enters a function for both."""
    return _entering((COO, COMPRESSED), names)


def unsupported(name: str, t: Any) -> NotImplementedError:
    """The error of an op that there is not for this layout."""
    kind = "Sparse" if isinstance(t, CooTensor) else "SparseCsr"
    place = "CPU" if t.device.type == "cpu" else t.device.type.upper()
    return NotImplementedError(
        f"[{name}] Could not run '{name}' with arguments from the '{kind}{place}' backend: it is "
        f"not there for tensors of layout {t.layout!r}; use to_dense() first"
    )


def expected(name: str, what: str, t: Tensor) -> RuntimeError:
    """The error of a tensor of another layout than `name` takes."""
    kind = KINDS[t.layout_] if isinstance(t, SparseTensor) else "Strided"
    return RuntimeError(f"{name} expected {what} tensor layout but got {kind}")


# ---- calls -------------------------------------------------------------------------------------
def first_sparse(values: Iterable[Any]) -> SparseTensor | None:
    """The first sparse tensor among arguments, also in lists of them."""
    return next(_sparse(values), None)


def _sparse(values: Iterable[Any]) -> Iterator[SparseTensor]:
    for value in values:
        if isinstance(value, SparseTensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from _sparse(value)


def answer(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What a call means that a sparse tensor takes part in.

    Raises:
        NotImplementedError: the op is not there for its layout.
    """
    sparse = first_sparse((*args, *kwargs.values()))
    if sparse is None:
        raise LayoutError(f"[{name}] a tensor without memory of its own takes part in it")
    table = COO if isinstance(sparse, CooTensor) else COMPRESSED
    out = kwargs.pop("out", None) if "out" in kwargs else None
    name = first_name(name)
    function = table.get(name)
    if function is None and name.endswith("_") and not name.endswith("__"):
        base = first_name(name[:-1])
        if base in table and base in INPLACE:
            result = table[base](*args, **kwargs)
            if base in OF_VALUES and isinstance(args[0], CooTensor) and not args[0].coalesced_:
                raise RuntimeError(f"[{name}] {name} requires coalesced input")
            return assigned(name, args[0], result)
    if function is None:
        raise unsupported(name, sparse)
    result = function(*args, **kwargs)
    return result if out is None else assigned(name, out, result, requires=False)


INPLACE: set[str] = set()
"""Ops with a method `NAME_`, which the table need not have."""
OF_VALUES: set[str] = set()
"""Those of them that are taken of the values one by one, which must be all there is."""
RESHAPING = ("t", "transpose")
"""Those of them whose result has another shape."""


def assigned(name: str, target: Any, result: Any, requires: bool = True) -> Any:
    """Makes the target, a sparse or dense tensor, what `result` is, as in-place ops and `out` do.

    Raises:
        RuntimeError: another layout, shape or a dtype that does not fit, or a leaf of the graph.
    """
    if not isinstance(target, SparseTensor):
        if isinstance(result, SparseTensor):
            result = result.to_dense() if requires else _refused(name, target, result)
        if not requires and target.shape != result.shape:
            target.resize_(result.shape)
        return target.copy_(result)
    if not isinstance(result, SparseTensor) or result.layout_ is not target.layout_:
        _refused(name, target, result)
    if requires and mode.enabled and isinstance(target._node, AccumulateGrad):
        raise RuntimeError(
            f"[{name}] a leaf Variable that requires grad is being used in an in-place operation."
        )
    if not can_cast(result.dtype, target.dtype):
        raise RuntimeError(
            f"result type {result.dtype.name} can't be cast to the desired output type "
            f"{target.dtype.name}"
        )
    if requires and result.shape != target.shape and name[:-1] not in RESHAPING:
        raise RuntimeError(
            f"[{name}] output with shape {list(target.shape)} doesn't match the broadcast shape "
            f"{list(result.shape)}"
        )
    same = all([
        ours is theirs
        for ours, theirs in zip(target.parts[:-1], result.parts[:-1], strict=True)
    ])  # fmt: skip
    values = target.values_
    node, number = result._node, result._output_nr
    converted = result.values_.to(target.dtype)
    target.adopt(result)
    target.values_ = converted
    if same and values.shape == converted.shape:  # whoever holds the values sees it
        values.copy_(converted)
        target.values_ = values
    if mode.enabled and node is not None:
        target._node, target._output_nr = node, number
    return target


def _refused(name: str, target: Any, result: Any) -> Any:
    raise RuntimeError(
        f"[{name}] expected a result of layout {result.layout!r}, but the tensor to be written has "
        f"layout {target.layout!r}"
    )
