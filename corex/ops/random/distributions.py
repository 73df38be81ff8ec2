"""Draws whose parameters are tensors, and tensors filled with draws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from corex import dtypes as dt
from corex.dispatch.resolve import empty
from corex.dtypes import DType
from corex.ops.composed import composition
from corex.ops.promotion import cast, real_number, require_kinds, require_tensor
from corex.ops.random.creation import interval, rand_like, randint, randn, randn_like
from corex.ops.random.draws import draw, require_floating
from corex.ops.random.generator import Generator
from corex.ops.reduce.order import argsort
from corex.ops.registration import exported, function, method
from corex.ops.shape.complex_views import view_as_real
from corex.tensor.tensor import Tensor


@method()
def uniform_(
    self: Tensor, low: float = 0.0, high: float = 1.0, *, generator: Generator | None = None
) -> Tensor:
    """In place: uniform numbers in [low, high).

    Raises:
        RuntimeError: bounds that are no interval, or that the dtype cannot hold.
    """
    low, high = real_number(low, "uniform_", "low"), real_number(high, "uniform_", "high")
    if require_floating("uniform_", self).key.dtype.is_complex:
        if self.key.place.bits:
            drawn = empty(self.key.own, self.shape)
            return self.copy_(uniform_(drawn, low, high, generator=generator))
        uniform_(view_as_real(self), low, high, generator=generator)
        return self
    dtype = self.key.dtype
    most = dt.finfo(dtype).max
    if not (-most <= low <= most and -most <= high <= most):
        raise RuntimeError(f"[uniform_] from={low}, to={high} is out of bounds for {dtype!r}")
    if low > high:
        raise RuntimeError(
            f"uniform_ expects to return a [from, to) range, but found from={low} > to={high}"
        )
    if high - low > most:
        raise RuntimeError(
            f"uniform_ expects to-from <= {most}, but found to={high} and from={low} which result "
            f"in to-from to exceed the limit"
        )
    drawn = draw(
        "random_uniform", empty(require_floating("uniform_", self).key.own, self.shape), generator
    )
    return self.copy_(drawn * (high - low) + low)


@method()
def normal_(
    self: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None
) -> Tensor:
    """In place: normal numbers.

    Raises:
        RuntimeError: a negative standard deviation.
    """
    mean, std = real_number(mean, "normal_", "mean"), real_number(std, "normal_", "std")
    if not std >= 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
    drawn = draw(
        "random_normal", empty(require_floating("normal_", self).key.own, self.shape), generator
    )
    return self.copy_(drawn * std + mean)


@function(out="cast")
def normal(
    mean: Any,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: DType | None = None,
    device: Any = None,
) -> Tensor:
    """Normal numbers with means and deviations given as tensors or numbers (then with `size`).

    Raises:
        TypeError: neither tensors nor numbers. RuntimeError: a negative standard deviation.
    """
    if isinstance(std, Tensor):
        check_values("normal expects all elements of std >= 0.0", std, lambda t: t >= 0)
    elif not real_number(std, "normal", "std") >= 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
    if not isinstance(mean, Tensor):
        mean = real_number(mean, "normal", "mean")
    if isinstance(mean, Tensor) or isinstance(std, Tensor):
        like = mean + std * 0 if isinstance(mean, Tensor) else std * 0 + mean
        noise = randn_like(like.detach().contiguous(), generator=generator)
    else:
        noise = randn(size or (), generator=generator, dtype=dtype, device=device)
    result: Tensor = noise * std + mean
    return result


def check_values(what: str, t: Tensor, test: Callable[[Tensor], Tensor]) -> None:
    """Raises RuntimeError unless the test holds for all values; a device is not waited for."""
    place = t.key.place
    if place.backend.stream_handle(place.index) is None and not bool(test(t.detach()).all().item()):
        raise RuntimeError(what)


@exported(out="any")
def bernoulli(input: Tensor, p: Any = None, *, generator: Generator | None = None) -> Tensor:
    """1 with the probability that the input holds (or p says), else 0.

    Raises:
        RuntimeError: a probability outside of [0, 1].
    """
    if p is not None:
        return bernoulli_(empty(input.key.own, input.shape), p, generator=generator)
    require_kinds("bernoulli", "f", require_tensor("bernoulli", input))
    check_values(
        "Expected p_in >= 0 && p_in <= 1 to be true", input,
        lambda t: (t >= 0).logical_and(t <= 1),
    )  # fmt: skip
    return _bernoulli(input, generator)


_bernoulli = composition(
    "bernoulli", ("a",),
    lambda a, generator: cast(
        rand_like(a.contiguous(), generator=generator) < a.detach(), a.key.dtype
    ),
    {"a": lambda g: g.new_zeros(g.shape)}, ("generator",),
)  # fmt: skip


@exported(out="same")
def multinomial(
    input: Tensor,
    num_samples: int,
    replacement: bool = False,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Positions drawn with the (unnormalised) probabilities of a vector, or of each row; int64.

    Draws the position with the largest weight / exponential variate, which falls on each position
    with its probability (an exponential race); without replacement, the largest `num_samples`.

    Raises:
        RuntimeError: not a floating-point vector or matrix, a negative, infinite or NaN weight, no
            weight above zero, or more samples than there are weights above zero.
    """
    if not require_tensor("multinomial", input).is_floating_point():
        raise RuntimeError(
            f"multinomial only supports floating-point dtypes for input, got: {input.dtype!r}"
        )
    weights = input.detach()
    if weights.ndim not in (1, 2):
        raise RuntimeError(f"prob_dist must be 1 or 2 dim, got shape {list(weights.shape)}")
    if num_samples <= 0:
        raise RuntimeError("cannot sample n_sample <= 0 samples")
    if not bool((weights >= 0).logical_and(weights.isfinite()).all().item()):
        raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
    if weights.ndim == 2 and weights.shape[1] and not weights.shape[0]:
        return empty(weights.key.place.key(dt.int64), (0, num_samples))
    available = int((weights > 0).sum(-1).amin().item()) if weights.numel() else 0
    if available < (1 if replacement else num_samples):
        raise RuntimeError(
            f"invalid multinomial distribution: {num_samples} samples "
            f"{'with' if replacement else 'without'} replacement need at least "
            f"{1 if replacement else num_samples} weights above zero, but there are {available}"
        )
    shape = weights.shape
    if replacement:
        weights = weights.unsqueeze(-2).expand(*shape[:-1], num_samples, shape[-1])
    variates = -(1 - rand_like(weights, generator=generator)).log()
    race = weights / variates.clamp(min=1e-38)
    if replacement:
        return race.argmax(-1)
    return argsort(race, -1, True).narrow(-1, 0, num_samples).contiguous()


@method()
def bernoulli_(self: Tensor, p: Any = 0.5, *, generator: Generator | None = None) -> Tensor:
    """In place: 1 with probability p, else 0.

    Raises:
        RuntimeError: a probability outside of [0, 1].
    """
    if isinstance(p, Tensor):
        return self.copy_(
            cast(bernoulli(p.expand(self.shape), generator=generator), self.key.dtype)
        )
    p = real_number(p, "bernoulli_", "p")
    if not 0 <= p <= 1:
        raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p}")
    drawn = draw("random_uniform", empty(self.key.place.key(dt.float32), self.shape), generator)
    return self.copy_(cast(drawn < p, self.key.dtype))


@method()
def random_(
    self: Tensor, low: int = 0, high: int | None = None, *, generator: Generator | None = None
) -> Tensor:
    """In place: integers in [low, high); with one bound, [0, bound); with none, whatever the dtype
    holds exactly from 0 on.

    Raises:
        As `randint`.
    """
    if high is None:
        dtype = self.key.dtype  # all that it holds exactly, as in PyTorch
        end = min((1 << dtype.digits) + dtype.is_floating_point, 2**63 - 1)
        low, high = (0, end) if type(low) is int and low == 0 else (0, low)
    low, high = interval("random_", low, high, self.key.dtype)
    place = self.key.place
    values = randint(low, high, self.shape, generator=generator,
                     device=place.device, backend=place.name)  # fmt: skip
    return self.copy_(values)
