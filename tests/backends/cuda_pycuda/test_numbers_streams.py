"""Numbers of Python as operands, where there are several streams."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

import corex


@pytest.fixture
def deferred(simulated: ModuleType, device: Any) -> Iterator[None]:
    """Work waits until somebody waits for it; of two streams, the later one runs first."""
    before = simulated.set_deferred(True)
    simulated.set_order("descending")
    yield
    device.synchronize()
    simulated.set_order("ascending")
    simulated.set_deferred(before)


@pytest.mark.usefixtures("deferred")
@pytest.mark.parametrize("dtype", [corex.float32, corex.int64], ids=["float32", "int64"])
def test_a_number_that_two_streams_use(device: Any, dtype: Any) -> None:
    """The program orders its own tensors, and knows of no other."""
    value = 3 + device.allocator.stats()["allocations"]  # not in use by another test
    x = corex.zeros(100, 2, dtype=dtype, device="cuda")[:, 0]  # strided: no short cut
    device.synchronize()
    second = corex.cuda.Stream()
    first = x + value
    with corex.cuda.stream(second):
        other = x + value
    corex.cuda.synchronize()
    assert first.tolist() == [value] * 100
    assert other.tolist() == [value] * 100
