"""docs/downstream.md names the clients that are installed and tried, and what of them is tested."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "downstream.md").read_text()
TESTS = "\n".join(path.read_text() for path in (ROOT / "tests" / "downstream").glob("*.py"))


def rows() -> list[list[str]]:
    lines = PAGE.partition("| client |")[2].splitlines()[2:]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]


def test_every_row_has_a_client_and_its_versions() -> None:
    for client, versions, works, _ in rows():
        names = [name for name in client.split(", ") if not name.startswith("`")]
        assert len(re.findall(r"\d+\.\d+", versions)) == len(names)
        assert works


def test_every_client_of_the_extra_is_on_the_page() -> None:
    extra = (ROOT / "setup.cfg").read_text().partition("downstream =\n")[2].partition("\nlint")[0]
    packages = re.findall(r"^    ([\w-]+)>=", extra, re.MULTILINE)
    assert len(packages) >= 10
    clients = " ".join(row[0].lower() for row in rows())
    assert [name for name in packages if name not in clients] == []


def test_what_does_not_work_is_tested() -> None:
    for client, _, _, does_not in rows():
        if client in ("tensorboardX",):  # too much to install for one sentence
            continue
        for name in re.findall(r"`(?:\w+\.)*(\w+)\(?[^`]*`", does_not):
            assert name in TESTS, f"{client}: {name}"
