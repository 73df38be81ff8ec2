"""How built files come to where they are used. Imported by setup.py, by path.

A library may be in use while the next build of the checkout replaces it: writing into the mapped
file would kill the processes that run it, and a half-written one would be loaded by those that
start. So a file is written beside its place and renamed, and builds of one checkout take turns.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from setuptools.command.build_ext import build_ext

HERE = Path(__file__).resolve().parent


def replace_file(source: str | Path, target: str | Path) -> None:
    """Puts a copy of `source` in the place of `target`; who has the old one open keeps it."""
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, beside = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    os.close(handle)
    try:
        shutil.copy2(source, beside)
        os.replace(beside, target)
    except BaseException:
        os.unlink(beside)
        raise


@contextmanager
def alone(lock: str | Path) -> Iterator[None]:
    """Waits until no other process is inside with the same lock file (where there is `fcntl`)."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    path = Path(lock)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class BuildExt(build_ext):
    """`build_ext` by the rules above."""

    def run(self) -> None:
        """Builds, alone in this checkout."""
        with alone(Path("build") / "cpu_c.lock"):
            super().run()

    def copy_file(self, infile: Any, outfile: Any, *args: Any, **kwargs: Any) -> Any:
        """The copy of an extension module to its place in the source tree, among others."""
        target = Path(outfile)
        target = target / Path(infile).name if target.is_dir() else target
        replace_file(infile, target)
        return str(target), 1


def vendor_openblas(target_dir: str | Path = HERE / "vendor") -> bool:
    """Copies OpenBLAS from the build requirement `scipy-openblas32`; False if it is not there."""
    try:
        import scipy_openblas32
    except ImportError:
        return False
    found = [
        path
        for path in Path(scipy_openblas32.get_lib_dir()).iterdir()
        if "openblas" in path.name and path.suffix in {".so", ".dylib", ".dll"}
    ]
    target = Path(target_dir)
    # Whoever passes the library on passes its licence on.
    found += [
        Path(str(file.locate()))
        for file in distribution("scipy-openblas32").files or ()
        if file.name.startswith("LICENSE")
    ]
    for path in found:
        if not _same(path, target / path.name):
            replace_file(path, target / path.name)
    return any(path.suffix != ".txt" for path in found)


def _same(source: Path, target: Path) -> bool:
    """Whether `target` is a copy of `source` already."""
    if not target.exists():
        return False
    new, old = source.stat(), target.stat()
    return new.st_size == old.st_size and int(new.st_mtime) == int(old.st_mtime)
