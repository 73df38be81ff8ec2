"""What the README shows, works."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def blocks(name: str) -> list[str]:
    found = re.findall(
        r"^```python\n(.*?)^```", (ROOT / name).read_text(), re.DOTALL | re.MULTILINE
    )
    assert found
    return found


def test_the_readmes_programs_run() -> None:
    program = "\n".join(blocks("README.md"))
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=100
    )
    assert result.returncode == 0, result.stderr
    assert float(result.stdout) < 0.01
