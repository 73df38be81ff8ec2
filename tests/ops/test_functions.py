"""Every line of `expressions.py`: values in all layouts on each backend, and gradients."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import corex
from corex.autograd.gradcheck import gradcheck, gradgradcheck
from tests.ops.expressions import lines
from tests.ops.formulas import erf, erfc, sigmoid, softmax, softplus
from tests.ops.inputs import INPUTS, LAYOUTS, Array

pytestmark = pytest.mark.filterwarnings("ignore::corex.FallbackWarning")

LINES = lines()


# ---- what the NumPy side uses ------------------------------------------------------------------
def put(a: Array, where: Any, values: Any) -> Array:
    result = a.copy()
    result[where] = values
    return result


def added(a: Array, where: Any, values: Any) -> Array:
    result = a.copy()
    np.add.at(result, where, values)
    return result


def masked(a: Array, mask: Array, source: Array) -> Array:
    return put(a, mask, source.ravel()[: mask.sum()])


def normal(a: Array, axis: Any, eps: float) -> Array:
    return (a - a.mean(axis, keepdims=True)) / np.sqrt(a.var(axis, keepdims=True) + eps)


def huber(d: Array, delta: float) -> Array:
    size = np.abs(d)
    return np.where(size <= delta, d * d / 2, delta * (size - delta / 2))


def correlate(x: Array, f: Array) -> Array:
    windows = np.lib.stride_tricks.sliding_window_view(x, f.shape[2:], (2, 3))
    return np.einsum("nchwij,ocij->nohw", windows, f)


HELPERS = {
    "np": np,
    "slice": slice,
    "int": int, "inf": math.inf, "put": put, "added": added, "masked": masked, "normal": normal,
    "huber": huber, "correlate": correlate, "erf": erf, "erfc": erfc, "sigmoid": sigmoid,
    "softmax": softmax, "softplus": softplus,
}  # fmt: skip


class NumpyNames(dict[str, Any]):
    def __missing__(self, name: str) -> Any:
        if name in INPUTS:
            return INPUTS[name](name)
        return HELPERS[name] if name in HELPERS else getattr(np, name)


class CorexNames(dict[str, Any]):
    """The inputs that the code uses are kept in `used`."""

    def __init__(self, layout: str = "contiguous", given: dict[str, corex.Tensor] | None = None):
        super().__init__(inf=math.inf, t_=corex.t)
        self.layout = LAYOUTS[layout]
        self.used: dict[str, corex.Tensor] = dict(given or {})
        self.update(self.used)

    def __missing__(self, name: str) -> Any:
        if name in INPUTS:
            self[name] = self.used[name] = self.layout(INPUTS[name](name))
            return self[name]
        return getattr(corex, name) if hasattr(corex, name) else getattr(corex.ops, name)


def numpy_value(code: str) -> Array:
    with np.errstate(all="ignore"):
        return np.asarray(eval(code, NumpyNames()))


@pytest.mark.usefixtures("each_backend")
@pytest.mark.parametrize("ours, theirs", [line[:2] for line in LINES], ids=[x[0] for x in LINES])
def test_values(ours: str, theirs: str) -> None:
    want = numpy_value(theirs)
    for layout in LAYOUTS:
        got = eval(ours, CorexNames(layout))
        found = got.detach().numpy() if isinstance(got, corex.Tensor) else np.asarray(got)
        assert found.shape == want.shape
        assert found.dtype.kind == want.dtype.kind
        np.testing.assert_allclose(found, want, rtol=1e-11, atol=1e-13)


# On one backend: the derivatives are no backend's, and the suite runs each one's kernels for them.
@pytest.mark.parametrize("ours", [line[0] for line in LINES if line[2]])
def test_gradients(ours: str) -> None:
    names = CorexNames()
    eval(ours, names)
    wanted = [n for n, x in names.used.items() if x.is_floating_point() and n.islower()]
    leaves = [names.used[n].detach().clone().requires_grad_() for n in wanted]

    def run(*tensors: corex.Tensor) -> Any:
        given = {**names.used, **dict(zip(wanted, tensors, strict=True))}
        return eval(ours, CorexNames(given=given))

    assert gradcheck(run, leaves)
    result = run(*leaves)
    grads = corex.autograd.grad(result.sum(), leaves, create_graph=True, allow_unused=True)
    if result.numel() <= 12 and any(g is not None and g.requires_grad for g in grads):
        assert gradgradcheck(run, leaves, atol=1e-4)
