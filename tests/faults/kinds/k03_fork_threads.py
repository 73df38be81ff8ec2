"""Forks, with and without threads that compute; who says how many threads there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from tests.faults.replay import in_a_process

KIND = "03: forked children hung; variables and functions for threads were missing"

FORKS = """
import os, signal, sys, threading, time, warnings
warnings.simplefilter("ignore")
import corex
corex.set_backend({backend!r})
corex.set_num_threads({threads})
stop = threading.Event()

def compute():
    a = corex.ones(96, 96)
    while not stop.is_set():
        b = a @ a
        (b + 1).exp_().sum()
        [corex.empty(3000) for _ in range(20)]

def child():
    a = corex.ones(128, 128)
    assert (a @ a).sum().item() == 128**3
    assert (corex.ones(70000) + 1).sum().item() == 140000
    [corex.empty(n) for n in range(1, 5000, 100)]

others = [threading.Thread(target=compute) for _ in range({others})]
for each in others:
    each.start()
for number in range({forks}):
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            child()
            code = 0
        finally:
            os._exit(code)
    end = time.monotonic() + 60
    while os.waitpid(pid, os.WNOHANG)[0] == 0:
        if time.monotonic() > end:
            os.kill(pid, signal.SIGKILL)
            print("fork number", number, "hung", file=sys.stderr)
            os._exit(1)
        time.sleep(0.0005)
stop.set()
for each in others:
    each.join()
child()
"""

_ASK = "import corex; corex.set_backend('cpu_c'); print(corex.get_num_threads())"


def forks(backend: str, threads: int, others: int, count: int, timeout: float = 100) -> None:
    """Forks while `others` threads compute; a child that is not done after a minute hangs."""
    program = FORKS.format(backend=backend, threads=threads, others=others, forks=count)
    in_a_process(program, timeout)


def _variable(name: str, value: str, wanted: int, **more: str) -> None:
    names = ("COREX_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    environment = {**dict.fromkeys(names, ""), name: value, **more}
    got = int(in_a_process(_ASK, **environment))
    assert got == wanted, f"{got} threads"


def _blas_variable() -> None:
    program = """
    import os, time, corex
    corex.set_backend("cpu_c")
    a = corex.ones(128, 128)  # too few to fill, enough to multiply, with several threads
    a @ a
    def count():
        time.sleep(0.01)
        return len(os.listdir("/proc/self/task"))
    print(min(count() for _ in range(20)))  # the threads that probed backends may still be ending
    """
    few = in_a_process(program, OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="4")
    assert int(few) == 1, few
    several = in_a_process(program, OPENBLAS_NUM_THREADS="3", OMP_NUM_THREADS="4")
    assert int(several) <= 4, several


def _functions(backend: str) -> None:
    in_a_process(f"""
    import corex
    def raises(call, kind, words):
        try:
            call()
        except kind as error:
            assert words in str(error), error
        else:
            raise AssertionError(words)
    corex.set_backend({backend!r})
    assert corex.get_num_threads() >= 1
    corex.set_num_threads(3)
    assert corex.get_num_threads() == 3
    for bad in (0, -1):
        raises(lambda: corex.set_num_threads(bad), RuntimeError, "expects a positive integer")
    for bad in ("a", 1.5, True, None):
        raises(lambda: corex.set_num_threads(bad), RuntimeError, "expects an int, but got")
    assert corex.get_num_threads() == 3
    assert corex.place_of("cpu_c").backend.get_num_threads() == 3
    corex.set_num_threads(10**6)
    assert corex.get_num_threads() == 10**6
    assert (corex.ones(100000) + 1).sum().item() == 200000
    corex.set_num_interop_threads(2)
    assert corex.get_num_interop_threads() == 2
    raises(lambda: corex.set_num_interop_threads(2), RuntimeError, "cannot set number of interop")
    """)


def cases(backend: str) -> Iterator[tuple[str, Callable[[], None]]]:
    yield "functions", partial(_functions, backend)
    if backend != "cpu_c":
        return
    for threads in (1, 2):
        yield f"forks at {threads} threads", partial(forks, backend, threads, 0, 20)
        yield f"forks beside others at {threads}", partial(forks, backend, threads, 2, 20)
    yield "OMP_NUM_THREADS", partial(_variable, "OMP_NUM_THREADS", "3", 3)
    yield "OMP_NUM_THREADS as a list", partial(_variable, "OMP_NUM_THREADS", "3,2", 3)
    yield "MKL_NUM_THREADS", partial(_variable, "MKL_NUM_THREADS", "3", 3, OMP_NUM_THREADS="2")
    yield "COREX_NUM_THREADS", partial(_variable, "COREX_NUM_THREADS", "5", 5, OMP_NUM_THREADS="2")
    yield "OPENBLAS_NUM_THREADS", _blas_variable
