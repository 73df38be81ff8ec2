"""Profilers and tracers that come as plugins: hook `corex_op_observer`.

The hook is asked when the plugins are loaded and after every change of what is registered, so an
observer that was not wanted (None) may come then, and one that is no longer wanted may go.
"""

from __future__ import annotations

import threading
from functools import partial

from corex.errors import PluginError
from corex.observe import events
from corex.plugins.registry import PluginRegistry

HOOK = "corex_op_observer"


class PluginObservers:
    """Keeps the observers of a registry's plugins listening.

    One that raises is dropped and has a fault; the op that it was told about never notices. It may
    come back only as another object.
    """

    def __init__(self, registry: PluginRegistry) -> None:
        self._registry = registry
        self._lock = threading.RLock()
        self._busy = False
        self._again = False
        self._listening: dict[str, events.Listener] = {}
        self._failed: dict[str, object] = {}
        registry.on_change(self.refresh)

    def refresh(self) -> None:
        """Asks every plugin for its observer."""
        with self._lock:
            self._again = True
            if self._busy:  # a hook has registered a plugin
                return
            self._busy = True
            try:
                while self._again:
                    self._again = False
                    self._update(dict(self._registry.answers(HOOK)))
            finally:
                self._busy = False

    def _update(self, wanted: dict[str, object]) -> None:
        for name in self._failed.keys() - wanted.keys():
            del self._failed[name]
        for name in self._listening.keys() - wanted.keys():
            events.stop(self._listening.pop(name))
        for name, observer in wanted.items():
            self._set(name, observer)

    def _set(self, name: str, observer: object) -> None:
        now = self._listening.get(name)
        if now is not None:
            if now.observer == observer:
                return
            events.stop(self._listening.pop(name))
        if observer is None or (name in self._failed and self._failed[name] == observer):
            return
        if not events.is_observer(observer):
            error = PluginError(f"{HOOK} must return a callable or None, got {observer!r}")
            self._registry.blame(name, HOOK, error)
            return
        self._failed.pop(name, None)
        self._registry.forgive(name, HOOK)
        self._listening[name] = events.listen(observer, partial(self._drop, name, observer))

    def _drop(self, name: str, observer: object, error: Exception) -> None:
        with self._lock:
            self._failed[name] = observer
            self._listening.pop(name, None)
        self._registry.blame(name, HOOK, error)
