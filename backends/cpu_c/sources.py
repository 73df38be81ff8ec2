"""The sources of the extension module, and what tells one state of them from another.

Of the standard library alone: the build runs it, by path.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

CSRC = Path(__file__).resolve().parent / "csrc"
"""Not beside an installed backend."""
# corex's own headers, of this checkout.
INCLUDE = CSRC.parents[2] / "corex" / "include"

HEADERS = ("corex_backend.h", "corex_dtypes.h", "corex_python.h", "corex_types.h")
"""Those of corex that the backend is made with."""


def fingerprint(csrc: Path = CSRC) -> str:
    """Of all sources, compiled in: so a checkout knows a library that was built from others."""
    digest = hashlib.sha256()
    for path in [*sorted(csrc.rglob("*.[ch]")), *(INCLUDE / name for name in HEADERS)]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
