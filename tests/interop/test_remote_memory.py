"""What the host cannot see: a backend without host views, as an accelerator is one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
import pluggy
import pytest

import corex
from corex.backend import BackendDescriptor
from corex.plugins import manager

hookimpl = pluggy.HookimplMarker("corex")


class RemotePlugin:
    @hookimpl
    def corex_backends(self) -> list[BackendDescriptor]:
        from corex_reference_py.backend import ReferenceBackend

        class RemoteBackend(ReferenceBackend):
            name: ClassVar[str] = "remote"
            device_type: ClassVar[str] = "remote"

            def host_view(self, buffer: object) -> None:
                return None

            def wrap_host(self, data: memoryview) -> None:
                return None

        return [BackendDescriptor("remote", "remote", lambda: None, RemoteBackend)]


@pytest.fixture(autouse=True)
def remote() -> Iterator[None]:
    manager.register(RemotePlugin(), "remote")
    yield
    manager.unregister("remote")


def test_creation_there() -> None:
    for t, values in (
        (corex.tensor([[1, 2]], device="remote"), [[1, 2]]),
        (corex.tensor(2.5, device="remote:0"), 2.5),
        (corex.tensor(np.arange(4.0)[::2], device="remote"), [0.0, 2.0]),
        (corex.as_tensor(np.ones(2), device="remote"), [1.0, 1.0]),
        (corex.arange(3, device="remote"), [0, 1, 2]),
        (corex.linspace(0, 1, 3, backend="remote"), [0.0, 0.5, 1.0]),
        (corex.eye(2, device="remote").triu(1), [[0.0, 0.0], [0.0, 0.0]]),
        (corex.zeros_like(corex.ones(2), device="remote"), [0.0, 0.0]),
        (corex.ones(1, device="remote").new_tensor([3, 4]), [3.0, 4.0]),
    ):
        assert t.device == corex.device("remote:0")
        assert t.tolist() == values
    assert corex.from_numpy(np.ones(2)).device == corex.device("cpu")
    assert corex.zeros_like(corex.ones(2, device="remote"), device="cpu").device.type == "cpu"


def test_reading_from_there() -> None:
    t = corex.arange(12.0, device="remote").reshape(3, 4)
    assert t.t().tolist() == np.arange(12.0).reshape(3, 4).T.tolist()
    assert t.select(0, 2).select(0, 1).item() == 9.0
    assert float(t.select(0, 1).narrow(0, 2, 1)) == 6.0
    assert np.array_equal(t.t().numpy(force=True), np.arange(12.0).reshape(3, 4).T)
    assert corex.zeros(2, 0, device="remote").tolist() == [[], []]
    for convert in (corex.Tensor.numpy, np.asarray):
        with pytest.raises(TypeError, match=r"can't convert remote:0 device type tensor to numpy"):
            convert(t)


def test_showing_it() -> None:
    assert repr(corex.ones(2, device="remote")) == "tensor([1., 1.], device='remote:0')"
    assert repr(corex.arange(3000, device="remote")) == (
        "tensor([   0,    1,    2,  ..., 2997, 2998, 2999], device='remote:0')"
    )
    assert repr(corex.zeros(0, dtype=corex.int32, device="remote")) == (
        "tensor([], device='remote:0', dtype=corex.int32)"
    )
