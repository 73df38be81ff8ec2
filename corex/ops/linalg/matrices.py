"""What the functions of `corex.linalg` ask of their matrices, and the errors of singular ones."""

from __future__ import annotations

from typing import Any

from corex import dtypes as dt
from corex.errors import LinAlgError
from corex.layout import broadcast_shapes
from corex.ops.promotion import require_kinds, require_tensor
from corex.ops.shape.views import expand
from corex.tensor.tensor import Tensor

Shape = tuple[int, ...]
Spec = tuple[Shape, Any]


def matrices(op: str, a: Tensor, name: str = "A") -> Tensor:
    """A matrix or a batch of them, of floating-point numbers.

    Raises:
        RuntimeError: it is none.
    """
    if require_tensor(op, a, name).ndim < 2:
        raise RuntimeError(f"{op}: The input tensor {name} must have at least 2 dimensions.")
    return floating(op, a)


# PyTorch leaves it to their kernels to refuse other dtypes.
_OF_KERNELS = (
    "linalg.lu_factor_ex", "linalg.lu", "linalg.householder_product", "linalg.solve_triangular",
)  # fmt: skip


def floating(op: str, a: Tensor) -> Tensor:
    """
    Raises:
        RuntimeError: not floating point.
    """
    if op in _OF_KERNELS:
        require_kinds(op, "fc", a)
    if not a.key.dtype.is_inexact:
        raise RuntimeError(
            f"{op}: Expected a floating point or complex tensor as input. Got {a.dtype!r}"
        )
    return a


def square(op: str, a: Tensor, name: str = "A") -> Tensor:
    """A square matrix or a batch of them.

    Raises:
        RuntimeError: it is none.
    """
    matrices(op, a, name)
    if a.shape[-1] != a.shape[-2]:
        raise RuntimeError(
            f"{op}: {name} must be batches of square matrices, but they are {a.shape[-2]} by "
            f"{a.shape[-1]} matrices"
        )
    return a


def same_dtype(op: str, a: Tensor, b: Tensor) -> None:
    """
    Raises:
        RuntimeError: the dtypes differ.
    """
    if a.key.dtype is not b.key.dtype:
        raise RuntimeError(
            f"{op}: Expected inputs of one dtype, but got {a.key.dtype.name} and {b.key.dtype.name}"
        )


def batched(op: str, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Two tensors of matrices, expanded to a common batch."""
    batch = broadcast_shapes(op, a.shape[:-2], b.shape[:-2])
    wide = [t if t.shape[:-2] == batch else expand(t, (*batch, *t.shape[-2:])) for t in (a, b)]
    return wide[0], wide[1]


def refuse(info: Tensor, op: str, problem: str) -> None:
    """Raises `problem`, in which '{}' is the number, for the first matrix that could not be done.

    Raises:
        LinAlgError: an entry of `info` is not 0.
    """
    codes = info.reshape((-1,)).tolist()
    for at, code in enumerate(codes):
        if code:
            where = f"(Batch element {at}): " if info.ndim else ""
            raise LinAlgError(f"{op}: {where}{problem.format(code)}")


def info_of(a: Tensor) -> Spec:
    return a.shape[:-2], dt.int32


def real_of(a: Tensor) -> Any:
    """The dtype of sizes of a tensor's elements."""
    return a.key.dtype.to_real()


SINGULAR_INVERSE = (
    "The diagonal element {} is zero, the inversion could not be completed because the input "
    "matrix is singular."
)
SINGULAR = "The solver failed because the input matrix is singular."
NOT_POSITIVE = (
    "The factorization could not be completed because the input is not positive-definite (the "
    "leading minor of order {} is not positive-definite)."
)
