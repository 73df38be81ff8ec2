"""The thread pool: settings, and forks after it was used."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from tests.backends.cpu_c.layouts import as_array, put


@pytest.fixture
def threads(backend):
    before = backend.get_num_threads()
    backend.set_num_threads(4)
    yield backend
    backend.set_num_threads(before)


def work(backend):
    """Work that uses our threads, and BLAS's."""
    a = np.random.default_rng(0).normal(size=(400, 300)).astype(np.float32)
    out, view = put(backend, a), put(backend, a)
    backend.kernels["exp"](out, view)
    product = put(backend, np.zeros((1, 400, 400), np.float32))
    three = (view[0], view[1], (1, 400, 300), (0, 300, 1), view[4])
    other = (view[0], view[1], (1, 300, 400), (0, 1, 300), view[4])
    backend.kernels["matmul"](product, three, other)
    np.testing.assert_allclose(as_array(out), np.exp(a), rtol=1e-6)
    np.testing.assert_allclose(as_array(product)[0], a @ a.T, rtol=1e-3, atol=1e-3)


def test_setting(backend):
    before = backend.get_num_threads()
    assert before >= 1
    backend.set_num_threads(3)
    assert backend.get_num_threads() == 3
    backend.set_num_threads(before)
    for count in (0, -1, 10**6):
        with pytest.raises(ValueError):
            backend.set_num_threads(count)


def test_environment():
    code = "from corex_cpu_c.backend import CpuCBackend; print(CpuCBackend().get_num_threads())"
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "COREX_NUM_THREADS": "3"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert result.stdout.strip() == "3"


def wait_for(pid, seconds):
    """The exit code of a child that must not hang."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return "hung"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_fork_after_threads(threads):
    work(threads)
    for _ in range(3):
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                work(threads)
                code = 0
            finally:
                os._exit(code)
        work(threads)
        assert wait_for(pid, 60) == 0


def test_results_do_not_depend_on_threads(backend):
    a = np.random.default_rng(0).normal(size=500_000).astype(np.float32)
    view, results = put(backend, a), []
    before = backend.get_num_threads()
    for count in (1, 2, 4):
        backend.set_num_threads(count)
        out = put(backend, np.zeros((), np.float32))
        backend.kernels["sum"](out, view, 1)
        results.append(float(as_array(out)))
    backend.set_num_threads(before)
    assert len(set(results)) == 1


def test_python_threads_share_the_pool(threads):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: work(threads), range(12)))
