"""The named tuples that functions of linear algebra return; loaded with these functions."""

from __future__ import annotations

from typing import NamedTuple

from corex.return_types import described
from corex.tensor.tensor import Tensor


class FactorInfo(NamedTuple):
    """A factor of matrices, and where each of them failed (0: nowhere)."""

    L: Tensor
    info: Tensor

    def __repr__(self) -> str:
        return described(self)


class InverseInfo(NamedTuple):
    """Inverses, and where each matrix failed (0: nowhere)."""

    inverse: Tensor
    info: Tensor

    def __repr__(self) -> str:
        return described(self)


class ResultInfo(NamedTuple):
    """Solutions, and where each matrix failed (0: nowhere)."""

    result: Tensor
    info: Tensor

    def __repr__(self) -> str:
        return described(self)


class Factors(NamedTuple):
    """L and U in one matrix, and the rows that were swapped, counted from 1."""

    LU: Tensor
    pivots: Tensor

    def __repr__(self) -> str:
        return described(self)


class FactorsInfo(NamedTuple):
    """As `Factors`, and where each matrix has a zero pivot (0: nowhere)."""

    LU: Tensor
    pivots: Tensor
    info: Tensor

    def __repr__(self) -> str:
        return described(self)


class BlockFactors(NamedTuple):
    """L and D in one matrix, and the rows that were swapped, counted from 1."""

    LD: Tensor
    pivots: Tensor

    def __repr__(self) -> str:
        return described(self)


class BlockFactorsInfo(NamedTuple):
    """As `BlockFactors`, and where each matrix has a zero pivot (0: nowhere)."""

    LD: Tensor
    pivots: Tensor
    info: Tensor

    def __repr__(self) -> str:
        return described(self)


class Triangles(NamedTuple):
    """A permutation, a lower and an upper triangle."""

    P: Tensor
    L: Tensor
    U: Tensor

    def __repr__(self) -> str:
        return described(self)


class Orthogonal(NamedTuple):
    """Orthonormal columns and an upper triangle."""

    Q: Tensor
    R: Tensor

    def __repr__(self) -> str:
        return described(self)


class Reflectors(NamedTuple):
    """Reflectors below an upper triangle, and their factors."""

    a: Tensor
    tau: Tensor

    def __repr__(self) -> str:
        return described(self)


class Eigen(NamedTuple):
    """Eigenvalues, and eigenvectors as columns."""

    eigenvalues: Tensor
    eigenvectors: Tensor

    def __repr__(self) -> str:
        return described(self)


class Singular(NamedTuple):
    """Singular vectors as columns, singular values, and further vectors as rows."""

    U: Tensor
    S: Tensor
    Vh: Tensor

    def __repr__(self) -> str:
        return described(self)


class OldSingular(NamedTuple):
    """Singular vectors as columns, and singular values."""

    U: Tensor
    S: Tensor
    V: Tensor

    def __repr__(self) -> str:
        return described(self)


class SignLog(NamedTuple):
    """Signs and logarithms of absolute values."""

    sign: Tensor
    logabsdet: Tensor

    def __repr__(self) -> str:
        return described(self)


class LeastSquares(NamedTuple):
    """Solutions, sums of squared residuals, ranks and singular values."""

    solution: Tensor
    residuals: Tensor
    rank: Tensor
    singular_values: Tensor

    def __repr__(self) -> str:
        return described(self)


class Solved(NamedTuple):
    """A solution, and a copy of the matrix."""

    solution: Tensor
    cloned_coefficient: Tensor

    def __repr__(self) -> str:
        return described(self)


class linalg_cholesky_ex(FactorInfo):  # noqa: N801
    """The result of `corex.linalg.cholesky_ex`."""

    __slots__ = ()


class linalg_inv_ex(InverseInfo):  # noqa: N801
    """The result of `corex.linalg.inv_ex`."""

    __slots__ = ()


class linalg_solve_ex(ResultInfo):  # noqa: N801
    """The result of `corex.linalg.solve_ex`."""

    __slots__ = ()


class linalg_lu_factor(Factors):  # noqa: N801
    """The result of `corex.linalg.lu_factor`."""

    __slots__ = ()


class linalg_lu_factor_ex(FactorsInfo):  # noqa: N801
    """The result of `corex.linalg.lu_factor_ex`."""

    __slots__ = ()


class linalg_lu(Triangles):  # noqa: N801
    """The result of `corex.linalg.lu`."""

    __slots__ = ()


class lu_unpack(Triangles):  # noqa: N801
    """The result of `corex.lu_unpack`."""

    __slots__ = ()


class linalg_qr(Orthogonal):  # noqa: N801
    """The result of `corex.linalg.qr`."""

    __slots__ = ()


class qr(Orthogonal):  # noqa: N801
    """The result of `corex.qr`."""

    __slots__ = ()


class geqrf(Reflectors):  # noqa: N801
    """The result of `corex.geqrf`."""

    __slots__ = ()


class linalg_eigh(Eigen):  # noqa: N801
    """The result of `corex.linalg.eigh`."""

    __slots__ = ()


class linalg_eig(Eigen):  # noqa: N801
    """The result of `corex.linalg.eig`."""

    __slots__ = ()


class linalg_svd(Singular):  # noqa: N801
    """The result of `corex.linalg.svd`."""

    __slots__ = ()


class svd(OldSingular):  # noqa: N801
    """The result of `corex.svd`."""

    __slots__ = ()


class linalg_slogdet(SignLog):  # noqa: N801
    """The result of `corex.linalg.slogdet`."""

    __slots__ = ()


class slogdet(SignLog):  # noqa: N801
    """The result of `corex.slogdet`."""

    __slots__ = ()


class linalg_lstsq(LeastSquares):  # noqa: N801
    """The result of `corex.linalg.lstsq`."""

    __slots__ = ()


class triangular_solve(Solved):  # noqa: N801
    """The result of `corex.triangular_solve`."""

    __slots__ = ()


class linalg_ldl_factor(BlockFactors):  # noqa: N801
    """The result of `corex.linalg.ldl_factor`."""

    __slots__ = ()


class linalg_ldl_factor_ex(BlockFactorsInfo):  # noqa: N801
    """The result of `corex.linalg.ldl_factor_ex`."""

    __slots__ = ()
