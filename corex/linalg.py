"""Linear algebra: factorisations, solutions, norms, under the names of `torch.linalg`.

The functions are those of the files in `corex/ops/linalg`, which are loaded with this module. They
take matrices of floating-point or complex numbers in the last two dims, and batches of them in the
others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from corex.errors import LinAlgError as LinAlgError
from corex.ops.guard import in_namespace
from corex.ops.linalg import (
    eigen,
    factor,
    indefinite,
    leastsq,
    norms_of_matrices,
    products,
    spectral,
    triangles,
)
from corex.ops.linalg import matmul as _matmul
from corex.ops.linalg import (
    solve as _solve,
)
from corex.ops.registration import Out

_F = TypeVar("_F", bound=Callable[..., object])


def _public(name: str, function: _F, out: Out = "same") -> _F:
    return in_namespace(__name__, name, function, out)


cholesky = _public("cholesky", factor.cholesky)
cholesky_ex = _public("cholesky_ex", factor.cholesky_ex)
cond = _public("cond", norms_of_matrices.cond, out="cast")
cross = _public("cross", products.cross)
det = _public("det", _solve.det)
diagonal = _public("diagonal", products.diagonal_, out="")
eig = _public("eig", eigen.eig)
eigh = _public("eigh", spectral.eigh)
eigvals = _public("eigvals", eigen.eigvals)
eigvalsh = _public("eigvalsh", spectral.eigvalsh)
householder_product = _public("householder_product", factor.householder_product, out="cast")
inv = _public("inv", _solve.inv)
inv_ex = _public("inv_ex", _solve.inv_ex)
ldl_factor = _public("ldl_factor", indefinite.ldl_factor)
ldl_factor_ex = _public("ldl_factor_ex", indefinite.ldl_factor_ex)
ldl_solve = _public("ldl_solve", indefinite.ldl_solve)
lstsq = _public("lstsq", leastsq.lstsq)
lu = _public("lu", factor.lu)
lu_factor = _public("lu_factor", factor.lu_factor)
lu_factor_ex = _public("lu_factor_ex", factor.lu_factor_ex)
lu_solve = _public("lu_solve", factor.lu_solve)
matmul = _matmul.matmul
matrix_exp = _public("matrix_exp", products.matrix_exp, out="")
matrix_norm = _public("matrix_norm", norms_of_matrices.matrix_norm)
matrix_power = _public("matrix_power", products.matrix_power)
matrix_rank = _public("matrix_rank", spectral.matrix_rank, out="cast")
multi_dot = _public("multi_dot", products.multi_dot)
norm = _public("norm", norms_of_matrices.norm)
pinv = _public("pinv", spectral.pinv, out="cast")
qr = _public("qr", factor.qr)
slogdet = _public("slogdet", _solve.slogdet)
solve = _public("solve", _solve.solve)
solve_ex = _public("solve_ex", _solve.solve_ex)
solve_triangular = _public("solve_triangular", triangles.solve_triangular)
svd = _public("svd", spectral.svd)
svdvals = _public("svdvals", spectral.svdvals)
tensorinv = _public("tensorinv", products.tensorinv, out="cast")
tensorsolve = _public("tensorsolve", products.tensorsolve, out="cast")
vander = _public("vander", products.vander, out="")
vecdot = _public("vecdot", products.vecdot)
vector_norm = _public("vector_norm", norms_of_matrices.vector_norm)

__all__ = [
    "LinAlgError", "cholesky", "cholesky_ex", "cond", "cross", "det", "diagonal", "eig", "eigh",
    "eigvals", "eigvalsh", "householder_product", "inv", "inv_ex", "ldl_factor", "ldl_factor_ex",
    "ldl_solve", "lstsq", "lu", "lu_factor",
    "lu_factor_ex", "lu_solve", "matmul", "matrix_exp", "matrix_norm", "matrix_power",
    "matrix_rank", "multi_dot", "norm", "pinv", "qr", "slogdet", "solve", "solve_ex",
    "solve_triangular", "svd", "svdvals", "tensorinv", "tensorsolve", "vander", "vecdot",
    "vector_norm",
]  # fmt: skip
