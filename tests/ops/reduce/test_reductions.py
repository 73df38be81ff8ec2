"""Every reduction of the registry: all forms of dim and keepdim, dtypes, layouts, gradients."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import corex
from corex import dtypes
from corex.autograd.gradcheck import gradcheck, gradgradcheck
from corex.tensor.schema import COMPLEX, REGISTRY, OpSchema
from corex.testing.arrays import is_float
from tests.ops.formulas import formula
from tests.ops.inputs import LAYOUTS, Array, as_array, broadcast, generator

pytestmark = [
    pytest.mark.usefixtures("each_backend"),
    pytest.mark.filterwarnings("ignore::corex.FallbackWarning"),
]

OPS = [schema for schema in REGISTRY.values() if schema.family == "reduce"]
SMOOTH = [schema for schema in OPS if schema.differentiable]
DIMS: list[Any] = [None, 0, 1, 2, -1, -3, (0, 1), (0, 2), (-1, 1), [2, 0, 1], ()]
SINGLE = ("argmax", "argmin", "prod")  # take one dim at most


def ids(schema: OpSchema) -> str:
    return schema.name


def values(schema: OpSchema, dtype: str, shape: tuple[int, ...] = (2, 3, 4)) -> Array:
    rng = generator(schema.name)
    if is_float(np.dtype(dtype)):
        return rng.uniform(-2, 2, shape).astype(dtype)
    low, high = (0, 2) if dtype == "bool" else (0 if dtype.startswith("u") else -3, 5)
    return rng.integers(low, high, shape).astype(dtype)


def forms(schema: OpSchema) -> list[Any]:
    return [d for d in DIMS if not (schema.name in SINGLE and isinstance(d, tuple | list))]


def expected(schema: OpSchema, array: Array, dim: Any, keepdim: bool) -> Array:
    exact = array.astype("float64") if is_float(array) else array
    if dim is None or dim == ():
        axis = None
    else:
        axis = tuple(dim) if isinstance(dim, tuple | list) else dim
    return np.asarray(formula(schema.name)(exact, axis=axis, keepdims=keepdim))


def agree(got: corex.Tensor, want: Array) -> None:
    assert got.shape == want.shape
    found = as_array(got)
    if got.is_floating_point():
        tolerance = max(1e-12, 16 * dtypes.finfo(got.dtype).eps)
        np.testing.assert_allclose(found, want, rtol=tolerance, atol=tolerance)
    else:
        np.testing.assert_array_equal(found, want.astype(found.dtype))


@pytest.mark.parametrize("schema", OPS, ids=ids)
def test_values(schema: OpSchema) -> None:
    reduce = getattr(corex, schema.name)
    for dtype in schema.takes - COMPLEX:
        array = values(schema, dtype.name)
        for dim in forms(schema):
            for keepdim in (False, True):
                got = reduce(corex.tensor(array), dim, keepdim)
                agree(got, expected(schema, array, dim, keepdim))
        result = reduce(corex.tensor(array))
        if schema.name in ("sum", "prod"):
            assert result.dtype is (dtype if dtype.kind == "f" else corex.int64)
        elif schema.name.startswith("arg"):
            assert result.dtype is corex.int64
        else:
            assert result.dtype is dtype


@pytest.mark.parametrize("schema", OPS, ids=ids)
def test_layouts(schema: OpSchema) -> None:
    dtype = "bool" if schema.takes == {corex.bool} else "float64"
    array = values(schema, dtype)
    shown, spread = broadcast(array)
    tensors = [(layout(array), array) for layout in LAYOUTS.values()] + [(spread, shown)]
    for tensor, same in tensors:
        for dim in forms(schema):
            agree(getattr(corex, schema.name)(tensor, dim), expected(schema, same, dim, False))
    one = values(schema, dtype, ())
    for dim in (None, 0, -1):
        agree(
            getattr(corex, schema.name)(corex.tensor(one), dim), expected(schema, one, None, False)
        )


@pytest.mark.parametrize("schema", OPS, ids=ids)
def test_empty(schema: OpSchema) -> None:
    reduce = getattr(corex, schema.name)
    dtype = corex.bool if schema.takes == {corex.bool} else corex.float64
    nothing = corex.zeros(0, 3, dtype=dtype)
    assert reduce(nothing, 1).shape == (0,)
    whole = {"sum": 0.0, "prod": 1.0, "any": False, "all": True, "mean": math.nan}
    if schema.name in whole:
        for result in (reduce(nothing), reduce(nothing, 0)[1]):
            want = whole[schema.name]
            assert result.item() == want or (math.isnan(want) and math.isnan(result.item()))
        return
    for dim in (None, 0):
        with pytest.raises((IndexError, RuntimeError), match=rf"{schema.name}\(\).*reduction dim"):
            reduce(nothing, dim)


@pytest.mark.parametrize("schema", [s for s in OPS if corex.float64 in s.takes], ids=ids)
def test_nan_and_infinities(schema: OpSchema) -> None:
    reduce = getattr(corex, schema.name)
    array = np.array([[1.0, math.nan, 3.0], [math.inf, 2.0, -math.inf], [1.0, 2.0, 3.0]])
    got = reduce(corex.tensor(array), 1)
    with np.errstate(invalid="ignore"):
        want = formula(schema.name)(array, axis=1)
    np.testing.assert_array_equal(got.numpy(), want)


@pytest.mark.parametrize("schema", SMOOTH, ids=ids)
def test_gradients(schema: OpSchema) -> None:
    reduce = getattr(corex, schema.name)
    leaf = corex.tensor(values(schema, "float64", (2, 3, 2))).requires_grad_()
    for dim in forms(schema):
        for keepdim in (False, True):
            assert gradcheck(lambda x, d=dim, k=keepdim: reduce(x, d, k), [leaf])
    assert gradcheck(lambda x: reduce(x.permute(2, 0, 1), 1), [leaf])
    small = corex.tensor(values(schema, "float64", (2, 2))).requires_grad_()
    assert gradgradcheck(lambda x: reduce(x * x, 0), [small], atol=1e-4)
    scalar = corex.tensor(values(schema, "float64", ())).requires_grad_()
    assert gradcheck(lambda x: reduce(x), [scalar])


@pytest.mark.parametrize(
    "schema", [s for s in SMOOTH if s.name in ("sum", "prod", "mean")], ids=ids
)
def test_gradients_of_nothing(schema: OpSchema) -> None:
    leaf = corex.zeros(0, 3, dtype=corex.float64, requires_grad=True)
    getattr(corex, schema.name)(leaf, 0).sum().backward()
    assert leaf.grad is not None
    assert leaf.grad.shape == (0, 3)


@pytest.mark.parametrize("name", ["amax", "amin"])
def test_ties_share_the_gradient(name: str) -> None:
    leaf = corex.tensor([[2.0, 2.0, 1.0], [3.0, 3.0, 3.0]]).requires_grad_()
    sign = 1 if name == "amax" else -1
    getattr(corex, name)(leaf * sign, 1).sum().backward()
    third = 1 / 3
    assert leaf.grad is not None
    shares = [[0.5 * sign, 0.5 * sign, 0.0], [third * sign] * 3]
    np.testing.assert_allclose(leaf.grad.numpy(), shares, rtol=1e-6)


def test_zeros_in_a_product() -> None:
    for row in ([0.0, 2.0, 3.0], [0.0, 0.0, 3.0], [1.0, 2.0, 0.0]):
        leaf = corex.tensor([row], dtype=corex.float64).requires_grad_()
        assert gradcheck(lambda x: x.prod(1), [leaf])
        assert gradcheck(lambda x: x.prod(), [leaf])


@pytest.mark.parametrize("schema", OPS, ids=ids)
def test_refusals(schema: OpSchema) -> None:
    reduce = getattr(corex, schema.name)
    good = corex.ones(2, 3, dtype=corex.bool if schema.takes == {corex.bool} else corex.float32)
    for dim in (2, -3):
        with pytest.raises(IndexError, match=rf"range of \[-2, 1\], but got {dim}"):
            reduce(good, dim)
    if schema.name not in SINGLE:
        with pytest.raises(RuntimeError, match="dim 0 appears multiple times"):
            reduce(good, (0, 0))
    with pytest.raises(TypeError):
        reduce(good, "x")
    with pytest.raises(TypeError, match=schema.name):
        reduce([1.0, 2.0])


# ---- scans and order, which have families of their own -----------------------------------------
@pytest.mark.parametrize("dim", [0, 1, -1])
@pytest.mark.parametrize("name", ["cumsum", "cumprod"])
def test_scans(name: str, dim: int) -> None:
    scan = getattr(corex, name)
    array = np.random.default_rng(1).uniform(-2, 2, (3, 5))
    for layout in LAYOUTS.values():
        agree(scan(layout(array), dim), getattr(np, name)(array, axis=dim))
    whole = np.arange(6, dtype="int32").reshape(2, 3)
    got = scan(corex.tensor(whole), dim)
    assert got.dtype is corex.int64
    agree(got, getattr(np, name)(whole, axis=dim, dtype="int64"))
    leaf = corex.tensor(array[:2, :3]).requires_grad_()
    assert gradcheck(lambda x: scan(x, dim), [leaf])
    assert gradgradcheck(lambda x: scan(x, dim), [leaf], atol=1e-4)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32", "int64", "float32", "float64"])
def test_sorting(dtype: str) -> None:
    rng = np.random.default_rng(2)
    array = rng.integers(0, 2 if dtype == "bool" else 4, (3, 7)).astype(dtype)
    for layout in LAYOUTS.values():
        for dim in (0, 1):
            order = corex.argsort(layout(array), dim, stable=True)
            np.testing.assert_array_equal(order.numpy(), np.argsort(array, dim, kind="stable"))
            found = corex.sort(layout(array), dim)
            np.testing.assert_array_equal(found.values.numpy(), np.sort(array, dim))
            back = corex.sort(layout(array), dim, descending=True)
            np.testing.assert_array_equal(back.values.numpy(), np.flip(np.sort(array, dim), dim))
    if dtype == "bool":  # PyTorch has no topk of truth values
        return
    top = corex.topk(corex.tensor(array), 3, 1)
    np.testing.assert_array_equal(top.values.numpy(), np.flip(np.sort(array, 1), 1)[:, :3])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_sixteen_bits_sort_as_the_floats_that_they_are(dtype: str) -> None:
    rng = np.random.default_rng(2)
    values = np.round(rng.standard_normal((3, 90)) * 2) * 2.0 ** rng.integers(-20, 12, (3, 90))
    for i, special in enumerate((0.0, -0.0, math.nan, math.inf, -math.inf)):
        values[:, i::9] = special
    short = corex.tensor(values).to(getattr(corex, dtype))
    for descending in (False, True):
        wanted = short.float().argsort(1, descending)
        assert short.argsort(1, descending).tolist() == wanted.tolist()
        assert short.topk(5, 1, descending).indices.tolist() == wanted[:, :5].tolist()


def test_the_gradient_of_a_long_product_takes_memory_in_proportion(each_backend: str) -> None:
    n = 20_000  # a square of it would be 3 GB
    values = np.where(np.arange(n) % 2, 2.0, 0.5)
    a = corex.tensor(values, requires_grad=True)
    a.prod().backward()
    assert np.array_equal(np.array(a.grad.tolist()), 1 / values)


def test_the_gradient_of_a_product_with_zeros(each_backend: str) -> None:
    rows = [[2.0, 3.0, 5.0], [0.0, 3.0, 5.0], [0.0, 0.0, 5.0]]
    a = corex.tensor(rows, dtype=corex.float64, requires_grad=True)
    a.prod(1).sum().backward()
    assert a.grad.tolist() == [[15.0, 10.0, 6.0], [15.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
