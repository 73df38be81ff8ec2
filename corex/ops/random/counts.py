"""Draws of counts: Poisson and binomial numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib import import_module
from typing import NamedTuple

from corex.dispatch.record import no_grad
from corex.dispatch.resolve import check_places
from corex.ops.composed import composition
from corex.ops.pointwise.select import where
from corex.ops.promotion import require_tensor
from corex.ops.random.creation import rand_like
from corex.ops.random.distributions import check_values
from corex.ops.random.generator import Generator
from corex.ops.registration import function
from corex.ops.shape.views import contiguous
from corex.tensor.tensor import Tensor

_BORDER = 10.0
"""Means below are drawn by trials one after the other, those above by rejection."""


def _log_mass(count: Tensor, rate: Tensor) -> Tensor:
    """Of a Poisson number, in a form that does not cancel."""
    found: Tensor = import_module("corex.special.incomplete").factor(count, rate).log()
    return found


class _Hat(NamedTuple):
    """The shape of a table mountain over a distribution of counts (W. Hormann, "The transformed
    rejection method for generating Poisson random variables", 1993, and "The generation of
    binomial random variates", 1993): a count is floor((2 a / (1/2 - abs(u)) + b) u + centre)."""

    a: Tensor
    b: Tensor
    centre: Tensor
    scale: Tensor


def _rejected(
    like: Tensor, hat: _Hat, log_mass: Callable[[Tensor], Tensor], generator: Generator | None
) -> Tensor:
    """Counts whose logarithmic probability is `log_mass`; draws until all are accepted, on average
    of each about 1.2 times."""
    result, open_ = like * 0, like == like
    while bool(open_.any().item()):
        u = rand_like(like, generator=generator) - 0.5
        v = 1 - rand_like(like, generator=generator)
        reach = 0.5 - u.abs()
        count = ((2 * hat.a / reach + hat.b) * u + hat.centre).floor()
        bound = (v * hat.scale / (hat.a / (reach * reach) + hat.b)).log()
        inside = open_.logical_and(count >= 0).logical_and(reach > 0)
        accepted = inside.logical_and(bound <= log_mass(where(inside, count, 0.0)))
        result = where(accepted, count, result)
        open_ = open_.logical_and(accepted.logical_not())
    return result


# ---- Poisson -------------------------------------------------------------------------------------
def _few(rate: Tensor, generator: Generator | None) -> Tensor:
    """How many uniform numbers it takes until their product is below exp(-rate)."""
    limit = (-rate).exp()
    count, product = rate * 0, rand_like(rate, generator=generator)
    going = product > limit
    while bool(going.any().item()):
        count = where(going, count + 1, count)
        product = where(going, product * rand_like(rate, generator=generator), product)
        going = product > limit
    return count


def _many(rate: Tensor, generator: Generator | None) -> Tensor:
    b = 0.931 + 2.53 * rate.sqrt()
    hat = _Hat(-0.059 + 0.02483 * b, b, rate + 0.43, 1.1239 + 1.1328 / (b - 3.4))
    return _rejected(rate, hat, lambda k: _log_mass(k, rate), generator)


def _poisson_steps(rate: Tensor, generator: Generator | None) -> Tensor:
    low = rate < _BORDER
    result = _few(where(low, rate, 0.0), generator)
    if not bool(low.all().item()):
        result = where(low, result, _many(where(low, _BORDER, rate), generator))
    return contiguous(result)


_poisson = composition("poisson", ("a",), _poisson_steps, {"a": lambda g: g * 0}, ("generator",))


@function(out="same")
def poisson(input: Tensor, generator: Generator | None = None) -> Tensor:
    """Poisson numbers with the rates that the input holds.

    Raises:
        RuntimeError: a rate that is negative or NaN. NotImplementedError: not floating-point.
    """
    if not require_tensor("poisson", input).is_floating_point():
        raise NotImplementedError(f'[poisson] "poisson" not implemented for {input.dtype!r}')
    check_values("invalid Poisson rate, expected rate to be non-negative", input, lambda t: t >= 0)
    return _poisson(input, generator)


# ---- binomial ------------------------------------------------------------------------------------
def _few_successes(count: Tensor, prob: Tensor, generator: Generator | None) -> Tensor:
    """Successes of few, by the waiting times between them (L. Devroye, "Non-uniform random variate
    generation", 1986, X.4.3)."""
    rate = (-prob).log1p()
    successes, trials = count * 0, count * 0
    going = (count > 0).logical_and(prob > 0)
    while bool(going.any().item()):
        uniform = 1 - rand_like(count, generator=generator)
        trials = trials + (uniform.log() / where(going, rate, -1.0)).floor() + 1
        going = going.logical_and(trials <= count)
        successes = where(going, successes + 1, successes)
    return successes


def _many_successes(count: Tensor, prob: Tensor, generator: Generator | None) -> Tensor:
    spread = (count * prob * (1 - prob)).sqrt()
    b = 1.15 + 2.53 * spread
    a = -0.0873 + 0.0248 * b + 0.01 * prob
    hat = _Hat(a, b, count * prob + 0.5, (2.83 + 5.1 / b) * spread)
    expected, failures = count * prob, count * (1 - prob)

    def log_mass(k: Tensor) -> Tensor:
        """As that of two Poisson numbers whose sum is known (C. Loader, "Fast and accurate
        computation of binomial probabilities", 2000)."""
        k = k.minimum(count)
        return _log_mass(k, expected) + _log_mass(count - k, failures)

    top = log_mass(((count + 1) * prob).floor())

    def ratio(k: Tensor) -> Tensor:
        """Of the probability to the largest one."""
        return where(k > count, -math.inf, log_mass(k) - top)

    return _rejected(count, hat, ratio, generator)


@function(out="same")
def binomial(count: Tensor, prob: Tensor, generator: Generator | None = None) -> Tensor:
    """Numbers of successes in `count` independent trials that each succeed with `prob`.

    Raises:
        ValueError: not floating-point.
    """
    for name, t in (("count", count), ("prob", prob)):
        if not require_tensor("binomial", t, name).is_floating_point():
            raise ValueError(
                f"binomial only supports floating-point dtypes for {name}, got: {t.dtype!r}"
            )
    check_places("binomial", [count, prob], count.key.place)
    with no_grad():
        n, p = count.detach() + prob.detach() * 0, prob.detach() + count.detach() * 0
        n = where(n > 0, n.floor(), 0.0)
        other = p > 0.5
        q = where(other, 1 - p, p)  # at most a half: what is rarer is counted
        few = (n * q < _BORDER).logical_or(q.isnan())
        result = _few_successes(where(few, n, 0.0), q, generator)
        if not bool(few.all().item()):
            many = few.logical_not()
            large = _many_successes(where(many, n, 40.0), where(many, q, 0.5), generator)
            result = where(many, large, result)
        result = where(other, n - result, result)
        return contiguous(where(p.isnan(), math.nan, result))
