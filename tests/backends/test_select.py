"""What backends say they take is what docs/kernels.md says, for every op and every dtype."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain, product
from pathlib import Path
from types import MappingProxyType

import pytest

from corex import dtypes
from corex.backend import DTYPES, Backend
from corex.backend.signatures import ALL, BITS, BOOL, FLOAT, INTEGER, NUMBER, SIGNATURES, fits
from corex.dtypes import DType, bool_, float32, float64, int64
from corex.plugins import manager
from corex.tensor.schema import REGISTRY

WORDS = {
    "all": ALL, "any to any": ALL, "number": NUMBER, "float": FLOAT, "integer": INTEGER,
    "bits": BITS, "bool": BOOL, "int64": frozenset((int64,)),
}  # fmt: skip
LATER = DType(dtypes.Row("float16", 2, "f", "e", "Half", "f2", 2, "F16", (), 11), len(dtypes.ALL))


def documented() -> Iterator[tuple[str, frozenset[DType]]]:
    """Kernel and dtypes, from the tables of docs/kernels.md."""
    text = (Path(__file__).parents[2] / "docs" / "kernels.md").read_text()
    for line in text.partition("## Direct kernels")[0].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        names = re.findall(r"`(\w+)`", cells[0])
        if line.startswith("| `") and len(cells) == 4:
            word, _, apart = cells[2].partition(" (")
            special, _, other = apart.rstrip(")").partition(": ")
            for name in names:
                yield name, WORDS[other if name in special.split("/") else word]


def test_the_table_is_that_of_the_document() -> None:
    found = dict(documented())
    assert len(found) > 100
    assert {name: SIGNATURES[name].of for name in found} == found
    assert set(SIGNATURES) - set(found) <= {"tril", "triu"}


def test_ops_take_what_the_contract_says() -> None:
    wrong = [
        schema.name for schema in REGISTRY.values()
        if schema.name in SIGNATURES and schema.takes & ALL != SIGNATURES[schema.name].of
    ]  # fmt: skip
    assert not wrong
    assert set(SIGNATURES) == {*REGISTRY, "copy", "fill", "arange"}


def questions() -> Iterator[tuple[DType, ...]]:
    yield from chain(*[product(DTYPES, repeat=count) for count in range(4)])
    yield from product((bool_, int64, float32), repeat=4)
    for dtype, count in product(DTYPES, range(5, 9)):
        yield (dtype,) * count
        yield (*(dtype,) * (count - 1), int64)
        yield (*(dtype,) * (count - 1), float64)


@pytest.mark.parametrize("name", ["cpu_c", "reference_py"])
def test_backends_claim_that_and_nothing_else(name: str) -> None:
    backend = manager.backend(name)
    wrong = [
        (op, [dtype.name for dtype in asked])
        for op, asked in product(backend.kernels & SIGNATURES.keys(), questions())
        if (backend.select(op, asked) is not None) != fits(op, asked)
    ]
    assert not wrong[:5]


@pytest.mark.parametrize("name", ["cpu_c", "reference_py"])
def test_a_dtype_to_come_is_claimed_by_no_kernel(name: str) -> None:
    backend = manager.backend(name)
    for op, count in product(backend.kernels, range(1, 7)):
        assert backend.select(op, (LATER,) * count) is None
        assert backend.select(op, (LATER, *(float32,) * count)) is None


def test_a_backend_says_what_it_takes_besides() -> None:
    class Half(Backend):
        name = "half"
        device_type = "half"
        kernels = MappingProxyType({"exp": print, "add": print, "cube": print})
        takes = MappingProxyType({"exp": {*FLOAT, LATER}, "add": {float32}})

    half = Half()
    assert half.select("exp", (LATER, LATER)) is not None
    assert half.select("exp", (LATER, float32)) is None
    assert half.select("exp", (float64, float64)) is not None
    assert half.select("exp", (int64, int64)) is None
    assert half.select("add", (float32,) * 3) is not None
    assert half.select("add", (float64,) * 3) is None
    assert half.select("cube", (int64, float64)) is not None  # of no op that corex knows
    assert half.select("cube", (LATER, LATER)) is None
    assert half.select("sub", (float32,) * 3) is None
