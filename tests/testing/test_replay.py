"""The ops of a real program, recorded, run as cases."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import corex
from corex.testing import replay
from corex.testing.case import parse
from corex.testing.select import UsageError, select, selection
from corex.testing.suite import run_case
from tests.conftest import CPU_BACKENDS


def program() -> None:
    corex.manual_seed(0)
    nn = corex.nn
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64, 10),
        nn.LayerNorm(10), nn.GELU(),
    )  # fmt: skip
    x, y = corex.randn(5, 1, 8, 8), corex.randint(0, 10, (5,))
    for kind in (corex.optim.Adam, corex.optim.SGD):
        optimizer = kind(model.parameters(), lr=0.01)
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    rows = x[:, 0, ::2].transpose(0, 1).exp().sum(0)
    rows.T.cumsum(0).sort(1)
    numbers = corex.arange(10)[corex.tensor([1, 2, -1])]
    numbers[numbers > 3] = 0
    corex.where(x > 0, corex.cat([x, x])[:5], 0.0).argmax(1)
    x.clone().index_add_(0, corex.tensor([0, 1]), x[:2])
    corex.zeros(3, 3).scatter_add_(1, corex.tensor([[0, 1], [2, 2]]), corex.ones(2, 2))
    corex.full((2, 3), 0.5).T[::2].exp_()


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("record") / "ops.jsonl"
    with corex.record(path):
        program()
    return path


def test_every_op_of_the_program_becomes_a_case(recorded: Path) -> None:
    cases = replay.cases(recorded)
    ops = {case.op for case in cases}
    assert {"conv2d", "max_pool2d_backward", "adam_step", "sgd_step", "index", "index_put"} <= ops
    assert {"copy", "fill", "arange", "scatter_add", "argsort", "sum"} <= ops
    assert any("strides" in case.fields for case in cases)
    assert any("out_strides" in case.fields for case in cases)
    for case in cases:
        assert parse(case.id).id == case.id


@pytest.mark.parametrize("backend", CPU_BACKENDS)
def test_the_cases_pass(recorded: Path, backend: str) -> None:
    cases = replay.cases(recorded)
    results = [run_case(backend, 0, case) for case in cases]
    assert [result for result in results if not result.good] == []
    assert sum(result.status == "passed" for result in results) > len(results) // 2


def test_an_op_that_nobody_declares(tmp_path: Path) -> None:
    path = tmp_path / "ops.jsonl"
    path.write_text(
        '{"op": "frobnicate", "outputs": [["float32", [2], null]], "inputs": [], "params": [], '
        '"count": 1}\n'
    )
    with pytest.raises(ValueError, match="frobnicate"):
        replay.cases(path)


IMPOSSIBLE = {
    "inputs that do not broadcast": ("add", [[3, 4]], [[3, 4], [5, 4]], []),
    "a product of other sizes": ("matmul", [[1, 3, 3]], [[1, 3, 4], [1, 5, 3]], []),
    "an output of another shape": ("neg", [[2, 4]], [[3, 4]], []),
    "a sum over more than there is": ("sum", [[3]], [[3, 4]], [7]),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_shapes_that_do_not_go_together_are_refused(tmp_path: Path, name: str) -> None:
    op, *shapes, params = IMPOSSIBLE[name]
    outputs, inputs = [[["float32", shape, None] for shape in part] for part in shapes]
    path = tmp_path / "ops.jsonl"
    line = {"op": op, "outputs": outputs, "inputs": inputs, "params": params, "count": 1}
    path.write_text(json.dumps(line) + "\n")
    with pytest.raises(UsageError, match=rf"no such case: {op}\("):
        select(selection(replay=str(path)))
