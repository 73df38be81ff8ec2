"""Errors about backends and plugins name what was meant, and keep what was behind them."""

from __future__ import annotations

import pytest

import corex
from corex.backend import KernelChoice
from corex.errors import BackendUnavailableError, PluginError
from corex.plugins import PluginManager
from tests.plugins.test_faults import HEAD
from tests.plugins.test_manager import Toy, ToyPlugin
from tests.plugins.world import World


def refuse() -> Toy:
    raise OSError("no such device node")


def test_the_cause_is_kept_when_asked_by_device_type() -> None:
    manager = PluginManager()
    manager.register(ToyPlugin(factory=refuse), "toy")
    with pytest.warns(RuntimeWarning), pytest.raises(BackendUnavailableError) as raised:
        manager.backend_for_device_type("toy")
    assert isinstance(raised.value.__cause__, OSError)
    with pytest.raises(BackendUnavailableError, match="no such device node") as raised:
        manager.backend_for_device_type("toy")
    assert isinstance(raised.value.__cause__, OSError)


def test_an_unknown_device_type_names_the_near_one_and_where_to_look(world: World) -> None:
    world.good("alpha", device_type="gpu")
    world.install("unrelated", HEAD + "raise ValueError('of no interest')")
    world.install("npu_driver", HEAD + "import no_such_driver")
    manager = PluginManager()
    with pytest.raises(BackendUnavailableError) as raised:
        manager.backend_for_device_type("gpux")
    assert "known: " in str(raised.value)
    assert "(did you mean gpu?)" in str(raised.value)
    assert str(raised.value).endswith("`corex backends` shows what is installed")
    assert "interest" not in str(raised.value)
    with pytest.raises(BackendUnavailableError, match="'npu_driver'.*no_such_driver") as raised:
        manager.backend_for_device_type("npu")
    assert isinstance(raised.value.__cause__, ModuleNotFoundError)


def test_an_unknown_backend_names_the_near_one() -> None:
    manager = PluginManager()
    manager.register(ToyPlugin(), "toy")
    with pytest.raises(BackendUnavailableError, match=r"\(did you mean toy\?\)"):
        manager.backend("toi")


def test_the_name_of_a_backend_in_place_of_a_device_is_understood() -> None:
    with pytest.raises(BackendUnavailableError, match="say backend='reference_py' instead"):
        corex.ones(2).to("reference_py")


def test_a_misspelt_hook_is_told_the_right_one(world: World) -> None:
    world.install("broken", HEAD + "@hookimpl\ndef corex_backend(): return []")
    [fault] = [fault for fault in PluginManager().faults() if fault.plugin == "broken"]
    assert "unknown hook 'corex_backend' (did you mean corex_backends?)" in fault.summary()
    assert "corex_select_kernel" in fault.summary()


def test_a_select_that_raises_is_named_by_file_line_and_function() -> None:
    class Odd(Toy):
        def select(self, op: str, dtypes: object) -> KernelChoice | None:
            return self._table()[op]

        def _table(self) -> dict[str, KernelChoice]:
            raise KeyError("table")

    manager = PluginManager()
    manager.register(ToyPlugin(factory=Odd), "toy")
    with pytest.raises(PluginError, match=rf"KeyError: 'table' \(at {__file__}:\d+ in _table\)"):
        manager.select_kernel("toy", "neg", ())
