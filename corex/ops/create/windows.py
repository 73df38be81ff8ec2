"""The window functions of signal processing that PyTorch has at its top level.

Their numbers are computed in float64 on the host and rounded once, the same for every device. The
formulas are those of F. J. Harris, *On the use of windows for harmonic analysis with the discrete
Fourier transform*, Proc. IEEE 66 (1978), and for Kaiser's window of J. F. Kaiser and R. W. Schafer
(1980); `corex.signal.windows` has more of them, under SciPy's names.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from operator import index
from typing import Any

from corex.ops.create.constant import DeviceLike, DTypeLike, finished, key_for, named
from corex.ops.create.data import tensor
from corex.ops.registration import function
from corex.tensor.tensor import Tensor

Samples = Sequence[float]


def cosines(length: int, period: float, weights: Samples) -> Samples:
    """`sum((-1)**k * weights[k] * cos(2 * pi * k * n / period))` for n below `length`."""
    step = 2 * math.pi / period
    return [
        sum((-1) ** k * weight * math.cos(k * n * step) for k, weight in enumerate(weights))
        for n in range(length)
    ]


def triangle(length: int, period: float) -> Samples:
    """From 0 to 1 and back to 0 in `period` steps."""
    return [1 - abs(2 * n / period - 1) for n in range(length)]


def kaiser(length: int, period: float, beta: float) -> Samples:
    """`i0(beta * sqrt(1 - (2 * n / period - 1)**2)) / i0(beta)`."""
    import numpy as np  # `import corex` does without

    x = 2 * np.arange(length) / period - 1
    inside = np.sqrt(np.maximum(1 - x * x, 0))
    values: list[float] = (np.i0(beta * inside) / np.i0(beta)).tolist()
    return values


def made(
    name: str,
    values: Samples,
    dtype: DTypeLike,
    device: DeviceLike,
    requires_grad: bool,
    backend: str | None,
) -> Tensor:
    """The 1-d tensor of some numbers."""
    key = key_for(name, dtype, None, device, backend)
    place = key.place
    result = tensor(list(values), dtype=key.dtype, device=place.device, backend=place.name)
    return finished(name, result, None, requires_grad)


# ---- PyTorch's older names -----------------------------------------------------------------------
def _checked(name: str, length: Any, dtype: DTypeLike) -> int:
    """
    Raises:
        TypeError: no integer. RuntimeError: it is negative, or the dtype holds no fractions.
    """
    if not hasattr(length, "__index__"):
        kind = type(length).__name__
        raise TypeError(f"{name}(): argument 'window_length' must be int, not {kind}")
    count = index(length)
    if not key_for(name, dtype, None, None, None).dtype.is_floating_point:
        raise RuntimeError(f"{name} expects floating point dtypes, got: {dtype}")
    if count < 0:
        raise RuntimeError(f"{name} requires non-negative window_length, got window_length={count}")
    return count


def _window(
    name: str,
    values: Callable[[int, float], Samples],
    length: Any,
    periodic: bool,
    dtype: DTypeLike,
    device: DeviceLike,
    requires_grad: bool,
    backend: str | None,
) -> Tensor:
    """A periodic window is a symmetric one of one more element, without its last."""
    count = _checked(name, length, dtype)
    found = values(count, count if periodic else count - 1) if count > 1 else [1.0] * count
    return made(name, found, dtype, device, requires_grad, backend)


def _plain(name: str, values: Callable[[int, float], Samples], doc: str) -> Callable[..., Tensor]:
    def window(
        window_length: int,
        periodic: bool = True,
        *,
        dtype: DTypeLike = None,
        device: DeviceLike = None,
        requires_grad: bool = False,
        backend: str | None = None,
    ) -> Tensor:
        return _window(name, values, window_length, periodic, dtype, device, requires_grad, backend)

    window.__doc__ = f"{doc}\n\n{_N}"
    return named(window, name)


_N = """    1-d; N is `window_length`, or one less unless `periodic`.

    Raises:
        RuntimeError: a negative length, or a dtype that is no floating-point one."""

hann_window = function()(
    _plain("hann_window", lambda n, period: cosines(n, period, (0.5, 0.5)), "`sin(pi * n / N)**2`.")
)
blackman_window = function()(
    _plain(
        "blackman_window",
        lambda n, period: cosines(n, period, (0.42, 0.5, 0.08)),
        "`0.42 - 0.5 * cos(2 * pi * n / N) + 0.08 * cos(4 * pi * n / N)`.",
    )
)
bartlett_window = function()(
    _plain("bartlett_window", triangle, "A triangle, `1 - abs(2 * n / N - 1)`.")
)


@function()
def hamming_window(
    window_length: int,
    periodic: bool = True,
    alpha: float = 0.54,
    beta: float = 0.46,
    *,
    dtype: DTypeLike = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    backend: str | None = None,
) -> Tensor:
    """`alpha - beta * cos(2 * pi * n / N)`; see `hann_window`."""
    return _window(
        "hamming_window", lambda count, period: cosines(count, period, (alpha, beta)),
        window_length, periodic, dtype, device, requires_grad, backend,
    )  # fmt: skip


@function()
def kaiser_window(
    window_length: int,
    periodic: bool = True,
    beta: float = 12.0,
    *,
    dtype: DTypeLike = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    backend: str | None = None,
) -> Tensor:
    """`i0(beta * sqrt(1 - (2 * n / N - 1)**2)) / i0(beta)`; see `hann_window`."""
    return _window(
        "kaiser_window", lambda count, period: kaiser(count, period, beta),
        window_length, periodic, dtype, device, requires_grad, backend,
    )  # fmt: skip
