"""Two programs on the CUDA backend beside the CPU: the sine example, and the digits demo."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[3]
BACKEND: Final = "cuda_pycuda"
OTHER: Final = "cpu_c"
STEPS: Final = 20
TOLERANCE: Final = 2e-3
"""Of a digits loss, relative: it is printed with four decimals, and sums differ in their order."""


class ProgramError(AssertionError):
    """A program failed, or the numbers differ."""


def _output(*command: str) -> str:
    done = subprocess.run(
        [sys.executable, *command],
        capture_output=True, text=True, check=False, timeout=300, cwd=ROOT, env=dict(os.environ),
    )  # fmt: skip
    if done.returncode != 0:
        told = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise ProgramError(f"{' '.join(command)} ended with {done.returncode}:\n{told}")
    return done.stdout


def sine() -> str:
    """The ten losses are, to every digit printed, those of the CPU."""
    program = ("-W", "error", str(ROOT / "examples" / "sine.py"), "--backend")
    found, wanted = _output(*program, BACKEND).split(), _output(*program, OTHER).split()
    if len(found) != 10 or found != wanted:
        raise ProgramError(f"sine.py prints {' '.join(found)}, on {OTHER} {' '.join(wanted)}")
    return f"examples/sine.py prints {' '.join(found)}"


def digits() -> str:
    """The losses of the demo's first steps are those of the CPU."""
    found, wanted = _digit_losses(BACKEND), _digit_losses(OTHER)
    if len(found) != STEPS or len(wanted) != STEPS:
        raise ProgramError(f"the demo printed {len(found)} and {len(wanted)} of {STEPS} losses")
    for step, (mine, theirs) in enumerate(zip(found, wanted, strict=True), 1):
        if not abs(mine - theirs) <= TOLERANCE * abs(theirs):
            raise ProgramError(f"digits, step {step}: a loss of {mine}, on {OTHER} {theirs}")
    return f"the digits demo's first {STEPS} losses match, the last is {found[-1]}"


def _digit_losses(backend: str) -> list[float]:
    with tempfile.TemporaryDirectory(prefix="corex-digits-") as folder:
        command = ("-m", "corex", "demo", "--steps", str(STEPS), "--out", folder)
        text = _output(*command, "--backend", backend)
    return [float(loss) for loss in re.findall(r"^step +\d+ +loss ([-\d.einfa+]+)", text, re.M)]


def main() -> int:
    """Runs both, on whatever the environment chooses: a GPU or the simulator."""
    for program in (sine, digits):
        try:
            print(program())
        except ProgramError as error:
            print(error)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
