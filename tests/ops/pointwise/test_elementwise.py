"""Every elementwise op of the registry: values, gradients, dtypes, forms, layouts, refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import corex
from corex import dtypes
from corex.autograd.gradcheck import gradcheck, gradgradcheck
from corex.tensor.schema import REGISTRY, OpSchema
from corex.testing.arrays import is_float
from tests.ops.formulas import DOMAINS, FIRST, formula
from tests.ops.inputs import LAYOUTS, Array, as_array, broadcast, generator

pytestmark = [
    pytest.mark.usefixtures("each_backend"),
    pytest.mark.filterwarnings("ignore::corex.FallbackWarning"),
]

FAMILIES = ("unary", "predicate", "binary", "compare")
OPS = [schema for schema in REGISTRY.values() if schema.family in FAMILIES]
SMOOTH = [schema for schema in OPS if schema.differentiable]
SHAPES: list[tuple[int, ...]] = [(2, 3), (2, 3, 2), (3,), (), (0, 3)]


def ids(schema: OpSchema) -> str:
    return schema.name


def public(schema: OpSchema) -> Any:
    found = getattr(corex, schema.name, None)
    if found is not None:
        return found
    from corex.ops.pointwise import unary

    return getattr(unary, schema.name)  # the derivatives that are ops of their own


def arguments(schema: OpSchema, shape: tuple[int, ...], dtype: str = "float64") -> list[Array]:
    rng = generator(schema.name)
    bounds = [DOMAINS.get(schema.name, (-2.0, 2.0))]
    if len(schema.inputs) == 2:
        bounds.insert(0, FIRST.get(schema.name, (-2.0, 2.0)))
    if is_float(np.dtype(dtype)):
        return [rng.uniform(low, high, shape).astype(dtype) for low, high in bounds]
    low = 0 if dtype == "bool" or dtype.startswith("u") else -4
    firsts = [rng.integers(low, 2 if dtype == "bool" else 5, shape).astype(dtype)]
    if len(schema.inputs) == 2:
        firsts.append(rng.integers(1, 2 if dtype == "bool" else 5, shape).astype(dtype))
    return firsts


def expected(schema: OpSchema, values: list[Array]) -> Array:
    exact = [v.astype("float64") if is_float(v) else v for v in values]
    with np.errstate(all="ignore"):
        return np.asarray(formula(schema.name)(*exact))


def agree(got: corex.Tensor, want: Array) -> None:
    assert got.shape == want.shape
    found = as_array(got)
    if got.is_floating_point():
        tolerance = 16 * dtypes.finfo(got.dtype).eps
        np.testing.assert_allclose(found, want, rtol=tolerance, atol=tolerance)
    else:
        np.testing.assert_array_equal(found, want.astype(found.dtype))


def dtypes_of(schema: OpSchema) -> list[str]:
    return [d.name for d in dtypes.ALL if d in schema.takes and not d.is_complex]


# ---- values ----------------------------------------------------------------------------------
@pytest.mark.parametrize("schema", OPS, ids=ids)
def test_values_of_all_dtypes_and_shapes(schema: OpSchema) -> None:
    for dtype in dtypes_of(schema):
        for shape in SHAPES:
            values = arguments(schema, shape, dtype)
            got = public(schema)(*[corex.tensor(v) for v in values])
            to_bool = schema.family in ("predicate", "compare")
            assert got.dtype is (corex.bool if to_bool else getattr(corex, dtype))
            agree(got, expected(schema, values))


@pytest.mark.parametrize("schema", OPS, ids=ids)
def test_layouts(schema: OpSchema) -> None:
    dtype = "float64" if corex.float64 in schema.takes else dtypes_of(schema)[-1]
    values = arguments(schema, (2, 3, 2), dtype)
    want = expected(schema, values)
    for first in LAYOUTS.values():
        for second in LAYOUTS.values():
            tensors = [layout(v) for layout, v in zip((first, second), values, strict=False)]
            agree(public(schema)(*tensors), want)
    pairs = [broadcast(v) for v in values]
    agree(public(schema)(*[t for _, t in pairs]), expected(schema, [v for v, _ in pairs]))


@pytest.mark.parametrize("schema", [s for s in OPS if len(s.inputs) == 2], ids=ids)
def test_broadcasting(schema: OpSchema) -> None:
    dtype = "float64" if corex.float64 in schema.takes else dtypes_of(schema)[-1]
    whole = arguments(schema, (2, 3, 2), dtype)
    for first, second in [
        ((), (1, 0, 0)),
        ((0,), ()),
        ((0, 0), (0,)),
        ((), (0, 0, 0)),
        ((0,), (1,)),
    ]:
        a, b = whole[0][first], whole[1][second]
        if a.shape and b.shape and a.shape[-1] != b.shape[-1]:
            continue
        agree(public(schema)(corex.tensor(a), corex.tensor(b)), expected(schema, [a, b]))
    with pytest.raises(RuntimeError, match=rf"\[{schema.name}\].*\(2, 3, 2\).*\(2, 4\)"):
        public(schema)(corex.tensor(whole[0]), corex.ones(2, 4, dtype=getattr(corex, dtype)))


# ---- gradients -------------------------------------------------------------------------------
def leaves(schema: OpSchema, shape: tuple[int, ...]) -> list[corex.Tensor]:
    return [corex.tensor(v).requires_grad_() for v in arguments(schema, shape)]


@pytest.mark.parametrize("schema", SMOOTH, ids=ids)
def test_gradients(schema: OpSchema) -> None:
    assert gradcheck(public(schema), leaves(schema, (2, 2)))
    assert gradcheck(public(schema), leaves(schema, ()))
    inputs = leaves(schema, (2, 1))
    if len(inputs) == 2:
        row = corex.tensor(arguments(schema, (2,))[1]).requires_grad_()
        assert gradcheck(public(schema), [inputs[0], row])
    assert gradcheck(lambda *xs: public(schema)(*[x.t() for x in xs]), inputs)


@pytest.mark.parametrize("schema", SMOOTH, ids=ids)
def test_second_derivatives(schema: OpSchema) -> None:
    inputs = leaves(schema, (2,))
    once = public(schema)(*inputs).sum()
    grads = corex.autograd.grad(once, inputs, create_graph=True, allow_unused=True)
    if any(g is not None and g.requires_grad for g in grads):
        assert gradgradcheck(public(schema), inputs, atol=1e-4)


@pytest.mark.parametrize("schema", SMOOTH, ids=ids)
def test_gradients_of_nothing(schema: OpSchema) -> None:
    inputs = leaves(schema, (0, 3))
    public(schema)(*inputs).sum().backward()
    for leaf in inputs:
        assert leaf.grad is None or leaf.grad.shape == (0, 3)


# ---- forms -----------------------------------------------------------------------------------
IN_PLACE = [s for s in OPS if hasattr(corex.Tensor, f"{s.name}_")]


@pytest.mark.parametrize("schema", OPS, ids=ids)
def test_method_and_function_are_the_same(schema: OpSchema) -> None:
    if not hasattr(corex, schema.name):
        return  # a derivative, not public
    dtype = "float64" if corex.float64 in schema.takes else dtypes_of(schema)[-1]
    tensors = [corex.tensor(v) for v in arguments(schema, (2, 3), dtype)]
    method = getattr(corex.Tensor, schema.name)
    assert corex.equal(method(*tensors), getattr(corex, schema.name)(*tensors))


@pytest.mark.parametrize("schema", IN_PLACE, ids=ids)
def test_in_place(schema: OpSchema) -> None:
    dtype = "float64" if corex.float64 in schema.takes else dtypes_of(schema)[-1]
    values = arguments(schema, (2, 3), dtype)
    for layout in LAYOUTS.values():
        target, *others = [layout(v) for v in values]
        pointer, version = target.data_ptr(), target._version
        assert getattr(target, f"{schema.name}_")(*others) is target
        assert (target.data_ptr(), target._version) == (pointer, version + 1)
        agree(target, expected(schema, values).astype(values[0].dtype))
    leaf = corex.tensor(values[0] * 1.0).requires_grad_()
    with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
        getattr(leaf, f"{schema.name}_")(*[corex.tensor(v) for v in values[1:]])


@pytest.mark.parametrize("schema", [s for s in IN_PLACE if s in SMOOTH], ids=ids)
def test_gradients_of_in_place(schema: OpSchema) -> None:
    def written(x: corex.Tensor, *others: corex.Tensor) -> corex.Tensor:
        target = x * 1
        getattr(target, f"{schema.name}_")(*others)
        return target

    def partly(x: corex.Tensor, *others: corex.Tensor) -> corex.Tensor:
        target = x * 1
        getattr(target[1], f"{schema.name}_")(*[other[1] for other in others])
        return target

    assert gradcheck(written, leaves(schema, (2, 2)))
    assert gradcheck(partly, leaves(schema, (2, 2)))


@pytest.mark.parametrize("schema", OPS, ids=ids)
def test_out(schema: OpSchema) -> None:
    if not hasattr(corex, schema.name):
        return
    dtype = "float64" if corex.float64 in schema.takes else dtypes_of(schema)[-1]
    values = arguments(schema, (2, 3), dtype)
    tensors = [corex.tensor(v) for v in values]
    want = public(schema)(*tensors)
    if schema.name == "relu":
        return
    for out in (corex.zeros(2, 3, dtype=want.dtype), corex.zeros(3, 2, dtype=want.dtype).t(),
                corex.zeros(0, dtype=want.dtype)):  # fmt: skip
        assert public(schema)(*tensors, out=out) is out
        assert corex.equal(out, want)
    same = tensors[0].clone()
    if want.dtype is same.dtype:
        public(schema)(same, *tensors[1:], out=same)
        assert corex.equal(same, want)
    other = corex.zeros(4, dtype=want.dtype)
    with pytest.warns(UserWarning, match=r"shape \[4\].*shape \[2, 3\]"):
        assert public(schema)(*tensors, out=other) is other
    assert corex.equal(other, want)


# ---- refusals --------------------------------------------------------------------------------
@pytest.mark.parametrize("schema", OPS, ids=ids)
def test_dtypes_that_are_not_taken(schema: OpSchema) -> None:
    if not hasattr(corex, schema.name):
        return
    for dtype in dtypes.ALL:
        promoted = dtype.kind in {"float": "bui", "int": "b"}.get(schema.promote, "")
        copied = schema.name in ("floor", "ceil", "round", "trunc", "sign", "fmax", "fmin")
        if dtype in schema.takes or promoted or copied:
            continue
        if dtype.is_complex and schema.of_complex is not None:
            continue
        tensors = [corex.ones(2, 3, dtype=dtype) for _ in schema.inputs]
        with pytest.raises(RuntimeError, match=rf"\[{schema.name}\]"):
            public(schema)(*tensors)


@pytest.mark.parametrize("schema", OPS, ids=ids)
def test_foreign_arguments(schema: OpSchema) -> None:
    if not hasattr(corex, schema.name):
        return
    good = corex.ones(2, dtype=getattr(corex, dtypes_of(schema)[-1]))
    for bad in (None, "text", [1.0], object()):
        with pytest.raises(TypeError):
            public(schema)(*[good] * (len(schema.inputs) - 1), bad)


@pytest.mark.parametrize("schema", [s for s in OPS if len(s.inputs) == 2], ids=ids)
def test_mixed_backends(schema: OpSchema) -> None:
    dtype = getattr(corex, dtypes_of(schema)[-1])
    here = corex.ones(2, 3, dtype=dtype)
    other = "cpu_c" if here.backend == "reference_py" else "reference_py"
    there = here.to(backend=other)
    with pytest.raises(RuntimeError, match=f"{schema.name}.*{here.backend}.*{other}"):
        public(schema)(here, there)
