"""Patterns in which `*` stands for any text, and nothing else is special: ids have brackets."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache


@lru_cache(maxsize=1024)
def matcher(pattern: str) -> Callable[[str], object]:
    """A function that is true of the texts that the whole pattern fits."""
    return re.compile(re.escape(pattern).replace(r"\*", ".*"), re.DOTALL).fullmatch


def matches(pattern: str, text: str) -> bool:
    """Whether the pattern fits the whole text."""
    return matcher(pattern)(text) is not None
