"""Python's `float`, `int`, `bool` and `complex` wherever a dtype is asked for, as in PyTorch."""

from __future__ import annotations

import pytest

import corex
from corex import nn

F = nn.functional
MEANT = {
    float: corex.float64, int: corex.int64, bool: corex.bool, complex: corex.complex128,
}  # fmt: skip
CALLS = """
t.to(D)
t.to("cpu", D)
t.to(dtype=D)
t.sum(dtype=D)
corex.sum(t, 0, dtype=D)
corex.prod(t, dtype=D)
corex.nansum(t, dtype=D)
corex.masked.sum(t, dtype=D)
corex.zeros(2, dtype=D)
corex.full((2,), 1, dtype=D)
corex.ones_like(t, dtype=D)
corex.eye(2, dtype=D)
corex.tensor([1], dtype=D)
corex.as_tensor([1], dtype=D)
t.new_zeros(2, dtype=D)
corex.empty_strided((2,), (1,), dtype=D)
""".strip().split("\n")
OF_FLOATS = """
t.mean(dtype=D)
corex.mean(t, 0, dtype=D)
corex.nanmean(t, dtype=D)
corex.softmax(t, 0, dtype=D)
t.log_softmax(0, D)
F.softmax(t, 0, dtype=D)
F.log_softmax(t, 0, dtype=D)
corex.masked.softmax(t, 0, dtype=D)
corex.norm(t, dtype=D)
corex.linalg.vector_norm(t, dtype=D)
corex.cumsum(t, 0, dtype=D)
corex.cumprod(t, 0, dtype=D)
corex.rand(2, dtype=D)
corex.randn(2, dtype=D)
corex.rand_like(t, dtype=D)
corex.linspace(0, 1, 3, dtype=D)
corex.logspace(0, 1, 3, dtype=D)
corex.hann_window(3, dtype=D)
corex.nn.Linear(2, 2).to(D).weight
corex.nn.Linear(2, 2).to(dtype=D).weight
corex.nn.Linear(2, 2, dtype=D).weight
""".strip().split("\n")


@pytest.mark.parametrize("meant", MEANT, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("call", CALLS)
def test_all(call: str, meant: type) -> None:
    names = {"corex": corex, "t": corex.ones(2), "D": meant}
    assert eval(call, names).dtype is MEANT[meant]


@pytest.mark.parametrize("call", OF_FLOATS)
def test_of_floats(call: str) -> None:
    names = {"corex": corex, "F": F, "t": corex.ones(2), "D": float}
    assert eval(call, names).dtype is corex.float64


@pytest.mark.parametrize("call", [*CALLS, *OF_FLOATS])
@pytest.mark.parametrize("wrong", ["object", "corex.ones(1)", "1.5", "'float32'"])
def test_what_is_no_dtype(call: str, wrong: str) -> None:
    if "to(" in call and "dtype" not in call and wrong != "object":
        return  # `to` takes another tensor, or a device, too
    names = {"corex": corex, "F": F, "t": corex.ones(2)}
    with pytest.raises(TypeError):
        eval(call.replace("D)", f"{wrong})"), names)


def test_what_is_known_of_dtypes() -> None:
    assert corex.finfo(float).bits == corex.finfo(complex).bits == 64
    assert corex.iinfo(int).max == 2**63 - 1
    assert corex.can_cast(int, corex.float32)
    assert not corex.can_cast(corex.float32, bool)
    assert corex.promote_types(int, corex.float32) is corex.float32
    for call in (corex.finfo, corex.iinfo, lambda d: corex.can_cast(d, d)):
        with pytest.raises(TypeError):
            call("float32")
    with pytest.raises(TypeError):
        corex.finfo(int)


def test_names_of_types_are_for_type_alone() -> None:
    with pytest.raises(ValueError, match="invalid type: 'float'"):
        corex.ones(2).type(float)
    assert nn.Linear(2, 2).type("corex.DoubleTensor").weight.dtype is corex.float64
