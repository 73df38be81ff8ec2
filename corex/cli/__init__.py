"""The `corex` command. Each subcommand is a module here, imported only when it is called.

A subcommand's module has `add_arguments(parser)` and `run(args) -> exit code`. One that leaves its
options to another program sets `PASSES_ON`, and finds them in `args.passed_on`.

Installed packages add subcommands as entry points of group `corex.commands`: functions that take
the rest of the command line and return an exit code. They are looked for only where no command of
corex's own is named.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import importlib.metadata
import sys
from collections.abc import Callable, Sequence
from typing import Final

from corex.errors import CorexError
from corex.observe.placement import debug_words

COMMANDS: Final = {
    "backends": "which backends there are, and why one cannot be used",
    "new-backend": "make a backend to start from, as a package of its own",
    "demo": "train a small network on handwritten digits",
    "conformance": "check a backend against the contract, kernel by kernel",
    "bench": "time corex beside PyTorch and NumPy (in a source checkout)",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line `argv` (by default the process's own) and returns its exit code.

    A wrong command line exits with 2; an error that the user can act on is one line on stderr and
    exit code 1, unless COREX_DEBUG=traceback is set, which lets it through with its traceback.
    """
    arguments = sys.argv[1:] if argv is None else list(argv)
    others = {} if arguments[:1] and arguments[0] in COMMANDS else _commands_of_packages()
    if arguments and arguments[0] in others:
        return _guarded(arguments[0], lambda: others[arguments[0]].load()(arguments[1:]))
    parser = argparse.ArgumentParser(prog="corex", description="A tensor runtime with plugins.")
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    module = None
    for name, summary in COMMANDS.items():
        subparser = subparsers.add_parser(
            name, help=summary, description=summary[0].upper() + summary[1:] + "."
        )
        if arguments[:1] == [name]:
            module = importlib.import_module(f"corex.cli.{name.replace('-', '_')}")
            module.add_arguments(subparser)
    for name, entry in others.items():
        subparsers.add_parser(name, help=f"from {entry.dist.name if entry.dist else entry.value}")
    parsed, passed_on = parser.parse_known_args(arguments)
    parsed.passed_on = passed_on
    assert module is not None  # argparse has refused everything else
    if passed_on and not getattr(module, "PASSES_ON", False):
        parser.error(f"unrecognized arguments: {' '.join(passed_on)}")
    return _guarded(parsed.command, functools.partial(module.run, parsed))


def _guarded(command: str, run: Callable[[], int]) -> int:
    """The exit code of a command, in whichever way it ends."""
    try:
        return int(run())
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader (`corex backends | head`) has seen enough
        sys.stdout = None
        return 0
    except (CorexError, OSError, ValueError) as error:
        if debug_words() - {"placement"}:
            raise
        message = " ".join(str(error).split()) or type(error).__name__
        print(f"corex {command}: {message}", file=sys.stderr)
        return 1


def _commands_of_packages() -> dict[str, importlib.metadata.EntryPoint]:
    """The subcommands that installed packages add, by name; corex's own have precedence."""
    found = importlib.metadata.entry_points(group="corex.commands")
    return {entry.name: entry for entry in found if entry.name not in COMMANDS}


class _Version(argparse.Action):
    """`--version`, reading the installed metadata only when asked."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        print(f"corex {importlib.metadata.version('corex')}")
        parser.exit()
