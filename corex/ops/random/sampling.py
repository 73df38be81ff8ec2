"""Random numbers from a counter-based generator: the same seed gives the same bits everywhere.

A generator is a seed and an offset; every draw of n elements advances the offset by what it used,
so a draw depends on nothing but (seed, offset, shape), not on backend or threads.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from corex import dtypes as dt
from corex.device import device as Device
from corex.dispatch.bind import write
from corex.dispatch.devices import find_place
from corex.dispatch.fallback import transfer
from corex.dispatch.resolve import empty, resolve
from corex.dtypes import DType
from corex.layout import numel
from corex.observe import events
from corex.ops.places import exact_place
from corex.ops.pointwise.select import where
from corex.ops.promotion import cast, limits, real_number, require_tensor
from corex.ops.reduce.reductions import argsort
from corex.ops.registration import exported, function, method
from corex.ops.shape.views import shaped, sizes_of
from corex.tensor.modes import capturing
from corex.tensor.modes import refuse as capturing_refused
from corex.tensor.place import Place, observed
from corex.tensor.schema import FLOAT, OpSchema, declare
from corex.tensor.tensor import Tensor

_MASK = (1 << 64) - 1


class Generator:
    """The state of a random stream: Philox4x32-10 keyed by `seed`, counting from `offset`.

    Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
    """

    def __init__(self, device: Device | str = "cpu") -> None:
        self.device = Device(device)
        self._seed = 67280421310721
        self._offset = 0

    def manual_seed(self, seed: int) -> Generator:
        """Restarts the stream with a seed; returns the generator.

        Raises:
            ValueError: a seed beyond 64 bits. RuntimeError: no integer.
        """
        if not hasattr(seed, "__index__"):
            raise RuntimeError(f"manual_seed expected a long, but got {type(seed).__name__}")
        number = seed.__index__()
        if not -(2**63) <= number < 2**64:
            raise ValueError("Overflow when unpacking long long")
        self._seed = number & _MASK
        self._offset = 0
        return self

    def seed(self) -> int:
        """Restarts the stream with a seed from the system's entropy, and returns it."""
        self.manual_seed(int.from_bytes(os.urandom(8), "little"))
        return self._seed

    def initial_seed(self) -> int:
        """The seed in use."""
        return self._seed

    def get_state(self) -> Tensor:
        """Seed and offset, as an int64 tensor of two elements."""
        from corex.ops.create.data import tensor

        return tensor([_signed(self._seed), _signed(self._offset)], dtype=dt.int64, device="cpu")

    def set_state(self, state: Tensor) -> None:
        """Continues where `get_state` was called.

        Raises:
            RuntimeError: not such a tensor.
        """
        if not isinstance(state, Tensor) or state.shape != (2,) or state.dtype is not dt.int64:
            raise RuntimeError("set_state() expects the int64 tensor of 2 elements of get_state()")
        self._seed, self._offset = (value & _MASK for value in state.tolist())

    def advance(self, blocks: int) -> tuple[int, int]:
        """(seed, offset) for a draw of `blocks` counter blocks, which are used up."""
        if capturing.active and self is not default_generator:
            capturing_refused("drawing random numbers from a generator of one's own")
        start = self._offset
        self._offset = (start + blocks) & _MASK
        return self._seed, start


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


default_generator = Generator()


@function()
def manual_seed(seed: int) -> Generator:
    """Restarts the default stream with a seed, cut to an integer; returns the default generator.

    Raises:
        ValueError: a seed beyond 64 bits, or no number.
    """
    return default_generator.manual_seed(int(seed))


@function()
def seed() -> int:
    """Restarts the default stream with a seed from the system's entropy, and returns it."""
    return default_generator.seed()


@function()
def initial_seed() -> int:
    """The seed of the default stream."""
    return default_generator.initial_seed()


@function()
def get_rng_state() -> Tensor:
    """The state of the default stream."""
    return default_generator.get_state()


@function()
def set_rng_state(state: Tensor) -> None:
    """Continues the default stream from a state."""
    default_generator.set_state(state)


# ---- bits and what is made of them -----------------------------------------------------------
def _bits(place: Place, count: int, seed: int, offset: int) -> Tensor:
    result = empty(place.key(dt.int64), (count,))
    write("random_bits", [result], [], (seed, offset))
    return result


def _uniform_from_bits(key: Any, count: int, seed: int, offset: int) -> Tensor:
    bits = _bits(key.place, count, seed, offset)
    digits: int = key.dtype.digits
    high = bits.bitwise_right_shift(64 - digits).bitwise_and((1 << digits) - 1)
    unit: float = 2.0**-digits
    return cast(high, key.dtype) * unit


def _normal_from_bits(key: Any, count: int, seed: int, offset: int) -> Tensor:
    if not key.place.holds(dt.float64):
        there = empty(exact_place(key.place).key(key.dtype), (count,))
        return transfer(_fill("random_normal", there, seed, offset), key.place)
    # Element i takes elements 2i and 2i + 1 of the stream: one counter block.
    bits = _bits(key.place, 2 * count, seed, offset).reshape(count, 2)
    mantissas = bits.bitwise_right_shift(11).bitwise_and((1 << 53) - 1)
    units = cast(mantissas, dt.float64)
    u1, u2 = (units.select(1, 0) + 1) * 2.0**-53, units.select(1, 1) * 2.0**-53
    normal = (u1.log() * -2).sqrt() * (u2 * (2 * 3.141592653589793)).cos()
    return cast(normal, key.dtype)


_DRAWS: dict[str, tuple[Callable[..., Tensor], Callable[[int], int]]] = {
    "random_uniform": (_uniform_from_bits, lambda count: (count + 1) // 2),
    "random_normal": (_normal_from_bits, lambda count: count),
}

for _name, _takes, _doc in (
    ("random_bits", frozenset((dt.int64,)), "64 random bits per element."),
    ("random_uniform", FLOAT, "Uniform in [0, 1)."),
    ("random_normal", FLOAT, "Standard normal."),
):
    declare(
        OpSchema(
            _name, (), None, ("seed", "offset"), takes=_takes, family="random",
            tier=1 if _name == "random_bits" else 2,
            changing=("seed", "offset"),
            decomposition=None if _name == "random_bits" else _DRAWS[_name][0],
            doc=_doc,
        )
    )  # fmt: skip


def _draw(op: str, out: Tensor, generator: Generator | None) -> Tensor:
    """Fills a row-major tensor with one of the distributions."""
    blocks = _DRAWS[op][1](numel(out.shape))
    return _fill(op, out, *(generator or default_generator).advance(blocks))


def _fill(op: str, out: Tensor, seed: int, offset: int) -> Tensor:
    if not numel(out.shape):  # of nothing a backend need not know whether it is contiguous
        return out
    found = resolve(out.key.place, op, (out.key.dtype,))
    if found.run is not None:
        write(op, [out], [], (seed, offset))
    else:
        if observed():
            events.tell(op, out.key.place, "decomposed", found.reason, [out], (), (seed, offset))
        drawn = _DRAWS[op][0](out.key, numel(out.shape), seed, offset)
        write("copy", [out], [drawn.reshape(out.shape)])
    return out


def _new_tensor(
    sizes: tuple[Any, ...],
    dtype: DType | None,
    device: Any,
    backend: str | None,
) -> Tensor:
    shape = sizes_of(sizes)
    _check_shape(shape)
    return empty(find_place(device, backend).key(dtype or dt.get_default_dtype()), shape)


def _check_shape(shape: tuple[int, ...]) -> None:
    if any(size < 0 for size in shape):
        raise RuntimeError(
            f"Trying to create tensor with negative dimension {min(shape)}: {list(shape)}"
        )


def _floating(op: str, t: Tensor) -> Tensor:
    if not t.is_floating_point():
        raise RuntimeError(f'[{op}] "{op}" not implemented for {t.dtype!r}; use a floating dtype')
    return t


@function()
def rand(
    *size: Any,
    generator: Generator | None = None,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
    backend: str | None = None,
) -> Tensor:
    """Uniform numbers in [0, 1)."""
    result = _floating("rand", _new_tensor(size, dtype, device, backend))
    return _draw("random_uniform", result, generator).requires_grad_(requires_grad)


@function()
def randn(
    *size: Any,
    generator: Generator | None = None,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
    backend: str | None = None,
) -> Tensor:
    """Standard normal numbers (Box-Muller)."""
    result = _floating("randn", _new_tensor(size, dtype, device, backend))
    return _draw("random_normal", result, generator).requires_grad_(requires_grad)


@function()
def rand_like(input: Tensor, *, dtype: DType | None = None, generator: Generator | None = None,
              requires_grad: bool = False) -> Tensor:  # fmt: skip
    """`rand` of a tensor's shape, dtype and place."""
    key = input.key if dtype is None else input.key.place.key(dtype)
    result = _draw("random_uniform", _floating("rand_like", empty(key, input.shape)), generator)
    return result.requires_grad_(requires_grad)


@function()
def randn_like(input: Tensor, *, dtype: DType | None = None, generator: Generator | None = None,
               requires_grad: bool = False) -> Tensor:  # fmt: skip
    """`randn` of a tensor's shape, dtype and place."""
    key = input.key if dtype is None else input.key.place.key(dtype)
    result = _draw("random_normal", _floating("randn_like", empty(key, input.shape)), generator)
    return result.requires_grad_(requires_grad)


@function()
def randint(
    low: Any,
    high: Any = None,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: DType = dt.int64,
    device: Any = None,
    requires_grad: bool = False,
    backend: str | None = None,
) -> Tensor:
    """Integers in [low, high); with one bound, [0, bound).

    Raises:
        TypeError: a bound that is no integer. ValueError: a bound beyond int64.
        RuntimeError: an empty interval, or one that the dtype cannot hold.
    """
    if size is None:
        low, high, size = 0, low, high
    low, high = _interval("randint", low, high, dtype)
    place = find_place(device, backend)
    shape = sizes_of((size,))
    _check_shape(shape)
    count = numel(shape)
    seed, offset = (generator or default_generator).advance((count + 1) // 2)
    bits = _bits(place, count, seed, offset)
    length = high - low
    if length < 1 << 63:
        values = bits.bitwise_and((1 << 63) - 1).remainder(length) + low
    else:  # the bits without their sign, less the length where they reach it
        reach = (bits < 0).logical_and(bits >= length - (1 << 64))
        values = where(reach, bits - length, bits) + low
    return cast(shaped(values, shape), dtype).requires_grad_(requires_grad)


def _interval(op: str, low: Any, high: Any, dtype: DType) -> tuple[int, int]:
    """The bounds of random integers of a dtype, checked."""
    bounds = []
    for name, bound in (("low", low), ("high", high)):
        if isinstance(bound, float | bool) or not hasattr(bound, "__index__"):
            raise TypeError(f"{op}(): argument '{name}' must be int, not {type(bound).__name__}")
        bounds.append(bound.__index__())
        if not -(2**63) <= bounds[-1] < 2**63:
            raise ValueError("Overflow when unpacking long long")
    first, end = bounds
    if first >= end:
        raise RuntimeError(
            f"random_ expects 'from' to be less than 'to', but got from={first} >= to={end}"
        )
    if dtype.kind != "f":
        least, most = (0, 1) if dtype.kind == "b" else limits(dtype)
        for name, bound in (("from", first), ("to - 1", end - 1)):
            if not least <= bound <= most:
                raise RuntimeError(f"[{op}] {name} = {bound} is out of bounds for {dtype!r}")
    return first, end


@function()
def randperm(
    n: int,
    *,
    generator: Generator | None = None,
    dtype: DType = dt.int64,
    device: Any = None,
    backend: str | None = None,
) -> Tensor:
    """A random permutation of 0 .. n - 1: the order of n random numbers.

    Raises:
        RuntimeError: a negative n.
    """
    n = n.__index__()
    if n < 0:
        raise RuntimeError(f"n must be non-negative, got {n}")
    seed, offset = (generator or default_generator).advance((n + 1) // 2)
    return cast(argsort(_bits(find_place(device, backend), n, seed, offset)), dtype)


@method()
def uniform_(
    self: Tensor, low: float = 0.0, high: float = 1.0, *, generator: Generator | None = None
) -> Tensor:
    """In place: uniform numbers in [low, high).

    Raises:
        RuntimeError: bounds that are no interval, or that the dtype cannot hold.
    """
    low, high = real_number(low, "uniform_", "low"), real_number(high, "uniform_", "high")
    dtype = _floating("uniform_", self).key.dtype
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
    draw = _draw("random_uniform", empty(_floating("uniform_", self).key, self.shape), generator)
    return self.copy_(draw * (high - low) + low)


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
    draw = _draw("random_normal", empty(_floating("normal_", self).key, self.shape), generator)
    return self.copy_(draw * std + mean)


@function()
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
        _check_values("normal expects all elements of std >= 0.0", std, lambda t: t >= 0)
    elif not real_number(std, "normal", "std") >= 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
    if not isinstance(mean, Tensor):
        mean = real_number(mean, "normal", "mean")
    if isinstance(mean, Tensor) or isinstance(std, Tensor):
        like = mean + std * 0 if isinstance(mean, Tensor) else std * 0 + mean
        noise = randn_like(like.detach(), generator=generator)
    else:
        noise = randn(size or (), generator=generator, dtype=dtype, device=device)
    result: Tensor = noise * std + mean
    return result


def _check_values(what: str, t: Tensor, test: Callable[[Tensor], Tensor]) -> None:
    """Raises RuntimeError unless the test holds for all values; a device is not waited for."""
    place = t.key.place
    if place.backend.stream_handle(place.index) is None and not bool(test(t.detach()).all().item()):
        raise RuntimeError(what)


@exported()
def bernoulli(input: Tensor, *, generator: Generator | None = None) -> Tensor:
    """1 with the probability that the input holds, else 0.

    Raises:
        RuntimeError: a probability outside of [0, 1].
    """
    _check_values(
        "Expected p_in >= 0 && p_in <= 1 to be true", require_tensor("bernoulli", input),
        lambda t: (t >= 0).logical_and(t <= 1),
    )  # fmt: skip
    draw = rand_like(require_tensor("bernoulli", input), generator=generator)
    return cast(draw < input.detach(), input.key.dtype)


@exported()
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
    weights = _floating("multinomial", require_tensor("multinomial", input)).detach()
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
    draw = _draw("random_uniform", empty(self.key.place.key(dt.float32), self.shape), generator)
    return self.copy_(cast(draw < p, self.key.dtype))


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
    low, high = _interval("random_", low, high, self.key.dtype)
    place = self.key.place
    values = randint(low, high, self.shape, generator=generator,
                     device=place.device, backend=place.name)  # fmt: skip
    return self.copy_(values)
