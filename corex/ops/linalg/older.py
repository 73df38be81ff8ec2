"""Linear algebra under its older names, in `corex` and as methods. What these functions do is
loaded when one of them is called: most programs call none."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from corex.ops.registration import exported, function
from corex.tensor.tensor import Tensor


def _part(name: str) -> Any:
    return import_module(f"corex.ops.linalg.{name}")


@exported(out="cast")
def cholesky(input: Tensor, upper: bool = False) -> Tensor:
    """See `corex.linalg.cholesky`."""
    found: Tensor = _part("factor").cholesky(input, upper=upper)
    return found


@exported(out="cast")
def cholesky_inverse(input: Tensor, upper: bool = False) -> Tensor:
    """The inverse of L @ L^T; L is L^T if `upper`."""
    found: Tensor = _part("solve").cholesky_inverse(input, upper)
    return found


@exported(out="cast")
def cholesky_solve(input: Tensor, input2: Tensor, upper: bool = False) -> Tensor:
    """X of (L @ L^T) @ X = input; L is L^T if `upper`."""
    found: Tensor = _part("solve").cholesky_solve(input, input2, upper)
    return found


@exported("inverse", out="same")
def inverse(input: Tensor) -> Tensor:
    """See `corex.linalg.inv`."""
    found: Tensor = _part("solve").inv(input)
    return found


@exported()
def det(input: Tensor) -> Tensor:
    """See `corex.linalg.det`."""
    found: Tensor = _part("solve").det(input)
    return found


@exported()
def logdet(input: Tensor) -> Tensor:
    """The logarithm of determinants; NaN of negative ones."""
    found: Tensor = _part("solve").logdet(input)
    return found


@exported(out="same")
def slogdet(input: Tensor) -> Any:
    """See `corex.linalg.slogdet`."""
    return _part("solve").slogdet(input)


@exported(out="same")
def qr(input: Tensor, some: bool = True) -> Any:
    """Q and R; Q is square, if not `some`. See `corex.linalg.qr`."""
    found = _part("factor").qr(input, "reduced" if some else "complete")
    return _part("results").qr(*found)


@exported(out="same")
def svd(input: Tensor, some: bool = True, compute_uv: bool = True) -> Any:
    """U, S and V with input = U @ diag(S) @ V^T; see `corex.linalg.svd`, which gives V^T."""
    return _part("spectral").old_svd(input, some, compute_uv)


@exported(out="same")
def geqrf(input: Tensor) -> Any:
    """R above the diagonal, reflectors whose product is Q below it, and their factors."""
    return _part("factor").geqrf(input)


@exported(out="cast")
def orgqr(input: Tensor, input2: Tensor) -> Tensor:
    """See `corex.linalg.householder_product`."""
    found: Tensor = _part("factor").householder_product(input, input2)
    return found


@exported(out="same")
def ormqr(
    input: Tensor, input2: Tensor, input3: Tensor, left: bool = True, transpose: bool = False
) -> Tensor:
    """Q @ input3, for the whole Q of the reflectors that `geqrf` gives; see there."""
    found: Tensor = _part("factor").ormqr(input, input2, input3, left, transpose)
    return found


@exported(out="same")
def triangular_solve(
    input: Tensor,
    A: Tensor,
    upper: bool = True,
    transpose: bool = False,
    unitriangular: bool = False,
) -> Any:
    """X of A @ X = input for a triangle of A, and a copy of A."""
    return _part("solve").triangular_solve(input, A, upper, transpose, unitriangular)


@exported()
def lu(A: Tensor, pivot: bool = True, get_infos: bool = False) -> Any:
    """L and U in one matrix, the rows that were swapped, and, with `get_infos`, the numbers of zero
    pivots; see `corex.linalg.lu_factor`."""
    found = _part("factor").lu_factor_ex(A, pivot=pivot)
    return tuple(found) if get_infos else tuple(found[:2])


@exported(out="same")
def lu_solve(input: Tensor, LU_data: Tensor, LU_pivots: Tensor) -> Tensor:
    """X of A @ X = input, by what `corex.linalg.lu_factor` gives of A."""
    found: Tensor = _part("factor").lu_solve(LU_data, LU_pivots, input)
    return found


@function(out="same")
def lu_unpack(
    LU_data: Tensor,
    LU_pivots: Tensor,
    unpack_data: bool = True,
    unpack_pivots: bool = True,
) -> Any:
    """P, L and U of what `corex.linalg.lu_factor` gives."""
    return _part("factor").lu_unpack(LU_data, LU_pivots, unpack_data, unpack_pivots)


@exported()
def pinverse(input: Tensor, rcond: float = 1e-15) -> Tensor:
    """See `corex.linalg.pinv`."""
    found: Tensor = _part("spectral").pinv(input, rcond)
    return found


@exported()
def matrix_exp(input: Tensor) -> Tensor:
    """See `corex.linalg.matrix_exp`."""
    found: Tensor = _part("products").matrix_exp(input)
    return found


@exported(out="same")
def matrix_power(input: Tensor, n: int) -> Tensor:
    """See `corex.linalg.matrix_power`."""
    found: Tensor = _part("products").matrix_power(input, n)
    return found


@function(out="same")
def chain_matmul(*matrices: Tensor) -> Tensor:
    """See `corex.linalg.multi_dot`."""
    found: Tensor = _part("products").chain_matmul(matrices)
    return found
