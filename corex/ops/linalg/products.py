"""Products, powers and equations of matrices and tensors that are made of other functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from corex.dispatch.views import transformed
from corex.layout import broadcast_shapes, normalize_dim
from corex.ops.composed import composition
from corex.ops.linalg.contraction import positive_power
from corex.ops.linalg.matmul import matmul
from corex.ops.linalg.matrices import floating, square
from corex.ops.linalg.solve import inv, solve
from corex.ops.pointwise.select import where
from corex.ops.promotion import require_kinds, require_tensor
from corex.ops.shape.join import cat, stack
from corex.ops.shape.parts import diagonal
from corex.ops.shape.views import VIEW, expand, movedim, permute, reshape, shaped
from corex.tensor.tensor import Tensor


# ---- powers and exponentials -------------------------------------------------------------------
def matrix_power(A: Tensor, n: int) -> Tensor:
    """A matrix, or each of a batch, times itself, n times in all; of negative n, its inverse.

    Raises:
        RuntimeError: not square. LinAlgError: singular, and n is negative.
    """
    require_tensor("linalg.matrix_power", A)
    if A.ndim < 2:
        raise RuntimeError(
            "linalg.matrix_power: The input tensor A must have at least 2 dimensions."
        )
    if A.shape[-1] != A.shape[-2]:
        raise RuntimeError(
            f"linalg.matrix_power: A must be batches of square matrices, but they are "
            f"{A.shape[-2]} by {A.shape[-1]} matrices"
        )
    return positive_power(inv(A), -n) if n < 0 else positive_power(A, n)


_TERMS = 18  # of the series; for norms up to 1 the next one is below 1e-17


def _exp_steps(a: Tensor) -> Tensor:
    """The exponential by Taylor's series of A / 2^s, of norm at most 1, squared s times.

    Powers up to A^4 are made, and the series is summed in blocks of five terms (Paterson and
    Stockmeyer), so that it takes seven products.
    """
    n = a.shape[-1]
    if not n or 0 in a.shape:
        return a.clone()
    size = a.abs().sum(-2).amax(-1)
    squarings = size.clamp(min=1).log2().ceil()
    squarings = squarings.masked_fill(squarings.isfinite().logical_not(), 0)
    scaled = a * _wide((-squarings).exp2())
    eye = a.new_ones((n,)).diag_embed()
    powers = [eye, scaled]
    for _ in range(4):
        powers.append(matmul(powers[-1], scaled))
    total: Tensor | None = None
    for start in range(15, -1, -5):
        block = eye / math.factorial(start)
        for i in range(1, min(5, _TERMS + 1 - start)):
            block = block + powers[i] / math.factorial(start + i)
        total = block if total is None else matmul(total, powers[5]) + block
    assert total is not None
    for i in range(int(squarings.amax().item())):
        total = where(_wide(squarings > i), matmul(total, total), total)
    return total


def _wide(t: Tensor) -> Any:
    return t.unsqueeze(-1).unsqueeze(-1)


def _exp_back(g: Tensor, a: Tensor) -> Tensor:
    """The upper right block of exp([[A^T, g], [0, A^T]])."""
    n = a.shape[-1]
    turned = a.mT
    above = cat([turned, g], -1)
    below = cat([turned.new_zeros(turned.shape), turned], -1)
    return _EXP(cat([above, below], -2))[..., :n, n:]


_EXP = composition(
    "linalg_matrix_exp", ("a",), _exp_steps, {"a": _exp_back}, fresh=False,
    label="LinalgMatrixExpBackward0",
)  # fmt: skip


def matrix_exp(A: Tensor) -> Tensor:
    """The matrix exponential of square matrices (*, n, n).

    Raises:
        RuntimeError: not square, or not floating point.
    """
    return _EXP(square("linalg.matrix_exp", A))


# ---- products ----------------------------------------------------------------------------------
def multi_dot(tensors: Sequence[Tensor]) -> Tensor:
    """The product of two or more matrices in the order that costs least; the first and the last
    may be vectors.

    Raises:
        RuntimeError: fewer than two, or shapes that do not align.
    """
    parts = list(tensors)
    if len(parts) < 2:
        raise RuntimeError("multi_dot(): expected at least 2 tensors but got " + str(len(parts)))
    for t in parts:
        require_tensor("linalg.multi_dot", t, "tensors")
    vectors = parts[0].ndim == 1, parts[-1].ndim == 1
    for i, t in enumerate(parts):
        ends = i in (0, len(parts) - 1)
        if t.ndim != 2 and not (ends and t.ndim == 1):
            raise RuntimeError(
                f"multi_dot(): tensor {i} must be {'1D or 2D' if ends else '2D'} but got {t.ndim}D"
            )
    if vectors[0]:
        parts[0] = parts[0].unsqueeze(0)
    if vectors[1]:
        parts[-1] = parts[-1].unsqueeze(-1)
    for left, right in pairwise(parts):
        if left.shape[1] != right.shape[0]:
            raise RuntimeError(
                f"multi_dot(): tensors with shapes {list(left.shape)} and {list(right.shape)} "
                f"cannot be multiplied"
            )
    found = _product(parts, _order([parts[0].shape[0], *[t.shape[1] for t in parts]]), 0, -1)
    shape = found.shape[int(vectors[0]) : 2 - int(vectors[1])]
    return found if len(shape) == 2 else shaped(found, shape)


def chain_matmul(parts: Sequence[Tensor]) -> Tensor:
    """As `multi_dot`, of matrices alone; one of them is handed back.

    Raises:
        RuntimeError: none, or one that is no matrix.
    """
    for t in parts:
        if require_tensor("chain_matmul", t, "matrices").ndim != 2:
            raise RuntimeError(f"Tensor dimension is {t.ndim}, expected 2 instead.")
    if not parts:
        raise RuntimeError("chain_matmul(): Expected one or more matrices")
    return multi_dot(parts) if len(parts) > 1 else parts[0]


def _order(sizes: list[int]) -> list[list[int]]:
    """Where each stretch of a chain of matrices is best cut in two (Cormen et al., 15.2)."""
    n = len(sizes) - 1
    cost = [[0] * n for _ in range(n)]
    cut = [[0] * n for _ in range(n)]
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            cost[i][j], cut[i][j] = min(
                (cost[i][k] + cost[k + 1][j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k)
                for k in range(i, j)
            )
    return cut


def _product(parts: list[Tensor], cut: list[list[int]], i: int, j: int) -> Tensor:
    j = len(parts) - 1 if j < 0 else j
    if i == j:
        return parts[i]
    k = cut[i][j]
    return matmul(_product(parts, cut, i, k), _product(parts, cut, k + 1, j))


def vecdot(x: Tensor, y: Tensor, *, dim: int = -1) -> Tensor:
    """Sums products of conjugates with numbers along a dim; other dims broadcast."""
    floating("linalg.vecdot", require_tensor("linalg.vecdot", x, "x"))
    floating("linalg.vecdot", require_tensor("linalg.vecdot", y, "y"))
    shape = broadcast_shapes("linalg.vecdot", x.shape, y.shape)
    along = normalize_dim(dim, len(shape))
    a, b = (movedim(expand(t, shape), along, -1) for t in (x, y))
    found = matmul(a.conj().unsqueeze(-2), b.unsqueeze(-1))
    return shaped(found, tuple([s for d, s in enumerate(shape) if d != along]))


def cross(input: Tensor, other: Tensor, *, dim: int = -1) -> Tensor:
    """Vector products along a dim of size 3; other dims broadcast.

    Raises:
        RuntimeError: dims of another size, or of different numbers.
    """
    require_tensor("linalg.cross", input)
    require_tensor("linalg.cross", other, "other")
    if input.ndim != other.ndim:
        raise RuntimeError("linalg.cross: inputs must have the same number of dimensions.")
    at = normalize_dim(dim, input.ndim)
    if input.shape[at] != 3 or other.shape[at] != 3:
        raise RuntimeError(
            f"linalg.cross: inputs dimension {dim} must have length 3. Got {input.shape[at]} and "
            f"{other.shape[at]}"
        )
    require_kinds("linalg_cross", "uifc", input, other)
    a, b = movedim(input, at, 0), movedim(other, at, 0)
    parts = [a[(i + 1) % 3] * b[(i + 2) % 3] - a[(i + 2) % 3] * b[(i + 1) % 3] for i in range(3)]
    return stack(parts, at)


def diagonal_(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """The diagonal of two dims as a view, by default of the last two."""
    return diagonal(A, offset, dim1, dim2)


def vander(x: Tensor, *, N: int | None = None) -> Tensor:
    """Powers 0 to N - 1 of each element, in a new last dim; as many as elements by default.

    Raises:
        RuntimeError: bool, or N <= 1.
    """
    require_tensor("linalg.vander", x, "x")
    if x.key.dtype.kind == "b":
        raise RuntimeError('"vander" not implemented for Bool')
    if not x.shape:
        x = x.unsqueeze(0)
    n = x.shape[-1] if N is None else N
    if n <= 1:
        raise RuntimeError("N must be greater than 1.")
    ones = x.new_ones((*x.shape, 1))
    if x.key.dtype.kind in "ui":
        ones = ones.long()
        x = x.long()
    columns = expand(x.unsqueeze(-1), (*x.shape, n - 1))
    return cat([ones, columns.cumprod(-1)], -1)


# ---- equations of tensors ----------------------------------------------------------------------
def tensorinv(A: Tensor, ind: int = 2) -> Tensor:
    """The inverse of the matrix whose rows are the first `ind` dims of A, and whose columns are
    the others.

    Raises:
        RuntimeError: `ind` is not positive, or that is no square matrix. LinAlgError: singular.
    """
    require_tensor("linalg.tensorinv", A)
    if ind <= 0:
        raise RuntimeError("Expected a strictly positive integer for 'ind'")
    rows, columns = A.shape[:ind], A.shape[ind:]
    m, n = math.prod(rows), math.prod(columns)
    if m != n:
        raise RuntimeError(
            f"Expected self to satisfy the requirement prod(self.shape[ind:]) == "
            f"prod(self.shape[:ind]), but got {n} != {m}"
        )
    found = inv(reshape(A, (m, n)))
    if found.shape == (*columns, *rows):
        return found
    return transformed(VIEW, found, ((*columns, *rows),))


def tensorsolve(A: Tensor, B: Tensor, dims: Any = None) -> Tensor:
    """X of tensordot(A, X, X.ndim) = B; `dims` are moved to the end of A before.

    Raises:
        RuntimeError: sizes that do not align. LinAlgError: singular.
    """
    require_tensor("linalg.tensorsolve", A)
    require_tensor("linalg.tensorsolve", B, "B")
    if dims is not None:
        last = [normalize_dim(d, A.ndim) for d in dims]
        A = permute(A, [*[d for d in range(A.ndim) if d not in last], *last])
    shape = A.shape[B.ndim :]
    m, n = math.prod(A.shape[: B.ndim]), math.prod(shape)
    if m != n:
        raise RuntimeError(
            f"Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == "
            f"prod(self.shape[:other.ndim]), but got {n} != {m}"
        )
    return shaped(solve(reshape(A, (m, n)), reshape(B, (m,))), shape)
