"""The table of what kernels may take, `kernel_figures.tsv`, and how it is compared and written.

A line for each kernel of each variant with indices of 32 bits, compiled for sm_90; `compile_gate.py
--update` writes it. What a kernel takes may grow by a little without a new table; spilled registers
are allowed nowhere, of whatever variant, but where SPILLS gives the reason.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from figures import ARCHITECTURE, Figures

PATH: Final = Path(__file__).with_name("kernel_figures.tsv")
COLUMNS: Final = "variant kernel registers spilled shared instructions per_element".split()

REGISTERS: Final = (4, 0.10)
"""By so many, and by such a part, a figure may grow; the larger of both."""
PER_ELEMENT: Final = (0.5, 0.10)
INSTRUCTIONS: Final = (32, 0.15)

SPILLS: Final = {
    "conv.cu T=double INDEX=int TILE_SIDE=64 TO_INPUT=1": (
        "24 bytes, so that two blocks of a product in float64 share a multiprocessor"
    ),
    "conv.cu T=double INDEX=long_long TILE_SIDE=64": (
        "up to 228 bytes, for the same; arrays of two billion elements and more, in float64"
    ),
    "matmul.cu T=double INDEX=long_long TILE_SIDE=64": "up to 104 bytes, for the same",
    "pool.cu T=double INDEX=long_long": (
        "8 bytes of max_backward, around the division of indices of 64 bits; such arrays as above"
    ),
}
"""How variants begin that may spill, and why."""

SIZES: Final = {
    "bool": 1, "unsigned char": 1, "signed char": 1, "short": 2, "unsigned short": 2, "int": 4,
    "unsigned": 4, "float": 4, "long long": 8, "unsigned long long": 8, "double": 8, "uint4": 16,
}  # fmt: skip

Key = tuple[str, str]  # label of a text, name of a kernel


class Row(NamedTuple):
    """A line of the table, but for what it is about."""

    registers: int
    spilled: int
    shared: int
    instructions: int
    per_element: float


def variant(label: str) -> str:
    """A text's label, in few letters: `'copy.cu' with TO=int, ...` -> `copy.cu TO=int ...`."""
    file, _, defines = label.replace("'", "").partition(" with ")
    return " ".join([file, *[d.replace(" ", "_") for d in defines.split(", ")]]).strip()


def row(label: str, taken: Figures) -> Row:
    """What the table says of a kernel."""
    defines = dict(re.findall(r"(\w+)=([\w ]+)", label))
    sizes = [SIZES[defines[name]] for name in ("T", "TO", "FROM", "MOVED") if name in defines]
    return Row(
        taken.registers, taken.spilled, taken.shared, taken.instructions,
        taken.per_element(max(sizes, default=1)),  # nonzero looks at bools
    )  # fmt: skip


def _file(label: str) -> str:
    return variant(label).partition(" ")[0]


# ---- the table -----------------------------------------------------------------------------
class Table(NamedTuple):
    """The file: the compiler it was made with, and its lines."""

    version: str
    rows: dict[Key, Row]

    @classmethod
    def read(cls) -> Table:
        """The table that is kept; an empty one where there is none."""
        lines = PATH.read_text().splitlines() if PATH.exists() else [""]
        cells = [line.split("\t") for line in lines[2:]]
        rows = {
            (name, kernel): Row(*map(int, numbers[:-1]), float(numbers[-1]))
            for name, kernel, *numbers in cells
        }
        return cls(lines[0].rpartition(" ")[2], rows)

    def write(self) -> None:
        """Keeps it."""
        lines = [f"# {ARCHITECTURE}, as compiled by NVRTC {self.version}", "\t".join(COLUMNS)]
        lines += ["\t".join(map(str, (*key, *row))) for key, row in sorted(self.rows.items())]
        PATH.write_text("\n".join(lines) + "\n")

    def updated(self, found: Mapping[Key, Figures], version: str, whole: bool) -> Table:
        """With what was found; `whole`: and nothing else."""
        fresh = {(variant(label), name): row(label, f) for (label, name), f in found.items()}
        return Table(version, fresh if whole else {**self.rows, **fresh})

    def compare(self, found: Mapping[Key, Figures], version: str, whole: bool = False) -> list[str]:
        """What takes more than it may, or is not in the table; `whole`: or is only there."""
        if version != self.version:
            print(f"not compared: the table is of NVRTC {self.version}, this is {version}")
            return []
        problems = []
        for (label, name), taken in found.items():
            known = self.rows.get((variant(label), name))
            now = row(label, taken)
            where = f"{variant(label)}: {name}"
            if known is None:
                problems.append(f"UNKNOWN  {where} is not in {PATH.name}: see --update")
            else:
                problems += [f"MORE     {where}: {told}" for told in _more(known, now)]
        if whole:
            gone = self.rows.keys() - {(variant(label), name) for label, name in found}
            problems += [f"GONE     {text}: {name}: see --update" for text, name in sorted(gone)]
        return problems


def spills(found: Mapping[Key, Figures]) -> list[str]:
    """The kernels that spill registers and may not."""
    return [
        f"SPILLS   {variant(label)}: {name} spills {taken.spilled} bytes"
        for (label, name), taken in found.items()
        if taken.spilled and not variant(label).startswith(tuple(SPILLS))
    ]


def _more(known: Row, now: Row) -> list[str]:
    """What has grown by more than it may."""
    bounds = {
        "registers": REGISTERS, "spilled": (0, 0.0), "shared": (0, 0.0),
        "instructions": INSTRUCTIONS, "per_element": PER_ELEMENT,
    }  # fmt: skip
    told = []
    for field, (by, part) in bounds.items():
        before, after = getattr(known, field), getattr(now, field)
        if after > before + max(by, before * part):
            told.append(f"{field.replace('_', ' ')} {before} -> {after}")
    return told


# ---- what is printed -----------------------------------------------------------------------
HEAD: Final = ("kernel", "variants", "registers", "spilled", "shared", "instr/element")


def described(found: Mapping[Key, Figures], each: bool) -> str:
    """A line for each kernel, with ranges over its variants, or for each variant."""
    groups: dict[str, list[Row]] = {}
    for (label, name), taken in sorted(found.items()):
        title = f"{variant(label) if each else _file(label)}: {name}"
        groups.setdefault(title, []).append(row(label, taken))
    lines = [HEAD]
    for title, rows in groups.items():
        cells = [_range([getattr(r, field) for r in rows]) for field in Row._fields]
        lines.append((title, str(len(rows)), cells[0], cells[1], cells[2], cells[4]))
    width = max(len(line[0]) for line in lines)
    return "\n".join(
        f"{title:{width}} " + " ".join(f"{cell:>13}" for cell in cells) for title, *cells in lines
    )


def _range(values: list[float]) -> str:
    low, high = min(values), max(values)
    return f"{low}" if low == high else f"{low} - {high}"
