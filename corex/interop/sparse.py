"""The methods of dense tensors that have to do with sparse ones.

What they do is loaded when one of them needs it: most programs have no sparse tensors.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from corex.formats import Layout, sparse_coo, sparse_csr
from corex.ops.promotion import Number
from corex.tensor.tensor import Tensor


def _part(name: str) -> Any:
    import_module("corex.sparse.loaded")
    return import_module(f"corex.ops.sparse.{name}")


# ---- other layouts -------------------------------------------------------------------------------
def _to_sparse(
    self: Tensor,
    sparse_dim: int | None = None,
    *,
    layout: Layout | None = None,
    blocksize: Any = None,
    dense_dim: int | None = None,
) -> Tensor:
    """The tensor in a sparse layout, by default `corex.sparse_coo`: what is not zero is stored.

    Args:
        sparse_dim: how many dims are sparse; the others, the last ones, are dense.
        layout, blocksize, dense_dim: instead, the layout, its blocks, how many dims are dense.

    Raises:
        RuntimeError: arguments that do not fit together, or the tensor.
    """
    found: Tensor = _part("convert").to_sparse(
        self, sparse_dim, layout=layout, blocksize=blocksize, dense_dim=dense_dim
    )
    return found


def _to_sparse_coo(self: Tensor) -> Tensor:
    """The tensor in coordinates."""
    found: Tensor = _part("convert").to_sparse(self)
    return found


def _to_sparse_csr(self: Tensor, dense_dim: int | None = None) -> Tensor:
    """The tensor in compressed rows."""
    found: Tensor = _part("convert").CONVERTERS["to_sparse_csr"](self, dense_dim)
    return found


def _to_sparse_csc(self: Tensor, dense_dim: int | None = None) -> Tensor:
    """The tensor in compressed columns."""
    found: Tensor = _part("convert").CONVERTERS["to_sparse_csc"](self, dense_dim)
    return found


def _to_sparse_bsr(self: Tensor, blocksize: Any, dense_dim: int | None = None) -> Tensor:
    """The tensor in compressed rows of blocks."""
    convert = _part("convert").CONVERTERS["to_sparse_bsr"]
    found: Tensor = convert(self, blocksize, dense_dim=dense_dim)
    return found


def _to_sparse_bsc(self: Tensor, blocksize: Any, dense_dim: int | None = None) -> Tensor:
    """The tensor in compressed columns of blocks."""
    convert = _part("convert").CONVERTERS["to_sparse_bsc"]
    found: Tensor = convert(self, blocksize, dense_dim=dense_dim)
    return found


def _to_dense(self: Tensor, dtype: Any = None, *, masked_grad: bool | None = None) -> Tensor:
    """The tensor with all its elements; a dense one is returned as it is."""
    return self if dtype is None else self.to(dtype)


def _sparse_mask(self: Tensor, mask: Tensor) -> Tensor:
    """The elements where `mask`, which is sparse, has stored elements.

    Raises:
        RuntimeError: shapes that differ, or a mask that is dense.
    """
    found: Tensor = _part("convert").sparse_mask(self, mask)
    return found


# ---- what only sparse tensors have ---------------------------------------------------------------
def _sparse_dim(self: Tensor) -> int:
    """How many dims are sparse: of a dense tensor none."""
    return 0


def _dense_dim(self: Tensor) -> int:
    """How many dims are dense: of a dense tensor all."""
    return len(self.shape)


def _only(name: str, what: str, doc: str) -> Any:
    def method(self: Tensor) -> Tensor:
        raise RuntimeError(f"{name} expected {what} tensor layout but got Strided")

    method.__name__ = name
    method.__doc__ = f"{doc}\n\nRaises:\n    RuntimeError: the tensor is dense."
    return method


def _stored(name: str, doc: str) -> Any:
    def method(self: Tensor) -> Any:
        raise NotImplementedError(f"[{name}] only sparse tensors have it, but this one is dense")

    method.__name__ = name
    method.__doc__ = f"{doc}\n\nRaises:\n    NotImplementedError: the tensor is dense."
    return method


def _resizing(name: str, doc: str) -> Any:
    def method(self: Tensor, size: Any, sparse_dim: int, dense_dim: int) -> Tensor:
        raise NotImplementedError(f"[{name}] only sparse tensors have it, but this one is dense")

    method.__name__ = name
    method.__doc__ = f"{doc}\n\nRaises:\n    NotImplementedError: the tensor is dense."
    return method


def _resize_as_sparse_(self: Tensor, the_template: Tensor) -> Tensor:
    """Gives a sparse tensor another's shape.

    Raises:
        NotImplementedError: the tensor is dense.
    """
    raise NotImplementedError(
        "[resize_as_sparse_] only sparse tensors have it, but this one is dense"
    )


def _is_sparse(self: Tensor) -> bool:
    """Whether the layout is `corex.sparse_coo`."""
    return self.layout is sparse_coo


def _is_sparse_csr(self: Tensor) -> bool:
    """Whether the layout is `corex.sparse_csr`."""
    return self.layout is sparse_csr


# ---- products ------------------------------------------------------------------------------------
def _smm(self: Tensor, mat2: Tensor) -> Tensor:
    """Product of a sparse and a dense matrix, in coordinates.

    Raises:
        RuntimeError: the tensor is dense.
    """
    raise RuntimeError("smm: expected 'input' to be a sparse tensor")


def _sspaddmm(
    self: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Number = 1, alpha: Number = 1
) -> Tensor:
    """beta * self + alpha * mat1 @ mat2, for sparse tensors.

    Raises:
        RuntimeError: one of the first two is dense.
    """
    raise RuntimeError("sspaddmm: expected 'input' and 'mat1' to be sparse tensors")


_COO, _ANY = "sparse coordinate", "sparse"
methods: dict[str, Any] = {
    "to_sparse": _to_sparse,
    "to_sparse_coo": _to_sparse_coo,
    "to_sparse_csr": _to_sparse_csr,
    "to_sparse_csc": _to_sparse_csc,
    "to_sparse_bsr": _to_sparse_bsr,
    "to_sparse_bsc": _to_sparse_bsc,
    "to_dense": _to_dense,
    "sparse_mask": _sparse_mask,
    "sparse_dim": _sparse_dim,
    "dense_dim": _dense_dim,
    "coalesce": _only("coalesce", _COO, "The tensor with its coordinates sorted and different."),
    "is_coalesced": _only("is_coalesced", _COO, "Whether coordinates are sorted and different."),
    "indices": _only("indices", _COO, "The coordinates, (sparse dims, nnz)."),
    "values": _only("values", _ANY, "The stored elements."),
    "crow_indices": _only("crow_indices", "sparse row compressed", "Where rows begin."),
    "col_indices": _only("col_indices", "sparse row compressed", "The columns of elements."),
    "ccol_indices": _only("ccol_indices", "sparse column compressed", "Where columns begin."),
    "row_indices": _only("row_indices", "sparse column compressed", "The rows of elements."),
    "_nnz": _stored("_nnz", "How many elements a sparse tensor stores."),
    "_indices": _stored("_indices", "The coordinates of a sparse tensor as they are."),
    "_values": _stored("_values", "The values of a sparse tensor as they are."),
    "sparse_resize_": _resizing("sparse_resize_", "Gives a sparse tensor another shape."),
    "sparse_resize_and_clear_": _resizing(
        "sparse_resize_and_clear_", "Gives a sparse tensor another shape, and takes its elements."
    ),
    "resize_as_sparse_": _resize_as_sparse_,
    "is_sparse": property(_is_sparse),
    "is_sparse_csr": property(_is_sparse_csr),
    "smm": _smm,
    "sspaddmm": _sspaddmm,
}


def install(tensor: type[Tensor]) -> None:
    """Sets the methods."""
    for name, method in methods.items():
        setattr(tensor, name, method)
