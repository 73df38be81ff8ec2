"""Builds the library with the thread sanitizer and runs a C driver of its threads under it.

`python backends/cpu_c/tsan.py`: pool, allocator, iterator and products from several threads. The
driver can fork, too, but not under the sanitizer, whose own threads do not outlive a fork.
Needs GCC (or CC) with libtsan.
"""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = ROOT / "build" / "tsan"
DRIVER = ROOT / "tests" / "backends" / "cpu_c" / "threads" / "driver.c"
COMPILER = os.environ.get("CC", "gcc")
FLAGS = (
    "-std=gnu11 -O1 -g -fno-omit-frame-pointer -fno-math-errno -fno-trapping-math "
    "-fno-strict-aliasing -fopenmp-simd -fvisibility=hidden -fPIC -fsanitize=thread -w"
).split()


def build() -> Path:
    """The driver with the library in it; kernels for the lowest level alone."""
    recipe = runpy.run_path(str(HERE / "compilation.py"))
    csrc = HERE / "csrc"
    command = [COMPILER, *FLAGS, f"-I{csrc}", f"-I{recipe['INCLUDE']}"]

    def compile_to(unit: object, target: Path) -> None:
        arguments = [*command, *unit.flags, "-c", str(unit.source)]  # type: ignore[attr-defined]
        subprocess.run([*arguments, "-o", str(target)], check=True)

    work = [
        unit
        for unit in recipe["units"](lambda flag: False)
        if not unit.source.stem.startswith("py_")
    ]
    store = recipe["ObjectStore"](BUILD, [recipe["version_of"]([COMPILER]), *command])
    objects = [str(path) for path in store.objects(work, compile_to)]
    program = BUILD / "driver"
    subprocess.run(
        [*command, str(DRIVER), *objects, "-o", str(program), "-lm", "-ldl", "-lpthread"],
        check=True,
    )
    return program


def main() -> int:
    """Builds and runs; the exit code of the driver, or of the sanitizer."""
    program = build()
    environment = {
        **os.environ,
        "TSAN_OPTIONS": "halt_on_error=1 second_deadlock_stack=1",
    }
    return subprocess.run([str(program)], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
