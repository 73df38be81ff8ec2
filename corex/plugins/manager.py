"""What the plugins bring: which backend comes first, and which kernel.

What goes wrong with one backend is kept as a `Fault` and raised only when it is asked for.
"""

from __future__ import annotations

import os
import threading
from typing import NamedTuple

from corex.backend.contract import Backend, BackendDescriptor, KernelChoice
from corex.dtypes import DType
from corex.errors import BackendUnavailableError, PluginError, near, warn
from corex.plugins.faults import frame_in, one_line
from corex.plugins.probing import Probe, limit
from corex.plugins.registry import Plugin, PluginRegistry


class Candidate(NamedTuple):
    """A kernel that may run an op, and the plugin that puts it before the backend's own."""

    choice: KernelChoice
    plugin: str | None = None


class PluginManager(PluginRegistry):
    """Knows every backend and every kernel that plugins bring, in order of precedence.

    Precedence is explicit. Backends are ordered by descending priority, then name; plugins that
    answer other hooks by descending `corex_priority`, then name.
    """

    def __init__(self) -> None:
        super().__init__()
        self._owners: dict[str, Plugin] = {}
        self._descriptors: dict[str, BackendDescriptor] = {}
        self._selectors: list[Plugin] = []
        self._probed: dict[str, str | None] = {}
        self._probes: dict[str, Probe] = {}
        self._turns: dict[str, threading.RLock] = {}
        self._backends: dict[str, Backend] = {}

    def _changed(self) -> None:
        super()._changed()
        # Other threads read these without the lock, so they are replaced as wholes.
        before = self._descriptors
        descriptors: dict[str, BackendDescriptor] = {}
        owners: dict[str, Plugin] = {}
        clashes = []
        candidates = [(plugin, item) for plugin in self._ordered() for item in plugin.descriptors]
        candidates.sort(key=lambda pair: (-pair[1].priority, pair[1].name, pair[0].name))
        for plugin, descriptor in candidates:
            name = descriptor.name
            if name in self._disabled:
                continue
            if name in descriptors:
                error = PluginError(
                    f"the backend name {name!r} is taken, by plugin {owners[name].name!r}, "
                    "which has precedence"
                )
                clashes.append(self.fault(plugin.name, "duplicate", error, name))
                continue
            descriptors[name] = descriptor
            owners[name] = plugin
        self._descriptors, self._owners = descriptors, owners
        self.replace_faults("duplicate", clashes)
        for name, old in before.items():
            if self._descriptors.get(name) is not old:
                self._probed.pop(name, None)
                self._probes.pop(name, None)
                self._backends.pop(name, None)
        self._selectors = [p for p in self._ordered() if "corex_select_kernel" in p.hooks]

    # ---- backends --------------------------------------------------------------------------
    def descriptors(self) -> dict[str, BackendDescriptor]:
        """Every known backend, available or not, in order of precedence."""
        self.load()
        return dict(self._descriptors)

    def unavailable_reason(self, name: str) -> str | None:
        """Why the backend cannot be used here, or None if it can.

        A probe that takes longer than `probing.limit()` is no longer waited for; should it answer
        later, that counts. Other threads may ask for other backends meanwhile.
        """
        self.load()
        if name in self._backends:
            return None
        with self._lock:
            if name not in self._descriptors:
                return self._missing(name)[0]
            if name in self._probed:
                return self._probed[name]
            probe = self._begin_probe(name)
        in_time = probe.answered()
        with self._lock:
            if self._probes.get(name) is not probe:  # its plugin has gone, or others were faster
                return self._probed.get(name, probe.reason)
            return self._answer(name, probe) if in_time else self._overdue(name)

    def begin_probes(self) -> None:
        """Asks the probes of all backends side by side, and waits for none."""
        self.load()
        with self._lock:
            for name in self._descriptors:
                if name not in self._backends and name not in self._probed:
                    self._begin_probe(name)

    def _begin_probe(self, name: str) -> Probe:
        probe = self._probes.get(name)
        if probe is None:
            probe = self._probes[name] = Probe(self._descriptors[name])
        return probe

    def _answer(self, name: str, probe: Probe) -> str | None:
        del self._probes[name]
        self._forget(self._owners[name].name, "probe", name)  # that it was overdue
        reason = probe.reason
        if probe.error is not None:
            self.blame(self._owners[name].name, "probe", probe.error, name)
            reason = f"its probe failed: {one_line(probe.error)}"
        self._probed[name] = reason
        return reason

    def _overdue(self, name: str) -> str:
        plugin = self._owners[name]
        origin = f" ({plugin.distribution})" if plugin.distribution else ""
        reason = f"its probe, of plugin {plugin.name!r}{origin}, has not answered in {limit():g} s"
        self.blame(plugin.name, "probe", TimeoutError(reason), name)
        return reason

    def _missing(self, name: str) -> tuple[str, BaseException | None]:
        """Why there is no backend called `name`, and the exception behind it."""
        if name in self._disabled:
            return "it is disabled by COREX_DISABLE", None
        faults = [fault for fault in self._faults if fault.concerns(name)]
        if faults:
            return "; ".join(map(str, faults)), faults[0].exception
        known = ", ".join(self._descriptors) or "none"
        hint = near(name, self._descriptors)
        return f"no plugin brings it; known backends: {known}{hint}", None

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
            turn = self._turns.setdefault(name, threading.RLock())
        with turn:  # only who wants the same backend waits for a slow probe or factory
            if name in self._backends:
                return self._backends[name]
            reason = self.unavailable_reason(name)
            descriptor = self._descriptors.get(name)
            if reason is None and descriptor is not None:
                made = self._made(descriptor)
                if isinstance(made, Backend):
                    return made
                reason = made
            with self._lock:
                cause = None if descriptor is not None else self._missing(name)[1]
            cause = cause or next((f.exception for f in self._faults if f.backend == name), None)
        raise BackendUnavailableError(f"backend {name!r} is not available: {reason}") from cause

    def _made(self, descriptor: BackendDescriptor) -> Backend | str:
        """The backend, kept while its plugin is registered, or why it did not start."""
        name = descriptor.name
        try:
            made = self._construct(descriptor)
        except Exception as error:
            reason = f"it failed to start: {one_line(error)}"
            with self._lock:
                if self._descriptors.get(name) is descriptor:
                    self.blame(self._owners[name].name, "factory", error, name)
                    self._probed[name] = reason
            return reason
        with self._lock:
            if self._descriptors.get(name) is descriptor:
                self._backends[name] = made
        return made

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

    def holds(self, backend: Backend) -> bool:
        """Whether this is the backend of its name now; it is not once its plugin has gone."""
        return self._backends.get(backend.name) is backend

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
        reasons = []
        causes = []
        for name, descriptor in self.descriptors().items():
            if descriptor.device_type != device_type:
                continue
            promised = self.unavailable_reason(name) is None
            try:
                self.backend(name)
            except BackendUnavailableError as error:
                if promised:
                    warn(f"{error}; going on to the next", RuntimeWarning)
                reasons.append(f"{name} ({self.unavailable_reason(name)})")
                causes.append(error.__cause__)
            else:
                return name
        if reasons:
            raise BackendUnavailableError(
                f"no backend for device type {device_type!r} is available: {'; '.join(reasons)}"
            ) from next((cause for cause in causes if cause is not None), None)
        raise self._unserved(device_type)

    def _unserved(self, device_type: str) -> BackendUnavailableError:
        """The error that no backend serves a device type."""
        types = sorted({descriptor.device_type for descriptor in self._descriptors.values()})
        text = f"no backend serves device type {device_type!r}; known: {', '.join(types) or 'none'}"
        if device_type in self._descriptors:
            text += f"; it is the name of a backend, so say backend={device_type!r} instead"
        else:
            text += near(device_type, types)
        faults = [fault for fault in self.faults() if fault.hints_at(device_type)]
        text += "".join(f"; {fault}" for fault in faults)
        error = BackendUnavailableError(f"{text}; `corex backends` shows what is installed")
        error.__cause__ = faults[0].exception if faults else None
        return error

    # ---- kernels ---------------------------------------------------------------------------
    def select_kernel(
        self, backend_name: str, op: str, dtypes: tuple[DType, ...]
    ) -> KernelChoice | None:
        """The first kernel in line for `op` on a backend, or None.

        Raises:
            BackendUnavailableError: the backend cannot be used.
            PluginError: the backend's own `select` failed.
        """
        line = self.kernels(self.backend(backend_name), op, dtypes)
        return line[0].choice if line else None

    def kernels(self, backend: Backend, op: str, dtypes: tuple[DType, ...]) -> list[Candidate]:
        """The kernels for `op` on a backend in line: those of plugins first, then its own.

        The line ends with the first one that takes every layout.

        Raises:
            PluginError: the backend's own `select` failed.
        """
        line = self.overrides(backend.name, op, dtypes)
        if line and line[-1].choice.accepts is None:
            return line
        try:
            own = _check_choice(backend.select(op, dtypes))
        except Exception as error:
            raise PluginError(
                f"backend {backend.name!r} failed to select a kernel for {op!r}: {one_line(error)}"
                f"{frame_in(backend, error)}"
            ) from error
        return line if own is None else [*line, Candidate(own)]

    def overrides(self, backend: str, op: str, dtypes: tuple[DType, ...]) -> list[Candidate]:
        """The kernels that plugins put before the backend's own, up to the first that takes all.

        A plugin whose `corex_select_kernel` fails gets a fault and is not asked again.
        """
        self.load()
        found: list[Candidate] = []
        for plugin in tuple(self._selectors):
            try:
                choice = ask(plugin, backend, op, dtypes)
            except Exception as error:
                self.blame(plugin.name, "corex_select_kernel", error)
                with self._lock:
                    self._selectors = [kept for kept in self._selectors if kept is not plugin]
                continue
            if choice is not None:
                found.append(Candidate(choice, plugin.name))
                if choice.accepts is None:
                    break
        return found

    def selectors(self) -> list[str]:
        """The plugins that may override kernels, in the order in which they are asked."""
        self.load()
        return [plugin.name for plugin in self._selectors]


def ask(plugin: Plugin, backend: str, op: str, dtypes: tuple[DType, ...]) -> KernelChoice | None:
    """The kernel that a plugin with `corex_select_kernel` puts before the backend's own.

    Raises:
        PluginError: it answers with something else. Whatever the plugin raises.
    """
    question = {"backend": backend, "op": op, "dtypes": dtypes}
    hook = plugin.hooks["corex_select_kernel"]
    return _check_choice(hook.function(*[question[name] for name in hook.argnames]))


def _check_choice(answer: object) -> KernelChoice | None:
    if answer is None or isinstance(answer, KernelChoice):
        return answer
    raise PluginError(f"expected a KernelChoice or None, got {answer!r}")


manager = PluginManager()
