"""Which cases are run."""

from __future__ import annotations

import pytest

from corex.testing import select, suite
from corex.testing.case import MODES, Case, literal
from corex.testing.select import Selection, UsageError, sample, selection, tier_of
from corex.testing.specs import find_spec


def _cases() -> list[Case]:
    found = [Case("test", "memory", {"size": size}) for size in (0, 1)]
    for op in ("add", "sub", "softmax"):
        for dtype in ("float32", "int64"):
            for layout in ("dense", "transposed"):
                fields = {"dtype": dtype, "shapes": [(5, 7), (7,)], "layout": layout}
                found.append(Case("test", op, fields))
    found.append(Case("grad", "add", {"dtype": "float64"}))
    found.append(Case("perf", "add", {"dtype": "float32"}))
    return found


@pytest.fixture(autouse=True)
def _small_suite(monkeypatch: pytest.MonkeyPatch) -> None:
    def generate(modes: tuple[str, ...] = ("test",)) -> list[Case]:
        return [case for mode in modes for case in _cases() if case.mode == mode]

    monkeypatch.setattr(suite, "generate", generate)
    # The others are made up.
    monkeypatch.setattr(suite, "find_spec", lambda op: find_spec(op) if op == "neg" else None)


def chosen(*args: object, **kwargs: object) -> list[Case]:
    return select.select(selection(*args, **kwargs))  # type: ignore[arg-type]


def test_nothing_said_chooses_tests_and_gradients() -> None:
    assert {case.mode for case in chosen()} == {"test", "grad"}
    assert len(chosen()) == 15
    assert selection() == Selection()


def test_modes_ops_and_tiers() -> None:
    assert [case.id for case in chosen(mode="perf, grad")] == [
        "perf:add(dtype=float32)",
        "grad:add(dtype=float64)",
    ]
    assert {case.op for case in chosen(op="s*,memory")} == {"sub", "softmax", "memory"}
    assert {case.op for case in chosen(tier="0")} == {"memory"}
    assert {case.op for case in chosen(tier="2,0")} == {"memory", "softmax"}
    assert [tier_of(op) for op in ("memory", "add", "softmax")] == [0, 1, 2]


def test_parameters() -> None:
    assert len(chosen(where=["dtype=float32"])) == 6
    assert len(chosen(where=["dtype=float*"])) == 7
    assert len(chosen(where=["dtype=float32", "layout=trans*"])) == 3
    assert len(chosen(where=["dtype=float32", "dtype=int64"])) == 12
    assert len(chosen(where=["shapes=[(5, 7), (7,)]"])) == 12
    assert [case.id for case in chosen(where=["size=0"])] == ["memory(size=0)"]


def test_ids_are_taken_as_they_are_and_once() -> None:
    ids = ["sub( dtype=float32, n=9 )", "grad:add()", "sub(dtype=float32,n=9)", "memory()"]
    assert [case.id for case in chosen(cases=ids)] == [
        "sub(dtype=float32,n=9)",
        "grad:add()",
        "memory()",
    ]
    assert len(chosen(cases=ids, op="sub")) == 1


def test_recorded_calls_become_cases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "corex.testing.replay.cases", lambda path: [Case("test", "add", {"path": path})]
    )
    found = chosen(replay="ops.jsonl", cases=["sub()"])
    assert [case.op for case in found] == ["sub", "add"]
    assert found[1].fields == {"path": "ops.jsonl"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "tests"}, r"unknown mode 'tests'; the modes are test, grad, perf, support"),
        ({"tier": "3"}, r"unknown tier '3'; the tiers are 0 \(memory\), 1 \(core\), 2"),
        ({"op": "ad"}, r"unknown op 'ad' \(did you mean add\?\); the ops are memory, add, sub"),
        ({"where": ["dtipe=bool"]}, r"unknown parameter 'dtipe' \(did you mean dtype\?\)"),
        ({"where": ["dtype=bool"]}, r"no case has dtype=bool; its values are float32, int64"),
        ({"where": ["dtype"]}, r"expected NAME=VALUE, as in dtype=float32, got 'dtype'"),
        ({"where": ["=3"]}, r"expected NAME=VALUE"),
        ({"cases": ["add"]}, r"'add' is no case id"),
        ({"cases": ["ad()"]}, r"unknown op 'ad' \(did you mean add\?\)"),
        ({"op": "memory", "tier": "1"}, r"no case is left"),
        (
            {"cases": ["neg(shapes=[(2,)])"]},
            r"no such case: neg\(.*\): the op 'neg' needs dtype=...",
        ),
    ],
)
def test_what_does_not_exist_is_an_error_that_tells_what_does(
    options: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        chosen(**options)


def test_a_sample_has_every_op_and_dtype_and_is_always_the_same() -> None:
    cases = [
        Case("test", op, {"dtype": dtype, "n": n})
        for op in ("add", "sub")
        for dtype in ("float32", "int64", "bool")
        for n in range(200 if dtype == "float32" else 2)
    ]
    found = sample(cases)
    assert {(c.op, c.fields["dtype"]) for c in found} == {
        (op, dtype) for op in ("add", "sub") for dtype in ("float32", "int64", "bool")
    }
    assert 10 < len(found) < 80
    assert found == sample(cases)
    assert {c.id for c in sample(cases[::-1])} == {c.id for c in found}
    assert [c.id for c in sample(cases) if c.op == "sub"] == [
        c.id for c in sample(cases[len(cases) // 2 :])
    ]
    assert chosen(reduced=True) == sample(chosen())


def test_every_case_of_the_suite_has_another_id_and_is_made_from_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.undo()
    from corex.testing.case import parse

    cases = suite.generate(MODES)
    assert len({case.id for case in cases}) == len(cases)
    for case in cases[::7]:
        again = parse(case.id)
        assert again.id == case.id
        assert literal(again.fields) == literal(case.fields)
