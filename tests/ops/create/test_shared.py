"""Memory that processes share, and that streams use."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import pytest

import corex


def test_forked_processes_share_it(each_backend: str) -> None:
    base = corex.arange(6.0)
    view = base.view(2, 3)[1]
    assert not base.is_shared()
    assert view.share_memory_() is view
    assert [t.is_shared() for t in (base, view, base.clone())] == [True, True, False]
    assert base.tolist() == [0, 1, 2, 3, 4, 5]
    address = base.data_ptr()
    assert base.share_memory_().data_ptr() == address
    child = os.fork()
    if not child:
        view.mul_(2)
        os._exit(0)
    os.waitpid(child, 0)
    assert base.tolist() == [0, 1, 2, 6, 8, 10]
    assert (base + 1).sum().item() == 33


def test_gradients_and_empty_tensors(each_backend: str) -> None:
    x = corex.ones(3, requires_grad=True)
    y = (x * 2).share_memory_()
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [2, 2, 2]
    assert corex.empty(0).share_memory_().is_shared()


def test_streams_are_noted(each_backend: str) -> None:
    x = corex.ones(3)
    with pytest.raises(NotImplementedError, match="'CPU' backend"):
        x.record_stream(corex.Stream())
    used: list[Any] = []
    device = SimpleNamespace(type="toy")
    toy = SimpleNamespace(
        storage_=SimpleNamespace(buffer=SimpleNamespace(use=used.append)),
        key=SimpleNamespace(place=SimpleNamespace(device=device)),
    )
    corex.Tensor.record_stream(toy, SimpleNamespace(_raw="raw"))
    assert used == ["raw"]
    assert corex.Tensor.is_shared(toy)
