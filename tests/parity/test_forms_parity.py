"""Forms of calls: what PyTorch takes is taken, and what it refuses is refused by its exception.

Unlike the sample calls of the sweeps, these need no names of arguments and may fail in PyTorch.
"""

from __future__ import annotations

import pytest

from tests.parity.comparison import compare

pytest.importorskip("torch")

DTYPES = ("int64", "int32", "uint8", "bool")

ACTIVATIONS = """
    hardtanh relu6 elu celu selu leaky_relu softplus logsigmoid hardsigmoid hardswish mish
    softshrink hardshrink glu gelu silu softsign tanhshrink
""".split()

IMAGES = """
    F.conv1d(x[0,0], ones(4,4,3).to(d))
    F.conv2d(x[0], ones(4,4,3,3).to(d))
    F.conv3d(x, ones(4,4,2,2,2).to(d))
    F.conv_transpose1d(x[0,0], ones(4,4,3).to(d))
    F.conv_transpose2d(x[0], ones(4,4,3,3).to(d))
    F.conv_transpose3d(x, ones(4,4,2,2,2).to(d))
    F.max_pool1d(x[0,0], 2)
    F.max_pool1d(x[0,0], 2, return_indices=True)
    F.max_pool2d(x[0], 2)
    F.max_pool2d(x[0], 2, return_indices=True)
    F.max_pool3d(x, 2)
    F.avg_pool1d(x[0,0], 2)
    F.avg_pool2d(x[0], 2)
    F.avg_pool3d(x, 2)
    F.adaptive_max_pool1d(x[0,0], 2)
    F.adaptive_max_pool2d(x[0], 2)
    F.adaptive_max_pool3d(x, 2)
    F.adaptive_avg_pool2d(x[0], 2)
    F.adaptive_avg_pool3d(x, 2)
    F.max_unpool2d(x[0], x[0].long(), 2)
    F.batch_norm(x[0], None, None, training=True)
    F.group_norm(x[0], 2)
    F.rms_norm(x, [4])
    F.layer_norm(x, [4])
    F.local_response_norm(x, 2)
    F.prelu(x, ones(1).to(d))
"""

CALLS = """
    F.prelu(s, ones(2).double())
    F.prelu(v, ones(4).double())
    F.prelu(a, ones(1, 4).double())
    F.prelu(a, ones(4))
    F.batch_norm(v, ones(4), ones(4))
    F.batch_norm(s, ones(1), ones(1))
    F.batch_norm(zeros(0), zeros(0), zeros(0), training=True)
    F.batch_norm(zeros(0), ones(3), ones(3))
    F.rms_norm(a, ())
    F.rms_norm(s, ())
    F.layer_norm(a, 4)
    F.layer_norm(a, ())
    F.gelu(a, "tanh")
    F.gelu(a, approximate="tanh")
    F.max_pool1d(v, 2)
    F.adaptive_avg_pool1d(v, 1)
    F.adaptive_avg_pool1d(a, ())
    F.adaptive_avg_pool2d(v, 1)
    F.avg_pool2d(t, 2, ())
    F.max_pool3d(x, 2, ())
    F.softplus(a.detach(), out=zeros(0).double())
    F.logsigmoid(a.detach(), out=zeros(0).double())
    F.avg_pool2d(t.detach(), 2, out=zeros(0).double())
    F.normalize(a.detach(), out=zeros(0).double())
    F.gelu(a.detach(), out=zeros(0).double())
    F.linear(a.detach(), b.detach(), out=zeros(0).double())
"""

NAMES = """
    lib.cumsum(x=a, axis=1)
    lib.sum(input=a, axis=1)
    lib.logsumexp(x=a, axis=1, keepdims=True)
    lib.linalg.cholesky(input=eye(3))
    lib.linalg.norm(input=a)
    a.cumsum(axis=0)
    a.max(axis=0, keepdims=True)
    softmax(a, axis=1)
    a.split(split_size=2)
    a.split(split_size=2, dim=1)
    tensor_split(a, sections=2)
    tensor_split(a, indices=(2,))
    tensor_split(input=a, tensor_indices_or_sections=tensor(2))
    a.hsplit(sections=2)
    a.hsplit(indices=[2])
    a.detach().clone().mul_(other=2)
    c.expand(size=(3, 4))
    a.repeat(repeats=(1, 2))
    gather(a, 0, at, sparse_grad=False)
    norm(a, dtype=float64)
    bernoulli(ones(2), 1.0)
    bernoulli(ones(2), p=0.0)
    isin(elements=iv, test_element=2)
    isin(element=2, test_elements=iv)
    zeros(2, layout=None)
    zeros(2, layout=lib.strided, pin_memory=False)
    zeros_like(a, layout=lib.strided)
    arange(3, layout=lib.strided)
    a.new_ones(2, pin_memory=False)
    rand_like(a, device="cpu").shape
    a.long(memory_format=lib.preserve_format)
    a.detach().clone().round_(decimals=1)
    lib.relu_(a.detach().clone())
    lib.zero_(a.detach().clone())
    scatter(a, 0, at, 2.0, reduce="add").detach()
    scatter(a, 0, at, b, reduce="multiply").detach()
    scatter(a, 0, at, 2.0, reduce="mean")
    x.clone(memory_format=lib.channels_last)
    x.contiguous(memory_format=lib.channels_last)
    x.contiguous(memory_format=lib.channels_last).is_contiguous(memory_format=lib.channels_last)
    x.to(memory_format=lib.channels_last)
    x.to(float32, memory_format=lib.channels_last)
    a.contiguous(memory_format=lib.channels_last)
    a.contiguous(memory_format=lib.preserve_format)
    lib.empty(2, 3, 4, 5, memory_format=lib.channels_last).stride()
    zeros_like(x, memory_format=lib.channels_last)
    zeros_like(x.permute(0, 2, 3, 1), memory_format=lib.contiguous_format)
    x.is_contiguous(memory_format=lib.channels_last)
    repr(lib.channels_last).split(".")[1]
    a.layout == lib.strided
"""

SHAPES = """
    tensordot(c, a, ([1], [0]))
    gather(a, 0, tensor([], dtype=uint8))
    gather(v, 0, zeros(2, 0, dtype=float32))
    take_along_dim(a, at - 3, 0)
    take_along_dim(a, at.int(), 0)
    index_fill(a, 0, tensor([1, 1]), s)
    index_fill(a, 1, tensor(0), s)
    a.index_fill_(0, tensor([1, 1]), s)
    a.clone().index_fill_(0, tensor([1, 1]), s)
    fliplr(v)
    flipud(s)
    rot90(a, 1, (0,))
    rot90(a, 1, (0, 1, 1))
    roll(v, (), ())
    roll(s, 1, 0)
    roll(a, 1, ())
    roll(a, (1, 2))
    hstack(())
    vstack(())
    dstack(())
    narrow(a, 0, tensor([1]), 1)
    narrow(a, 0, tensor(1), 1)
    cov(a[:1])
    corrcoef(a[:1])
    norm(a, "nuc")
    norm(a, "nuc", 0)
    linalg.tensorsolve(rand(2, 3, 6), rand(3, 2), dims=(0, 2)).shape
    unique(iv, dim=0, return_inverse=True, return_counts=True)
    unique(at, dim=1, return_inverse=True)
    unique(zeros(0, 2), dim=0)
    unique(zeros(2, 0), dim=0)
    unique_consecutive(m, dim=0, return_counts=True)
    gradient(v, spacing=None)
    F.adaptive_avg_pool2d(a, (2, 2))
    F.adaptive_max_pool2d(a, (2, 2))
    F.multi_margin_loss(a, y, reduction="abc")
"""

NUMBERS = """
    maximum minimum fmax fmin atan2 hypot logical_and logical_or logical_xor copysign fmod
    eq ne lt le gt ge add sub mul div pow bitwise_and float_power xlogy heaviside
    logaddexp gcd ldexp
""".split()

BOOLS = """
    clamp(m, ones(4) > 0) | clamp(m, True) | clamp(m, ones(4) > 0, ones(4) > 0) | clamp_max(m, m)
    sort(tensor(True)) | max(tensor(True), 0) | max(m, 0) | argmax(m, 0) | argmax(tensor(True), 0)
    mode(tensor(True)) | kthvalue(tensor(True), 1) | kthvalue(m, 1) | cummax(tensor(True), 0)
    topk(tensor(True), 1) | topk(m, 1) | median(m) | median(m, 0) | square(m)
    m.clone().square_() | cumsum(m, 0, dtype=bool) | cumprod(m, 0, dtype=bool) | trace(m)
    linspace(0, 1, 0, dtype=bool) | linspace(0, 1, 3, dtype=bool)
    triu_indices(3, 3, dtype=float32)
    cross(m[:, :3], m[:, :3]) | heaviside(m, m) | softmax(zeros(0, 2, dtype=int64), 0)
    softmax(i, 0) | m.sum_to_size(1, 4) | relu(m) | round(m) | round(i, decimals=1)
    F.mse_loss(i, i) | F.huber_loss(i, i) | F.smooth_l1_loss(i, i) | F.nll_loss(i, y)
    F.multilabel_margin_loss(i, i) | F.soft_margin_loss(i, i) | multinomial(i, 1)
    linalg.lu(i) | linalg.cross(m[:, :3], m[:, :3]) | cumsum(tensor(True), 0) | rand_like(i)
    index_reduce(m, 0, iv, m[[0, 1, 2, 0]], "amax") | scatter_reduce(m, 0, at, m, "mean")
    index_reduce(m, 0, iv, m[[0, 1, 2, 0]], "amax", include_self=False)
"""


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def test_calls_are_taken_and_refused_as_by_pytorch() -> None:
    calls = lines(CALLS) + lines(NAMES) + lines(SHAPES)
    calls += [code.strip() for line in lines(BOOLS) for code in line.split(" | ")]
    for name in NUMBERS:
        calls += [
            f"{name}(i, 2)",
            f"{name}(2, j)",
            f"{name}(i, j)",
            f"i.{name}(2)",
            f"{name}(a, 2)",
        ]
    found = {code: compare(code, strides=True, strict=True) for code in calls}
    assert {code: text for code, text in found.items() if text} == {}


@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes_are_taken_and_refused_as_by_pytorch(dtype: str) -> None:
    activations = [f"F.{name}(ones(2, 4).to({dtype}))" for name in ACTIVATIONS]
    start = f"d = {dtype}; x = (arange(512) % 7).reshape(2, 4, 4, 4, 4).to(d)"
    images = [f"{start}; {code}" for code in lines(IMAGES)]
    found = {code: compare(code, strides=True, strict=True) for code in activations + images}
    assert {code: text for code, text in found.items() if text} == {}
