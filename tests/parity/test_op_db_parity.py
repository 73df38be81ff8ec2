"""A few of the ops that `op_db` runs: the whole list is for hand, as it takes minutes."""

from __future__ import annotations

import pytest

from tests.parity import op_db

NAMES = """
    H T _chunk_cat _segment_reduce _softmax_backward_data add addr amax clamp cumsum exp fft.fft
    flip index_select linalg.lstsq linalg.norm matmul nn.functional.kl_div nn.functional.relu
    signal.windows.gaussian softmax scatter sort squeeze sum where
""".split()
ENTRIES = [op for op in op_db.lists.op_db if op.name in NAMES]


def test_the_sample_is_of_the_list() -> None:
    assert {op.name for op in ENTRIES} == set(NAMES)


@pytest.mark.parametrize("op", ENTRIES, ids=lambda op: f"{op.name}{op.variant_test_name}")
def test_samples_give_what_pytorch_gives(op: op_db.Any) -> None:
    found = [(text, given) for _, text, given in op_db.run(op) if text]
    assert found == []
