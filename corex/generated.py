"""Functions from source text, made when they are first called; those that differ in nothing but a
name are compiled once. And signatures that are worked out when they are first looked at."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from types import CodeType, FunctionType
from typing import Any, Final

NAME: Final = "_name_"
"""Stands for the name of the function, in its text."""


def function_of(
    source: str, name: str, about: str, scope: dict[str, Any], known: dict[str, Any]
) -> Callable[..., Any]:
    """The function that `source` defines, whose name, and every string that is `NAME`, is `name`.

    Args:
        about: what tracebacks call the text.
        scope: what the text refers to.
        known: what all texts of its kind refer to, too.
    """
    found = {**known, **scope}
    code = _define(source, name, about, found)
    function: Any = found[NAME]
    function.__code__ = code
    function.__name__ = function.__qualname__ = name
    return function  # type: ignore[no-any-return]


def function_when_called(
    first: Callable[..., Any],
    name: str,
    about: str,
    write: Callable[[dict[str, Any]], str],
    known: dict[str, Any],
) -> Callable[..., Any]:
    """As `function_of`, but the text is asked for and compiled at the first call: several hundred
    are made when corex is imported, and few are called.

    Args:
        first: has the function's parameters, and the body `return ready()(PARAMETERS)`, where
            `ready` is a global variable. The function has its code until the first call.
        write: enters what the text refers to into a dict, and returns the text.
    """
    scope = dict(known)
    model: Any = first
    function: Any = FunctionType(model.__code__, scope, name, model.__defaults__)
    function.__kwdefaults__ = model.__kwdefaults__
    function.__qualname__ = name
    function.__annotations__ = dict(model.__annotations__)

    def ready() -> Callable[..., Any]:
        function.__code__ = _define(write(scope), name, about, scope)
        return function  # type: ignore[no-any-return]

    scope["ready"] = ready
    return function  # type: ignore[no-any-return]


def _define(source: str, name: str, about: str, scope: dict[str, Any]) -> CodeType:
    """Runs the text, which defines the function `NAME` in `scope`; its code, under its own name."""
    exec(_compiled(source), scope)
    code: CodeType = scope[NAME].__code__
    consts = tuple([name if const == NAME else const for const in code.co_consts])
    code = code.replace(co_name=name, co_filename=f"<{about}>", co_consts=consts)
    return code.replace(co_qualname=name) if hasattr(code, "co_qualname") else code


@cache
def _compiled(source: str) -> CodeType:
    return compile(source, "<generated>", "exec")


class Signature(inspect.Signature):
    """The signature that `make` returns, which is called when somebody looks at it: several hundred
    are given to functions when corex is imported. What is found is then an `inspect.Signature`."""

    __slots__ = ()

    def __init__(self, make: Callable[[], inspect.Signature]) -> None:
        _PARAMETERS.__set__(self, make)

    def _settle(self) -> inspect.Signature:
        made = _PARAMETERS.__get__(self)()
        _PARAMETERS.__set__(self, made._parameters)
        _RESULT.__set__(self, made._return_annotation)
        settled: Any = self
        settled.__class__ = inspect.Signature
        return settled  # type: ignore[no-any-return]

    @property
    def _parameters(self) -> Any:
        return self._settle()._parameters  # type: ignore[attr-defined]

    @property
    def _return_annotation(self) -> Any:
        return self._settle()._return_annotation  # type: ignore[attr-defined]

    def replace(self, **changed: Any) -> Any:
        return self._settle().replace(**changed)

    def __reduce__(self) -> Any:
        return self._settle().__reduce__()


_PARAMETERS: Any = vars(inspect.Signature)["_parameters"]
_RESULT: Any = vars(inspect.Signature)["_return_annotation"]
