"""Finding plugins, keeping their faults, and choosing among what they bring."""

from corex.plugins.faults import Fault
from corex.plugins.hookspecs import hookimpl
from corex.plugins.manager import PluginManager, manager
from corex.plugins.observers import PluginObservers

__all__ = ["Fault", "PluginManager", "hookimpl", "manager"]

_observers = PluginObservers(manager)
