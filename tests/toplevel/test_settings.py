"""Switches of the whole program: what they answer, and that they go back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import corex
from corex.backend import BackendDescriptor
from corex.plugins import hookimpl, manager
from tests.accelerator.test_accelerator import Plain


class Plugin:
    @hookimpl
    def corex_backends(self) -> list[BackendDescriptor]:
        return [BackendDescriptor("plain", "plain", lambda: None, Plain)]


@pytest.fixture
def toy_device() -> Iterator[str]:
    """A device type with two devices that do nothing but keep memory."""
    manager.register(Plugin(), "plain")
    yield "plain"
    corex.set_default_device(None)
    manager.unregister("plain")


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    corex.set_default_dtype(corex.float32)
    corex.set_default_device(None)
    corex.use_deterministic_algorithms(False)
    corex.set_float32_matmul_precision("highest")


def test_a_device_is_a_block(each_backend: str) -> None:
    with corex.device("cpu") as device:
        assert device == corex.device("cpu")
        assert corex.empty(2).backend == each_backend
        assert corex.get_default_device() == device
    with pytest.raises(RuntimeError, match="nowhere"), corex.device("nowhere"):
        pass


def test_a_block_of_another_device(toy_device: str) -> None:
    here = corex.get_backend()
    with corex.device(toy_device):
        assert corex.empty(2).device.type == toy_device
        with corex.device("cpu"):
            assert corex.empty(2).device.type == "cpu"
        assert corex.empty(2).device.type == toy_device
    assert corex.empty(2).backend == here


def test_a_numbered_device(toy_device: str) -> None:
    with corex.device(toy_device, 1) as device:
        assert corex.empty(2).device == device
    with corex.device(toy_device):
        assert corex.empty(2).device.index == 0


def test_the_default_device(toy_device: str) -> None:
    here = corex.get_backend()
    corex.set_default_device(toy_device)
    assert corex.empty(2).device == corex.get_default_device()
    assert corex.get_default_device().type == toy_device
    with corex.use_backend(here):
        assert corex.empty(2).backend == here
        corex.set_default_device(None)  # in a block, which goes on
        assert corex.empty(2).backend == here
    assert corex.get_backend() == here
    corex.set_default_device(toy_device)
    with pytest.raises(RuntimeError, match="nowhere"):
        corex.set_default_device("nowhere")


def test_default_tensor_type() -> None:
    for given in (corex.DoubleTensor, "corex.DoubleTensor"):
        corex.set_default_dtype(corex.float32)
        with pytest.warns(UserWarning, match="deprecated"):
            corex.set_default_tensor_type(given)
        assert corex.ones(1).dtype is corex.float64
    for given, text in ((corex.LongTensor, "only floating"), (corex.float32, "invalid type")):
        with pytest.warns(UserWarning, match="deprecated"), pytest.raises(TypeError, match=text):
            corex.set_default_tensor_type(given)


def test_deterministic_modes() -> None:
    for mode, name in enumerate(("default", "warn", "error")):
        for given in (mode, name):
            corex.set_deterministic_debug_mode(given)
            assert corex.get_deterministic_debug_mode() == mode
            assert corex.are_deterministic_algorithms_enabled() == (mode > 0)
            assert corex.is_deterministic_algorithms_warn_only_enabled() == (mode == 1)
    corex.use_deterministic_algorithms(True, warn_only=True)
    assert corex.get_deterministic_debug_mode() == 1
    wrong: list[tuple[Any, Any]] = [(7, RuntimeError), ("all", RuntimeError), ([], TypeError)]
    for given, error in wrong:
        with pytest.raises(error):
            corex.set_deterministic_debug_mode(given)
    with pytest.raises(TypeError):
        corex.use_deterministic_algorithms(3)  # type: ignore[arg-type]


def test_matmul_precision() -> None:
    corex.set_float32_matmul_precision("high")
    with pytest.warns(UserWarning, match="no effect"):
        corex.set_float32_matmul_precision("low")
    assert corex.get_float32_matmul_precision() == "high"


def test_subnormal_numbers_stay() -> None:
    assert corex.set_flush_denormal(True) is False
    assert (corex.tensor([1e-40]) * 1.0).item() > 0
    with pytest.raises(TypeError):
        corex.set_flush_denormal(1)


def test_anomaly_mode() -> None:
    corex.set_anomaly_enabled(True, False)
    assert (corex.is_anomaly_enabled(), corex.is_anomaly_check_nan_enabled()) == (True, False)
    corex.set_anomaly_enabled(False)
    assert (corex.is_anomaly_enabled(), corex.is_anomaly_check_nan_enabled()) == (False, True)


def test_names_of_types() -> None:
    assert corex.typename(corex.ones(1, dtype=corex.int64)) == "corex.LongTensor"
    assert corex.typename(corex.nn.Linear(1, 1)) == "corex.nn.modules.linear.Linear"
    assert corex.typename(corex.nn.Linear) == "corex.nn.modules.linear.Linear"


def test_sizes() -> None:
    with pytest.raises(RuntimeError, match=r"9 between \[1, 5\]"):
        corex.sym_constrain_range(9, min=1, max=5)
    with pytest.raises(AssertionError):
        corex.sym_max("a", 1)
    with pytest.raises(AssertionError):
        corex.sym_ite(True, 1, 2.0)


def test_warnings_are_asked_for_each_time() -> None:
    assert not corex.is_warn_always_enabled()
    corex.set_warn_always(True)
    assert corex.is_warn_always_enabled()
    corex.set_warn_always(False)
    with pytest.raises(RuntimeError, match="expects a bool, but got int"):
        corex.set_warn_always(1)
