"""The window functions of `torch.signal.windows`: 1-d tensors of `M` numbers, at most 1.

With `sym=True`, as for the design of filters, a window is the same from both ends; with False, as
for spectra, it is one of M + 1 numbers without the last. `corex.ops.create.windows` has the sources
of the formulas.

Each raises ValueError for a negative length, for a dtype that is not float32 or float64, and where
its own parameter is out of range.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from corex import dtypes
from corex.dtypes import DType
from corex.ops.create.windows import Samples, cosines, made, triangle
from corex.ops.create.windows import kaiser as kaiser_values
from corex.tensor.tensor import Tensor

__all__ = [
    "bartlett", "blackman", "cosine", "exponential", "gaussian", "general_cosine",
    "general_hamming", "hamming", "hann", "kaiser", "nuttall",
]  # fmt: skip


def _dtype(name: str, M: Any, dtype: DType | None) -> DType:
    """The dtype of a window, after checks."""
    if isinstance(M, bool) or not hasattr(M, "__index__"):
        raise TypeError(f"{name}(): argument 'M' must be int, not {type(M).__name__}")
    if M < 0:
        raise ValueError(f"{name} requires non-negative window length, got M={M}")
    chosen = dtypes.get_default_dtype() if dtype is None else dtype
    if chosen not in (dtypes.float32, dtypes.float64):
        raise ValueError(f"{name} expects float32 or float64 dtypes, got: {chosen}")
    return chosen


def _period(M: int, sym: bool) -> int:
    return M - 1 if sym else M


def bartlett(
    M: int,
    *,
    sym: bool = True,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """A triangle, `1 - abs(2 * n / (M - 1) - 1)`."""
    dtype = _dtype("bartlett", M, dtype)
    values = triangle(M, _period(M, sym)) if M > 1 else [1.0] * M
    return made("bartlett", values, dtype, device, requires_grad, None)


def general_cosine(
    M: int,
    *,
    a: Iterable[float],
    sym: bool = True,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """`sum((-1)**k * a[k] * cos(2 * pi * k * n / (M - 1)))`.

    Raises:
        TypeError: `a` is no sequence. ValueError: it is empty; see the module.
    """
    dtype = _dtype("general_cosine", M, dtype)
    if not isinstance(a, Iterable):
        raise TypeError("Coefficients must be a list/tuple")
    weights = [float(weight) for weight in a]
    if M and not weights:
        raise ValueError("Coefficients cannot be empty")
    values = cosines(M, _period(M, sym), weights) if M > 1 else [1.0] * M
    return made("general_cosine", values, dtype, device, requires_grad, None)


def general_hamming(
    M: int,
    *,
    alpha: float = 0.54,
    sym: bool = True,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """`alpha - (1 - alpha) * cos(2 * pi * n / (M - 1))`."""
    return general_cosine(
        M, a=(alpha, 1.0 - alpha), sym=sym, dtype=dtype, device=device, requires_grad=requires_grad
    )


def hamming(
    M: int,
    *,
    sym: bool = True,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """`general_hamming` with alpha 0.54."""
    return general_hamming(M, sym=sym, dtype=dtype, device=device, requires_grad=requires_grad)


def hann(
    M: int,
    *,
    sym: bool = True,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """`sin(pi * n / (M - 1))**2`."""
    return general_hamming(
        M, alpha=0.5, sym=sym, dtype=dtype, device=device, requires_grad=requires_grad
    )


def blackman(
    M: int,
    *,
    sym: bool = True,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """`general_cosine` with the weights 0.42, 0.5, 0.08."""
    return general_cosine(
        M, a=(0.42, 0.5, 0.08), sym=sym, dtype=dtype, device=device, requires_grad=requires_grad
    )


NUTTALL = (0.3635819, 0.4891775, 0.1365995, 0.0106411)
"""A. Nuttall, *Some windows with very good sidelobe behavior*, IEEE Trans. ASSP 29 (1981)."""


def nuttall(
    M: int,
    *,
    sym: bool = True,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """`general_cosine` with the four weights `NUTTALL`: minimal sidelobes, a continuous slope."""
    return general_cosine(
        M, a=NUTTALL, sym=sym, dtype=dtype, device=device, requires_grad=requires_grad
    )


def cosine(
    M: int,
    *,
    sym: bool = True,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """`sin(pi * (n + 0.5) / M)`."""
    dtype = _dtype("cosine", M, dtype)
    period = M if sym or M <= 1 else M + 1
    values = [math.sin(math.pi * (n + 0.5) / period) for n in range(M)]
    return made("cosine", values, dtype, device, requires_grad, None)


def exponential(
    M: int,
    *,
    center: float | None = None,
    tau: float = 1.0,
    sym: bool = True,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """`exp(-abs(n - center) / tau)`; the center is the middle unless it is given, with `sym=False`.

    Raises:
        ValueError: tau is not positive, or a center with `sym=True`; see the module.
    """
    dtype = _dtype("exponential", M, dtype)
    if tau <= 0:
        raise ValueError(f"Tau must be positive, got: {tau} instead.")
    if sym and center is not None:
        raise ValueError("Center must be None for symmetric windows")
    middle = _middle(M, sym) if center is None else center
    values: Samples = [math.exp(-abs(n - middle) / tau) for n in range(M)]
    return made("exponential", values, dtype, device, requires_grad, None)


def gaussian(
    M: int,
    *,
    std: float = 1.0,
    sym: bool = True,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """`exp(-((n - middle) / std)**2 / 2)`.

    Raises:
        ValueError: std is not positive; see the module.
    """
    dtype = _dtype("gaussian", M, dtype)
    if std <= 0:
        raise ValueError(f"Standard deviation must be positive, got: {std} instead.")
    middle = _middle(M, sym)
    values = [math.exp(-(((n - middle) / std) ** 2) / 2) for n in range(M)]
    return made("gaussian", values, dtype, device, requires_grad, None)


def kaiser(
    M: int,
    *,
    beta: float = 12.0,
    sym: bool = True,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """`i0(beta * sqrt(1 - (2 * n / (M - 1) - 1)**2)) / i0(beta)`.

    Raises:
        ValueError: beta is negative; see the module.
    """
    dtype = _dtype("kaiser", M, dtype)
    if beta < 0:
        raise ValueError(f"beta must be non-negative, got: {beta} instead.")
    values = kaiser_values(M, _period(M, sym), beta) if M > 1 else [1.0] * M
    return made("kaiser", values, dtype, device, requires_grad, None)


def _middle(M: int, sym: bool) -> float:
    return (M if not sym and M > 1 else M - 1) / 2
