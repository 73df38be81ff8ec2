"""No function takes more memory than its arguments and result explain.

Every sample call runs on cpu_c, which counts all that tensors and kernels allocate, with dims of
some dozen elements and again with twice as many. What it takes at its peak may be some times what
arguments and result hold, but grows as they do: a difference of all pairs, say, would show.
"""

from __future__ import annotations

import gc
import warnings
from typing import Any, Final

import pytest

import corex
from tests.sweeps.arguments import Sizes
from tests.sweeps.calls import CALLS, Call, build, invoke, tensors_of

pytestmark = pytest.mark.full

SMALL: Final[Sizes] = {
    "M": 24, "N": 32, "K": 40, "Q": 32, "B": 6, "L": 8, "H": 10, "W": 12, "C": 8, "I": 6, "J": 4,
}  # fmt: skip
GROWTH: Final = 1.3
"""By how much more than arguments and result the memory may grow: sizes are rounded up to pages."""
CONSTANT: Final = 1 << 16
"""What a call may take whatever its sizes are: tables, the lists of counts."""

KNOWN: Final = {
    "multilabel_margin_loss": "looks at all pairs of classes, as its docstring says",
    "embedding_bag": "gathers all rows that are named before it adds them up",
    "conv2d": "of integers goes by way of all patches; that of floats takes blocks of them",
    "cdist": "takes blocks of differences of a fixed size, larger than these tensors",
}


def _held(value: Any) -> int:
    """Bytes of all tensors in a value."""
    return sum([t.nbytes for t in tensors_of(value) if isinstance(t, corex.Tensor)])


def _taken(call: Call, sizes: Sizes) -> tuple[int, int]:
    """The most bytes that a call had allocated, and those of arguments and result."""
    built = build(call, corex, sizes=sizes)
    backend = corex.ones(1).key.place.backend
    gc.collect()
    stats = backend.memory_stats(0)
    room = stats["peak_allocated_bytes"] - stats["allocated_bytes"]
    ballast = corex.empty(max(room, 1), dtype=corex.uint8)  # up to here the peak is an older one
    before = backend.memory_stats(0)["allocated_bytes"]
    result = invoke(call, corex, built)
    peak = backend.memory_stats(0)["peak_allocated_bytes"] - before
    del ballast
    return peak, max(_held(list(built.tensors.values())), _held(result))


def _scaled(sizes: Sizes) -> Sizes:
    return {letter: 2 * size for letter, size in sizes.items()}


def test_the_memory_of_every_call_grows_as_its_tensors_do() -> None:
    wrong, looked = [], 0
    with corex.use_backend("cpu_c"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for call in CALLS:
            try:
                (less, small), (more, large) = _taken(call, SMALL), _taken(call, _scaled(SMALL))
            except (RuntimeError, ValueError, IndexError):
                continue  # numbers in the call that fit the usual sizes alone
            looked += 1
            allowed = GROWTH * less * max(large / max(small, 1), 1) + CONSTANT
            if more > allowed and call.name not in KNOWN:
                wrong.append(f"{call.text}: {less} bytes for {small}, {more} for {large}")
    assert not wrong, "\n".join(wrong)
    assert looked > 0.8 * len(CALLS)
