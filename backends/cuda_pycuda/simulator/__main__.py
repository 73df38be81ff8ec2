"""`python -m corex_cuda_pycuda.simulator`: run a program on the simulator, or look at the build."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from . import BuildError, build, cache_root, environment

DESCRIPTION = "CUDA without a GPU: a driver and a compiler for the unmodified PyCUDA."


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code."""
    parser = argparse.ArgumentParser(prog="cuda-simulator", description=DESCRIPTION)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    run = commands.add_parser("run", help="run a program that finds the simulator as its driver")
    run.add_argument("program", nargs=argparse.REMAINDER, metavar="PROGRAM [ARGUMENT ...]")
    commands.add_parser("build", help="build the simulator, if it is not built yet")
    commands.add_parser("info", help="where it is, and what it was built with")
    commands.add_parser("clean", help="remove everything that was built")
    arguments = parser.parse_args(argv)
    if arguments.command == "clean":
        shutil.rmtree(cache_root(), ignore_errors=True)
        return 0
    try:
        folder = build()
    except BuildError as error:
        sys.stderr.write(f"cuda-simulator: {error}\n")
        return 1
    if arguments.command == "run":
        if not arguments.program:
            parser.error("run: which program?")
        return _run(folder, arguments.program)
    sys.stdout.write(f"{folder}\n")
    if arguments.command == "info":
        sys.stdout.write((folder / "settings").read_text())
        sys.stdout.write(f"nvcc={folder / 'bin' / 'nvcc'}\ndriver={folder / 'libcuda.so.1'}\n")
    return 0


def _run(folder: Path, program: Sequence[str]) -> int:
    """Becomes the program: the loader finds the simulated driver, PATH the simulated nvcc."""
    variables = environment(folder)
    libraries = os.environ.get("LD_LIBRARY_PATH")
    variables["LD_LIBRARY_PATH"] = str(folder) + (os.pathsep + libraries if libraries else "")
    os.environ.update(variables)
    try:
        os.execvp(program[0], list(program))
    except OSError as error:
        sys.stderr.write(f"cuda-simulator: cannot run {program[0]}: {error.strerror}\n")
        return 127


if __name__ == "__main__":
    sys.exit(main())
