"""Every way in which a plugin can be broken: kept, reported, harmless to the others."""

from __future__ import annotations

import pytest

from corex.errors import BackendUnavailableError
from corex.plugins import Fault, PluginManager
from tests.plugins.world import World

HEAD = """
import pluggy
from corex.backend import Backend, BackendDescriptor, KernelChoice
hookimpl = pluggy.HookimplMarker("corex")
def descriptor(name="broken", probe=lambda: None, factory=Backend, **more):
    return BackendDescriptor(name, "toy", probe, factory, **more)
"""

# id: (source after HEAD, target of the entry point, stage, part of the exception's text)
BROKEN = {
    "missing driver": ("import no_such_driver", None, "import", "no_such_driver"),
    "missing module": ("", "no_such_module", "import", "no_such_module"),
    "missing attribute": ("", "broken_plugin:plugin", "import", "plugin"),
    "syntax error": ("def (", None, "import", "invalid syntax"),
    "exits on import": ("raise SystemExit(3)", None, "import", "SystemExit: 3"),
    "class, not instance": (
        "class Plugin:\n    @hookimpl\n    def corex_backends(self): return []",
        "broken_plugin:Plugin",
        "register",
        "names the class Plugin",
    ),
    "function, not module": (
        "@hookimpl\ndef corex_backends(): return []",
        "broken_plugin:corex_backends",
        "register",
        "is a module or an instance",
    ),
    "hook-name typo": (
        "@hookimpl\ndef corex_backend(): return []",
        None,
        "register",
        "unknown hook 'corex_backend'",
    ),
    "hook signature": (
        "@hookimpl\ndef corex_backends(device): return []",
        None,
        "register",
        "device",
    ),
    "default value": (
        "@hookimpl\ndef corex_select_kernel(backend, op, dtypes=()): return None",
        None,
        "register",
        "gives a default to dtypes",
    ),
    "hidden precedence": (
        "@hookimpl(tryfirst=True)\ndef corex_backends(): return []",
        None,
        "register",
        "uses tryfirst",
    ),
    "hook wrapper": (
        "@hookimpl(wrapper=True)\ndef corex_backends():\n    return (yield)",
        None,
        "register",
        "uses wrapper",
    ),
    "no hook": ("def corex_backends(): return []", None, "register", "implements no hook"),
    "priority is text": (
        "corex_priority = 'high'\n@hookimpl\ndef corex_backends(): return []",
        None,
        "register",
        "corex_priority must be an int",
    ),
    "hook raises": ("@hookimpl\ndef corex_backends(): 1 / 0", None, "backends", "ZeroDivision"),
    "not a list": (
        "@hookimpl\ndef corex_backends(): return descriptor()",
        None,
        "backends",
        "must return a list",
    ),
    "not a descriptor": (
        "@hookimpl\ndef corex_backends(): return ['broken']",
        None,
        "descriptor",
        "expected a BackendDescriptor, got 'broken'",
    ),
    "api version": (
        "@hookimpl\ndef corex_backends(): return [descriptor(api_version=7)]",
        None,
        "descriptor",
        "API version 7",
    ),
    "name with a colon": (
        "@hookimpl\ndef corex_backends(): return [descriptor(name='broken:0')]",
        None,
        "descriptor",
        "without ':'",
    ),
    "probe not callable": (
        "@hookimpl\ndef corex_backends(): return [descriptor(probe=True)]",
        None,
        "descriptor",
        "probe must be callable",
    ),
    "duplicate backend": (
        "@hookimpl\ndef corex_backends(): return [descriptor(name='alpha', priority=-1)]",
        None,
        "duplicate",
        "taken, by plugin 'alpha'",
    ),
}

# These are found out later, when the backend is asked for.
LATE = {
    "probe raises": ("probe=lambda: 1 / 0", "probe", "division by zero"),
    "probe answers a bool": ("probe=lambda: True", "probe", "must return None or a str"),
    "factory raises": ("factory=lambda: {}['key']", "factory", "KeyError: 'key'"),
    "factory makes no backend": ("factory=lambda: 5", "factory", "got 5"),
    "backend has another name": (
        "factory=type('B', (Backend,), {'name': 'x', 'device_type': 'toy'})",
        "factory",
        "announced with name 'broken', but the backend has 'x'",
    ),
}


def only_fault(manager: PluginManager) -> Fault:
    [fault] = [fault for fault in manager.faults() if fault.plugin == "broken"]
    return fault


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_plugin_is_kept_with_its_reason_and_harms_nobody(world: World, kind: str) -> None:
    source, target, stage, text = BROKEN[kind]
    world.good("alpha")
    world.install("broken", HEAD + source, target)
    world.good("zeta", priority=100)
    manager = PluginManager()

    assert manager.backend("alpha").name == "alpha"
    assert manager.backend("zeta").name == "zeta"
    assert manager.default_backend_name() == "zeta"
    fault = only_fault(manager)
    assert fault.stage == stage
    assert fault.distribution == "broken 1.5"
    assert text in fault.summary()
    assert "\n" not in fault.summary()
    assert type(fault.exception).__name__ in fault.traceback
    assert "broken" not in manager.descriptors()


@pytest.mark.parametrize("kind", sorted(set(BROKEN) - {"duplicate backend", "name with a colon"}))
def test_a_fault_is_raised_when_its_backend_is_asked_for(world: World, kind: str) -> None:
    source, target, stage, _ = BROKEN[kind]
    world.install("broken", HEAD + source, target)
    manager = PluginManager()
    with pytest.raises(BackendUnavailableError, match="'broken' is not available") as raised:
        manager.backend("broken")
    assert f"failed at {stage}" in str(raised.value)
    assert raised.value.__cause__ is only_fault(manager).exception
    assert manager.unavailable_reason("broken") is not None


@pytest.mark.parametrize("kind", LATE)
def test_a_backend_that_fails_later_is_kept_unavailable(world: World, kind: str) -> None:
    arguments, stage, text = LATE[kind]
    hook = f"@hookimpl\ndef corex_backends(): return [descriptor({arguments})]"
    world.install("broken", HEAD + hook)
    world.good("alpha")
    manager = PluginManager()
    assert "broken" in manager.descriptors()
    for _ in range(2):
        with pytest.raises(BackendUnavailableError, match="'broken' is not available") as raised:
            manager.backend("broken")
        assert text in str(raised.value)
        assert raised.value.__cause__ is only_fault(manager).exception
    assert only_fault(manager).stage == stage
    assert text in str(manager.unavailable_reason("broken"))
    assert manager.backend("alpha").name == "alpha"


def test_a_broken_metadata_file_hides_no_other_plugin(world: World) -> None:
    world.good("alpha")
    world.metadata("garbled", "[corex]\nthis line has no equals sign\n")
    manager = PluginManager()
    assert manager.backend("alpha").name == "alpha"
    [fault] = [fault for fault in manager.faults() if fault.stage == "metadata"]
    assert fault.distribution == "garbled 1.5"


def test_two_distributions_with_one_entry_point_name(world: World) -> None:
    world.good("alpha")
    world.install("alpha", HEAD, distribution="impostor")
    manager = PluginManager()
    assert manager.backend("alpha").name == "alpha"
    [fault] = [fault for fault in manager.faults() if fault.plugin == "alpha"]
    assert fault.distribution == "impostor 1.5"
    assert "taken, by alpha 1.5" in fault.summary()


def test_a_failing_kernel_selector_is_dropped_after_its_first_fault(world: World) -> None:
    world.good("alpha")
    hook = "@hookimpl\ndef corex_select_kernel(op): return op.no_such_attribute"
    world.install("broken", HEAD + hook)
    manager = PluginManager()
    assert manager.selectors() == ["broken"]
    assert manager.select_kernel("alpha", "add", ()) is None
    assert only_fault(manager).stage == "corex_select_kernel"
    assert manager.selectors() == []


def test_import_corex_survives_every_broken_plugin(world: World) -> None:
    for number, (source, _, _, _) in enumerate(BROKEN.values()):
        world.install(f"broken{number}", HEAD + source)
    output = world.run("""
        import sys
        import corex
        assert not [name for name in sys.modules if name.endswith("_plugin")]
        from corex.plugins import manager
        print(len(manager.faults()) >= 10)
    """)
    assert output == "True\n"
