"""Finding plugins, keeping their faults, and choosing among what they bring."""

from typing import TYPE_CHECKING, Any

from corex.plugins.faults import Fault
from corex.plugins.manager import PluginManager, manager
from corex.plugins.observers import PluginObservers
from corex.plugins.registry import Plugin

if TYPE_CHECKING:
    from corex.plugins.hookspecs import hookimpl

__all__ = ["Fault", "Plugin", "PluginManager", "hookimpl", "manager"]

_observers = PluginObservers(manager)


if not TYPE_CHECKING:  # else every name would seem to exist

    def __getattr__(name: str) -> Any:
        if name == "hookimpl":  # for plugins alone, which are loaded with the first tensor
            from corex.plugins.hookspecs import hookimpl

            return hookimpl
        raise AttributeError(f"module 'corex.plugins' has no attribute '{name}'")
