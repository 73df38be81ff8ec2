"""Forces the paths of the C library one after another, and runs the conformance suite under each.

`python backends/cpu_c/sweep.py [--combined] [--reduced] [SETTING ...]`, with the Python that has
corex. A setting is a handful of forced paths (docs/cpu.md). Together the settings have every choice
of every path, which `tests/backends/cpu_c/test_paths.py` checks.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time

NEVER_REACHED = 2**62


def _paths(text: str) -> dict[str, str]:
    """A setting: {path: value}. "threads" is none of the paths, but the number of threads."""
    return dict(each.split("=") for each in text.split())


SETTINGS = {
    "baseline": _paths("level=baseline"),
    "v3": _paths("level=v3"),
    "v4": _paths("level=v4"),
    "stream": _paths("stream=always unlock_above=0"),
    "stream from a size on": _paths("stream=auto stream_bytes=64 unlock_above=0"),
    "no stream": _paths("stream=never stream_bytes=0 unlock_above=0"),
    "many threads": _paths("threads=4 grain=1 unlock_above=0"),
    "one thread": _paths("threads=1 grain=1 unlock_above=0"),
    "nothing divided": _paths(f"grain={NEVER_REACHED} unlock_above={NEVER_REACHED}"),
    "no BLAS": _paths("blas=never tiny_gemm=0"),
    "BLAS for all": _paths("blas=auto tiny_gemm=0 batch=blas"),
    "plain loops": _paths(f"tiny_gemm={NEVER_REACHED}"),
    "no gemv": _paths("gemv=never tiny_gemm=0 batch=pool"),
    "reduce by line": _paths("reduce=line"),
    "reduce by columns": _paths("reduce=columns"),
    "reduce by lines": _paths("reduce=lines"),
    "reduce chunks": _paths("reduce_chunk=3 threads=3"),
    "rows by line": _paths("rows=line"),
    "rows by columns": _paths("rows=columns threads=3 grain=1 unlock_above=0"),
    "unrolled conv": _paths("conv=unrolled conv_tile_bytes=1"),
    "one conv tile": _paths(f"conv=auto conv_tile_bytes={NEVER_REACHED}"),
    "no tiles in copies": _paths("transpose=never"),
}

# The same in three runs, for when there is no time for them all.
COMBINED = {
    "lowest": _paths(
        "level=baseline stream=always unlock_above=0 grain=1 threads=4 blas=never tiny_gemm=0 "
        "gemv=never batch=pool transpose=never reduce=columns reduce_chunk=3 rows=columns "
        "conv=unrolled conv_tile_bytes=1"
    ),
    "middle": _paths(
        "level=v3 stream=always unlock_above=0 grain=7 threads=2 tiny_gemm=0 gemv=never batch=blas "
        "reduce=lines reduce_chunk=64 rows=line conv_tile_bytes=64"
    ),
    "highest": _paths(
        f"level=v4 stream=never threads=1 grain={NEVER_REACHED} tiny_gemm={NEVER_REACHED} "
        f"batch=pool reduce=line reduce_chunk={NEVER_REACHED} conv_tile_bytes={NEVER_REACHED}"
    ),
}

ALL = {**SETTINGS, **COMBINED}


def environment(setting: dict[str, str]) -> dict[str, str]:
    """The variables that force a setting in a new process."""
    return {
        "COREX_NUM_THREADS" if path == "threads" else f"COREX_CPU_{path.upper()}": value
        for path, value in setting.items()
    }


def lacking(setting: dict[str, str], levels: list[str]) -> str | None:
    """Why a setting cannot be had here, or None."""
    level = setting.get("level", "auto")
    return None if level in ("auto", *levels) else f"level {level} is not to be had here"


def run(command: list[str], base: dict[str, str], names: list[str], levels: list[str]) -> list[str]:
    """Runs a command under each of the named settings; prints and returns what failed."""
    failed, covered = [], []
    for name in names:
        reason = lacking(ALL[name], levels)
        if reason is not None:
            print(f"{name}: skipped, {reason}", flush=True)
            continue
        begun = time.monotonic()
        wanted = environment(ALL[name])
        result = subprocess.run(
            command, env={**base, **wanted}, check=False, capture_output=True, text=True
        )
        told = "passed" if result.returncode == 0 else "FAILED"
        paths = " ".join(f"{path}={value}" for path, value in ALL[name].items())
        print(f"{name}: {told} in {time.monotonic() - begun:.0f} s ({paths})", flush=True)
        if result.returncode:
            print(result.stdout, result.stderr, flush=True)
            failed.append(name)
        else:
            covered.append(name)
    print(f"{len(covered)} settings passed, {len(failed)} failed {failed or ''}", flush=True)
    return failed


def usable_levels(base: dict[str, str]) -> list[str]:
    """The levels that were built and that this processor has."""
    code = "from corex_cpu_c import _native; print(*_native.levels())"
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, env=base, check=True, capture_output=True, text=True
    ).stdout.split()


def main() -> int:
    """Runs the suite under the settings asked for; the number of those that failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--combined", action="store_true", help="three settings that join the rest")
    parser.add_argument("--reduced", action="store_true", help="a sample of the suite")
    parser.add_argument("settings", nargs="*", metavar="SETTING", help=", ".join(ALL))
    options = parser.parse_args()
    names = options.settings or list(COMBINED if options.combined else SETTINGS)
    command = [sys.executable, "-m", "corex", "conformance", "cpu_c"]
    command += ["--reduced"] if options.reduced else []
    base = dict(os.environ)
    return len(run(command, base, names, usable_levels(base)))


if __name__ == "__main__":
    sys.exit(main())
