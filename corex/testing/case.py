"""A case and its id: `add(dtype=float32,shapes=[(5,7),(7,)],layout=transposed)`.

The id says everything: a case is made from it again, and its data come from a generator seeded
with it. So an id from a report, or one written by hand, can be run alone.
"""

from __future__ import annotations

import ast
import functools
import math
import re
import zlib
from typing import Any, Final, NamedTuple

import numpy as np

MODES: Final = ("test", "grad", "perf", "support")

_ID = re.compile(r"(?:(\w+):)?([\w.]+)\((.*)\)", re.DOTALL)
_WORD = re.compile(r"[A-Za-z_][\w.+-]*")
_NUMBERS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


class Case(NamedTuple):
    """One op (or one memory check) on one set of arguments.

    Attributes:
        mode: one of `MODES`.
        op: the op's name.
        fields: what distinguishes the case, by name, in order: `dtype`, `shapes`, the op's
            parameters, `layout`, ...
    """

    mode: str
    op: str
    fields: dict[str, Any]

    @property
    def id(self) -> str:
        """The case as text, from which `parse` makes it again."""
        inside = ",".join(f"{name}={literal(value)}" for name, value in self.fields.items())
        prefix = "" if self.mode == "test" else f"{self.mode}:"
        return f"{prefix}{self.op}({inside})"

    def rng(self, *salt: object) -> np.random.Generator:
        """Random numbers that depend on the case's id (and `salt`), and on nothing else."""
        return np.random.default_rng(zlib.crc32(repr((self.id, *salt)).encode()))


def literal(value: Any) -> str:
    """A value as it stands in an id: a Python literal without blanks, or a bare word."""
    if isinstance(value, str):
        return value if _WORD.fullmatch(value) and value not in _NUMBERS else repr(value)
    if isinstance(value, list):
        return f"[{','.join(map(literal, value))}]"
    if isinstance(value, tuple):
        inside = ",".join(map(literal, value))
        return f"({inside},)" if len(value) == 1 else f"({inside})"
    return repr(value)


def parse(text: str) -> Case:
    """The case that an id stands for.

    Raises:
        ValueError: the text is no id; says what is wrong.
    """
    match = _ID.fullmatch(text.strip())
    if match is None:
        raise ValueError(
            f"{text!r} is no case id; it looks like add(dtype=float32,shapes=[(5,7),(7,)])"
        )
    mode, op, inside = match.groups()
    if mode is not None and mode not in MODES:
        raise ValueError(f"{text!r}: unknown mode {mode!r}; the modes are {', '.join(MODES)}")
    fields = {}
    for part in filter(None, split(inside)):
        name, equals, value = part.partition("=")
        if not equals or not name.strip().isidentifier():
            raise ValueError(f"{text!r}: expected name=value, got {part!r}")
        fields[name.strip()] = _value(value.strip(), text)
    return Case(mode or "test", op, fields)


def split(inside: str) -> list[str]:
    """The parts of a text between the commas that stand in no bracket."""
    parts, depth, start = [], 0, 0
    for i, character in enumerate(inside):
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 0:
            parts.append(inside[start:i])
            start = i + 1
    return [*parts, inside[start:]]


def _value(text: str, where: str) -> Any:
    try:
        return _copied(_read(text))
    except (SyntaxError, ValueError, TypeError):
        raise ValueError(f"{where!r}: {text!r} is neither a literal nor a word") from None


def _copied(value: Any) -> Any:
    """The value with lists of its own: those of `_read` are shared."""
    if isinstance(value, list):
        return [_copied(item) for item in value]
    if isinstance(value, tuple):
        return tuple([_copied(item) for item in value])
    return value


@functools.lru_cache(maxsize=4096)  # thousands of ids have few different values
def _read(text: str) -> Any:
    return _NUMBERS[text] if text in _NUMBERS else _listed(ast.parse(text, mode="eval").body)


def _listed(node: ast.expr) -> Any:
    """The value of a literal in which bare words stand for strings (and nan, inf for numbers)."""
    if isinstance(node, ast.List):
        return [_listed(item) for item in node.elts]
    if isinstance(node, ast.Tuple):
        return tuple(_listed(item) for item in node.elts)
    if isinstance(node, ast.Name):
        return _NUMBERS.get(node.id, node.id)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_listed(node.operand)
    return ast.literal_eval(node)
