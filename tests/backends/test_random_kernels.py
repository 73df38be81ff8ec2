"""Random numbers: every bit is prescribed, so an independent Philox is the oracle."""

from __future__ import annotations

import numpy as np
import pytest

from tests.backends.kernel_cases import cases, check
from tests.backends.kernel_data import FLOAT, Array, Out

LOW = np.uint64(0xFFFFFFFF)
STREAMS = [(0, 0), (1, 0), (42, 7), (2**64 - 1, 2**32 - 2), (0x123456789ABCDEF0, 2**63 + 5)]
COUNTS = [0, 1, 2, 7, 1030]


def philox(counter: list[Array], key: list[Array]) -> list[Array]:
    """Philox4x32-10 on arrays of words, kept in 64 bits."""
    words, (left, right) = counter, key
    for _ in range(10):
        high = words[0] * np.uint64(0xD2511F53)
        low = words[2] * np.uint64(0xCD9E8D57)
        words = [
            (low >> np.uint64(32)) ^ words[1] ^ left,
            low & LOW,
            (high >> np.uint64(32)) ^ words[3] ^ right,
            high & LOW,
        ]
        left = (left + np.uint64(0x9E3779B9)) & LOW
        right = (right + np.uint64(0xBB67AE85)) & LOW
    return words


def stream(count: int, seed: int, offset: int) -> Array:
    """The unsigned 64-bit numbers of the contract."""
    blocks = np.array([(offset + i) % 2**64 for i in range((count + 1) // 2)], np.uint64)
    zero = np.zeros_like(blocks)
    key = [zero + np.uint64(seed % 2**32), zero + np.uint64(seed // 2**32)]
    w = philox([blocks & LOW, blocks >> np.uint64(32), zero, zero], key)
    pairs = [w[1] << np.uint64(32) | w[0], w[3] << np.uint64(32) | w[2]]
    return np.stack(pairs, axis=-1).reshape(-1)[:count]


KNOWN = [  # counter, key, result: Random123's kat_vectors, philox4x32 with 10 rounds
    ("00000000 " * 4, "00000000 " * 2, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff " * 4, "ffffffff " * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    (
        "243f6a88 85a308d3 13198a2e 03707344",
        "a4093822 299f31d0",
        "d16cfe09 94fdcceb 5001e420 24126ea1",
    ),
]


@pytest.mark.parametrize("counter, key, result", KNOWN)
def test_the_oracle_knows_the_published_answers(counter: str, key: str, result: str) -> None:
    def words(text: str) -> list[Array]:
        return [np.array([int(word, 16)], np.uint64) for word in text.split()]

    assert [int(w[0]) for w in philox(words(counter), words(key))] == [
        int(w[0]) for w in words(result)
    ]


@pytest.mark.parametrize("backend, op", cases(["random_bits"]))
def test_the_published_first_block(backend: str, op: str) -> None:
    expected = np.array([0xE169C58D6627E8D5, 0x9B00DBD8BC57AC4C], np.uint64).view(np.int64)
    check(backend, "random_bits", Out(expected, "int64"), 0, 0)


@pytest.mark.parametrize("backend, op, where, count", cases(["random_bits"], STREAMS, COUNTS))
def test_random_bits(backend: str, op: str, where: tuple[int, int], count: int) -> None:
    expected = stream(count, *where).view(np.int64)
    check(backend, "random_bits", Out(expected, "int64", "offset"), *where)


@pytest.mark.parametrize("backend, op, dtype, where", cases(["random_uniform"], FLOAT, STREAMS))
def test_random_uniform_to_the_bit(
    backend: str, op: str, dtype: str, where: tuple[int, int]
) -> None:
    digits = 24 if dtype == "float32" else 53
    for count in COUNTS:
        bits = stream(count, *where) >> np.uint64(64 - digits)
        expected = bits.astype(np.float64) * 2.0**-digits
        check(backend, "random_uniform", Out(expected, dtype, "offset", ulps=0), *where)


@pytest.mark.parametrize("backend, op, dtype, where", cases(["random_normal"], FLOAT, STREAMS))
def test_random_normal(backend: str, op: str, dtype: str, where: tuple[int, int]) -> None:
    for count in COUNTS:
        bits = stream(2 * count, *where) >> np.uint64(11)
        u1 = (bits[0::2] + np.uint64(1)).astype(np.float64) * 2.0**-53
        u2 = bits[1::2].astype(np.float64) * 2.0**-53
        radius = np.sqrt(-2 * np.log(u1))
        expected = radius * np.cos(2 * np.pi * u2)
        # Near its zeros the cosine is as exact as its argument.
        scale = np.abs(expected) if dtype == "float32" else np.maximum(np.abs(expected), radius)
        check(backend, "random_normal", Out(expected, dtype, ulps=2, scale=scale), *where)


@pytest.mark.parametrize("backend, op", cases(["random_bits"]))
def test_two_halves_of_a_stream_are_the_whole(backend: str, op: str) -> None:
    whole = stream(100, 5, 0).view(np.int64)
    check(backend, "random_bits", Out(whole[40:], "int64"), 5, 20)


@pytest.mark.parametrize("backend, op", cases(["random_bits"]))
def test_a_two_dimensional_output_is_filled_in_row_major_order(backend: str, op: str) -> None:
    expected = stream(15, 3, 4).view(np.int64).reshape(3, 5)
    check(backend, "random_bits", Out(expected, "int64"), 3, 4)
