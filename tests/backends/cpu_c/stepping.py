"""Optimizer steps in NumPy and float64, from the formulas in PyTorch's documentation."""

from __future__ import annotations

from typing import Any

import numpy as np

import corex

VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "SGD": ("SGD", {"lr": 0.1}),
    "SGD, decay": ("SGD", {"lr": 0.1, "weight_decay": 0.1}),
    "SGD, momentum": ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.2}),
    "SGD, nesterov": (
        "SGD",
        {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.05},
    ),
    "SGD, maximize": ("SGD", {"lr": 0.1, "momentum": 0.5, "maximize": True}),
    "Adam": ("Adam", {"lr": 0.01}),
    "Adam, decay": ("Adam", {"lr": 0.01, "weight_decay": 0.1, "maximize": True}),
    "Adam, capturable": ("Adam", {"lr": 0.01, "capturable": True}),
    "AdamW": ("AdamW", {"lr": 0.01, "weight_decay": 0.1}),
}


def _sgd(p: Any, grads: Any, lr: float, momentum: float = 0, dampening: float = 0, **rest: Any):
    buffer = None
    for grad in grads:
        d = (-grad if rest.get("maximize") else grad) + rest.get("weight_decay", 0) * p
        if momentum:
            buffer = d if buffer is None else momentum * buffer + (1 - dampening) * d
            d = d + momentum * buffer if rest.get("nesterov") else buffer
        p = p - lr * d
    return p


def _adam(p: Any, grads: Any, lr: float, decay: float, decoupled: bool, maximize: bool):
    m = v = np.zeros_like(p)
    for step, grad in enumerate(grads, 1):
        d = -grad if maximize else grad
        p, d = (p * (1 - lr * decay), d) if decoupled else (p, d + decay * p)
        m, v = 0.9 * m + 0.1 * d, 0.999 * v + 0.001 * d * d
        p = p - lr * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8)
    return p


def expected(variant: str, start: Any, grads: Any) -> Any:
    """The parameter after one step per gradient."""
    name, options = VARIANTS[variant]
    start, grads = start.astype(np.float64), [grad.astype(np.float64) for grad in grads]
    if name == "SGD":
        return _sgd(start, grads, **options)
    return _adam(
        start,
        grads,
        options["lr"],
        options.get("weight_decay", 0),
        name == "AdamW",
        options.get("maximize", False),
    )


def stepped(variant: str, parameter: corex.Tensor, grads: Any) -> Any:
    """What corex makes of the same; the parameter is changed in place."""
    name, options = VARIANTS[variant]
    optimizer = getattr(corex.optim, name)([parameter.requires_grad_()], **options)
    for grad in grads:
        parameter.grad = grad
        optimizer.step()
    return parameter.detach().numpy()
