"""Small computations of every family of kernels, with what NumPy says in float64."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import corex
from corex.nn import functional as F
from tests.backends.cpu_c.stepping import VARIANTS, expected, stepped

Result = tuple[str, Any, Any]
"""What was computed, by corex, by NumPy."""

FLOATS = (np.float32, np.float64)
# Long enough for blocks, lanes and chunks; not round, so that each of them has a rest.
N = 2311


def _numbers(*shape: int, dtype: Any = np.float32, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed + sum(shape))
    if np.issubdtype(dtype, np.integer):
        return rng.integers(1, 60, shape).astype(dtype)
    return rng.normal(size=shape).astype(dtype)


def _wide(a: Any) -> Any:
    return a.astype(np.float64) if a.dtype == np.float32 else a


UNARY: dict[str, Callable[[Any], Any]] = {
    "exp": np.exp,
    "tanh": np.tanh,
    "sin": np.sin,
    "sqrt": lambda x: np.sqrt(np.abs(x)),
    "log1p": lambda x: np.log1p(np.abs(x)),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "floor": np.floor,
    "neg": np.negative,
    "isnan": np.isnan,
}
POSITIVE = ("sqrt", "log1p")


def unary() -> Iterator[Result]:
    for dtype in FLOATS:
        for name, formula in UNARY.items():
            a = _numbers(N, dtype=dtype)
            a = np.abs(a) if name in POSITIVE else a
            t, f = corex.tensor(a), getattr(corex, name)
            right = formula(_wide(a))
            yield f"{name} {dtype.__name__}", f(t), right
            yield f"{name} of every third", f(t[::3]), right[::3]
            yield f"{name} backwards", f(t.flip(0)), right[::-1]
            if name != "isnan":
                out = corex.empty(N, dtype=t.dtype)
                f(t, out=out)
                yield f"{name} out=", out, right
                yield f"{name} in place", getattr(t.clone(), f"{name}_")(), right


BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "add": np.add,
    "mul": np.multiply,
    "maximum": np.maximum,
    "lt": np.less,
    "eq": np.equal,
    "floor_divide": np.floor_divide,
    "bitwise_xor": np.bitwise_xor,
    "pow": np.power,
}
OF_INTEGERS = ("floor_divide", "bitwise_xor", "lt", "eq", "add", "mul", "maximum")


def binary() -> Iterator[Result]:
    for dtype in (*FLOATS, np.int32, np.int64, np.uint8):
        integer = np.issubdtype(dtype, np.integer)
        for name, formula in BINARY.items():
            if name == "bitwise_xor" and not integer or (integer and name not in OF_INTEGERS):
                continue
            a, b = _numbers(7, N, dtype=dtype), _numbers(7, N, dtype=dtype, seed=1)
            a = np.abs(a) if name == "pow" else a
            s, t, f = corex.tensor(a), corex.tensor(b), getattr(corex, name)
            label = f"{name} {dtype.__name__}"
            yield label, f(s, t), formula(a, b)
            yield f"{label} of rows", f(s, t[0]), formula(a, b[:1])
            yield f"{label} of columns", f(s, t[:, :1]), formula(a, b[:, :1])
            if name != "maximum":  # which takes none
                yield f"{label} of a number", f(s, 3), formula(a, dtype(3))
            yield f"{label} transposed", f(s.t(), t.t()), formula(a, b).T


def overlapping() -> Iterator[Result]:
    """Outputs that are also inputs, or shifted against them."""
    for dtype in FLOATS:
        a = _numbers(N, dtype=dtype)
        t = corex.tensor(a)
        t[1:] += t[:-1].clone()
        yield "shifted up", t, np.concatenate([a[:1], a[1:] + a[:-1]])
        t = corex.tensor(a)
        t[:-1] *= t[1:].clone()
        yield "shifted down", t, np.concatenate([a[:-1] * a[1:], a[-1:]])
        t = corex.tensor(a)
        corex.exp(t[4:].clone(), out=t[:-4])
        yield "shifted out=", t, np.concatenate([np.exp(a[4:]), a[-4:]])
        t = corex.tensor(a)
        corex.add(t, t.flip(0), out=t)
        yield "reversed out=", t, a + a[::-1]
        t = corex.tensor(a)
        t.copy_(t.flip(0))
        yield "reversed copy", t, a[::-1]
        t = corex.tensor(a)
        t.mul_(t).add_(t)
        yield "with itself", t, 2 * _wide(a) ** 2


def copies() -> Iterator[Result]:
    kinds = (np.bool_, np.uint8, np.int32, np.int64, np.float32, np.float64)
    for source in kinds:
        a = _numbers(40, 61, dtype=np.int32).astype(source)
        for target in kinds:
            to = getattr(corex, "bool" if target is np.bool_ else target.__name__)
            yield (
                f"{source.__name__} to {target.__name__}",
                corex.tensor(a).to(to),
                a.astype(target),
            )
        yield "transposed", corex.tensor(a).t().contiguous(), a.T
        out = corex.zeros(40, 61, dtype=corex.tensor(a).dtype)
        out[::2, ::3] = corex.tensor(a)[::2, ::3]
        right = np.zeros_like(a)
        right[::2, ::3] = a[::2, ::3]
        yield "strided", out, right
        where = a != a.max()
        picked = corex.where(corex.tensor(where), corex.tensor(a), corex.tensor(a[::-1].copy()))
        yield "where", picked, np.where(where, a, a[::-1])
        yield "full", corex.full_like(out, 1), np.ones_like(a)
    yield "arange", corex.arange(N), np.arange(N)


def reductions() -> Iterator[Result]:
    for dtype in (*FLOATS, np.int32, np.uint8):
        a = _numbers(6, 5, 411, dtype=dtype)
        t, wide = corex.tensor(a), _wide(a)
        for name in ("sum", "amax", "amin", "mean"):
            if name == "mean" and np.issubdtype(dtype, np.integer):
                continue
            f, g = getattr(corex, name), getattr(np, name)
            for dims in ((0,), (1,), (2,), (0, 1), (1, 2), (0, 2), (0, 1, 2)):
                yield f"{name} {dtype.__name__} {dims}", f(t, dim=dims), g(wide, dims)
            yield f"{name} stepped", f(t[:, :, ::2], dim=(2,)), g(wide[:, :, ::2], 2)
        for dim in (0, 1, 2):
            yield f"argmax {dim}", t.argmax(dim), a.argmax(dim)
            yield f"argmin {dim}", t.argmin(dim), a.argmin(dim)
        yield "argmax of all", t.argmax(), a.argmax()
        yield "cumsum", corex.cumsum(t, 2), np.cumsum(wide, 2)
        yield "any", (t > 1).any(dim=1), (a > 1).any(1)
        yield "few columns", t[:, :, :3].sum((0, 1)), wide[:, :, :3].sum((0, 1))
        yield "short lines", t[:, :, :9].sum(2), wide[:, :, :9].sum(2)


def products() -> Iterator[Result]:
    for dtype in (*FLOATS, np.int32, np.int64):
        a, b = _numbers(3, 37, 53, dtype=dtype), _numbers(3, 53, 29, dtype=dtype)
        s, t, right = corex.tensor(a), corex.tensor(b), _wide(a) @ _wide(b)
        label = f"{dtype.__name__}"
        yield f"{label} batch", s @ t, right
        yield f"{label} one", s[0] @ t[0], right[0]
        yield f"{label} broadcast", s @ t[0], _wide(a) @ _wide(b)[0]
        yield f"{label} transposed", t[0].t() @ s[0].t(), right[0].T
        yield (
            f"{label} stepped",
            s[0, ::2, ::2] @ t[0, ::2, ::2],
            _wide(a)[0, ::2, ::2] @ b[0, ::2, ::2],
        )
        yield f"{label} times vector", s[0] @ t[0, :, 0], right[0][:, 0]
        yield f"{label} vector times", s[0, 0] @ t[0], right[0][0]
        yield f"{label} vectors", s[0, 0] @ t[0, :, 0], right[0][0, 0]
    for dtype in FLOATS:
        a, b = _numbers(150, 300, dtype=dtype), _numbers(90, 300, dtype=dtype)
        bias = _numbers(90, dtype=dtype)
        made = F.linear(corex.tensor(a), corex.tensor(b), corex.tensor(bias))
        yield "linear", made, _wide(a) @ _wide(b).T + bias


def _windows(x: Any, w: Any, stride: int, padding: int, groups: int) -> Any:
    """A convolution by its definition."""
    x = np.pad(_wide(x), ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    w, (count, per, kh, kw) = _wide(w), w.shape
    view = np.lib.stride_tricks.sliding_window_view(x, (kh, kw), (2, 3))[:, :, ::stride, ::stride]
    share = count // groups
    parts = [
        np.einsum(
            "nchwij,ocij->nohw", view[:, g * per : g * per + per], w[g * share : g * share + share]
        )
        for g in range(groups)
    ]
    return np.concatenate(parts, 1)


def convolutions() -> Iterator[Result]:
    for dtype in FLOATS:
        x = _numbers(2, 4, 13, 11, dtype=dtype)
        for size, stride, padding, groups in (
            (3, 1, 1, 1),
            (1, 1, 0, 1),
            (3, 2, 0, 2),
            (1, 2, 1, 4),
        ):
            w = _numbers(8, 4 // groups, size, size, dtype=dtype)
            s, t = corex.tensor(x, requires_grad=True), corex.tensor(w, requires_grad=True)
            y = F.conv2d(s, t, stride=stride, padding=padding, groups=groups)
            right = _windows(x, w, stride, padding, groups)
            label = f"conv {size} {stride} {padding} {groups}"
            yield label, y.detach(), right
            # Linear in both: its gradients along d and e are what it makes of d and of e.
            y.sum().backward()
            d, e = _numbers(*x.shape, dtype=dtype, seed=5), _numbers(*w.shape, dtype=dtype, seed=6)
            of_x = _windows(d, w, stride, padding, groups).sum()
            of_w = _windows(x, e, stride, padding, groups).sum()
            yield f"{label}, of x", (s.grad * corex.tensor(d)).sum(), of_x
            yield f"{label}, of w", (t.grad * corex.tensor(e)).sum(), of_w
        view = np.lib.stride_tricks.sliding_window_view(x, (2, 2), (2, 3))[:, :, ::2, ::2]
        yield "max_pool2d", F.max_pool2d(corex.tensor(x), 2), view.max((4, 5))
        yield "avg_pool2d", F.avg_pool2d(corex.tensor(x), 2), _wide(view).mean((4, 5))


def rows() -> Iterator[Result]:
    for dtype in FLOATS:
        for n in (5, 64, 1501):
            a = _numbers(9, n, dtype=dtype)
            wide = _wide(a)
            e = np.exp(wide - wide.max(1, keepdims=True))
            soft = e / e.sum(1, keepdims=True)
            yield f"softmax {n}", F.softmax(corex.tensor(a), 1), soft
            yield f"softmax by columns {n}", F.softmax(corex.tensor(a.T.copy()), 0), soft.T
            yield f"log_softmax {n}", F.log_softmax(corex.tensor(a), 1), np.log(soft)
            turned = corex.tensor(a.T.copy())
            yield f"log_softmax by columns {n}", F.log_softmax(turned, 0), np.log(soft).T
            yield f"cumsum by columns {n}", turned.cumsum(0), wide.cumsum(1).T
            logs = np.logaddexp.accumulate(wide, 1)
            yield f"logcumsumexp {n}", corex.tensor(a).logcumsumexp(1), logs
            yield f"logcumsumexp by columns {n}", turned.logcumsumexp(0), logs.T
            near = a / 64 + 1
            products = corex.tensor(near).cumprod(1), corex.tensor(near.T.copy()).cumprod(0)
            yield f"cumprod {n}", products[0], _wide(near).cumprod(1)
            yield f"cumprod by columns {n}", products[1], _wide(near).cumprod(1).T
            highest = np.maximum.accumulate(a, 1)
            yield f"cummax {n}", corex.tensor(a).cummax(1).values, highest
            yield f"cummax by columns {n}", turned.cummax(0).values, highest.T
            mean, var = wide.mean(1, keepdims=True), wide.var(1, keepdims=True)
            normed = (wide - mean) / np.sqrt(var + 1e-5)
            yield f"layer_norm {n}", F.layer_norm(corex.tensor(a), (n,)), normed
            spread = corex.tensor(a)[1:].var(1, unbiased=False)
            yield f"var {n}", spread, wide[1:].var(1)
            loss = F.mse_loss(corex.tensor(a), corex.tensor(a[::-1].copy()))
            yield f"mse {n}", loss, ((wide - wide[::-1]) ** 2).mean()
            order = np.argsort(a, 1, kind="stable")
            yield f"argsort {n}", corex.argsort(corex.tensor(a), 1, stable=True), order
            yield f"sort {n}", corex.sort(corex.tensor(a), 1).values, np.sort(a, 1)
            part = corex.topk(corex.tensor(a), n // 2, 1, largest=False).indices
            yield f"topk {n}", part, order[:, : n // 2]
            turned_part = corex.kthvalue(corex.tensor(a.T.copy()), n // 3 + 1, 0).indices
            yield f"kthvalue by columns {n}", turned_part, order[:, n // 3]
            index = order[:, ::2].copy()
            gathered = corex.tensor(a).gather(1, corex.tensor(index))
            yield f"gather {n}", gathered, np.take_along_axis(a, index, 1)
            some = np.array([3, 1, 1, 8])
            yield f"index {n}", corex.tensor(a)[corex.tensor(some)], a[some]


def steps() -> Iterator[Result]:
    for dtype in FLOATS:
        for variant in VARIANTS:
            start = _numbers(3, N, dtype=dtype)
            grads = [_numbers(3, N, dtype=dtype, seed=seed) for seed in (1, 2, 3)]
            right = expected(variant, start, grads)
            tensors = [corex.tensor(grad) for grad in grads]
            label = f"{variant} {dtype.__name__}"
            yield label, stepped(variant, corex.tensor(start), tensors), right
            turned = [corex.tensor(grad.T.copy()).t() for grad in grads]
            parameter = corex.tensor(start.T.copy()).t().detach()
            yield f"{label} transposed", stepped(variant, parameter, turned), right
            parameter = corex.tensor(np.repeat(start, 2, 1))[:, ::2].detach()
            yield f"{label} stepped", stepped(variant, parameter, tensors), right


def training() -> Iterator[Result]:
    """A regression by gradient descent, in NumPy and in corex."""
    a, target = _numbers(200, 30, dtype=np.float64), _numbers(200, 4, dtype=np.float64)
    w = np.zeros((4, 30))
    model = corex.nn.Linear(30, 4, bias=False, dtype=corex.float64)
    with corex.no_grad():
        model.weight.fill_(0.0)
    optimizer = corex.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(5):
        loss = F.mse_loss(model(corex.tensor(a)), corex.tensor(target))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        w = w - 0.1 * 2 * (a @ w.T - target).T @ a / target.size
    yield "weights", model.weight.detach(), w


FAMILIES: tuple[Callable[[], Iterator[Result]], ...] = (
    unary, binary, overlapping, copies, reductions, products, convolutions, rows, steps, training,
)  # fmt: skip


def check(family: Callable[[], Iterator[Result]]) -> int:
    """Compares all results of a family; the number of them."""
    count = 0
    for name, got, right in family():
        got = np.asarray(got.numpy() if isinstance(got, corex.Tensor) else got)
        if got.dtype.kind == "f":
            tolerance = 2e-4 if got.dtype == np.float32 else 1e-7
            np.testing.assert_allclose(got, right, tolerance, tolerance, err_msg=name)
        else:
            np.testing.assert_array_equal(got, right, err_msg=name)
        count += 1
    return count
