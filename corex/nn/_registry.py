"""The tables behind a module's attributes."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any


class Registry(dict[str, Any]):
    """One of a module's tables: its parameters, its buffers or its children.

    Every entry is mirrored in the module's `__dict__`, which makes `self.weight` a plain attribute
    look-up, while the table stays the truth about order and membership. Entries changed directly
    (`del module._parameters["weight"]`) keep the mirror right. The owner is held weakly, so a
    module is freed as soon as its last reference goes.
    """

    __slots__ = ("_owner",)

    def __init__(self, owner: object, entries: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self._owner = weakref.ref(owner)
        if entries:
            self.update(entries)

    def _unmirror(self, name: str, value: Any) -> None:
        owner = self._owner()
        if owner is not None and owner.__dict__.get(name) is value:
            owner.__dict__.pop(name, None)

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, value)
        owner = self._owner()
        if owner is not None:
            owner.__dict__[name] = value

    def __delitem__(self, name: str) -> None:
        value = self[name]
        super().__delitem__(name)
        self._unmirror(name, value)

    def pop(self, name: str, *default: Any) -> Any:
        """As `dict.pop`."""
        if name not in self:
            return super().pop(name, *default)
        value = super().pop(name)
        self._unmirror(name, value)
        return value

    def popitem(self) -> tuple[str, Any]:
        """As `dict.popitem`."""
        name, value = super().popitem()
        self._unmirror(name, value)
        return name, value

    def clear(self) -> None:
        """As `dict.clear`."""
        while self:
            self.popitem()

    def setdefault(self, name: str, default: Any = None) -> Any:
        """As `dict.setdefault`."""
        if name not in self:
            self[name] = default
        return self[name]

    def update(  # type: ignore[override]
        self, entries: Mapping[str, Any] | Iterable[tuple[str, Any]] = (), **more: Any
    ) -> None:
        """As `dict.update`."""
        for name, value in dict(entries, **more).items():
            self[name] = value

    def __ior__(self, other: Any) -> Registry:  # type: ignore[override,misc]
        self.update(other)
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return (dict, (dict(self),))

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        return {name: deepcopy(value, memo) for name, value in self.items()}
