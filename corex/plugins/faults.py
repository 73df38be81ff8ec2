"""What is kept of a plugin that failed, so that it can be shown and, when asked for, raised."""

from __future__ import annotations

import re
import traceback
from typing import NamedTuple


class Fault(NamedTuple):
    """One failure of one plugin.

    Attributes:
        plugin: the plugin's name (its entry point's name, where it came from one).
        distribution: name and version of the distribution that brought it, or "".
        stage: what was being done: "metadata", "import", "register", "backends", "descriptor",
            "duplicate", "probe", "factory", or the name of a hook.
        exception: the original exception.
        traceback: its formatted traceback.
        backend: the backend concerned, where only one is.
        op: the op concerned, where only one is.
    """

    plugin: str
    distribution: str
    stage: str
    exception: BaseException
    traceback: str
    backend: str | None = None
    op: str | None = None

    @classmethod
    def of(
        cls,
        exception: BaseException,
        stage: str,
        plugin: str,
        distribution: str = "",
        backend: str | None = None,
        op: str | None = None,
    ) -> Fault:
        """The fault that keeps `exception`."""
        text = "".join(traceback.format_exception(exception))
        return cls(plugin, distribution, stage, exception, text, backend, op)

    def concerns(self, name: str) -> bool:
        """Whether this may be why the backend called `name` is missing."""
        if self.stage.startswith("corex_"):  # the plugin's backends are there
            return False
        return name == (self.plugin if self.backend is None else self.backend)

    def hints_at(self, device_type: str) -> bool:
        """Whether this may be why nobody serves a device type, as far as names tell."""
        names = f"{self.plugin} {self.distribution} {self.backend or ''}".lower()
        words = {*names.split(), *re.split(r"[\W_]+", names)}
        return not self.stage.startswith("corex_") and device_type in words

    def may_concern_op(self, name: str) -> bool:
        """Whether this may be why the op called `name` is missing."""
        if self.stage == "corex_ops":
            return self.op is None or self.op == name
        return self.stage in ("metadata", "import", "register", "backends")

    def summary(self) -> str:
        """The exception in one line."""
        return one_line(self.exception)

    def __str__(self) -> str:
        origin = f" ({self.distribution})" if self.distribution else ""
        return f"plugin {self.plugin!r}{origin} failed at {self.stage}: {self.summary()}"


def one_line(exception: BaseException) -> str:
    """`Type: message`, on one line."""
    message = " ".join(str(exception).split())
    kind = type(exception).__name__
    return f"{kind}: {message}" if message else kind


def frame_in(author: object, exception: BaseException) -> str:
    """` (at FILE:LINE in FUNCTION)`: where an exception left the code of an object's author."""
    package = type(author).__module__.partition(".")[0]
    found = None
    for frame, line in traceback.walk_tb(exception.__traceback__):
        if frame.f_globals.get("__name__", "").partition(".")[0] == package:
            found = f" (at {frame.f_code.co_filename}:{line} in {frame.f_code.co_name})"
    return found or ""
