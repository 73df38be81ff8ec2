"""Finding plugins, keeping their faults, and choosing among what they bring."""

from corex.plugins.faults import Fault
from corex.plugins.hookspecs import hookimpl
from corex.plugins.manager import PluginManager, manager
from corex.plugins.observers import PluginObservers
from corex.plugins.registry import Plugin

__all__ = ["Fault", "Plugin", "PluginManager", "hookimpl", "manager"]

_observers = PluginObservers(manager)
