"""Random programs, recorded halfway and run again: the graph gives what the recorded run gave.

PyTorch takes part only in that statements are drawn with its tensors in view.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import corex
from corex.backend.graph import from_json, to_json
from corex.compiler import prepare
from corex.compiler.trace import Trace
from corex.dispatch.devices import place_of
from tests.fuzz.generate import Program
from tests.fuzz.run import LENGTH, Side


def statements(seed: int) -> list[str]:
    program, side, found = Program(seed), Side("torch"), []
    for _ in range(LENGTH):
        statement = program.next()
        if side.step(statement) is None:
            found.append(statement)
        program.tensors = side.tensors()
    return found


def array(t: corex.Tensor) -> Any:
    return np.array(t.detach().tolist(), t.dtype.name)


def memory(side: Side) -> dict[Any, bytes]:
    tensors = [*side.tensors().values()]
    tensors += [t.grad for t in tensors if t.is_leaf and t.grad is not None]
    return {t.storage_: t.storage_.tobytes() for t in tensors}


def check(seed: int, backend: str) -> None:
    lines = statements(seed)
    begin = max(3, len(lines) // 3)
    side = Side("corex")
    for line in lines[:begin]:
        side.step(line)
    before = memory(side)
    trace = Trace(place_of(backend))
    with trace.recording():
        for line in lines[begin:]:
            side.step(line)
        results = list(side.tensors().values())
    recording = trace.finish(*results)
    expected = [array(t) for t in (*results, *recording.states)]
    for storage, data in before.items():
        storage.place.backend.copy_from_host(storage.buffer, 0, memoryview(data))
    program = prepare(from_json(to_json(recording.graph)), backend=backend)
    found = program(recording.inputs, recording.states, recording.numbers)
    pairs = zip((*found[: len(results)], *recording.states), expected, strict=True)
    for t, one in pairs:
        text = "\n".join([*lines[:begin], "# recorded", *lines[begin:], str(recording.graph)])
        same = array(t)
        assert same.shape == one.shape, text
        assert np.array_equal(same, one, equal_nan=one.dtype.kind == "f"), text


@pytest.mark.parametrize("part", range(4))
def test_random_programs(part: int) -> None:
    with corex.use_backend("cpu_c"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for seed in range(part * 25, part * 25 + 25):
            check(seed, "cpu_c")


def test_random_programs_on_the_reference() -> None:
    with corex.use_backend("reference_py"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for seed in range(9000, 9020):
            check(seed, "reference_py")
