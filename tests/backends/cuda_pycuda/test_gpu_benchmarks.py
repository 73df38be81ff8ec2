"""`python -m benchmarks.gpu --smoke`: every case runs; what it writes can be read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.timeout(300)
def test_every_case_runs(tmp_path: Path) -> None:
    data, page = tmp_path / "times.json", tmp_path / "times.md"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu", "--smoke", "--against", "nothing",
         "--json", str(data), "--markdown", str(page)],
        cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    written = json.loads(data.read_text())
    assert written["machine"]["smoke"] is True
    names = [case["case"] for case in written["cases"]]
    assert names[:2] == ["ceiling/copy", "ceiling/gemm"]
    assert {"training/mlp_graph", "optimizer/adam", "conv2d/3x3", "overhead/add"} <= set(names)
    assert all(case["microseconds"]["corex"] for case in written["cases"])
    text = page.read_text()
    assert "the times mean nothing" in text
    assert text.count("\n| ") == len(names) + 1
