"""A training step, recorded as a graph and run again by the backend's kernels, in one arena."""

from __future__ import annotations

from typing import Any

import corex
from corex.compiler import prepare, record

nn = corex.nn


def test_a_recorded_step_does_what_eager_steps_do(cuda: Any, device: Any) -> None:
    def trainer() -> Any:
        corex.manual_seed(0)
        model = nn.Sequential(nn.Linear(5, 6), nn.ReLU(), nn.LayerNorm(6), nn.Linear(6, 3))
        model = model.to("cuda")
        optimizer = corex.optim.AdamW(model.parameters(), lr=0.05)

        def step(x: corex.Tensor, y: corex.Tensor) -> corex.Tensor:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            return loss

        return step

    data = corex.randn(4, 7, 5).to("cuda")
    label = (data.sum(2) > 0).long()
    eager, recorded = trainer(), trainer()
    expected = [eager(data[i], label[i]).item() for i in range(4)]
    recorded(data[0], label[0])
    recording, loss = record(recorded, data[1], label[1])
    program = prepare(recording.graph, "cuda")
    assert program.graph.arena is not None
    found = [loss.item()]
    for i in (2, 3):
        inputs = [data[i], label[i], *recording.inputs[2:]]
        numbers = {**recording.numbers, "step": recording.numbers["step"] + i - 1}
        found.append(program(inputs, recording.states, numbers)[0].item())
    assert found == expected[1:]
