"""Loading, precedence, run-time registration, and kernel overrides."""

from __future__ import annotations

import threading
from typing import ClassVar

import pluggy
import pytest

from corex import dtypes
from corex.backend import Backend, BackendDescriptor, KernelChoice
from corex.errors import BackendUnavailableError, PluginError
from corex.plugins import PluginManager
from tests.plugins.world import World

hookimpl = pluggy.HookimplMarker("corex")


def kernel(*_views: object) -> None:
    pass


class Toy(Backend):
    name = "toy"
    device_type = "toy"
    kernels: ClassVar = {"neg": kernel}


class ToyPlugin:
    def __init__(self, **fields: object) -> None:
        self.fields = {
            "name": "toy",
            "device_type": "toy",
            "probe": lambda: None,
            "factory": Toy,
            **fields,
        }

    @hookimpl
    def corex_backends(self) -> list[BackendDescriptor]:
        return [BackendDescriptor(**self.fields)]  # type: ignore[arg-type]


class Faster:
    """Overrides `neg` of the toy backend."""

    def __init__(self, priority: int = 0) -> None:
        self.corex_priority = priority
        self.choice = KernelChoice(lambda *views: None)

    @hookimpl
    def corex_select_kernel(self, backend: str, op: str) -> KernelChoice | None:
        return self.choice if (backend, op) == ("toy", "neg") else None


def test_nothing_is_loaded_before_it_is_needed(world: World) -> None:
    world.good("alpha")
    output = world.run("""
        import sys
        import corex
        from corex.plugins import manager
        print("alpha_plugin" in sys.modules)
        manager.descriptors()
        print("alpha_plugin" in sys.modules, sys.modules["alpha_plugin"].Memory.made)
        manager.backend("alpha"), manager.backend("alpha")
        print(sys.modules["alpha_plugin"].Memory.made)
    """)
    assert output.split() == ["False", "True", "0", "1"]


def test_precedence_is_priority_then_name(world: World) -> None:
    for name, priority in (("b", 300), ("c", 400), ("a", 300), ("d", -400)):
        world.good(name, priority)
    names = list(PluginManager().descriptors())
    assert names[:3] == ["c", "a", "b"]
    assert names[-1] == "d"


def test_the_default_is_the_first_usable_cpu_backend(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.good("gpu", 900, device_type="gpu")
    world.good("first", 500)
    world.good("second", 400)
    world.install("absent", GONE)
    manager = PluginManager()
    assert next(iter(manager.descriptors())) == "absent"
    assert manager.default_backend_name() == "first"
    assert manager.backend_for_device_type("gpu") == "gpu"
    monkeypatch.setenv("COREX_BACKEND", "second")
    assert manager.default_backend_name() == "second"
    monkeypatch.setenv("COREX_BACKEND", "third")
    with pytest.raises(BackendUnavailableError, match=r"COREX_BACKEND=third: .*'third'.*second"):
        manager.default_backend_name()
    monkeypatch.setenv("COREX_BACKEND", "absent")
    with pytest.raises(BackendUnavailableError, match="no driver here"):
        manager.default_backend_name()
    with pytest.raises(BackendUnavailableError, match="device type 'tpu'; known: .*gpu"):
        manager.backend_for_device_type("tpu")
    with pytest.raises(BackendUnavailableError, match=r"'odd' is available: absent \(no driver"):
        manager.backend_for_device_type("odd")


GONE = """
    import pluggy
    from corex.backend import Backend, BackendDescriptor
    @pluggy.HookimplMarker("corex")
    def corex_backends():
        return [BackendDescriptor("absent", "odd", lambda: "no driver here", Backend, 999)]
"""


def test_a_default_that_fails_to_start_is_passed_over_with_a_warning() -> None:
    manager = PluginManager()
    manager.register(ToyPlugin(), "works")
    manager.register(ToyPlugin(name="liar", factory=lambda: None, priority=1), "liar")
    with pytest.warns(RuntimeWarning, match="'liar' is not available: it failed to start"):
        assert manager.backend_for_device_type("toy") == "toy"
    assert manager.backend_for_device_type("toy") == "toy"


def test_disabled_plugins_are_not_imported(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.good("alpha")
    world.install("boom", "raise SystemError('imported')")
    monkeypatch.setenv("COREX_DISABLE", "alpha, boom,toy")
    manager = PluginManager()
    assert "alpha" not in manager.descriptors()
    assert "boom" not in {fault.plugin for fault in manager.faults()}
    assert manager.disabled() == {"alpha", "boom", "toy"}
    with pytest.raises(BackendUnavailableError, match="disabled by COREX_DISABLE"):
        manager.backend("alpha")
    assert manager.register(ToyPlugin(), "toy") is None
    assert manager.register(ToyPlugin(), "other") == "other"
    assert "toy" not in manager.descriptors()


def test_registering_and_unregistering_at_run_time() -> None:
    manager = PluginManager()
    manager.load()
    changes: list[list[str]] = []
    manager.on_change(lambda: changes.append(list(manager.descriptors())))
    plugin = ToyPlugin()
    assert manager.register(plugin) == "ToyPlugin"
    backend = manager.backend("toy")
    assert manager.backend("toy") is backend
    assert manager.select_kernel("toy", "neg", (dtypes.float32,) * 2) == KernelChoice(kernel)
    manager.unregister(plugin)
    assert ["toy" in names for names in changes] == [True, False]
    with pytest.raises(BackendUnavailableError, match="no plugin brings it; known backends: "):
        manager.backend("toy")
    with pytest.raises(PluginError, match="not registered"):
        manager.unregister(plugin)
    manager.register(plugin)
    assert manager.backend("toy") is not backend


def test_unregistering_the_owner_lets_the_next_one_in() -> None:
    manager = PluginManager()
    manager.register(ToyPlugin(), "low")
    low = manager.backend("toy")
    manager.register(ToyPlugin(priority=1), "high")
    assert manager.backend("toy") is not low
    assert [(f.plugin, f.stage) for f in manager.faults() if f.backend == "toy"] == [
        ("low", "duplicate")
    ]
    manager.unregister("high")
    assert manager.unavailable_reason("toy") is None
    assert not [fault for fault in manager.faults() if fault.backend == "toy"]


@pytest.mark.parametrize(
    ("plugin", "message"),
    [
        (ToyPlugin, "names the class ToyPlugin"),
        (object(), "implements no hook"),
        (ToyPlugin(api_version=99), "API version 99"),
        (ToyPlugin(name=""), "non-empty str"),
        (ToyPlugin(factory=None), "factory must be callable"),
        (ToyPlugin(priority="first"), "priority must be an int"),
        (None, "is a module or an instance"),
    ],
)
def test_registering_a_broken_plugin_raises_and_leaves_no_trace(
    plugin: object, message: str
) -> None:
    manager = PluginManager()
    before = manager.plugins(), manager.descriptors(), manager.faults()
    for _ in range(2):
        with pytest.raises(PluginError, match=message):
            manager.register(plugin, "broken")
    assert (manager.plugins(), manager.descriptors(), manager.faults()) == before


def test_a_plugin_is_registered_once() -> None:
    manager = PluginManager()
    plugin = ToyPlugin()
    manager.register(plugin, "one")
    with pytest.raises(PluginError, match="already registered, as 'one'"):
        manager.register(plugin, "two")
    with pytest.raises(PluginError, match="'one' is taken"):
        manager.register(ToyPlugin(), "one")


def test_kernel_overrides_are_asked_by_priority() -> None:
    manager = PluginManager()
    manager.register(ToyPlugin(), "toy")
    low, high, early = Faster(), Faster(2), Faster()
    manager.register(low, "m")
    manager.register(high, "z")
    manager.register(early, "b")
    assert manager.selectors() == ["z", "b", "m"]
    pair = (dtypes.float32, dtypes.float32)
    assert manager.select_kernel("toy", "neg", pair) is high.choice
    manager.unregister(high)
    assert manager.select_kernel("toy", "neg", pair) is early.choice
    manager.unregister(early)
    manager.unregister(low)
    assert manager.select_kernel("toy", "neg", pair) == KernelChoice(kernel)
    assert manager.select_kernel("toy", "exp", pair) is None
    with pytest.raises(BackendUnavailableError):
        manager.select_kernel("nowhere", "neg", pair)


def test_a_backend_that_fails_to_select_is_named() -> None:
    class Odd(Toy):
        def select(self, op: str, dtypes: object) -> KernelChoice | None:
            return 5  # type: ignore[return-value]

    manager = PluginManager()
    manager.register(ToyPlugin(factory=Odd), "toy")
    with pytest.raises(PluginError, match="'toy' failed to select a kernel for 'neg'.*got 5"):
        manager.select_kernel("toy", "neg", ())


def test_answers_of_other_hooks_come_in_order_and_without_the_failing() -> None:
    class Ops:
        def __init__(self, priority: int, answer: list[str] | None) -> None:
            self.corex_priority = priority
            self.answer = answer

        @hookimpl
        def corex_ops(self) -> list[str]:
            if self.answer is None:
                raise OSError("disk")
            return self.answer

    manager = PluginManager()
    manager.register(Ops(0, ["x"]), "low")
    manager.register(Ops(1, ["y"]), "high")
    manager.register(Ops(2, None), "bad")
    assert manager.answers("corex_ops") == [("high", ["y"]), ("low", ["x"])]
    [fault] = [fault for fault in manager.faults() if fault.plugin == "bad"]
    assert fault.stage == "corex_ops"
    assert fault.summary() == "OSError: disk"


def test_many_threads_construct_a_backend_once() -> None:
    made = []
    start = threading.Barrier(8)

    class Slow(Toy):
        def __init__(self) -> None:
            made.append(self)

    manager = PluginManager()
    manager.register(ToyPlugin(factory=Slow), "toy")
    found = []

    def use() -> None:
        start.wait()
        found.append(manager.backend("toy"))

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert found == made * 8


def test_a_plugin_may_use_the_manager_while_it_is_imported(world: World) -> None:
    world.good("curious", extra="from corex.plugins import manager; manager.descriptors()")
    assert "curious" in world.run("""
        from corex.plugins import manager
        print(*manager.descriptors())
    """)
