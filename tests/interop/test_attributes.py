"""What libraries find out by `hasattr`: an answer, for every attribute of every tensor."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import pytest

import corex

TENSORS = {
    "number": corex.tensor(1),
    "vector": corex.ones(2),
    "matrix": corex.ones(2, 3, requires_grad=True) * 2,
    "batch": corex.ones(2, 3, 4, dtype=corex.bool),
    "complex": corex.ones(2, dtype=corex.complex64),
}


@runtime_checkable
class WithParts(Protocol):
    """As xarray asks for a NumPy-like array."""

    @property
    def imag(self) -> object: ...

    @property
    def nothing_of_the_kind(self) -> object: ...


@pytest.mark.parametrize("name", TENSORS)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_every_attribute_is_there_or_not(name: str) -> None:
    tensor = TENSORS[name]
    missing = {attribute for attribute in dir(tensor) if not hasattr(tensor, attribute)}
    expected = {
        "number": {"imag"}, "vector": {"imag", "mT", "mH", "H"}, "matrix": {"imag"},
        "batch": {"imag", "H"}, "complex": {"mT", "mH", "H"},
    }  # fmt: skip
    assert missing - {"__cuda_array_interface__"} == expected[name]


def test_protocols_get_an_answer() -> None:
    assert not isinstance(corex.ones(2), WithParts)


@pytest.mark.parametrize(
    ("attribute", "tensor", "message"),
    [
        ("imag", "vector", "imag is not implemented for tensors with non-complex dtypes"),
        ("mT", "vector", r"tensor.mT is only supported on matrices or batches .* Got 1-D"),
        ("mH", "vector", r"tensor.mH is only supported on matrices or batches .* Got 1-D"),
        ("H", "vector", r"tensor.H is only supported on matrices \(2-D tensors\). Got 1-D"),
        ("H", "batch", r"Got 3-D tensor. For batches of matrices, consider using tensor.mH"),
    ],
)
def test_what_is_missing_is_a_runtime_error(attribute: str, tensor: str, message: str) -> None:
    with pytest.raises(RuntimeError, match=message):
        getattr(TENSORS[tensor], attribute)


def test_a_number_is_its_own_transpose() -> None:
    number = corex.tensor(1 + 2j)
    assert number.mT.item() == 1 + 2j
    assert number.mH.item() == number.H.item() == corex.adjoint(number).item() == 1 - 2j
    with pytest.raises(RuntimeError, match=r"tensor.adjoint\(\) is only supported"):
        corex.adjoint(corex.ones(2))
