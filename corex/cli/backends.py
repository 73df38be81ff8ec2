"""`corex backends`: what is installed, what works, and why the rest does not."""

from __future__ import annotations

import argparse
import shutil
import sys
import textwrap
from pathlib import Path

import corex
from corex import dtypes
from corex.backend.contract import DTYPES
from corex.cli import support
from corex.cli.table import table
from corex.errors import BackendUnavailableError
from corex.ops import extension
from corex.plugins import Plugin, manager


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `corex backends`."""
    parser.epilog = f"The contract and the tutorials for authors of backends: {pages()}"
    parser.add_argument("name", nargs="?", metavar="NAME", help="tell all about one backend")
    parser.add_argument(
        "--ops",
        action="store_true",
        help="count the ops that run natively, decomposed, on the host",
    )
    parser.add_argument(
        "--warm",
        metavar="NAME",
        help="compile the kernels of a backend, or of one for this device type, ahead of use",
    )
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="list every op; show tracebacks of faults"
    )


def pages() -> Path:
    """The folder of corex's pages: in the installed package, or beside it in a checkout."""
    package = Path(corex.__file__).parent
    installed = package / "docs"
    return installed if installed.is_dir() else package.parent / "docs"


def run(args: argparse.Namespace) -> int:
    """Prints the tables of backends and plugins, then the faults."""
    if args.warm is not None:
        return _warm(args.warm)
    if args.name is not None:
        return _print_one(args.name)
    manager.begin_probes()
    default, problem = _default()
    rows = [_row(name, name == default) for name in manager.descriptors()]
    print(table(("backend", "device", "dtypes", "status"), rows) if rows else "no backends")
    if any(_BASIC in words.split() for _, _, words, _ in rows):
        print(f"\n{_BASIC} dtypes: {' '.join(dtype.name for dtype in DTYPES)}")
    if problem:
        print(f"\nno default backend: {problem}")
    if args.ops:
        _print_ops(args.verbose)
    _print_plugins()
    if manager.disabled():
        print(f"\ndisabled by COREX_DISABLE: {', '.join(sorted(manager.disabled()))}")
    _print_faults(args.verbose)
    return 0


def _print_one(name: str) -> int:
    """Everything about one backend, or about the one that serves a device type."""
    try:
        known = name in manager.descriptors()
        name = name if known else manager.backend_for_device_type(name)
        backend = manager.backend(name)
    except BackendUnavailableError as error:
        print(error, file=sys.stderr)
        return 1
    descriptor = manager.descriptors()[name]
    rows = [
        ("backend", name),
        ("device type", descriptor.device_type),
        ("priority", str(descriptor.priority)),
        ("written for", ".".join(map(str, descriptor.api_version))),
        ("dtypes", _dtypes(name, brief=False)),
        ("features", ", ".join(sorted(backend.features)) or "none beyond the minimum"),
    ]
    for index in range(backend.device_count()):
        weakened = backend.traits(index).weakened().values()
        rows.append((f"{descriptor.device_type}:{index}", "; ".join(weakened) or _IDEAL))
    print(table(("what", "is"), rows))
    return 0


_IDEAL = "nothing of what the contract promises is weakened"


def _warm(name: str) -> int:
    """Lets a backend compile what it would compile at first use."""
    try:
        known = name in manager.descriptors()
        name = name if known else manager.backend_for_device_type(name)
        count = manager.backend(name).warm(_show_progress)
    except BackendUnavailableError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{name}: {count} kernels ready" if count else f"{name}: nothing to prepare")
    return 0


def _show_progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        print(f"{done} of {total}", end="\n" if done == total else "\r", file=sys.stderr)


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


_BASIC = "basic"
"""What the six are called that a backend holds if it says nothing else."""


def _dtypes(name: str, brief: bool = True) -> str:
    """The dtypes that the backend's devices hold; per device where they differ."""
    backend = manager.backend(name)
    words = {frozenset(dtypes.ALL): "all", frozenset(DTYPES): _BASIC} if brief else {}
    texts = []
    for index in range(backend.device_count()):
        held = [dtype for dtype in dtypes.ALL if dtype in backend.dtypes(index)]
        texts.append(words.get(frozenset(held)) or " ".join(dtype.name for dtype in held))
    if len(set(texts)) == 1:
        return texts[0]
    return ", ".join(f"{backend.device_type}:{i} {text}" for i, text in enumerate(texts))


def _usable() -> list[str]:
    return [name for name in manager.descriptors() if manager.unavailable_reason(name) is None]


def _print_ops(verbose: bool) -> None:
    extension.owners()  # enters the plugins' ops
    print("\n" + support.summary(manager, _usable()))
    if verbose:
        print("\n" + support.details(manager, _usable()))


# ---- plugins -----------------------------------------------------------------------------------
def _print_plugins() -> None:
    rows = [
        (plugin.name, plugin.distribution or "-", str(plugin.priority), _brings(plugin))
        for plugin in manager.registered()
    ]
    if rows:
        print("\nplugins; of those that bring the same kernel or op, the first in this list wins:")
        print(table(("plugin", "distribution", "priority", "brings"), rows))


def _brings(plugin: Plugin) -> str:
    parts = []
    backends = [item.name for item in plugin.descriptors]
    if backends:
        parts.append(f"backend{'s' * (len(backends) > 1)} {', '.join(backends)}")
    ops = [name for name, owner in extension.owners().items() if owner == plugin.name]
    if ops:
        parts.append(f"op{'s' * (len(ops) > 1)} {', '.join(ops)}")
    if "corex_select_kernel" in plugin.hooks:
        parts.append(_overrides(plugin))
    if "corex_op_observer" in plugin.hooks:
        parts.append("an observer of ops")
    if "corex_conformance_cases" in plugin.hooks:
        parts.append("conformance cases")
    return "; ".join(parts) or "nothing"


def _overrides(plugin: Plugin) -> str:
    """Which kernels the plugin puts before those of which backend."""
    found = []
    for backend in _usable():
        ops = support.overridden(plugin, backend)
        if ops:
            more = f" and {len(ops) - 5} more" if len(ops) > 6 else ""
            found.append(f"{', '.join(ops[:5] if more else ops)}{more} on {backend}")
    return (
        f"kernels for {'; for '.join(found)}" if found else "kernels for no op of a usable backend"
    )


def _print_faults(verbose: bool) -> None:
    faults = manager.faults()
    if not faults:
        return
    print("\nplugin faults" + (":" if verbose else " (--verbose shows their tracebacks):"))
    rows = [
        (fault.plugin, fault.distribution or "-", fault.stage, fault.summary()) for fault in faults
    ]
    lines = table(("plugin", "distribution", "failed at", "with"), rows).splitlines()
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() and not verbose else None
    for line in lines:
        print(line if width is None or len(line) <= width else f"{line[: width - 3]}...")
    if verbose:
        for fault in faults:
            print(f"\n{fault}\n" + textwrap.indent(fault.traceback.rstrip(), "    "))
