"""Activations, layer norm, losses and optimizer steps."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.backends.kernel_cases import cases, check
from tests.backends.kernel_data import FLOAT, SCENARIOS, Array, In, Out, elementwise, numbers

LAYOUTS = ["dense", "offset", "transposed", "stepped", "negative", "broadcast"]


# ---- activations ---------------------------------------------------------------------------
def sigmoid(a: Array) -> Array:
    return np.asarray(np.where(a < 0, np.exp(-np.abs(a)), 1) / (1 + np.exp(-np.abs(a))))


def phi(a: Array) -> Array:
    """The normal distribution function."""
    return elementwise(lambda x: 0.5 * math.erfc(-x / math.sqrt(2)), "float64", a)


def bend(a: Array) -> tuple[Array, Array]:
    """tanh of gelu's polynomial, and the polynomial's derivative."""
    root = math.sqrt(2 / math.pi)
    return np.tanh(root * (a + 0.044715 * a**3)), root * (1 + 3 * 0.044715 * a**2)


def gelu(a: Array, tanh: bool) -> Array:
    return np.asarray(0.5 * a * (1 + bend(a)[0]) if tanh else a * phi(a))


def gelu_slope(a: Array, tanh: bool) -> Array:
    if tanh:
        t, slope = bend(a)
        return np.asarray(0.5 * (1 + t) + 0.5 * a * (1 - t * t) * slope)
    return np.asarray(phi(a) + a * np.exp(-a * a / 2) / math.sqrt(2 * math.pi))


def silu_slope(a: Array) -> Array:
    s = sigmoid(a)
    return np.asarray(s * (1 + a * (1 - s)))


@pytest.mark.parametrize("backend, op, dtype, scenario", cases(["gelu", "silu"], FLOAT, SCENARIOS))
@pytest.mark.parametrize("tanh", [False, True])
def test_gelu_and_silu(backend: str, op: str, dtype: str, scenario: str, tanh: bool) -> None:
    shape, out_layout, layouts = SCENARIOS[scenario]
    a = In(numbers(dtype, shape, op, edges=False), dtype, layouts[0])
    expected = gelu(a.exact, tanh) if op == "gelu" else a.exact * sigmoid(a.exact)
    # Far to the left the true value is tiny and 1 + tanh or 1 + erf cancels.
    scale = np.maximum(np.abs(expected), np.abs(a.exact))
    parameters = [tanh] if op == "gelu" else []
    check(backend, op, Out(expected, dtype, out_layout, ulps=6, scale=scale), a, *parameters)


@pytest.mark.parametrize("backend, op, dtype", cases(["gelu", "silu"], FLOAT))
def test_activations_of_nan_and_large_values(backend: str, op: str, dtype: str) -> None:
    a = In([math.nan, 1e4, -1e4, math.inf, 0.0], dtype)
    expected = [math.nan, 1e4, 0.0, math.inf, 0.0]
    for parameters in [[False], [True]] if op == "gelu" else [[]]:
        check(backend, op, Out(expected, dtype), a, *parameters)


BACKWARD: dict[str, Callable[[Array, Array], Array]] = {
    "sigmoid_backward": lambda g, y: g * y * (1 - y),
    "tanh_backward": lambda g, y: g * (1 - y * y),
    "relu_backward": lambda g, y: np.where(y > 0, g, 0),
    "gelu_backward": lambda g, a: g * gelu_slope(a, False),
    "gelu_backward tanh": lambda g, a: g * gelu_slope(a, True),
    "silu_backward": lambda g, a: g * silu_slope(a),
}


@pytest.mark.parametrize(
    "backend, op, dtype, scenario",
    cases([op for op in BACKWARD if " " not in op], FLOAT, SCENARIOS),
)
@pytest.mark.parametrize("tanh", [False, True])
def test_activation_backward(backend: str, op: str, dtype: str, scenario: str, tanh: bool) -> None:
    shape, out_layout, layouts = SCENARIOS[scenario]
    g = In(numbers(dtype, shape, "g", edges=False), dtype, layouts[0])
    y = In(numbers(dtype, shape, "y", edges=False), dtype, layouts[1])
    tanh_form = tanh and op == "gelu_backward"
    expected = BACKWARD[f"{op} tanh" if tanh_form else op](g.exact, y.exact)
    scale = np.abs(g.exact) * (1 + y.exact**2)
    parameters = [tanh] if op == "gelu_backward" else []
    check(backend, op, Out(expected, dtype, out_layout, ulps=8, scale=scale), g, y, *parameters)


@pytest.mark.parametrize("backend, op, dtype", cases(["relu_backward"], FLOAT))
def test_relu_passes_nothing_back_where_the_output_is_not_positive(
    backend: str, op: str, dtype: str
) -> None:
    g, y = In([1.0, 2, 3, 4, math.nan], dtype), In([math.nan, 0.0, -0.0, 5.0, 1.0], dtype)
    check(backend, op, Out([0.0, 0, 0, 4, math.nan], dtype), g, y)


# ---- layer norm ----------------------------------------------------------------------------
NORMED = [(3, 5), (1, 64), (7, 131), (4, 1), (0, 3)]


@pytest.mark.parametrize("backend, op, dtype, layout", cases(["layer_norm"], FLOAT, LAYOUTS))
@pytest.mark.parametrize("weighted", [0, 1, 2])
def test_layer_norm(backend: str, op: str, dtype: str, layout: str, weighted: int) -> None:
    for rows, n in NORMED:
        a = In(numbers(dtype, (rows, n), edges=False), dtype, layout)
        weight = In(numbers(dtype, (n,), "w", edges=False), dtype) if weighted else None
        bias = In(numbers(dtype, (n,), "b", edges=False), dtype, "stepped")
        bias_or_none = bias if weighted == 2 else None
        mean = a.exact.mean(axis=1)
        rstd = 1 / np.sqrt(a.exact.var(axis=1) + 1e-5)
        normed = (a.exact - mean[:, None]) * rstd[:, None]
        w = weight.exact if weight else np.ones(n)
        b = bias.exact if bias_or_none else np.zeros(n)
        size = np.abs(a.exact).max(axis=1, initial=0)
        spread = np.abs(normed * w) + np.abs(b) + (size * rstd)[:, None] * np.abs(w)
        check(
            backend,
            op,
            Out(normed * w + b, dtype, "stepped", ulps=32, scale=spread),
            Out(mean, dtype, ulps=16, scale=size),
            Out(rstd, dtype, ulps=64 if n > 1 else 1e4),
            a,
            weight,
            bias_or_none,
            1e-5,
        )


@pytest.mark.parametrize(
    "backend, op, dtype, layout", cases(["layer_norm_backward"], FLOAT, LAYOUTS)
)
@pytest.mark.parametrize("weighted", [False, True])
def test_layer_norm_backward(
    backend: str, op: str, dtype: str, layout: str, weighted: bool
) -> None:
    for rows, n in NORMED:
        g = In(numbers(dtype, (rows, n), "g", edges=False), dtype, layout)
        a = In(numbers(dtype, (rows, n), "a", edges=False), dtype, layout)
        weight = In(numbers(dtype, (n,), "w", edges=False), dtype) if weighted else None
        mean = In(a.exact.mean(axis=1), dtype)
        rstd = In(1 / np.sqrt(a.exact.var(axis=1) + 1e-2), dtype)
        normed = (a.exact - mean.exact[:, None]) * rstd.exact[:, None]
        scaled = g.exact * (weight.exact if weight else 1)
        mean_g = scaled.mean(axis=1, keepdims=True)
        mean_gx = (scaled * normed).mean(axis=1, keepdims=True)
        expected = (scaled - mean_g - normed * mean_gx) * rstd.exact[:, None]
        largest = np.abs(normed).max(initial=1)
        size = np.abs(scaled).max(axis=1, initial=0) * rstd.exact * largest**2
        out = Out(expected, dtype, ulps=32, scale=np.broadcast_to(size[:, None], (rows, n)))
        check(backend, op, out, g, a, mean, rstd, weight)


# ---- loss ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "backend, op, dtype, layout", cases(["mse_loss", "mse_loss_backward"], FLOAT, LAYOUTS)
)
def test_mse_loss(backend: str, op: str, dtype: str, layout: str) -> None:
    for shape in [(3, 5), (131,), (2, 3, 4), ()]:
        a = In(numbers(dtype, shape, "a", edges=False), dtype, layout)
        b = In(numbers(dtype, shape, "b", edges=False), dtype, "offset")
        difference = a.exact - b.exact
        if op == "mse_loss":
            check(backend, op, Out(np.mean(difference**2), dtype, ulps=16), a, b)
        else:
            g = In(0.75, dtype)
            expected = 0.75 * 2 * difference / a.array.size
            check(backend, op, Out(expected, dtype, "stepped", ulps=8), g, a, b)


# ---- optimizers ----------------------------------------------------------------------------
SHAPES = [(3, 4), (7,), (), (0, 2)]


def lists(dtype: str, *names: str) -> list[list[Array]]:
    return [[numbers(dtype, s, name, edges=False) for s in SHAPES] for name in names]


def updated(new: list[Array], old: list[Array], dtype: str, size: list[Array]) -> list[Out]:
    """Parameters to be updated in place, in layouts of all sorts."""
    layouts = ["dense", "stepped", "offset", "transposed"]
    return [
        Out(n, dtype, layout, ulps=16, scale=s, initial=o)
        for n, o, s, layout in zip(new, old, size, layouts, strict=True)
    ]


SGD: list[dict[str, Any]] = [
    {},
    {"weight_decay": 0.1},
    {"momentum": 0.9, "first": True},
    {"momentum": 0.9, "dampening": 0.3},
    {"momentum": 0.8, "nesterov": True, "weight_decay": 0.05},
    {"momentum": 0.8, "nesterov": True, "first": True},
    {"momentum": 0.7, "maximize": True, "weight_decay": 0.2},
]


@pytest.mark.parametrize("backend, op, dtype", cases(["sgd_step"], FLOAT))
@pytest.mark.parametrize("options", SGD, ids=lambda o: "-".join(o) or "plain")
def test_sgd_step(backend: str, op: str, dtype: str, options: dict[str, Any]) -> None:
    settings = {"lr": 0.1, "momentum": 0.0, "dampening": 0.0, "weight_decay": 0.0}
    settings |= {"nesterov": False, "maximize": False, "first": False}
    o = settings | options
    params, grads, momenta = lists(dtype, "p", "g", "m")
    new_params, new_momenta, sizes = [], [], []
    for p32, g32, m32 in zip(params, grads, momenta, strict=True):
        p, g, m = (x.astype(np.float64) for x in (p32, g32, m32))
        d = (-g if o["maximize"] else g) + o["weight_decay"] * p
        if o["momentum"]:
            m = d if o["first"] else o["momentum"] * m + (1 - o["dampening"]) * d
            d = d + o["momentum"] * m if o["nesterov"] else m
        new_params.append(p - o["lr"] * d)
        new_momenta.append(m)
        sizes.append(np.abs(p) + np.abs(g) + np.abs(m32))
    views = updated(new_momenta, momenta, dtype, sizes) if o["momentum"] else []
    inputs = [In(g, dtype, "offset") for g in grads]
    check(backend, op, updated(new_params, params, dtype, sizes), inputs, views, *o.values())


ADAM: list[dict[str, Any]] = [
    {},
    {"step": 10},
    {"weight_decay": 0.1},
    {"weight_decay": 0.1, "decoupled": True, "step": 3},
    {"maximize": True, "weight_decay": 0.02},
]


@pytest.mark.parametrize("backend, op, dtype", cases(["adam_step"], FLOAT))
@pytest.mark.parametrize("options", ADAM, ids=lambda o: "-".join(o) or "plain")
def test_adam_step(backend: str, op: str, dtype: str, options: dict[str, Any]) -> None:
    settings = {"step": 1, "lr": 0.01, "beta1": 0.9, "beta2": 0.99, "eps": 1e-8}
    settings |= {"weight_decay": 0.0, "decoupled": False, "maximize": False}
    o = settings | options
    params, grads, firsts, seconds = lists(dtype, "p", "g", "m", "v")
    seconds = [np.abs(v) for v in seconds]
    news: list[list[Array]] = [[], [], []]
    sizes: list[list[Array]] = [[], [], []]
    for arrays in zip(params, grads, firsts, seconds, strict=True):
        p, g, m, v = (x.astype(np.float64) for x in arrays)
        if o["maximize"]:
            g = -g
        if o["decoupled"]:
            p = p * (1 - o["lr"] * o["weight_decay"])
        else:
            g = g + o["weight_decay"] * p
        sizes[1].append(np.abs(m) + np.abs(g) + np.abs(p))
        m = o["beta1"] * m + (1 - o["beta1"]) * g
        v = o["beta2"] * v + (1 - o["beta2"]) * g * g
        root = np.sqrt(v / (1 - o["beta2"] ** o["step"])) + o["eps"]
        p = p - o["lr"] * m / (1 - o["beta1"] ** o["step"]) / root
        sizes[0].append(np.abs(p) + 1)
        sizes[2].append(v + g * g + p * p)
        for to, new in zip(news, (p, m, v), strict=True):
            to.append(new)
    olds = (params, firsts, seconds)
    outs = [updated(n, o_, dtype, s) for n, o_, s in zip(news, olds, sizes, strict=True)]
    inputs = [In(g, dtype, "stepped") for g in grads]
    check(backend, op, outs[0], inputs, outs[1], outs[2], *o.values())
