"""What is raised where corex breaks the contract."""

from __future__ import annotations


class StrictError(Exception):
    """A call that the contract forbids: a bug of the caller, never of the user's program.

    No RuntimeError, so that a test which expects one of those cannot mistake it.

    Attributes:
        kernel: the kernel or memory function that was called.
        argument: which of its arguments is at fault.
        reason: what is wrong with it.
    """

    def __init__(self, kernel: str, argument: str, reason: str) -> None:
        super().__init__(f"{kernel}: {argument} {reason}")
        self.kernel = kernel
        self.argument = argument
        self.reason = reason
