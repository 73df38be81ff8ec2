"""The registry of plugins and of the backends they bring.

Nothing is scanned or imported until a backend is first needed. What goes wrong with one plugin is
kept as a `Fault` and raised only when its backend is asked for.
"""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable
from typing import NamedTuple

import pluggy

from corex.backend import Backend, BackendDescriptor, KernelChoice
from corex.dtypes import DType
from corex.errors import BackendUnavailableError, PluginError
from corex.plugins import hookspecs
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


class _Plugin(NamedTuple):
    name: str
    distribution: str
    value: object
    priority: int
    hooks: dict[str, pluggy.HookImpl]
    descriptors: list[BackendDescriptor]

    @property
    def rank(self) -> tuple[int, str]:
        return -self.priority, self.name


class PluginManager:
    """Knows every plugin, and which backend and which kernel comes first.

    Precedence is explicit. Backends are ordered by descending priority, then name. Plugins that
    answer other hooks are ordered by descending `corex_priority`, then name.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._loaded = False
        self._loading = False
        self._disabled: frozenset[str] = frozenset()
        self._registry = pluggy.PluginManager(hookspecs.PROJECT)
        self._registry.add_hookspecs(hookspecs)
        self._plugins: dict[str, _Plugin] = {}
        self._faults: list[Fault] = []
        self._clashes: list[Fault] = []
        self._owners: dict[str, _Plugin] = {}
        self._descriptors: dict[str, BackendDescriptor] = {}
        self._selectors: list[_Plugin] = []
        self._probed: dict[str, str | None] = {}
        self._backends: dict[str, Backend] = {}
        self._callbacks: list[Callable[[], object]] = []

    # ---- plugins ---------------------------------------------------------------------------
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
                self._resolve()
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
            hooks = admit(self._registry, value, name)
            stage = "backends"
            try:
                items = announced(hooks["corex_backends"]) if "corex_backends" in hooks else ()
            except Exception:
                self._registry.unregister(name=name)
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
        self._plugins[name] = _Plugin(
            name, distribution, value, priority_of(value), hooks, descriptors
        )

    def register(self, plugin: object, name: str | None = None) -> str | None:
        """Registers a plugin (a module or an instance) at run time.

        Returns:
            The plugin's name, or None if COREX_DISABLE blocks it.

        Raises:
            PluginError: the plugin breaks the contract; nothing is registered then.
        """
        self.load()
        if name is None:
            name = getattr(plugin, "__name__", None) or type(plugin).__name__
        if name in self._disabled:
            return None
        with self._lock:
            if name in self._plugins:
                raise PluginError(f"the plugin name {name!r} is taken")
            try:
                hooks = admit(self._registry, plugin, name)
            except (ValueError, pluggy.PluginValidationError) as error:
                raise PluginError(f"plugin {name!r}: {one_line(error)}") from error
            try:
                items = announced(hooks["corex_backends"]) if "corex_backends" in hooks else ()
                descriptors = [check_descriptor(item) for item in items]
            except Exception as error:
                self._registry.unregister(name=name)
                raise PluginError(f"plugin {name!r}: {one_line(error)}") from error
            self._plugins[name] = _Plugin(name, "", plugin, priority_of(plugin), hooks, descriptors)
            self._resolve()
        self._notify()
        return name

    def unregister(self, plugin: object) -> None:
        """Removes a plugin, given as the object or by name, with its backends and faults.

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
            self._registry.unregister(name=entry.name)
            self._faults = [fault for fault in self._faults if fault.plugin != entry.name]
            self._resolve()
        self._notify()

    def on_change(self, callback: Callable[[], object]) -> None:
        """Calls `callback()` after every change of what is registered."""
        self._callbacks.append(callback)

    def plugins(self) -> list[str]:
        """The names of the registered plugins, in the order in which they are asked."""
        self.load()
        return [plugin.name for plugin in self._ordered()]

    def disabled(self) -> frozenset[str]:
        """The names that COREX_DISABLE blocks."""
        self.load()
        return self._disabled

    def faults(self) -> list[Fault]:
        """What went wrong so far, with which plugin."""
        self.load()
        return self._faults + self._clashes

    def answers(self, hook: str) -> list[tuple[str, object]]:
        """(plugin name, answer) for each plugin that implements `hook`, an argument-free one.

        A plugin whose function raises is left out, and has a fault.
        """
        self.load()
        found = []
        for plugin in self._ordered():
            if hook in plugin.hooks:
                try:
                    found.append((plugin.name, plugin.hooks[hook].function()))
                except Exception as error:
                    self._add_fault(error, hook, plugin)
        return found

    def _ordered(self) -> list[_Plugin]:
        return sorted(self._plugins.values(), key=lambda plugin: plugin.rank)

    def _add_fault(
        self, error: Exception, stage: str, plugin: _Plugin, backend: str | None = None
    ) -> None:
        fault = Fault.of(error, stage, plugin.name, plugin.distribution, backend)
        with self._lock:
            self._faults = [  # the latest failure of a kind is the one to show
                kept
                for kept in self._faults
                if (kept.plugin, kept.stage, kept.backend) != (plugin.name, stage, backend)
            ]
            self._faults.append(fault)

    def _resolve(self) -> None:
        """Recomputes everything that follows from the set of plugins."""
        before = self._descriptors
        self._descriptors, self._owners, self._clashes = {}, {}, []
        candidates = [(plugin, item) for plugin in self._ordered() for item in plugin.descriptors]
        candidates.sort(key=lambda pair: (-pair[1].priority, pair[1].name, pair[0].name))
        for plugin, descriptor in candidates:
            name = descriptor.name
            if name in self._disabled:
                continue
            if name in self._descriptors:
                error = PluginError(
                    f"the backend name {name!r} is taken, by plugin {self._owners[name].name!r}, "
                    "which has precedence"
                )
                self._clashes.append(
                    Fault.of(error, "duplicate", plugin.name, plugin.distribution, name)
                )
                continue
            self._descriptors[name] = descriptor
            self._owners[name] = plugin
        for name, old in before.items():
            if self._descriptors.get(name) is not old:
                self._probed.pop(name, None)
                self._backends.pop(name, None)
        self._selectors = [p for p in self._ordered() if "corex_select_kernel" in p.hooks]

    def _notify(self) -> None:
        for callback in tuple(self._callbacks):
            callback()

    # ---- backends --------------------------------------------------------------------------
    def descriptors(self) -> dict[str, BackendDescriptor]:
        """Every known backend, available or not, in order of precedence."""
        self.load()
        return dict(self._descriptors)

    def unavailable_reason(self, name: str) -> str | None:
        """Why the backend cannot be used here, or None if it can."""
        self.load()
        if name in self._backends:
            return None
        with self._lock:
            if name not in self._descriptors:
                return self._missing(name)[0]
            if name not in self._probed:
                self._probed[name] = self._probe(name)
            return self._probed[name]

    def _probe(self, name: str) -> str | None:
        try:
            reason = self._descriptors[name].probe()
            if reason is not None and not isinstance(reason, str):
                raise PluginError(f"probe of {name!r} must return None or a str, got {reason!r}")
        except Exception as error:
            self._add_fault(error, "probe", self._owners[name], name)
            return f"its probe failed: {one_line(error)}"
        return "it gives no reason" if reason == "" else reason

    def _missing(self, name: str) -> tuple[str, BaseException | None]:
        """Why there is no backend called `name`, and the exception behind it."""
        if name in self._disabled:
            return "it is disabled by COREX_DISABLE", None
        faults = [fault for fault in self._faults if fault.concerns(name)]
        if faults:
            return "; ".join(map(str, faults)), faults[0].exception
        known = ", ".join(self._descriptors) or "none"
        return f"no plugin brings it; known backends: {known}", None

    def backend(self, name: str) -> Backend:
        """The backend called `name`, constructed on first use.

        Raises:
            BackendUnavailableError: it is unknown, disabled, faulty, or cannot be used here.
        """
        backend = self._backends.get(name)
        if backend is not None:
            return backend
        self.load()
        with self._lock:
            if name in self._backends:
                return self._backends[name]
            reason, cause = self.unavailable_reason(name), None
            if name not in self._descriptors:
                cause = self._missing(name)[1]
            elif reason is None:
                try:
                    self._backends[name] = self._construct(self._descriptors[name])
                    return self._backends[name]
                except Exception as error:
                    self._add_fault(error, "factory", self._owners[name], name)
                    reason = self._probed[name] = f"it failed to start: {one_line(error)}"
            cause = cause or next((f.exception for f in self._faults if f.backend == name), None)
        raise BackendUnavailableError(f"backend {name!r} is not available: {reason}") from cause

    @staticmethod
    def _construct(descriptor: BackendDescriptor) -> Backend:
        backend = descriptor.factory()
        if not isinstance(backend, Backend):
            raise PluginError(f"the factory must return a corex.backend.Backend, got {backend!r}")
        for attribute in ("name", "device_type"):
            announced_as = getattr(descriptor, attribute)
            found = getattr(backend, attribute, None)
            if found != announced_as:
                raise PluginError(
                    f"announced with {attribute} {announced_as!r}, but the backend has {found!r}"
                )
        return backend

    def default_backend_name(self) -> str:
        """COREX_BACKEND if that is set, else the first usable backend of device type "cpu".

        Raises:
            BackendUnavailableError: the backend named by COREX_BACKEND, or every one for the CPU,
                is unavailable.
        """
        wanted = os.environ.get("COREX_BACKEND")
        if not wanted:
            return self.backend_for_device_type("cpu")
        try:
            self.backend(wanted)
        except BackendUnavailableError as error:
            raise BackendUnavailableError(f"COREX_BACKEND={wanted}: {error}") from error.__cause__
        return wanted

    def backend_for_device_type(self, device_type: str) -> str:
        """The name of the first usable backend, by precedence, that serves the device type.

        Warns:
            RuntimeWarning: a backend that goes before it said it could be used, and failed.

        Raises:
            BackendUnavailableError: there is none; the message tells why, for each candidate.
        """
        self.load()
        reasons = []
        for name, descriptor in self.descriptors().items():
            if descriptor.device_type != device_type:
                continue
            promised = self.unavailable_reason(name) is None
            try:
                self.backend(name)
            except BackendUnavailableError as error:
                if promised:
                    warnings.warn(f"{error}; going on to the next", RuntimeWarning, stacklevel=2)
                reasons.append(f"{name} ({self.unavailable_reason(name)})")
            else:
                return name
        if reasons:
            raise BackendUnavailableError(
                f"no backend for device type {device_type!r} is available: {'; '.join(reasons)}"
            )
        types = sorted({descriptor.device_type for descriptor in self._descriptors.values()})
        faults = [str(fault) for fault in self.faults()]
        raise BackendUnavailableError(
            f"no backend serves device type {device_type!r}; known: {', '.join(types) or 'none'}"
            + "".join(f"; {fault}" for fault in faults)
        )

    # ---- kernels ---------------------------------------------------------------------------
    def select_kernel(
        self, backend_name: str, op: str, dtypes: tuple[DType, ...]
    ) -> KernelChoice | None:
        """The kernel for `op` on a backend: a plugin's override, else the backend's own, or None.

        Raises:
            BackendUnavailableError: the backend cannot be used.
            PluginError: the backend's own `select` failed.
        """
        backend = self.backend(backend_name)
        choice = self.override(backend_name, op, dtypes)
        if choice is not None:
            return choice
        try:
            return _check_choice(backend.select(op, dtypes))
        except Exception as error:
            raise PluginError(
                f"backend {backend_name!r} failed to select a kernel for {op!r}: {one_line(error)}"
            ) from error

    def override(
        self, backend_name: str, op: str, dtypes: tuple[DType, ...]
    ) -> KernelChoice | None:
        """The kernel that a plugin puts before the backend's own, or None.

        A plugin whose `corex_select_kernel` fails gets a fault and is not asked again.
        """
        self.load()
        question = {"backend": backend_name, "op": op, "dtypes": dtypes}
        for plugin in tuple(self._selectors):
            hook = plugin.hooks["corex_select_kernel"]
            try:
                answer = hook.function(*[question[name] for name in hook.argnames])
                choice = _check_choice(answer)
            except Exception as error:
                self._add_fault(error, "corex_select_kernel", plugin)
                with self._lock:
                    self._selectors = [kept for kept in self._selectors if kept is not plugin]
                continue
            if choice is not None:
                return choice
        return None

    def selectors(self) -> list[str]:
        """The plugins that may override kernels, in the order in which they are asked."""
        self.load()
        return [plugin.name for plugin in self._selectors]


def _check_choice(answer: object) -> KernelChoice | None:
    if answer is None or isinstance(answer, KernelChoice):
        return answer
    raise PluginError(f"expected a KernelChoice or None, got {answer!r}")


manager = PluginManager()
