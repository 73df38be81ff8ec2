"""Pinned memory, and copies that are queued, over a backend that does nothing until it must."""

from __future__ import annotations

import warnings
import weakref
from collections import namedtuple
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import corex
from corex.backend import Backend, BackendDescriptor
from corex.plugins import hookimpl, manager
from corex.utils.data import DataLoader, TensorDataset


class Bytes(bytearray):
    """Pinned memory whose end can be watched."""


class Lazy(Backend):
    """The memory of `cpu_c`. Copies that may be queued wait for `synchronize` or a blocking one."""

    name = device_type = "lazy"

    def __init__(self) -> None:
        self.real = manager.backend("cpu_c")
        self.kernels = self.real.kernels
        self.queue: list[Callable[[], None]] = []
        self.pinned: list[Any] = []

    def device_count(self) -> int:
        return 2

    def allocate(self, nbytes: int, device: int, dtype: Any = None, shape: Any = None) -> Any:
        return self.real.allocate(nbytes, device)

    def nbytes(self, buffer: Any) -> int:
        return self.real.nbytes(buffer)

    def copy_from_host(self, buffer: Any, start: int, source: memoryview) -> None:
        self.synchronize(0)
        self.real.copy_from_host(buffer, start, source)

    def copy_to_host(self, buffer: Any, start: int, target: memoryview) -> None:
        self.synchronize(0)
        self.real.copy_to_host(buffer, start, target)

    def synchronize(self, device: int) -> None:
        while self.queue:
            self.queue.pop(0)()


class Pinning(Lazy):
    name = device_type = "pinning"

    def allocate_pinned(self, nbytes: int, device: int) -> memoryview:
        memory = Bytes(b"\xaa" * nbytes)
        self.pinned.append((weakref.ref(memory), device))
        return memoryview(memory)

    def copy_from_host_async(self, buffer: Any, start: int, source: memoryview) -> None:
        assert isinstance(source.obj, Bytes)
        self.queue.append(lambda: self.real.copy_from_host(buffer, start, source))

    def copy_to_host_async(self, buffer: Any, start: int, target: memoryview) -> None:
        assert isinstance(target.obj, Bytes)
        self.queue.append(lambda: self.real.copy_to_host(buffer, start, target))

    def select(self, op: str, dtypes: Any) -> Any:
        self.synchronize(0)
        return self.real.select(op, dtypes)


class Plugin:
    @hookimpl
    def corex_backends(self) -> list[BackendDescriptor]:
        return [
            BackendDescriptor("pinning", "pinning", lambda: None, Pinning, 1),
            BackendDescriptor("lazy", "lazy", lambda: None, Lazy),
        ]


@pytest.fixture
def there() -> Iterator[Pinning]:
    manager.register(Plugin(), "pinning")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", corex.FallbackWarning)
        yield manager.backend("pinning")
    manager.unregister("pinning")


def ramp(*shape: int) -> corex.Tensor:
    return corex.arange(corex.zeros(shape).numel(), dtype=corex.float32).reshape(shape)


# ---- pinning -----------------------------------------------------------------------------------
def test_a_pinned_copy(there: Pinning) -> None:
    x = ramp(2, 3)
    assert not x.is_pinned()
    y = x.pin_memory()
    assert y.is_pinned()
    assert y is not x
    assert y.device.type == "cpu"
    assert y.equal(x)
    assert y.pin_memory() is y
    assert not x.is_pinned()
    assert there.pinned[0][1] == 0
    assert x.pin_memory("pinning:1").equal(x)
    assert there.pinned[1][1] == 1


def test_views_of_pinned_memory_are_pinned(there: Pinning) -> None:
    y = ramp(4, 3).pin_memory()
    for view in (y[1:], y.t(), y.detach(), y.data, y.reshape(-1)):
        assert view.is_pinned()
    assert not y.clone().is_pinned()
    assert y.is_pinned("pinning")
    assert not y.is_pinned("lazy")


def test_the_layout_is_kept(there: Pinning) -> None:
    x = ramp(4, 3).t()
    assert x.pin_memory().stride() == x.stride()
    assert x.pin_memory().equal(x)
    assert ramp(4, 3)[:, 1].pin_memory().tolist() == ramp(4, 3)[:, 1].tolist()
    assert corex.zeros(0, 3).pin_memory().shape == (0, 3)
    assert corex.tensor(True).pin_memory().item() is True


def test_pinned_memory_lives_as_long_as_it_is_used(there: Pinning) -> None:
    y = ramp(3).pin_memory()
    watch = there.pinned[-1][0]
    part = y[1:].numpy()
    del y
    assert part.tolist() == [1, 2]
    assert watch() is not None
    del part
    assert watch() is None
    y = ramp(3).pin_memory()
    watch = there.pinned[-1][0]
    z = y.to("pinning", non_blocking=True)
    del y
    assert watch() is not None  # the queue holds it
    assert z.tolist() == [0, 1, 2]
    assert watch() is None


def test_pinning_is_differentiable(there: Pinning) -> None:
    x = ramp(3).requires_grad_()
    (x.pin_memory().to("pinning", non_blocking=True) * 2).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [2, 2, 2]


def test_what_cannot_be_pinned(there: Pinning) -> None:
    with pytest.raises(RuntimeError, match="only dense CPU tensors can be pinned"):
        ramp(3).to("pinning").pin_memory()
    with pytest.raises(RuntimeError, match="CPU device type not an accelerator"):
        ramp(3).pin_memory("cpu")
    with pytest.raises(RuntimeError, match="backend 'lazy' has no pinned memory for device 'lazy"):
        ramp(3).pin_memory("lazy")
    assert not ramp(3).to("pinning").is_pinned()


def test_without_an_accelerator() -> None:
    with pytest.raises(RuntimeError, match="Cannot access accelerator device when none is avail"):
        ramp(3).pin_memory()
    assert not ramp(3).is_pinned()


# ---- to the device -----------------------------------------------------------------------------
def test_a_copy_from_pinned_memory_is_queued(there: Pinning) -> None:
    x = ramp(2, 3).pin_memory()
    y = x[1].to("pinning", non_blocking=True)
    assert len(there.queue) == 1
    x.fill_(7)  # too early: the copy sees it
    assert y.tolist() == [7, 7, 7]


@pytest.mark.parametrize("non_blocking, pins", [(False, True), (True, False), (False, False)])
def test_any_other_copy_leaves_its_source_to_the_caller(
    there: Pinning, non_blocking: bool, pins: bool
) -> None:
    x = ramp(3).pin_memory() if pins else ramp(3)
    y = x.to("pinning", non_blocking=non_blocking)
    z = corex.zeros(3, device="pinning").copy_(x, non_blocking=non_blocking)
    x.fill_(7)
    assert y.tolist() == z.tolist() == [0, 1, 2]


def test_memory_pinned_for_another_device_is_no_help(there: Pinning) -> None:
    x = ramp(3).pin_memory()
    y = x.to("lazy", non_blocking=True)
    x.fill_(7)
    assert y.tolist() == [0, 1, 2]


def test_copy_over_a_tensor_is_queued(there: Pinning) -> None:
    x, y = ramp(3).pin_memory(), corex.zeros(6, device="pinning")
    there.synchronize(0)
    version = y._version
    y[2:5].copy_(x, non_blocking=True)
    assert len(there.queue) == 1
    assert y._version == version + 1
    assert y.tolist() == [0, 0, 0, 1, 2, 0]


def test_a_copy_that_converts_is_right_too(there: Pinning) -> None:
    x, y = ramp(3).pin_memory(), corex.zeros(2, 3, device="pinning", dtype=corex.int64)
    y.copy_(x, non_blocking=True)
    x.fill_(7)
    assert y.tolist() == [[0, 1, 2]] * 2
    z = ramp(3).pin_memory().to("pinning", corex.float64, non_blocking=True)
    assert z.dtype is corex.float64
    assert z.tolist() == [0, 1, 2]


def test_a_queued_copy_is_recorded_where_gradients_are(there: Pinning) -> None:
    x = ramp(3).pin_memory().requires_grad_()
    y = corex.zeros(3, device="pinning")
    y.copy_(x, non_blocking=True)
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [1, 1, 1]
    leaf = corex.zeros(3, device="pinning", requires_grad=True)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        leaf.copy_(ramp(3).pin_memory(), non_blocking=True)
    with corex.no_grad():
        leaf.copy_(ramp(3).pin_memory(), non_blocking=True)
    assert leaf.tolist() == [0, 1, 2]


# ---- to the host -------------------------------------------------------------------------------
def test_a_copy_to_the_host_is_queued_into_pinned_memory(there: Pinning) -> None:
    x = ramp(3).to("pinning")
    y = x.to("cpu", non_blocking=True)
    assert y.is_pinned()
    assert len(there.queue) == 1
    assert y.tolist() != [0, 1, 2]
    corex.accelerator.synchronize()
    assert y.tolist() == [0, 1, 2]
    assert x.cpu().tolist() == [0, 1, 2]


def test_what_is_converted_on_the_host_is_waited_for(there: Pinning) -> None:
    x = ramp(3).to("pinning")
    assert x.to("cpu", corex.int64, non_blocking=True).tolist() == [0, 1, 2]
    assert corex.zeros(3, dtype=corex.int64).pin_memory().copy_(
        x, non_blocking=True
    ).tolist() == [0, 1, 2]  # fmt: skip
    assert corex.zeros(3).copy_(x, non_blocking=True).tolist() == [0, 1, 2]


def test_copy_over_pinned_memory_is_queued(there: Pinning) -> None:
    x, y = ramp(3).to("pinning"), corex.zeros(2, 3).pin_memory()
    y[1].copy_(x, non_blocking=True)
    assert y.tolist() == [[0, 0, 0]] * 2
    corex.accelerator.synchronize()
    assert y.tolist() == [[0, 0, 0], [0, 1, 2]]


def test_a_device_without_such_memory_waits(there: Pinning) -> None:
    y = ramp(3).to("lazy", non_blocking=True).to("cpu", non_blocking=True)
    assert y.tolist() == [0, 1, 2]
    assert not y.is_pinned()


def test_a_queued_copy_is_told(there: Pinning) -> None:
    x = ramp(3).pin_memory()
    with corex.placement() as report:
        x.to("pinning", non_blocking=True)
    (row,) = [row for row in report.rows() if row.op == "transfer"]
    assert (row.calls, row.moved) == (1, 12)


# ---- arguments ---------------------------------------------------------------------------------
def test_flags_by_position_are_non_blocking_and_copy() -> None:
    x = ramp(3)
    assert x.to(corex.float32, True) is x
    assert x.to(corex.float32, False, True) is not x
    assert x.to("cpu", corex.float32, True, True) is not x


def test_the_features_are_named(there: Pinning) -> None:
    assert {"pinned_memory", "async_copies"} <= there.features
    assert not {"pinned_memory", "async_copies"} & manager.backend("lazy").features


# ---- DataLoader --------------------------------------------------------------------------------
Pair = namedtuple("Pair", "x y")


class Own:
    pinned = False

    def pin_memory(self) -> Own:
        self.pinned = True
        return self


def test_batches_come_in_pinned_memory(there: Pinning) -> None:
    data = TensorDataset(ramp(5, 2), corex.arange(5))
    loader = DataLoader(data, batch_size=2, pin_memory=True)
    batches = list(loader)
    assert all(t.is_pinned() for batch in batches for t in batch)
    assert corex.cat([batch[1] for batch in batches]).tolist() == [0, 1, 2, 3, 4]

    samples = [{"a": Pair(ramp(2), 1), "b": "text", "c": [Own()]}]
    (batch,) = DataLoader(samples, batch_size=None, pin_memory=True, collate_fn=lambda b: b)
    assert type(batch["a"]) is Pair
    assert batch["a"].x.is_pinned()
    assert (batch["a"].y, batch["b"], batch["c"][0].pinned) == (1, "text", True)
    assert not samples[0]["a"].x.is_pinned()


def test_who_pins_is_the_device_asked_for(there: Pinning) -> None:
    loader = DataLoader(TensorDataset(ramp(2)), pin_memory=True, pin_memory_device="pinning:1")
    next(iter(loader))
    assert there.pinned[-1][1] == 1


def test_batches_are_not_pinned_where_that_cannot_be(there: Pinning) -> None:
    loader = DataLoader(TensorDataset(ramp(2)), pin_memory=True, pin_memory_device="lazy")
    with pytest.warns(UserWarning, match="pin_memory.*device 'lazy' has none"):
        (batch, _) = list(loader)
    assert not batch[0].is_pinned()


def test_a_loader_without_an_accelerator_warns() -> None:
    loader = DataLoader(TensorDataset(ramp(2)), batch_size=2, pin_memory=True)
    with pytest.warns(UserWarning, match="'pin_memory' argument is set as true but no accelerator"):
        (batch,) = list(loader)
    assert not batch[0].is_pinned()
