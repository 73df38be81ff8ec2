"""Normalising rows: softmax, layer_norm, and the losses made of them, at three row lengths."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.case import Case, Names, floats

LENGTHS = (1000, 64, 10)


def rows(length: int) -> Callable[[Any], Names]:
    """About half a million numbers in rows, weights for the columns, a class for each row."""
    count = 500_000 // length

    def setup(lib: Any) -> Names:
        classes = np.random.default_rng(length).integers(0, length, count)
        return {
            "x": lib.tensor(floats(count, length, seed=1, low=-4, high=4)),
            "w": lib.tensor(floats(length, seed=2)),
            "b": lib.tensor(floats(length, seed=3)),
            "classes": lib.tensor(classes),
            "functional": lib.nn.functional,
            "shape": (length,),
        }

    return setup


STATEMENTS = {
    "softmax": "functional.softmax(x, 1)",
    "log_softmax": "functional.log_softmax(x, 1)",
    "layer_norm": "functional.layer_norm(x, shape, w, b)",
    "cross_entropy": "functional.cross_entropy(x, classes)",
}

CASES = [
    Case(f"rows/{name}_{length}", rows(length), statement)
    for name, statement in STATEMENTS.items()
    for length in LENGTHS
]
