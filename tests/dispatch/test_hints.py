"""What `allocate` is told of the tensor that is to live in the memory."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest

import corex
from corex.backend import Backend, BackendDescriptor
from corex.plugins import hookimpl, manager

Hint = tuple[int, Any, Any]


class Told(Backend):
    """The memory of `cpu_c`, and a list of what it was asked for."""

    name = "told"
    device_type = "told"

    def __init__(self) -> None:
        self.real = manager.backend("cpu_c")
        self.kernels = self.real.kernels
        self.hints: list[Hint] = []
        self.nbytes = self.real.nbytes  # type: ignore[method-assign]
        self.copy_from_host = self.real.copy_from_host  # type: ignore[method-assign]
        self.copy_to_host = self.real.copy_to_host  # type: ignore[method-assign]

    def allocate(self, nbytes: int, device: int, dtype: Any = None, shape: Any = None) -> Any:
        self.hints.append((nbytes, dtype, shape))
        return self.real.allocate(nbytes, device)


class Plugin:
    @hookimpl
    def corex_backends(self) -> list[BackendDescriptor]:
        return [BackendDescriptor("told", "told", lambda: None, Told)]


@pytest.fixture
def told() -> Iterator[Told]:
    plugin = Plugin()
    manager.register(plugin, "told")
    yield manager.backend("told")
    manager.unregister("told")


def test_a_result_says_its_dtype_and_shape(told: Told) -> None:
    a = corex.zeros(2, 3, device="told")
    b = corex.tensor([1, 2, 3], device="told")
    told.hints.clear()
    a + b
    assert told.hints[-1] == (24, corex.float32, (2, 3))
    told.hints.clear()
    a.argmax()
    assert told.hints[-1] == (8, corex.int64, ())


def test_the_shape_is_that_of_the_rows_in_memory(told: Told) -> None:
    a = corex.zeros(2, 3, 4, device="told")
    told.hints.clear()
    a.permute(2, 0, 1).exp()
    assert told.hints[-1] == (96, corex.float32, (2, 3, 4))
    corex.empty_strided((2, 2), (4, 1), device="told")
    assert told.hints[-1] == (24, corex.float32, (6,))


def test_a_hint_never_contradicts_the_size(told: Told) -> None:
    x = corex.rand(4, 5, device="told").requires_grad_()
    w = corex.rand(3, 5, device="told").requires_grad_()
    loss = corex.nn.functional.cross_entropy(
        x @ w.t().relu(), corex.tensor([0, 1, 2, 0], device="told")
    )
    loss.backward()
    x.detach().sort(dim=1).values.bool().nonzero()
    assert len(told.hints) > 10
    for nbytes, dtype, shape in told.hints:
        if dtype is not None and shape is not None:
            assert nbytes == dtype.itemsize * math.prod(shape)
    assert sum(shape is not None for _, _, shape in told.hints) > 10


def test_who_does_not_say_how_large_a_buffer_is_is_told_so() -> None:
    class Silent(Backend):
        name = device_type = "silent"

    with pytest.raises(NotImplementedError):
        Silent().nbytes(bytearray(4))
