"""`corex.record`: what is written, when, and reading it back."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import corex
from corex.observe import signatures as recorder
from corex.observe.events import OpCall, TensorSpec
from corex.observe.signatures import Signature, read_signatures


def f32(*shape: int, strides: tuple[int, ...] | None = None) -> TensorSpec:
    return TensorSpec("float32", shape, strides)


def test_signatures_in_order_of_first_use(tmp_path: Path, each_backend: str) -> None:
    file = tmp_path / "ops.jsonl"
    a = corex.ones(2, 3)
    with corex.record(file) as found:
        for _ in range(3):
            a + a.exp()
        a.T.exp()
        a.exp(out=a)
        assert not file.exists()
        assert len(found.signatures()) == 3
    assert read_signatures(file) == [
        Signature("exp", (f32(2, 3),), (f32(2, 3),), (), 4),
        Signature("add", (f32(2, 3),), (f32(2, 3), f32(2, 3)), (), 3),
        Signature("exp", *2 * ((f32(3, 2, strides=(1, 3)),),), (), 1),
    ]
    first = json.loads(file.read_text().splitlines()[0])
    assert first == {
        "op": "exp",
        "outputs": [["float32", [2, 3], None]],
        "inputs": [["float32", [2, 3], None]],
        "params": [],
        "count": 4,
    }
    assert [path.name for path in tmp_path.iterdir()] == ["ops.jsonl"]


def test_a_training_program(tmp_path: Path) -> None:
    file = tmp_path / "ops.jsonl"
    with corex.use_backend("cpu_c"):
        model = corex.nn.Sequential(corex.nn.Conv2d(1, 2, 3), corex.nn.Flatten(),
                                    corex.nn.Dropout(), corex.nn.Linear(8, 2))  # fmt: skip
        optimizer = corex.optim.Adam(model.parameters())
        x = corex.randn(3, 1, 4, 4)
        with corex.record(file):
            for _ in range(4):
                optimizer.zero_grad()
                model(x)[corex.tensor([0, 2])].sum().backward()
                optimizer.step()
                optimizer.param_groups[0]["lr"] *= 0.5
            x.index_put_((corex.tensor([0]),), corex.zeros(1, 1, 4, 4), accumulate=True)
    found = {signature.op: signature for signature in read_signatures(file)}
    assert found["conv2d"].params == ((1, 1), (0, 0), (1, 1), 1)
    assert found["conv2d"].calls == 4
    assert found["linear"].inputs[1] == f32(2, 8)
    adam = found["adam_step"]
    assert adam.calls == 4
    assert adam.outputs == ((f32(2, 1, 3, 3), f32(2), f32(2, 8), f32(2)),)
    assert adam.inputs == adam.outputs * 3
    assert adam.params[:2] == (1, 0.001)
    assert found["random_uniform"].calls == 4
    assert found["index"].inputs == (f32(3, 2), TensorSpec("int64", (2,)))
    assert found["index_put"].inputs[1:] == (TensorSpec("int64", (1,)),)
    assert found["index_put"].params == (True,)
    lines = file.read_text().splitlines()
    assert [read.line() for read in read_signatures(file)] == lines


def test_decomposed_ops_and_their_parts() -> None:
    text = io.StringIO()
    with corex.use_backend("reference_py"), corex.record(text):
        corex.nn.functional.silu(corex.ones(2))
    assert [json.loads(line)["op"] for line in text.getvalue().splitlines()] == [
        *("fill", "silu", "sigmoid", "mul"),
    ]


def test_parameters_of_every_kind_survive(tmp_path: Path) -> None:
    params = (1, 1.0, True, None, "word", (1, (2.5, -3)), 1e-300, float("inf"), -float("inf"))
    found = recorder.Recorder()
    odd = (np.float32(0.5), np.int64(3), corex.float32, float("nan"))
    for given in (params, odd):
        found.add(OpCall("op", "b", "cpu", "native", "", (), (None, ()), given))
    file = tmp_path / "ops.jsonl"
    file.write_text(found.text())
    first, second = read_signatures(file)
    assert first == Signature("op", (), (None, ()), params)
    assert [type(p) for p in first.params] == [type(p) for p in params]
    assert repr(second.params) == "(0.5, 3, 'corex.float32', nan)"


def test_numbers_that_are_equal_but_not_the_same_are_told_apart() -> None:
    found = recorder.Recorder()
    for value in (1, 1.0, True, 1):
        found.add(OpCall("op", "b", "cpu", "native", "", (), (), (value,)))
    assert [signature.calls for signature in found.signatures()] == [2, 1, 1]


def test_the_file_is_written_although_the_block_raises(tmp_path: Path) -> None:
    file = tmp_path / "ops.jsonl"
    file.write_text("old")

    def program() -> None:
        with corex.record(file):
            corex.ones(2)
            raise LookupError("stop")

    with pytest.raises(LookupError, match="stop"):
        program()
    assert [signature.op for signature in read_signatures(file)] == ["fill"]


def test_a_failing_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "ops.jsonl"
    file.write_text("old")

    def fail(*_: object) -> None:
        raise OSError("disk full")

    def program() -> None:
        with corex.record(file):
            corex.ones(2)

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        program()
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_target_that_cannot_be_is_refused_at_the_beginning(tmp_path: Path) -> None:
    for target, kind, message in (
        (tmp_path / "no" / "ops.jsonl", FileNotFoundError, "there is no folder"),
        (tmp_path, IsADirectoryError, "it is a folder"),
        (5, TypeError, "int"),
        (io.BytesIO(), TypeError, "bytes"),
    ):
        with pytest.raises(kind, match=message):
            corex.record(target).__enter__()  # type: ignore[arg-type]


def test_a_relative_path_is_that_of_the_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with corex.record("ops.jsonl"):
        monkeypatch.chdir("/")
        corex.ones(2)
    assert len(read_signatures(tmp_path / "ops.jsonl")) == 1


GOOD: dict[str, Any] = {
    "op": "exp",
    "outputs": [["float32", [2], None]],
    "inputs": [["float32", [2], [3]]],
    "params": [],
    "count": 1,
}

MALFORMED = {
    "{": "not JSON",
    "[1]": r"expected an object, got \[1\]",
    json.dumps({**GOOD, "op": ""}): 'op must be a name, got ""',
    json.dumps({**GOOD, "op": 3}): "op must be a name, got 3",
    json.dumps({**GOOD, "count": 0}): "count must be a positive integer, got 0",
    json.dumps({**GOOD, "count": True}): "count must be a positive integer, got true",
    json.dumps({"op": "exp"}): "lacks outputs, inputs, params, count",
    json.dumps({**GOOD, "more": 1}): "has unknown more",
    json.dumps({**GOOD, "inputs": {}}): "inputs must be a list, got {}",
    json.dumps({**GOOD, "inputs": [3]}): r"inputs\[0\] must be \[dtype, shape, strides\], got 3",
    json.dumps({**GOOD, "inputs": [["float32", [2]]]}): r"inputs\[0\] must be",
    json.dumps({**GOOD, "inputs": [[["half", [2], None]]]}): r"inputs\[0\]\[0\]: unknown dtype",
    json.dumps({**GOOD, "outputs": [["bool", [-2], None]]}): "list of sizes",
    json.dumps({**GOOD, "outputs": [["bool", [2.0], None]]}): "list of sizes",
    json.dumps({**GOOD, "outputs": [["bool", [2], [1, 1]]]}): "one integer per dimension",
    json.dumps({**GOOD, "params": 3}): "params must be a list",
    json.dumps({**GOOD, "params": [{}]}): "a parameter cannot be {}",
    json.dumps({**GOOD, "params": [float("nan")]}): 'not JSON: NaN; write "nan"',
    json.dumps({**GOOD, "params": [-float("inf")]}): 'write "-inf"',
}


@pytest.mark.parametrize("line", MALFORMED)
def test_malformed_lines_are_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / "ops.jsonl"
    file.write_text(f"{json.dumps(GOOD)}\n\n{line}\n")
    with pytest.raises(ValueError, match=MALFORMED[line]) as raised:
        read_signatures(file)
    assert str(raised.value).startswith(f"{file}:3: ")


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    file = tmp_path / "ops.jsonl"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="not a text file"):
        read_signatures(file)
    with pytest.raises(FileNotFoundError):
        read_signatures(tmp_path / "nowhere")
