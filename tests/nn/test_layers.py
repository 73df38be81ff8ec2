"""Layers against their formulas in NumPy float64, and their gradients against differences."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import corex
from corex import nn
from corex.autograd import gradcheck

Array = Any


def array(*shape: int, seed: int = 0, low: float = -2.0, high: float = 2.0) -> Array:
    return np.random.default_rng(seed + sum(shape)).uniform(low, high, shape)


def values(layer: nn.Module) -> dict[str, Array]:
    return {name: np.array(v.numpy()) for name, v in layer.state_dict().items()}


# ---- formulas ----------------------------------------------------------------------------------
def conv2d(
    x: Array,
    w: Array,
    b: Any = None,
    stride: Any = (1, 1),
    pad: Any = (0, 0, 0, 0),
    dilation: Any = (1, 1),
    groups: int = 1,
) -> Array:
    """Straight from the definition, one output element at a time."""
    x = np.pad(x, ((0, 0), (0, 0), (pad[0], pad[2]), (pad[1], pad[3])))
    n, _, height, width = x.shape
    out, per_group, kh, kw = w.shape
    oh = (height - dilation[0] * (kh - 1) - 1) // stride[0] + 1
    ow = (width - dilation[1] * (kw - 1) - 1) // stride[1] + 1
    result = np.zeros((n, out, oh, ow))
    for o in range(out):
        first = o // (out // groups) * per_group
        for i in range(oh):
            for j in range(ow):
                top, left = i * stride[0], j * stride[1]
                window = x[:, first : first + per_group,
                           top : top + dilation[0] * (kh - 1) + 1 : dilation[0],
                           left : left + dilation[1] * (kw - 1) + 1 : dilation[1]]  # fmt: skip
                result[:, o, i, j] = (window * w[o]).sum((1, 2, 3))
    return result if b is None else result + b[:, None, None]


def conv1d(x: Array, w: Array, b: Array) -> Array:
    """With a padding of 1."""
    return conv2d(x[:, :, None], w[:, :, None], b, pad=(0, 1, 0, 1))[:, :, 0]


def scaled(x: Array, p: dict[str, Array]) -> Array:
    return x * p["weight"] + p["bias"]


def group_norm(x: Array, p: dict[str, Array]) -> Array:
    groups = normalized(x.reshape(3, 2, 10), 2, 1e-5).reshape(3, 4, 5)
    return scaled(groups.swapaxes(1, 2), p).swapaxes(1, 2)


def gelu_tanh(x: Array) -> Array:
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def windows(x: Array, kernel: int, stride: int, pad: int, value: float) -> Array:
    """(N, C, OH, OW, kernel * kernel)."""
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), constant_values=value)
    view = np.lib.stride_tricks.sliding_window_view(x, (kernel, kernel), (2, 3))
    view = view[:, :, ::stride, ::stride]
    return view.reshape(*view.shape[:4], -1)


def normalized(x: Array, axes: Any, eps: float) -> Array:
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


def softmax(x: Array, axis: int) -> Array:
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def erf(x: Array) -> Array:
    return np.vectorize(math.erf)(x)


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def clipped(x: Array, low: float, high: float) -> Array:
    return np.clip(x, low, high)


Formula = Callable[..., Array]
# layer, input shape, formula(x, parameters and buffers by name)
LAYERS: list[tuple[Callable[[], nn.Module], tuple[int, ...], Formula]] = [
    (lambda: nn.Linear(3, 4), (5, 3), lambda x, p: x @ p["weight"].T + p["bias"]),
    (lambda: nn.Linear(3, 4, bias=False), (2, 5, 3), lambda x, p: x @ p["weight"].T),
    (lambda: nn.Linear(3, 4), (3,), lambda x, p: x @ p["weight"].T + p["bias"]),
    (lambda: nn.Conv2d(2, 3, 3), (2, 2, 5, 6), lambda x, p: conv2d(x, p["weight"], p["bias"])),
    (lambda: nn.Conv2d(4, 4, (3, 2), (2, 1), (1, 0), (1, 2), groups=2), (1, 4, 6, 7),
     lambda x, p: conv2d(x, p["weight"], p["bias"], (2, 1), (1, 0, 1, 0), (1, 2), 2)),
    (lambda: nn.Conv2d(1, 2, 4, padding="same", bias=False), (1, 1, 5, 5),
     lambda x, p: conv2d(x, p["weight"], pad=(1, 1, 2, 2))),
    (lambda: nn.Conv1d(2, 3, 3, padding=1), (2, 2, 6),
     lambda x, p: conv1d(x, p["weight"], p["bias"])),
    (lambda: nn.MaxPool2d(3, 2, 1), (2, 2, 6, 7),
     lambda x, p: windows(x, 3, 2, 1, -np.inf).max(-1)),
    (lambda: nn.AvgPool2d(3, 2, 1), (2, 2, 6, 7), lambda x, p: windows(x, 3, 2, 1, 0.0).mean(-1)),
    (lambda: nn.AdaptiveAvgPool2d(2), (1, 2, 4, 6),
     lambda x, p: x.reshape(1, 2, 2, 2, 2, 3).mean((3, 5))),
    (lambda: nn.LayerNorm((3, 4)), (2, 3, 4), lambda x, p: scaled(normalized(x, (1, 2), 1e-5), p)),
    (lambda: nn.RMSNorm(4, eps=0.1), (2, 4),
     lambda x, p: x / np.sqrt((x * x).mean(1, keepdims=True) + 0.1) * p["weight"]),
    (lambda: nn.GroupNorm(2, 4), (3, 4, 5),
     lambda x, p: group_norm(x, p)),
    (lambda: nn.BatchNorm1d(3), (6, 3), lambda x, p: scaled(normalized(x, 0, 1e-5), p)),
    (lambda: nn.BatchNorm2d(3, affine=False), (4, 3, 2, 2),
     lambda x, p: normalized(x, (0, 2, 3), 1e-5)),
    (lambda: nn.ReLU(), (3, 4), lambda x, p: np.maximum(x, 0)),
    (lambda: nn.Sigmoid(), (3, 4), lambda x, p: sigmoid(x)),
    (lambda: nn.Tanh(), (3, 4), lambda x, p: np.tanh(x)),
    (lambda: nn.GELU(), (3, 4), lambda x, p: x * 0.5 * (1 + erf(x / math.sqrt(2)))),
    (lambda: nn.GELU("tanh"), (3, 4), lambda x, p: gelu_tanh(x)),
    (lambda: nn.SiLU(), (3, 4), lambda x, p: x * sigmoid(x)),
    (lambda: nn.Mish(), (3, 4), lambda x, p: x * np.tanh(np.log1p(np.exp(x)))),
    (lambda: nn.ELU(0.5), (3, 4), lambda x, p: np.where(x > 0, x, 0.5 * np.expm1(x))),
    (lambda: nn.CELU(0.5), (3, 4), lambda x, p: np.where(x > 0, x, 0.5 * np.expm1(x / 0.5))),
    (lambda: nn.LeakyReLU(0.1), (3, 4), lambda x, p: np.where(x > 0, x, 0.1 * x)),
    (lambda: nn.PReLU(), (3, 4), lambda x, p: np.where(x > 0, x, p["weight"] * x)),
    (lambda: nn.Hardtanh(-0.5, 1.0), (3, 4), lambda x, p: clipped(x, -0.5, 1.0)),
    (lambda: nn.ReLU6(), (3, 4), lambda x, p: clipped(x, 0, 6)),
    (lambda: nn.Hardsigmoid(), (3, 4), lambda x, p: clipped(x + 3, 0, 6) / 6),
    (lambda: nn.Hardswish(), (3, 4), lambda x, p: x * clipped(x + 3, 0, 6) / 6),
    (lambda: nn.Softplus(2.0), (3, 4), lambda x, p: np.log1p(np.exp(2 * x)) / 2),
    (lambda: nn.Softsign(), (3, 4), lambda x, p: x / (1 + abs(x))),
    (lambda: nn.Tanhshrink(), (3, 4), lambda x, p: x - np.tanh(x)),
    (lambda: nn.LogSigmoid(), (3, 4), lambda x, p: np.log(sigmoid(x))),
    (lambda: nn.Hardshrink(), (3, 4), lambda x, p: np.where(abs(x) > 0.5, x, 0)),
    (lambda: nn.Softshrink(), (3, 4), lambda x, p: np.sign(x) * np.maximum(abs(x) - 0.5, 0)),
    (lambda: nn.Threshold(0.1, 3.0), (3, 4), lambda x, p: np.where(x > 0.1, x, 3.0)),
    (lambda: nn.Softmax(0), (3, 4), lambda x, p: softmax(x, 0)),
    (lambda: nn.Softmin(1), (3, 4), lambda x, p: softmax(-x, 1)),
    (lambda: nn.LogSoftmax(1), (3, 4), lambda x, p: np.log(softmax(x, 1))),
    (lambda: nn.GLU(), (3, 4), lambda x, p: x[:, :2] * sigmoid(x[:, 2:])),
    (lambda: nn.Flatten(), (2, 3, 4), lambda x, p: x.reshape(2, 12)),
    (lambda: nn.Unflatten(1, (2, -1)), (3, 4), lambda x, p: x.reshape(3, 2, 2)),
    (lambda: nn.Identity(3, anything=4), (3, 4), lambda x, p: x),
]  # fmt: skip


@pytest.mark.parametrize("index", range(len(LAYERS)), ids=lambda i: repr(LAYERS[i][0]()))
def test_layer(each_backend: str, index: int) -> None:
    make, shape, formula = LAYERS[index]
    layer = make().double()
    with corex.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(corex.tensor(array(*parameter.shape, low=0.5, high=1.5)))
    x = array(*shape)
    expected = formula(x, values(layer))
    result = layer(corex.tensor(x))
    assert result.dtype is corex.float64
    np.testing.assert_allclose(result.detach().numpy(), expected, 1e-10, 1e-12)
    # The same numbers from a transposed, stepped view.
    strided = corex.tensor(np.repeat(x, 2, -1)).mT.contiguous().mT if x.ndim > 1 else None
    if strided is not None:
        again = make().double()
        again.load_state_dict(layer.state_dict())
        np.testing.assert_allclose(
            again(strided[..., ::2]).detach().numpy(), expected, 1e-10, 1e-12
        )
    inputs = (corex.tensor(x, requires_grad=True), *layer.parameters())
    fast = each_backend == "cpu_c" or x.size < 100
    if fast:
        assert gradcheck(lambda x, *_: layer(x), inputs, eps=1e-5)


INPLACE = [
    nn.ReLU, nn.SiLU, nn.ELU, nn.LeakyReLU, nn.Hardtanh, nn.ReLU6, nn.SELU, nn.CELU, nn.Mish,
    nn.Hardswish, nn.Hardsigmoid,
]  # fmt: skip


@pytest.mark.parametrize("cls", INPLACE)
def test_inplace_writes_into_the_input(each_backend: str, cls: Any) -> None:
    x = corex.tensor(array(3, 4))
    expected = cls()(x)
    pointer = x.data_ptr()
    result = cls(inplace=True)(x)
    assert result.data_ptr() == pointer
    assert x.tolist() == expected.tolist()


def test_embedding(each_backend: str) -> None:
    table = array(5, 3)
    layer = nn.Embedding.from_pretrained(corex.tensor(table), freeze=False, padding_idx=1)
    index = np.array([[0, 1, 4], [4, 4, 2]])
    result = layer(corex.tensor(index))
    np.testing.assert_array_equal(result.detach().numpy(), table[index])
    result.sum().backward()
    counts = [[1.0] * 3, [0.0] * 3, [1.0] * 3, [0.0] * 3, [3.0] * 3]
    assert layer.weight.grad is not None
    assert layer.weight.grad.tolist() == counts
    assert nn.Embedding(4, 2, padding_idx=-1).weight[3].tolist() == [0.0, 0.0]
    with pytest.raises(IndexError):
        layer(corex.tensor([5]))


def test_batch_norm_keeps_statistics(each_backend: str) -> None:
    layer = nn.BatchNorm1d(2, momentum=0.25).double()
    batches = [array(6, 2, seed=i) for i in range(3)]
    mean, var = np.zeros(2), np.ones(2)
    for batch in batches:
        layer(corex.tensor(batch))
        mean = 0.75 * mean + 0.25 * batch.mean(0)
        var = 0.75 * var + 0.25 * batch.var(0, ddof=1)
    np.testing.assert_allclose(layer.running_mean.numpy(), mean, 1e-12)
    np.testing.assert_allclose(layer.running_var.numpy(), var, 1e-12)
    assert layer.num_batches_tracked.item() == 3
    layer.eval()
    x = array(1, 2)
    np.testing.assert_allclose(
        layer(corex.tensor(x)).detach().numpy(), (x - mean) / np.sqrt(var + 1e-5), 1e-10
    )
    assert layer.num_batches_tracked.item() == 3
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        layer.train()(corex.tensor(x))


def test_dropout(each_backend: str) -> None:
    corex.manual_seed(0)
    x = corex.ones(200, 50)
    layer = nn.Dropout(0.25)
    y = layer(x)
    kept = (y != 0).to(corex.float32).mean().item()
    assert kept == pytest.approx(0.75, abs=0.02)
    assert y.max().item() == pytest.approx(1 / 0.75)
    assert layer.eval()(x) is x
    assert nn.Dropout(1.0)(x).sum().item() == 0
    images = nn.Dropout2d(0.5)(corex.ones(8, 16, 3, 3))
    sums = images.sum((2, 3))
    assert set(sums.flatten().tolist()) == {0.0, 18.0}
    assert set(nn.Dropout1d(0.5)(corex.ones(30, 4)).sum(1).tolist()) == {0.0, 8.0}
    with pytest.raises(ValueError, match="between 0 and 1, but got 2"):
        nn.Dropout(2)


# ---- losses ------------------------------------------------------------------------------------
A, T = array(4, 3), array(4, 3, seed=1)
P, Q = array(4, 3, low=0.1, high=0.9), (array(4, 3, seed=5) > 0).astype(float)
SIGNS = 2 * Q - 1
LOSSES: list[tuple[Callable[..., nn.Module], Array, Array, Array]] = [
    (nn.MSELoss, A, T, (A - T) ** 2),
    (nn.L1Loss, A, T, abs(A - T)),
    (lambda **k: nn.SmoothL1Loss(beta=0.5, **k), A, T,
     np.where(abs(A - T) < 0.5, (A - T) ** 2, abs(A - T) - 0.25)),
    (lambda **k: nn.HuberLoss(delta=0.5, **k), A, T,
     np.where(abs(A - T) < 0.5, 0.5 * (A - T) ** 2, 0.5 * (abs(A - T) - 0.25))),
    (nn.BCELoss, P, Q, -(Q * np.log(P) + (1 - Q) * np.log(1 - P))),
    (nn.BCEWithLogitsLoss, A, Q, -(Q * np.log(sigmoid(A)) + (1 - Q) * np.log(sigmoid(-A)))),
    (nn.KLDivLoss, A, P, P * (np.log(P) - A)),
    (nn.SoftMarginLoss, A, SIGNS, np.log1p(np.exp(-SIGNS * A))),
    (nn.PoissonNLLLoss, A, Q, np.exp(A) - Q * A),
    (nn.HingeEmbeddingLoss, A, SIGNS, np.where(SIGNS == 1, A, np.maximum(0, 1 - A))),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:reduction")
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize(("cls", "a", "t", "expected"), LOSSES)
def test_loss(
    each_backend: str, cls: Any, a: Array, t: Array, expected: Array, reduction: str
) -> None:
    loss = cls(reduction=reduction)
    x, target = corex.tensor(a, requires_grad=True), corex.tensor(t)
    wanted = expected if reduction == "none" else getattr(expected, reduction)()
    np.testing.assert_allclose(loss(x, target).detach().numpy(), wanted, 1e-10)
    assert gradcheck(lambda x: loss(x, target), (x,))


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_cross_entropy(each_backend: str, reduction: str, smoothing: float) -> None:
    labels, weight = np.array([0, 2, 1, 2]), np.array([0.5, 1.0, 2.0])
    logs = np.log(softmax(A, 1))
    for w in (None, weight):
        factors = np.ones(3) if w is None else w
        hard = -logs[np.arange(4), labels] * factors[labels]
        each = (1 - smoothing) * hard - smoothing / 3 * (logs * factors).sum(1)
        wanted = each if reduction == "none" else each.sum()
        if reduction == "mean":
            wanted = wanted / factors[labels].sum()
        loss = nn.CrossEntropyLoss(
            weight=None if w is None else corex.tensor(w),
            reduction=reduction,
            label_smoothing=smoothing,
        ).double()
        x = corex.tensor(A, requires_grad=True)
        target = corex.tensor(labels)
        np.testing.assert_allclose(loss(x, target).detach().numpy(), wanted, 1e-10)
        assert gradcheck(lambda x, loss=loss, target=target: loss(x, target), (x,))


def test_ignored_classes_and_probabilities(each_backend: str) -> None:
    logs = np.log(softmax(A, 1))
    labels = np.array([0, -100, 1, -100])
    loss = nn.CrossEntropyLoss()(corex.tensor(A), corex.tensor(labels))
    assert loss.item() == pytest.approx(-(logs[0, 0] + logs[2, 1]) / 2)
    soft = softmax(T, 1)
    loss = nn.CrossEntropyLoss()(corex.tensor(A), corex.tensor(soft))
    assert loss.item() == pytest.approx(-(soft * logs).sum() / 4)
    loss = nn.NLLLoss()(corex.tensor(logs), corex.tensor([0, 1, 2, 0]))
    assert loss.item() == pytest.approx(-logs[np.arange(4), [0, 1, 2, 0]].mean())


def test_deprecated_flags_are_translated() -> None:
    with pytest.warns(UserWarning, match="reduction='sum'"):
        assert nn.MSELoss(size_average=False).reduction == "sum"
    with pytest.warns(UserWarning, match="reduction='none'"):
        assert nn.L1Loss(reduce=False).reduction == "none"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nn.Linear(3, 4)(corex.ones(2, 5)), "2.*5"),
        (lambda: nn.Conv2d(2, 3, 3)(corex.ones(1, 5, 8, 8)), "expected input.*to have 2 channels"),
        (lambda: nn.Conv2d(1, 1, 9)(corex.ones(1, 1, 4, 4)), "Kernel size"),
        (lambda: nn.LayerNorm(3)(corex.ones(2, 5)), r"normalized_shape=\[3\]"),
        (lambda: nn.GroupNorm(2, 4)(corex.ones(2, 5)), "divisible by num_groups"),
        (lambda: nn.GLU()(corex.ones(3)), "must be even"),
    ],
)
def test_wrong_shapes_are_named(call: Any, message: str) -> None:
    with pytest.raises(RuntimeError, match=message):
        call()


def test_a_causal_mask_is_found_by_its_numbers() -> None:
    corex.manual_seed(0)
    layer = nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0, batch_first=True)
    encoder = nn.TransformerEncoder(layer, 2).double()
    x = corex.tensor(array(2, 5, 4))
    mask = nn.Transformer.generate_square_subsequent_mask(5, dtype=corex.float64)
    whole = encoder(x, mask=mask)
    # What is to come has no part in what is there.
    np.testing.assert_allclose(
        encoder(x[:, :3], mask=mask[:3, :3]).detach().numpy(), whole[:, :3].detach().numpy(), 1e-9
    )
    hidden = corex.zeros(2, 5, dtype=corex.bool)
    hidden[:, 4] = True
    np.testing.assert_allclose(
        encoder(x, src_key_padding_mask=hidden)[:, :4].detach().numpy(),
        encoder(x[:, :4]).detach().numpy(),
        1e-9,
    )
