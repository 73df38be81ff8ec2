"""Files of expected failures, which may not go stale."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from corex.testing.expected import Expectation, covering, judge, lines_for, read
from corex.testing.patterns import matches
from corex.testing.report.__main__ import main
from corex.testing.report.data import write_json
from corex.testing.result import CRASHED, FAILED, PASSED, UNSUPPORTED, Result, Run

UNIVERSE = ["add(n=1)", "add(n=2)", "mul(n=1)", "grad:add(n=1)"]


def lines(tmp_path: Path, text: str) -> list[Expectation]:
    path = tmp_path / "known.txt"
    path.write_text(text)
    return read(path)


def results(**statuses: str) -> list[Result]:
    """Each fails by the check `values`, if it fails."""
    ids = {"a1": "add(n=1)", "a2": "add(n=2)", "m1": "mul(n=1)", "g1": "grad:add(n=1)"}
    checks = {FAILED: "values"}
    return [
        Result(ids[key], "", 1, status, checks.get(status, ""), "12 of 15\nare wrong")
        for key, status in statuses.items()
    ]


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


def test_lines_have_a_pattern_a_check_and_a_reason(tmp_path: Path) -> None:
    text = "# all of these\n\n  add(n=1)/values  # slow  # very\nmul(text='#/')*/guards # odd\n"
    found = lines(tmp_path, f"{text}neg/crashed  # all\n")
    place = str(tmp_path / "known.txt")
    assert found == [
        Expectation("add(n=1)", "values", "slow  # very", f"{place}:3"),
        Expectation("mul(text='#/')*", "guards", "odd", f"{place}:4"),
        Expectation("neg(*)", "crashed", "all", f"{place}:5"),
    ]
    assert [item.exact for item in found] == [True, False, False]
    assert str(found[0]) == f"{place}:3: add(n=1)/values  # slow  # very"


@pytest.mark.parametrize("line", ["add(n=1)", "add(n=1)  #", "add(n=1)# why", "add(n=1)  #  "])
def test_a_line_without_a_reason_is_an_error(tmp_path: Path, line: str) -> None:
    with pytest.raises(ValueError, match=r"known.txt:2: expected 'PATTERN/CHECK  # reason'"):
        lines(tmp_path, f"\n{line}\n")


@pytest.mark.parametrize("line", ["add(n=1)  # a", "add*/everything  # a", "/values  # a"])
def test_a_line_names_the_check(tmp_path: Path, line: str) -> None:
    with pytest.raises(ValueError, match=r"known.txt:1: name the check .*ends with none of values"):
        lines(tmp_path, f"{line}\n")


def test_a_line_stands_there_once(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"known.txt:2: stands already at .*known.txt:1"):
        lines(tmp_path, "add*/values  # a\nadd*/values  # b\n")
    assert len(lines(tmp_path, "add*/values  # a\nadd*/guards  # b\n")) == 2


def test_failures_that_a_line_describes_are_expected(tmp_path: Path) -> None:
    found = results(a1=FAILED, a2=PASSED, m1=CRASHED, g1=FAILED)
    text = "add/values  # inexact\nmul(n=1)/crashed  # crash\n*/values  # rest\n"
    assert judged(tmp_path, text, found) == (["add(n=1)", "mul(n=1)", "grad:add(n=1)"], [])
    assert judge(lines(tmp_path, text), found, UNIVERSE).expected == {
        "add(n=1)": "inexact",
        "mul(n=1)": "crash",
        "grad:add(n=1)": "rest",
    }


def test_a_line_hides_no_other_failure_of_the_case(tmp_path: Path) -> None:
    [found] = results(a1=FAILED)
    both = found._replace(also=["guards"])
    one = lines(tmp_path, "add*/values  # a\n")
    assert covering(found, one) == one
    assert covering(both, one) is None
    assert judged(tmp_path, "add*/values  # a\n", [both]) == ([], [])
    two = "add*/values  # a\nadd(n=1)/guards  # b\n"
    assert judge(lines(tmp_path, two), [both], UNIVERSE).expected == {"add(n=1)": "a; b"}


def test_lines_that_describe_no_failure_are_stale(tmp_path: Path) -> None:
    found = results(a1=PASSED, a2=UNSUPPORTED, m1=PASSED, g1=FAILED)
    names = ["add*/values", "mul(n=1)/values", "sub*/values", "sub/values", "grad:add(n=1)/guards"]
    text = "".join(f"{name}  # a\n" for name in names)
    assert judged(tmp_path, text, found) == (
        [],
        [
            "1: add*/values  # a (none of its 2 cases fails so)",
            "2: mul(n=1)/values  # a (it passes)",
            "3: sub*/values  # a (matches no case)",
            "4: sub(*)/values  # a (matches no case)",
            "5: grad:add(n=1)/guards  # a (it fails by values)",
        ],
    )


def test_a_part_of_the_cases_judges_only_lines_that_it_covers(tmp_path: Path) -> None:
    found = results(a1=PASSED)
    text = "add*/values  # a\nmul*/values  # b\nsub*/values  # c\nadd(n=1)/values  # d\n"
    expected, stale = judged(tmp_path, text, found)
    assert not expected
    assert [line.partition(":")[0] for line in stale] == ["3", "4"]


def test_cases_that_are_not_generated_count_when_they_were_run(tmp_path: Path) -> None:
    bad, good = results(a1=FAILED), results(a1=PASSED)
    assert judged(tmp_path, "add(n=1)/values  # a\n", bad, []) == (["add(n=1)"], [])
    stale = judged(tmp_path, "add(n=1)/values  # a\n", good, [])[1]
    assert stale == ["1: add(n=1)/values  # a (it passes)"]


def test_a_file_is_written_from_results(tmp_path: Path) -> None:
    def case(id: str, status: str = FAILED, check: str = "values", *also: str) -> Result:
        return Result(id, "", 1, status, check if status == FAILED else "", "9 of 9 #\n", also=also)

    found = [
        case("add(dtype=int64,n=1)"),
        case("add(dtype=int64,n=2)", UNSUPPORTED),
        case("add(dtype=int64,n=3)", FAILED, "values", "guards"),
        case("grad:add(dtype=int64,n=1)", CRASHED),
        case("mul(dtype=int64,n=1)"),
        case("mul(dtype=int64,n=2)"),
        case("mul(dtype=bool,n=1)", PASSED),
        case("mul(dtype=bool,n=2)"),
    ]
    written = lines_for(found)
    assert [line.partition("  # ")[0] for line in written] == [
        "add/values",
        "add(dtype=int64,n=3)/guards",
        "grad:add(dtype=int64,n=1)/crashed",
        "mul(dtype=int64,*/values",
        "mul(dtype=bool,n=2)/values",
    ]
    assert written[0].endswith("  # to be explained: 9 of 9")
    judgement = judge(lines(tmp_path, "\n".join(written)), found, [])
    assert set(judgement.expected) == {result.id for result in found if not result.good}
    assert not judgement.stale


def test_the_command_writes_the_file_from_a_report(tmp_path: Path) -> None:
    [result] = results(a1=FAILED)
    report, known = tmp_path / "run.json", tmp_path / "known.txt"
    write_json(Run("toy", "toy:0", {}, [result._replace(also=["guards"])]), report)
    assert main([str(report), "--expected-failures", str(known)]) == 0
    found = read(known)
    assert [(line.pattern, line.check) for line in found] == [
        ("add(n=1)", "values"),
        ("add(n=1)", "guards"),
    ]
