"""One worker process as its parent sees it: messages, what it printed last, and its end."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from corex.testing.worker import MARK

TAIL: Final = 16384
"""How many bytes of what a worker prints are kept."""

_START: Final = """
import json, sys
sys.path[:] = json.loads(sys.argv.pop(1))
from corex.testing.worker import main
sys.exit(main())
"""


def command(backend: str, device: int, timeout: float) -> list[str]:
    """The command line of a worker that finds the modules which this process finds."""
    options = ["--backend", backend, "--device", str(device), "--timeout", str(timeout)]
    options += ["--parent", str(os.getpid())]
    return [sys.executable, "-c", _START, json.dumps(sys.path), *options]


class WorkerProcess:
    """A child process with pipes that are never waited for."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            bufsize=0,
            start_new_session=True,  # an interrupt is the parent's; and children can be killed too
        )
        pipes = (self._process.stdin, self._process.stdout, self._process.stderr)
        self.requests, self.messages, self.prints = (pipe.fileno() for pipe in pipes if pipe)
        for descriptor in (self.requests, self.messages, self.prints):
            os.set_blocking(descriptor, False)
        self.lost = False  # it has closed its end of the messages, as happens when it ends
        self.mute = False  # it has closed its stderr
        self._unsent = b""
        self._partial = b""
        self._tail = b""

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    # ---- to the worker ---------------------------------------------------------------------
    def send(self, line: str) -> None:
        """Queues a line, and writes what the pipe takes."""
        self._unsent += line.encode() + b"\n"
        self.flush()

    def flush(self) -> bool:
        """Writes as much as the pipe takes; whether all is written."""
        try:
            while self._unsent:
                self._unsent = self._unsent[os.write(self.requests, self._unsent) :]
        except BlockingIOError:
            return False
        except BrokenPipeError:  # its end is noticed elsewhere
            self._unsent = b""
        return True

    # ---- from the worker -------------------------------------------------------------------
    def read(self) -> list[dict[str, Any]]:
        """The messages that have come since the last call."""
        data, self.lost = _available(self.messages)
        *lines, self._partial = (self._partial + data).split(b"\n")
        found = []
        for line in lines:
            with contextlib.suppress(ValueError):
                message = json.loads(line)
                if isinstance(message, dict):
                    found.append(message)
        return found

    def listen(self) -> None:
        """Takes what the worker printed, and keeps the end of what belongs to the last case."""
        data, self.mute = _available(self.prints)
        self._tail = (self._tail + data).rpartition(MARK)[2][-TAIL:]

    def last_words(self) -> str:
        """The last lines it printed; of a traceback by faulthandler, the first ones."""
        return digest(self._tail.decode(errors="replace"))

    # ---- its end ---------------------------------------------------------------------------
    def ended(self) -> bool:
        """Whether the process has ended; it is not yet cleared away then."""
        if self._process.returncode is not None:
            return True
        flags = os.WEXITED | os.WNOWAIT | os.WNOHANG
        return os.waitid(os.P_PID, self.pid, flags) is not None

    def finish(self) -> None:
        """Tells it that nothing more comes, upon which it ends by itself."""
        if self._process.stdin is not None:
            self._process.stdin.close()

    def interrogate(self, patience: float = 0.5) -> None:
        """Makes it print where it is, as far as that is possible."""
        os.kill(self.pid, signal.SIGUSR1)
        deadline = time.monotonic() + patience
        heard = b""
        while time.monotonic() < deadline:
            time.sleep(0.05)
            data, self.mute = _available(self.prints)
            heard += data
            if heard and not data:
                break
        own = heard.partition(MARK)[0]  # the signal may have woken it, and it went on
        self._tail = (self._tail + own)[-TAIL:]

    def kill(self) -> str:
        """Ends it and its children, closes the pipes and tells how it ended."""
        deadline = time.monotonic() + 1  # to end by itself, if that is what it is about to do
        while self.lost and not self.ended() and time.monotonic() < deadline:
            time.sleep(0.005)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):  # in the kernel's hands
            self._process.wait(10)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()
        return how_it_ended(self._process.returncode)


def _available(descriptor: int, limit: int = 1 << 20) -> tuple[bytes, bool]:
    """The bytes that a pipe holds now, and whether none will come any more."""
    parts: list[bytes] = []
    while limit > 0:
        try:
            part = os.read(descriptor, 65536)
        except BlockingIOError:
            return b"".join(parts), False
        if not part:
            return b"".join(parts), True
        parts.append(part)
        limit -= len(part)
    return b"".join(parts), False


def how_it_ended(code: int | None) -> str:
    """An exit code in words."""
    if code is None:
        return "the process cannot be killed"
    if code >= 0:
        return f"the process exited with code {code}"
    try:
        return f"the process was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"the process was killed by signal {-code}"


def digest(text: str, lines: int = 12) -> str:
    """The lines of a process's output that tell most about its end."""
    text = re.sub(r" 0x[0-9a-f]{8,}", "", text)  # addresses differ from run to run
    kept = [line.rstrip() for line in text.splitlines() if line.strip()]
    kept = [line for line in kept if not line.startswith("Extension modules:")]
    heads = ("Fatal Python error:", "Current thread", "Thread", "Stack (most recent call")
    starts = [i for i, line in enumerate(kept) if line.startswith(heads)]
    if starts:
        first = max(starts)
        first -= first > 0 and kept[first - 1].startswith("Fatal Python error:")
        return "\n".join(kept[max(0, first - 3) : first + lines])
    return "\n".join(kept[-lines:])
