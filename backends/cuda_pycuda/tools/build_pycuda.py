"""Builds PyCUDA's wheel on a machine that has no GPU driver.

    python backends/cuda_pycuda/tools/build_pycuda.py             # prints where the wheel is
    python backends/cuda_pycuda/tools/build_pycuda.py --install   # into this interpreter, too

PyCUDA comes as source. Its build wants CUDA's headers and, to link against, `libcuda`, which only
a driver installs. The headers are those of a CUDA toolkit, or of packages from PyPI; for the
linker a stand-in is made that has every entry point named in the headers. The wheel then works
with any driver. It takes one to two minutes, once: wheels are kept in the user's cache.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from pathlib import Path
from typing import Final

from toolkit import HEADERS, RELEASE, ToolError, cache_folder, find_root, pinned, pip

VERSION: Final = "2026.1"
SHA256: Final = "759516160628ba06f32ce7e563e3f5b9214691dc9528a03ea99ea1073f4e14ba"
"""Of the source distribution on PyPI."""

NEEDED: Final = {"setuptools": "setuptools", "wheel": "wheel", "numpy": "numpy>=1.26"}
NOT_IMPLEMENTED: Final = 34  # CUDA_ERROR_STUB_LIBRARY


# ---- the stand-in for the driver -----------------------------------------------------------
def entry_points(include: Path) -> list[str]:
    """Every function of the driver that the headers name, with all versions of it."""
    names: set[str] = set()
    for header in ("cuda.h", "cudaProfiler.h"):
        path = include / header
        if not path.exists():
            raise ToolError(f"{path} is missing: install {' '.join(pinned(HEADERS))}")
        text = path.read_text(errors="replace")
        names.update(re.findall(r"\bCUDAAPI\s+(cu[A-Z]\w*)\s*\(", text))
        # `#define cuMemAlloc cuMemAlloc_v2`, or with the suffix for streams per thread around it
        names.update(re.findall(r"#\s*define\s+cu[A-Z]\w*\s+(?:\w+\()?(cu[A-Z]\w*)", text))
    return sorted(names)


def make_stub(include: Path, folder: Path) -> int:
    """Writes `libcuda.so` for the linker; returns the number of its functions."""
    names = entry_points(include)
    folder.mkdir(parents=True, exist_ok=True)
    text = folder / "stub.c"
    text.write_text(
        "".join(f"int {name}(void) {{ return {NOT_IMPLEMENTED}; }}\n" for name in names)
    )
    command = [_compiler("CC", "cc", "gcc", "clang"), "-shared", "-fPIC", "-w", str(text)]
    command += ["-Wl,-soname,libcuda.so.1", "-o", str(folder / "libcuda.so")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ToolError(f"the stand-in for libcuda does not compile:\n{done.stderr.strip()}")
    return len(names)


def _compiler(variable: str, *names: str) -> str:
    for name in (os.environ.get(variable, ""), *names):
        found = shutil.which(name.split()[0]) if name.strip() else None
        if found:
            return found
    raise ToolError(f"no compiler: install one of {', '.join(names)}, or set {variable}")


# ---- the wheel -----------------------------------------------------------------------------
def key() -> str:
    """What a wheel is for; its folder in the cache."""
    import numpy

    tag = f"{sys.implementation.name}{sys.version_info[0]}{sys.version_info[1]}"
    system = re.sub(r"\W+", "_", sysconfig.get_platform())
    return f"pycuda-{VERSION}-{tag}-{system}-numpy{numpy.__version__.partition('.')[0]}"


def cached(folder: Path) -> Path | None:
    """The wheel in a folder of the cache, if there is one."""
    return next(iter(sorted(folder.glob("pycuda-*.whl"))), None)


def wheel(cuda_root: str | None = None, force: bool = False) -> Path:
    """The wheel for this interpreter: from the cache, else built now.

    Raises:
        ToolError: it cannot be built.
    """
    check_machine()
    folder = cache_folder() / "wheels" / key()
    found = None if force else cached(folder)
    if found is not None:
        return found
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="corex-pycuda-") as work:
        made = _build(Path(work), cuda_root)
        return _keep(made, folder)


def check_machine() -> None:
    """Finds out what is missing before anything is fetched.

    Raises:
        ToolError: something is.
    """
    missing = [NEEDED[name] for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        wanted = " ".join(f"'{name}'" for name in missing)
        raise ToolError(f"missing packages: {sys.executable} -m pip install {wanted}")
    if not sys.platform.startswith("linux"):
        raise ToolError(f"PyCUDA is built on Linux here, not on {sys.platform}")
    header = Path(sysconfig.get_path("include")) / "Python.h"
    if not header.exists():
        raise ToolError(f"{header} is missing: install Python's headers (python3-dev)")
    _compiler("CC", "cc", "gcc", "clang")
    _compiler("CXX", "c++", "g++", "clang++")


def _build(work: Path, cuda_root: str | None) -> Path:
    root = find_root(cuda_root)
    if root is None:
        _say(f"headers of CUDA {RELEASE} from PyPI")
        pip("install", "-q", "--no-deps", "--target", str(work / "site"), *pinned(HEADERS))
        root = find_root(work / "site" / "nvidia" / "cu13")
    assert root is not None
    _say(f"CUDA headers: {root}")
    _say(f"a stand-in for libcuda with {make_stub(root / 'include', work / 'stub')} functions")
    source = _source(work)
    # Written down, because setup.py would take the folder of whatever is called nvcc on PATH.
    (source / "siteconf.py").write_text(
        f"CUDA_ROOT = {str(root)!r}\n"
        f"CUDA_INC_DIR = [{str(root / 'include')!r}]\n"
        "CUDA_ENABLE_CURAND = False\n"
        f"CUDADRV_LIB_DIR = [{str(work / 'stub')!r}]\n"
        "CXXFLAGS = ['-g0', '-O1', '-w']\n"
    )
    _say("compiling PyCUDA, about 100 s")
    # Nothing that is linked uses libcuda by itself: without this flag the linker drops it, and
    # the module fails to load.
    flags = f"{os.environ.get('LDFLAGS', '')} -Wl,--no-as-needed".strip()
    pip(
        "wheel", "-q", "--no-build-isolation", "--no-deps", "-w", str(work / "out"), str(source),
        environment={**os.environ, "LDFLAGS": flags},
    )  # fmt: skip
    made = cached(work / "out")
    if made is None:
        raise ToolError("pip built PyCUDA, but left no wheel")
    return made


def _source(work: Path) -> Path:
    """PyCUDA's source, unpacked; pip checks that it is the one that is known."""
    wanted = work / "requirements.txt"
    wanted.write_text(f"pycuda=={VERSION} --hash=sha256:{SHA256}\n")
    _say(f"PyCUDA {VERSION} from PyPI")
    pip(
        "download", "-q", "--no-deps", "--no-binary", ":all:", "--no-build-isolation",
        "--require-hashes", "-d", str(work), "-r", str(wanted),
    )  # fmt: skip
    archive = next(iter(work.glob("pycuda-*.tar.gz")), None)
    if archive is None:
        raise ToolError(f"pip did not download the source of PyCUDA {VERSION}")
    with tarfile.open(archive) as packed:
        if hasattr(tarfile, "data_filter"):
            packed.extractall(work, filter="data")
        else:
            packed.extractall(work)
    return work / archive.name.removesuffix(".tar.gz")


def _keep(made: Path, folder: Path) -> Path:
    """Puts the wheel into the cache; a folder there has a whole wheel or does not exist."""
    fresh = Path(tempfile.mkdtemp(prefix="new-", dir=folder.parent))
    shutil.copy2(made, fresh / made.name)
    fresh.chmod(0o755)
    try:
        if folder.exists():
            shutil.rmtree(folder)
        fresh.rename(folder)
    except OSError:  # another process was quicker, and its wheel is as good
        shutil.rmtree(fresh, ignore_errors=True)
    found = cached(folder)
    if found is None:
        raise ToolError(f"the wheel could not be kept in {folder}")
    return found


def install(path: Path) -> None:
    """Installs a wheel into this interpreter, with what PyCUDA needs."""
    pip("install", "-q", "--upgrade", str(path))


def installed() -> bool:
    """Whether this interpreter has the version of PyCUDA that is built here."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("pycuda") == VERSION
    except PackageNotFoundError:
        return False


def _say(text: str) -> None:
    print(f"build_pycuda: {text}", file=sys.stderr, flush=True)


def main() -> int:
    """The command line: prints the path of the wheel."""
    parser = argparse.ArgumentParser(description="Builds PyCUDA's wheel without a GPU driver.")
    parser.add_argument("--cuda-root", metavar="DIR", help="a CUDA toolkit to build with")
    parser.add_argument("--out", type=Path, metavar="DIR", help="copy the wheel there, too")
    parser.add_argument("--install", action="store_true", help="install it into this interpreter")
    parser.add_argument("--force", action="store_true", help="build it even if there is one")
    options = parser.parse_args()
    try:
        path = wheel(options.cuda_root, options.force)
        if options.out is not None:
            options.out.mkdir(parents=True, exist_ok=True)
            path = Path(shutil.copy2(path, options.out))
        if options.install and (options.force or not installed()):
            install(path)
    except ToolError as error:
        print(f"build_pycuda: {error}", file=sys.stderr)
        return 1
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
