"""How a case ends before its end."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

from corex.testing.result import RAISED


class Verdict(Exception):  # noqa: N818 - not an error of the program
    """Ends a case with a status, the check that was not passed, and a message."""

    def __init__(
        self, status: str, check: str = "", message: str = "", also: list[str] | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.check, self.message = status, check, message
        self.also = also or []


class Findings:
    """The verdicts of all checks of one case, so that no fault hides another."""

    def __init__(self) -> None:
        self._found: list[tuple[str, str, str]] = []

    def add(self, status: str, check: str, message: str) -> None:
        """Keeps a fault."""
        self._found.append((status, check, message))

    def attempt(self, check: Callable[..., Any], *arguments: Any) -> bool:
        """Runs a check and keeps its verdict; whether there was none.

        The exception is let go: its frames hold buffers, whose references are checked later.
        """
        try:
            check(*arguments)
        except Verdict as end:
            self.add(end.status, end.check, end.message)
            return False
        return True

    def has(self, *checks: str) -> bool:
        """Whether one of these checks found a fault."""
        return any(check in checks for _, check, _ in self._found)

    def conclude(self) -> None:
        """Ends the case, unless nothing was found.

        Raises:
            Verdict: the first fault; its message tells of the others, too.
        """
        if not self._found:
            return
        status = RAISED if any(found[0] == RAISED for found in self._found) else self._found[0][0]
        _, check, message = self._found[0]
        more = [f"also ({other}): {text}" for _, other, text in self._found[1:]]
        also = list(dict.fromkeys(other for _, other, _ in self._found[1:] if other != check))
        raise Verdict(status, check, "\n".join([message, *more]), also)


def told(error: BaseException) -> str:
    """An exception for a message: its kind, its text, and where it came from."""
    last = traceback.format_exception(error)[-4:]
    return f"{type(error).__name__}: {error}\n{''.join(last).rstrip()}"
