"""What the compiled part of corex is made of.

By the standard library alone: setup.py runs it, too.
"""

from __future__ import annotations

from pathlib import Path

CSRC = Path(__file__).resolve().parents[1] / "csrc"
INCLUDE = CSRC.parent / "include"

COMPILE_ARGS = ["-std=gnu11", "-O3", "-fvisibility=hidden", "-Wall", "-Wextra"]


HELPERS = {"corex_loops.h", "corex_kernels.h"}
"""For the libraries of others: nothing of corex is made of them."""


def files(suffix: str) -> list[Path]:
    """The C files of that suffix; none of them lies beside an installed corex but its headers."""
    found = [*CSRC.glob(f"*{suffix}"), *INCLUDE.glob(f"*{suffix}")]
    return sorted(path for path in found if path.name not in HELPERS)


def fingerprint() -> str:
    """Of all sources, compiled in: so a checkout knows a module that was built from others."""
    import hashlib  # `import corex` does without

    digest = hashlib.sha256()
    for path in [*files(".c"), *files(".h")]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
