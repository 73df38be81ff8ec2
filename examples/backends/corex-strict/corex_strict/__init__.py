"""Two pretended devices, `strict:0` and `strict:1`, which check every call corex makes."""

from corex_strict.errors import StrictError

__all__ = ["StrictError"]
