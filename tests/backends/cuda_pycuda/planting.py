"""Runs cases of the conformance suite on kernels of which one has been spoiled."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import corex_cuda_pycuda
from corex.testing.pool import Pool
from corex.testing.result import Result

PACKAGE = Path(corex_cuda_pycuda.__file__).parent

_WORKER = """
import json, sys
from pathlib import Path
sys.path[:] = json.loads(sys.argv.pop(1))
folder, prelude = sys.argv.pop(1), sys.argv.pop(1)
from corex_cuda_pycuda import simulator
simulator.enable()
from corex_cuda_pycuda.runtime import source
source.KERNELS = Path(folder)
exec(prelude)
from corex.testing.worker import main
sys.exit(main())
"""


def spoiled(folder: Path, file: str, right: str, wrong: str) -> Path:
    """A copy of the kernels in which `right`, a piece of one file, is `wrong`."""
    copy = folder / "kernels"
    shutil.copytree(PACKAGE / "kernels", copy)
    text = (copy / file).read_text()
    if text.count(right) != 1:
        pytest.fail(f"{file} has {text.count(right)} times what is to be spoiled: {right!r}")
    (copy / file).write_text(text.replace(right, wrong))
    return copy


def outcomes(
    cases: Sequence[str], kernels: Path = PACKAGE / "kernels", prelude: str = ""
) -> list[Result]:
    """What becomes of cases on the kernels in a folder, in a process of its own.

    `prelude` is run there first.
    """
    arguments = [sys.executable, "-c", _WORKER, json.dumps(sys.path), str(kernels), prelude]
    arguments += ["--backend", "cuda_pycuda", "--device", "0", "--timeout", "60"]
    with Pool("cuda_pycuda", jobs=1, arguments=arguments) as pool:
        return pool.run(cases)
