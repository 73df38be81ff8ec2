"""Every sample call of the sweeps gives in corex what it gives in PyTorch, with its gradients."""

from __future__ import annotations

import torch

import corex
from tests.parity.comparison import array_difference, difference, plain
from tests.sweeps.calls import CALLS, Call, array_of, exists, run

# PyTorch computes in float32 what its result says is float64.
ROUNDED = {
    "F.hardsigmoid(a)": "with 1/6 in float32",
    "digamma(a)": "the gradient is right to 5e-10",
    "digamma(pos)": "the gradient is right to 5e-10",
    ".digamma_(pos)": "the gradient is right to 5e-10",
    "polygamma(1, pos)": "right to 5e-10",
    ".polygamma_(pos, 1)": "right to 5e-10",
    "softmax(a, 1, dtype=float32)": "the gradient in float32",
}

# PyTorch has no derivative of these, in place.
NO_DERIVATIVE = {
    f".{name}_" for name in "asinh acosh atanh arcsinh arccosh arctanh".split()
}  # fmt: skip


def differs(call: Call) -> str:
    """What differs between corex and PyTorch, or ''."""
    gradients = f".{call.name}" not in NO_DERIVATIVE
    ours, theirs = (run(call, library, gradients=gradients) for library in (corex, torch))
    if ours.error or theirs.error:
        return f"{ours.error!r}, PyTorch {theirs.error!r}"
    if not call.values:
        return ""
    rtol = 2e-5 if call.text in ROUNDED else 0.0
    if text := difference(plain(ours.value), plain(theirs.value), rtol):
        return text
    for name, grad in theirs.grads.items():
        found = ours.grads[name]
        if (found is None) != (grad is None):
            return f"gradient of {name}: {found}, PyTorch {grad}"
        if grad is not None and (text := array_difference(array_of(found), array_of(grad), rtol)):
            return f"gradient of {name}: {text}"
    return ""


def test_every_call_equals_pytorch(each_backend: str) -> None:
    found = {call.text: differs(call) for call in CALLS if exists(call, torch)}
    assert {text: what for text, what in found.items() if what} == {}
