"""Result dtypes of all pairs of operands, against PyTorch: tensors, 0-d tensors, Python numbers."""

from __future__ import annotations

import itertools

import pytest

from tests.parity.comparison import compare

pytest.importorskip("torch")

DTYPES = ["bool", "uint8", "int32", "int64", "float32", "float64"]
NUMBERS = ["True", "2", "2.5"]
FUNCTIONS = """
    add mul div true_divide maximum minimum eq lt logical_and atan2 copysign fmax xlogy where cat
    result_type pow
""".split()


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
        if text := compare(code):
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
