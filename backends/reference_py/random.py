"""Random bits from the counter-based generator Philox4x32-10, and two distributions of them.

Salmon, Moraes, Dror, Shaw: *Parallel random numbers: as easy as 1, 2, 3*, SC'11.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from corex.backend import Kernel, View

from .views import store

MASK = 0xFFFFFFFF
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
KEY_STEPS = (0x9E3779B9, 0xBB67AE85)  # the fractions of the golden ratio and of sqrt(3)
ROUNDS = 10

Words = tuple[int, int, int, int]


def philox(counter: Words, key: tuple[int, int]) -> Words:
    """Four random 32-bit words: a bijection of the counter, another one for every key."""
    x0, x1, x2, x3 = counter
    k0, k1 = key
    for _ in range(ROUNDS):
        a = MULTIPLIERS[0] * x0
        b = MULTIPLIERS[1] * x2
        x0, x1, x2, x3 = (b >> 32) ^ x1 ^ k0, b & MASK, (a >> 32) ^ x3 ^ k1, a & MASK
        k0, k1 = (k0 + KEY_STEPS[0]) & MASK, (k1 + KEY_STEPS[1]) & MASK
    return x0, x1, x2, x3


def bits(count: int, seed: int, offset: int) -> list[int]:
    """`count` unsigned 64-bit numbers, two from every block, from block `offset` on."""
    key = (seed & MASK, seed >> 32 & MASK)
    result = []
    for block in range(offset, offset + (count + 1) // 2):
        x0, x1, x2, x3 = philox((block & MASK, block >> 32 & MASK, 0, 0), key)
        result += [x1 << 32 | x0, x3 << 32 | x2]
    return result[:count]


def random_bits(out: View, seed: int, offset: int) -> None:
    """The bits themselves, as int64."""
    store(out, bits(math.prod(out[2]), seed, offset))


def random_uniform(out: View, seed: int, offset: int) -> None:
    """Uniform in [0, 1): the leading 24 or 53 bits as a binary fraction."""
    digits = out[1].digits
    store(out, [(b >> 64 - digits) * 2.0**-digits for b in bits(math.prod(out[2]), seed, offset)])


def random_normal(out: View, seed: int, offset: int) -> None:
    """Standard normal, by Box and Muller, from two numbers of the stream per element."""
    stream = iter(bits(2 * math.prod(out[2]), seed, offset))

    def normal(b0: int, b1: int) -> float:
        u1 = ((b0 >> 11) + 1) * 2.0**-53  # in (0, 1], where the logarithm is finite
        u2 = (b1 >> 11) * 2.0**-53
        return math.sqrt(-2 * math.log(u1)) * math.cos(2 * math.pi * u2)

    store(out, map(normal, stream, stream))


KERNELS: Mapping[str, Kernel] = {
    "random_bits": random_bits,
    "random_uniform": random_uniform,
    "random_normal": random_normal,
}
