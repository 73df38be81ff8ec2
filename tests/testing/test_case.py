"""Case ids: what is written can be read, and says all there is to say."""

from __future__ import annotations

import math
from collections import Counter

import pytest

from corex.testing.case import MODES, Case, parse
from corex.testing.suite import generate, run_case


@pytest.mark.parametrize("mode", MODES)
def test_every_id_is_unique_and_makes_the_same_case(mode: str) -> None:
    cases = generate([mode])
    doubles = [case for case, n in Counter(case.id for case in cases).items() if n > 1]
    assert doubles == []
    for case in cases:
        again = parse(case.id)
        assert again.id == case.id
        assert again.mode == mode
        assert list(again.fields) == list(case.fields)


def test_the_list_is_the_same_each_time() -> None:
    assert [c.id for c in generate(MODES)] == [c.id for c in generate(MODES)]


def test_the_lists_of_a_case_are_its_own() -> None:
    text = "add(shapes=[[(2,)],()])"
    parse(text).fields["shapes"][0].append(())
    assert parse(text).id == text


def test_values_of_all_kinds() -> None:
    fields = {
        "dtype": "float32", "shapes": [(5, 7), (7,), (), None], "n": -1, "flag": True,
        "eps": 1e-5, "bad": math.nan, "low": -math.inf, "text": "two words", "empty": [],
    }  # fmt: skip
    case = Case("test", "op", fields)
    again = parse(case.id)
    assert again.id == case.id
    assert math.isnan(again.fields.pop("bad"))
    assert again.fields == {k: v for k, v in fields.items() if k != "bad"}


@pytest.mark.parametrize(
    "text", ["", "add", "add(", "add(dtype)", "add(1=2)", "add(n=1+)", "add(n=f(x))", "odd:add()"]
)
def test_what_is_no_id(text: str) -> None:
    with pytest.raises(ValueError, match="id|mode|literal|expected"):
        parse(text)


@pytest.mark.parametrize(
    "text, message",
    [
        ("no_such_op(dtype=float32)", "no cases"),
        ("neg(dtype=float32,shapes=[(2,)],layot=dense)", "unknown field 'layot'"),
        ("neg(dtype=float32,shapes=[(2,)],layout=odd)", "unknown layout 'odd'"),
        ("sum(dtype=float32,shapes=[(2,)])", "needs n="),
        ("memory.nothing()", "nothing"),
    ],
)
def test_a_case_that_cannot_be_built_says_why(text: str, message: str) -> None:
    result = run_case("reference_py", 0, parse(text))
    assert not result.good
    assert message in result.message


def test_data_depend_on_the_id_alone() -> None:
    case = parse("add(dtype=float32,shapes=[(3,),(3,)])")
    assert case.rng(1).random() == parse(case.id).rng(1).random()
    assert case.rng(1).random() != case.rng(2).random()


def test_ids_written_by_hand_run() -> None:
    for text in (
        "add(dtype=float32,shapes=[(5,7),(7,)])",
        "sum(dtype=float64,shapes=[(2,3,4)],n=2,layout=transposed)",
        "neg(dtype=int32,shapes=[(3,4)],strides=[(-4,1)],out_strides=[(1,3)])",
        "grad:softmax(dtype=float32,shapes=[(2,5)])",
        "support:matmul(dtype=uint8)",
    ):
        result = run_case("reference_py", 0, parse(text))
        assert result.status in ("passed", "unsupported"), result
