"""The suite's own formulas, where somebody has published the answers."""

from __future__ import annotations

import numpy as np
import pytest

from corex.testing.arrays import Array
from corex.testing.specs.create import philox, stream

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
def test_philox_gives_the_published_answers(counter: str, key: str, result: str) -> None:
    def words(text: str) -> list[Array]:
        return [np.array([int(word, 16)], np.uint64) for word in text.split()]

    found = philox(words(counter), words(key))
    assert [int(w[0]) for w in found] == [int(w[0]) for w in words(result)]


def test_the_stream_begins_with_the_published_block() -> None:
    assert stream(2, 0, 0).tolist() == [0xE169C58D6627E8D5, 0x9B00DBD8BC57AC4C]
