"""Sparse tensors: coordinates (`corex.sparse_coo`), compressed rows and columns, their blocks.

The functions are those of the files in `corex/ops/sparse`, which are loaded with this module;
docs/sparse.md says what sparse tensors can do.
"""

from __future__ import annotations

from typing import Any

import corex
import corex.sparse.loaded
from corex.errors import LayoutError
from corex.ops.sparse import create as _create
from corex.ops.sparse import products as _products
from corex.ops.sparse import reduce as _reduce
from corex.ops.sparse import table as _table
from corex.ops.sparse.checks import check_sparse_tensor_invariants
from corex.ops.sparse.table import unsupported
from corex.tensor.tensor import Tensor

addmm = _products.sparse_addmm
log_softmax = _reduce.log_softmax
mm = _products.sparse_mm
sampled_addmm = _products.sampled_addmm
softmax = _reduce.softmax
spdiags = _products.spdiags
sum = _reduce.sparse_sum

__all__ = [
    "addmm", "check_sparse_tensor_invariants", "log_softmax", "mm", "sampled_addmm", "softmax",
    "spdiags", "sum",
]  # fmt: skip

# ---- what `corex` itself has of them -------------------------------------------------------------
sparse_bsc_tensor = _create.sparse_bsc_tensor
sparse_bsr_tensor = _create.sparse_bsr_tensor
sparse_compressed_tensor = _create.sparse_compressed_tensor
sparse_coo_tensor = _create.sparse_coo_tensor
sparse_csc_tensor = _create.sparse_csc_tensor
sparse_csr_tensor = _create.sparse_csr_tensor


def _of_sparse(name: str) -> Any:
    """A function of `corex` whose first argument is, or should be, a sparse tensor."""

    def function(input: Tensor, *args: Any, **kwargs: Any) -> Any:
        if _table.first_sparse((input, *args)) is None:
            raise unsupported(name, input)
        return LayoutError.answer(name, (input, *args), kwargs)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = _table.COO[name].__doc__
    return function


spmm = dsmm = corex.mm
hspmm = hsmm = _of_sparse("hspmm")
smm = _of_sparse("smm")
sspaddmm = saddmm = _of_sparse("sspaddmm")
resize_as_sparse_ = _of_sparse("resize_as_sparse_")
indices_copy = _of_sparse("indices_copy")
values_copy = _of_sparse("values_copy")
crow_indices_copy = _of_sparse("crow_indices_copy")
col_indices_copy = _of_sparse("col_indices_copy")
ccol_indices_copy = _of_sparse("ccol_indices_copy")
row_indices_copy = _of_sparse("row_indices_copy")
