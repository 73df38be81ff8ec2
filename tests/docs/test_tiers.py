"""The pages tell the tiers as they are in the registry, and all in the same words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from corex.plugins import manager
from corex.tensor.schema import REGISTRY
from corex.testing.report.contract import ops
from corex.testing.select import TIERS
from corex.testing.suite import generate

ROOT = Path(__file__).parents[2]
KERNELS = (ROOT / "docs" / "kernels.md").read_text()
CORE = {"copy", "fill", "arange", *(name for name, op in REGISTRY.items() if op.tier == 1)}
TIER_2 = {name for name, op in REGISTRY.items() if op.tier == 2}
PAGES = sorted(
    path
    for folder in ("docs", "examples", "backends", "corex/cli/templates")
    for ending in ("*.md", "*.md.tmpl")
    for path in (ROOT / folder).rglob(ending)
) + [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]


def section(title: str) -> str:
    return KERNELS.partition(f"\n## {title}")[2].partition("\n## ")[0]


def named(text: str) -> list[str]:
    """The kernels in the first column of a section's tables."""
    rows = re.findall(r"^\| (`[^|]*) \|", text, re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`(\w+)`", row)]


def test_the_core_is_small_enough_to_be_written_in_a_day() -> None:
    assert len(CORE) <= 45


@pytest.mark.parametrize(("title", "kernels"), [("Tier 1:", CORE), ("Tier 2:", TIER_2)])
def test_the_page_lists_each_kernel_once_and_in_its_tier(title: str, kernels: set[str]) -> None:
    assert sorted(named(section(title))) == sorted(kernels)


def test_the_suite_requires_the_core_and_nothing_else() -> None:
    assert {op.name for op in ops() if op.tier == 1} == CORE
    assert {case.op for case in generate() if case.mode == "test"} >= CORE | TIER_2
    assert TIERS == {0: "memory", 1: "core", 2: "accelerated"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_numbers_of_kernels_are_those_of_the_registry(page: Path) -> None:
    text = " ".join(page.read_text().split())
    for before, count in re.findall(r"(core: |core of |has: |of )(\d+) kernels", text):
        assert int(count) == len(CORE), f"{before}{count} kernels"
    for count in re.findall(r"accelerated: (\d+) kernels", text):
        assert int(count) == len(TIER_2)
    assert not re.search(r"required kernel|kernels? (is|are) required|required tier", text)


def test_what_the_readme_says_of_the_suite_and_the_backends() -> None:
    text = (ROOT / "README.md").read_text()
    assert "more than ten thousand cases" in text
    assert len(generate()) > 10_000
    assert "the whole core, and `cpu_c` nearly all of tier 2" in " ".join(text.split())
    kernels = {name: set(manager.backend(name).kernels) for name in ("cpu_c", "reference_py")}
    for have in kernels.values():
        assert have >= CORE
    assert len(TIER_2 - kernels["cpu_c"]) <= len(TIER_2) // 10
