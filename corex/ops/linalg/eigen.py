"""Eigenvalues and eigenvectors of matrices of any kind, which are complex."""

from __future__ import annotations

from typing import Any

import numpy as np

from corex.errors import LinAlgError
from corex.ops.host import host_op
from corex.ops.linalg import results
from corex.ops.linalg.matmul import matmul
from corex.ops.linalg.matrices import Spec, square
from corex.ops.linalg.solve import solve
from corex.ops.linalg.spectral import gaps, refuse_phase
from corex.ops.shape.parts import diagonal
from corex.tensor.tensor import Tensor


def _steps(a: Any) -> Any:
    if not np.isfinite(a).all():
        raise RuntimeError("linalg.eig: input tensor should not contain infs or NaNs.")
    try:
        values, vectors = np.linalg.eig(a)
    except np.linalg.LinAlgError:
        raise LinAlgError(
            "linalg.eig: The algorithm failed to converge; not all eigenvalues have been computed."
        ) from None
    dtype = np.result_type(a.dtype, np.complex64)
    return values.astype(dtype, copy=False), vectors.astype(dtype, copy=False)


def _specs(a: Tensor) -> list[Spec]:
    dtype = a.key.dtype.to_complex()
    return [(a.shape[:-1], dtype), (a.shape, dtype)]


def _back(g: list[Tensor | None], a: Tensor, y: Tensor, y1: Tensor) -> Tensor:
    """V^-H (diag(gL) + (V^H gV - V^H V Re diag(V^H gV)) / conj(E)) V^H, where E are the gaps
    between eigenvalues; vectors have norm 1 (Boeddeker et al., 2017)."""
    of_values, of_vectors = g
    turned = y1.mH
    if of_vectors is None:
        assert of_values is not None
        inner = of_values.unsqueeze(-1) * turned
    else:
        slope = matmul(turned, of_vectors)
        own = diagonal(slope, 0, -2, -1)
        refuse_phase("linalg_eig_backward: The eigenvectors", own)
        slope = slope - matmul(turned, y1 * own.real.unsqueeze(-2))
        middle = slope / gaps(y).conj()
        if of_values is not None:
            middle = middle + of_values.diag_embed()
        inner = matmul(middle, turned)
    found = solve(turned, inner)
    return found if a.key.dtype.is_complex else found.real


_EIG = host_op(
    "linalg_eig", ("a",), _steps, _specs, {"a": _back}, outputs=2, columns=(1,),
    label="LinalgEigBackward0", analytic=False,
)  # fmt: skip


def eig(A: Tensor) -> results.linalg_eig:
    """Eigenvalues and eigenvectors (columns, of norm 1) of square matrices, both complex. The
    derivatives of vectors need eigenvalues that differ.

    Raises:
        RuntimeError: not square, not floating point, or not finite.
    """
    return results.linalg_eig(*_EIG(square("linalg.eig", A)))


def eigvals(A: Tensor) -> Tensor:
    """The eigenvalues of square matrices, complex; see `eig`.

    Raises:
        RuntimeError: not square, not floating point, or not finite.
    """
    found: Tensor = _EIG(square("linalg.eigvals", A))[0]
    return found
