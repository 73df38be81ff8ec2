"""The faults that were cured stay cured: `replay.py` as tests."""

from __future__ import annotations

import pytest

from tests.faults.replay import Kind, kinds, replay

# What `tests/backends/cpu_c/test_paths.py` does in one process, this kind does in one per level.
SLOW = {"k01_streaming_and_levels"}


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=[pytest.mark.full] if kind.name in SLOW else [], id=kind.name)
        for kind in kinds()
    ],
)
def test_cured(kind: Kind, each_backend: str) -> None:
    count, wrong = replay(kind, each_backend)
    assert not wrong, f"{kind.title}\n" + "\n".join(map(str, wrong))
    assert count or each_backend == "reference_py", "no case at all"
