"""Files of expected failures, which may not go stale."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from corex.testing.expected import Expectation, expectation_for, judge, read
from corex.testing.patterns import matches
from corex.testing.result import CRASHED, FAILED, PASSED, UNSUPPORTED, Result

UNIVERSE = ["add(n=1)", "add(n=2)", "mul(n=1)", "grad:add(n=1)"]


def lines(tmp_path: Path, text: str) -> list[Expectation]:
    path = tmp_path / "known.txt"
    path.write_text(text)
    return read(path)


def results(**statuses: str) -> list[Result]:
    ids = {"a1": "add(n=1)", "a2": "add(n=2)", "m1": "mul(n=1)", "g1": "grad:add(n=1)"}
    return [Result(ids[key], "", 1, status) for key, status in statuses.items()]


def judged(
    tmp_path: Path, text: str, found: Sequence[Result], universe: Sequence[str] = UNIVERSE
) -> tuple[list[str], list[str]]:
    """(the expected ids, the numbers and explanations of the stale lines)"""
    judgement = judge(lines(tmp_path, text), found, universe)
    return list(judgement.expected), [item.partition("known.txt:")[2] for item in judgement.stale]


def test_only_the_star_is_special_in_a_pattern() -> None:
    assert matches("add(shapes=[(5,7),(7,)]*)", "add(shapes=[(5,7),(7,)],layout=dense)")
    assert matches("*", "")
    assert matches("a*c*", "abcd\ne")
    assert not matches("add", "add(n=1)")
    assert not matches("a[b]?", "ab1")
    assert not matches("a.c", "abc")


def test_lines_have_a_pattern_and_a_reason(tmp_path: Path) -> None:
    text = "# all of these\n\n  add(n=1)  # slow  # very\nmul(text='#')* # odd\n"
    found = lines(tmp_path, text)
    place = str(tmp_path / "known.txt")
    assert found == [
        Expectation("add(n=1)", "slow  # very", f"{place}:3"),
        Expectation("mul(text='#')*", "odd", f"{place}:4"),
    ]
    assert [item.exact for item in found] == [True, False]
    assert str(found[0]) == f"{place}:3: add(n=1)  # slow  # very"
    assert expectation_for("mul(text='#')", found) == found[1]
    assert expectation_for("mul()", found) is None


@pytest.mark.parametrize("line", ["add(n=1)", "add(n=1)  #", "add(n=1)# why", "add(n=1)  #  "])
def test_a_line_without_a_reason_is_an_error(tmp_path: Path, line: str) -> None:
    with pytest.raises(ValueError, match=r"known.txt:2: expected 'PATTERN  # reason'"):
        lines(tmp_path, f"\n{line}\n")


def test_a_pattern_stands_there_once(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"known.txt:2: stands already at .*known.txt:1"):
        lines(tmp_path, "add*  # a\nadd*  # b\n")


def test_failures_that_a_line_describes_are_expected(tmp_path: Path) -> None:
    found = results(a1=FAILED, a2=PASSED, m1=CRASHED, g1=FAILED)
    text = "add*  # inexact\nmul(n=1)  # crash\n*  # rest\n"
    assert judged(tmp_path, text, found) == (["add(n=1)", "mul(n=1)", "grad:add(n=1)"], [])
    assert judge(lines(tmp_path, text), found, UNIVERSE).expected == {
        "add(n=1)": "inexact",
        "mul(n=1)": "crash",
        "grad:add(n=1)": "rest",
    }


def test_lines_that_describe_no_failure_are_stale(tmp_path: Path) -> None:
    found = results(a1=PASSED, a2=UNSUPPORTED, m1=PASSED, g1=FAILED)
    text = "add*  # a\nmul(n=1)  # b\nsub*  # c\nsub(n=1)  # d\n"
    assert judged(tmp_path, text, found) == (
        [],
        [
            "1: add*  # a (none of its 2 cases fails)",
            "2: mul(n=1)  # b (it passes)",
            "3: sub*  # c (matches no case)",
            "4: sub(n=1)  # d (matches no case)",
        ],
    )


def test_a_part_of_the_cases_judges_only_lines_that_it_covers(tmp_path: Path) -> None:
    found = results(a1=PASSED)
    text = "add*  # a\nmul*  # b\nsub*  # c\nadd(n=1)  # d\n"
    expected, stale = judged(tmp_path, text, found)
    assert not expected
    assert [line.partition(":")[0] for line in stale] == ["3", "4"]


def test_cases_that_are_not_generated_count_when_they_were_run(tmp_path: Path) -> None:
    bad, good = results(a1=FAILED), results(a1=PASSED)
    assert judged(tmp_path, "add(n=1)  # a\n", bad, []) == (["add(n=1)"], [])
    assert judged(tmp_path, "add(n=1)  # a\n", good, [])[1] == ["1: add(n=1)  # a (it passes)"]
