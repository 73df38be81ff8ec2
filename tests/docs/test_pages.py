"""The pages under docs/: their links lead somewhere, and their Python runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project.test_architecture import FLOORS

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
TOPS = (ROOT, ROOT / "corex", ROOT / "tests")
FOLDERS = {path.name for top in TOPS for path in top.iterdir() if path.is_dir()}
CONFORMANCE = (ROOT / "docs" / "conformance.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
    local = [target for target in targets if "://" not in target]
    missing = [target for target in local if not (page.parent / target).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_paths_exist(page: Path) -> None:
    named = re.findall(r"`([\w./]+/|[\w./]*/[\w.]+\.(?:py|txt|sh|c|h))`", page.read_text())
    ours = [path for path in named if path.split("/")[0] in FOLDERS]
    missing = [path for path in ours if not any((top / path).exists() for top in TOPS)]
    assert missing == []


def test_the_layers_are_those_that_are_tested() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    table = text.partition("| floor |")[2].partition("\n\n")[0]
    parts = [re.findall(r"`(\w+)`", row.split("|")[2]) for row in table.splitlines()[2:]]
    assert [part for row in parts for part in row] == FLOORS


def test_what_the_page_names_lies_there() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+/(?:\w+/)?)` \| (.*) \|$", text, re.MULTILINE))
    for folder, row in rows.items():
        files = {path.stem for path in (ROOT / "corex" / folder).glob("[!_]*.py")}
        assert set(re.findall(r"`(\w+)`", row)) <= files, folder
    families = {path.parent.name for path in (ROOT / "corex" / "ops").glob("*/__init__.py")}
    assert {f"ops/{family}/" for family in families} <= set(rows)


def python_blocks() -> list[str]:
    found = re.findall(r"^ *```python\n(.*?)^ *```$", CONFORMANCE, re.DOTALL | re.MULTILINE)
    return [block for block in found if "import *" not in block]


@pytest.mark.parametrize("block", python_blocks(), ids=lambda block: block.split("\n")[0].strip())
def test_the_manual_of_the_suite_runs(block: str, tmp_path: Path) -> None:
    lines = block.split("\n")
    indent = len(lines[0]) - len(lines[0].lstrip())
    code = "\n".join(line[indent:] for line in lines)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_ids_of_the_manual_are_cases_that_run() -> None:
    from corex.testing.case import parse
    from corex.testing.suite import run_case

    ids = re.findall(r"^((?:grad:)?\w+\(dtype=[^)\n]*\)[^\n]*\))$", CONFORMANCE, re.MULTILINE)
    assert len(ids) >= 3
    for text in ids:
        assert run_case("reference_py", 0, parse(text)).status == "passed", text


def test_the_manual_knows_every_check_and_mode() -> None:
    from corex.testing.case import MODES
    from corex.testing.result import CHECKS

    for name in CHECKS:
        assert f"| {name} |" in CONFORMANCE
    for mode in MODES:
        assert f"| `{mode}` |" in CONFORMANCE
