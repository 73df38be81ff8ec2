"""What tensors look like. The texts are PyTorch's, with `corex.` for `torch.`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import corex
from corex.interop.printing import get_printoptions, printoptions, set_printoptions, tensor_repr

CASES = {  # expression -> text, as PyTorch gives it
    "tensor(1.5)": "tensor(1.5000)",
    "tensor(3.)": "tensor(3.)",
    "tensor(-7)": "tensor(-7)",
    "tensor(True)": "tensor(True)",
    "tensor([1., 2., 3.])": "tensor([1., 2., 3.])",
    "tensor([1.5, -2.25, 100.0])": "tensor([  1.5000,  -2.2500, 100.0000])",
    "tensor([[1, -20], [300, 4]])": """\
tensor([[  1, -20],
        [300,   4]])""",
    "tensor([True, False])": "tensor([ True, False])",
    "tensor([1e-5, 1.0])": "tensor([1.0000e-05, 1.0000e+00])",
    "tensor([0.001, 2000.0])": "tensor([1.0000e-03, 2.0000e+03])",
    "tensor([1e9, 2e9])": "tensor([1.0000e+09, 2.0000e+09])",
    "tensor([nan, inf, -inf, 1.0])": "tensor([nan, inf, -inf, 1.])",
    "tensor([nan, 0.5])": "tensor([   nan, 0.5000])",
    "tensor([0.0, -0.0])": "tensor([0., -0.])",
    "tensor([1e30, 1.5], dtype=float64)": "tensor([1.0000e+30, 1.5000e+00], dtype=corex.float64)",
    "tensor([1, 2], dtype=uint8)": "tensor([1, 2], dtype=corex.uint8)",
    "tensor([1, 2], dtype=int32)": "tensor([1, 2], dtype=corex.int32)",
    "tensor([[[1.0, 2.0]], [[3.0, 4.0]]])": """\
tensor([[[1., 2.]],

        [[3., 4.]]])""",
    "tensor([])": "tensor([])",
    "zeros(0, 3)": "tensor([], size=(0, 3))",
    "zeros(2, 0, dtype=int64)": "tensor([], size=(2, 0), dtype=corex.int64)",
    "zeros(0, dtype=bool)": "tensor([], dtype=corex.bool)",
    "arange(30)": """\
tensor([ 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15, 16, 17,
        18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29])""",
    "arange(1.0, 16.0, 0.75)": """\
tensor([ 1.0000,  1.7500,  2.5000,  3.2500,  4.0000,  4.7500,  5.5000,  6.2500,
         7.0000,  7.7500,  8.5000,  9.2500, 10.0000, 10.7500, 11.5000, 12.2500,
        13.0000, 13.7500, 14.5000, 15.2500])""",
    "arange(2000)": "tensor([   0,    1,    2,  ..., 1997, 1998, 1999])",
    "arange(2000.0)": """\
tensor([0.0000e+00, 1.0000e+00, 2.0000e+00,  ..., 1.9970e+03, 1.9980e+03,
        1.9990e+03])""",
    "zeros(40, 40)": """\
tensor([[0., 0., 0.,  ..., 0., 0., 0.],
        [0., 0., 0.,  ..., 0., 0., 0.],
        [0., 0., 0.,  ..., 0., 0., 0.],
        ...,
        [0., 0., 0.,  ..., 0., 0., 0.],
        [0., 0., 0.,  ..., 0., 0., 0.],
        [0., 0., 0.,  ..., 0., 0., 0.]])""",
    "ones(5, requires_grad=True)": "tensor([1., 1., 1., 1., 1.], requires_grad=True)",
    "ones(12, dtype=float64, requires_grad=True)": """\
tensor([1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1.], dtype=corex.float64,
       requires_grad=True)""",
}


def evaluate(expression: str) -> Any:
    names = {"nan": float("nan"), "inf": float("inf")}
    return eval(expression, {**vars(corex), **names})


@pytest.fixture(autouse=True)
def default_options() -> Iterator[None]:
    set_printoptions(profile="default")
    yield
    set_printoptions(profile="default")


@pytest.mark.usefixtures("each_backend")
@pytest.mark.parametrize("expression", CASES)
def test_text(expression: str) -> None:
    assert repr(evaluate(expression)) == CASES[expression]
    assert str(evaluate(expression)) == CASES[expression]


@pytest.mark.usefixtures("each_backend")
def test_a_summary_of_a_view_in_three_dimensions() -> None:
    t = corex.arange(1100).reshape(11, 10, 10).permute(2, 0, 1)
    with printoptions(edgeitems=1):
        assert repr(t) == (
            "tensor([[[   0,  ...,   90],\n"
            "         ...,\n"
            "         [1000,  ..., 1090]],\n"
            "\n"
            "        ...,\n"
            "\n"
            "        [[   9,  ...,   99],\n"
            "         ...,\n"
            "         [1009,  ..., 1099]]])"
        )


@pytest.mark.usefixtures("each_backend")
def test_where_a_gradient_comes_from() -> None:
    x = corex.tensor([1.0, 2.0], requires_grad=True)
    assert repr(x * 2) == "tensor([2., 4.], grad_fn=<MulBackward0>)"
    assert repr((x * 2).detach()) == "tensor([2., 4.])"
    assert "grad" not in repr(corex.tensor([1.0]))


def test_showing_a_tensor_records_nothing() -> None:
    x = corex.ones(2000, requires_grad=True)
    y = x * 2
    node = y.grad_fn
    repr(y)
    assert y.grad_fn is node


def test_only_what_is_shown_is_fetched() -> None:
    # 4 TiB of elements that all share one number.
    t = corex.ones(1).expand(2**20, 2**20)
    assert repr(t).count("1.") == 36
    assert repr(t).count("...") == 7


def test_options() -> None:
    t = corex.tensor([1.0 / 3.0, 20.0])
    set_printoptions(precision=2)
    assert repr(t) == "tensor([ 0.33, 20.00])"
    set_printoptions(sci_mode=True)
    assert repr(t) == "tensor([3.33e-01, 2.00e+01])"
    set_printoptions(precision=3, sci_mode=False)
    assert repr(t) == "tensor([ 0.333, 20.000])"
    set_printoptions(profile="default", linewidth=20)
    assert repr(corex.arange(8)) == "tensor([0, 1, 2, 3,\n        4, 5, 6, 7])"
    set_printoptions(profile="full")
    assert "..." not in repr(corex.arange(2000))
    set_printoptions(profile="default", threshold=4, edgeitems=1)
    assert repr(corex.arange(5)) == "tensor([0,  ..., 4])"
    set_printoptions(edgeitems=0)
    assert repr(corex.arange(5)) == "tensor([...], size=(5,))"


def test_options_can_be_read_and_are_restored() -> None:
    before = get_printoptions()
    assert before == {
        "precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80, "sci_mode": None
    }  # fmt: skip
    with printoptions(precision=1, profile="short"):
        assert get_printoptions()["precision"] == 1
        assert get_printoptions()["edgeitems"] == 2
    assert get_printoptions() == before


def test_unknown_profile() -> None:
    with pytest.raises(ValueError, match="'wide'"):
        set_printoptions(profile="wide")


def test_a_subclass_shows_its_name() -> None:
    class Measured(corex.Tensor):
        pass

    plain = corex.ones(2)
    t = object.__new__(Measured)
    for name in ("storage_", "key", "shape", "_strides", "offset", "_node"):
        setattr(t, name, getattr(plain, name))
    assert tensor_repr(t) == "Measured([1., 1.])"


@pytest.mark.usefixtures("each_backend")
def test_format() -> None:
    assert f"{corex.tensor(1.5):.3f}" == "1.500"
    assert f"{corex.tensor(3):5d}" == "    3"
    assert f"{corex.tensor(1.5, requires_grad=True)}" == "1.5"
    assert f"{corex.ones(2)}" == "tensor([1., 1.])"
    with pytest.raises(TypeError, match="unsupported format string"):
        f"{corex.ones(2):.3f}"
