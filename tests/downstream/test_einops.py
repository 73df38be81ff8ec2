"""einops over tensors: its functions, its layers in corex modules, and its array API entry."""

from __future__ import annotations

import importlib
import pickle
import subprocess
import sys

import einops
import numpy as np
import pytest
from einops import array_api as einops_array_api

import corex
from corex import nn
from tests.downstream.comparing import TENSORS, check, environments, same

layers = importlib.import_module("einops.layers.corex")  # there since corex is
EinMix, Rearrange, Reduce = layers.EinMix, layers.Rearrange, layers.Reduce

_random = np.random.default_rng(0)
DATA = {
    "x": _random.normal(size=(2, 3, 4)), "y": _random.normal(size=(2, 5, 4)),
    "mask": _random.normal(size=(2, 3, 4)) > 0, "i": np.arange(24).reshape(2, 3, 4),
}  # fmt: skip
CALLS = """
einops.rearrange(x, "a b c -> c (b a)")
einops.rearrange(x, "a b (c d) -> d a b c", d=2)
einops.rearrange(x, "... c -> c ...")
einops.rearrange(x, "a b c -> a 1 b c 1")
einops.rearrange([x, 2 * x], "n a b c -> a (n b) c")
einops.rearrange(i, "a b c -> (a b c)")
einops.reduce(x, "a b c -> a c", "mean")
einops.reduce(x, "a b c -> a c", "sum")
einops.reduce(x, "a b c -> c", "prod")
einops.reduce(x, "a b c -> b", "max")
einops.reduce(x, "a b (c d) -> a b c", "min", d=2)
einops.reduce(x, "a b c -> ", "sum")
einops.reduce(x, "a b c -> 1 b 1", "max")
einops.reduce(mask, "a b c -> a", "any")
einops.reduce(mask, "a b c -> b", "all")
einops.reduce(i, "a b c -> a", "sum")
einops.repeat(x, "a b c -> a (b r) c s", r=2, s=3)
einops.repeat(x, "a b c -> r a b c", r=2)
einops.einsum(x, y, "a b c, a d c -> a b d")
einops.einsum(x, "a b c -> b")
einops.einsum(x, y, x, "a b c, a d c, a e c -> b d e")
einops.pack([x, y[0]], "* c")
einops.pack([x, x[:, 0], x[0, 0]], "*")
einops.unpack(einops.pack([x, y[0]], "* c")[0], [(2, 3), (5,)], "* c")
list(einops.parse_shape(x, "a b _").values())
""".strip().split("\n")
REFUSED = ['einops.reduce(i, "a b c -> a", "mean")', 'einops.rearrange(x, "a b -> b a")']


@pytest.mark.parametrize("call", CALLS)
def test_functions(call: str) -> None:
    check(call, {"einops": einops}, DATA)


def test_as_numpy() -> None:
    assert isinstance(einops.asnumpy(corex.ones(2, requires_grad=True)), np.ndarray)


ENTRY = ("einops.rearrange", "einops.reduce", "einops.repeat", "einops.pack", "einops.unpack")


@pytest.mark.parametrize("call", [call for call in CALLS if call.startswith(ENTRY)])
def test_the_entry_for_the_array_api(call: str) -> None:
    over_arrays, over_tensors = environments({"einops": einops}, DATA)
    expected = eval(call, over_arrays)
    found = eval(call, {**over_tensors, "einops": einops_array_api})
    several = isinstance(expected, tuple | list)
    same(found[0] if several else found, expected[0] if several else expected, TENSORS)


@pytest.mark.parametrize("call", REFUSED)
def test_what_it_refuses_of_numpy(call: str) -> None:
    for environment in environments({"einops": einops}, DATA):
        with pytest.raises((einops.EinopsError, NotImplementedError)):
            eval(call, environment)


def test_gradients() -> None:
    x = corex.tensor(DATA["x"], requires_grad=True)
    (einops.rearrange(x, "a b c -> c (a b)") * 2).sum().backward()
    assert x.grad.tolist() == np.full((2, 3, 4), 2.0).tolist()


def test_views_stay_views() -> None:
    x = corex.zeros(2, 3, 4)
    einops.rearrange(x, "a b c -> c b a")[1] = 5
    assert x[:, :, 1].unique().tolist() == [5.0]


# ---- layers -------------------------------------------------------------------------------------
def test_layers_in_a_model() -> None:
    corex.manual_seed(0)
    model = nn.Sequential(
        Rearrange("b (h w) -> b h w", h=4),
        Reduce("b h (w s) -> b h w", "mean", s=2),
        EinMix("b h w -> b c w", weight_shape="h c", bias_shape="c 1", h=4, c=3),
        Rearrange("b c w -> b (c w)"),
    )
    assert [tuple(p.shape) for p in model.parameters()] == [(4, 3), (1, 3, 1)]
    found = model(corex.randn(5, 16))
    assert tuple(found.shape) == (5, 6)
    found.sum().backward()
    assert all(p.grad is not None for p in model.parameters())
    again = pickle.loads(pickle.dumps(model[0]))
    assert repr(again) == repr(model[0]) == "Rearrange('b (h w) -> b h w', h=4)"
    assert tuple(again(corex.randn(5, 16)).shape) == (5, 4, 4)


def test_a_mixture_is_a_matrix_product() -> None:
    mix = EinMix("b i -> b o", weight_shape="i o", bias_shape="o", i=4, o=2)
    x = corex.randn(3, 4)
    assert corex.allclose(mix(x), x @ mix.weight + mix.bias)
    assert mix.weight.abs().max() <= (3 / 4) ** 0.5


# ---- when it is told ----------------------------------------------------------------------------
@pytest.mark.parametrize("order", ["einops, corex", "corex, einops"])
def test_in_both_orders_of_import(order: str) -> None:
    code = f"import {order}; print(einops.rearrange(corex.ones(2, 3), 'a b -> b a').shape)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "(3, 2)"
