"""The `nvcc` of the CUDA simulator: compiles a kernel text with the host's C++ compiler.

A program of its own, which needs nothing but the standard library: it starts for every module.
Its first argument is the folder that `build.py` prepared, the others are those of nvcc.

The text is preprocessed, three things are replaced that a host compiler does not know
(`__global__`, `__shared__`, `__launch_bounds__`), and the result is compiled to a shared object,
which the simulated driver loads as a module. Line numbers stay what they were.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

# Options with a value, of which the simulator needs nothing.
IGNORED_WITH_VALUE = {
    "-Xcompiler", "--compiler-options", "-Xptxas", "--ptxas-options", "-Xcudafe", "-Xlinker",
    "--linker-options", "-gencode", "--generate-code", "-code", "--gpu-code", "-maxrregcount",
    "--maxrregcount", "-ccbin", "--compiler-bindir", "-diag-suppress", "--diag-suppress",
    "-std", "--std", "-odir", "-x", "-t", "--threads", "-L", "-l",
}  # fmt: skip
TARGETS = {"cubin", "ptx", "fatbin"}


class Options(NamedTuple):
    """What remains of nvcc's command line."""

    action: str  # "compile", "preprocess" or "version"
    target: str
    source: str
    output: str
    architecture: int
    passed: list[str]  # to the host's compiler: -D, -I, -U, -include
    debug: bool


class NotSimulatedError(Exception):
    """The text, or the command line, asks for what the simulator cannot do."""


def parse(arguments: list[str]) -> Options:
    """Reads a command line of nvcc's; unknown options tune what is not there, and are left out."""
    action, target, source, output, architecture = "compile", "cubin", "", "", 80
    passed: list[str] = []
    debug = False
    rest = iter(arguments)
    for argument in rest:
        name, equals, value = argument.partition("=")
        if argument in ("--version", "-V"):
            action = "version"
        elif argument in ("--preprocess", "-E"):
            action = "preprocess"
        elif argument.startswith("-") and argument.lstrip("-") in TARGETS:
            target = argument.lstrip("-")
        elif argument in ("-G", "-g", "--device-debug", "--debug"):
            debug = True
        elif name in ("-o", "--output-file"):
            output = value if equals else next(rest)
        elif name in ("-arch", "--gpu-architecture"):
            digits = re.sub(r"\D", "", value if equals else next(rest))
            architecture = int(digits) if digits else 80
        elif argument[:2] in ("-D", "-I", "-U"):
            passed.append(argument if len(argument) > 2 else argument + next(rest))
        elif name in ("--include-path", "--define-macro"):
            passed.append({"i": "-I", "d": "-D"}[name[2]] + (value if equals else next(rest)))
        elif name in ("-include", "--pre-include"):
            passed += ["-include", value if equals else next(rest)]
        elif name in IGNORED_WITH_VALUE:
            if not equals:
                next(rest, None)
        elif not argument.startswith("-"):
            source = argument
    return Options(action, target, source, output, architecture, passed, debug)


# A text as tokens: names, strings (which are left alone), and single characters.
TOKEN = re.compile(
    r"""
      (?P<line>^\#[^\n]*)
    | (?P<string>R"(?P<mark>[^(\s]*)\(.*?\)(?P=mark)"|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    | (?P<name>[A-Za-z_]\w*)
    | (?P<other>\d[\w.']*|::|[^\s\w])
    """,
    re.VERBOSE | re.MULTILINE | re.DOTALL,
)


class Token(NamedTuple):
    """A token and where it is in the text."""

    text: str
    begin: int
    end: int


def tokens_of(text: str) -> list[Token]:
    """Everything but white space and the preprocessor's lines."""
    return [
        Token(found.group(), found.start(), found.end())
        for found in TOKEN.finditer(text)
        if found.lastgroup != "line" and not found.group().startswith("#")
    ]


class Rewriter:
    """Replaces what only CUDA's compilers know; `edits` are (begin, end, replacement)."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokens_of(text)
        self.edits: list[tuple[int, int, str]] = []
        self.shared = False
        self.kernels = 0

    def result(self) -> str:
        """The text for the host's compiler."""
        position = 0
        while position < len(self.tokens):
            name = self.tokens[position].text
            if name == "__global__":
                self._kernel(position)
            elif name == "__shared__":
                self._shared(position)
            elif name == "__launch_bounds__":
                last = self._matching(position + 1)
                self._replace(position, last, "")
            elif name in ("asm", "__asm__", "__asm"):
                self._refuse(position, "inline PTX is not simulated")
            elif name == "<" and [t.text for t in self.tokens[position : position + 3]] == [
                "<", "<", "<",
            ]:  # fmt: skip
                self._refuse(position, "a launch inside a kernel's text is not simulated")
            position += 1
        pieces, done = [], 0
        ending = ""
        if self.shared:
            ending = (
                "\nstatic thread_local char corexsim_anchor;"
                " static void *corexsim_shared() { return &corexsim_anchor; }"
            )
        ending += (
            '\nextern "C" __attribute__((visibility("default")))'
            " const ::corexsim::Module corexsim_module ="
            f" ::corexsim::describe({'&corexsim_shared' if self.shared else 'nullptr'});\n"
        )
        for begin, end, replacement in sorted(self.edits):
            pieces += [self.text[done:begin], replacement]
            done = end
        return "".join([*pieces, self.text[done:], ending])

    def _replace(self, first: int, last: int, replacement: str) -> None:
        begin, end = self.tokens[first].begin, self.tokens[last].end
        lines = self.text.count("\n", begin, end)
        self.edits.append((begin, end, replacement + "\n" * lines))

    def _refuse(self, position: int, why: str) -> None:
        place = self._place(self.tokens[position].begin)
        raise NotSimulatedError(
            f"{place}: error: {why}; keep it from the simulator with #ifndef COREX_CUDA_SIMULATOR"
        )

    def _place(self, offset: int) -> str:
        """The file and line of an offset, by the last line mark before it."""
        name, line, since = "kernel.cu", 1, 0
        for found in re.finditer(r'^# (\d+) "([^"\n]*)"[^\n]*\n', self.text[:offset], re.MULTILINE):
            line, name, since = int(found[1]), found[2], found.end()
        return f"{name}({line + self.text.count(chr(10), since, offset)})"

    def _matching(self, position: int) -> int:
        """The position of the bracket that closes the one at `position`."""
        pairs = {"(": ")", "{": "}", "[": "]"}
        opening = self.tokens[position].text
        closing, depth = pairs[opening], 0
        for index in range(position, len(self.tokens)):
            if self.tokens[index].text == opening:
                depth += 1
            elif self.tokens[index].text == closing:
                depth -= 1
                if depth == 0:
                    return index
        raise NotSimulatedError(f"{self._place(self.tokens[position].begin)}: error: no {closing}")

    def _declaration(self, position: int) -> int:
        """Where the declaration begins that has the token at `position`."""
        while position > 0 and self.tokens[position - 1].text not in (";", "{", "}"):
            position -= 1
        return position

    def _kernel(self, position: int) -> None:
        """Takes `__global__` away and registers the kernel behind its definition."""
        self._replace(position, position, "")
        first = self._declaration(position)
        words = [token.text for token in self.tokens[first : position + 1]]
        is_template = "template" in words
        explicit = is_template and words[words.index("template") + 1] != "<"
        bounds = ""
        index = position + 1
        name = ""
        while self.tokens[index].text != "(":
            if self.tokens[index].text in ("__launch_bounds__", "__attribute__"):
                last = self._matching(index + 1)
                if self.tokens[index].text == "__launch_bounds__":
                    inside = slice(self.tokens[index + 1].end, self.tokens[last].begin)
                    bounds = ", " + self.text[inside].strip()
                index = last + 1
                continue
            name_at = index
            index += 1
        name = self.tokens[name_at].text
        argument = name
        if name == ">":  # an explicit instantiation: `template __global__ void name<float>(...)`
            depth = 0
            while True:
                depth += {">": 1, "<": -1}.get(self.tokens[name_at].text, 0)
                name_at -= 1
                if depth == 0:
                    break
            name = self.tokens[name_at].text
            argument = self.text[self.tokens[name_at].begin : self.tokens[index - 1].end]
        index = self._matching(index) + 1
        if index < len(self.tokens) and self.tokens[index].text == "__launch_bounds__":
            index = self._matching(index + 1) + 1
        defined = self.tokens[index].text == "{"
        if is_template != explicit or (not defined and not explicit):
            return  # a template, of which only instances can be called, or a declaration
        last = self._matching(index) if defined else index
        end = self.tokens[last].end
        argument = " ".join(argument.split())
        registration = (
            f" static const ::corexsim::Registration<&{argument}>"
            f' corexsim_kernel_{self.kernels}("{argument}"{bounds});'
        )
        self.kernels += 1
        self.edits.append((end, end, registration))

    def _shared(self, position: int) -> None:
        """`__shared__` is thread-local; of an unknown size, a pointer to what the launch gave."""
        first = self._declaration(position)
        words = [token.text for token in self.tokens[first:position]]
        last = position
        while self.tokens[last].text != ";":
            last += 1
        following = [token.text for token in self.tokens[position:last]]
        if "extern" not in words and "extern" not in following:
            static = "" if "static" in words or "static" in following else "static "
            self._replace(position, position, f"{static}thread_local")
            self.shared = True
            return
        start = next(
            index
            for index in range(first, position + 1)
            if self.tokens[index].text in ("extern", "__shared__")
        )
        inner = self.text[self.tokens[start].begin : self.tokens[last].begin]
        inner = re.sub(r"\b(extern|__shared__)\b|\b__attribute__\s*\(\(.*?\)\)+", " ", inner)
        inner = re.sub(r"\balignas\s*\([^)]*\)", " ", inner)
        found = re.fullmatch(r"\s*(.+?)\b(\w+)\s*\[\s*\]\s*", inner, re.DOTALL)
        if not found:
            self._refuse(position, "an `extern __shared__` that is not `T name[]`")
            return
        element, name = " ".join(found[1].split()), found[2]
        self._replace(
            start, last, f"{element} *const {name} = ::corexsim::dynamic_shared<{element}>();"
        )


def run(command: list[str], source: str | None = None) -> subprocess.CompletedProcess[str]:
    """Runs a compiler with its messages in English."""
    return subprocess.run(
        command,
        input=source,
        capture_output=True,
        text=True,
        env={**os.environ, "LC_ALL": "C"},
        check=False,
    )


def readable(messages: str) -> str:
    """The compiler's messages, without the lines about the shim's insides."""
    lines = messages.splitlines()
    kept = [line for line in lines if "corexsim" not in line or "error" in line]
    return "\n".join(kept) + "\n" if kept else ""


def common_options(options: Options, folder: Path) -> list[str]:
    """What the text is told, whether it is only preprocessed or compiled."""
    return [
        f"-D__CUDA_ARCH__={options.architecture * 10}", *options.passed,
        "-I", str(folder / "device" / "include"), "-I", str(folder / "device"),
    ]  # fmt: skip


def compile_text(options: Options, folder: Path, settings: dict[str, str]) -> int:
    """Makes the shared object; 0, or 1 after messages on stderr as nvcc writes them."""
    compiler = shlex.split(settings["compiler"])
    flags = shlex.split(settings["flags"])
    if options.debug:
        flags += ["-g"]
    preprocess = [
        *compiler, *flags, "-E", "-fpch-preprocess", "-x", "c++",
        "-include", str(folder / "shim.h"), *common_options(options, folder), options.source,
    ]  # fmt: skip
    first = run(preprocess)
    if first.returncode:
        sys.stderr.write(readable(first.stderr))
        return 1
    output = options.output or str(Path(options.source).with_suffix("." + options.target).name)
    # The one line that tells where this build is does not belong to the text.
    text = re.sub(r"(?m)^#pragma GCC pch_preprocess .*$", "", first.stdout)
    key = hashlib.sha256("\0".join([text, *flags]).encode()).hexdigest()[:32]
    kept = folder.parent / f"modules-{settings['modules']}" / f"{key}.so"
    if kept.exists():
        shutil.copyfile(kept, output)
        return 0
    try:
        text = Rewriter(first.stdout).result()
    except NotSimulatedError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    linking = shlex.split(settings["linking"])
    kept.parent.mkdir(exist_ok=True)
    unfinished = kept.with_name(f"{key}.{os.getpid()}")  # others may compile the same text
    second = run(
        [*compiler, *flags, "-x", "c++-cpp-output", "-fpreprocessed", "-shared", "-", *linking,
         "-o", str(unfinished)],
        text,
    )  # fmt: skip
    if second.returncode:
        sys.stderr.write(readable(second.stderr))
        return 1
    shutil.copyfile(unfinished, output)
    unfinished.replace(kept)
    return 0


def main(arguments: list[str]) -> int:
    """`nvcc.py FOLDER [nvcc's arguments]`."""
    folder = Path(arguments[0])
    settings = dict(
        line.split("=", 1) for line in (folder / "settings").read_text().splitlines() if line
    )
    options = parse(arguments[1:])
    if options.action == "version":
        sys.stdout.write(
            "nvcc of the CUDA simulator of corex, which compiles for the host\n"
            f"Cuda compilation tools, release 13.0, simulated ({settings['modules']})\n"
        )
        return 0
    if not options.source:
        sys.stderr.write("nvcc fatal   : No input files specified; use option --help\n")
        return 1
    if options.action == "preprocess":
        command = [
            *shlex.split(settings["compiler"]), "-E", "-P", "-x", "c++",
            "-DCOREX_CUDA_SIMULATOR=1", *common_options(options, folder), options.source,
        ]  # fmt: skip
        done = run(command)
        sys.stdout.write(done.stdout)
        sys.stderr.write(done.stderr if done.returncode else "")
        return 1 if done.returncode else 0
    return compile_text(options, folder, settings)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
