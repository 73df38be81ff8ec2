"""`corex backends`: what is installed, what works, and why the rest does not."""

from __future__ import annotations

import argparse
import textwrap

from corex import dtypes
from corex.cli import support
from corex.cli.table import table
from corex.errors import BackendUnavailableError
from corex.plugins import manager


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `corex backends`."""
    parser.add_argument(
        "--ops",
        action="store_true",
        help="count the ops that run natively, decomposed, on the host",
    )
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="list every op; show tracebacks of faults"
    )


def run(args: argparse.Namespace) -> int:
    """Prints the table of backends, then the faults."""
    default, problem = _default()
    rows = [_row(name, name == default) for name in manager.descriptors()]
    print(table(("backend", "device", "dtypes", "status"), rows) if rows else "no backends")
    if args.ops:
        _print_ops(args.verbose)
    if problem:
        print(f"\nno default backend: {problem}")
    if manager.selectors():
        print(f"\nkernel overrides, asked in this order: {', '.join(manager.selectors())}")
    if manager.disabled():
        print(f"\ndisabled by COREX_DISABLE: {', '.join(sorted(manager.disabled()))}")
    _print_faults(args.verbose)
    return 0


def _default() -> tuple[str | None, str | None]:
    try:
        return manager.default_backend_name(), None
    except BackendUnavailableError as error:
        return None, str(error)


def _row(name: str, is_default: bool) -> tuple[str, str, str, str]:
    device_type = manager.descriptors()[name].device_type
    try:
        manager.backend(name)
    except BackendUnavailableError:
        return name, device_type, "-", f"unavailable: {manager.unavailable_reason(name)}"
    return name, device_type, _dtypes(name), "available, default" if is_default else "available"


def _dtypes(name: str) -> str:
    """The dtypes that the backend's devices hold; per device where they differ."""
    backend = manager.backend(name)
    texts = []
    for index in range(backend.device_count()):
        held = [dtype.name for dtype in dtypes.ALL if dtype in backend.dtypes(index)]
        texts.append("all" if len(held) == len(dtypes.ALL) else " ".join(held))
    if len(set(texts)) == 1:
        return texts[0]
    return ", ".join(f"{backend.device_type}:{i} {text}" for i, text in enumerate(texts))


def _print_ops(verbose: bool) -> None:
    usable = [name for name in manager.descriptors() if manager.unavailable_reason(name) is None]
    print("\n" + support.summary(manager, usable))
    if verbose:
        print("\n" + support.details(manager, usable))


def _print_faults(verbose: bool) -> None:
    faults = manager.faults()
    if not faults:
        return
    print("\nplugin faults" + (":" if verbose else " (--verbose shows their tracebacks):"))
    for fault in faults:
        print(f"  {fault}")
        if verbose:
            print(textwrap.indent(fault.traceback.rstrip(), "    ") + "\n")
