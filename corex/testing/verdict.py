"""How a case ends before its end."""

from __future__ import annotations

import traceback


class Verdict(Exception):  # noqa: N818 - not an error of the program
    """Ends a case with a status, the check that was not passed, and a message."""

    def __init__(self, status: str, check: str = "", message: str = "") -> None:
        super().__init__(message)
        self.status, self.check, self.message = status, check, message


def told(error: BaseException) -> str:
    """An exception for a message: its kind, its text, and where it came from."""
    last = traceback.format_exception(error)[-4:]
    return f"{type(error).__name__}: {error}\n{''.join(last).rstrip()}"
