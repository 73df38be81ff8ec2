"""Runs the conformance suite on the installed backends and writes what came out: `make reports`.

For each device of a backend `NAME.html`, to be read, and `NAME.json`, for programs; for all of them
`op-support.md`: which op runs natively where, and how the others run. Options that are not known
here go to `corex conformance`: `python -m tools.conformance_reports --backends cpu_c --reduced`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from corex.cli import main as corex_command
from corex.plugins import manager
from corex.testing.report.__main__ import main as report_command

MODES = "test,grad,support"
"""Not `perf`: times say more about the machine than about the backend."""


def cpu_backends() -> list[str]:
    """The installed backends of device type cpu that work on this machine."""
    return [
        name
        for name, descriptor in manager.descriptors().items()
        if descriptor.device_type == "cpu" and manager.unavailable_reason(name) is None
    ]


def report_name(backend: str, device: int) -> str:
    """What the files of a device are called: as the backend, then with a number."""
    return backend if device == 0 else f"{backend}-{device}"


def run_suite(backend: str, device: int, folder: Path, options: Sequence[str]) -> tuple[bool, Path]:
    """Runs the suite on a device: whether it conforms, and the JSON file."""
    stem = folder / report_name(backend, device)
    found, page = f"{stem}.json", f"{stem}.html"
    command = ["conformance", backend, "--device", str(device), "--mode", MODES]
    return corex_command([*command, "--json", found, "--html", page, *options]) == 0, Path(found)


def write_reports(backends: Sequence[str], folder: Path, options: Sequence[str]) -> bool:
    """Writes the reports of all backends; whether each of them conforms."""
    folder.mkdir(parents=True, exist_ok=True)
    runs = [
        run_suite(name, device, folder, options)
        for name in backends
        for device in range(manager.backend(name).device_count())
    ]
    files = [str(path) for _, path in runs if path.exists()]
    written = report_command([*files, "--output", str(folder / "op-support.md")]) == 0
    return written and all(conforms for conforms, _ in runs)


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; 1 if a backend does not conform."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.conformance_reports",
        description="Writes reports of the conformance suite; other options go to it.",
        allow_abbrev=False,
    )
    everyone = "default: every CPU backend that works here"
    parser.add_argument("--backends", nargs="+", default=[], metavar="NAME", help=everyone)
    parser.add_argument("--output", type=Path, default=Path("build/reports"), metavar="FOLDER")
    args, options = parser.parse_known_args(argv)
    return 0 if write_reports(args.backends or cpu_backends(), args.output, options) else 1


if __name__ == "__main__":
    sys.exit(main())
