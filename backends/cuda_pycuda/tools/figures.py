"""What a compiled kernel takes: registers, spills, shared memory, instructions per element.

Registers, spilled bytes and shared memory are what ptxas says. Instructions are counted in the
machine code, of which no more is decoded than that takes: which instructions branch back, and which
move how many bytes of global memory.

**Instructions per element** are those of the loop that moves the most bytes of global memory, or of
the whole kernel where no loop does, divided by the elements that these instructions read and write:
an addition of two arrays has three. They are counted as they stand in the code: what is skipped at
run time counts, on both sides of the division, and a loop that moves nothing counts once. So the
figure says nothing about time; it shows what a change has done to the code.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

ARCHITECTURE: Final = "sm_90"
"""The one whose machine code is decoded."""
OPTION: Final = "--ptxas-options=-v"
INSTRUCTION: Final = 16  # bytes

BRANCH, LOAD, STORE = 0x947, 0x981, 0x986
WIDTHS: Final = (1, 1, 2, 2, 4, 8, 16, 16)
"""Bytes that a load or store moves, by its field of three bits."""


class Figures(NamedTuple):
    """Of one kernel; `moved`: bytes that the instructions of `loop` read and write."""

    registers: int
    spilled: int
    shared: int
    instructions: int
    loop: int
    moved: int

    def per_element(self, size: int) -> float:
        """Instructions per element of `size` bytes; 0 where no global memory is touched."""
        return round(self.loop * size / self.moved, 2) if self.moved else 0.0


def figures(code: bytes, log: str) -> dict[str, Figures]:
    """The figures of all kernels in a cubin of ARCHITECTURE; `log`: what ptxas said with OPTION."""
    told = dict(_told(log))
    return {
        name: Figures(*told[name], len(text) // INSTRUCTION, *_busiest(text))
        for name, text in _texts(code)
    }


# ---- what ptxas says -----------------------------------------------------------------------
_ENTRY: Final = re.compile(r"Compiling entry function '(\w+)'")
_BEFORE_ENTRY: Final = re.compile(r"(?=Compiling entry function ')")
_SPILLS: Final = re.compile(r"(\d+) bytes spill stores, (\d+) bytes spill loads")
_USED: Final = re.compile(r"Used (\d+) registers(?:.*?(\d+) bytes smem)?")


def _told(log: str) -> Iterator[tuple[str, tuple[int, int, int]]]:
    """Registers, spilled bytes and shared memory of every kernel."""
    for part in _BEFORE_ENTRY.split(log)[1:]:
        name, spills, used = _ENTRY.search(part), _SPILLS.search(part), _USED.search(part)
        if name is None or spills is None or used is None:
            raise ValueError(f"ptxas does not say what it used to: {part!r}")
        spilled = int(spills[1]) + int(spills[2])
        yield name[1], (int(used[1]), spilled, int(used[2] or 0))


# ---- machine code --------------------------------------------------------------------------
def _texts(code: bytes) -> Iterator[tuple[str, bytes]]:
    """The kernels of a cubin, an ELF file of 64 bits: sections that are called .text.NAME."""
    (start,) = struct.unpack_from("<Q", code, 40)
    size, count, of_names = struct.unpack_from("<3H", code, 58)
    sections = [struct.unpack_from("<IIQQQQ", code, start + size * k) for k in range(count)]
    names = sections[of_names][4]
    for name, _, _, _, offset, length in sections:
        begin = names + name
        text = code[begin : code.index(b"\0", begin)].decode()
        if text.startswith(".text."):
            yield text.removeprefix(".text."), code[offset : offset + length]


def _busiest(text: bytes) -> tuple[int, int]:
    """Instructions and bytes moved of the innermost loop that moves the most, or of everything."""
    words = [struct.unpack_from("<QQ", text, at) for at in range(0, len(text), INSTRUCTION)]
    moved = [_moves(low, high) for low, high in words]
    loops = sorted(
        (at - to + 1, to, at)
        for at, (low, _) in enumerate(words)
        if low & 0xFFF == BRANCH and (to := at + 1 + _jump(low)) < at
    )
    innermost: list[tuple[int, int, int]] = []
    for length, begin, end in loops:  # the shortest first: others may be around them
        around = any(begin <= first and last <= end for _, first, last in innermost)
        if not around and any(moved[begin : end + 1]):
            innermost.append((length, begin, end))
    if not innermost:
        return len(_without_padding(words)), sum(moved)
    length, begin, end = max(innermost, key=lambda loop: sum(moved[loop[1] : loop[2] + 1]))
    return length, sum(moved[begin : end + 1])


def _moves(low: int, high: int) -> int:
    return WIDTHS[high >> 9 & 7] if low & 0xFFF in (LOAD, STORE) else 0


def _jump(low: int) -> int:
    """Where a branch leads, in instructions from the next one."""
    upper = low >> 34
    upper -= (upper >> 29) << 30  # its sign; the bits above are in the other word
    return (upper << 8 | low >> 16 & 0xFF) * 4 // INSTRUCTION


def _without_padding(words: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Without what follows the last instruction: a branch to itself, and nothing."""
    end = len(words)
    while end and words[end - 1][0] & 0xFFF == 0x918:
        end -= 1
    return words[:end]
