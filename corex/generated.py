"""Functions from source text: those that differ in nothing but a name are compiled once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import CodeType
from typing import Any, Final

NAME: Final = "_name_"
"""Stands for the name of the function, in its text."""


def function_of(
    source: str, name: str, about: str, scope: dict[str, Any], known: dict[str, Any]
) -> Callable[..., Any]:
    """The function that `source` defines, whose name, and every string that is `NAME`, is `name`.

    Several hundred are made when corex is imported, and to compile takes most of it.

    Args:
        about: what tracebacks call the text.
        scope: what the text refers to.
        known: what all texts of its kind refer to, too.
    """
    found = {**known, **scope}
    exec(_compiled(source), found)
    function: Any = found[NAME]
    code: CodeType = function.__code__
    consts = tuple([name if const == NAME else const for const in code.co_consts])
    code = code.replace(co_name=name, co_filename=f"<{about}>", co_consts=consts)
    function.__code__ = code.replace(co_qualname=name) if hasattr(code, "co_qualname") else code
    function.__name__ = function.__qualname__ = name
    return function  # type: ignore[no-any-return]


@cache
def _compiled(source: str) -> CodeType:
    return compile(source, "<generated>", "exec")
