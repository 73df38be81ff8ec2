"""Runs cases in parallel, in processes that may hang or die without harm to the rest."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import TracebackType
from typing import Any, Final

from corex.errors import CorexError
from corex.testing.case import parse
from corex.testing.process import WorkerProcess, command
from corex.testing.result import CRASHED, TIMEOUT, Result
from corex.testing.select import tier_of
from corex.testing.worker import limit_of

TIMEOUT_SECONDS: Final = 60.0
_START_SECONDS: Final = 120.0
_TRIES: Final = 3
_AHEAD: Final = 4
_QUICK: Final = 0.05  # no case waits behind one that is known to take longer than this
_THREADS: Final = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "COREX_NUM_THREADS": "2",  # so that kernels which share their work out do that
}

OnResult = Callable[[Result], object]
"""Called with each result as it comes; a true answer ends the run."""


class PoolError(CorexError):
    """No worker can be started; the message says why."""


class _Worker:
    """A process, and what it has been given to do."""

    def __init__(self, process: WorkerProcess) -> None:
        self.process = process
        self.queue: deque[int] = deque()  # given to it, not begun
        self.current: int | None = None
        self.held: tuple[int, Result] | None = None  # not told before the process has gone on
        self.ready = False
        self.complaint = ""
        self.since = time.monotonic()  # the start of the process, or of the current case
        self.pace = _QUICK  # seconds of the last case

    @property
    def idle(self) -> bool:
        return self.current is None and not self.queue

    def room(self) -> int:
        """How many more ids it may be given."""
        ahead = 1 + (_AHEAD if self.pace < _QUICK else 0) if self.ready else 1
        return ahead - len(self.queue) - (self.current is not None)


class Pool:
    """Worker processes for one backend; a context manager, and usable for several runs.

    Args:
        backend: the backend's name.
        device: the number of its device.
        jobs: how many processes; as many as there are processors if None.
        timeout: seconds that one case may take; see `limit_of`.
        threads: whether to leave the number of threads per process to the backend.
        arguments: the worker's command line, if not the usual one.
    """

    def __init__(
        self,
        backend: str,
        device: int = 0,
        jobs: int | None = None,
        timeout: float = TIMEOUT_SECONDS,
        threads: bool = False,
        arguments: Sequence[str] | None = None,
    ) -> None:
        self.facts: dict[str, str] = {}
        self._jobs = max(1, jobs if jobs is not None else processors())
        self._timeout = timeout
        self._arguments = arguments or command(backend, device, timeout)
        self._environment = {**({} if threads else _THREADS), **os.environ}
        self._selector: selectors.BaseSelector | None = None
        self._workers: list[_Worker] = []
        self._failures = 0

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close() if error is None else self.kill()

    # ---- running ---------------------------------------------------------------------------
    def run(self, ids: Iterable[str], on_result: OnResult | None = None) -> list[Result]:
        """Runs the cases and returns their results, in the same order.

        Args:
            ids: case ids, as `Case.id` writes them; each is one line.
            on_result: called with each result as it comes, in no particular order. If it answers
                with something true, the run ends, and only the results so far are returned.

        Raises:
            PoolError: workers cannot be started.
        """
        self._ids = list(ids)
        self._waiting = deque(range(len(self._ids)))
        self._results: dict[int, Result] = {}
        self._on_result = on_result
        self._stopped = False
        with self._killed_by_errors():
            while len(self._results) < len(self._ids) and not self._stopped:
                self._employ()
                self._wait()
                self._look_after()
        if self._stopped:
            self.kill()
        return [self._results[position] for position in sorted(self._results)]

    def start(self) -> dict[str, str]:
        """Starts a worker, unless there is one, and returns what it says about the backend.

        Raises:
            PoolError: that is impossible.
        """
        self.run(())
        with self._killed_by_errors():
            while not self.facts:
                if not self._workers:
                    self._hire()
                self._wait()
                self._look_after()
        return self.facts

    @contextlib.contextmanager
    def _killed_by_errors(self) -> Iterator[None]:
        """No worker outlives an exception, of which an interrupt is one."""
        try:
            with _interruptible():
                yield
        except BaseException:
            self.kill()
            raise

    def _employ(self) -> None:
        """Hires workers as long as there is work for them, and hands it out."""
        for _ in range(min(self._jobs - len(self._workers), len(self._waiting))):
            self._hire()
        while self._waiting:
            worker = max(self._workers, key=_Worker.room)
            if worker.room() <= 0:
                break
            position = self._waiting.popleft()
            if _free(worker):
                worker.since = time.monotonic()
            worker.queue.append(position)
            worker.process.send(self._ids[position])
            self._send_rest(worker)

    def _hire(self) -> None:
        if self._selector is None:
            self._selector = selectors.DefaultSelector()
        worker = _Worker(WorkerProcess(self._arguments, self._environment))
        self._workers.append(worker)
        for descriptor in (worker.process.messages, worker.process.prints):
            self._selector.register(descriptor, selectors.EVENT_READ, worker)

    def _send_rest(self, worker: _Worker) -> None:
        """Writes what the worker has not been sent yet, now or when its pipe takes more."""
        assert self._selector is not None
        descriptor = worker.process.requests
        if worker.process.flush():
            self._ignore(descriptor)
        elif descriptor not in self._selector.get_map():
            self._selector.register(descriptor, selectors.EVENT_WRITE, worker)

    def _ignore(self, descriptor: int) -> None:
        """Asks not to be woken by a pipe any more."""
        assert self._selector is not None
        if descriptor in self._selector.get_map():
            self._selector.unregister(descriptor)

    def _wait(self) -> None:
        """Waits for something to happen, and takes note of it."""
        assert self._selector is not None
        due = [
            worker.since + self._patience(worker) for worker in self._workers if not _free(worker)
        ]
        pause = min([0.5, *(moment - time.monotonic() for moment in due)])
        for worker in {key.data for key, _ in self._selector.select(max(0.0, pause))}:
            self._attend(worker)

    def _attend(self, worker: _Worker) -> None:
        """Deals with all that a worker has sent."""
        self._send_rest(worker)
        worker.process.listen()
        for message in worker.process.read():
            self._understand(worker, message)
        if worker.process.mute:
            self._ignore(worker.process.prints)
        if worker.held is not None and worker.idle:
            self._tell(*worker.held)
            worker.held = None

    def _understand(self, worker: _Worker, message: dict[str, Any]) -> None:
        if "error" in message:
            worker.complaint = str(message["error"])
            if not self.facts:  # no worker could be started yet, so none will be
                raise PoolError(worker.complaint)
        worker.since = time.monotonic()
        if worker.held is not None:
            self._tell(*worker.held)
            worker.held = None
        if "ready" in message:
            worker.ready = True
            self.facts = message["ready"]
        elif "begin" in message and worker.queue:
            worker.current, self._failures = worker.queue.popleft(), 0
        elif "result" in message and worker.current is not None:
            result = Result(**message["result"])._replace(id=self._ids[worker.current])
            worker.held = (worker.current, result)
            worker.current, worker.pace = None, result.seconds

    def _tell(self, position: int, result: Result) -> None:
        if self._stopped:  # more has come with the result that ended the run
            return
        self._results[position] = result
        if self._on_result is not None and self._on_result(result):
            self._stopped = True

    # ---- workers in trouble ----------------------------------------------------------------
    def _patience(self, worker: _Worker) -> float:
        if not worker.ready:
            return _START_SECONDS
        return self._timeout if worker.current is None else self._limit(worker.current)

    def _limit(self, position: int) -> float:
        return limit_of(self._ids[position], self._timeout)

    def _look_after(self) -> None:
        """Buries the dead, and kills what takes too long."""
        for worker in list(self._workers):
            if worker.process.lost or worker.process.ended():
                self._bury(worker)
            elif not _free(worker) and time.monotonic() - worker.since > self._patience(worker):
                self._attend(worker)  # it may have gone on while this process was kept busy
                if time.monotonic() - worker.since > self._patience(worker):
                    self._give_up(worker)

    def _bury(self, worker: _Worker) -> None:
        """Learns from a process that has ended; its unfinished work goes to others."""
        self._attend(worker)
        culprit, worker.held = worker.held, None
        if worker.current is not None:
            culprit, after = (worker.current, _bare(self._ids[worker.current])), ""
        else:
            after = " right after this case"
        unneeded = _free(worker)
        end = self._dismiss(worker)
        if culprit is not None:
            position, result = culprit
            words = worker.process.last_words()
            message = "\n".join(filter(None, [end + after, words]))
            self._tell(position, result._replace(status=CRASHED, check="", message=message))
        elif not unneeded:
            self._count_failure(worker, end)

    def _give_up(self, worker: _Worker) -> None:
        """Ends a process that takes too long."""
        seconds = self._patience(worker)
        worker.process.interrogate()
        position = worker.current
        self._dismiss(worker)
        words = worker.process.last_words()
        if position is None:
            self._count_failure(worker, f"the process did nothing for {seconds:g} s")
            return
        case_id = self._ids[position]
        text = "\n".join(filter(None, [f"no result after {seconds:g} s", words]))
        self._tell(position, _bare(case_id)._replace(status=TIMEOUT, message=text, seconds=seconds))

    def _count_failure(self, worker: _Worker, end: str) -> None:
        """A process ended before it did anything; when that goes on, nothing will come of it."""
        self._failures += 1
        if self._failures >= _TRIES:
            words = worker.process.last_words()
            when = "while it waited for work" if worker.ready else "before it could run a case"
            text = worker.complaint or f"{end}, {when}"
            raise PoolError("\n".join(filter(None, [text, words])))

    def _dismiss(self, worker: _Worker) -> str:
        """Ends a worker, takes back what it has not begun and tells how it ended."""
        assert self._selector is not None
        self._workers.remove(worker)
        process = worker.process
        for descriptor in (process.requests, process.messages, process.prints):
            self._ignore(descriptor)
        self._waiting.extendleft(reversed(worker.queue))
        worker.queue.clear()
        return process.kill()

    # ---- the end ---------------------------------------------------------------------------
    def close(self, patience: float = 2.0) -> None:
        """Lets the workers end by themselves, for a moment; then kills them."""
        for worker in self._workers:
            worker.process.finish()
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline and not all(w.process.ended() for w in self._workers):
            for worker in self._workers:
                worker.process.listen()  # a full pipe would keep it from ending
            time.sleep(0.005)
        self.kill()

    def kill(self) -> None:
        """Kills the workers and gives back what they held."""
        for worker in self._workers:
            worker.process.kill()
        self._workers.clear()
        if self._selector is not None:
            self._selector.close()
            self._selector = None


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """An interrupt is a KeyboardInterrupt here, also in a job that a shell runs in the background.

    Such a job inherits that SIGINT is ignored, and would leave its workers, which have a session of
    their own, to whoever sent the signal to all of the job.
    """
    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _free(worker: _Worker) -> bool:
    """Whether nothing is expected of it."""
    return worker.ready and worker.idle


def _bare(case_id: str) -> Result:
    """A result that says no more than the case does."""
    try:
        op = parse(case_id).op
    except ValueError:
        op = ""
    return Result(case_id, op, tier_of(op), CRASHED)


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
