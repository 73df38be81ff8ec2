"""Matrix products with sparse operands, by index arithmetic: a row of the other operand for each
stored element, added up by rows of the result."""

from __future__ import annotations

from typing import Any

from corex import dtypes as dt
from corex.dispatch.record import no_grad
from corex.ops.promotion import require_tensor
from corex.ops.reduce.unique import unique
from corex.ops.sparse.components import at_same_places, constructed, values_of
from corex.ops.sparse.convert import element_places, sparse_mask, to_sparse
from corex.ops.sparse.graph import recorded, titled
from corex.ops.sparse.places import (
    beginnings,
    coordinates,
    ranges,
    spread,
    summed,
    zeros_at,
)
from corex.ops.sparse.table import sparse_op, unsupported
from corex.ops.sparse.tensor import CompressedTensor, CooTensor, SparseTensor, coo
from corex.tensor.tensor import Tensor, alias


# ---- two matrices --------------------------------------------------------------------------------
def _check_matrices(name: str, a: Any, b: Any) -> None:
    for t in (a, b):
        dims = t.sparse_dims if isinstance(t, CooTensor) else len(t.shape)
        if len(t.shape) != 2 or dims != 2:
            raise RuntimeError(
                f"[{name}] matrices expected, got {dims}D tensor of shape {list(t.shape)}"
            )
    if a.shape[1] != b.shape[0]:
        raise RuntimeError(
            f"[{name}] mat1 and mat2 shapes cannot be multiplied ({a.shape[0]}x{a.shape[1]} and "
            f"{b.shape[0]}x{b.shape[1]})"
        )
    if a.dtype is not b.dtype:
        raise RuntimeError(
            f"[{name}] expected both matrices to have the same dtype, but got {a.dtype!r} and "
            f"{b.dtype!r}"
        )


def _places_and_values(t: Any) -> tuple[Tensor, Tensor, Tensor]:
    if isinstance(t, CooTensor):
        return t.indices_.select(0, 0), t.indices_.select(0, 1), t.values_
    indices, values = element_places(t)
    return indices.select(0, 0), indices.select(0, 1), values


def _sparse_by_dense(a: Any, b: Tensor) -> Tensor:
    """(n, k) sparse, (k, m) dense -> (n, m); no graph."""
    row, col, values = _places_and_values(a)
    terms = alias(b).index_select(0, col) * values.unsqueeze(1)
    return zeros_at((a.shape[0], b.shape[1]), terms, terms.dtype).index_add(0, row, terms)


def _sparse_by_sparse(a: Any, b: Any) -> CooTensor:
    """(n, k) and (k, m), both sparse -> (n, m), coalesced; no graph."""
    left = summed(a if isinstance(a, CooTensor) else to_sparse(a))
    right = summed(b if isinstance(b, CooTensor) else to_sparse(b))
    starts = beginnings(right.indices_.select(0, 0).unsqueeze(0), b.shape[0]).select(0, 0)
    inner = left.indices_.select(0, 1)
    begin = starts.index_select(0, inner)
    counts = starts.index_select(0, inner + 1) - begin
    of_left, of_right = ranges(begin, counts)
    values = left.values_.index_select(0, of_left) * right.values_.index_select(0, of_right)
    row = left.indices_.select(0, 0).index_select(0, of_left)
    col = right.indices_.select(0, 1).index_select(0, of_right)
    shape = (a.shape[0], b.shape[1])
    indices = spread(row * max(shape[1], 1) + col, shape)
    return summed(coo(indices, values, shape, False))


def _mh(t: Any) -> Any:
    """The conjugate of the transpose."""
    return (t.conj() if t.is_complex() else t).t()


def product(name: str, title: str, a: Any, b: Any, masked: bool = False) -> Any:
    """The product of two matrices, of which one is sparse. The gradient of a sparse operand is
    that of its stored elements alone, if it is `masked`."""
    _check_matrices(name, a, b)
    with no_grad():
        if isinstance(a, SparseTensor) and isinstance(b, SparseTensor):
            result: Any = _sparse_by_sparse(a, b)
            if isinstance(a, CompressedTensor) and isinstance(b, CompressedTensor):
                result = to_sparse(result, layout=a.layout_ if a.by_row else b.layout_)
        elif isinstance(a, SparseTensor):
            result = _sparse_by_dense(a, b)
        else:
            result = _sparse_by_dense(b.t(), a.t()).t().contiguous()
    both = isinstance(a, SparseTensor) and isinstance(b, SparseTensor)

    def of_a(g: Any) -> Any:
        return _like_operand(g.mm(_mh(b)), a, masked or both)

    def of_b(g: Any) -> Any:
        return _like_operand(_mh(a).mm(g), b, masked or both)

    saved = [t for t in (a, b) if not isinstance(t, SparseTensor)]
    return recorded(result, title, (a, b), (of_a, of_b), saved)


def _like_operand(g: Any, operand: Any, masked: bool) -> Any:
    if not isinstance(operand, SparseTensor):
        return g.to_dense() if isinstance(g, SparseTensor) else g
    if not masked:
        return g
    return sparse_mask(g, summed(operand) if isinstance(operand, CooTensor) else operand)


@sparse_op("mm", "spmm", "dsmm")
def mm(input: Any, mat2: Any) -> Any:
    """Product of two matrices; sparse, if both are.

    Raises:
        RuntimeError: not matrices, sizes that do not align, or different dtypes.
    """
    return product("mm", "Mm", input, mat2)


@sparse_op("addmm")
def addmm(input: Any, mat1: Any, mat2: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """beta * input + alpha * mat1 @ mat2.

    Raises:
        RuntimeError: as `mm`; or a sparse `input` that is to be added to a dense product.
    """
    return _added("Addmm", input, mat1, mat2, beta, alpha, masked=False)


def sparse_addmm(input: Any, mat1: Any, mat2: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """beta * input + alpha * mat1 @ mat2. The gradient of `mat1` is that of its stored elements.

    Raises:
        RuntimeError: as `mm`.
    """
    require_tensor("addmm", input, "input")
    require_tensor("addmm", mat1, "mat1")
    require_tensor("addmm", mat2, "mat2")
    if not any([isinstance(t, SparseTensor) for t in (mat1, mat2)]):
        dense: Tensor = input.addmm(mat1, mat2, beta=beta, alpha=alpha)
        return dense
    return _added("SparseAddmm", input, mat1, mat2, beta, alpha, masked=True)


def _added(title: str, input: Any, a: Any, b: Any, beta: Any, alpha: Any, masked: bool) -> Any:
    found = product("addmm", title, a, b, masked)
    sparse = isinstance(input, SparseTensor)
    if sparse and not isinstance(found, SparseTensor):
        raise RuntimeError(
            f"addmm_sparse_dense: expected strided result tensor, got tensor with layout "
            f"{input.layout!r}"
        )
    with no_grad():
        result = found.detach() * alpha if alpha != 1 else found.detach()
        if beta != 0:
            base = input.detach() * beta if beta != 1 else input.detach()
            if not sparse:
                base = base.expand(found.shape)
            result = base + result

    def of_input(g: Any) -> Any:
        share = g * beta
        return share if share.shape == input.shape else share.sum_to_size(input.shape)

    formulas = (of_input, lambda g: g * alpha)
    return recorded(result, title, (input, found), formulas)


def sparse_mm(input: Any, mat2: Any, reduce: str | None = None) -> Any:
    """Product of two matrices. The gradient of a sparse one is that of its stored elements; with
    `reduce` the terms of each element are added, averaged, or the largest or smallest taken.

    Raises:
        RuntimeError: as `mm`; or an unknown `reduce`.
    """
    require_tensor("mm", input, "input")
    require_tensor("mm", mat2, "mat2")
    if reduce is not None:
        return _reduced(input, mat2, reduce)
    if not any([isinstance(t, SparseTensor) for t in (input, mat2)]):
        dense: Tensor = input.mm(mat2)
        return dense
    both = isinstance(input, SparseTensor) and isinstance(mat2, SparseTensor)
    title = "SparseSparseMatmul" if both else "SparseAddmm"
    return product("mm", title, input, mat2, masked=True)


def _reduced(a: Any, b: Tensor, reduce: str) -> Tensor:
    if reduce not in ("sum", "mean", "amax", "amin"):
        raise RuntimeError(
            f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}"
        )
    if not isinstance(a, CompressedTensor):
        raise RuntimeError("torch.sparse.mm: expects mat1 to be a CSR tensor, if reduce is given")
    _check_matrices("mm", a, b)
    with no_grad():
        row, col, _ = _places_and_values(a)
    terms = b.index_select(0, col) * values_of(a).reshape((-1, 1))
    whole = terms.new_zeros((a.shape[0], b.shape[1]))
    if reduce in ("sum", "mean"):
        total = whole.index_add(0, row, terms)
        if reduce == "sum":
            return total
        counts = zeros_at((a.shape[0],), row).index_add(0, row, row * 0 + 1)
        return total / counts.clamp(min=1).to(total.dtype).unsqueeze(1)
    at = row.unsqueeze(1).expand(terms.shape)
    return whole.scatter_reduce(0, at, terms, reduce, include_self=False)


# ---- vectors and batches -------------------------------------------------------------------------
@sparse_op("mv")
def mv(input: Any, vec: Any) -> Any:
    """Product of a matrix and a vector.

    Raises:
        RuntimeError: sizes that do not align.
    """
    if isinstance(vec, SparseTensor) or not isinstance(input, SparseTensor):
        raise unsupported("mv", vec)
    if len(input.shape) != 2 or len(vec.shape) != 1 or input.shape[1] != vec.shape[0]:
        raise RuntimeError(
            f"mv: expected a matrix and a vector whose sizes align, got {list(input.shape)} and "
            f"{list(vec.shape)}"
        )
    with no_grad():
        result = _sparse_by_dense(input, vec.detach().unsqueeze(1)).squeeze(1)
    return recorded(
        result, "Mv", (input, vec),
        (lambda g: g.outer(vec.conj()), lambda g: mv(_mh(input), g)), (vec,),
    )  # fmt: skip


@sparse_op("addmv")
def addmv(input: Any, mat: Any, vec: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """beta * input + alpha * mat @ vec."""
    found = mv(mat, vec) * alpha
    return found if beta == 0 else input * beta + found


@sparse_op("matmul", "__matmul__")
def matmul(input: Any, other: Any) -> Any:
    """Product of matrices, a matrix and a vector, or a batch of matrices and one.

    Raises:
        RuntimeError: sizes that do not align. NotImplementedError: other numbers of dims.
    """
    if not isinstance(other, Tensor):
        return NotImplemented
    left, right = len(input.shape), len(other.shape)
    if (left, right) == (2, 2):
        return mm(input, other)
    if (left, right) == (2, 1):
        return mv(input, other)
    if (left, right) == (1, 2) and not isinstance(input, SparseTensor):
        return mv(other.t(), input)
    if (left, right) == (3, 3):
        return bmm(input, other)
    if right == 2 and left > 2 and not isinstance(input, SparseTensor):
        rows = mm(input.reshape((-1, input.shape[-1])), other)
        return rows.reshape((*input.shape[:-1], other.shape[1]))
    raise unsupported("matmul", input if isinstance(input, SparseTensor) else other)


@sparse_op("__rmatmul__")
def rmatmul(input: Any, other: Any) -> Any:
    """other @ input."""
    return matmul(other, input)


@sparse_op("linear")
def linear(input: Any, weight: Any, bias: Any = None) -> Any:
    """input @ weight^T + bias, of a sparse weight or input."""
    found = matmul(input, weight.t())
    return found if bias is None else bias.expand(found.shape) + found


@sparse_op("bmm")
def bmm(input: Any, mat2: Any) -> Any:
    """Products of a batch of sparse matrices and one of dense ones.

    Raises:
        RuntimeError: not 3-d, or sizes that do not align. NotImplementedError: dense by sparse.
    """
    if not isinstance(input, SparseTensor) or isinstance(mat2, SparseTensor):
        raise unsupported("bmm", mat2)
    if len(input.shape) != 3 or len(mat2.shape) != 3:
        raise RuntimeError(
            f"bmm_sparse: batch1 and batch2 must be 3D, got {list(input.shape)} and "
            f"{list(mat2.shape)}"
        )
    if input.shape[0] != mat2.shape[0] or input.shape[2] != mat2.shape[1]:
        raise RuntimeError(
            f"[bmm] Expected size for first two dimensions of batch2 tensor to be: "
            f"[{input.shape[0]}, {input.shape[2]}] but got: [{mat2.shape[0]}, {mat2.shape[1]}]."
        )
    count, rows, _ = input.shape
    with no_grad():
        if isinstance(input, CooTensor):
            batch, row, col = [input.indices_.select(0, i) for i in range(3)]
            values = input.values_
        else:
            batch, row, col = coordinates(input)  # type: ignore[arg-type]
            values = input.values_.reshape((-1,))
        inner, width = mat2.shape[1:]
        flat_b = alias(mat2).reshape((count * inner, width))
        terms = flat_b.index_select(0, batch * inner + col) * values.unsqueeze(1)
        whole = zeros_at((count * rows, width), terms, terms.dtype)
        result = whole.index_add(0, batch * rows + row, terms).reshape((count, rows, width))

    def of_b(g: Any) -> Any:
        turned = input.conj() if input.is_complex() else input
        return bmm(to_sparse(turned).transpose(1, 2), g)

    return recorded(
        result, "Bmm", (input, mat2), (lambda g: g.bmm(mat2.conj().transpose(1, 2)), of_b), (mat2,)
    )


# ---- products in coordinates ---------------------------------------------------------------------
def _hybrid(a: Any, b: Tensor) -> CooTensor:
    """a @ b as rows: those of the result in which something is stored."""
    row, col, values = _places_and_values(a)
    rows, group = unique(row, return_inverse=True)
    terms = alias(b).index_select(0, col) * values.unsqueeze(1)
    whole = zeros_at((rows.shape[0], b.shape[1]), terms, terms.dtype).index_add(0, group, terms)
    return coo(rows.unsqueeze(0), whole, (a.shape[0], b.shape[1]))


@sparse_op("hspmm")
def hspmm(mat1: Any, mat2: Any) -> Tensor:
    """Product of a sparse and a dense matrix, as a tensor of one sparse and one dense dim.

    Raises:
        RuntimeError: as `mm`.
    """
    _check_matrices("hspmm", mat1, mat2)
    with no_grad():
        return _hybrid(mat1, mat2)


@sparse_op("sspaddmm")
def sspaddmm(input: Any, mat1: Any, mat2: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """beta * input + alpha * mat1 @ mat2 in coordinates, for a sparse `input` and `mat1`.

    Raises:
        RuntimeError: as `mm`; or a dense `mat1`.
    """
    if not isinstance(mat1, SparseTensor) or not isinstance(input, SparseTensor):
        raise RuntimeError("sspaddmm: expected 'input' and 'mat1' to be sparse tensors")
    _check_matrices("sspaddmm", mat1, mat2)
    if tuple(input.shape) != (mat1.shape[0], mat2.shape[1]):
        raise RuntimeError(
            f"sspaddmm: Argument #1: Expected shape {[mat1.shape[0], mat2.shape[1]]}, got "
            f"{list(input.shape)}"
        )
    with no_grad():
        rows = _hybrid(mat1, mat2)
        count, width = rows.values_.shape
        cols = zeros_at((count, width), rows.indices_) + 1
        cols = cols.cumsum(1) - 1
        at = rows.indices_.select(0, 0).unsqueeze(1).expand((count, width))
        indices = spread((at * max(width, 1) + cols).reshape((-1,)), input.shape)
        term = coo(indices, rows.values_.reshape((-1,)), input.shape)
        scaled = term * alpha
        found: Any = scaled if beta == 0 else input * beta + scaled
        found = found.shallow()
        found.coalesced_ = found.nnz() < 2
        return found


@sparse_op("smm")
def smm(input: Any, mat2: Any) -> Any:
    """Product of a sparse and a dense matrix, in coordinates."""
    zeros = zeros_at((0,), input.values_, input.dtype)
    empty = coo(spread(zeros_at((0,), zeros), (1, 1)), zeros, (input.shape[0], mat2.shape[1]), True)
    return sspaddmm(empty, input, mat2, beta=0)


def sampled_addmm(
    input: Any, mat1: Tensor, mat2: Tensor, *, beta: Any = 1.0, alpha: Any = 1.0
) -> Any:
    """alpha * mat1 @ mat2 at the places of `input`, plus beta * input; all may be batches.

    Raises:
        RuntimeError: `input` is not of layout `corex.sparse_csr`, or sizes that do not fit.
    """
    require_tensor("sampled_addmm", input, "input")
    require_tensor("sampled_addmm", mat1, "mat1")
    require_tensor("sampled_addmm", mat2, "mat2")
    if not isinstance(input, CompressedTensor):
        raise RuntimeError(
            f"sampled_addmm: Expected self to have sparse csr layout, but got {input.layout!r}"
        )
    batch = tuple(input.shape[:-2])
    rows, cols = input.shape[-2:]
    inner = mat1.shape[-1]
    if tuple(mat1.shape) != (*batch, rows, inner) or tuple(mat2.shape) != (*batch, inner, cols):
        raise RuntimeError(
            f"sampled_addmm: mat1 and mat2 shapes cannot be multiplied into {list(input.shape)}: "
            f"{list(mat1.shape)} and {list(mat2.shape)}"
        )
    with no_grad():
        of, row, col = coordinates(input)
    left = mat1.reshape((-1, inner)).index_select(0, of * rows + row)
    right = mat2.transpose(-1, -2).reshape((-1, inner)).index_select(0, of * cols + col)
    found = (left * right).sum(1).reshape(input.values_.shape) * alpha
    if beta != 0:
        found = found + values_of(input) * beta
    return titled(at_same_places(input, found), "SparseSampledAddmm")


def spdiags(diagonals: Tensor, offsets: Tensor, shape: Any, layout: Any = None) -> Any:
    """A sparse matrix whose diagonals, `offsets` above the main one, are rows of `diagonals`.

    Raises:
        RuntimeError: not as many rows as offsets, or an offset twice.
    """
    require_tensor("spdiags", diagonals, "diagonals")
    require_tensor("spdiags", offsets, "offsets")
    rows = diagonals if len(diagonals.shape) == 2 else diagonals.unsqueeze(0)
    steps = offsets if len(offsets.shape) == 1 else offsets.reshape((-1,))
    if len(rows.shape) != 2:
        raise RuntimeError("Diagonals must be vector or matrix")
    if len(shape) != 2:
        raise RuntimeError(f"Output shape must be 2d, got {list(shape)}")
    if steps.key.dtype is not dt.int64:
        raise RuntimeError(f"Offset Tensor must have dtype Long but got {steps.key.dtype!r}")
    if rows.shape[0] != steps.shape[0]:
        raise RuntimeError(
            f"Number of diagonals ({rows.shape[0]}) does not match the number of offsets "
            f"({steps.shape[0]})"
        )
    if len(set(steps.tolist())) != steps.shape[0]:
        raise RuntimeError("Offset tensor contains duplicate values")
    height, width = shape
    with no_grad():
        count, length = rows.shape
        col = zeros_at((count, length), steps) + 1
        col = col.cumsum(1) - 1
        row = col - steps.to(rows.device).unsqueeze(1)
        inside = (row >= 0) & (row < height) & (col < width)
        stored = inside.reshape((-1,)).nonzero().reshape((-1,))
        at = (row * max(width, 1) + col).reshape((-1,)).index_select(0, stored)
    values = rows.reshape((-1,)).index_select(0, stored)
    result = titled(constructed(spread(at, (height, width)), values, (height, width)), "Spdiags")
    return result if layout is None else to_sparse(result, layout=layout)
