"""Whole training steps, written once for the module `lib`, be it corex or torch.

The libraries start from the same parameters and see the same data; the losses of the first steps
have to agree and are kept with the results.
"""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np

from benchmarks.case import Case, Names, fill_parameters, floats

POINTS = [-math.pi + 2 * math.pi * i / 50 for i in range(51)]


def _sine_points(lib: Any) -> list[tuple[Any, Any]]:
    return [(lib.tensor([[x]]), lib.tensor([[math.sin(x)]])) for x in POINTS]


def sine(lib: Any) -> Names:
    """The sine by ten sigmoids, batches of one: `epoch()` trains on all points, once."""
    nn = lib.nn
    model = nn.Sequential(nn.Linear(1, 10), nn.Sigmoid(), nn.Linear(10, 1))
    fill_parameters(lib, model)
    criterion = nn.MSELoss()
    optimizer = lib.optim.SGD(model.parameters(), lr=0.001)
    points = _sine_points(lib)

    def epoch() -> Any:
        for input, target in points:
            optimizer.zero_grad()
            loss = criterion(model(input), target)
            loss.backward()
            optimizer.step()
        return loss.item()

    return {"epoch": epoch}


def sine_matrices(lib: Any) -> Names:
    """The same in plain tensors and column vectors, as in examples/sine.py."""
    generator = random.Random(1)

    def matrix(rows: int, columns: int) -> Any:
        values = [[generator.uniform(-1, 1) for _ in range(columns)] for _ in range(rows)]
        return lib.tensor(values, requires_grad=True)

    weight1, bias1, weight2, bias2 = matrix(10, 1), matrix(10, 1), matrix(1, 10), matrix(1, 1)
    optimizer = lib.optim.SGD([weight1, bias1, weight2, bias2], lr=0.001)
    points = _sine_points(lib)
    mse_loss = lib.nn.functional.mse_loss

    def epoch() -> Any:
        for input, target in points:
            hidden = lib.sigmoid(weight1 @ input + bias1)
            loss = mse_loss(weight2 @ hidden + bias2, target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return loss.item()

    return {"epoch": epoch}


def sine_numbers(lib: Any) -> Names:
    """As `sine`, with the tensors made from Python numbers on the way, and every loss read."""
    nn = lib.nn
    model = nn.Sequential(nn.Linear(1, 10), nn.Sigmoid(), nn.Linear(10, 1))
    fill_parameters(lib, model)
    criterion = nn.MSELoss()
    optimizer = lib.optim.SGD(model.parameters(), lr=0.001)

    def epoch() -> float:
        total = 0.0
        for x in POINTS:
            input = lib.tensor([x])
            target = lib.tensor([math.sin(x)])
            optimizer.zero_grad()
            loss = criterion(model(input), target)
            loss.backward()
            optimizer.step()
            total += loss.item()
        return total / len(POINTS)

    return {"epoch": epoch}


def _trainer(lib: Any, model: Any, optimizer: Any, x: Any, y: Any) -> Names:
    criterion = lib.nn.CrossEntropyLoss()

    def step() -> Any:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return {"step": step}


def _classes(lib: Any, count: int) -> Any:
    return lib.tensor(np.random.default_rng(5).integers(0, 10, count))


def mlp(lib: Any) -> Names:
    """784-128-64-10 with ReLU, batch 64, SGD with momentum."""
    nn = lib.nn
    model = nn.Sequential(
        nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10)
    )
    fill_parameters(lib, model)
    optimizer = lib.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    x = lib.tensor(floats(64, 784, seed=9))
    return _trainer(lib, model, optimizer, x, _classes(lib, 64))


def small_mlp(lib: Any) -> Names:
    """16-32-10 with tanh, batch 8, Adam: mostly the cost of calls."""
    nn = lib.nn
    model = nn.Sequential(nn.Linear(16, 32), nn.Tanh(), nn.Linear(32, 10))
    fill_parameters(lib, model)
    optimizer = lib.optim.Adam(model.parameters(), lr=0.001)
    x = lib.tensor(floats(8, 16, seed=9))
    return _trainer(lib, model, optimizer, x, _classes(lib, 8))


def cnn(lib: Any) -> Names:
    """Two convolutions with pooling and a linear layer, on 32 images of 16x16, Adam."""
    nn = lib.nn
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(256, 10),
    )
    fill_parameters(lib, model)
    optimizer = lib.optim.Adam(model.parameters(), lr=0.001)
    x = lib.tensor(floats(32, 1, 16, 16, seed=9))
    return _trainer(lib, model, optimizer, x, _classes(lib, 32))


def adam(lib: Any) -> Names:
    """`optimizer.step()` over a million parameters in four tensors; PyTorch's is its fused one."""
    shapes = ((784, 1000), (1000,), (1000, 215), (1000,))
    tensors = [lib.tensor(floats(*shape, seed=i)) for i, shape in enumerate(shapes)]
    parameters = [lib.nn.Parameter(tensor) for tensor in tensors]
    for place, parameter in enumerate(parameters):
        parameter.grad = lib.tensor(floats(*parameter.shape, seed=100 + place))
    options = {"fused": True} if lib.__name__ == "torch" else {}
    optimizer = lib.optim.Adam(parameters, lr=0.001, **options)
    return {"optimizer": optimizer, "parameters": parameters}


FIRST_STEPS = "[step().item() for _ in range(10)]"

CASES = [
    *[
        Case(name, make, "epoch()", result="[epoch() for _ in range(10)]", per=len(POINTS))
        for name, make in (
            ("training/sine", sine),
            ("training/sine_matrices", sine_matrices),
            ("training/sine_numbers", sine_numbers),
        )
    ],
    Case("training/small_mlp", small_mlp, "step()", result=FIRST_STEPS),
    Case("training/mlp", mlp, "step()", result=FIRST_STEPS),
    Case("training/cnn", cnn, "step()", result=FIRST_STEPS),
    Case(
        "training/adam_step",
        adam,
        "optimizer.step()",
        result="[optimizer.step(), *parameters][1:]",
    ),
]
