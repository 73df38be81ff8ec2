"""Every path that the processor, a size or a number of threads chooses gives right results.

The samples are computed under each setting of `backends/cpu_c/sweep.py`, the conformance suite in
part under the combined ones; `make full` runs it whole under each.
"""

from __future__ import annotations

import ctypes
import os
import runpy
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import corex
from corex.tensor.schema import REGISTRY
from corex.testing import select, suite
from corex.testing.case import Case
from tests.backends.cpu_c import samples
from tests.backends.cpu_c.layouts import DTYPE, put
from tests.backends.cpu_c.stepping import VARIANTS, expected, stepped

ROOT = Path(__file__).parents[3]
SWEEP = runpy.run_path(str(ROOT / "backends" / "cpu_c" / "sweep.py"))
SETTINGS: dict[str, dict[str, str]] = SWEEP["SETTINGS"]
COMBINED: dict[str, dict[str, str]] = SWEEP["COMBINED"]


@pytest.fixture(scope="module", autouse=True)
def native(backend):
    return pytest.importorskip("corex_cpu_c._native")


@contextmanager
def forced(native, backend, setting: dict[str, str]) -> Iterator[None]:
    """Forces a setting, and takes it back."""
    reason = SWEEP["lacking"](setting, native.levels())
    if reason is not None:
        pytest.skip(reason)
    before = {path: value for path, (value, _, _) in native.paths().items()}
    threads = backend.get_num_threads()
    try:
        for path, value in setting.items():
            if path == "threads":
                backend.set_num_threads(int(value))
            else:
                native.force(path, value)
        with corex.use_backend("cpu_c"):
            yield
    finally:
        backend.set_num_threads(threads)
        for path, value in before.items():
            native.force(path, value)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("family", samples.FAMILIES, ids=lambda family: family.__name__)
@pytest.mark.parametrize("setting", SWEEP["ALL"])
def test_samples(native, backend, setting: str, family: Callable) -> None:
    with forced(native, backend, SWEEP["ALL"][setting]):
        assert samples.check(family) > 0


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("family", samples.FAMILIES, ids=lambda family: family.__name__)
def test_samples_past_the_short_cut(native, backend, family: Callable) -> None:
    """While ops are watched, dense ones go through views as all others do."""
    with forced(native, backend, {}), corex.placement():
        assert samples.check(family) > 0


# Around the lanes of a row and the vectors of each level, primes, and more than a thread's share.
LENGTHS = (1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 509, 2311, 40_009)


@pytest.mark.parametrize("dtype", samples.FLOATS)
@pytest.mark.parametrize("setting", SWEEP["ALL"])
def test_the_variance_of_rows(native, backend, setting: str, dtype: type) -> None:
    """By its direct kernel, of memory that starts behind an offset; also far away from zero."""
    kernel = backend.direct("variance", DTYPE[np.dtype(dtype)])
    rng = np.random.default_rng(0)
    with forced(native, backend, SWEEP["ALL"][setting]):
        for n in LENGTHS:
            for rows in (1, 3, 4999) if n < 16 else (1, 3):
                for middle in (0.0, 1e6):
                    a = (rng.normal(size=(rows, n)) + middle).astype(dtype)
                    buffer, *_, offset = put(backend, a)
                    got = np.frombuffer(memoryview(kernel((rows, n), buffer, offset, n - 0.5)))
                    right = a.astype(np.float64).var(1) * n / (n - 0.5)
                    np.testing.assert_allclose(got, right, 1e-10, 1e-30, err_msg=f"{a.shape}")


@pytest.mark.parametrize("dtype", samples.FLOATS)
@pytest.mark.parametrize("setting", SWEEP["ALL"])
def test_the_variance_of_extremes(native, backend, setting: str, dtype: type) -> None:
    """Of nothing and over nothing, of what is not finite, and where squares of float32 are not."""
    kernel = backend.direct("variance", DTYPE[np.dtype(dtype)])
    large = float(np.finfo(np.float32).max)
    a = np.array([[large, -large, large], [np.inf, 1, 2], [np.nan, 1, 2], [5, 5, 5]], dtype)
    buffer, *_, offset = put(backend, a)
    with forced(native, backend, SWEEP["ALL"][setting]):
        for freedom in (2.0, 0.0):
            with np.errstate(all="ignore"):
                right = a.astype(np.float64).var(1) * 3 / np.float64(freedom)
            got = np.frombuffer(memoryview(kernel((4, 3), buffer, offset, freedom)))
            np.testing.assert_allclose(got, right, 1e-12)
        assert np.isnan(np.frombuffer(memoryview(kernel((2, 0), buffer, offset, 0.0)))).all()
        assert not len(memoryview(kernel((0, 3), buffer, offset, 1.0)))


def _runs_a_path(backend, case: Case) -> bool:
    """Not what is done to complex numbers by kernels that other cases run."""
    dtype = case.fields.get("dtype", "")
    if not dtype.startswith("complex"):
        return True
    views = 1 + len(REGISTRY[case.op].inputs) if case.op in REGISTRY else 2
    return backend.select(case.op, (corex.dtypes.by_name(dtype),) * views) is not None


@pytest.mark.timeout(400)
@pytest.mark.parametrize("setting", COMBINED)
def test_a_part_of_the_conformance_suite(native, backend, setting: str) -> None:
    chosen = select.select(select.Selection(modes=("test",), reduced=True))
    cases = [case for case in chosen if _runs_a_path(backend, case)]
    with forced(native, backend, COMBINED[setting]):
        results = [suite.run_case("cpu_c", 0, case) for case in cases]
    bad = [f"{r.id}: {r.message}" for r in results if r.status not in ("passed", "unsupported")]
    assert results
    assert not bad, "\n".join(bad[:20])


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("dtype", samples.FLOATS)
def test_a_step_reads_what_it_writes(native, backend, variant: str, dtype: type) -> None:
    """Streamed, a step would take uninitialised memory for the parameter."""
    times = 67 if variant != "Adam" or dtype is not np.float32 else (48 << 20) // 12_000 + 1
    rng = np.random.default_rng(0)
    start, grad = rng.normal(size=3001).astype(dtype), rng.normal(size=3001).astype(dtype)
    grads = [corex.tensor(np.tile(grad, times))] * 2
    with forced(native, backend, {"stream": "always", "threads": "2"}):
        got = stepped(variant, corex.tensor(np.tile(start, times)), grads)
    tolerance = 1e-5 if dtype is np.float32 else 1e-7
    right = expected(variant, start, [grad] * 2)
    np.testing.assert_allclose(got.reshape(times, -1)[[0, -1]], [right] * 2, tolerance, tolerance)
    assert (got.reshape(times, -1) == got[:3001]).all()


def test_every_choice_is_in_a_setting(native) -> None:
    """A path added later is swept without anyone remembering."""
    for path, (initial, choices, about) in native.paths().items():
        used = {setting[path] for setting in SETTINGS.values() if path in setting}
        # what is "auto" is what nobody forced; a number has no list of choices
        left = set(choices) - {"auto"} - used if choices else not used - {str(initial)}
        assert about
        assert not left, f"no setting forces path {path} to {left}"
    forced_paths = {path for setting in SWEEP["ALL"].values() for path in setting}
    assert forced_paths <= {*native.paths(), "threads"}


def test_levels_are_different_code(native, backend) -> None:
    """With FMA or without, some result differs in its last bit."""
    if "v3" not in native.levels():
        pytest.skip("this processor has one level")
    if "asan" in os.environ.get("LD_PRELOAD", ""):
        pytest.skip("compiled with too little optimisation to contract anything")
    a, found = np.linspace(-5, 5, 10_001, dtype=np.float32), {}
    for level in native.levels():
        with forced(native, backend, {"level": level}):
            assert native.level() == level
            found[level] = corex.exp(corex.tensor(a)).numpy().tobytes()
    assert found["baseline"] != found["v3"]


def test_the_best_level_is_the_default(native, backend) -> None:
    with forced(native, backend, {"level": "auto"}):
        assert native.level() == native.levels()[-1]


@pytest.mark.parametrize(
    "path, value, message",
    [
        ("level", "v9", "path level cannot be 'v9', but one of auto, baseline, v3, v4"),
        ("grain", "0", "path grain cannot be '0', but auto, or a number from 1 to 46"),
        ("grain", "many", "cannot be 'many'"),
        ("stream_bytes", str(2**80), "cannot be"),
        ("grain", str(2**62 + 1), "cannot be"),
        ("conv", "1", "one of auto, unrolled"),
        ("nothing", "auto", "there is no path named 'nothing'"),
    ],
)
def test_what_cannot_be_forced_is_refused(native, path: str, value: str, message: str) -> None:
    before = native.paths()
    with pytest.raises(ValueError, match=message):
        native.force(path, value)
    assert native.paths() == before


def test_a_level_that_the_processor_lacks_is_refused(native) -> None:
    for level in {"baseline", "v3", "v4"} - set(native.levels()):
        with pytest.raises(ValueError, match=f"level {level} (was not built|is more than)"):
            native.force("level", level)


def _python(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    return done.stdout + done.stderr


def test_the_environment_forces(native) -> None:
    code = "from corex_cpu_c import _native as n; print(n.level(), n.paths()['stream_bytes'][0])"
    told = _python(code, COREX_CPU_LEVEL="baseline", COREX_CPU_STREAM_BYTES="77")
    assert told == "baseline 77\n"
    assert _python(code, COREX_CPU_LEVEL="") == f"{native.levels()[-1]} {48 << 20}\n"


@pytest.mark.parametrize("value", ["v9", "AVX2"])
def test_a_bad_environment_is_told(native, value: str) -> None:
    code = "from corex_cpu_c.backend import CpuCBackend; CpuCBackend()"
    told = _python(code, COREX_CPU_LEVEL=value)
    assert f"BackendUnavailableError: in the environment: path level cannot be '{value}'" in told


def test_forcing_from_c(native) -> None:
    library = ctypes.CDLL(native.__file__)
    library.corex_path_name.restype = ctypes.c_char_p
    library.corex_level_name.restype = ctypes.c_char_p
    library.corex_path_value.restype = ctypes.c_int64
    names = [library.corex_path_name(k).decode() for k in range(library.corex_path_count())]
    assert names == list(native.paths())
    assert library.corex_path_name(-1) is None
    assert library.corex_path_name(len(names)) is None
    number = library.corex_path_find(b"grain")
    before = library.corex_path_value(number)
    assert library.corex_force(b"grain", b"123") == 0
    assert library.corex_path_value(number) == native.paths()["grain"][0] == 123
    assert library.corex_force(b"grain", str(before).encode()) == 0
    assert library.corex_force(b"grain", b"-1") == 2
    assert library.corex_level_name().decode() == native.level()
