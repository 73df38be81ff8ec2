"""Every tier-2 op: its decomposition and its kernel give the same values and gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import corex
from corex.dispatch.bind import bind, bind_pointwise
from corex.ops.indexing.gather import scatter_add_last
from corex.tensor.schema import REGISTRY, OpSchema
from tests.ops.inputs import Array, generator

pytestmark = [
    pytest.mark.usefixtures("each_backend"),
    pytest.mark.filterwarnings("ignore::corex.FallbackWarning"),
]

Case = Callable[[], tuple[list[Any], tuple[Any, ...]]]


def floats(*shape: int, low: float = -2.0, high: float = 2.0) -> Array:
    return generator(f"{shape}{low}").uniform(low, high, shape)


def integers(*shape: int, below: int) -> Array:
    return generator(f"{shape}").integers(0, below, shape)


PLACES = integers(2, 2, 2, 2, below=4 * 5)
ROWS = floats(3, 4)
STATS = [ROWS.mean(1), 1 / np.sqrt(ROWS.var(1) + 0.1)]
GEOMETRY = ((2, 1), (1, 0), (1, 2), 1)
GROUPED = ((1, 1), (0, 0), (1, 1), 2)
IMAGE, FILTER = (2, 4, 4, 5), (4, 4, 2, 2)

# name -> cases, each (inputs, parameters) of the op as its schema has them.
CASES: dict[str, list[tuple[list[Any], tuple[Any, ...]]]] = {
    "mean": [([floats(2, 3, 4)], (2,)), ([floats(3)], (1,)), ([floats(2)], (0,))],
    "sigmoid_backward": [([floats(2, 3), floats(2, 3, low=0.1, high=0.9)], ())],
    "tanh_backward": [([floats(2, 3), floats(2, 3, low=-0.9, high=0.9)], ())],
    "relu_backward": [([floats(2, 3), floats(2, 3, low=-1.5)], ())],
    "cumsum": [([floats(2, 5)], ()), ([floats(1)], ()), ([floats(0, 3)], ())],
    "argsort": [([integers(3, 7, below=4)], (flag,)) for flag in (False, True)]
    + [([np.array([2.0, np.nan, -1.0, np.nan, np.inf])], (False,))],
    "cumprod": [([floats(2, 5)], ()), ([floats(1)], ()), ([floats(0, 3)], ())],
    "prod_others": [([floats(2, 5)], ()), ([floats(1)], ()), ([floats(0, 3)], ())],
    "chain": [([floats(2, n), floats(2, n, low=-1)], (flag,))
              for n in (0, 1, 2, 5, 8) for flag in (False, True)],
    "logcumsumexp": [([floats(2, 5) * 9], ()), ([floats(1)], ())],
    "argcummax": [([integers(3, 7, below=4)], ()), ([np.array([1.0, np.nan, 3.0, np.nan])], ())],
    "argcummin": [([integers(3, 7, below=4)], ()), ([np.array([1.0, np.nan, 3.0, np.nan])], ())],
    "argselect": [([integers(3, 7, below=4)], (2, flag, 3)) for flag in (False, True)]
    + [([np.array([2.0, np.nan, -1.0, np.nan, np.inf])], (1, True, 4))],
    "softmax": [([floats(3, 4)], ()), ([floats(2, 2, 3) * 50], ())],
    "log_softmax": [([floats(3, 4)], ()), ([floats(2, 2, 3) * 50], ())],
    "softmax_backward": [([floats(3, 4), floats(3, 4, low=0.1, high=0.5)], ())],
    "log_softmax_backward": [([floats(3, 4), floats(3, 4, low=-3.0, high=-0.1)], ())],
    "gelu": [([floats(3, 4)], (flag,)) for flag in (False, True)],
    "gelu_backward": [([floats(3, 4), floats(3, 4, low=-3)], (flag,)) for flag in (False, True)],
    "silu": [([floats(3, 4)], ())],
    "silu_backward": [([floats(3, 4), floats(3, 4, low=-3)], ())],
    "gather": [([floats(3, 4), integers(3, 2, below=4)], ()),
               ([floats(3, 4), integers(2, 6, below=4)], ())],
    "scatter_add": [([floats(3, 4), integers(3, 2, below=4), floats(3, 2)], ()),
                    ([floats(3, 4), integers(2, 3, below=4), floats(3, 5)], ())],
    "layer_norm": [([ROWS, floats(4), floats(4, low=-1)], (0.1,)), ([ROWS, None, None], (1e-5,)),
                   ([ROWS, floats(4), None], (1e-5,))],
    "layer_norm_backward": [([floats(3, 4, low=-1), ROWS, *STATS, floats(4)], ()),
                            ([floats(3, 4, low=-1), ROWS, *STATS, None], ())],
    "linear": [([floats(3, 4), floats(2, 4), floats(2)], ()),
               ([floats(3, 4), floats(2, 4), None], ())],
    "mse_loss": [([floats(3, 4), floats(3, 4, low=-1)], ()), ([floats(1), floats(1, low=0)], ())],
    "mse_loss_backward": [([floats(), floats(3, 4), floats(3, 4, low=-1)], ())],
    "conv2d": [([floats(*IMAGE), floats(*FILTER), floats(4)], GEOMETRY),
               ([floats(*IMAGE), floats(4, 2, 2, 2), None], GROUPED)],
    "conv2d_backward_input": [([floats(2, 4, 3, 3), floats(*FILTER)], (*GEOMETRY, IMAGE)),
                              ([floats(2, 4, 3, 4), floats(4, 2, 2, 2)], (*GROUPED, IMAGE))],
    "conv2d_backward_weight": [([floats(2, 4, 3, 3), floats(*IMAGE)], (*GEOMETRY, FILTER)),
                               ([floats(2, 4, 3, 4), floats(*IMAGE)], (*GROUPED, (4, 2, 2, 2)))],
    "max_pool2d": [([floats(*IMAGE)], ((2, 2), (2, 2), (0, 0), (1, 1))),
                   ([floats(*IMAGE)], ((3, 2), (1, 2), (1, 1), (1, 2)))],
    "max_pool2d_backward": [([floats(2, 2, 2, 2), PLACES], ((2, 2, 4, 5),))],
    "avg_pool2d": [([floats(*IMAGE)], ((2, 2), (2, 2), (0, 0), True)),
                   ([floats(*IMAGE)], ((3, 2), (2, 1), (1, 1), False)),
                   ([floats(*IMAGE)], ((3, 2), (2, 1), (1, 1), True))],
    "avg_pool2d_backward": [
        ([floats(2, 4, 2, 2)], ((2, 2), (2, 2), (0, 0), True, (2, 4, 4, 5))),
        ([floats(2, 4, 2, 6)], ((3, 2), (2, 1), (1, 1), False, (2, 4, 4, 5))),
    ],
    "tril": [([floats(3, 4)], (k,)) for k in (-1, 0, 2)] + [([floats(2, 3, 3)], (0,))],
    "triu": [([floats(3, 4)], (k,)) for k in (-1, 0, 2)] + [([floats(2, 3, 3)], (0,))],
    # Tested by name below, because they write or take no tensors.
    "random_uniform": [], "random_normal": [], "sgd_step": [], "adam_step": [],
}  # fmt: skip
ALL = [(name, i) for name, cases in CASES.items() for i in range(len(cases))]


def tensors(inputs: list[Any], dtype: str, leaf: bool = False) -> list[Any]:
    found = []
    for value in inputs:
        if value is None or value.dtype.kind != "f":
            found.append(None if value is None else corex.tensor(value))
            continue
        made = corex.tensor(value.astype(dtype))
        found.append(made.requires_grad_() if leaf else made)
    return found


def listed(result: Any) -> list[corex.Tensor]:
    return list(result) if isinstance(result, tuple | list) else [result]


def agree(found: list[Any], wanted: list[Any], dtype: str) -> None:
    assert len(found) == len(wanted)
    tolerance = 1e-12 if dtype == "float64" else 1e-5
    for got, want in zip(found, wanted, strict=True):
        assert (got is None) == (want is None)
        if got is not None:
            assert got.dtype is want.dtype
            a, b = got.detach().numpy(), want.detach().numpy()
            np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def forward(schema: OpSchema, inputs: list[Any], params: tuple[Any, ...]) -> list[corex.Tensor]:
    """The op as it runs: by kernel where the backend has one."""
    if schema.name == "scatter_add":
        return [scatter_add_last(*inputs)]
    if schema.result is None:
        first = inputs[0]
        return [bind_pointwise(schema, tuple(inputs), params, first.shape, first.dtype)]
    return listed(bind(schema, tuple(inputs), params))


def decomposed(schema: OpSchema, inputs: list[Any], params: tuple[Any, ...]) -> list[corex.Tensor]:
    assert schema.decomposition is not None
    return listed(schema.decomposition(*inputs, *params))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name, i", ALL, ids=[f"{name}-{i}" for name, i in ALL])
def test_same_values(name: str, i: int, dtype: str) -> None:
    schema, (inputs, params) = REGISTRY[name], CASES[name][i]
    given = tensors(inputs, dtype)
    agree(decomposed(schema, given, params), forward(schema, given, params), dtype)


@pytest.mark.parametrize("name, i", ALL, ids=[f"{name}-{i}" for name, i in ALL])
def test_same_gradients(name: str, i: int) -> None:
    schema, (inputs, params) = REGISTRY[name], CASES[name][i]
    if not schema.differentiable:
        return
    results = []
    for run in (decomposed, forward):
        given = tensors(inputs, "float64", leaf=True)
        leaves = [t for t in given if t is not None and t.requires_grad]
        first = run(schema, given, params)[0]
        weight = corex.tensor(np.cos(np.arange(first.numel()) * 0.7).reshape(first.shape))
        total = (first * weight).sum()
        grads = corex.autograd.grad(total, leaves, allow_unused=True)
        # A formula that is zero everywhere need not reach its input.
        results.append([g if g is not None else x * 0 for g, x in zip(grads, leaves, strict=True)])
    agree(results[0], results[1], "float64")


# ---- those that write, and those of no tensors --------------------------------------------------
@pytest.mark.parametrize("name", ["random_uniform", "random_normal"])
@pytest.mark.parametrize("dtype", [corex.float32, corex.float64])
def test_draws(name: str, dtype: corex.DType) -> None:
    draw = corex.rand if name == "random_uniform" else corex.randn
    kernel = draw(7, generator=corex.Generator().manual_seed(11), dtype=dtype)
    steps = REGISTRY[name].decomposition
    assert steps is not None
    composed = steps(kernel.key, 7, 11, 0)
    tolerance = 0 if name == "random_uniform" else 4 * corex.finfo(dtype).eps
    np.testing.assert_allclose(composed.numpy(), kernel.numpy(), rtol=tolerance, atol=tolerance)


SGD = [(0.1, 0.0, 0.0, 0.0, False, False, False), (0.1, 0.9, 0.1, 0.01, False, False, False),
       (0.1, 0.9, 0.0, 0.01, True, True, True)]  # fmt: skip
ADAM = [(1, 0.1, 0.9, 0.99, 1e-8, 0.0, False, False), (3, 0.1, 0.9, 0.99, 1e-8, 0.1, True, False),
        (3, 0.1, 0.9, 0.99, 1e-8, 0.1, False, True)]  # fmt: skip


@pytest.mark.parametrize(
    "name, params", [("sgd_step", p) for p in SGD] + [("adam_step", p) for p in ADAM]
)
def test_optimizer_steps(name: str, params: tuple[Any, ...]) -> None:
    from corex.ops.nn import optimizer_steps

    schema = REGISTRY[name]
    states = len(schema.inputs) - 2
    if name == "sgd_step" and not params[1]:
        states = 0

    def lists() -> list[list[corex.Tensor]]:
        made = [tensors([floats(2, 3), floats(4)], "float64"), tensors([floats(2, 3, low=-1),
                floats(4, low=-1)], "float64")]  # fmt: skip
        for _ in range(states):
            made.append(tensors([floats(2, 3, low=0.1), floats(4, low=0.1)], "float64"))
        return made + [[] for _ in range(len(schema.inputs) - 2 - states)]

    kernel, composed = lists(), lists()
    step = getattr(optimizer_steps, f"{name}_")
    step(*kernel, **dict(zip(schema.params, params, strict=True)))
    assert schema.decomposition is not None
    schema.decomposition(*composed, *params)
    for ours, theirs in zip(kernel, composed, strict=True):
        agree(ours, theirs, "float64")
