"""Builds the C code with address and undefined-behaviour sanitizers and runs its tests under them.

`python backends/cpu_c/sanitize.py [--full] [pytest arguments]`, with the Python that has corex's
test requirements. Needs GCC (or CC) with libasan and libubsan.

So is the bridge by which corex calls it (`corex/csrc`). The tests of the backend force every path
of the library (`tests/backends/cpu_c/test_paths.py`); a sample of the conformance suite follows,
with --full the whole suite, as it comes and under the combined settings of `sweep.py`.
"""

from __future__ import annotations

import os
import runpy
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import compilation
import sweep

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = ROOT / "build" / "sanitize"
COMPILER = os.environ.get("CC", "gcc")
FLAGS = (
    "-std=gnu11 -O1 -g -fno-omit-frame-pointer -fno-math-errno -fno-trapping-math "
    "-fno-strict-aliasing -fopenmp-simd -fvisibility=hidden -fPIC "
    "-fsanitize=address,undefined -fno-sanitize-recover=undefined -w"
).split()
TESTS = ("tests/backends/cpu_c", "tests/backends/bridge")
SUFFIX = str(sysconfig.get_config_var("EXT_SUFFIX"))
CORE = BUILD / f"_core{SUFFIX}"


def build_core() -> None:
    """The compiled part of corex, which calls the kernels."""
    sources = runpy.run_path(str(ROOT / "corex" / "backend" / "sources.py"))
    include = sysconfig.get_paths()["include"]
    command = [COMPILER, *FLAGS, "-shared", f"-I{sources['INCLUDE']}", f"-I{include}"]
    command += [f"-DCORE_SOURCES={sources['fingerprint']()}", *map(str, sources["files"](".c"))]
    CORE.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([*command, "-o", str(CORE), "-ldl"], check=True)


def build() -> None:
    """A copy of the package, with an instrumented extension module."""
    package = BUILD / "corex_cpu_c"
    shutil.rmtree(package, ignore_errors=True)
    package.mkdir(parents=True)
    for path in HERE.glob("*.py"):
        shutil.copy2(path, package)
    if (HERE / "vendor").is_dir():
        (package / "vendor").symlink_to(HERE / "vendor")
    include = sysconfig.get_paths()["include"]
    command = [COMPILER, *FLAGS, f"-I{HERE / 'csrc'}", f"-I{compilation.INCLUDE}", f"-I{include}"]

    def compile_to(unit: compilation.Unit, target: Path) -> None:
        each = [*command, *unit.flags, "-c", str(unit.source), "-o", str(target)]
        subprocess.run(each, check=True)

    work = compilation.units(lambda flag: compilation.accepts([COMPILER], flag))
    store = compilation.ObjectStore(
        BUILD / "objects", [compilation.version_of([COMPILER]), *command]
    )
    objects = store.objects(work, compile_to)
    module = package / f"_native{SUFFIX}"
    link = [COMPILER, "-shared", "-fsanitize=address,undefined", *map(str, objects)]
    subprocess.run([*link, "-o", str(module), "-lm", "-ldl", "-lpthread"], check=True)


def runtime(name: str) -> str:
    """The path of a sanitizer's runtime library."""
    found = subprocess.run(
        [COMPILER, f"-print-file-name={name}"], check=True, capture_output=True, text=True
    )
    return found.stdout.strip()


def environment() -> dict[str, str]:
    """What a Python needs to load the instrumented module."""
    return {
        **os.environ,
        "LD_PRELOAD": f"{runtime('libasan.so')} {runtime('libubsan.so')}",
        # Python itself never frees everything; impossible sizes are a test of ours.
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1:handle_segv=1",
        "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
        "PYTHONMALLOC": "malloc",
        # Cached blocks would hide reads after free and past the end.
        "COREX_CPU_CACHE_BYTES": os.environ.get("COREX_CPU_CACHE_BYTES", "0"),
        "COREX_ALLOW_MISSING_BACKEND": "1",
        "COREX_CORE": str(CORE),
        "PYTHONPATH": os.pathsep.join(
            [str(BUILD), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        ),
    }


def main() -> int:
    """Builds, then runs the tests and the conformance suite; returns the first bad exit code."""
    full = "--full" in sys.argv[1:]
    arguments = [each for each in sys.argv[1:] if each != "--full"]
    build_core()
    build()
    base = environment()
    tests = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    tests += ["--timeout=900", "-n", str(os.cpu_count() or 1), *TESTS, *arguments]
    suite = [sys.executable, "-m", "corex", "conformance", "cpu_c", "--timeout=600"]
    suite += [] if full else ["--reduced"]
    for each in (tests, suite):
        print("+", " ".join(each), flush=True)
        code = subprocess.run(each, cwd=ROOT, env=base, check=False).returncode
        if code:
            return code
    if full:
        return len(sweep.run(suite, base, list(sweep.COMBINED), sweep.usable_levels(base)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
