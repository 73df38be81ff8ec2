"""The committed table of calls without elements is PyTorch's."""

from __future__ import annotations

import torch

from tests.sweeps.empties import FILE, table, written


def test_the_table_is_what_pytorch_does() -> None:
    assert written(table(torch)) == FILE.read_text(), "run python -m tests.sweeps.empties"
