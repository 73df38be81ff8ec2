"""softmax and its like, layer norm, activations with parameters, losses, tril and triu."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, Final

import numpy as np

from corex.testing.arrays import FLOAT, Array, Expected, numbers
from corex.testing.case import Case
from corex.testing.spec import Fields, Spec, accepted, differentiated, inexact, product
from corex.testing.specs.formulas import near_poles, phi, sigmoid
from corex.testing.specs.matmul import calm, smooth_calm
from corex.testing.specs.pointwise import SCENES
from corex.testing.specs.reduce import LAYOUTS, MANY, ROWS, row_domain, row_grad, row_perf


# ---- softmax ---------------------------------------------------------------------------------
def softmax(a: Array) -> Array:
    """Along the last dimension."""
    with np.errstate(all="ignore"):
        powers = np.exp(a - a.max(axis=-1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def log_softmax(a: Array) -> Array:
    """Along the last dimension."""
    with np.errstate(all="ignore"):
        shifted = a - a.max(axis=-1, keepdims=True)
        return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


def _softmax_fields() -> Iterator[Fields]:
    yield from product(dtype=FLOAT, shapes=[[s] for s in ROWS if s[-1]], layout=LAYOUTS)
    yield from product(dtype=FLOAT, shapes=[[s] for s in MANY], layout=LAYOUTS[:3])
    yield from product(dtype=FLOAT, shapes=[[(2, 3)]], values=["masked"], layout=["dense"])
    yield from product(dtype=FLOAT, shapes=[[(4, 3)]], values=["undefined"], layout=["dense"])


def _softmax_inputs(case: Case) -> list[Array | None]:
    if case.fields.get("values") == "masked":
        return [np.array([[1e4, 1e4, -math.inf], [-math.inf, 0, 0]], case.fields["dtype"])]
    if case.fields.get("values") == "undefined":  # all but the last row
        rows = [[-math.inf] * 3, [math.inf, 1, -math.inf], [0, math.nan, 1], [1, 2, 3]]
        return [np.array(rows, case.fields["dtype"])]
    return calm(case)


def _softmax(case: Case, a: Array) -> list[Expected]:
    if case.op == "softmax":
        result = softmax(a)
        return [Expected(result, ulps=100, scale=result + 1e-3)]
    result = log_softmax(a)
    with np.errstate(all="ignore"):
        return [Expected(result, ulps=16, scale=np.abs(result) + 1)]


def _backward_inputs(case: Case) -> list[Array | None]:
    (shape, _), dtype = case.fields["shapes"], case.fields["dtype"]
    g = numbers(case.rng("g"), dtype, shape, edges=False)
    raw = numbers(case.rng("y"), dtype, shape, edges=False).astype(np.float64)
    if raw.size:
        raw = softmax(raw) if case.op == "softmax_backward" else log_softmax(raw)
    return [g, raw.astype(dtype)]


def _softmax_backward(case: Case, g: Array, y: Array) -> list[Expected]:
    if case.op == "softmax_backward":
        result = y * (g - (g * y).sum(-1, keepdims=True))
    else:
        result = g - np.exp(y) * g.sum(-1, keepdims=True)
    scale = np.abs(g).sum(-1, keepdims=True) * (1 + np.abs(y).max(initial=0))
    return [Expected(result, ulps=8, scale=np.broadcast_to(scale, g.shape))]


def _softmax_specs() -> Iterator[Spec]:
    for op in ("softmax", "log_softmax"):
        yield Spec(op, 2, _softmax_fields, _softmax_inputs, _softmax,
                   grad=partial(row_grad, op), domain=row_domain, perf=row_perf)  # fmt: skip
        yield Spec(
            f"{op}_backward", 2,
            lambda: product(
                dtype=FLOAT, shapes=[[s, s] for s in (*ROWS, MANY[0]) if s[-1]], layout=LAYOUTS
            ),
            _backward_inputs, _softmax_backward,
            grad=lambda: product(dtype=differentiated("softmax"), shapes=[[(3, 4), (3, 4)]]),
            domain=_backward_inputs,
            perf=lambda: product(dtype=["float32"], shapes=[[(1000, 1000)] * 2], layout=["dense"]),
        )  # fmt: skip


# ---- activations with parameters -------------------------------------------------------------
def bend(a: Array) -> tuple[Array, Array]:
    """tanh of gelu's polynomial, and the polynomial's derivative."""
    root = math.sqrt(2 / math.pi)
    return np.tanh(root * (a + 0.044715 * a**3)), root * (1 + 3 * 0.044715 * a**2)


def gelu(a: Array, tanh: bool) -> Array:
    """x Phi(x), exactly or in the tanh form."""
    return np.asarray(0.5 * a * (1 + bend(a)[0]) if tanh else a * phi(a))


def gelu_slope(a: Array, tanh: bool) -> Array:
    """The derivative of gelu."""
    if tanh:
        t, slope = bend(a)
        return np.asarray(0.5 * (1 + t) + 0.5 * a * (1 - t * t) * slope)
    return np.asarray(phi(a) + a * np.exp(-a * a / 2) / math.sqrt(2 * math.pi))


def _activation(case: Case, *inputs: Array) -> list[Expected]:
    tanh = case.fields.get("tanh", False)
    a = inputs[-1]
    with np.errstate(all="ignore"):
        if case.op in ("gelu", "silu"):
            result = gelu(a, tanh) if case.op == "gelu" else a * sigmoid(a)
            if case.fields.get("values") == "special":
                result = np.array([math.nan, 1e4, 0.0, math.inf, 0.0])
            # Far to the left the true value is tiny and 1 + tanh or 1 + erf cancels.
            scale = np.where(np.isfinite(a), np.maximum(np.abs(result), np.abs(a)), 0)
            if a.dtype.kind == "c":  # near a pole as far off as 1 + exp(-a) is
                return [Expected(result, ulps=24, scale=scale * near_poles(a))]
            return [Expected(result, ulps=6, scale=scale)]
        s = sigmoid(a)
        slope = gelu_slope(a, tanh) if case.op == "gelu_backward" else s * (1 + a * (1 - s))
        scale = np.abs(inputs[0]) * (1 + np.abs(a) ** 2)
        if a.dtype.kind == "c":
            scale = scale * near_poles(a) ** 2 * np.maximum(np.abs(s), 1)
            return [Expected(inputs[0] * slope, ulps=48, scale=scale)]
        return [Expected(inputs[0] * slope, ulps=8, scale=scale)]


def _activation_inputs(case: Case) -> list[Array | None]:
    if case.fields.get("values") == "special":
        return [np.array([math.nan, 1e4, -1e4, math.inf, 0.0], case.fields["dtype"])]
    return calm(case)


def _activation_fields(op: str, arity: int, more: dict[str, list[bool]]) -> Iterator[Fields]:
    for dtype in inexact(op):
        for layout, shape in SCENES:
            yield from product(dtype=[dtype], shapes=[[shape] * arity], **more, layout=[layout])
        if arity == 1 and dtype in FLOAT:
            yield from product(dtype=[dtype], shapes=[[(5,)]], **more, values=["special"])


def _activation_spec(op: str) -> Spec:
    arity = 2 if op.endswith("_backward") else 1
    more = {"tanh": [False, True]} if op.startswith("gelu") else {}
    return Spec(
        op, 2, lambda: _activation_fields(op, arity, more), _activation_inputs, _activation,
        grad=lambda: product(dtype=differentiated(op), shapes=[[(2, 3)] * arity], **more),
        domain=smooth_calm,
        perf=lambda: product(
            dtype=["float32"], shapes=[[(1_000_000,)] * arity], **more, layout=["dense"]
        ),
    )  # fmt: skip


# ---- layer norm ------------------------------------------------------------------------------
NORMED: Final = [(3, 5), (1, 64), (7, 131), (4, 1), (0, 3), (256, 8)]


def _norm_fields() -> Iterator[Fields]:
    for rows, n in NORMED:
        for weight, bias in [((n,), (n,)), ((n,), None), (None, None)]:
            yield from product(
                dtype=FLOAT, shapes=[[(rows, n), weight, bias]], eps=[1e-5], layout=LAYOUTS[:6]
            )


def _layer_norm(case: Case, a: Array, weight: Array | None, bias: Array | None) -> list[Expected]:
    mean = a.mean(axis=1)
    rstd = 1 / np.sqrt(a.var(axis=1) + case.fields["eps"])
    normed = (a - mean[:, None]) * rstd[:, None]
    w = np.ones(a.shape[1]) if weight is None else weight
    b = np.zeros(a.shape[1]) if bias is None else bias
    size = np.abs(a).max(axis=1, initial=0)
    spread = np.abs(normed * w) + np.abs(b) + (size * rstd)[:, None] * np.abs(w)
    # Where all of a row is (nearly) equal, the variance is rounding and eps.
    loose = 1e4 if a.shape[1] == 1 or case.fields.get("layout") in ("broadcast", "scalar") else 64
    return [
        Expected(normed * w + b, ulps=loose / 2, scale=spread),
        Expected(mean, ulps=16, scale=size),
        Expected(rstd, ulps=loose, scale=rstd * (1 + (size * rstd) ** 2)),
    ]


def _norm_backward_inputs(case: Case) -> list[Array | None]:
    dtype = case.fields["dtype"]
    shape, _, _, _, weight = case.fields["shapes"]
    g, a = (numbers(case.rng(i), dtype, shape, edges=False) for i in range(2))
    w = None if weight is None else numbers(case.rng(2), dtype, weight, edges=False)
    exact = a.astype(np.float64)
    mean = exact.mean(axis=1)
    rstd = 1 / np.sqrt(exact.var(axis=1) + 0.1)
    return [g, a, mean.astype(dtype), rstd.astype(dtype), w]


def _layer_norm_backward(
    case: Case, g: Array, a: Array, mean: Array, rstd: Array, weight: Array | None
) -> list[Expected]:
    normed = (a - mean[:, None]) * rstd[:, None]
    scaled = g * (1 if weight is None else weight)
    of_g = scaled.mean(axis=1, keepdims=True)
    of_gx = (scaled * normed).mean(axis=1, keepdims=True)
    result = (scaled - of_g - normed * of_gx) * rstd[:, None]
    largest = np.abs(normed).max(initial=1)
    size = np.abs(scaled).max(axis=1, initial=0) * rstd * largest**2
    return [Expected(result, ulps=32, scale=np.broadcast_to(size[:, None], a.shape))]


def _norm_backward_fields() -> Iterator[Fields]:
    for rows, n in NORMED:
        shapes = [[(rows, n), (rows, n), (rows,), (rows,), w] for w in ((n,), None)]
        yield from product(dtype=FLOAT, shapes=shapes, layout=LAYOUTS[:6])


LAYER_NORM = Spec(
    "layer_norm", 2, _norm_fields, calm, _layer_norm,
    grad=lambda: product(
        dtype=differentiated("layer_norm"),
        shapes=[[(3, 4), (4,), (4,)], [(2, 5), None, None]],
        eps=[0.1],
    ),
    domain=smooth_calm,
    perf=lambda: product(
        dtype=["float32"], shapes=[[(1000, 1000), (1000,), (1000,)]], eps=[1e-5], layout=["dense"]
    ),
)  # fmt: skip
LAYER_NORM_BACKWARD = Spec(
    "layer_norm_backward", 2, _norm_backward_fields, _norm_backward_inputs, _layer_norm_backward
)


# ---- losses ----------------------------------------------------------------------------------
def _mse_shapes(op: str) -> list[list[tuple[int, ...]]]:
    front: list[tuple[int, ...]] = [()] if op.endswith("backward") else []
    return [[*front, shape, shape] for shape in [(3, 5), (131,), (2, 3, 4), ()]]


def _mse(case: Case, *inputs: Array) -> list[Expected]:
    difference = inputs[-2] - inputs[-1]
    if case.op == "mse_loss":
        return [Expected(np.mean(difference**2), ulps=16)]
    result = inputs[0] * 2 * difference / difference.size
    return [
        Expected(result, ulps=8, scale=np.abs(inputs[0]) * (np.abs(inputs[1]) + np.abs(inputs[2])))
    ]


def _mse_spec(op: str) -> Spec:
    shapes = _mse_shapes(op)
    big = [s if s == () else (1_000_000,) for s in shapes[1]]
    return Spec(
        op, 2, lambda: product(dtype=FLOAT, shapes=shapes, layout=LAYOUTS), calm, _mse,
        grad=lambda: product(dtype=differentiated(op), shapes=shapes[:1]), domain=smooth_calm,
        perf=lambda: product(dtype=["float32"], shapes=[big], layout=["dense"]),
    )  # fmt: skip


# ---- tril and triu ---------------------------------------------------------------------------
def _band(case: Case, a: Array) -> list[Expected]:
    keep = np.tril if case.op == "tril" else np.triu
    mask = keep(np.ones(a.shape[-2:], bool), case.fields["diagonal"])
    return [Expected(np.where(mask, a, np.zeros_like(a)), ulps=0)]


def _band_spec(op: str) -> Spec:
    shapes: list[Any] = [[(3, 4)], [(2, 3, 3)], [(0, 3)]]
    return Spec(
        op, 2,
        lambda: product(dtype=accepted(op), shapes=shapes, diagonal=[-1, 0, 2], layout=LAYOUTS[:5]),
        lambda case: [numbers(case.rng(), case.fields["dtype"], case.fields["shapes"][0])],
        _band, grad=lambda: product(dtype=differentiated(op), shapes=[[(3, 4)]], diagonal=[0, 1]),
        domain=smooth_calm,
    )  # fmt: skip


def specs() -> Iterable[Spec]:
    """All of this file's."""
    yield from _softmax_specs()
    for op in ("gelu", "gelu_backward", "silu", "silu_backward"):
        yield _activation_spec(op)
    yield LAYER_NORM
    yield LAYER_NORM_BACKWARD
    for op in ("mse_loss", "mse_loss_backward"):
        yield _mse_spec(op)
    for op in ("tril", "triu"):
        yield _band_spec(op)


SPECS = list(specs())
