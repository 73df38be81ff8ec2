"""A backend with memory and no kernel runs corex programs; a plugin can replace any one kernel."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import pytest

import corex
from corex.backend import Backend, BackendDescriptor, KernelChoice, View
from corex.plugins import hookimpl, manager


class Memory(Backend):
    name = "memory"
    device_type = "memory"

    def allocate(
        self, nbytes: int, device: int, dtype: object = None, shape: object = None
    ) -> bytearray:
        return bytearray(nbytes)

    def nbytes(self, buffer: bytearray) -> int:
        return len(buffer)

    def copy_from_host(self, buffer: bytearray, start: int, source: memoryview) -> None:
        buffer[start : start + source.nbytes] = source

    def copy_to_host(self, buffer: bytearray, start: int, target: memoryview) -> None:
        target[:] = memoryview(buffer)[start : start + target.nbytes]


class MemoryPlugin:
    @hookimpl
    def corex_backends(self) -> list[BackendDescriptor]:
        return [BackendDescriptor("memory", "memory", lambda: None, Memory)]


class Override:
    """Puts a kernel that writes 42 before a backend's own `exp`."""

    def __init__(self, backend: str) -> None:
        self.fill = manager.backend(backend).kernels["fill"]

    @hookimpl
    def corex_select_kernel(self, op: str) -> KernelChoice | None:
        return KernelChoice(self.kernel) if op == "exp" else None

    def kernel(self, out: View, a: View) -> None:
        self.fill(out, 42)


@pytest.fixture
def memory() -> Iterator[str]:
    manager.register(MemoryPlugin(), "memory")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", corex.FallbackWarning)
        yield "memory"
    manager.unregister("memory")


def train(device: str) -> tuple[list[float], list[float]]:
    x = corex.arange(12, dtype=corex.float64, device=device).reshape(4, 3) / 10
    weight = (
        corex.arange(6, dtype=corex.float64, device=device).reshape(3, 2) / 7
    ).requires_grad_()
    losses = []
    for _ in range(3):
        loss = (corex.softmax((x @ weight).exp(), 1)[1:, ::2] ** 2).sum()
        (gradient,) = corex.autograd.grad(loss, weight)
        with corex.no_grad():
            weight -= gradient.T.contiguous().T
        losses.append(loss.item())
    return losses, weight.flatten().tolist()


@pytest.mark.usefixtures("memory")
def test_memory_alone_is_enough_to_train() -> None:
    with corex.placement() as report:
        losses, weight = train("memory")
    expected_losses, expected_weight = train("cpu")
    assert losses == pytest.approx(expected_losses)
    assert weight == pytest.approx(expected_weight)
    assert "native" not in {placed.how for placed in report.counts if placed.backend == "memory"}


@pytest.mark.usefixtures("memory")
def test_strict_mode_refuses_the_fallback() -> None:
    a = corex.tensor([1.0, 2.0], device="memory")
    corex.set_strict(True)
    try:
        assert corex.is_strict()
        with pytest.raises(corex.KernelUnavailableError, match=r"\[exp\].*strict mode"):
            a.exp()
    finally:
        corex.set_strict(False)
    assert a.exp().tolist() == pytest.approx([2.718281828, 7.389056099])


@pytest.mark.usefixtures("memory")
def test_the_fallback_keeps_dtype_device_and_graph() -> None:
    a = corex.tensor([1, 2], device="memory")
    assert (a + a).dtype is corex.int64
    assert (a + a).device.type == "memory"
    weight = corex.ones(2, device="memory", requires_grad=True)
    result = (weight * a).sum()
    assert result.requires_grad
    result.backward()
    assert weight.grad is not None
    assert weight.grad.device.type == "memory"
    assert weight.grad.tolist() == [1.0, 2.0]


def test_an_override_acts_at_once_and_until_it_is_removed(each_backend: str) -> None:
    a = corex.zeros(3)
    assert a.exp().tolist() == [1, 1, 1]
    override = Override(each_backend)
    manager.register(override, "override")
    try:
        assert a.exp().tolist() == [42, 42, 42]
        assert corex.zeros(2, 2).T.exp().tolist() == [[42, 42], [42, 42]]
    finally:
        manager.unregister(override)
    assert a.exp().tolist() == [1, 1, 1]
