"""The faults that were cured stay cured: `replay.py` as tests."""

from __future__ import annotations

import pytest

from tests.faults.replay import Kind, kinds, replay


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.name)
def test_cured(kind: Kind, each_backend: str) -> None:
    count, wrong = replay(kind, each_backend)
    assert not wrong, f"{kind.title}\n" + "\n".join(map(str, wrong))
    assert count or each_backend == "reference_py", "no case at all"
