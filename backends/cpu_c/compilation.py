"""What is compiled: which sources, for which levels of the instruction set, with which flags.

Of the standard library alone, for it is shared by the build (`extension.py`) and the sanitizers.
"""

from __future__ import annotations

import hashlib
import os
import re
import runpy
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

# By path: the package that it belongs to is not installed yet.
_SOURCES = runpy.run_path(str(Path(__file__).with_name("sources.py")))
CSRC: Path = _SOURCES["CSRC"]
INCLUDE: Path = _SOURCES["INCLUDE"]

# -ffast-math is out, in compiling and above all in linking: there it would switch the whole
# process to flush-to-zero. Without -fno-trapping-math selections do not vectorise.
COMPILE_ARGS = [
    "-std=gnu11",
    "-O3",
    "-ffp-contract=fast",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fno-strict-aliasing",
    "-fopenmp-simd",
    "-fvisibility=hidden",
    "-Wall",
    "-Wextra",
    "-Wno-type-limits",
    "-Wno-missing-field-initializers",
]

# Taken where the compiler knows them. Processors of the Skylake family keep no decoded instructions
# of 32 bytes whose jump touches the end: without these, an edit anywhere in a file costs or gains a
# fifth in the loops that happen to move (Intel's paper on the jump conditional code erratum).
PLACING_ARGS = ["-falign-loops=32", "-falign-functions=64", "-Wa,-mbranches-within-32B-boundaries"]

# A level of csrc/kernels, and the flag that a compiler must know to build it. "x86-64-v3" and not
# "avx2": the latter lacks FMA, so that every a * b + c would become two instructions.
LEVELS = {"baseline": None, "v3": "-march=x86-64-v3", "v4": "-march=x86-64-v4"}

# Kernels whose products are rounded before they are added. GCC 12 fuses them even with contraction
# off where it sees a complex product, so that the instructions are withheld, too (-mno-fma does not
# withhold those of AVX-512).
EXACT = {"complex": ("-ffp-contract=off",)}
WITHOUT_FMA = ("-march=x86-64-v3", "-mno-fma")

# How long an object that no build has used is kept.
KEPT_SECONDS = 7 * 24 * 3600


class Unit(NamedTuple):
    """One call of the compiler."""

    source: Path
    level: str  # empty: a file that is compiled once
    flags: tuple[str, ...]

    @property
    def name(self) -> str:
        """A name of the object that no other unit has."""
        return f"{self.source.stem}.{self.level}.o" if self.level else f"{self.source.stem}.o"


def accepts(compiler: Sequence[str], flag: str) -> bool:
    """Whether the compiler knows a flag: old ones, and other processors', lack some."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "empty.c")
        source.write_text("int nothing(void) { return 0; }\n")
        command = [*compiler, flag, "-Werror", "-c", str(source), "-o", f"{folder}/empty.o"]
        try:
            return subprocess.run(command, capture_output=True, check=False).returncode == 0
        except OSError:
            return False


def units(known: Callable[[str], bool], csrc: Path = CSRC) -> list[Unit]:
    """Every compilation, the long ones first. `known` tells which flags the compiler takes."""
    levels = {level: flag for level, flag in LEVELS.items() if flag is None or known(flag)}
    kernels = [
        Unit(source, level, _flags(source, level, flag))
        for source in sorted((csrc / "kernels").glob("*.c"))
        for level, flag in levels.items()
    ]
    told = {
        "levels": tuple(f"-DCOREX_BUILT_{level.upper()}" for level, flag in levels.items() if flag),
        "py_module": (f"-DCOREX_SOURCES={_SOURCES['fingerprint'](csrc)}",),
    }
    rest = [Unit(source, "", told.get(source.stem, ())) for source in sorted(csrc.glob("*.c"))]
    return sorted(kernels, key=lambda unit: -unit.source.stat().st_size) + rest


def _flags(source: Path, level: str, flag: str | None) -> tuple[str, ...]:
    name = f"-DCOREX_LEVEL={level}"
    if source.stem not in EXACT:
        return (name, flag) if flag else (name,)
    return (name, *EXACT[source.stem], *(WITHOUT_FMA if flag else ()))


def included(source: Path, csrc: Path = CSRC) -> set[Path]:
    """The headers of ours that a file includes, and those that they include."""
    found: set[Path] = set()
    todo = [source]
    while todo:
        path = todo.pop()
        for name in re.findall(r'^#include "(.+)"', path.read_text(), re.MULTILINE):
            folders = (path.parent, csrc, INCLUDE)
            near = [folder / name for folder in folders if (folder / name).exists()]
            if near and near[0] not in found:
                found.add(near[0])
                todo.append(near[0])
    return found


class ObjectStore:
    """Objects by the contents they came from, so that only what changed is compiled again."""

    def __init__(self, folder: Path, command: Iterable[str], csrc: Path = CSRC) -> None:
        self.folder = folder
        self._csrc = csrc
        self._command = "\0".join(command).encode()

    def path(self, unit: Unit) -> Path:
        """Where the object of the unit is, or will be."""
        digest = hashlib.sha256(self._command + "\0".join((unit.name, *unit.flags)).encode())
        for path in (unit.source, *sorted(included(unit.source, self._csrc))):
            digest.update(path.name.encode() + path.read_bytes())
        return self.folder / f"{digest.hexdigest()[:24]}.{unit.name}"

    def objects(
        self, work: Sequence[Unit], compile_to: Callable[[Unit, Path], None], jobs: int = 0
    ) -> list[Path]:
        """The objects of all units; those that are missing are compiled, several at a time."""
        self.folder.mkdir(parents=True, exist_ok=True)

        def one(unit: Unit) -> Path:
            target = self.path(unit)
            if target.exists():
                os.utime(target)
                return target
            # Written beside and renamed: another build may want the same object.
            beside = target.with_name(f"{os.getpid()}.{target.name}")
            compile_to(unit, beside)
            os.replace(beside, target)
            return target

        with ThreadPoolExecutor(jobs or os.cpu_count() or 1) as pool:
            found = list(pool.map(one, work))
        self._forget()
        return found

    def _forget(self) -> None:
        for path in self.folder.glob("*.o"):
            if time.time() - path.stat().st_mtime > KEPT_SECONDS:
                path.unlink(missing_ok=True)


def version_of(compiler: Sequence[str]) -> str:
    """What the compiler calls itself, so that another one's objects are not taken for its own."""
    if not compiler or shutil.which(compiler[0]) is None:
        return ""
    return subprocess.run(
        [*compiler, "--version"], capture_output=True, text=True, check=False
    ).stdout
