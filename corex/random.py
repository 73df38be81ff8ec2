"""The default generators: their seeds and states, as in `torch.random`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import corex
from corex import (
    default_generator,
    get_rng_state,
    initial_seed,
    manual_seed,
    seed,
    set_rng_state,
)

__all__ = [
    "default_generator",
    "fork_rng",
    "get_rng_state",
    "initial_seed",
    "manual_seed",
    "seed",
    "set_rng_state",
]


@contextmanager
def fork_rng(
    devices: Iterable[Any] | None = None,
    enabled: bool = True,
    _caller: str = "fork_rng",
    _devices_kw: str = "devices",
    device_type: str = "cuda",
) -> Iterator[None]:
    """Within it random numbers are drawn as anywhere; after it the generators are as before.

    One generator serves all devices here, so that which devices are named makes no difference.

    Args:
        devices: accepted for PyTorch's sake.
        enabled: False makes it do nothing.
        device_type: accepted, as `devices`.
    """
    if not enabled:
        yield
        return
    state = corex.get_rng_state()
    try:
        yield
    finally:
        corex.set_rng_state(state)
