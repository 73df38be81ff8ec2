"""The special points of complex numbers: parts of 0, 1, infinity and NaN, with signs, in all pairs.

Functions of one number see every point, functions of two every pair of them; what is compared is
the value, part by part. Not compared is the sign of what stands beside NaN, which C99 (annex G)
leaves open, and that of zeros, as in the table of real points.

`python -m tests.special_points.complex_points` writes PyTorch's answers anew (with PyTorch 2.13).
"""

from __future__ import annotations

import json
import math
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from corex import ops
from corex.dtypes import complex64
from corex.tensor.schema import REGISTRY
from tests.special_points.literals import decoded, encoded
from tests.special_points.run import flat

Array = np.ndarray[Any, Any]

FILE = Path(__file__).with_name("literals_complex.json")
DTYPES = ("complex64", "complex128")
RELATIVE = {"complex64": 1e-5, "complex128": 1e-10}

PARTS = (0.0, -0.0, 1.0, -1.5, math.inf, -math.inf, math.nan)
POINTS = [complex(re, im) for re in PARTS for im in PARTS]
# In the rows one number alone is special, and first: products have no order in which to be taken.
ROWS = [[z, w] for z in POINTS for w in (1 + 0j, 2 - 1j)]

INPUTS: dict[str, list[Any]] = {
    "a": POINTS,
    "p": [z for z in POINTS for _ in POINTS],
    "q": [w for _ in POINTS for w in POINTS],
    "r": ROWS,
}

LINES = """
    abs(a) angle(a) sgn(a) conj(a) real(a) imag(a) isreal(a) nan_to_num(a.abs()) positive(a)
    pow(a,0) pow(a,1) pow(a,2) pow(a,3) pow(a,-1) pow(a,-2) pow(a,0.5) pow(a,-0.5) pow(a,2.5)
    pow(a,1j) pow(a,2+0j) pow(a,0j) pow(0,a) pow(1,a) pow(2,a) pow(0.5,a) pow(-1.5,a) pow(1j,a)
    a**2 a**0.5 2**a div(a,2) div(a,0) div(a,0.0) div(a,-0.0) div(a,inf) div(a,1j) div(a,2-1j)
    div(1,a) div(inf,a) 1/a 1j/a mul(a,0) mul(a,2) mul(a,inf) mul(a,1j) mul(2,a) sub(a,1) rsub(a,1)
    a==a a!=a p==q p!=q where(a==a,a,1/a) addcmul(p,p,q) addcdiv(p,q,p) masked_fill(a,a!=a,1j)
    float_power(a,2) float_power(p,q) sum(r,1) mean(r,1) prod(r,1) cumsum(r,1)
    cumprod(r,1) reciprocal(a*a) complex(real(p),real(q)) polar(real(p),real(q)) exp(a)*exp(-a)
    logical_and(p,q) logical_or(p,q) logical_xor(p,q)
"""


def lines() -> list[str]:
    """Every elementwise op that takes complex numbers, and what else is in the table."""
    calls = {"unary": "{}(a)", "binary": "{}(p,q)"}
    generic = [
        calls[schema.family].format(name)
        for name, schema in REGISTRY.items()
        if schema.family in calls and complex64 in schema.takes and name in ops.functions
    ]
    return list(dict.fromkeys([*generic, *LINES.split()]))


class _Names(dict[str, Any]):
    def __init__(self, library: Any, dtype: str) -> None:
        super().__init__(lib=library, inf=math.inf, nan=math.nan)
        self.library, self.dtype = library, dtype

    def __missing__(self, name: str) -> Any:
        if name not in INPUTS:
            return getattr(self.library, name)
        return self.library.from_numpy(np.array(INPUTS[name], self.dtype))


def run(library: Any, code: str, dtype: str) -> Array:
    """The values of a line, flat; of complex numbers both parts by turns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        names = _Names(library, dtype)
        found = flat(eval(code, names, names))
    return found.view(found.real.dtype) if found.dtype.kind == "c" else found


# (lines, why PyTorch has NaN there and corex a number)
MEANT: list[tuple[str, str]] = [
    (
        r"^(add|sub)\(p|^rsub|^addc",
        "a term is added part by part; PyTorch multiplies it by 1 + 0j first",
    ),
    (r"^1j?/a$", "the quotient; PyTorch multiplies the reciprocal, whose NaN spreads"),
    (r"^log1p", "the logarithm of what has an infinite part is infinite, as that of log"),
    (r"^sigmoid", "0 far to the left, where PyTorch divides by an exponential that is NaN"),
]


def meant(line: str, ours: Array, theirs: Array) -> Array:
    """Where a difference is one of `MEANT`: PyTorch has NaN there, and corex a number."""
    if not any(re.search(pattern, line) for pattern, _ in MEANT):
        return np.zeros(theirs.shape, bool)
    return np.isnan(theirs) & ~np.isnan(ours)


def difference(line: str, dtype: str, ours: Array, theirs: Array) -> str:
    """What differs, or ''."""
    if ours.dtype != theirs.dtype or ours.shape != theirs.shape:
        return f"{line} {dtype}: {ours.dtype}{ours.shape} instead of {theirs.dtype}{theirs.shape}"
    a, b = ours.astype("float64"), theirs.astype("float64")
    with np.errstate(all="ignore"):
        same = (a == b) | (np.isnan(a) & np.isnan(b)) | meant(line, a, b)
        same |= np.abs(a - b) <= RELATIVE[dtype] * np.maximum(np.abs(b), 1e-2)
        if not len(b) % 2:  # of complex numbers
            same |= np.isnan(b).reshape(-1, 2).any(1).repeat(2) & (np.abs(a) == np.abs(b))
    bad = np.flatnonzero(~same)
    shown = [f"[{i}] {a[i]:.8g} instead of {b[i]:.8g}" for i in bad[:6]]
    return f"{line} {dtype}, {len(bad)} of {len(b)}: {'; '.join(shown)}" if shown else ""


def load() -> dict[str, Any]:
    """The file: dtype -> line -> outcome as text."""
    found: dict[str, Any] = json.loads(FILE.read_text())
    return found


def literal(text: dict[str, list[Any]]) -> Array:
    """The values of a line that the file has."""
    found: Array = decoded(text)["values"][0]
    return found


def main() -> None:
    """Writes the file, a line of text for every line of the table."""
    import torch

    blocks = []
    for dtype in DTYPES:
        rows = [
            f"  {json.dumps(line)}: {json.dumps(encoded({'values': [run(torch, line, dtype)]}))}"
            for line in lines()
        ]
        blocks.append(f'"{dtype}": {{\n' + ",\n".join(rows) + "\n}")
    FILE.write_text("{\n" + ",\n".join(blocks) + "\n}\n")


if __name__ == "__main__":
    main()
