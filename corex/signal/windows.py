"""The window functions of `torch.signal.windows`: 1-d tensors of `M` numbers, at most 1.

With `sym=True`, as for the design of filters, a window is the same from both ends; with False, as
for spectra, it is one of M + 1 numbers without the last. `corex.ops.create.windows` has the sources
of the formulas.

Each raises ValueError for a negative length, for a dtype that is not float32 or float64, for a
layout that is not strided, and where its own parameter is out of range.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from corex import dtypes
from corex.dtypes import DType
from corex.formats import Layout, strided
from corex.ops.create.constant import named
from corex.ops.create.windows import Samples, cosines, made, triangle
from corex.ops.create.windows import kaiser as kaiser_values
from corex.tensor.tensor import Tensor

__all__ = [
    "bartlett", "blackman", "cosine", "exponential", "gaussian", "general_cosine",
    "general_hamming", "hamming", "hann", "kaiser", "nuttall",
]  # fmt: skip


def _dtype(name: str, M: Any, dtype: DType | None, layout: Layout) -> DType:
    """The dtype of a window, after checks."""
    if isinstance(M, bool) or not hasattr(M, "__index__"):
        raise TypeError(f"{name}(): argument 'M' must be int, not {type(M).__name__}")
    if M < 0:
        raise ValueError(f"{name} requires non-negative window length, got M={M}")
    if layout is not strided:
        raise ValueError(f"{name} is implemented for strided tensors only, got: {layout}")
    chosen = dtypes.get_default_dtype() if dtype is None else dtype
    if chosen not in (dtypes.float32, dtypes.float64):
        raise ValueError(f"{name} expects float32 or float64 dtypes, got: {chosen}")
    return chosen


def _plain(name: str, values: Callable[[int, int], Samples], doc: str) -> Callable[..., Tensor]:
    """A window without parameters: `values(M, period)` for more than one element."""

    def window(
        M: int,
        *,
        sym: bool = True,
        dtype: DType | None = None,
        layout: Layout = strided,
        device: Any = None,
        requires_grad: bool = False,
    ) -> Tensor:
        return _window(name, values, M, sym, dtype, layout, device, requires_grad)

    window.__doc__ = doc
    return named(window, name)


def _window(
    name: str,
    values: Callable[[int, int], Samples],
    M: int,
    sym: bool,
    dtype: DType | None,
    layout: Layout,
    device: Any,
    requires_grad: bool,
) -> Tensor:
    chosen = _dtype(name, M, dtype, layout)
    found = values(M, M - 1 if sym else M) if M > 1 else [1.0] * M
    return made(name, found, chosen, device, requires_grad, None)


def _cosines(*weights: float) -> Callable[[int, int], Samples]:
    return lambda M, period: cosines(M, period, weights)


NUTTALL = (0.3635819, 0.4891775, 0.1365995, 0.0106411)
"""A. Nuttall, *Some windows with very good sidelobe behavior*, IEEE Trans. ASSP 29 (1981)."""

bartlett = _plain("bartlett", triangle, "A triangle, `1 - abs(2 * n / (M - 1) - 1)`.")
hamming = _plain("hamming", _cosines(0.54, 0.46), "`general_hamming` with alpha 0.54.")
hann = _plain("hann", _cosines(0.5, 0.5), "`sin(pi * n / (M - 1))**2`.")
blackman = _plain(
    "blackman", _cosines(0.42, 0.5, 0.08), "`general_cosine` with the weights 0.42, 0.5, 0.08."
)
nuttall = _plain(
    "nuttall",
    _cosines(*NUTTALL),
    "`general_cosine` with the four weights `NUTTALL`: minimal sidelobes, a continuous slope.",
)
cosine = _plain(
    "cosine",
    # Without its last, a window of M + 1.
    lambda M, period: [math.sin(math.pi * (n + 0.5) / (period + 1)) for n in range(M)],
    "`sin(pi * (n + 0.5) / M)`.",
)


def general_cosine(
    M: int,
    *,
    a: Iterable[float],
    sym: bool = True,
    dtype: DType | None = None,
    layout: Layout = strided,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """`sum((-1)**k * a[k] * cos(2 * pi * k * n / (M - 1)))`.

    Raises:
        TypeError: `a` is no sequence. ValueError: it is empty; see the module.
    """
    if not isinstance(a, Iterable):
        raise TypeError("Coefficients must be a list/tuple")
    weights = [float(weight) for weight in a]
    if M and not weights:
        raise ValueError("Coefficients cannot be empty")
    return _window(
        "general_cosine", _cosines(*weights), M, sym, dtype, layout, device, requires_grad
    )


def general_hamming(
    M: int,
    *,
    alpha: float = 0.54,
    sym: bool = True,
    dtype: DType | None = None,
    layout: Layout = strided,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """`alpha - (1 - alpha) * cos(2 * pi * n / (M - 1))`."""
    values = _cosines(alpha, 1.0 - alpha)
    return _window("general_hamming", values, M, sym, dtype, layout, device, requires_grad)


def exponential(
    M: int,
    *,
    center: float | None = None,
    tau: float = 1.0,
    sym: bool = True,
    dtype: DType | None = None,
    layout: Layout = strided,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """`exp(-abs(n - center) / tau)`; the center is the middle unless it is given, with `sym=False`.

    Raises:
        ValueError: tau is not positive, or a center with `sym=True`; see the module.
    """
    if tau <= 0:
        raise ValueError(f"Tau must be positive, got: {tau} instead.")
    if sym and center is not None:
        raise ValueError("Center must be None for symmetric windows")

    chosen = _dtype("exponential", M, dtype, layout)
    middle = (M - 1 if sym or M < 2 else M) / 2 if center is None else center
    found = [math.exp(-abs(n - middle) / tau) for n in range(M)]
    return made("exponential", found, chosen, device, requires_grad, None)


def gaussian(
    M: int,
    *,
    std: float = 1.0,
    sym: bool = True,
    dtype: DType | None = None,
    layout: Layout = strided,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """`exp(-((n - middle) / std)**2 / 2)`.

    Raises:
        ValueError: std is not positive; see the module.
    """
    if std <= 0:
        raise ValueError(f"Standard deviation must be positive, got: {std} instead.")

    def values(M: int, period: int) -> Samples:
        return [math.exp(-(((n - period / 2) / std) ** 2) / 2) for n in range(M)]

    return _window("gaussian", values, M, sym, dtype, layout, device, requires_grad)


def kaiser(
    M: int,
    *,
    beta: float = 12.0,
    sym: bool = True,
    dtype: DType | None = None,
    layout: Layout = strided,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """`i0(beta * sqrt(1 - (2 * n / (M - 1) - 1)**2)) / i0(beta)`.

    Raises:
        ValueError: beta is negative; see the module.
    """
    if beta < 0:
        raise ValueError(f"beta must be non-negative, got: {beta} instead.")

    def values(M: int, period: int) -> Samples:
        return kaiser_values(M, period, beta)

    return _window("kaiser", values, M, sym, dtype, layout, device, requires_grad)
