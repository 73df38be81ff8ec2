"""How long an `import` takes, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass

from benchmarks.timing import Sampler

PROGRAM = (
    "from time import perf_counter; start = perf_counter(); "
    "import {module}; print(perf_counter() - start)"
)


@dataclass(frozen=True)
class Import:
    """Times the import statement itself; the interpreter's own start is not counted."""

    name: str
    statement: str = "import lib"

    def sampler(self, library: str) -> Sampler:
        """Starts one process for each time; the first, before any is timed, fills the caches."""

        def sample() -> float:
            command = [sys.executable, "-c", PROGRAM.format(module=library)]
            return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

        sample()
        return sample


CASES = [Import("startup/import")]
