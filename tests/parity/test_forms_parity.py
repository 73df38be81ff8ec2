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
"""


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def test_calls_are_taken_and_refused_as_by_pytorch() -> None:
    found = {code: compare(code, strides=True, strict=True) for code in lines(CALLS)}
    assert {code: text for code, text in found.items() if text} == {}


@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes_are_taken_and_refused_as_by_pytorch(dtype: str) -> None:
    activations = [f"F.{name}(ones(2, 4).to({dtype}))" for name in ACTIVATIONS]
    start = f"d = {dtype}; x = (arange(512) % 7).reshape(2, 4, 4, 4, 4).to(d)"
    images = [f"{start}; {code}" for code in lines(IMAGES)]
    found = {code: compare(code, strides=True, strict=True) for code in activations + images}
    assert {code: text for code, text in found.items() if text} == {}
