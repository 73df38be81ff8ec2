"""Tensors filled in place with draws from further distributions.

Each inverts the distribution's function at uniform numbers, so a draw takes one number of the
stream; the log-normal one is the exponential of a normal one.
"""

from __future__ import annotations

import math

from corex import dtypes as dt
from corex.dispatch.resolve import empty
from corex.dtypes import DType
from corex.ops.promotion import cast, real_number, require_tensor
from corex.ops.random.draws import draw
from corex.ops.random.generator import Generator
from corex.ops.registration import method
from corex.tensor.tensor import Tensor


def _drawn(kernel: str, self: Tensor, dtype: DType, generator: Generator | None) -> Tensor:
    return draw(kernel, empty(self.key.place.key(dtype), self.shape), generator)


def _continuous(what: str, self: Tensor) -> DType:
    """
    Raises:
        RuntimeError: not a floating-point tensor.
    """
    dtype = require_tensor(what, self).key.dtype
    if not dtype.is_floating_point:
        raise RuntimeError(
            f"{what} distribution is a continuous probability distribution. dtype must be a "
            f"floating point but you specified {dtype!r}"
        )
    return dtype


@method()
def exponential_(self: Tensor, lambd: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """In place: exponential numbers of rate `lambd`, always above zero where it is finite.

    Raises:
        RuntimeError: a rate that is not positive, or not a floating-point tensor.
    """
    rate = real_number(lambd, "exponential_", "lambd")
    dtype = _continuous("Exponential", self)
    if not rate > 0:
        raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={lambd}")
    uniform = _drawn("random_uniform", self, dtype, generator)
    # Of 0 the smallest number that is drawn, as PyTorch does, so that no draw is 0.
    variate = (-uniform).log1p().neg().clamp(min=dt.finfo(dtype).eps / 2)
    return self.copy_(variate / rate)


@method()
def geometric_(self: Tensor, p: float, *, generator: Generator | None = None) -> Tensor:
    """In place: how many trials it takes until one of probability `p` succeeds, from 1 on.

    Raises:
        RuntimeError: a probability outside of (0, 1). NotImplementedError: a bool tensor.
    """
    chance = real_number(p, "geometric_", "p")
    dtype = require_tensor("geometric_", self).key.dtype
    if not 0 < chance < 1:
        raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p}")
    if dtype is dt.bool_:
        raise NotImplementedError('"geometric_cpu" not implemented for bool')
    wide = dt.float64 if self.key.place.holds(dt.float64) else dt.float32
    uniform = _drawn("random_uniform", self, wide, generator)
    trials = ((-uniform).log1p() / math.log1p(-chance)).ceil().clamp(min=1)
    return self.copy_(cast(trials, dtype))


@method()
def cauchy_(
    self: Tensor, median: float = 0.0, sigma: float = 1.0, *, generator: Generator | None = None
) -> Tensor:
    """In place: Cauchy numbers around `median`, half of them within `sigma` of it.

    Raises:
        RuntimeError: a width that is not positive, or not a floating-point tensor.
    """
    middle, width = real_number(median, "cauchy_", "median"), real_number(sigma, "cauchy_", "sigma")
    if not width > 0:
        raise RuntimeError(f"cauchy_ expects sigma > 0.0, but found sigma={sigma}")
    dtype = _continuous("Cauchy", self)
    uniform = _drawn("random_uniform", self, dtype, generator)
    return self.copy_(((uniform - 0.5) * math.pi).tan() * width + middle)


@method()
def log_normal_(
    self: Tensor, mean: float = 1.0, std: float = 2.0, *, generator: Generator | None = None
) -> Tensor:
    """In place: numbers whose logarithms are normal with this mean and standard deviation.

    Raises:
        RuntimeError: a deviation that is not positive. NotImplementedError: not floating-point.
    """
    middle, spread = (
        real_number(mean, "log_normal_", "mean"),
        real_number(std, "log_normal_", "std"),
    )
    dtype = require_tensor("log_normal_", self).key.dtype
    if not spread > 0:
        raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={std}")
    if not dtype.is_floating_point:
        raise NotImplementedError(f'"log_normal_cpu" not implemented for {dtype!r}')
    noise = _drawn("random_normal", self, dtype, generator)
    return self.copy_((noise * spread + middle).exp())
