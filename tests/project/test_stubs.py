"""The stubs say what is there, and type checkers understand them."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import corex
from tools import typing_stubs

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="cannot see overloads")
@pytest.mark.parametrize("name", ["_functions.pyi", "_methods.pyi"])
def test_stubs_are_up_to_date(name: str) -> None:
    written = (ROOT / "corex" / name).read_text()
    assert written == typing_stubs.stubs()[name], "run `make stubs`"


def test_every_public_name_exists() -> None:
    assert len(corex.__all__) == len(set(corex.__all__))
    missing = [name for name in corex.__all__ if not hasattr(corex, name)]
    assert not missing


PROGRAM = """
import corex
from corex import Tensor, nn

a: Tensor = corex.exp(corex.zeros(3)) + corex.ones(3, dtype=corex.float64) * 2
b: Tensor = a.reshape(3, 1).T.float()[0, 1:].sum(dim=0, keepdim=True)
b += 1
model = nn.Sequential(nn.Linear(3, 2), nn.Sigmoid())
number: float = float(b)
with corex.no_grad():
    model(a).sum().backward()
"""
WRONG = {"corex.exq(a)": "exq", "a.exq()": "exq", 'corex.exp("a")': "arg-type"}
"""Lines, and what is told of them."""


@pytest.mark.skipif(find_spec("mypy") is None, reason="needs mypy, as `make lint` does")
@pytest.mark.slow
def test_programs_type_check(tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    path.write_text(PROGRAM + "\n".join(WRONG))
    ran = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    errors = [text for text in ran.stdout.splitlines() if "program.py" in text and "error" in text]
    first = PROGRAM.count("\n") + 1
    assert len(errors) == len(WRONG), ran.stdout
    for number, (complaint, error) in enumerate(zip(WRONG.values(), errors, strict=True), first):
        assert f"program.py:{number}: error" in error
        assert complaint in error
