"""Where NVIDIA's compiler and headers are, and which packages of PyPI bring them.

    python backends/cuda_pycuda/tools/toolkit.py      # installs them into this interpreter

An installed CUDA toolkit will do. Without one, packages of one release unpack to
`site-packages/nvidia/cu13`: headers, nvcc and NVRTC, and no driver.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

RELEASE: Final = "13.0"
"""All packages are pinned to one release: nvcc, its headers and NVRTC belong together."""

HEADERS: Final = (
    "nvidia-cuda-runtime",
    "nvidia-cuda-crt",
    "nvidia-cuda-cccl",
    "nvidia-cuda-profiler-api",
)
COMPILERS: Final = ("nvidia-cuda-nvcc", "nvidia-nvvm", "nvidia-cuda-nvrtc")


class ToolError(RuntimeError):
    """Something a tool needs is missing, or fails; the message says what to do."""


def pinned(names: Sequence[str] = HEADERS + COMPILERS) -> list[str]:
    """What to ask pip for."""
    return [f"{name}=={RELEASE}.*" for name in names]


def supported() -> str:
    """Why the gates cannot run on this platform; empty where they can."""
    if sys.platform == "linux" and platform.machine() in ("x86_64", "AMD64"):
        return ""
    return f"the simulator is written for Linux on x86-64, not for {platform.platform()}"


def find_root(wanted: str | os.PathLike[str] | None = None) -> Path | None:
    """The folder that has include/cuda.h: the one wanted, else the first that is found.

    Raises:
        ToolError: the one wanted is none.
    """
    if wanted is not None:
        root = Path(wanted).resolve()
        if not _is_root(root):
            raise ToolError(f"{root} is no CUDA toolkit: it has no include/cuda.h")
        return root
    return next(filter(_is_root, _candidates()), None)


def _is_root(root: Path) -> bool:
    return (root / "include" / "cuda.h").exists()


def _candidates() -> Iterator[Path]:
    for scheme in ("purelib", "platlib"):
        yield Path(sysconfig.get_path(scheme)) / "nvidia" / "cu13"
    for name in ("CUDA_HOME", "CUDA_PATH", "CUDA_ROOT"):
        if os.environ.get(name):
            yield Path(os.environ[name])
    yield Path("/usr/local/cuda")


def library(root: Path, pattern: str) -> Path | None:
    """A shared library of the toolkit, such as `libnvrtc.so*`."""
    for folder in ("lib", "lib64", "targets/x86_64-linux/lib"):
        for path in sorted((root / folder).glob(pattern)):
            return path
    return None


def cache_folder() -> Path:
    """Where tools keep what is worth keeping."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "corex"


def pip(*arguments: str, environment: dict[str, str] | None = None) -> None:
    """Runs this interpreter's pip.

    Raises:
        ToolError: it fails; the message has the end of what it printed.
    """
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode != 0:
        told = "\n".join((done.stdout + done.stderr).strip().splitlines()[-30:])
        raise ToolError(f"pip {' '.join(arguments)} failed:\n{told}")


def main() -> int:
    """Installs what is missing, and prints where it is."""
    root = Path(sysconfig.get_path("purelib")) / "nvidia" / "cu13"
    try:
        if not (_is_root(root) and library(root, "libnvrtc.so*") and (root / "nvvm").exists()):
            pip("install", "-q", "--no-deps", *pinned())
    except ToolError as error:
        print(f"toolkit: {error}", file=sys.stderr)
        return 1
    print(root)
    return 0


if __name__ == "__main__":
    sys.exit(main())
