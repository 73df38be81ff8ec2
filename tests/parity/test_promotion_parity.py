"""Result dtypes of all pairs of operands, against PyTorch: tensors, 0-d tensors, Python numbers."""

from __future__ import annotations

import itertools

import pytest

from corex import dtypes
from tests.parity.comparison import compare
from tests.tensor.test_dtypes import literal

torch = pytest.importorskip("torch")

DTYPES = [dtype.name for dtype in dtypes.ALL]
NUMBERS = ["True", "2", "2.5"]
FUNCTIONS = """
    add mul div true_divide maximum minimum eq lt logical_and atan2 copysign fmax xlogy where cat
    result_type pow
""".split()

ROUNDED = {("xlogy", "2.5", "bfloat16[2]")}  # by PyTorch, between its two steps


def operands() -> dict[str, str]:
    """Short names and the code that makes each kind of operand."""
    found = {f"{d}[2]": f"tensor([1,2]).to({d})" for d in DTYPES}
    found |= {f"{d}[]": f"tensor(1).to({d})" for d in DTYPES}
    return found | {number: number for number in NUMBERS}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_promotion(name: str) -> None:
    found = []
    makers = operands()
    for first, second in itertools.product(makers, repeat=2):
        pair = f"{makers[first]}, {makers[second]}"
        if name == "where":
            code = f"where(tensor([True,False]), {pair})"
        elif name == "cat":
            code = f"cat([{pair}])"
        else:
            code = f"{name}({pair})"
        numbers = (first in NUMBERS) + (second in NUMBERS)
        if numbers == 2 and name not in ("where", "result_type") or numbers and name == "cat":
            continue
        if (text := compare(code)) and (name, first, second) not in ROUNDED:
            found.append(f"{name}({first}, {second}): {text}")
    assert not found


@pytest.mark.parametrize("operator", ["+=", "*=", "/=", "**=", "//=", "-="])
def test_promotion_in_place(operator: str) -> None:
    found = []
    makers = operands()
    for first, second in itertools.product(list(makers)[:12], makers):
        if operator == "-=" and ("bool" in first or "bool" in second or second == "True"):
            continue
        code = f"r0={makers[first]}; r0 {operator} {makers[second]}; r0"
        if text := compare(code):
            found.append(f"{first} {operator} {second}: {text}")
    assert not found


@pytest.mark.parametrize("source", DTYPES)
def test_casts(source: str) -> None:
    values = (
        "tensor([0, 1, 2, 100, 200])"
        if source in ("bool", "uint8")
        else ("tensor([0, 1, -1, 2, -100, 127, 200])")
    )
    values += f".to({source})" + ("*1.7" if source.startswith("float") else "")
    for target in DTYPES:
        if source.startswith("float") and target == "uint8":
            values = "tensor([0.0, 1.7, 254.9])"  # beyond is undefined in C
        for code in (
            f"({values}).to({target})", f"({values}).type_as(zeros(1,dtype={target}))",
            f"r0=zeros({values}.shape,dtype={target}); r0.copy_({values}); r0",
        ):  # fmt: skip
            assert not compare(code), code


@pytest.mark.parametrize("name", DTYPES)
def test_rows_are_those_of_pytorch(name: str) -> None:
    """Names, limits and promotion of a dtype; see `tests.tensor.test_dtypes`."""
    mine, theirs = dtypes.by_name(name), getattr(torch, name)
    assert mine.itemsize == theirs.itemsize
    assert mine.is_floating_point == theirs.is_floating_point
    assert (mine.is_complex, mine.is_signed) == (theirs.is_complex, theirs.is_signed)
    assert torch.zeros(1, dtype=theirs).type() == f"torch.{mine.type_name}"
    assert all(getattr(torch, alias) is theirs for alias in mine.aliases)
    if name != "bool":
        info = (dtypes.finfo if mine.is_inexact else dtypes.iinfo)(mine)
        wanted = (torch.finfo if mine.is_inexact else torch.iinfo)(theirs)
        for fact in ("bits", "max", "min", "dtype", "eps", "tiny", "smallest_normal"):
            assert getattr(info, fact, None) == getattr(wanted, fact, None), fact
        assert repr(info) == repr(wanted) or not mine.is_inexact
    for other in DTYPES:
        try:
            common = str(torch.promote_types(theirs, getattr(torch, other)))
        except RuntimeError:
            with pytest.raises(RuntimeError, match="is not supported, attempted to promote"):
                dtypes.promote_types(mine, dtypes.by_name(other))
            continue
        assert f"torch.{dtypes.promote_types(mine, dtypes.by_name(other)).name}" == common


def test_literal_table_is_that_of_pytorch() -> None:
    for (a, b), result in literal().items():
        common = torch.promote_types(getattr(torch, a), getattr(torch, b))
        assert str(common) == f"torch.{result}", (a, b)
