"""Handles by which registered hooks are taken away again."""

from __future__ import annotations

import weakref
from collections.abc import MutableMapping
from itertools import count
from types import TracebackType
from typing import Any

_ids = count()


class RemovableHandle:
    """Removes one hook from its table: by `remove()`, or at the end of a `with` block.

    Attributes:
        id: the hook's key in the table.
    """

    __slots__ = ("__weakref__", "_extra", "_table", "id")

    def __init__(
        self,
        table: MutableMapping[int, Any],
        extra: tuple[MutableMapping[int, Any], ...] = (),
    ) -> None:
        self.id = next(_ids)
        self._table = weakref.ref(table)
        self._extra = tuple(weakref.ref(other) for other in extra)

    def remove(self) -> None:
        """Takes the hook away; a second call does nothing."""
        for reference in (self._table, *self._extra):
            table = reference()
            if table is not None:
                table.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.remove()
