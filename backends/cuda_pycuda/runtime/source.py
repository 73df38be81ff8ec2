"""A kernel's text, from a file under `kernels/` and the macros of one variant."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

from corex_cuda_pycuda.elements import C_TYPES, WORDS

KERNELS = Path(__file__).parents[1] / "kernels"
PRELUDE = "common.cuh"

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+"([^"]+)".*$', re.MULTILINE)
_TYPES = frozenset((*C_TYPES.values(), *WORDS.values()))


class Source(NamedTuple):
    """One module to compile: a file and what is defined in front of it.

    A name whose value is an element type becomes a type, `using T = float;`, so that templates
    may call their parameters the same; INDEX and all others become macros.
    """

    file: str
    defines: tuple[tuple[str, str], ...] = ()

    def text(self) -> str:
        """All of it, with every included file in place: the compiler needs no folder."""
        parts = [_define(name, value) for name, value in self.defines]
        return "".join(parts) + _expanded(PRELUDE, self.file)

    def describe(self) -> str:
        """For messages: the file and the variant, dtypes among it."""
        variant = ", ".join(f"{name}={value}" for name, value in self.defines)
        return f"'{self.file}' with {variant}" if variant else f"'{self.file}'"


def _define(name: str, value: str) -> str:
    if value in _TYPES and name != "INDEX":
        return f"using {name} = {value};\n"
    return f"#define {name} {value}\n"


@cache
def _expanded(*names: str) -> str:
    seen: set[str] = set()
    return "".join(_inline(name, seen) for name in names)


def _inline(name: str, seen: set[str]) -> str:
    """A file with what it includes in place, each file once; line numbers are those of the file."""
    if name in seen:
        return ""
    seen.add(name)
    text = (KERNELS / name).read_text()
    parts = [f'#line 1 "{name}"\n']
    start = 0
    for match in _INCLUDE.finditer(text):
        line = text.count("\n", 0, match.end()) + 2
        parts += [text[start : match.start()], _inline(match[1], seen), f'#line {line} "{name}"']
        start = match.end()
    return "".join([*parts, text[start:], "\n"])
