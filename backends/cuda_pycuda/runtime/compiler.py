"""From a kernel's text to the machine code of one architecture, kept on disk.

PyCUDA's own cache is switched off: its files are not written atomically, so two processes that
start together may read half of one. Here a file appears by a rename, and a lock beside it keeps
others from doing the same work.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pycuda.compiler
import pycuda.driver as drv

from corex_cuda_pycuda.runtime.source import Source

OPTIONS = ["-std=c++17", "-O3", "-w"]
"""Without warnings: PyCUDA would turn each into a Python warning of the user's program."""

_locks: dict[str, threading.Lock] = {}
_locks_lock = threading.Lock()


class CompileError(RuntimeError):
    """The compiler refused a kernel."""


def machine_code(source: Source, architecture: str) -> bytes:
    """The cubin of `source` for an architecture such as "sm_90", from the cache if it is there.

    Raises:
        CompileError: the compiler refuses it, or there is no compiler.
    """
    text = source.text()
    key = _key(text, architecture)
    path = _folder() / f"{key}.cubin"
    with _lock_of(key):
        found = _read(path)
        if found is not None:
            return found
        with _file_lock(path.with_suffix(".lock")):
            found = _read(path)
            if found is None:
                found = _compile(source, text, architecture)
                _write(path, found)
            return found


def is_cached(source: Source, architecture: str) -> bool:
    """Whether nothing would have to be compiled."""
    return (_folder() / f"{_key(source.text(), architecture)}.cubin").exists()


def _compile(source: Source, text: str, architecture: str) -> bytes:
    try:
        code: bytes = pycuda.compiler.compile(
            text,
            nvcc=find_nvcc(),
            options=list(OPTIONS),
            no_extern_c=True,
            arch=architecture,
            cache_dir=False,
            target="cubin",
        )
    except drv.CompileError as error:
        told = (error.stderr or error.stdout or str(error)).strip()
        raise CompileError(
            f"kernel {source.describe()} does not compile for {architecture}:\n{told}"
        ) from error
    except OSError as error:
        raise CompileError(
            f"kernel {source.describe()} cannot be compiled: nvcc does not run: {error}"
        ) from error
    return code


# ---- the compiler --------------------------------------------------------------------------
def find_nvcc() -> str:
    """The path of nvcc: on PATH, else where CUDA is usually installed, else "nvcc"."""
    found = shutil.which("nvcc")
    if found is not None:
        return found
    for root in _roots():
        path = root / "bin" / "nvcc"
        if os.access(path, os.X_OK):
            return str(path)
    return "nvcc"


def has_nvcc() -> bool:
    """Whether there is a compiler."""
    return os.path.isabs(find_nvcc())


def _roots() -> Iterator[Path]:
    for name in ("CUDA_HOME", "CUDA_PATH", "CUDA_ROOT"):
        if os.environ.get(name):
            yield Path(os.environ[name])
    yield Path("/usr/local/cuda")
    for folder in sys.path:  # the compiler from PyPI, nvidia-cuda-nvcc
        yield from sorted(Path(folder or ".").glob("nvidia/cu*"), reverse=True)
        yield Path(folder or ".") / "nvidia" / "cuda_nvcc"


@lru_cache(maxsize=8)
def _version(nvcc: str) -> str:
    version: str = pycuda.compiler.get_nvcc_version(nvcc)
    return version


# ---- the cache -----------------------------------------------------------------------------
def _key(text: str, architecture: str) -> str:
    """Everything that decides on the machine code; also which driver it is for."""
    nvcc = find_nvcc()
    simulated = os.environ.get("COREX_CUDA_SIMULATOR", "")
    parts = (text, architecture, " ".join(OPTIONS), nvcc, _version(nvcc), simulated)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _folder() -> Path:
    """Where compiled kernels are kept: COREX_CUDA_CACHE, else in the user's cache."""
    wanted = os.environ.get("COREX_CUDA_CACHE")
    if wanted:
        return Path(wanted)
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "corex" / "cuda"


def _lock_of(key: str) -> threading.Lock:
    with _locks_lock:
        return _locks.setdefault(key, threading.Lock())


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


@contextlib.contextmanager
def _file_lock(path: Path) -> Iterator[None]:
    """Held by one process at a time; without a lock where the folder cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("w")
    except OSError:
        yield
        return
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
        finally:
            with contextlib.suppress(OSError):
                path.unlink()


def _write(path: Path, data: bytes) -> None:
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.stem)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.replace(name, path)
    except OSError:
        pass  # compiled anew by the next process
