"""Exceptions and warnings that corex raises beside the built-in ones."""

import sys
import warnings
from collections.abc import Iterable
from typing import Any


class LinAlgError(RuntimeError):
    """A matrix that an algorithm of linear algebra cannot handle, such as a singular one."""


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


class MissingAttributeError(CorexError, AttributeError):
    """A property that other tensors have and this one has not: a RuntimeError, as in PyTorch, but
    `hasattr`, and the protocols that ask by it, get an answer."""


class LayoutError(CorexError, NotImplementedError):
    """An op asked a tensor for its memory that has none of its own, such as a sparse one.

    Where users call it, that is caught, and `answer(name, args, kwargs)` does what the op means for
    such tensors: so nobody asks what layout a tensor has before it is needed.
    """

    @staticmethod
    def answer(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What a call means; set by whoever makes such tensors."""
        raise NotImplementedError(f"[{name}] nobody makes tensors without memory")

    def __str__(self) -> str:
        """The message, with the name of the function that was called."""
        trace = self.__traceback__
        while trace is not None and not _is_ours(trace.tb_frame.f_globals.get("__name__", "")):
            trace = trace.tb_next
        text = super().__str__()
        return text if trace is None else f"[{trace.tb_frame.f_code.co_name}] {text}"


class FallbackWarning(UserWarning):
    """An op ran on the host backend because its own backend has no kernel for it."""


class GraphError(CorexError, ValueError):
    """A graph is not one; the message says what is wrong with it."""


class CompilationWarning(UserWarning):
    """A backend could not compile a graph, which runs op by op instead."""


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warns of something that the program did: names its line, however deep in corex this is."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and _is_ours(frame.f_globals.get("__name__", "")):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


def user_line() -> str:
    """File and number of the line of the program that this is done for."""
    frame = sys._getframe(1)
    while frame.f_back is not None and _is_ours(frame.f_globals.get("__name__", "")):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def add_note(error: BaseException, text: str) -> None:
    """Adds a note to an exception, from Python 3.11 on; before, to its message."""
    if hasattr(error, "add_note"):
        error.add_note(text)
    elif len(error.args) == 1 and isinstance(error.args[0], str):
        error.args = (f"{error.args[0]}\n{text}",)


def _is_ours(module: str) -> bool:
    return module == "corex" or module.startswith("corex.")


def near(name: str, known: Iterable[str]) -> str:
    """A hint at the known name that is meant by an unknown one, to follow a message, or nothing."""
    import difflib  # slow to import, and seldom needed

    found = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {found[0]}?)" if found else ""
