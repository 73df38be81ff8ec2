"""Asking a backend's probe, which may be slow or never answer, in a thread of its own."""

from __future__ import annotations

import os
import threading
import time
from typing import Final

from corex.backend.contract import BackendDescriptor
from corex.errors import PluginError

SECONDS: Final = 20.0
"""How long a probe may take, unless COREX_PROBE_SECONDS says otherwise."""


class Probe:
    """One call of a probe, begun when this is made.

    Attributes:
        error: what it raised.
        reason: what it answered: None if the backend can be used, else why not.
    """

    def __init__(self, descriptor: BackendDescriptor) -> None:
        self.descriptor = descriptor
        self.error: Exception | None = None
        self.reason: str | None = None
        self._began = time.monotonic()
        self._done = threading.Event()
        # A daemon: a program must be able to end while a driver hangs.
        self._thread = threading.Thread(
            target=self._run, name=f"probe of {descriptor.name}", daemon=True
        )
        self._thread.start()

    def _run(self) -> None:
        name = self.descriptor.name
        try:
            answer = self.descriptor.probe()
            if answer is not None and not isinstance(answer, str):
                raise PluginError(f"probe of {name!r} must return None or a str, got {answer!r}")
            self.reason = "it gives no reason" if answer == "" else answer
        except Exception as error:
            self.error = error
        except BaseException as error:  # it must not end unseen
            self.error = PluginError(f"probe of {name!r} ended with {type(error).__name__}")
        finally:
            self._done.set()

    def answered(self) -> bool:
        """Waits for the answer; False once the probe has taken as long as it may."""
        if threading.current_thread() is self._thread:
            raise PluginError(f"the probe of {self.descriptor.name!r} asks for its own backend")
        return self._done.wait(max(0.0, self._began + limit() - time.monotonic()))


def limit() -> float:
    """How many seconds a probe may take."""
    try:
        return float(os.environ.get("COREX_PROBE_SECONDS", SECONDS))
    except ValueError:
        return SECONDS
