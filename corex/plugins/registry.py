"""The registered plugins: loading, registering, ordering and asking them, and their faults.

Nothing is scanned or imported until a plugin is first needed. What goes wrong with one plugin is
kept as a `Fault` and harms no other.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from corex.backend.contract import BackendDescriptor
from corex.errors import PluginError
from corex.plugins.discovery import (
    Source,
    admit,
    announced,
    check_descriptor,
    disabled_names,
    priority_of,
    sources,
)
from corex.plugins.faults import Fault, one_line

if TYPE_CHECKING:
    import pluggy


class Plugin(NamedTuple):
    """A registered plugin.

    Attributes:
        name: its entry point's name, where it came from one.
        distribution: name and version of the distribution that brought it, or "".
        value: the module or instance itself.
        priority: its `corex_priority`.
        hooks: the hooks that it implements, by name.
        descriptors: the backends that it announced.
        answers: what it answered to hooks that are asked once, by hook.
    """

    name: str
    distribution: str
    value: object
    priority: int
    hooks: dict[str, pluggy.HookImpl]
    descriptors: list[BackendDescriptor]
    answers: dict[str, object]

    @property
    def rank(self) -> tuple[int, str]:
        """Sorts plugins into the order in which they are asked."""
        return -self.priority, self.name


class PluginRegistry:
    """Knows every plugin. They are asked by descending `corex_priority`, then name."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._loaded = False
        self._loading = False
        self._disabled: frozenset[str] = frozenset()
        self._plugins: dict[str, Plugin] = {}
        self._faults: list[Fault] = []
        self._recomputed: dict[str, list[Fault]] = {}
        self._callbacks: list[Callable[[], object]] = []
        self.changes = 0
        """How often the set of plugins has changed."""

    @cached_property
    def _hooks(self) -> pluggy.PluginManager:
        """Loaded with the first plugin, as the import of corex needs neither."""
        import pluggy

        from corex.plugins import hookspecs

        hooks = pluggy.PluginManager(hookspecs.PROJECT)
        hooks.add_hookspecs(hookspecs)
        return hooks

    # ---- registering -----------------------------------------------------------------------
    def load(self) -> None:
        """Loads the installed plugins, once; every query does this by itself."""
        if self._loaded:
            return
        with self._lock:
            if self._loaded or self._loading:  # a plugin may call corex while it is imported
                return
            self._loading = True
            try:
                self._disabled = disabled_names()
                for source in sources():
                    if source.name not in self._disabled:
                        self._load_source(source)
                self._changed()
                self._loaded = True
            finally:
                self._loading = False
        self._notify()

    def _load_source(self, source: Source) -> None:
        name, distribution, load, error = source
        stage = "metadata"
        try:
            if error is not None:
                raise error
            if name in self._plugins:
                other = self._plugins[name].distribution
                raise PluginError(f"the plugin name {name!r} is taken, by {other or 'a program'}")
            stage = "import"
            value = load()
            stage = "register"
            hooks = admit(self._hooks, value, name)
            stage = "backends"
            try:
                items = announced(hooks["corex_backends"]) if "corex_backends" in hooks else ()
            except Exception:
                self._hooks.unregister(name=name)
                raise
        except (Exception, SystemExit) as failure:
            self._faults.append(Fault.of(failure, stage, name, distribution))
            return
        descriptors = []
        for item in items:
            try:
                descriptors.append(check_descriptor(item))
            except PluginError as failure:
                backend = getattr(item, "name", None)
                self._faults.append(Fault.of(failure, "descriptor", name, distribution, backend))
        self._plugins[name] = Plugin(
            name, distribution, value, priority_of(value), hooks, descriptors, {}
        )

    def register(self, plugin: object, name: str | None = None) -> str | None:
        """Registers a plugin (a module or an instance) at run time.

        Returns:
            The plugin's name, or None if COREX_DISABLE blocks it.

        Raises:
            PluginError: the plugin breaks the contract; nothing is registered then.
        """
        import pluggy

        self.load()
        if name is None:
            name = getattr(plugin, "__name__", None) or type(plugin).__name__
        if name in self._disabled:
            return None
        with self._lock:
            if name in self._plugins:
                raise PluginError(f"the plugin name {name!r} is taken")
            try:
                hooks = admit(self._hooks, plugin, name)
            except (ValueError, pluggy.PluginValidationError) as error:
                raise PluginError(f"plugin {name!r}: {one_line(error)}") from error
            try:
                items = announced(hooks["corex_backends"]) if "corex_backends" in hooks else ()
                descriptors = [check_descriptor(item) for item in items]
            except Exception as error:
                self._hooks.unregister(name=name)
                raise PluginError(f"plugin {name!r}: {one_line(error)}") from error
            self._plugins[name] = Plugin(
                name, "", plugin, priority_of(plugin), hooks, descriptors, {}
            )
            self._changed()
        self._notify()
        return name

    def unregister(self, plugin: object) -> None:
        """Removes a plugin, given as the object or by name, with all that it brought.

        Tensors that its backends made stay usable.

        Raises:
            PluginError: it is not registered.
        """
        self.load()
        with self._lock:
            for entry in self._plugins.values():
                if entry.value is plugin or entry.name == plugin:
                    break
            else:
                raise PluginError(f"plugin {plugin!r} is not registered")
            del self._plugins[entry.name]
            self._hooks.unregister(name=entry.name)
            self._faults = [fault for fault in self._faults if fault.plugin != entry.name]
            self._changed()
        self._notify()

    def _changed(self) -> None:
        """Recomputes everything that follows from the set of plugins; called under the lock."""
        self.changes += 1

    def on_change(self, callback: Callable[[], object]) -> None:
        """Calls `callback()` after every change of what is registered."""
        self._callbacks.append(callback)

    def _notify(self) -> None:
        for callback in tuple(self._callbacks):
            callback()

    # ---- asking ----------------------------------------------------------------------------
    def plugins(self) -> list[str]:
        """The names of the registered plugins, in the order in which they are asked."""
        return [plugin.name for plugin in self.registered()]

    def registered(self) -> list[Plugin]:
        """The registered plugins, in the order in which they are asked."""
        self.load()
        return self._ordered()

    def _ordered(self) -> list[Plugin]:
        return sorted(self._plugins.values(), key=lambda plugin: plugin.rank)

    def disabled(self) -> frozenset[str]:
        """The names that COREX_DISABLE blocks."""
        self.load()
        return self._disabled

    def answers(self, hook: str, once: bool = False) -> list[tuple[str, object]]:
        """(plugin name, answer) for each plugin that implements `hook`, an argument-free one.

        A plugin whose function raises is left out, and has a fault. With `once` every plugin is
        asked only the first time, and gives the same answer ever after.
        """
        found = []
        for plugin in self.registered():
            if hook not in plugin.hooks or (once and self._has_failed(plugin, hook)):
                continue
            if once and hook in plugin.answers:
                found.append((plugin.name, plugin.answers[hook]))
                continue
            try:
                answer = plugin.hooks[hook].function()
            except (Exception, SystemExit) as error:
                self.blame(plugin.name, hook, error)
            else:
                if once:
                    plugin.answers[hook] = answer
                found.append((plugin.name, answer))
        return found

    def _has_failed(self, plugin: Plugin, hook: str) -> bool:
        return any((fault.plugin, fault.stage) == (plugin.name, hook) for fault in self._faults)

    # ---- faults ----------------------------------------------------------------------------
    def faults(self) -> list[Fault]:
        """What went wrong so far, with which plugin."""
        self.load()
        return [*self._faults, *[fault for some in self._recomputed.values() for fault in some]]

    def fault(
        self,
        name: str,
        stage: str,
        error: BaseException,
        backend: str | None = None,
        op: str | None = None,
    ) -> Fault:
        """A failure of the plugin called `name`, not yet kept."""
        plugin = self._plugins.get(name)
        distribution = "" if plugin is None else plugin.distribution
        return Fault.of(error, stage, name, distribution, backend, op)

    def blame(
        self, name: str, stage: str, error: BaseException, backend: str | None = None
    ) -> None:
        """Keeps a failure of the plugin called `name`; only the latest one of a kind."""
        fault = self.fault(name, stage, error, backend)
        with self._lock:
            self._forget(name, stage, backend)
            self._faults.append(fault)

    def forgive(self, name: str, stage: str) -> None:
        """Drops what was kept of a plugin's failures at a stage."""
        with self._lock:
            self._forget(name, stage, None)

    def _forget(self, name: str, stage: str, backend: str | None) -> None:
        self._faults = [
            kept
            for kept in self._faults
            if (kept.plugin, kept.stage, kept.backend) != (name, stage, backend)
        ]

    def replace_faults(self, kind: str, faults: Sequence[Fault]) -> None:
        """Sets the faults of a kind that is computed anew after every change of the plugins."""
        self._recomputed[kind] = list(faults)
