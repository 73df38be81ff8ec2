"""Views of nothing at an offset. (How builds replace files: tests/backends/cpu_c/test_placing.)"""

from __future__ import annotations

import copy
import pickle
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import corex
import corex.nn.functional as F

KIND = "05: views of nothing at an offset were refused; builds rewrote libraries in use"

DTYPES = (corex.float32, corex.float64, corex.int64, corex.int32, corex.uint8, corex.bool)

# Each beyond the end of a storage of nothing, or at the very end of one of something.
VIEWS: dict[str, Callable[..., corex.Tensor]] = {
    "zeros(2, 0, 3)[1]": lambda **k: corex.zeros(2, 0, 3, **k)[1],
    "zeros(5, 0)[4]": lambda **k: corex.zeros(5, 0, **k)[4],
    "zeros(5, 3)[5:]": lambda **k: corex.zeros(5, 3, **k)[5:],
    "zeros(2, 3)[:, 3:]": lambda **k: corex.zeros(2, 3, **k)[:, 3:],
    "zeros(2, 0, 5)[1, :, 2:]": lambda **k: corex.zeros(2, 0, 5, **k)[1, :, 2:],
    "zeros(3, 0, 4).t[2]": lambda **k: corex.zeros(3, 0, 4, **k).transpose(0, 2)[2],
}

# What keeps the shape, and what gives one number.
SAME = {
    "+ 1": lambda x: x + 1,
    "1 - x": lambda x: 1 - x.float(),
    "+ itself": lambda x: x + x,
    "* itself": lambda x: x * x,
    "== itself": lambda x: x == x,
    "logical_not": lambda x: x.logical_not(),
    "exp": lambda x: x.float().exp(),
    "relu": lambda x: x.float().relu(),
    "gelu": lambda x: F.gelu(x.float()),
    "where": lambda x: corex.where(x == 0, x, x),
    "clone": lambda x: x.clone(),
    "contiguous": lambda x: x.contiguous(),
    "to float64": lambda x: x.to(corex.float64),
    "fill_": lambda x: x.fill_(1),
    "add_": lambda x: x.add_(1) if x.dtype is not corex.bool else x,
    "copy_": lambda x: x.copy_(x.clone()),
    "numpy": lambda x: corex.from_numpy(x.numpy()) + 0,
    "dlpack": lambda x: corex.from_dlpack(x).clone() if x.backend == "cpu_c" else x,
    "pickle": lambda x: pickle.loads(pickle.dumps(x)) + x,
    "deepcopy": lambda x: copy.deepcopy(x) + x,
    "softmax": lambda x: x.float().softmax(-1),
    "cumsum": lambda x: x.cumsum(0),
    "sort": lambda x: x.sort(0).values,
    "flip": lambda x: x.flip(0),
    "cat": lambda x: corex.cat([x, x])[: len(x)],
}
NUMBERS: dict[str, tuple[Callable[[corex.Tensor], corex.Tensor], float]] = {
    "sum": (lambda x: x.sum(), 0),
    "prod": (lambda x: x.float().prod(), 1),
    "all": (lambda x: x.all(), 1),
    "any": (lambda x: x.any(), 0),
    "mean": (lambda x: x.float().mean(), float("nan")),
    "mse_loss": (lambda x: F.mse_loss(x.double(), x.double()), float("nan")),
    "count_nonzero": (lambda x: x.count_nonzero(), 0),
    "numel": (lambda x: corex.tensor(x.numel()), 0),
}


def _same(name: str, make: Callable[..., corex.Tensor], dtype: corex.dtype) -> None:
    x = make(dtype=dtype)
    assert SAME[name](x).shape == x.shape


def _number(name: str, make: Callable[..., corex.Tensor], dtype: corex.dtype) -> None:
    function, want = NUMBERS[name]
    got = float(function(make(dtype=dtype)))
    assert got == want or (got != got and want != want), got


def _unbind(dim: int) -> None:
    x = corex.zeros(2, 0, 3, requires_grad=True)
    for part in x.unbind(dim):
        (part * 2).sum().backward()
    if x.shape[dim]:
        assert x.grad is not None
        assert x.grad.shape == x.shape


def _stack(dim: int) -> None:
    x = corex.zeros(2, 0, 3, requires_grad=True)
    joined = corex.stack([x, x * 2], dim)
    (joined * joined).sum().backward()
    assert x.grad is not None
    assert x.grad.shape == x.shape


def _cat(dim: int) -> None:
    x, y = (corex.zeros(2, 0, 3, requires_grad=True) for _ in range(2))
    corex.cat([x, y], dim).mul(2).sum().backward()
    for each in (x, y):
        assert each.grad is not None
        assert each.grad.shape == each.shape


def _products() -> None:
    a, b = corex.zeros(2, 3, 0)[1], corex.zeros(2, 0, 4)[1]
    assert (a @ b).tolist() == [[0.0] * 4] * 3
    assert F.linear(a, corex.zeros(2, 5, 0)[1], corex.ones(5)).tolist() == [[1.0] * 5] * 3
    assert (corex.zeros(2, 0, 3)[1] @ corex.ones(3, 4)).shape == (0, 4)


def _layer() -> None:
    layer = corex.nn.Linear(3, 4)
    x = corex.zeros(2, 0, 3)[1].requires_grad_()
    layer(x).sum().backward()
    assert layer.weight.grad is not None
    assert layer.weight.grad.tolist() == [[0.0] * 3] * 4


def _step(make: Callable[..., corex.optim.Optimizer]) -> None:
    parameter = corex.nn.Parameter(corex.zeros(2, 0, 3)[1])
    parameter.grad = corex.zeros(2, 0, 3)[1]
    optimizer = make([parameter], lr=0.1)
    optimizer.step()
    optimizer.step()
    assert parameter.shape == (0, 3)


def _saved() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "nothing"
        corex.save({"nothing": corex.zeros(5, 3)[5:]}, path)
        assert (corex.load(path)["nothing"] + 1).shape == (0, 3)


def _all_of_nothing() -> None:
    for dtype in DTYPES:
        assert corex.zeros(0, dtype=dtype).all().to(corex.int64).item() == 1
        assert corex.zeros(2, 0, dtype=dtype).all(1).to(corex.int64).tolist() == [1, 1]


def cases(backend: str) -> Iterator[tuple[str, Callable[[], None]]]:
    for where, make in VIEWS.items():
        for dtype in DTYPES:
            for name in SAME:
                yield f"{where} {dtype} {name}", partial(_same, name, make, dtype)
            for name in NUMBERS:
                yield f"{where} {dtype} {name}", partial(_number, name, make, dtype)
    for dim in range(3):
        yield f"unbind {dim}", partial(_unbind, dim)
        yield f"cat {dim}", partial(_cat, dim)
    for dim in range(4):
        yield f"stack {dim}", partial(_stack, dim)
    yield "products", _products
    yield "a layer", _layer
    for optimizer in (corex.optim.SGD, corex.optim.Adam, corex.optim.AdamW):
        yield optimizer.__name__, partial(_step, optimizer)
    yield "saved", _saved
    yield "all of nothing", _all_of_nothing
