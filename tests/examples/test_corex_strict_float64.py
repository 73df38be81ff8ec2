"""A device that holds no float64: what asks for it is refused, everything else works."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import corex
import corex.nn.functional as F
from corex import Tensor, nn
from tests.ops.expressions import lines
from tests.ops.inputs import INPUTS, Array
from tests.ops.test_functions import numpy_value

pytestmark = pytest.mark.usefixtures("strict")

PLACE = "strict:1"
REFUSAL = r"device 'strict:1' of backend 'strict' holds no float64 tensors; use another dtype"
f32, f64, i64 = corex.float32, corex.float64, corex.int64


def ones(*shape: int, **options: Any) -> Tensor:
    return corex.ones(shape, device=PLACE, **options)


# ---- refusals --------------------------------------------------------------------------------
REFUSED: dict[str, Callable[[], Any]] = {
    "zeros": lambda: corex.zeros(2, dtype=f64, device=PLACE),
    "empty": lambda: corex.empty(0, dtype=f64, device=PLACE),
    "full": lambda: corex.full((2,), 1.0, dtype=f64, device=PLACE),
    "scalar_tensor": lambda: corex.scalar_tensor(1.0, dtype=f64, device=PLACE),
    "empty_strided": lambda: corex.empty_strided((2,), (3,), dtype=f64, device=PLACE),
    "arange": lambda: corex.arange(2, dtype=f64, device=PLACE),
    "linspace": lambda: corex.linspace(0, 1, 3, dtype=f64, device=PLACE),
    "eye": lambda: corex.eye(2, dtype=f64, device=PLACE),
    "rand": lambda: corex.rand(2, dtype=f64, device=PLACE),
    "randn": lambda: corex.randn(2, dtype=f64, device=PLACE),
    "tensor of a list": lambda: corex.tensor([1.0], dtype=f64, device=PLACE),
    "tensor of an array": lambda: corex.tensor(np.ones(3), device=PLACE),
    "as_tensor of an array": lambda: corex.as_tensor(np.ones(3), device=PLACE),
    "asarray": lambda: corex.asarray(np.ones(3), device=PLACE),
    "to a place": lambda: corex.ones(2, dtype=f64).to(PLACE),
    "to place and dtype": lambda: corex.ones(2).to(PLACE, f64),
    "to dtype": lambda: ones(2).to(f64),
    "double": lambda: ones(2).double(),
    "type": lambda: ones(2).type("corex.DoubleTensor"),
    "new_zeros": lambda: ones(2).new_zeros(2, dtype=f64),
    "zeros_like": lambda: corex.zeros_like(ones(2), dtype=f64),
    "full_like": lambda: corex.full_like(ones(2), 1, dtype=f64),
    "sum with a dtype": lambda: ones(2).sum(dtype=f64),
    "softmax with a dtype": lambda: F.softmax(ones(2), 0, dtype=f64),
    "float_power": lambda: corex.float_power(ones(2), 2),
    "bincount with weights": lambda: corex.bincount(ones(2, dtype=i64), ones(2, dtype=i64)),
    "integers and a float64 number": lambda: ones(2, dtype=i64) + corex.tensor(2.0, dtype=f64),
    "Module.double": lambda: nn.Linear(2, 2).to(PLACE).double(),
    "Linear": lambda: nn.Linear(2, 2, device=PLACE, dtype=f64),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_be_float64_is_refused(name: str) -> None:
    with pytest.raises(TypeError, match=REFUSAL):
        REFUSED[name]()


def test_nothing_is_left_half_made() -> None:
    network = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2, dtype=f64))
    with pytest.raises(TypeError, match=REFUSAL):
        network.to(PLACE)
    assert {str(p.device) for p in network.parameters()} == {"cpu"}
    network = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)).to(PLACE)
    with pytest.raises(TypeError, match=REFUSAL):
        network.double()
    assert {p.dtype for p in network.parameters()} == {f32}
    target = ones(2)
    with pytest.raises(TypeError, match=REFUSAL):
        target.copy_(ones(2).double())
    assert target.tolist() == [1, 1]
    assert target._version == 0


# ---- dtypes are converted where both places allow it -------------------------------------------
CONVERTED: dict[str, Callable[[], Tensor]] = {
    "tensor": lambda: corex.tensor(np.full(2, 2.5), dtype=f32, device=PLACE),
    "as_tensor": lambda: corex.as_tensor(np.full(2, 2.5), dtype=f32, device=PLACE),
    "asarray": lambda: corex.asarray(np.full(2, 2.5), dtype=f32, device=PLACE),
    "new_tensor": lambda: ones(1).new_tensor(np.full(2, 2.5)),
    "to": lambda: corex.full((2,), 2.5, dtype=f64).to(PLACE, f32),
    "to from strict:0": lambda: corex.full((2,), 2.5, dtype=f64, device="strict:0").to(ones(1)),
    "copy_": lambda: ones(2).copy_(corex.full((2,), 2.5, dtype=f64)),
    "copy_ from strict:0": lambda: ones(2).copy_(corex.full((2,), 2.5, dtype=f64, device="strict")),
    "fill_": lambda: ones(2).fill_(corex.tensor(2.5, dtype=f64)),
    "a float64 number": lambda: ones(2) * corex.tensor(2.5, dtype=f64),
    "a NumPy number": lambda: ones(2) * np.float64(2.5),
    "Module.to": lambda: nn.Linear(2, 2, dtype=f64).to(PLACE, f32).bias.fill_(2.5),
}


@pytest.mark.parametrize("name", CONVERTED)
def test_float64_that_becomes_float32_on_the_way(name: str) -> None:
    with corex.no_grad():
        got = CONVERTED[name]()
    assert (got.dtype, str(got.device)) == (f32, PLACE)
    assert got.tolist() == [2.5, 2.5]


def test_float64_in_setitem() -> None:
    a = ones(4)
    a[0] = corex.tensor(2.0, dtype=f64)
    with pytest.raises(RuntimeError, match="source and destination dtypes match"):
        a[corex.tensor([1])] = corex.tensor(3.0, dtype=f64)
    a[corex.tensor([1])] = corex.tensor(3.0)
    a[2:] = np.array([4.0, 5.0])
    assert a.tolist() == [2, 3, 4, 5]


def test_away_from_the_device() -> None:
    assert ones(2).to("cpu", f64).dtype is f64
    assert ones(2).to(corex.ones(1, dtype=f64, device="strict:0")).tolist() == [1, 1]
    assert corex.zeros(2, dtype=f64, device="strict:0").copy_(ones(2)).tolist() == [1, 1]


def test_gradients_come_back_in_float64() -> None:
    a = corex.full((3,), 2.0, dtype=f64, requires_grad=True)
    (a.to(PLACE, f32) ** 2).sum().backward()
    assert a.grad is not None
    assert (a.grad.dtype, str(a.grad.device)) == (f64, "cpu")
    assert a.grad.tolist() == [4, 4, 4]
    b = ones(3, requires_grad=True)
    b.to("cpu", f64).sum().backward()
    c = corex.full((3,), 2.0, dtype=f64, device="strict:0", requires_grad=True)
    ones(3).copy_(c * 3).sum().backward()
    assert b.grad is not None
    assert c.grad is not None
    assert (b.grad.dtype, str(b.grad.device)) == (f32, PLACE)
    assert (c.grad.dtype, c.grad.tolist()) == (f64, [3, 3, 3])


# ---- float64 as a working dtype ----------------------------------------------------------------
DRAWS: dict[str, Callable[[str], Tensor]] = {
    "rand": lambda d: corex.rand(7, device=d),
    "randn": lambda d: corex.randn(3, 5, device=d),
    "randn_like": lambda d: corex.randn_like(corex.empty(5, device=d)),
    "normal": lambda d: corex.normal(2.0, 3.0, (9,), device=d),
    "normal_": lambda d: corex.empty(9, device=d).normal_(1, 2),
    "randint": lambda d: corex.randint(0, 9, (7,), device=d),
    "randperm": lambda d: corex.randperm(9, device=d),
    "bernoulli": lambda d: corex.bernoulli(corex.full((9,), 0.5, device=d)),
    "multinomial": lambda d: corex.multinomial(corex.ones(5, device=d), 3),
    "dropout": lambda d: F.dropout(corex.ones(9, device=d)),
    "orthogonal_": lambda d: nn.init.orthogonal_(corex.empty(3, 2, device=d)),
    "trunc_normal_": lambda d: nn.init.trunc_normal_(corex.empty(9, device=d)),
    "kaiming_normal_": lambda d: nn.init.kaiming_normal_(corex.empty(3, 3, device=d)),
    "logspace": lambda d: corex.logspace(0, 3, 7, device=d),
    "logspace of integers": lambda d: corex.logspace(0, 3, 4, dtype=corex.int32, device=d),
    "linspace of integers": lambda d: corex.linspace(0, 10, 7, dtype=i64, device=d),
}

NORMAL = {"randn", "randn_like", "normal", "normal_", "trunc_normal_", "kaiming_normal_"}
"""What is drawn from the normal numbers, which a device without float64 makes in float32."""


@pytest.mark.parametrize("name", DRAWS)
def test_values_are_those_of_other_devices_to_the_bit_or_near(name: str) -> None:
    results = []
    for device in (PLACE, "strict:0", "cpu"):
        corex.manual_seed(5)
        results.append(DRAWS[name](device))
        assert str(results[-1].device) == device
    for other in results[1:]:
        if name in NORMAL:
            near = results[0].numpy(force=True), other.numpy(force=True)
            np.testing.assert_allclose(*near, rtol=2e-6, atol=1e-6)
        else:
            assert results[0].tolist() == other.tolist()


def test_isclose_of_integers() -> None:
    a = corex.tensor([1, 100, 2**40, 16777217], device=PLACE)
    b = corex.tensor([2, 101, 2**40 + 1, 16777216], device=PLACE)
    assert corex.isclose(a, b, rtol=0, atol=0).tolist() == [False] * 4
    assert corex.isclose(a, b, rtol=0, atol=1).tolist() == [True] * 4
    assert corex.isclose(a, b, rtol=0.02, atol=0).tolist() == [False, True, True, True]
    flags = corex.tensor([True, False], device=PLACE)
    assert corex.allclose(flags, flags)


# ---- every function ------------------------------------------------------------------------------
def dense(array: Array) -> Tensor:
    return corex.tensor(array, device=PLACE)


def transposed(array: Array) -> Tensor:
    order = tuple(range(array.ndim))[::-1]
    return corex.tensor(array.T.copy(), device=PLACE).permute(order)


def sliced(array: Array) -> Tensor:
    whole = np.full([2 * n + 1 for n in array.shape], 77).astype(array.dtype)
    where = tuple([slice(1, None, 2)] * array.ndim)
    whole[where] = array
    return corex.tensor(whole, device=PLACE)[where]


class Names(dict[str, Any]):
    """The inputs of the table of expressions as float32 tensors, which require gradients."""

    def __init__(self, layout: Callable[[Array], Tensor]) -> None:
        super().__init__(inf=math.inf, t_=corex.t)
        self.layout = layout
        self.leaves: list[Tensor] = []

    def __missing__(self, name: str) -> Any:
        if name not in INPUTS:
            return getattr(corex, name) if hasattr(corex, name) else getattr(corex.ops, name)
        array = INPUTS[name](name)
        floating = array.dtype == np.float64
        self[name] = found = self.layout(array.astype(np.float32) if floating else array)
        if floating and name.islower():
            self.leaves.append(found.requires_grad_())
        return found


LINES = [line for line in lines() if "float_power" not in line[0]]


@pytest.mark.parametrize("ours, theirs, smooth", LINES, ids=[line[0] for line in LINES])
def test_every_function_works_in_float32(ours: str, theirs: str, smooth: bool) -> None:
    want = numpy_value(theirs)
    for layout in (dense, transposed, sliced):
        names = Names(layout)
        got = eval(ours, names)
        if isinstance(got, Tensor):
            assert str(got.device) == PLACE
            if smooth:
                got.sum().backward()
            got = got.detach().cpu().numpy()
        np.testing.assert_allclose(got, want, rtol=2e-5, atol=2e-6)
        for leaf in names.leaves:
            if leaf.grad is not None:
                assert (leaf.grad.dtype, str(leaf.grad.device)) == (f32, PLACE)
