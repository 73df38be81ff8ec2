"""Exceptions and warnings that corex raises beside the built-in ones."""


class CorexError(RuntimeError):
    """Base class of the errors that have no better built-in type."""


class BackendUnavailableError(CorexError):
    """A backend is installed (or named) but cannot be used; the message says why."""


class KernelUnavailableError(CorexError, NotImplementedError):
    """No kernel, decomposition or permitted fallback can run an op."""


class OutOfMemoryError(CorexError, MemoryError):
    """A backend could not allocate; the message names the bytes asked for."""


class PluginError(CorexError):
    """A plugin broke the contract of the `corex` entry-point group."""


class FallbackWarning(UserWarning):
    """An op ran on the host backend because its own backend has no kernel for it."""


class GraphError(CorexError, ValueError):
    """A graph is not one; the message says what is wrong with it."""


class CompilationWarning(UserWarning):
    """A backend could not compile a graph, which runs op by op instead."""
