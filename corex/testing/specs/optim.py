"""Optimizer steps: kernels over lists of views, updated in place."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from corex.tensor.schema import REGISTRY
from corex.testing.arrays import FLOAT, Array, Expected, In, Out, exact, numbers
from corex.testing.case import Case
from corex.testing.spec import Fields, Spec

SHAPES: Final[list[tuple[int, ...]]] = [(3, 4), (7,), (), (0, 2)]
MIXED: Final = ["dense", "stepped", "offset", "transposed"]
"""The layouts of the tensors of a list."""

SGD: Final[dict[str, Any]] = {
    "lr": 0.1, "momentum": 0.0, "dampening": 0.0, "weight_decay": 0.0, "nesterov": False,
    "maximize": False, "first": False,
}  # fmt: skip
ADAM: Final[dict[str, Any]] = {
    "step": 1, "lr": 0.01, "beta1": 0.9, "beta2": 0.99, "eps": 1e-8, "weight_decay": 0.0,
    "decoupled": False, "maximize": False,
}  # fmt: skip
VARIANTS: Final[dict[str, list[dict[str, Any]]]] = {
    "sgd_step": [
        {**SGD, **change}
        for change in (
            {},
            {"weight_decay": 0.1},
            {"momentum": 0.9, "first": True},
            {"momentum": 0.9, "dampening": 0.3},
            {"momentum": 0.8, "nesterov": True, "weight_decay": 0.05},
            {"momentum": 0.8, "nesterov": True, "first": True},
            {"momentum": 0.7, "maximize": True, "weight_decay": 0.2},
        )
    ],
    "adam_step": [
        {**ADAM, **change}
        for change in (
            {},
            {"step": 10},
            {"weight_decay": 0.1},
            {"weight_decay": 0.1, "decoupled": True, "step": 3},
            {"maximize": True, "weight_decay": 0.02},
        )
    ],
}


def _fields(op: str) -> Iterator[Fields]:
    for dtype in FLOAT:
        for variant in VARIANTS[op]:
            for layout in ("dense", "mixed"):
                yield {"dtype": dtype, "shapes": SHAPES, **variant, "layout": layout}
        infinite = {**VARIANTS[op][0], "values": "infinite"}
        yield {"dtype": dtype, "shapes": [(5,)], **infinite, "layout": "dense"}


def _perf(op: str) -> Iterator[Fields]:
    shapes = [(512, 512), (512,)] * 4
    yield {"dtype": "float32", "shapes": shapes, **VARIANTS[op][-2], "layout": "dense"}


def _values(case: Case, name: str) -> list[Array]:
    dtype = case.fields["dtype"]
    return [
        numbers(case.rng(name, i), dtype, shape, edges=False)
        for i, shape in enumerate(case.fields["shapes"])
    ]


Step = tuple[list[Array], list[Array]]
"""New values of (parameter, states...), and the sizes that bound their rounding."""


def sgd(f: Fields, p: Array, g: Array, m: Array) -> Step:
    """One parameter's step of stochastic gradient descent, as PyTorch's SGD."""
    size = np.abs(p) + np.abs(g) + np.abs(m)
    d = -g if f["maximize"] else g
    if f["weight_decay"]:  # 0 * inf would be NaN
        d = d + f["weight_decay"] * p
    if f["momentum"]:
        m = d if f["first"] else f["momentum"] * m + (1 - f["dampening"]) * d
        d = d + f["momentum"] * m if f["nesterov"] else m
    return [p - f["lr"] * d, m], [size, size]


def adam(f: Fields, p: Array, g: Array, m: Array, v: Array) -> Step:
    """One parameter's step of Adam or AdamW, as PyTorch's."""
    if f["maximize"]:
        g = -g
    if f["decoupled"]:
        p = p * (1 - f["lr"] * f["weight_decay"])
    elif f["weight_decay"]:
        g = g + f["weight_decay"] * p
    middle = np.abs(m) + np.abs(g) + np.abs(p)
    m = f["beta1"] * m + (1 - f["beta1"]) * g
    v = f["beta2"] * v + (1 - f["beta2"]) * g * g
    root = np.sqrt(v / (1 - f["beta2"] ** f["step"])) + f["eps"]
    p = p - f["lr"] * m / (1 - f["beta1"] ** f["step"]) / root
    return [p, m, v], [np.abs(p) + 1, middle, v + g * g + p * p]


def _build(case: Case) -> list[Any]:
    f, dtype = case.fields, case.fields["dtype"]
    states = ["m", "v"] if case.op == "adam_step" else ["m"]
    if case.op == "sgd_step" and not f["momentum"]:
        states = []
    params, grads = _values(case, "p"), _values(case, "g")
    if f.get("values") == "infinite":
        params[0][:2] = math.inf, -math.inf
    kept = [_values(case, name) for name in ("m", "v")]
    kept[1] = [np.abs(v) for v in kept[1]]
    layouts = MIXED if f.get("layout") == "mixed" else ["dense"]
    outs: list[list[Out]] = [[] for _ in range(1 + len(states))]
    ins: list[In] = []
    step = adam if case.op == "adam_step" else sgd
    for i, (p, g, *old) in enumerate(zip(params, grads, *kept, strict=True)):
        used = old if case.op == "adam_step" else old[:1]
        layout = layouts[i % len(layouts)]
        news, sizes = step(f, exact(p), exact(g), *map(exact, used))
        for to, new, size, before in zip(outs, news, sizes, [p, *used], strict=False):
            to.append(Out(Expected(new, ulps=16, scale=size), dtype, layout, before))
        ins.append(In(g, dtype, layout))
    parameters = [f[name] for name in REGISTRY[case.op].params]
    if case.op == "adam_step":
        return [outs[0], ins, outs[1], outs[2], *parameters]
    return [outs[0], ins, outs[1] if states else [], *parameters]


def _no_inputs(case: Case) -> list[Array | None]:
    return []


def _no_oracle(case: Case, *inputs: Array) -> list[Expected]:
    raise AssertionError("the arguments are built at once")


def _spec(op: str) -> Spec:
    return Spec(
        op, 2, lambda: _fields(op), _no_inputs, _no_oracle, build=_build, perf=lambda: _perf(op)
    )


SPECS = [_spec("sgd_step"), _spec("adam_step")]
