"""What is timed on a GPU: sizes that fill one, beside the limits of the machine.

The statements run with the same text in corex and in PyTorch, where both have CUDA as the default
device; `benchmarks.gpu` sees to that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from benchmarks.case import Names, fill_parameters, floats

Setup = Callable[[Any], Names]


class Sizes(NamedTuple):
    """How large the operands are; the small ones only prove that everything runs."""

    elements: int = 1 << 26
    rows: int = 1 << 14
    columns: int = 1 << 12
    matrix: int = 4096
    batch: int = 64
    image: int = 56
    channels: int = 64
    words: int = 50_000
    width: int = 768
    tokens: int = 512
    parameters: int = 1 << 24


SMOKE = Sizes(1 << 12, 8, 64, 32, 2, 8, 4, 50, 16, 6, 1 << 10)


@dataclass(frozen=True)
class GpuCase:
    """A statement, and how much it moves and computes at the least.

    Attributes:
        name: `area/what`.
        setup: called with the module `corex` or `torch`; returns the names of the statement.
        statement: what is timed.
        result: what the libraries have to agree on; by default the statement.
        nbytes: bytes that have to be read or written, for a fraction of the copy's bandwidth.
        flops: operations, for a fraction of the matrix product's rate.
        tolerance: as in `benchmarks.case.Case`.
    """

    name: str
    setup: Setup
    statement: str
    result: str = ""
    nbytes: float = 0
    flops: float = 0
    tolerance: float = 1e-4


def cases(sizes: Sizes) -> list[GpuCase]:
    """All of them; the ceilings come first."""
    return [
        *_ceilings(sizes), *_elementwise(sizes), *_rows(sizes), *_products(sizes),
        *_layers(sizes), *_optimizers(sizes), *_overhead(), *_training(sizes),
    ]  # fmt: skip


def _vectors(count: int) -> Setup:
    def setup(lib: Any) -> Names:
        a = lib.tensor(floats(count, seed=1, low=-3, high=3))
        b = lib.tensor(floats(count, seed=2, low=0.1, high=3))
        return {"a": a, "b": b, "c": lib.zeros_like(a), "mask": a > 0}

    return setup


def _matrices(rows: int, columns: int) -> Setup:
    def setup(lib: Any) -> Names:
        return {
            "a": lib.tensor(floats(rows, columns, seed=1)),
            "b": lib.tensor(floats(columns, rows, seed=2)),
            "w": lib.tensor(floats(columns, seed=3)),
            "F": lib.nn.functional,
        }

    return setup


def _ceilings(sizes: Sizes) -> list[GpuCase]:
    """What the machine can do: a long copy, and a large product."""
    n = sizes.matrix * 2
    return [
        GpuCase("ceiling/copy", _vectors(sizes.elements), "c.copy_(a)", nbytes=8 * sizes.elements),
        GpuCase("ceiling/gemm", _matrices(n, n), "a @ b", flops=2 * n**3, tolerance=1e-3),
    ]


def _elementwise(sizes: Sizes) -> list[GpuCase]:
    n = sizes.elements
    rows, columns = sizes.rows, sizes.columns
    cells = rows * columns
    flat, plane = _vectors(n), _matrices(rows, columns)
    return [
        GpuCase("elementwise/add", flat, "a + b", nbytes=12 * n),
        GpuCase("elementwise/add_into", flat, "lib.add(a, b, out=c)", nbytes=12 * n),
        GpuCase("elementwise/relu", flat, "lib.relu(a)", nbytes=8 * n),
        GpuCase("elementwise/exp", flat, "lib.exp(a)", nbytes=8 * n),
        GpuCase("elementwise/gelu", flat, "lib.nn.functional.gelu(a)", nbytes=8 * n),
        GpuCase("elementwise/less", flat, "a < b", nbytes=9 * n),
        GpuCase("elementwise/where", flat, "lib.where(mask, a, b)", nbytes=13 * n),
        GpuCase("elementwise/to_float64", flat, "a.to(lib.float64)", nbytes=12 * n),
        GpuCase("elementwise/random", flat, "lib.rand_like(a)", "a", nbytes=4 * n),
        GpuCase("strided/add_row", plane, "a + w", nbytes=8 * cells),
        GpuCase("strided/add_transposed", plane, "a + b.T", nbytes=12 * cells),
        GpuCase("strided/copy_transposed", plane, "a.T.contiguous()", nbytes=8 * cells),
        GpuCase("strided/every_second", plane, "a[:, ::2].contiguous()", nbytes=6 * cells),
    ]


def _rows(sizes: Sizes) -> list[GpuCase]:
    rows, columns = sizes.rows, sizes.columns
    cells = rows * columns
    plane = _matrices(rows, columns)
    read, both = 4 * cells, 8 * cells
    return [
        GpuCase("reduce/sum", plane, "a.sum()", nbytes=read, tolerance=1e-3),
        GpuCase("reduce/sum_rows", plane, "a.sum(1)", nbytes=read, tolerance=1e-3),
        GpuCase("reduce/sum_columns", plane, "a.sum(0)", nbytes=read, tolerance=1e-3),
        GpuCase("reduce/argmax", plane, "a.argmax(1)", nbytes=read),
        GpuCase("rows/cumsum", plane, "a.cumsum(1)", nbytes=both, tolerance=1e-3),
        GpuCase("rows/softmax", plane, "a.softmax(1)", nbytes=both),
        GpuCase("rows/log_softmax", plane, "a.log_softmax(1)", nbytes=both),
        GpuCase("rows/layer_norm", plane, f"F.layer_norm(a, ({columns},), w, w)", nbytes=both),
        GpuCase("rows/argsort", plane, "a.argsort(1)", "a.sort(1)[0]", nbytes=12 * cells),
    ]


def _products(sizes: Sizes) -> list[GpuCase]:
    n, batch, small = sizes.matrix, sizes.batch, sizes.matrix // 8

    def stack(lib: Any) -> Names:
        a = lib.tensor(floats(batch, small, small, seed=1))
        return {"a": a, "b": lib.tensor(floats(batch, small, small, seed=2))}

    square = _matrices(n, n)
    return [
        GpuCase("gemm/square", square, "a @ b", flops=2 * n**3, tolerance=1e-3),
        GpuCase("gemm/transposed", square, "a @ b.T", flops=2 * n**3, tolerance=1e-3),
        GpuCase("gemm/thin", _matrices(n, 64), "a @ b", flops=128 * n * n, tolerance=1e-3),
        GpuCase("gemm/vector", square, "a @ w", nbytes=4 * n * n, tolerance=1e-3),
        GpuCase("gemm/batched", stack, "lib.bmm(a, b)", flops=2 * batch * small**3, tolerance=1e-3),
    ]


def _layers(sizes: Sizes) -> list[GpuCase]:
    batch, image, channels = sizes.batch, sizes.image, sizes.channels

    def convolution(lib: Any) -> Names:
        return {
            "x": lib.tensor(floats(batch, channels, image, image, seed=1)),
            "w": lib.tensor(floats(channels, channels, 3, 3, seed=2)),
            "F": lib.nn.functional,
        }

    def lookup(lib: Any) -> Names:
        places = np.random.default_rng(3).integers(0, sizes.words, (batch, sizes.tokens))
        return {
            "table": lib.tensor(floats(sizes.words, sizes.width, seed=1)),
            "tokens": lib.tensor(places),
            "F": lib.nn.functional,
        }

    taken = batch * sizes.tokens * sizes.width
    return [
        GpuCase(
            "conv2d/3x3", convolution, "F.conv2d(x, w, padding=1)",
            flops=18.0 * batch * channels**2 * image**2, tolerance=1e-3,
        ),
        GpuCase("conv2d/max_pool", convolution, "F.max_pool2d(x, 2)",
                nbytes=5.0 * batch * channels * image**2),
        GpuCase("embedding/forward", lookup, "F.embedding(tokens, table)", nbytes=8 * taken),
    ]  # fmt: skip


def _optimizers(sizes: Sizes) -> list[GpuCase]:
    """A step over parameters of several shapes; bytes are of values, gradients and state."""

    def setup(name: str, **options: Any) -> Setup:
        def make(lib: Any) -> Names:
            side = int(sizes.parameters**0.5) // 2
            parameters = [
                lib.nn.Parameter(lib.tensor(floats(side, side, seed=k))) for k in range(4)
            ]
            for k, parameter in enumerate(parameters):
                parameter.grad = lib.tensor(floats(side, side, seed=10 + k))
            return {"optimizer": getattr(lib.optim, name)(parameters, lr=1e-3, **options),
                    "parameters": parameters}  # fmt: skip

        return make

    n = (int(sizes.parameters**0.5) // 2) ** 2 * 4
    after = "[optimizer.step(), *parameters][1:]"
    step = "optimizer.step()"
    return [
        GpuCase("optimizer/sgd", setup("SGD"), step, after, nbytes=12 * n),
        GpuCase("optimizer/momentum", setup("SGD", momentum=0.9), step, after, nbytes=20 * n),
        GpuCase("optimizer/adam", setup("Adam"), step, after, nbytes=28 * n),
    ]


def _overhead() -> list[GpuCase]:
    """One element, many times: the cost of a call."""
    one = _vectors(1)
    return [
        GpuCase("overhead/add", one, "a + b"),
        GpuCase("overhead/add_into", one, "lib.add(a, b, out=c)"),
        GpuCase("overhead/item", one, "a.item()"),
    ]


# ---- training ------------------------------------------------------------------------------
def _trainer(lib: Any, model: Any, x: Any, y: Any) -> Names:
    """A step of SGD with momentum, and the same from a graph where the library has them."""
    fill_parameters(lib, model)
    criterion = lib.nn.CrossEntropyLoss()
    optimizer = lib.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)

    def step() -> Any:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return {"step": step}


def _replayed(setup: Setup) -> Setup:
    """The same, captured once and replayed; PyTorch's own recipe."""

    def make(lib: Any) -> Names:
        step = setup(lib)["step"]
        side = lib.cuda.Stream()
        side.wait_stream(lib.cuda.current_stream())
        with lib.cuda.stream(side):
            for _ in range(3):
                step()
        lib.cuda.current_stream().wait_stream(side)
        graph = lib.cuda.CUDAGraph()
        with lib.cuda.graph(graph):
            loss = step()

        def replay() -> Any:
            graph.replay()
            return loss

        return {"step": replay}

    return make


def _classes(lib: Any, count: int, classes: int = 10) -> Any:
    return lib.tensor(np.random.default_rng(5).integers(0, classes, count))


def _mlp(sizes: Sizes) -> Setup:
    def setup(lib: Any) -> Names:
        nn, width = lib.nn, sizes.width
        model = nn.Sequential(
            nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width), nn.ReLU(),
            nn.Linear(width, 10),
        )  # fmt: skip
        x = lib.tensor(floats(sizes.batch * 4, width, seed=9))
        return _trainer(lib, model, x, _classes(lib, sizes.batch * 4))

    return setup


def _cnn(sizes: Sizes) -> Setup:
    def setup(lib: Any) -> Names:
        nn, c, image = lib.nn, sizes.channels, sizes.image
        model = nn.Sequential(
            nn.Conv2d(3, c, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(c, 2 * c, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(2 * c * (image // 4) ** 2, 10),
        )  # fmt: skip
        x = lib.tensor(floats(sizes.batch, 3, image, image, seed=9))
        return _trainer(lib, model, x, _classes(lib, sizes.batch))

    return setup


def _transformer(sizes: Sizes) -> Setup:
    """A block of attention and a feed-forward part, between an embedding and a head."""

    def setup(lib: Any) -> Names:
        nn, width, heads = lib.nn, sizes.width, 4

        class Block(nn.Module):  # type: ignore[misc, name-defined]
            def __init__(self) -> None:
                super().__init__()
                self.embedding = nn.Embedding(sizes.words, width)
                self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
                self.project, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
                self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
                self.head = nn.Linear(width, 10)

            def attend(self, x: Any) -> Any:
                batch, length, _ = x.shape
                parts = self.project(x).reshape(batch, length, 3, heads, width // heads)
                query, key, value = parts.permute(2, 0, 3, 1, 4)
                scores = query @ key.transpose(-2, -1) * (width // heads) ** -0.5
                mixed = scores.softmax(-1) @ value
                return self.out(mixed.transpose(1, 2).reshape(batch, length, width))

            def forward(self, tokens: Any) -> Any:
                x = self.embedding(tokens)
                x = x + self.attend(self.first(x))
                x = x + self.down(nn.functional.gelu(self.up(self.second(x))))
                return self.head(x.mean(1))

        batch = max(1, sizes.batch // 4)
        places = np.random.default_rng(3).integers(0, sizes.words, (batch, sizes.tokens))
        return _trainer(lib, Block(), lib.tensor(places), _classes(lib, batch))

    return setup


LOSSES = "[step().item() for _ in range(5)]"


def _training(sizes: Sizes) -> list[GpuCase]:
    found = []
    for name, setup in (
        ("mlp", _mlp(sizes)), ("cnn", _cnn(sizes)), ("transformer", _transformer(sizes)),
    ):  # fmt: skip
        for kind, made in (("", setup), ("_graph", _replayed(setup))):
            found.append(GpuCase(f"training/{name}{kind}", made, "step()", LOSSES, tolerance=1e-2))
    return found
