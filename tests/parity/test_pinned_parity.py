"""Pinning without an accelerator, and what the flags of `to` mean, as PyTorch has it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import corex

torch = pytest.importorskip("torch")
pytestmark = [
    pytest.mark.parity,
    pytest.mark.skipif(torch.accelerator.is_available(), reason="PyTorch has an accelerator"),
]

CALLS: dict[str, Callable[[Any], Any]] = {
    "pin": lambda lib: lib.ones(3).pin_memory(),
    "pin for the CPU": lambda lib: lib.ones(3).pin_memory("cpu"),
    "is pinned": lambda lib: lib.ones(3).is_pinned(),
    "to, non-blocking": lambda lib: lib.ones(3).to("cpu", non_blocking=True).tolist(),
    "flags of to, dtype": lambda lib: [
        (t := lib.ones(3)).to(lib.float32, *flags) is t
        for flags in ((), (True,), (False, True), (True, True))
    ],
    "flags of to, device": lambda lib: [
        (t := lib.ones(3)).to("cpu", lib.float32, *flags) is t
        for flags in ((), (True,), (False, True))
    ],
    "copy": lambda lib: lib.zeros(2, 3).copy_(lib.ones(3), non_blocking=True).tolist(),
    "copy, by position": lambda lib: lib.zeros(3).copy_(lib.ones(3), True).tolist(),
}


def outcome(call: Callable[[Any], Any], lib: Any) -> tuple[Any, str]:
    try:
        return call(lib), ""
    except RuntimeError as error:
        return RuntimeError, str(error)


@pytest.mark.filterwarnings("ignore:The argument 'device' of Tensor.pin_memory")
@pytest.mark.parametrize("name", CALLS)
def test_as_pytorch(name: str) -> None:
    ours, theirs = outcome(CALLS[name], corex), outcome(CALLS[name], torch)
    assert ours[0] == theirs[0]
    assert ours[1].startswith(theirs[1])
