"""Layers beside PyTorch's: names and order of their tensors, print, results, gradients."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import numpy as np
import pytest

import corex

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.parity

# A layer's constructor, then the shapes of its inputs; `i9` are integers below 9, `p` positive.
CASES = """
Conv1d(2, 4, 3, padding=1): 3 2 7
Conv1d(2, 4, 3, padding='same', padding_mode='circular'): 3 2 7
Conv2d(2, 4, (3, 2), stride=2, padding=(1, 2), padding_mode='reflect', groups=2): 3 2 7 6
Conv2d(2, 4, 3, padding=2, padding_mode='replicate', bias=False, dilation=2): 2 7 6
Conv3d(2, 4, 2, padding=1, padding_mode='circular'): 1 2 4 5 4
Conv3d(2, 2, (1, 2, 3), stride=(1, 2, 1), padding=1): 2 2 4 5 4
ConvTranspose1d(2, 4, 3, stride=2, output_padding=1): 3 2 5
ConvTranspose2d(2, 4, 3, 2, 1, 1, groups=2, dilation=2): 3 2 5 4
ConvTranspose3d(2, 3, 2, stride=2, bias=False): 1 2 3 3 2
MaxPool1d(2, ceil_mode=True): 2 3 7
MaxPool2d((2, 3), stride=2, padding=1): 2 3 7 6
MaxPool3d(2): 2 3 4 5 6
MaxPool3d(2, return_indices=True): 2 3 4 5 6
AvgPool1d(3, stride=2, padding=1): 2 3 7
AvgPool2d(3, count_include_pad=False, padding=1, ceil_mode=True): 2 3 7 6
AvgPool3d(2, divisor_override=3): 2 3 4 5 6
LPPool1d(2, 3): 2 3 7
LPPool2d(3.0, 2, stride=1): p 2 3 7 6
LPPool3d(2, 2): 1 2 4 4 4
AdaptiveAvgPool1d(3): 2 3 7
AdaptiveAvgPool2d((3, None)): 2 3 7 6
AdaptiveAvgPool3d(2): 2 3 5 4 6
AdaptiveMaxPool1d(3): 2 3 7
AdaptiveMaxPool2d((2, 3), return_indices=True): 2 3 7 6
AdaptiveMaxPool3d(2): 2 3 5 4 6
BatchNorm1d(3): 4 3
BatchNorm1d(3, bias=False): 4 3 2
BatchNorm2d(3, momentum=None): 4 3 2 2
BatchNorm3d(3, affine=False): 4 3 2 2 2
InstanceNorm1d(3): 4 3 5
InstanceNorm1d(3): 3 5
InstanceNorm2d(3, affine=True, track_running_stats=True): 4 3 2 3
InstanceNorm3d(3, affine=True, bias=False): 2 3 2 3 2
GroupNorm(3, 6): 2 6 5
LayerNorm((3, 4)): 2 3 4
RMSNorm(4): 2 3 4
LocalResponseNorm(2): 2 5 3 3
LocalResponseNorm(3, alpha=0.1, k=2.0): 2 5 3
ConstantPad1d(2, 1.5): 2 3 4
ConstantPad2d((1, 2, 0, 1), -1.0): 2 3 4
ConstantPad3d(1, 2.0): 1 2 3 3 4
ZeroPad1d((1, 0)): 2 3 4
ZeroPad2d(1): 2 3 4
ZeroPad3d(1): 1 2 3 3 4
ReflectionPad1d(2): 2 3 4
ReflectionPad2d((1, 2, 0, 1)): 2 3 4
ReflectionPad3d(1): 1 2 3 3 4
ReplicationPad1d(2): 2 3 4
ReplicationPad2d((1, 2, 0, 1)): 2 3 4
ReplicationPad3d(1): 1 2 3 3 4
CircularPad1d(2): 2 3 4
CircularPad2d((1, 2, 0, 1)): 2 2 3 4
CircularPad3d(1): 1 2 3 3 4
RReLU(0.1, 0.3).eval(): 3 4
Softmax2d(): 2 3 4 5
ReLU(): 3 4
PReLU(3): 2 3 4
Hardshrink(): 3 4
PixelShuffle(2): 2 8 3 4
PixelUnshuffle(2): 2 2 4 6
ChannelShuffle(2): 2 4 3
Fold((4, 5), (2, 2)): 2 8 12
Unfold((2, 2), padding=1): 2 3 4 5
Upsample(scale_factor=2): 2 3 4
Upsample(size=(5, 7), mode='bilinear', align_corners=True): 2 3 4 5
Upsample(scale_factor=(1.5, 2.0), mode='bicubic'): 2 3 4 5
UpsamplingNearest2d(scale_factor=2): 2 3 4 5
UpsamplingBilinear2d(size=(3, 8)): 2 3 4 5
PairwiseDistance(3.0, keepdim=True): 4 3; 4 3
CosineSimilarity(): 4 3; 4 3
Bilinear(3, 4, 2): 5 3; 5 4
Embedding(9, 3, padding_idx=2): i9 4 5
EmbeddingBag(9, 3): i9 4 5
EmbeddingBag(9, 3, mode='max', padding_idx=1): i9 4 5
EmbeddingBag(9, 3, mode='sum', include_last_offset=False): i9 4 2
MultiLabelMarginLoss(): 4 3; i3 4 3
MultiLabelSoftMarginLoss(reduction='none'): 4 3; p 4 3
MultiMarginLoss(p=2, margin=0.5): 4 3; i3 4
TripletMarginLoss(swap=True, p=3.0): 4 3; 4 3; 4 3
TripletMarginWithDistanceLoss(margin=2.0): 4 3; 4 3; 4 3
CosineEmbeddingLoss(0.2): 4 3; 4 3; s 4
GaussianNLLLoss(full=True): 4 3; 4 3; p 4 3
HingeEmbeddingLoss(): 4 3; s 4 3
MarginRankingLoss(0.3): 4; 4; s 4
NLLLoss2d(): 4 3 2 2; i3 4 2 2
LinearCrossEntropyLoss(3, 5, bias=True): 4 3; i5 4
CTCLoss(): l 6 2 5; j5 2 3; n6 2; n3 2
AdaptiveLogSoftmaxWithLoss(16, 12, [4, 8], div_value=2.0): 6 16; i12 6
AdaptiveLogSoftmaxWithLoss(16, 12, [3], head_bias=True): 16; i12
RNN(3, 4): 5 2 3
RNN(3, 4, 2, 'relu', batch_first=True): 2 5 3
RNN(3, 4, bidirectional=True, bias=False): 5 3; 2 4
LSTM(3, 4, num_layers=2, bidirectional=True): 5 2 3
LSTM(3, 4, proj_size=2, batch_first=True): 2 5 3
GRU(3, 4, 2): 5 2 3; 2 2 4
GRU(3, 4, batch_first=True, bidirectional=True): 2 5 3
RNNCell(3, 4): 2 3; 2 4
RNNCell(3, 4, nonlinearity='relu', bias=False): 3
LSTMCell(3, 4): 2 3
GRUCell(3, 4): 2 3; 2 4
MultiheadAttention(8, 2): 5 3 8; 4 3 8; 4 3 8
MultiheadAttention(8, 4, bias=False, batch_first=True): 3 5 8; 3 4 8; 3 4 8
MultiheadAttention(8, 2, 0.0, True, True, True, kdim=6, vdim=4): 5 3 8; 4 3 6; 4 3 4
TransformerEncoderLayer(8, 2, 16, dropout=0.0): 5 3 8
TransformerEncoderLayer(8, 2, 16, 0.0, 'gelu', norm_first=True, batch_first=True): 3 5 8
TransformerDecoderLayer(8, 2, 16, dropout=0.0): 5 3 8; 4 3 8
TransformerDecoderLayer(8, 2, 16, 0.0, bias=False, norm_first=True): 5 3 8; 4 3 8
TransformerEncoder(lib.nn.TransformerEncoderLayer(8, 2, 16, 0.0), 2): 5 3 8
TransformerDecoder(lib.nn.TransformerDecoderLayer(8, 2, 9, 0), 2, lib.nn.LayerNorm(8)): 5 3 8; 4 3 8
Transformer(8, 2, 1, 2, 16, dropout=0.0, batch_first=True): 3 5 8; 3 4 8
Dropout3d().eval(): 2 3 4 5 6
AlphaDropout().eval(): 2 3
FeatureAlphaDropout(0.3).eval(): 2 3 4
Softmin(1): 3 4
Threshold(0.1, 2.0): 3 4
"""
PARSED = [line.rsplit(": ", 1) for line in CASES.strip().splitlines()]


def inputs(text: str, random: np.random.Generator) -> list[np.ndarray]:
    found = []
    for part in text.split(";"):
        kind, *sizes = part.split() if part.split()[0].isalpha() or part.split()[0][0] in "ijn" \
            else ("", *part.split())  # fmt: skip
        shape = tuple(map(int, sizes))
        values = random.normal(size=shape)
        if kind[:1] == "i":
            values = random.integers(0, int(kind[1:]), shape)
        elif kind[:1] == "j":
            values = random.integers(1, int(kind[1:]), shape)
        elif kind[:1] == "n":
            values = np.full(shape, int(kind[1:]))
        elif kind == "p":
            values = np.abs(values) + 0.1
        elif kind == "s":
            values = np.sign(values)
        elif kind == "l":
            values = values - np.log(np.exp(values).sum(-1, keepdims=True))
        found.append(np.asarray(values))
    return found


def flat(result: Any) -> list[Any]:
    """The tensors of a result."""
    if isinstance(result, tuple | list):
        return [t for one in result for t in flat(one)]
    return [] if result is None else [result]


def built(lib: Any, code: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return eval(f"lib.nn.{code}", {"lib": lib}).double()


def run(lib: Any, code: str, arrays: list[np.ndarray], state: Any = None) -> Any:
    layer = built(lib, code)
    if state is not None:
        layer.load_state_dict({name: corex.tensor(value) for name, value in state.items()})
    given = [
        lib.tensor(a).requires_grad_(a.dtype.kind == "f" and "Loss" not in code) for a in arrays
    ]
    results = flat(layer(*given))
    floats = [t for t in results if t.is_floating_point() and t.requires_grad]
    if floats:
        sum(((t * t).sum() for t in floats), lib.zeros((), dtype=lib.float64)).backward()
    grads = [t.grad for t in (*given, *layer.parameters())]
    return layer, results, grads


@pytest.mark.parametrize(("code", "shapes"), PARSED, ids=[code for code, _ in PARSED])
def test_layer(code: str, shapes: str) -> None:
    arrays = inputs(shapes, np.random.default_rng(len(code)))
    torch.manual_seed(0)
    first = built(torch, code)
    state = {k: v.numpy().copy() for k, v in first.state_dict().items()}
    torch.manual_seed(0)
    theirs, expected, their_grads = run(torch, code, arrays)
    mine, found, my_grads = run(corex, code, arrays, state)
    assert list(mine.state_dict()) == list(state)
    assert [n for n, _ in mine.named_parameters()] == [n for n, _ in theirs.named_parameters()]
    assert repr(mine) == repr(theirs)
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        assert a.dtype.name == str(b.dtype).removeprefix("torch.")
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), 1e-9, 1e-10)
    for a, b in zip(my_grads, their_grads, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            np.testing.assert_allclose(a.numpy(), b.numpy(), 1e-8, 1e-10)
    for name, value in theirs.state_dict().items():
        np.testing.assert_allclose(mine.state_dict()[name].numpy(), value.numpy(), 1e-9)


def test_signatures() -> None:
    """Every layer takes PyTorch's arguments, by name and place."""
    wrong = []
    for name in torch.nn.modules.__all__:
        if not hasattr(corex.nn, name):
            continue
        ours = inspect.signature(getattr(corex.nn, name).__init__).parameters
        theirs = inspect.signature(getattr(torch.nn, name).__init__).parameters
        if list(ours) != list(theirs) and "args" not in theirs:
            wrong.append((name, list(ours), list(theirs)))
    assert wrong == []


LAZY = """
LazyLinear(4): 3 5
LazyConv1d(4, 3): 2 3 7
LazyConv2d(4, 3, 2, groups=3 - 2, bias=False): 2 3 7 6
LazyConv3d(2, 2): 1 2 3 4 3
LazyConvTranspose1d(4, 3): 2 3 7
LazyConvTranspose2d(4, 3, stride=2, output_padding=1): 2 3 4 3
LazyConvTranspose3d(2, 2): 1 2 3 4 3
LazyBatchNorm1d(): 4 3
LazyBatchNorm2d(affine=False): 4 3 2 2
LazyBatchNorm3d(): 4 3 2 2 2
LazyInstanceNorm1d(): 4 3 5
LazyInstanceNorm2d(track_running_stats=False): 4 3 5 2
LazyInstanceNorm3d(affine=False): 4 3 5 2 2
"""
LAZY_PARSED = [line.rsplit(": ", 1) for line in LAZY.strip().splitlines()]


@pytest.mark.parametrize(("code", "shapes"), LAZY_PARSED, ids=[code for code, _ in LAZY_PARSED])
def test_lazy_layer(code: str, shapes: str) -> None:
    """A lazy layer is what PyTorch's becomes, takes its state before, and has its numbers."""
    (array,) = inputs(shapes, np.random.default_rng(len(code)))
    theirs = built(torch, code)
    before = built(corex, code)
    assert repr(before) == repr(theirs)
    assert before.has_uninitialized_params() == theirs.has_uninitialized_params()
    theirs(torch.tensor(array))
    state = {k: v.numpy().copy() for k, v in theirs.state_dict().items()}
    given = {k: corex.tensor(v) for k, v in state.items()}
    before.load_state_dict(given)
    mine = built(corex, code)
    mine(corex.tensor(array))
    mine.load_state_dict(given)
    assert type(mine).__name__ == type(theirs).__name__
    assert repr(mine) == repr(theirs)
    assert list(mine.state_dict()) == list(state)
    expected = theirs(torch.tensor(array)).detach().numpy()
    for layer in (mine, before):
        np.testing.assert_allclose(layer(corex.tensor(array)).detach().numpy(), expected, 1e-9)
    assert type(before) is type(mine)


ABSENT = {"DataParallel", "Container", "LinearCrossEntropyOptions"}


def test_names() -> None:
    assert {n for n in torch.nn.modules.__all__ if not hasattr(corex.nn, n)} <= ABSENT
