"""`corex bench`: runs the benchmarks of a source checkout."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from corex.errors import CorexError

PASSES_ON = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Nothing of its own: options go to the benchmarks."""
    parser.epilog = "Options are those of `python -m benchmarks`, which its --help lists."


def run(args: argparse.Namespace) -> int:
    """Runs `python -m benchmarks` where they lie.

    Raises:
        CorexError: corex was installed without them.
    """
    checkout = Path(__file__).parents[2]
    if not (checkout / "benchmarks" / "__main__.py").exists():
        raise CorexError("the benchmarks are in the source checkout only, not in the package")
    command = [sys.executable, "-m", "benchmarks", *args.passed_on]
    return subprocess.run(command, cwd=checkout, check=False).returncode
