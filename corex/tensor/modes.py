"""What a thread is doing: whether its ops record, and whether its work is captured into a graph."""

from __future__ import annotations

import threading


class _Mode(threading.local):
    enabled = True


mode = _Mode()
"""Grad mode of the current thread: ops record while `mode.enabled`."""


class _Capturing(threading.local):
    active = False


capturing = _Capturing()
"""Whether a device records this thread's work into a graph, to replay it later.

What decides with Python values (a count of steps, a place in the stream of random numbers) asks:
such values are the same at every replay.
"""


def refuse(what: str) -> None:
    """Raises where a graph is captured.

    Raises:
        RuntimeError: a graph is captured.
    """
    if capturing.active:
        raise RuntimeError(f"{what} cannot be captured into a graph")
