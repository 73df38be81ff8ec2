"""Whether this thread's work is being captured into a graph, to be replayed later.

What decides with Python values (a count of steps, a place in the stream of random numbers) asks:
such values are the same at every replay.
"""

from __future__ import annotations

import threading


class _State(threading.local):
    active = False


state = _State()


def refuse(what: str) -> None:
    """Raises where a graph is captured.

    Raises:
        RuntimeError: a graph is captured.
    """
    if state.active:
        raise RuntimeError(f"{what} cannot be captured into a graph")
