"""What is made when somebody asks for it, so that importing corex costs little: functions from
source text (those that differ in nothing but a name are compiled once), signatures, and tables."""

from __future__ import annotations

import inspect
from collections.abc import Callable, ItemsView, Iterable, Iterator, KeysView, ValuesView
from functools import cache
from types import CodeType, FunctionType
from typing import Any, Final, TypeVar

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


# ---- tables --------------------------------------------------------------------------------------
_V = TypeVar("_V")


class Table(dict[str, _V]):
    """A table, some entries of which are made when they are asked for.

    Whoever asks for a name gets its entry; whoever looks at all entries gets all.
    """

    __slots__ = ("_late",)

    def __init__(self, entries: Any = ()) -> None:
        super().__init__(entries)
        self._late: dict[str, Callable[[], None]] = {}

    def expect(self, names: Iterable[str], load: Callable[[], None]) -> None:
        """Says that `load`, which may be called several times, enters these names."""
        self._late.update(dict.fromkeys(names, load))

    def has(self, name: str) -> bool:
        """Whether the name is entered already."""
        return super().__contains__(name)

    def late(self) -> frozenset[str]:
        """The names that were expected."""
        return frozenset(self._late)

    def names(self) -> list[str]:
        """All names, without an entry being made for that."""
        return [*super().keys(), *[name for name in list(self._late) if not self.has(name)]]

    def complete(self) -> Table[_V]:
        """The table itself, with all entries."""
        if self._late:
            for load in dict.fromkeys(self._late.values()):
                load()
            self._late.clear()
        return self

    def __missing__(self, name: str) -> _V:
        load = self._late.get(name)
        if load is not None:
            load()
            if self.has(name):
                return self[name]
        raise KeyError(name)

    def get(self, name: str, default: Any = None) -> Any:
        try:
            return self[name]
        except KeyError:
            return default

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or name in self._late

    def __iter__(self) -> Iterator[str]:
        self.complete()
        return super().__iter__()

    def __len__(self) -> int:
        self.complete()
        return super().__len__()

    def keys(self) -> KeysView[str]:  # type: ignore[override]
        self.complete()
        return super().keys()

    def values(self) -> ValuesView[_V]:  # type: ignore[override]
        self.complete()
        return super().values()

    def items(self) -> ItemsView[str, _V]:  # type: ignore[override]
        self.complete()
        return super().items()

    def __repr__(self) -> str:
        self.complete()
        return super().__repr__()

    def __eq__(self, other: object) -> bool:
        self.complete()
        return super().__eq__(other)

    def __or__(self, other: Any) -> Any:
        return dict(self) | other

    def __ror__(self, other: Any) -> Any:
        return other | dict(self)
