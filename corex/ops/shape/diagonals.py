"""Matrices from diagonals, and diagonals as copies; the view `diagonal` is in `parts.py`."""

from __future__ import annotations

from corex.layout import normalize_dim
from corex.ops.inplace import check_inplace
from corex.ops.promotion import Number, require_tensor
from corex.ops.registration import exported, method
from corex.ops.shape.parts import as_strided
from corex.ops.shape.parts import diagonal as diagonal_view
from corex.ops.shape.views import dense_clone, reshape
from corex.tensor.tensor import Tensor


@exported(out="same")
def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """The diagonal of a matrix (a copy), or the matrix with a vector as its diagonal.

    Raises:
        RuntimeError: more than two dims.
    """
    ndim = require_tensor("diag", input).ndim
    if ndim == 1:
        return diag_embed(input, diagonal)
    if ndim != 2:
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {ndim}D")
    return dense_clone(diagonal_view(input, diagonal))


@exported()
def diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Matrices, over two new dims, whose diagonals are the last dim.

    Raises:
        RuntimeError: the two dims are the same.
    """
    n = input.shape[-1] + abs(offset)
    ndim = input.ndim + 1
    a, b = normalize_dim(dim1, ndim), normalize_dim(dim2, ndim)
    if a == b:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    sizes = list(input.shape[:-1])
    for dim in sorted((a, b)):
        sizes.insert(dim, n)
    whole = input.new_zeros(sizes)
    diagonal_view(whole, offset, a, b).copy_(input)
    return whole


@exported()
def diagflat(input: Tensor, offset: int = 0) -> Tensor:
    """The matrix whose diagonal holds all elements in order."""
    return diag_embed(reshape(input, (-1,)), offset)


@method()
def fill_diagonal_(self: Tensor, fill_value: Number, wrap: bool = False) -> Tensor:
    """In place: a number in the diagonal of a matrix, or where all indices of a cube are equal;
    with `wrap` the diagonal of a tall matrix begins anew after each square and a row.

    Raises:
        RuntimeError: fewer than two dims, or of more than two not all of one length.
    """
    if self.ndim < 2:
        raise RuntimeError("dimensions must larger than 1")
    if self.ndim > 2 and len(set(self.shape)) > 1:
        raise RuntimeError("all dimensions of input must be of equal length")
    check_inplace("fill_diagonal", self, (self,))
    length, step = min(self.shape), sum(self.strides)
    as_strided(self, (length,), (step,), self.offset).fill_(fill_value)
    height, width = self.shape[:2]
    if wrap and self.ndim == 2 and height > width + 1:
        whole, rest = divmod(height, width + 1)
        down = self.strides[0] * (width + 1)
        as_strided(self, (whole, width), (down, step), self.offset).fill_(fill_value)
        last = (min(rest, width),)
        as_strided(self, last, (step,), self.offset + whole * down).fill_(fill_value)
    return self
