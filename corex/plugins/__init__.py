"""Finding plugins, keeping their faults, and choosing among the backends they bring."""

from corex.plugins.faults import Fault
from corex.plugins.hookspecs import hookimpl
from corex.plugins.manager import PluginManager, manager

__all__ = ["Fault", "PluginManager", "hookimpl", "manager"]
