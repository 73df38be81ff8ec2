"""Covariance and correlation of variables in rows, observations in columns."""

from __future__ import annotations

from corex import dtypes as dt
from corex.layout import numel
from corex.ops.pointwise.complex_functions import complex_
from corex.ops.promotion import cast, require_tensor
from corex.ops.registration import exported
from corex.ops.shape.parts import diagonal
from corex.ops.shape.views import reshape, shaped, unsqueeze
from corex.tensor.tensor import Tensor


def _observations(op: str, input: Tensor) -> Tensor:
    if require_tensor(op, input).ndim > 2:
        raise RuntimeError(
            f"{op}(): expected input to have two or fewer dimensions but got an input with "
            f"{input.ndim} dimensions"
        )
    if input.key.dtype is dt.bool_:
        raise RuntimeError(f"{op}(): bool dtype is not supported for input")
    return input if input.ndim == 2 else reshape(input, (1, -1))


def _checked_weights(name: str, weights: Tensor, count: int, integral: bool) -> Tensor:
    if require_tensor("cov", weights, name).ndim > 1:
        raise RuntimeError(
            f"cov(): expected {name} to have one or fewer dimensions but got {name} with "
            f"{weights.ndim} dimensions"
        )
    if (weights.key.dtype.kind in "ui") is not integral:
        kind = "integral" if integral else "floating point"
        raise RuntimeError(
            f"cov(): expected {name} to have {kind} dtype but got {name} with "
            f"{weights.key.dtype!r} dtype"
        )
    if numel(weights.shape) != count:
        raise RuntimeError(
            f"cov(): expected {name} to have the same numel as there are observations in the input "
            f"but got {numel(weights.shape)} != {count}"
        )
    if count and weights.detach().amin().item() < 0:
        raise RuntimeError(f"cov(): {name} cannot be negative")
    return reshape(weights, (-1,))


@exported()
def cov(
    input: Tensor,
    *,
    correction: int = 1,
    fweights: Tensor | None = None,
    aweights: Tensor | None = None,
) -> Tensor:
    """The covariance matrix of the rows of a matrix; of a vector, its variance.

    `fweights` are how often each column occurs, `aweights` how much it counts.

    Raises:
        RuntimeError: more than two dims, bool, or weights that do not fit or add up to zero.
    """
    given = _observations("cov", input)
    count = given.shape[1]
    weights = None
    if fweights is not None:
        weights = _checked_weights("fweights", fweights, count, True)
    if aweights is not None:
        shares = _checked_weights("aweights", aweights, count, False)
        weights = shares if weights is None else weights * shares
    if weights is None:
        total: float | Tensor = count
        middle = given.sum(1) / count if count else given.sum(1) / 0.0
    else:
        total = weights.sum()
        if float(total.item()) == 0:
            raise RuntimeError("cov(): weights sum to zero, can't be normalized")
        middle = (given * weights).sum(1) / total
    if weights is None or aweights is None or correction == 0:
        freedom = total - correction
    else:
        squares = weights * aweights if fweights is not None else weights * weights
        freedom = total - squares.sum() / total * correction
    freedom = freedom.clamp(min=0) if isinstance(freedom, Tensor) else max(freedom, 0)
    spread = given - unsqueeze(middle, 1)
    weighed = spread if weights is None else spread * weights
    product = spread @ cast(weighed, spread.key.dtype).t().conj()
    result = product / freedom if isinstance(freedom, Tensor) or freedom else product / 0.0
    return result if given.shape[0] != 1 else shaped(result, ())


@exported()
def corrcoef(input: Tensor) -> Tensor:
    """The correlation matrix of the rows of a matrix; within [-1, 1].

    Raises:
        RuntimeError: more than two dims.
    """
    _observations("corrcoef", input)
    matrix = cov(input)
    if not matrix.shape:
        return matrix / matrix
    spread = diagonal(matrix).real.sqrt()
    return _clipped(matrix / unsqueeze(spread, 1) / unsqueeze(spread, 0))


def _clipped(a: Tensor) -> Tensor:
    """Within [-1, 1]; of complex numbers both parts."""
    if not a.key.dtype.is_complex:
        return a.clamp(-1, 1)
    return complex_(a.real.clamp(-1, 1), a.imag.clamp(-1, 1))
