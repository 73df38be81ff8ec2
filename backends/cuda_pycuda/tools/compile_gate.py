"""Every kernel text through NVIDIA's compiler, for several architectures; no GPU is needed.

    python backends/cuda_pycuda/tools/compile_gate.py
    python backends/cuda_pycuda/tools/compile_gate.py --arch sm_100 --family reduce
    python backends/cuda_pycuda/tools/compile_gate.py --update       # the table of figures

The texts are those that `sources()` of each file in `ops/` lists, and for the last architecture
the same with indices of 64 bits. NVRTC compiles each of them, and has to produce the kernels that
are listed with it; nvcc, which is what PyCUDA runs, compiles one text of each kernel file. What has
once been accepted is remembered by a hash, so that only new texts take time. A reduced run compiles
all of them for the last architecture only, and one of each file for the others and with wide
indices.

What each kernel takes (`figures.py`) is printed, and compared with `kernel_figures.tsv`
(`figures_table.py`): the gate fails where a kernel takes more than that table allows.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import os
import pkgutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from typing import Final, NamedTuple

import figures_table
from figures import ARCHITECTURE as DECODED
from figures import OPTION, Figures, figures
from nvrtc import Nvrtc, RefusedError
from toolkit import ToolError, cache_folder, find_root

ARCHITECTURES: Final = ("sm_75", "sm_80", "sm_90")
OPTIONS: Final = ("-std=c++17", "-w")
MESSAGE_LINES: Final = 12
COUNTED: Final = "1"
"""Another, where `figures.py` counts otherwise: what is remembered has its figures."""


class Text(NamedTuple):
    """A module as the backend would compile it.

    Attributes:
        family: the file in `ops/` that asks for it.
        label: kernel file and variant, for messages.
        text: the whole text.
        names: the kernels that are taken from it.
        wide: whether it is the variant of another text for indices of 64 bits.
    """

    family: str
    label: str
    text: str
    names: tuple[str, ...]
    wide: bool = False


class Job(NamedTuple):
    """One text for one architecture, by one compiler."""

    text: Text
    architecture: str
    compiler: str  # "nvrtc" or "nvcc"


class Verdict(NamedTuple):
    """What came of a job; `problem` is empty where the text was accepted.

    Attributes:
        taken: what each kernel takes, where that is known.
    """

    job: Job
    problem: str
    cached: bool
    taken: dict[str, Figures] = {}  # noqa: RUF012 - a NamedTuple's default, never written to


def texts(families: Sequence[str] = ()) -> list[Text]:
    """What all families list, each text once.

    Raises:
        ToolError: a family does not exist.
    """
    from corex_cuda_pycuda import simulator

    simulator.enable()  # the ops load the driver; none is asked to do anything
    import corex_cuda_pycuda.ops as package
    from corex_cuda_pycuda.runtime import Source

    names = [found.name for found in pkgutil.iter_modules(package.__path__)]
    modules = {name: importlib.import_module(f"{package.__name__}.{name}") for name in names}
    listed = {name: module for name, module in modules.items() if hasattr(module, "sources")}
    unknown = set(families) - set(listed)
    if unknown:
        raise ToolError(f"no family {', '.join(sorted(unknown))}; they are {', '.join(listed)}")
    found: dict[str, Text] = {}
    for name in families or listed:
        for item in listed[name].sources():
            # A source with the names of its kernels, or a source alone: then any kernel will do.
            source, kernels = (item, ()) if isinstance(item, Source) else item
            _add(found, Text(name, source.describe(), source.text(), tuple(kernels)))
            defines = dict(source.defines)
            if defines.get("INDEX") == "int":
                source = source._replace(defines=(*(defines | WIDE).items(),))
                text = Text(name, source.describe(), source.text(), tuple(kernels), True)
                _add(found, text)
    return list(found.values())


WIDE: Final = {"INDEX": "long long"}


def _add(found: dict[str, Text], text: Text) -> None:
    known = found.get(text.text)
    if known is not None:
        text = known._replace(names=tuple(dict.fromkeys(known.names + text.names)))
    found[text.text] = text


def jobs(
    found: Sequence[Text], architectures: Sequence[str], nvcc: bool = True, reduced: bool = False
) -> Iterator[Job]:
    """All texts by NVRTC; by nvcc the first of each family and kernel file."""
    first: dict[tuple[str, str, bool], Text] = {}
    for text in found:
        first.setdefault((text.family, text.label.partition(" ")[0], text.wide), text)
    last, sample = architectures[-1], list(first.values())
    for architecture in architectures:
        for text in found:
            few = text.wide or architecture != last
            if text in sample if few and reduced else not text.wide or architecture == last:
                yield Job(text, architecture, "nvrtc")
    for text in sample if nvcc else ():
        if not text.wide:
            yield Job(text, last, "nvcc")


# ---- one job, in a process of its own ------------------------------------------------------
@lru_cache(maxsize=1)
def _compiler(root: str) -> tuple[Nvrtc, str]:
    compiler = Nvrtc(Path(root))
    return compiler, compiler.version


def run(root: str, folder: str, job: Job) -> Verdict:
    """Compiles a text, unless that is known to succeed."""
    compiler, version = _compiler(root)
    parts = (job.text.text, *job.text.names, job.architecture, job.compiler, version, *OPTIONS)
    mark = Path(folder) / hashlib.sha256("\0".join((*parts, COUNTED)).encode()).hexdigest()
    if mark.exists():
        known = {name: Figures(*row) for name, row in json.loads(mark.read_text()).items()}
        return Verdict(job, "", True, known)
    log = ""
    try:
        if job.compiler == "nvcc":
            code = _by_nvcc(Path(root), job)
        else:
            code, log = compiler.compile(job.text.text, job.architecture, (*OPTIONS, OPTION))
    except RefusedError as error:
        return Verdict(job, str(error), False)
    wanted = job.text.names or ("",)
    missing = [name for name in wanted if b"\0.text.%b" % _ending(name) not in code]
    if missing:
        return Verdict(job, f"compiled, but there is no kernel {', '.join(missing)}", False)
    taken = figures(code, log) if job.architecture == DECODED and log else {}
    fresh = mark.with_suffix(f".{os.getpid()}")
    fresh.write_text(json.dumps(taken))
    fresh.rename(mark)
    return Verdict(job, "", False, taken)


def _ending(name: str) -> bytes:
    """How the name of a kernel's section goes on; any section will do for no name."""
    return f"{name}\0".encode() if name else b""


def _by_nvcc(root: Path, job: Job) -> bytes:
    """As PyCUDA calls it."""
    with tempfile.TemporaryDirectory(prefix="corex-nvcc-") as work:
        source, target = Path(work) / "kernel.cu", Path(work) / "kernel.cubin"
        source.write_text(job.text.text)
        command = [str(root / "bin" / "nvcc"), "--cubin", f"-arch={job.architecture}", "-O3"]
        command += [*OPTIONS, "-o", str(target), str(source)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RefusedError((done.stderr or done.stdout).strip())
        return target.read_bytes()


# ---- all of them ---------------------------------------------------------------------------
def compile_all(todo: Sequence[Job], root: Path, workers: int) -> Iterator[Verdict]:
    """The verdicts, as they come."""
    folder = cache_folder() / "accepted"
    folder.mkdir(parents=True, exist_ok=True)
    _compiler(str(root))  # complains here if there is no NVRTC
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        few = max(1, min(16, len(todo) // (workers * 4)))
        count = len(todo)
        arguments = ([str(root)] * count, [str(folder)] * count, todo)
        yield from pool.map(run, *arguments, chunksize=few)


def described(verdict: Verdict) -> str:
    """A failure: family, variant, architecture, and the compiler's first lines."""
    text = verdict.job.text
    lines = verdict.problem.splitlines()
    more = [f"... and {len(lines) - MESSAGE_LINES} lines more"] if lines[MESSAGE_LINES:] else []
    shown = "\n".join(f"    {line}" for line in lines[:MESSAGE_LINES] + more)
    compiler, architecture = verdict.job.compiler, verdict.job.architecture
    return f"REFUSED  ops/{text.family}.py: {text.label} by {compiler} for {architecture}\n{shown}"


def gate(
    architectures: Sequence[str] = ARCHITECTURES,
    families: Sequence[str] = (),
    workers: int | None = None,
    cuda_root: str | None = None,
    reduced: bool = False,
    shown: int = 20,
    each: bool = False,
    update: bool = False,
) -> bool:
    """Compiles everything and prints what was found; whether all was accepted.

    Args:
        architectures, families, reduced: what is compiled.
        workers: how many processes compile.
        cuda_root: a toolkit.
        shown: so many refusals are told.
        each: print what each variant takes, not ranges.
        update: write the table of figures anew, as far as it was looked at.
    """
    started = time.monotonic()
    root = find_root(cuda_root)
    if root is None:
        raise ToolError("no CUDA toolkit: install the packages that toolkit.py names")
    found = texts(families)
    nvcc = os.access(root / "bin" / "nvcc", os.X_OK)
    todo = list(jobs(found, architectures, nvcc, reduced))
    count = workers or len(os.sched_getaffinity(0))
    verdicts = list(compile_all(todo, root, count))
    refused = [verdict for verdict in verdicts if verdict.problem]
    for verdict in refused[:shown]:
        print(described(verdict))
    if len(refused) > shown:
        print(f"and {len(refused) - shown} more")
    compiled = sum(not verdict.cached for verdict in verdicts)
    print(
        f"{len(found)} texts for {', '.join(architectures)}: "
        f"{len(verdicts)} compilations, {compiled} of them new, {len(refused)} refused, "
        f"{time.monotonic() - started:.0f} s"
    )
    return _judge(verdicts, _compiler(str(root))[1], not families, each, update) and not refused


def _judge(
    verdicts: Sequence[Verdict], version: str, whole: bool, each: bool, update: bool
) -> bool:
    """Compares what kernels take with the table; whether that allows it."""
    found, narrow = (
        {
            (verdict.job.text.label, name): taken
            for verdict in verdicts
            if wide or not verdict.job.text.wide
            for name, taken in verdict.taken.items()
        }
        for wide in (True, False)
    )
    if not found:
        return True
    print(figures_table.described(found, each))
    table = figures_table.Table.read()
    problems = figures_table.spills(found)
    if update:
        whole = whole and not any(verdict.problem for verdict in verdicts)
        table.updated(narrow, version, whole).write()
    else:
        problems += table.compare(narrow, version, whole)
    for problem in problems:
        print(problem)
    print(f"{len(found)} kernels, {len(problems)} of them other than they may be")
    return not problems


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Compiles every kernel; needs no GPU.")
    parser.add_argument("--arch", default=",".join(ARCHITECTURES), metavar="LIST")
    parser.add_argument(
        "--family", default="", metavar="LIST", help="files of ops/, such as reduce"
    )
    parser.add_argument("--reduced", action="store_true", help="most for one architecture only")
    parser.add_argument("--each", action="store_true", help="print what every variant takes")
    parser.add_argument("--update", action="store_true", help="write the table of figures anew")
    parser.add_argument("--jobs", type=int, help="processes (default: one per processor)")
    parser.add_argument("--cuda-root", metavar="DIR", help="a CUDA toolkit")
    options = parser.parse_args()
    try:
        accepted = gate(
            options.arch.split(","),
            [name for name in options.family.split(",") if name],
            options.jobs,
            options.cuda_root,
            options.reduced,
            each=options.each,
            update=options.update,
        )
    except ToolError as error:
        print(f"compile_gate: {error}", file=sys.stderr)
        return 2
    return 0 if accepted else 1


if __name__ == "__main__":
    sys.exit(main())
