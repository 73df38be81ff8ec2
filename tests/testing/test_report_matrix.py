"""The support matrix: what it says of an op, and the command that writes it."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

from corex.backend import Backend
from corex.tensor.schema import REGISTRY, OpSchema
from corex.testing import kernel as kernel_mode
from corex.testing.report import op_support, summarise, write_json, write_summary
from corex.testing.report.__main__ import main
from corex.testing.report.contract import KINDS, MEMORY, OPTIONAL, UNDECLARED, ops
from corex.testing.report.grid import rows
from corex.testing.result import Result, Run
from tests.testing import report_runs

ROOT = Path(__file__).parents[2]


def test_every_kernel_of_the_contract_is_listed_once() -> None:
    names = [op.name for op in ops()]
    assert sorted(names) == sorted([*REGISTRY, *(op.name for op in UNDECLARED)])
    assert [op.tier for op in ops()] == sorted(op.tier for op in ops())
    families = [(op.tier, op.family) for op in ops()]
    changes = [a for a, b in zip(families, [*families[1:], None], strict=True) if a != b]
    assert len(changes) == len(set(changes))
    assert all(op.names for op in ops())
    assert {op.dtypes for op in ops()} == {*KINDS.values(), "int64"}


def test_the_op_of_a_plugin_is_no_part_of_the_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    before = ops()
    cube = OpSchema("cube", ("a",), decomposition=lambda a: a * a * a, family="unary")
    monkeypatch.setitem(REGISTRY, "cube", cube)
    assert ops() == before
    found = page_of(Result("cube(dtype=float32)", "cube", 1, "passed", how="native"))
    assert "| other | `cube` | native |" in found


def test_every_kernel_is_in_the_document_of_kernels() -> None:
    text = (ROOT / "docs" / "kernels.md").read_text()
    undocumented = {op.name for op in ops() if f"`{op.name}`" not in text}
    assert undocumented <= {"tril", "triu"}  # composed only


def test_the_memory_methods_are_those_of_the_contract() -> None:
    methods = {name for name, _ in inspect.getmembers(Backend, inspect.isfunction)}
    others = {"select", "direct", "compile", "traits"}
    assert {*MEMORY, *OPTIONAL} == {name for name in methods if name[0] != "_"} - others


def page_of(*results: Result) -> str:
    return op_support([summarise(Run("toy", "toy:0", {}, list(results)))])


def kernel(
    op: str, dtype: str, status: str, mode: str = "", how: str = "native", **more: Any
) -> Result:
    schema = REGISTRY[op]
    return Result(f"{mode}{op}(dtype={dtype})", op, schema.tier, status, how=how, **more)


@pytest.mark.parametrize(
    "results, cell",
    [
        ([("float32", "passed"), ("float64", "passed")], "native"),
        ([("float32", "passed"), ("float32", "unsupported")], "partly native"),
        ([("float32", "unsupported")], "decomposed"),
        (
            [("float32", "passed"), ("float64", "unsupported")],
            "native (float32), decomposed (float64)",
        ),
        ([("float32", "failed"), ("float32", "passed")], "**failing**"),
        (
            [("float32", "passed"), ("float64", "missing")],
            "native (float32), **missing** (float64)",
        ),
    ],
)
def test_a_cell_says_how_the_op_runs(results: list[tuple[str, str]], cell: str) -> None:
    text = page_of(*(kernel("gelu", dtype, status) for dtype, status in results))
    assert f"| `gelu` | {cell} |" in text
    assert "| `mean` | not tested |" in text


def test_what_the_support_mode_saw_goes_before_what_the_declaration_says() -> None:
    seen = kernel("gelu", "float32", "passed", "support:", "fallback")
    assert "| `gelu` | fallback |" in page_of(kernel("gelu", "float32", "unsupported"), seen)


def test_a_backend_that_declines_some_layouts_is_native_in_part() -> None:
    layouts = {"layouts": {"dense": 1, "stepped": 0}}
    some = kernel("gelu", "float32", "passed", "support:", measures=layouts)
    assert "| `gelu` | partly native |" in page_of(some)


def test_direct_kernels_are_counted_apart() -> None:
    direct = Result("add(dtype=int32,call=direct_number_left)", "add", 1, "unsupported")
    results = [kernel("add", "int32", "passed"), direct]
    row = rows(summarise(Run("toy", "toy:0", {}, results)), 1)[0]
    assert (row.passed, row.total, row.direct) == (1, 1, (0, 1))
    assert row.squares["int32"].state == "native"
    wrong = rows(summarise(Run("toy", "toy:0", {}, [direct._replace(status="failed")])), 1)[0]
    assert wrong.squares["int32"].state == "failed"


def test_memory_that_need_not_be_offered_is_unsupported() -> None:
    case = Result("memory.host_view()", "memory", 0, "unsupported")
    row = rows(summarise(Run("toy", "toy:0", {}, [case])), 0)[0]
    assert (row.op.name, row.squares[""].state) == ("memory.host_view", "unsupported")


def test_a_dtype_that_the_device_lacks_is_not_held_against_an_op() -> None:
    lacking = "the device holds no float64 tensors"
    assert "the device holds no {" in inspect.getsource(kernel_mode)
    results = [
        kernel("gelu", "float32", "passed"),
        kernel("gelu", "float64", "unsupported", message=lacking),
        # A case that meets the dtype in another operand says nothing about its own.
        kernel("gelu", "float32", "unsupported", message=lacking),
    ]
    text = page_of(*results)
    assert "| `gelu` | native |" in text
    assert "required cases pass | float64 |" in text
    squares = rows(summarise(Run("toy", "toy:0", {}, results)), 2)[0].squares
    assert [square.state for square in squares.values()] == ["native", "absent"]


def test_layouts_are_told_apart_where_they_differ() -> None:
    table = {row.op.name: row for row in rows(summarise(report_runs.run()), 1)}
    assert table["pow"].layouts == [("offset", 0, 96)]
    assert table["add"].layouts == []


def test_the_command_writes_and_links(tmp_path: Path) -> None:
    whole, brief = tmp_path / "whole.json", tmp_path / "brief.json"
    write_json(report_runs.small(), whole)
    output = tmp_path / "matrix.md"
    assert main([str(whole), "--summary", str(brief), "--html", str(tmp_path / "brief.html")]) == 0
    assert main([str(whole), str(brief), "--output", str(output)]) == 0
    assert "](brief.html)" in output.read_text()


def test_a_page_from_a_summary_says_the_same_as_one_from_the_run(tmp_path: Path) -> None:
    whole, brief = tmp_path / "whole.json", tmp_path / "brief.json"
    write_json(report_runs.small(), whole)
    write_summary(report_runs.small(), brief)
    for name, path in (("a.md", whole), ("b.md", brief)):
        assert main([str(path), "--output", str(tmp_path / name)]) == 0
    assert (tmp_path / "a.md").read_text() == (tmp_path / "b.md").read_text()


@pytest.mark.parametrize("arguments", [[], ["a.json"], ["a.json", "b.json", "--html", "x"]])
def test_a_wrong_command_line_is_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)


def test_a_missing_file_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nowhere.json", "--output", "x.md"]) == 1
    assert capsys.readouterr().err.count("\n") == 1
