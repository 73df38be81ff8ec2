"""Builds the simulator on first use: the driver, the precompiled header and the `nvcc` program.

What is built depends on these sources, on the compiler and on its flags; a hash of them names the
folder. Everything is built beside it and moved into place at once, so that processes which start
together each find either nothing or all of it.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).parent
DRIVER_FLAGS = "-std=c++17 -O2 -g1 -fPIC -fvisibility=hidden -shared -Wl,-soname,libcuda.so.1"
KERNEL_FLAGS = (
    "-std=gnu++17 -O2 -fPIC -fno-exceptions -fno-rtti -fno-threadsafe-statics -fno-gnu-unique"
    " -ffp-contract=off"
    " -fno-strict-aliasing -fstack-clash-protection -w"
)
CHECKS = " -fsanitize=alignment,bounds,integer-divide-by-zero,shift-exponent"
FMA = " -ffp-contract=fast -mfma"
ULPS = " -DCOREXSIM_ULPS"
# No libraries by default: the checks' handlers are our own, and the process has the C library.
LINKING = "-nodefaultlibs -Wl,-Bsymbolic -lm -lc"


class BuildError(RuntimeError):
    """The simulator cannot be built here; the message says why."""


def compiler() -> list[str]:
    """The C++ compiler: COREX_CUDA_SIM_CXX, CXX or g++."""
    command = os.environ.get("COREX_CUDA_SIM_CXX") or os.environ.get("CXX") or "g++"
    return shlex.split(command)


def kernel_flags() -> str:
    """The flags for kernels.

    COREX_CUDA_SIM_CHECKS=0 leaves the compiler's checks out. COREX_CUDA_SIM_FMA=1 fuses products
    and sums as nvcc does; with COREX_CUDA_SIM_ULPS, a seed, functions are off as CUDA documents.
    """
    flags = KERNEL_FLAGS
    if os.environ.get("COREX_CUDA_SIM_CHECKS", "1") != "0":
        flags += CHECKS
    if os.environ.get("COREX_CUDA_SIM_FMA", "0") not in ("", "0"):
        if not fuses():
            raise BuildError("COREX_CUDA_SIM_FMA: this processor has no fused multiply-add")
        flags += FMA
    if os.environ.get("COREX_CUDA_SIM_ULPS", "0") not in ("", "0"):
        flags += ULPS
    return flags


def fuses() -> bool:
    """Whether the processor multiplies and adds with one rounding."""
    try:
        words = Path("/proc/cpuinfo").read_text().split()
    except OSError:
        return False
    return "fma" in words


def cache_root() -> Path:
    """Where builds are kept: COREX_CUDA_SIM_CACHE, or in the user's cache folder."""
    if given := os.environ.get("COREX_CUDA_SIM_CACHE"):
        return Path(given)
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "corex" / "cuda-simulator"


def fingerprint() -> str:
    """Names the build that these sources and this compiler give."""
    return _hash(
        [HERE / "build.py", *_files("driver"), HERE / "driver" / "entry_points.txt"],
        f"{DRIVER_FLAGS} {_python()} {modules_fingerprint()}",
    )


def modules_fingerprint() -> str:
    """Names what a compiled kernel depends on: the driver behind it may change."""
    version = _run([*compiler(), "--version"]).stdout
    return _hash(
        [HERE / "nvcc.py", *_files("device")], f"{compiler()} {version} {kernel_flags()} {LINKING}"
    )


def kernel_cache(modules: str) -> Path:
    """Where PyCUDA keeps compiled kernels: it does not write them at once, so per test worker."""
    return cache_root() / f"kernels-{modules}" / os.environ.get("PYTEST_XDIST_WORKER", "main")


def _files(folder: str) -> list[Path]:
    return sorted(path for path in (HERE / folder).rglob("*") if path.suffix in (".h", ".cpp"))


def _hash(files: list[Path], words: str) -> str:
    digest = hashlib.sha256(words.encode())
    for path in files:
        digest.update(f"{path.relative_to(HERE)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def build() -> Path:
    """The folder with everything built, which it builds if it is not there."""
    folder = cache_root() / fingerprint()
    if (folder / "settings").exists():
        os.utime(folder / "settings")
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    workshop = Path(tempfile.mkdtemp(prefix="building-", dir=folder.parent))
    try:
        with ThreadPoolExecutor() as pool:
            parts = [
                pool.submit(_build_driver, workshop),
                pool.submit(_build_nvcc, workshop, folder),
            ]
        for part in parts:
            part.result()
        (workshop / "settings").write_text(
            f"compiler={shlex.join(compiler())}\nflags={kernel_flags()}\nlinking={LINKING}\n"
            f"modules={modules_fingerprint()}\n"
        )
        try:
            workshop.rename(folder)
        except OSError:
            if not (folder / "settings").exists():  # else somebody else was first
                raise
    finally:
        shutil.rmtree(workshop, ignore_errors=True)
    _remove_unused(folder.parent)
    return folder


def settings(folder: Path) -> dict[str, str]:
    """What a build was made with, by name."""
    lines = (folder / "settings").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line)


def _remove_unused(root: Path) -> None:
    """Removes what nobody has used for two weeks, and what was left of builds that failed."""
    for other in root.iterdir():
        mark = other / "settings"  # touched at each use; the folders of kernels, at each new one
        if time.time() - (mark if mark.exists() else other).stat().st_mtime > 14 * 86400:
            shutil.rmtree(other, ignore_errors=True)


def _build_driver(workshop: Path) -> None:
    """One compiler run over all files: they include much and are small."""
    names = (HERE / "driver" / "entry_points.txt").read_text().split()
    stubs = "".join(
        f'__attribute__((weak, visibility("default"))) int {name}()'
        f' {{ return corexsim_not_simulated("{name}"); }}\n'
        for name in names
    )
    (workshop / "stubs.cpp").write_text(
        f'extern "C" {{\nint corexsim_not_simulated(const char *);\n{stubs}}}\n'
    )
    files = sorted((HERE / "driver").glob("*.cpp"))
    (workshop / "driver.cpp").write_text("".join(f'#include "{path}"\n' for path in files))
    _check(
        [*compiler(), *shlex.split(DRIVER_FLAGS), "-I", str(HERE / "driver"),
         "-I", str(HERE / "device"), str(workshop / "driver.cpp"), str(workshop / "stubs.cpp"),
         "-o", str(workshop / "libcuda.so.1"), "-ldl", "-lpthread", "-lrt"],
    )  # fmt: skip


def _build_nvcc(workshop: Path, folder: Path) -> None:
    """The precompiled header, the headers beside it, and the program to be found on PATH."""
    shutil.copytree(HERE / "device", workshop / "device")
    (workshop / "shim.h").write_text('#include "corexsim/shim.h"\n')
    _check(
        [*compiler(), *shlex.split(kernel_flags()), "-x", "c++-header",
         "-I", str(workshop / "device" / "include"), "-I", str(workshop / "device"),
         str(workshop / "shim.h"), "-o", str(workshop / "shim.h.gch")],
    )  # fmt: skip
    shutil.copy(HERE / "nvcc.py", workshop / "nvcc.py")
    (workshop / "bin").mkdir()
    program = workshop / "bin" / "nvcc"
    command = shlex.join([_python(), "-I", "-S", str(folder / "nvcc.py"), str(folder)])
    program.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    program.chmod(0o755)


def _python() -> str:
    """The interpreter below any virtual environment: nvcc.py needs the standard library alone."""
    return os.path.realpath(sys.executable)


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise BuildError(
            f"the CUDA simulator needs a C++ compiler, {command[0]!r} cannot be run: {error}"
        ) from None


def _check(command: list[str]) -> None:
    done = _run(command)
    if done.returncode:
        raise BuildError(f"{shlex.join(command)} failed:\n{done.stderr}")
