"""The tutorial is one program, and prints what it says it prints."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from corex import cli

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "tutorial-backend.md"

DRIVER = """
import contextlib, io, json, sys

namespace = {"__name__": "__main__"}
printed = []
for code in json.load(sys.stdin):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, sys.argv[1], "exec"), namespace)
    printed.append(out.getvalue())
json.dump(printed, sys.stdout)
"""


class Block:
    """A fenced block: its language, its text, and the line it begins in."""

    def __init__(self, language: str, text: str, line: int) -> None:
        self.language = language
        self.text = text
        self.line = line


def blocks(*languages: str, of: Path = PAGE) -> list[Block]:
    page = of.read_text()
    found = re.finditer(r"^```(\w+)\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    return [
        Block(match[1], match[2], page.count("\n", 0, match.start(2)))
        for match in found
        if match[1] in languages
    ]


def test_the_program_runs_and_prints_what_the_page_shows(tmp_path: Path) -> None:
    first = blocks("sh")[0].text.split("\n")
    assert first == ["corex new-backend toy", "cd corex-toy", ""]
    subprocess.run(
        [sys.executable, "-m", "corex", *shlex.split(first[0])[1:]],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        timeout=60,
    )
    check(PAGE, tmp_path / first[1].split()[1])


def check(page: Path, folder: Path) -> None:
    """Runs the blocks of Python on a page as one program, in a folder, and compares what each
    prints with the text that follows it."""
    steps = blocks("python", "text", of=page)
    programs = [block for block in steps if block.language == "python"]
    result = subprocess.run(
        [sys.executable, "-c", DRIVER, str(page)],
        cwd=folder,
        env={**os.environ, "COREX_STRICT": ""},
        input=json.dumps(["\n" * block.line + block.text for block in programs]),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    printed = dict(zip(programs, json.loads(result.stdout), strict=True))
    for block, following in zip(steps, [*steps[1:], None], strict=True):
        if block.language == "python":
            shows = following is not None and following.language == "text"
            expected = following.text if shows and following is not None else ""
            assert printed[block] == expected, f"line {block.line} of {page.name}"


def test_the_page_on_compilers_is_a_program_too(tmp_path: Path) -> None:
    check(ROOT / "docs" / "graphs.md", tmp_path)


def test_the_commands_exist() -> None:
    lines = [line for block in blocks("sh") for line in block.text.splitlines()]
    text = PAGE.read_text()
    lines += re.findall(r"`(corex [^`]*)`", text)
    commands = [shlex.split(line) for line in lines if line.startswith("corex ")]
    assert len(commands) > 4
    for _, name, *options in commands:
        assert name in cli.COMMANDS
        parser = argparse.ArgumentParser()
        importlib.import_module(f"corex.cli.{name.replace('-', '_')}").add_arguments(parser)
        for option in options:
            assert not option.startswith("-") or option in parser.format_help(), option


def test_links_and_paths_exist() -> None:
    text = PAGE.read_text()
    targets = re.findall(r"\]\(([^)#:]+)\)", text)
    assert len(targets) > 2
    for target in targets:
        assert (PAGE.parent / target).exists(), target
