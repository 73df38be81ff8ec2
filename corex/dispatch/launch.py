"""The one place where a kernel is called, beside the short cuts of `template.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from corex.dispatch.resolve import Resolution, settle
from corex.observe import events
from corex.tensor.place import Place, observed


def launch(
    found: Resolution,
    op: str,
    place: Place,
    arguments: tuple[Any, ...],
    outs: Sequence[Any] | None = None,
    inputs: Sequence[Any] = (),
    params: tuple[Any, ...] = (),
) -> Resolution:
    """Runs the first kernel in line that takes the arguments, and tells who listens.

    Returns the resolution that ran, or, if its `run` is None, the one that says why none did.
    `outs` and `inputs` are for the report, whatever `events.spec` takes; without `outs` it is part
    of what the caller reports.
    """
    if found.accepts is not None:
        found = settle(found, arguments)
    if found.run is not None:
        found.run(*arguments)
        if outs is not None and observed():
            events.tell(op, place, found.how, found.reason, outs, inputs, params)
    return found
