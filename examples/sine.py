"""A first network: learn sin(x)² from 51 points, one point at a time.

    python examples/sine.py
    python examples/sine.py --backend reference_py

Everything is a column vector. An input x, a (1, 1) matrix, goes through ten sigmoid units to one
number:

    hidden = sigmoid(weight1 @ x + bias1)        (10, 1)
    output = weight2 @ hidden + bias2            (1, 1)
"""

import argparse
import math
import random

import corex


def random_matrix(rows: int, columns: int) -> corex.Tensor:
    """A matrix of parameters, drawn row by row from [-1, 1]."""
    values = [[random.uniform(-1, 1) for _ in range(columns)] for _ in range(rows)]
    return corex.tensor(values, requires_grad=True)


def train() -> list[float]:
    """Trains for ten epochs; returns the last loss of each."""
    # The parameters are plain tensors. Python's own generator makes them, so that anybody can
    # repeat the calculation without corex.
    random.seed(1)
    weight1 = random_matrix(10, 1)
    bias1 = random_matrix(10, 1)
    weight2 = random_matrix(1, 10)
    bias2 = random_matrix(1, 1)
    optimizer = corex.optim.SGD([weight1, bias1, weight2, bias2], lr=0.001)

    # x = 0.0, 0.4, ... 20.0, each a (1, 1) column vector, and what should come out for it.
    xs = [0.4 * i for i in range(51)]
    points = [(corex.tensor([[x]]), corex.tensor([[math.sin(x) ** 2]])) for x in xs]

    losses = []
    for _ in range(10):
        for x, target in points:
            # Forward: compute the output, and how far it is from the target.
            hidden = corex.sigmoid(weight1 @ x + bias1)
            output = weight2 @ hidden + bias2
            loss = corex.nn.functional.mse_loss(output, target)

            # Backward: the gradient of the loss for every parameter; then one step downhill.
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        losses.append(loss.item())
    return losses


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backend", help="the backend to run on, such as cpu_c or reference_py")
    arguments = parser.parse_args()
    if arguments.backend:
        corex.set_backend(arguments.backend)
    print(*(f"{loss:.4f}" for loss in train()))
