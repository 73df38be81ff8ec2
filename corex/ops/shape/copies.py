"""Views as copies: `permute_copy` is `permute` with a row-major result in memory of its own.

Each is made from the view that it copies, by a row of `_COPIES`; `unsafe_split` and its kin hand
out the same views as `split`, which autograd then takes for separate tensors in PyTorch and need
not here.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from corex.generated import Signature
from corex.layout import normalize_dim
from corex.ops.create.constant import named
from corex.ops.registration import exported, function
from corex.ops.shape.complex_views import view_as_complex, view_as_real
from corex.ops.shape.parts import (
    as_strided,
    chunk,
    diagonal,
    narrow,
    select,
    slice_view,
    split,
    unbind,
    unfold,
)
from corex.ops.shape.views import (
    alias_view,
    dense_clone,
    expand,
    permute,
    squeeze,
    t,
    transpose,
    unsqueeze,
    view,
)
from corex.tensor.tensor import Tensor


def sliced(
    input: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Tensor:
    """The view `input[start:end:step]` of a dim; bounds beyond the dim end there.

    Raises:
        IndexError: a 0-d tensor. RuntimeError: a step that is not positive.
    """
    if not input.shape:
        raise IndexError("slice() cannot be applied to a 0-dim tensor.")
    dim = normalize_dim(dim, input.ndim)
    step = step.__index__()
    if step <= 0:
        raise RuntimeError("slice step must be positive")
    first, last, _ = slice(start, end).indices(input.shape[dim])
    return slice_view(input, dim, first, max(0, -(-(last - first) // step)), step)


def _permuted(input: Tensor, dims: Sequence[int]) -> Tensor:
    return permute(input, dims)


def _expanded(input: Tensor, size: Sequence[int], *, implicit: bool = False) -> Tensor:
    return expand(input, size)


def _viewed(input: Tensor, size: Sequence[int]) -> Tensor:
    return view(input, size)


def _split(input: Tensor, split_size: int, dim: int = 0) -> tuple[Tensor, ...]:
    return split(input, split_size.__index__(), dim)


def _split_sizes(input: Tensor, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    return split(input, list(split_sizes), dim)


def _unfolded(input: Tensor, dimension: int, size: int, step: int) -> Tensor:
    return unfold(input, dimension, size, step)


def _diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    return diagonal(input, offset, dim1, dim2)


_COPIES: dict[str, Callable[..., Any]] = {
    "alias": alias_view,
    "as_strided": as_strided,
    "detach": alias_view,  # a copy is no part of the memory that is detached
    "diagonal": _diagonal,
    "expand": _expanded,
    "permute": _permuted,
    "select": select,
    "slice": sliced,
    "split": _split,
    "split_with_sizes": _split_sizes,
    "squeeze": squeeze,
    "t": t,
    "transpose": transpose,
    "unbind": unbind,
    "unfold": _unfolded,
    "unsqueeze": unsqueeze,
    "view": _viewed,
    "view_as_complex": view_as_complex,
    "view_as_real": view_as_real,
}


def _copy_of(name: str, make_view: Callable[..., Any]) -> Callable[..., Any]:
    def copy(*args: Any, **kwargs: Any) -> Any:
        found = make_view(*args, **kwargs)
        if isinstance(found, tuple):
            return tuple([dense_clone(part) for part in found])
        return dense_clone(found)

    copy.__doc__ = f"As `{name}`, but a row-major copy instead of a view; raises as that does."
    shown = Signature(lambda: inspect.signature(make_view))
    copy.__signature__ = shown  # type: ignore[attr-defined]
    return named(copy, f"{name}_copy")


for _name, _view in _COPIES.items():
    function(f"{_name}_copy", out="same")(_copy_of(_name, _view))


@exported(out="same")
def narrow_copy(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """A row-major copy of `length` entries of a dim from `start`; raises as `narrow`."""
    return dense_clone(narrow(input, dim, start, length))


# ---- parts without the rules of views --------------------------------------------------------
@exported("split_with_sizes")
def split_with_sizes(input: Tensor, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Views of consecutive parts of a dim, of the given sizes; raises as `split`."""
    return split(input, list(split_sizes), dim)


@exported()
def unsafe_split(input: Tensor, split_size: int, dim: int = 0) -> tuple[Tensor, ...]:
    """As `split` into parts of one size."""
    return split(input.resolve_conj().resolve_neg(), split_size.__index__(), dim)


@exported()
def unsafe_split_with_sizes(
    input: Tensor, split_sizes: Sequence[int], dim: int = 0
) -> tuple[Tensor, ...]:
    """As `split` into parts of the given sizes."""
    return split(input.resolve_conj().resolve_neg(), list(split_sizes), dim)


@exported()
def unsafe_chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """As `chunk`."""
    return chunk(input.resolve_conj().resolve_neg(), chunks, dim)
