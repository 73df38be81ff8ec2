"""Layers against PyTorch: state dict keys, reprs, results and gradients, errors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

import corex


def array(*shape: int, seed: int = 0, low: float = -2.0, high: float = 2.0) -> Any:
    return np.random.default_rng(seed + sum(shape)).uniform(low, high, shape).astype(np.float64)


# (constructor as text, input shapes); the same text runs in both libraries.
LAYERS: list[tuple[str, list[tuple[int, ...]]]] = [
    ("Identity()", [(2, 3)]),
    ("Linear(3, 4)", [(5, 3)]),
    ("Linear(3, 4)", [(3,)]),
    ("Linear(3, 4, bias=False)", [(2, 5, 3)]),
    ("Bilinear(3, 4, 5)", [(6, 3), (6, 4)]),
    ("Bilinear(3, 4, 5, bias=False)", [(2, 6, 3), (2, 6, 4)]),
    ("Conv2d(3, 4, 3)", [(2, 3, 6, 7)]),
    ("Conv2d(3, 4, (3, 2), stride=(2, 1), padding=1)", [(2, 3, 6, 7)]),
    ("Conv2d(4, 6, 3, dilation=2, groups=2, bias=False)", [(1, 4, 8, 8)]),
    ("Conv2d(2, 3, 4, padding='same')", [(2, 2, 5, 6)]),
    ("Conv2d(2, 3, 3, padding='valid')", [(2, 5, 6)]),
    ("Conv1d(3, 4, 3, padding=1)", [(2, 3, 9)]),
    ("Conv1d(4, 4, 2, stride=2, groups=2)", [(4, 9)]),
    ("Conv1d(2, 3, 4, padding='same')", [(2, 2, 7)]),
    ("MaxPool2d(2)", [(2, 3, 6, 7)]),
    ("MaxPool2d((3, 2), stride=(1, 2), padding=(1, 0))", [(2, 3, 6, 7)]),
    ("MaxPool2d(3, stride=2, dilation=2)", [(3, 9, 9)]),
    ("MaxPool2d(3, stride=2, ceil_mode=True)", [(1, 2, 6, 8)]),
    ("MaxPool1d(3, stride=2, padding=1)", [(2, 3, 9)]),
    ("AvgPool2d(2)", [(2, 3, 6, 7)]),
    ("AvgPool2d(3, stride=1, padding=1)", [(2, 3, 6, 7)]),
    ("AvgPool2d(3, padding=1, count_include_pad=False)", [(2, 3, 6, 7)]),
    ("AvgPool2d(2, divisor_override=3)", [(2, 3, 6, 7)]),
    ("AdaptiveAvgPool2d(1)", [(2, 3, 6, 7)]),
    ("AdaptiveAvgPool2d((3, 5))", [(2, 3, 6, 7)]),
    ("AdaptiveAvgPool2d((None, 2))", [(3, 6, 7)]),
    ("AdaptiveAvgPool1d(4)", [(2, 3, 7)]),
    ("LayerNorm(5)", [(3, 5)]),
    ("LayerNorm((4, 5), eps=1e-3)", [(2, 3, 4, 5)]),
    ("LayerNorm(5, bias=False)", [(3, 5)]),
    ("LayerNorm(5, elementwise_affine=False)", [(3, 5)]),
    ("RMSNorm(5)", [(3, 5)]),
    ("RMSNorm((4, 5), eps=0.1)", [(3, 4, 5)]),
    ("BatchNorm1d(4)", [(6, 4)]),
    ("BatchNorm1d(4, momentum=None)", [(6, 4, 3)]),
    ("BatchNorm2d(3, eps=0.01, momentum=0.3)", [(4, 3, 5, 5)]),
    ("BatchNorm2d(3, affine=False)", [(4, 3, 5, 5)]),
    ("BatchNorm2d(3, track_running_stats=False)", [(4, 3, 5, 5)]),
    ("GroupNorm(2, 6)", [(3, 6, 4, 4)]),
    ("GroupNorm(3, 6, affine=False)", [(3, 6, 4)]),
    ("Dropout(0.3).eval()", [(3, 4)]),
    ("Dropout1d(0.3).eval()", [(3, 4, 2)]),
    ("Dropout2d(0.3).eval()", [(3, 4, 2, 2)]),
    ("ReLU()", [(3, 4)]),
    ("Sigmoid()", [(3, 4)]),
    ("Tanh()", [(3, 4)]),
    ("GELU()", [(3, 4)]),
    ("GELU(approximate='tanh')", [(3, 4)]),
    ("SiLU()", [(3, 4)]),
    ("Mish()", [(3, 4)]),
    ("ELU(0.7)", [(3, 4)]),
    ("SELU()", [(3, 4)]),
    ("CELU(1.3)", [(3, 4)]),
    ("LeakyReLU(0.2)", [(3, 4)]),
    ("PReLU()", [(3, 4)]),
    ("PReLU(4)", [(3, 4, 2)]),
    ("Hardtanh()", [(3, 4)]),
    ("Hardtanh(-0.5, 1.5)", [(3, 4)]),
    ("ReLU6()", [(3, 4)]),
    ("Hardsigmoid()", [(3, 4)]),
    ("Hardswish()", [(3, 4)]),
    ("Softplus()", [(3, 4)]),
    ("Softplus(beta=2.0, threshold=3.0)", [(3, 4)]),
    ("Softsign()", [(3, 4)]),
    ("Tanhshrink()", [(3, 4)]),
    ("Hardshrink(0.4)", [(3, 4)]),
    ("Softshrink(0.4)", [(3, 4)]),
    ("Threshold(0.2, 7.0)", [(3, 4)]),
    ("LogSigmoid()", [(3, 4)]),
    ("Softmax(dim=1)", [(3, 4)]),
    ("Softmax(dim=0)", [(3, 4)]),
    ("Softmin(dim=-1)", [(3, 4)]),
    ("LogSoftmax(dim=1)", [(3, 4, 2)]),
    ("GLU()", [(3, 4)]),
    ("GLU(0)", [(4, 3)]),
    ("Flatten()", [(2, 3, 4)]),
    ("Flatten(0, 1)", [(2, 3, 4)]),
    ("Unflatten(1, (2, 3))", [(4, 6)]),
    ("MSELoss()", [(3, 4), (3, 4)]),
    ("MSELoss(reduction='sum')", [(3, 4), (3, 4)]),
    ("MSELoss(reduction='none')", [(3, 4), (3, 4)]),
    ("L1Loss()", [(3, 4), (3, 4)]),
    ("SmoothL1Loss(beta=0.5)", [(3, 4), (3, 4)]),
    ("SmoothL1Loss(beta=0.0)", [(3, 4), (3, 4)]),
    ("HuberLoss(delta=0.7)", [(3, 4), (3, 4)]),
    ("BCEWithLogitsLoss()", [(3, 4), (3, 4)]),
    ("KLDivLoss(reduction='batchmean', log_target=True)", [(3, 4), (3, 4)]),
    ("PoissonNLLLoss()", [(3, 4), (3, 4)]),
    ("MarginRankingLoss(0.1)", [(5,), (5,), (5,)]),
    ("Sequential(Linear(3, 4), Tanh(), Linear(4, 2))", [(5, 3)]),
]


def build(text: str) -> tuple[Any, Any]:
    """The same layer twice, in float64, with the same parameters."""
    theirs = eval(text, vars(torch.nn)).double()
    ours = eval(text, vars(corex.nn)).double()
    generator = np.random.default_rng(1)
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.copy_(torch.from_numpy(generator.uniform(0.2, 1.0, parameter.shape)))
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize(("text", "shapes"), LAYERS, ids=lambda v: v if isinstance(v, str) else "")
def test_layer(each_backend: str, text: str, shapes: list[tuple[int, ...]]) -> None:
    ours, theirs = build(text)
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    arrays = [array(*shape, seed=i) for i, shape in enumerate(shapes)]
    mine = [corex.tensor(a, requires_grad=True) for a in arrays]
    other = [torch.tensor(a, requires_grad=True) for a in arrays]
    for _ in range(2):  # twice, for layers that keep statistics
        result, expected = ours(*mine), theirs(*other)
        np.testing.assert_allclose(result.detach().numpy(), expected.detach().numpy(), 1e-7, 1e-9)
        weight = array(*expected.shape, seed=9)
        (result * corex.tensor(weight)).sum().backward()
        (expected * torch.tensor(weight)).sum().backward()
    for a, b in zip(mine, other, strict=True):
        np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), 1e-7, 1e-8)
    for (name, a), b in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), 1e-8, 1e-9, err_msg=name)
    for (name, a), b in zip(ours.named_buffers(), theirs.buffers(), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), 1e-9, 1e-10, err_msg=name)
    mine, other = ours.eval()(*mine).detach(), theirs.eval()(*other).detach()
    np.testing.assert_allclose(mine.numpy(), other.numpy(), 1e-7, 1e-9)


CLASS_LOSSES = [
    "CrossEntropyLoss()",
    "CrossEntropyLoss(reduction='sum')",
    "CrossEntropyLoss(reduction='none', ignore_index=1)",
    "CrossEntropyLoss(label_smoothing=0.2)",
    "CrossEntropyLoss(weight=W, label_smoothing=0.1)",
    "CrossEntropyLoss(weight=W)",
    "NLLLoss()",
    "NLLLoss(weight=W, reduction='sum')",
    "NLLLoss(weight=W, ignore_index=2)",
]


@pytest.mark.parametrize("text", CLASS_LOSSES)
@pytest.mark.parametrize("shape", [(5, 4), (3, 4, 2), (2, 4, 3, 2), (4,)])
def test_losses_of_classes(each_backend: str, text: str, shape: tuple[int, ...]) -> None:
    logits = array(*shape)
    rest = shape[:1] + shape[2:] if len(shape) > 1 else ()
    labels = np.random.default_rng(3).integers(0, 4, rest)
    weight = [0.5, 1.0, 1.5, 2.0]
    ours = eval(text, {**vars(corex.nn), "W": corex.tensor(weight, dtype=corex.float64)})
    theirs = eval(text, {**vars(torch.nn), "W": torch.tensor(weight, dtype=torch.float64)})
    assert repr(ours) == repr(theirs)
    x = corex.tensor(logits, requires_grad=True)
    y = torch.tensor(logits, requires_grad=True)
    mine = ours(x, corex.tensor(labels))
    other = theirs(y, torch.tensor(labels))
    np.testing.assert_allclose(mine.detach().numpy(), other.detach().numpy(), 1e-9, 1e-10)
    mine.sum().backward()
    other.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy(), 1e-8, 1e-10)


def test_cross_entropy_with_probabilities(each_backend: str) -> None:
    logits, target = array(5, 4), array(5, 4, seed=2, low=0.0, high=1.0)
    for kwargs in ({}, {"label_smoothing": 0.1}, {"reduction": "sum"}):
        mine = corex.nn.functional.cross_entropy(
            corex.tensor(logits), corex.tensor(target), **kwargs
        )
        other = torch.nn.functional.cross_entropy(
            torch.tensor(logits), torch.tensor(target), **kwargs
        )
        assert mine.item() == pytest.approx(other.item(), rel=1e-10)


@pytest.mark.parametrize("text", [
    "SoftMarginLoss()", "BCELoss()", "BCELoss(weight=W)", "BCELoss(reduction='none')",
    "BCEWithLogitsLoss(pos_weight=W)", "BCEWithLogitsLoss(weight=W, reduction='sum')",
    "KLDivLoss(reduction='batchmean')", "KLDivLoss(reduction='sum')", "HingeEmbeddingLoss(0.7)",
    "PoissonNLLLoss(log_input=False, full=True)",
])  # fmt: skip
def test_losses_of_probabilities(each_backend: str, text: str) -> None:
    weight = [0.5, 1.0, 1.5, 2.0]
    ours = eval(text, {**vars(corex.nn), "W": corex.tensor(weight, dtype=corex.float64)})
    theirs = eval(text, {**vars(torch.nn), "W": torch.tensor(weight, dtype=torch.float64)})
    a = array(3, 4, low=0.0, high=1.0)
    t = np.random.default_rng(1).integers(0, 2, (3, 4)).astype(np.float64)
    if "Hinge" in text:
        t = 2 * t - 1
    x, y = corex.tensor(a, requires_grad=True), torch.tensor(a, requires_grad=True)
    mine, other = ours(x, corex.tensor(t)), theirs(y, torch.tensor(t))
    np.testing.assert_allclose(mine.detach().numpy(), other.detach().numpy(), 1e-9, 1e-10)
    mine.sum().backward()
    other.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy(), 1e-8, 1e-10)


EDGES = [-math.inf, -3.0, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 3.0, 6.0, 30.0, math.inf, math.nan]


@pytest.mark.parametrize("text", [
    "ReLU()", "ReLU6()", "Hardtanh()", "LeakyReLU()", "ELU()", "CELU()", "SELU()", "Softsign()",
    "Hardshrink()", "Softshrink()", "Threshold(0.5, 9.0)", "LogSigmoid()", "Softplus()",
    "Hardsigmoid()", "PReLU()", "Sigmoid()", "Tanh()", "Tanhshrink()",
])  # fmt: skip
def test_activations_at_their_edges(text: str) -> None:
    ours, theirs = eval(text, vars(corex.nn)), eval(text, vars(torch.nn))
    np.testing.assert_allclose(
        ours(corex.tensor(EDGES)).detach().numpy(), theirs(torch.tensor(EDGES)).detach().numpy(),
        1e-6, 1e-30,
    )  # fmt: skip
    inner = EDGES[1:-2]
    x, y = corex.tensor(inner, requires_grad=True), torch.tensor(inner, requires_grad=True)
    ours(x).sum().backward()
    theirs(y).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy(), 1e-5, 1e-7)


def test_binary_losses_at_zero() -> None:
    for value, target in ((0.0, 1.0), (0.0, 0.0), (40.0, 0.0), (-40.0, 1.0)):
        x = corex.tensor([value], requires_grad=True)
        y = torch.tensor([value], requires_grad=True)
        corex.nn.BCEWithLogitsLoss()(x, corex.tensor([target])).backward()
        torch.nn.BCEWithLogitsLoss()(y, torch.tensor([target])).backward()
        assert x.grad.item() == pytest.approx(y.grad.item(), abs=1e-7)


@pytest.mark.parametrize("padding_idx", [None, 2, -1])
def test_embedding(each_backend: str, padding_idx: int | None) -> None:
    ours, theirs = build(f"Embedding(5, 3, padding_idx={padding_idx})")
    assert repr(ours) == repr(theirs)
    index = [[0, 2, 4], [4, 4, 1]]
    mine, other = ours(corex.tensor(index)), theirs(torch.tensor(index))
    np.testing.assert_array_equal(mine.detach().numpy(), other.detach().numpy())
    mine.square().sum().backward()
    other.square().sum().backward()
    np.testing.assert_allclose(ours.weight.grad.numpy(), theirs.weight.grad.numpy(), 1e-12)


REPRS = [
    "Sequential(ModuleList([Linear(1, 2), Linear(1, 2), ReLU(True)]), ModuleDict({'a': Tanh()}))",
    "Sequential()", "ModuleDict()", "ModuleList([ModuleList([ReLU(), ReLU()])])",
    "Dropout(0.1, inplace=True)", "ELU(inplace=True)", "LeakyReLU(0.2, inplace=True)",
    "Hardtanh(0.0, 2.0, inplace=True)", "Threshold(1.0, 2.0, inplace=True)", "SiLU(inplace=True)",
    "ReLU6(inplace=True)", "Hardsigmoid(inplace=True)", "Hardswish(inplace=True)", "Softmax()",
    "MaxPool1d(2)", "Mish(inplace=True)", "SELU(inplace=True)", "CELU(inplace=True)",
    "Conv2d(4, 4, 1, groups=4, padding='same', dilation=2, bias=False)",
    "MarginRankingLoss()", "CrossEntropyLoss()", "HuberLoss()", "BatchNorm1d(3, bias=False)",
    "LayerNorm([2, 3])", "GroupNorm(2, 4, bias=False)",
]  # fmt: skip


@pytest.mark.parametrize("text", REPRS)
def test_repr(text: str) -> None:
    assert repr(eval(text, vars(corex.nn))) == repr(eval(text, vars(torch.nn)))


BOUNDS = ["Linear(30, 50)", "Conv2d(3, 40, 3)", "Conv1d(4, 50, 5)", "Bilinear(7, 8, 40)"]


@pytest.mark.parametrize("text", BOUNDS)
def test_initial_distributions_have_the_same_bounds(text: str) -> None:
    corex.manual_seed(0)
    torch.manual_seed(0)
    ours, theirs = eval(text, vars(corex.nn)), eval(text, vars(torch.nn))
    for (name, a), b in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        mine, other = np.abs(a.detach().numpy()), np.abs(b.detach().numpy())
        assert mine.max() == pytest.approx(other.max(), rel=0.15), name
        assert mine.mean() == pytest.approx(other.mean(), rel=0.3), name


ERRORS = [
    "Linear(2, 3)(T.ones(4, 5))",
    "Conv2d(2, 3, 3)(T.ones(1, 5, 8, 8))",
    "Conv2d(2, 3, 3)(T.ones(8))",
    "Conv2d(2, 3, 9)(T.ones(1, 2, 4, 4))",
    "Conv2d(3, 4, 3, groups=2)",
    "Conv2d(4, 3, 3, groups=2)",
    "Conv2d(1, 1, 1, padding='other')",
    "Conv2d(1, 1, 1, stride=2, padding='same')",
    "Conv2d(1, 1, 1, padding_mode='other')",
    "Conv1d(2, 3, 3)(T.ones(1, 5, 8))",
    "MaxPool2d(3)(T.ones(1, 1, 2, 2))",
    "BatchNorm2d(3)(T.ones(2, 3))",
    "BatchNorm1d(3)(T.ones(2, 3, 4, 5))",
    "BatchNorm1d(3)(T.ones(1, 3))",
    "BatchNorm1d(3)(T.ones(4, 5))",
    "LayerNorm(3)(T.ones(4, 5))",
    "GroupNorm(2, 5)",
    "Embedding(3, 2)(T.tensor([3]))",
    "Embedding(3, 2)(T.ones(2))",
    "Embedding(3, 2, padding_idx=3)",
    "Dropout(1.5)",
    "Hardtanh(1.0, 0.0)",
    "CrossEntropyLoss()(T.ones(3, 4), T.tensor([0, 1]))",
    "CrossEntropyLoss()(T.ones(2, 4), T.tensor([0, 4]))",
    "CrossEntropyLoss()(T.ones(2, 4), T.tensor([0.0, 1.0]))",
    "CrossEntropyLoss(reduction='most')(T.ones(2, 4), T.tensor([0, 1]))",
    "MSELoss()(T.ones(2), T.ones(3))",
    "BCELoss()(T.ones(2) * 2, T.ones(2))",
    "BCELoss()(T.ones(2), T.ones(3))",
    "BCEWithLogitsLoss()(T.ones(2), T.ones(3))",
    "SmoothL1Loss(beta=-1.0)(T.ones(2), T.ones(2))",
    "HuberLoss(delta=0.0)(T.ones(2), T.ones(2))",
    "GLU()(T.ones(3))",
    "PReLU(3)(T.ones(2, 4))",
    "Unflatten(1, (2, 5))(T.ones(4, 6))",
    "Unflatten(1, 3)",
    "Flatten()(T.ones(2, 3).sum())",
    "Sequential(3)",
    "ModuleList([Linear(1, 1)])[1]",
    "Bilinear(2, 3, 4)(T.ones(5, 2), T.ones(5, 2))",
    "functional.pad(T.ones(2), (1,))",
    "functional.one_hot(T.tensor([1, 5]), 3)",
    "init.xavier_uniform_(T.ones(3))",
    "init.kaiming_uniform_(T.ones(3, 3), mode='other')",
    "init.calculate_gain('other')",
    "init.eye_(T.ones(3))",
]  # fmt: skip


@pytest.mark.parametrize("text", ERRORS)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_errors_have_the_same_type(text: str) -> None:
    with pytest.raises(Exception) as theirs:
        eval(text, {**vars(torch.nn), "T": torch})
    with pytest.raises(Exception) as ours:
        eval(text, {**vars(corex.nn), "T": corex})
    assert isinstance(ours.value, theirs.type), f"{ours.value!r} instead of {theirs.value!r}"


def test_state_dicts_of_torch_give_the_same_outputs(each_backend: str) -> None:
    text = (
        "Sequential(Conv2d(1, 4, 3), BatchNorm2d(4), ReLU(), MaxPool2d(2), Flatten(), "
        "Linear(36, 10), LayerNorm(10))"
    )
    theirs = eval(text, vars(torch.nn))
    with torch.no_grad():
        theirs(torch.randn(16, 1, 8, 8))
    ours = eval(text, vars(corex.nn))
    ours.load_state_dict(theirs.state_dict())
    x = array(3, 1, 8, 8).astype(np.float32)
    np.testing.assert_allclose(
        ours.eval()(corex.tensor(x)).detach().numpy(),
        theirs.eval()(torch.tensor(x)).detach().numpy(),
        1e-4, 1e-5,
    )  # fmt: skip


def test_clipping_and_vectors() -> None:
    shapes = [(2, 3), (4,)]
    arrays = [array(*shape) for shape in shapes]
    for norm in (1.0, 2.0, 3.0, math.inf):
        totals = []
        grads = []
        for library in (corex, torch):
            parameters = [library.nn.Parameter(library.tensor(a)) for a in arrays]
            for parameter, a in zip(parameters, arrays, strict=True):
                parameter.grad = library.tensor(a * 3)
            total = library.nn.utils.clip_grad_norm_(parameters, 1.5, norm)
            totals.append(total.item())
            library.nn.utils.clip_grad_value_(parameters, 0.4)
            grads.append(np.concatenate([p.grad.numpy().ravel() for p in parameters]))
        assert totals[0] == pytest.approx(totals[1])
        np.testing.assert_allclose(grads[0], grads[1], 1e-9)
