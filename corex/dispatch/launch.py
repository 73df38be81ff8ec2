"""The one place where a kernel is called, beside the short cuts of `template.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from corex.dispatch.notes import note
from corex.dispatch.resolve import Resolution, settle
from corex.observe import events
from corex.tensor import place as places
from corex.tensor.place import Place


def launch(
    found: Resolution,
    op: str,
    place: Place,
    arguments: tuple[Any, ...],
    shown: Sequence[Any] | None = None,
    outs: int = 1,
    params: tuple[Any, ...] = (),
) -> Resolution:
    """Runs the first kernel in line that takes the arguments, and tells who listens.

    Returns the resolution that ran, or, if its `run` is None, the one that says why none did.
    For the report there are `shown`, the first `outs` of which are written, in whatever form
    `events.spec` takes; without them the call is part of what the caller reports.
    """
    if found.accepts is not None:
        found = settle(found, arguments)
    if found.run is not None:
        try:
            if shown is None or not places.observers:
                found.run(*arguments)
            else:
                events.run(
                    found.run, arguments, op, place, found.how, found.reason, shown, outs, params
                )
        except Exception as error:
            note(error, op, place, arguments)
            raise
    return found
