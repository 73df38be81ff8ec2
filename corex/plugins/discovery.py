"""From the environment to plugin objects: entry points, one by one, and what may be a plugin."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from corex.backend.contract import BackendDescriptor
from corex.backend.version import refusal
from corex.errors import PluginError, near

if TYPE_CHECKING:
    import pluggy

GROUP: Final = "corex"


class Source(NamedTuple):
    """An entry point, or the reason why a distribution's entry points cannot be read."""

    name: str
    distribution: str
    load: Callable[[], object]
    error: Exception | None = None


def disabled_names() -> frozenset[str]:
    """The names of plugins and backends that the environment variable COREX_DISABLE blocks."""
    return frozenset(filter(None, map(str.strip, os.environ.get("COREX_DISABLE", "").split(","))))


def sources() -> list[Source]:
    """The entry points of group `corex`, ordered by name, then distribution.

    Read distribution by distribution, because `importlib.metadata.entry_points()` fails as a
    whole when one installed package has a broken file.
    """
    return sorted(_scan(), key=lambda source: source[:2])


def _scan() -> Iterator[Source]:
    import importlib.metadata  # slow to import, and not needed by `import corex`

    seen = set()
    for distribution in importlib.metadata.distributions():
        label = "an unreadable distribution"
        try:
            text = distribution.read_text("entry_points.txt")
            if not text or f"[{GROUP}]" not in text:
                continue
            name = label = distribution.name
            if name in seen:  # an earlier folder of sys.path shadows this one
                continue
            seen.add(name)
            label = f"{name} {distribution.version}"
            points = distribution.entry_points.select(group=GROUP)
        except Exception as error:
            yield Source(label, label, _nothing, error)
        else:
            for point in points:
                yield Source(point.name, label, point.load)


def _nothing() -> object:
    return None


def admit(registry: pluggy.PluginManager, plugin: object, name: str) -> dict[str, pluggy.HookImpl]:
    """Registers `plugin` under `name` and returns its hook functions by hook name.

    Raises:
        PluginError, ValueError, pluggy.PluginValidationError: what is wrong with the plugin,
            which is then not registered.
    """
    if inspect.isclass(plugin):
        raise PluginError(
            f"a plugin is a module or an instance, but {name!r} names the class "
            f"{plugin.__qualname__}; name an instance of it"
        )
    if plugin is None or isinstance(plugin, (str, bytes, int, float)) or inspect.isroutine(plugin):
        raise PluginError(f"a plugin is a module or an instance, but {name!r} is {plugin!r}")
    priority_of(plugin)
    if registry.is_registered(plugin):
        raise PluginError(f"{name!r} is already registered, as {registry.get_name(plugin)!r}")
    try:
        registry.register(plugin, name)
        _check_names(registry, plugin)
        registry.check_pending()
        hooks = {
            caller.name: implementation
            for caller in registry.get_hookcallers(plugin) or ()
            for implementation in caller.get_hookimpls()
            if implementation.plugin is plugin
        }
        if not hooks:
            raise PluginError(
                f"{name!r} implements no hook of corex; mark them with "
                f'pluggy.HookimplMarker("{registry.project_name}")'
            )
        for implementation in hooks.values():
            _check_options(implementation)
    except Exception:
        if registry.get_plugin(name) is plugin:
            registry.unregister(name=name)
        raise
    return hooks


def _check_names(registry: pluggy.PluginManager, plugin: object) -> None:
    callers = registry.get_hookcallers(plugin) or []
    known = [name for name in vars(registry.hook) if getattr(registry.hook, name).has_spec()]
    for caller in callers:
        optional = [hook.optionalhook for hook in caller.get_hookimpls() if hook.plugin is plugin]
        if not caller.has_spec() and not all(optional):
            raise PluginError(
                f"unknown hook {caller.name!r}{near(caller.name, known)}; "
                f"the hooks are {', '.join(sorted(known))}"
            )


def _check_options(hook: pluggy.HookImpl) -> None:
    name = hook.function.__name__
    for option in ("tryfirst", "trylast", "wrapper", "hookwrapper"):
        if getattr(hook, option):
            raise PluginError(
                f"{name} uses {option}; corex orders plugins by corex_priority, then by name"
            )
    if hook.kwargnames:
        raise PluginError(
            f"{name} gives a default to {', '.join(hook.kwargnames)}; pluggy never passes an "
            "argument that has a default"
        )


def priority_of(plugin: object) -> int:
    """The plugin's `corex_priority`, 0 if it has none."""
    priority = getattr(plugin, "corex_priority", 0)
    if not isinstance(priority, int):
        raise PluginError(f"corex_priority must be an int, got {priority!r}")
    return priority


def announced(hook: pluggy.HookImpl) -> Sequence[object]:
    """What a plugin's `corex_backends` answers, checked to be a sequence."""
    answer = hook.function()
    if isinstance(answer, BackendDescriptor) or not isinstance(answer, (list, tuple)):
        raise PluginError(f"corex_backends must return a list of BackendDescriptor, got {answer!r}")
    return answer


def check_descriptor(descriptor: object) -> BackendDescriptor:
    """The argument, if it is a well-formed descriptor for this version of the contract.

    Raises:
        PluginError: it is not; the message says what was expected.
    """
    if not isinstance(descriptor, BackendDescriptor):
        raise PluginError(f"expected a BackendDescriptor, got {descriptor!r}")
    name, device_type, probe, factory, priority, api_version = descriptor
    refused = refusal(api_version)
    if refused is not None:
        raise PluginError(f"backend {name!r} {refused}")
    for label, value in (("name", name), ("device_type", device_type)):
        if not isinstance(value, str) or not value or ":" in value or "," in value:
            raise PluginError(
                f"a backend's {label} must be a non-empty str without ':' and ',', got {value!r}"
            )
    for label, function in (("probe", probe), ("factory", factory)):
        if not callable(function):
            raise PluginError(f"backend {name!r}: {label} must be callable, got {function!r}")
    if not isinstance(priority, int):
        raise PluginError(f"backend {name!r}: priority must be an int, got {priority!r}")
    return descriptor
