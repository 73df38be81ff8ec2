"""Graphs in the frontend: recorded, planned, handed to a backend's compiler, or interpreted.

Provisional, until corex has a compiler of its own. docs/graphs.md shows how to use it.
"""

from corex.compiler.program import Program, prepare
from corex.compiler.trace import Recording, record

__all__ = ["Program", "Recording", "prepare", "record"]
