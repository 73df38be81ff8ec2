"""Small programs that between them run every op of the registry; each returns what it computed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import corex
from corex import Tensor, nn
from corex.tensor.schema import REGISTRY

Program = Callable[[str], list[Tensor]]


def positive(device: str) -> Tensor:
    return corex.tensor([[0.25, 0.5, 0.75], [0.3, 0.6, 0.95]], device=device)


def signed(device: str) -> Tensor:
    return corex.tensor([[-1.5, 0.0, 2.5], [float("nan"), 0.5, -0.25]], device=device)


def one_operand(op: str, device: str) -> list[Tensor]:
    function = getattr(corex, op)
    inputs = [positive(device), signed(device), positive(device).t()[:, :1] + 1]
    taken = REGISTRY[op].takes
    if corex.int64 in taken:
        inputs.append(corex.tensor([[3, -4], [0, 7]], device=device))
    if corex.float32 not in taken:
        inputs = inputs[3:]
    return [function(a) for a in inputs]


def two_operands(op: str, device: str) -> list[Tensor]:
    function = getattr(corex, op)
    taken = REGISTRY[op].takes
    pairs = []
    if corex.float32 in taken:
        pairs += [(positive(device), signed(device)), (signed(device), positive(device)[:1])]
    if corex.int64 in taken:
        a = corex.tensor([[13, -4], [0, 7]], device=device)
        pairs += [(a, corex.tensor([[2, 3], [1, -5]], device=device)), (a.t(), a[:, 1:])]
    return [function(a, b) for a, b in pairs]


def chain(device: str) -> list[Tensor]:
    a = corex.linspace(-2, 2, 12, device=device).reshape(3, 4).requires_grad_()
    b = corex.arange(4, device=device)
    y = corex.where(a > 0, a * b + 1, a.exp() / 3)
    z = (y.sigmoid() - y.tanh()).relu().sqrt()
    z = z + corex.sigmoid(a) * corex.tanh(a) * corex.relu(a)
    z.sum().backward()
    assert a.grad is not None
    return [y, z, a.grad, a.detach().to(corex.int64), a.detach().double().t().contiguous()]


def reductions(device: str) -> list[Tensor]:
    a = corex.linspace(-1, 3, 24, device=device).reshape(2, 3, 4)
    mask = a > 0.5
    return [
        a.sum(), a.sum(1), a.t().sum(0) if a.ndim == 2 else a.transpose(0, 2).sum(0), a.prod(2),
        a.amax((0, 2)), a.amin(1), a.argmax(), a.argmin(1), mask.any(1), mask.all(), a.mean(),
        a.mean((0, 1)), a.var(1), a.cumsum(1), a.long().sum(0), (a * 3).int().cumsum(2),
    ]  # fmt: skip


def running(device: str) -> list[Tensor]:
    a = corex.tensor([[3.0, 1, 4, 1], [0.5, -2, 1, 5]], device=device)
    product = a.prod(1)
    leaf = a.clone().requires_grad_()
    leaf.cumprod(1).sum().backward()
    assert leaf.grad is not None
    gradients = [leaf.grad]
    leaf = a.clone().requires_grad_()
    leaf.prod(1).sum().backward()
    assert leaf.grad is not None
    gradients.append(leaf.grad)
    return [
        product, a.cumprod(1), *a.cummax(1), *a.cummin(1), a.logcumsumexp(1), *gradients,
        a.topk(2, 0).values, a.kthvalue(2, 1).values, a.median(1).indices,
    ]  # fmt: skip


def indexing(device: str) -> list[Tensor]:
    a = corex.arange(12.0, device=device).reshape(3, 4)
    i = corex.tensor([2, 0, -1], device=device)
    b = a.clone()
    b[i, 1:3] = 7.0
    b[a > 8] = -1.0
    c = a.index_put((i,), corex.ones(3, 4, device=device), accumulate=True)
    along = corex.tensor([[0, 3], [1, 1], [2, 0]], device=device)
    d = corex.zeros(3, 4, device=device).scatter_add(1, along, corex.ones(3, 2, device=device))
    return [
        a[i], a[i, i], a[a > 4], b, c, d, a.gather(1, along), (a > 5).nonzero(), a[:, ::2],
        corex.cat([a, b[1:]]), a.tril(), a.triu(1), corex.where(a > 5, a, b),
    ]  # fmt: skip


def sorting(device: str) -> list[Tensor]:
    a = corex.tensor([[3.0, 1, 2, 1], [0, float("nan"), -1, 5]], device=device)
    return [
        a.argsort(), a.sort(1, descending=True).values, a.sort(0).indices, a.topk(2).values,
        corex.tensor([3, 1, 2], device=device).argsort(descending=True), a.flip(1),
    ]  # fmt: skip


def randomness(device: str) -> list[Tensor]:
    corex.manual_seed(7)
    return [
        corex.rand(5, device=device), corex.randn(2, 3, device=device),
        corex.randint(0, 100, (7,), device=device), corex.randperm(6, device=device),
        corex.randn(3, device=device, dtype=corex.float64),
        nn.functional.dropout(corex.ones(8, device=device), 0.5),
    ]  # fmt: skip


def trained(
    network: nn.Module, optimizer: corex.optim.Optimizer, x: Tensor, loss_of: Callable[..., Tensor]
) -> list[Tensor]:
    losses = []
    for _ in range(2):
        optimizer.zero_grad()
        loss = loss_of(network(x))
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return [*losses, *(p.detach() for p in network.parameters())]


def perceptron(device: str) -> list[Tensor]:
    corex.manual_seed(1)
    layers = [nn.Linear(3, 4), nn.GELU(), nn.LayerNorm(4), nn.Linear(4, 4), nn.GELU("tanh")]
    network = nn.Sequential(*layers, nn.Linear(4, 4), nn.SiLU(), nn.Softmax(1)).to(device)
    x = corex.linspace(-1, 1, 15).reshape(5, 3).to(device)
    target = corex.linspace(0, 1, 20).reshape(5, 4).to(device)
    optimizer = corex.optim.Adam(network.parameters(), lr=0.01)
    return trained(network, optimizer, x, lambda y: nn.functional.mse_loss(y, target))


def convolutional(device: str) -> list[Tensor]:
    corex.manual_seed(2)
    network = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 4, 3, groups=2),
        nn.AvgPool2d(2, 1, padding=1), nn.Flatten(), nn.Linear(36, 3),
    ).to(device)  # fmt: skip
    x = corex.linspace(-1, 1, 128).sin().reshape(2, 1, 8, 8).to(device)
    labels = corex.tensor([2, 0], device=device)
    optimizer = corex.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    return trained(network, optimizer, x, lambda y: nn.functional.cross_entropy(y, labels))


def _elementwise() -> dict[str, Program]:
    found: dict[str, Program] = {}
    for name, schema in REGISTRY.items():
        if schema.family in ("unary", "predicate"):
            found[name] = partial(one_operand, name)
        elif schema.inputs == ("a", "b") and schema.family in ("binary", "compare"):
            found[name] = partial(two_operands, name)
    return found


COMPOSED = [chain, reductions, running, indexing, sorting, randomness, perceptron, convolutional]
PROGRAMS: dict[str, Program] = {
    **_elementwise(),
    **{program.__name__: program for program in COMPOSED},
}


DIGITS = """
import json, sys
import corex
from corex.cli.demo_training import Settings, Trainer
from corex.utils.data.digits import sklearn_digits

found = {}
for backend in sys.argv[1:]:
    corex.set_backend(backend)
    trainer = Trainer(sklearn_digits(), Settings("digits", seed=0, batch_size=32, lr=0.005))
    with corex.placement() as report:
        trainer.train_epoch(lambda loss: trainer.progress.step < 12)
    ways = {r.how for r in report.rows() if r.backend == backend and r.op != "transfer"}
    found[backend] = {"losses": trainer.progress.losses, "how": sorted(ways)}
print(json.dumps(found))
"""
"""Twelve steps of the demo on each backend of the command line; for a process of its own."""
