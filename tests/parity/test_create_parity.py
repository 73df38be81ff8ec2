"""Creation functions and conversions to Python, against PyTorch.

Each case is an expression, evaluated once with PyTorch's names and once with corex's. Both must
give the same text, element by element, or raise the same type of exception.
"""

from __future__ import annotations

import itertools
import math
import random
import warnings
from typing import Any

import numpy as np
import pytest

import corex

torch = pytest.importorskip("torch")

EXACT = """
tensor(np.float64(1.5))
tensor([np.float64(1.5)])
tensor(np.float32(1.5))
tensor([np.float32(1.5), 2])
tensor([np.int32(1), 2])
tensor(np.int32(1))
tensor(np.uint8(1))
tensor([np.uint8(1)])
tensor([np.bool_(1)])
tensor(np.bool_(1))
tensor([np.int32(1), np.float64(2)])
tensor([np.array([1, 2]), np.array([3, 4])])
tensor([tensor(1), tensor(2.0)])
tensor([tensor(1), 2.5])
tensor([ones(2), ones(2)])
tensor([ones(1), ones(1)])
tensor([[1, 2], [3, 4, 5]])
tensor([[1, 2], [3, 4, 5]], dtype=int64)
tensor([[1, 2], 3])
tensor([1, [2]])
tensor([[[1], [2]], [[1], 2]])
tensor("abc")
tensor(["abc"])
tensor([None])
tensor(None)
tensor([1, None])
tensor([object()])
tensor({1: 2})
tensor({1})
tensor(range(4))
tensor(((1, 2), [3, 4]))
tensor(b"abc")
tensor([])
tensor([[], []])
tensor([[[]]], dtype=int32)
tensor([1, "a"], dtype=int64)
tensor(["a"], dtype=int64)
tensor([None], dtype=int64)
tensor([None], dtype=float32)
tensor([1.7, -1.7], dtype=int64)
tensor([300], dtype=uint8)
tensor([-1], dtype=uint8)
tensor(-1, dtype=uint8)
tensor(-300, dtype=uint8)
tensor([2**40], dtype=int32)
tensor([2**31], dtype=int32)
tensor([-2**31], dtype=int32)
tensor([2**63])
tensor(2**63)
tensor([2**63 - 1, -2**63])
tensor([nan], dtype=int64)
tensor([inf], dtype=int64)
tensor([1e20], dtype=int64)
tensor([300.5], dtype=uint8)
tensor([2**70], dtype=float32)
tensor([2**70, 1.5])
tensor([1e300])
tensor([1e300, inf])
tensor([1.5, 0, "nan"])
tensor([1.5, 0.0, nan], dtype=bool)
tensor([0, 1, 2], dtype=bool)
tensor([True, 2])
tensor([True, 2.5])
tensor([True, False])
tensor([1, 2.5, True])
tensor([1], requires_grad=True)
tensor([1.0], requires_grad=True)
tensor(ones(2))
tensor(ones(2, requires_grad=True))
tensor(ones(2), dtype=int64)
tensor([1], dtype=builtins.float)
tensor([1], dtype=builtins.int)
tensor([1], dtype="float32")
tensor()
tensor(np.array(["a"]))
tensor(np.array([1], dtype=object))
tensor(np.arange(3, dtype=">i4"))
tensor(np.arange(6.0).reshape(2, 3))
tensor(np.arange(6).reshape(2, 3).T)
tensor(np.arange(3.0), dtype=int32)
tensor(np.array([1.5, 2.5], dtype=np.float16), dtype=float32)
tensor(np.array(2.5))
tensor(np.zeros((0, 2)))
from_numpy(np.arange(3, dtype=">i4"))
from_numpy(np.arange(3)[::-1])
from_numpy([1])
from_numpy(np.array(["a"]))
from_numpy(np.float64(1))
from_numpy(np.broadcast_to(np.ones(1), (3,)))
from_numpy(np.zeros((0, 3)))
from_numpy(np.array(1.5))
from_numpy(np.arange(12).reshape(3, 4)[:, ::2]).stride()
from_numpy(np.arange(12).reshape(3, 4)[:, ::2])
from_numpy(np.arange(12).reshape(3, 4)[1:, 1:].T)
from_numpy(np.zeros(3, dtype=[("a", "<f4"), ("b", "i1")])["a"])
as_tensor([1, 2], dtype=float64)
as_tensor(1.5)
as_tensor(np.arange(3), dtype=float32)
as_tensor(ones(2), dtype=int32)
asarray(np.arange(3))
asarray([1, 2], copy=True)
asarray([1, 2], copy=False)
asarray(np.arange(3), dtype=float32, copy=False)
asarray(b"abc")
asarray(b"abcd", dtype=int32)
asarray(array.array("i", [1, 2]))
asarray(ones(2), requires_grad=True)
asarray(ones(2, requires_grad=True))
asarray(ones(2, requires_grad=True), requires_grad=False)
asarray(ones(2, requires_grad=True) * 2, copy=True)
asarray(ones(2, requires_grad=True) * 2, dtype=float64)
asarray(ones(2, requires_grad=True), dtype=int64)
frombuffer(b"abcd", dtype=int32)
frombuffer(bytearray(b"abcde"), dtype=int32)
frombuffer(bytearray(b"abcd"), dtype=int32, count=0)
frombuffer(bytearray(b""), dtype=int32)
frombuffer(bytearray(b"abcd"), dtype=int32, offset=4)
frombuffer(bytearray(b"abcd"), dtype=int32, offset=-1)
frombuffer(bytearray(b"abcdefgh"), dtype=int32, offset=2)
frombuffer(bytearray(b"abcdefgh"), dtype=int32, offset=4)
frombuffer(bytearray(b"abcdefgh"), dtype=int32, offset=3, count=1)
frombuffer(bytearray(b"abcdefgh"), dtype=int32, count=3)
frombuffer(bytearray(b"abcdefgh"), dtype=int32, count=-2)
frombuffer(bytearray(b"abcdefgh"))
frombuffer(3, dtype=int32)
frombuffer(bytearray(b"abcd"), dtype=float32, requires_grad=True)
zeros(-1)
zeros(2, -3)
zeros((2, -3))
ones([-1])
empty(-1)
zeros(2.0)
zeros((2, 1.5))
zeros("a")
zeros()
zeros(())
zeros([])
zeros(2, size=(3,))
zeros(size=(3,))
zeros([2], dtype=builtins.float)
zeros(2, dtype=builtins.int)
zeros(2, dtype=builtins.bool)
zeros(2, dtype="float32")
zeros(np.int64(2), tensor(3))
zeros(10**18)
zeros(2**40, 2**40)
empty(10**17)
zeros(2, out=ones(2))
zeros(2, out=ones(2, dtype=int64))
ones(2, 3, dtype=bool)
zeros(2, requires_grad=True)
zeros(2, dtype=int64, requires_grad=True)
full((2,), 3)
full((2,), True)
full((2,), 3.5)
full((), 3.5)
full(2, 3.5)
full((2,), tensor(3))
full((2,), tensor([3.0]))
full((2,), 300, dtype=uint8)
full((2,), -1, dtype=uint8)
full((2,), 2.5, dtype=int64)
full((2,), 1e300, dtype=float32)
full((2,), 1e300)
full((2,), nan)
full((2,), inf)
full((2,), inf, dtype=int64)
full((2,), nan, dtype=int64)
full((2,), 2**63)
full((2,), -2**63)
full((2,), 2**63 - 1)
full((2,), "3")
full((2,), np.float64(2))
full((2,), np.int32(2))
full((2,), None)
full((2,), 5, dtype=bool)
full((-2,), 5)
full_like(ones(2), 3)
full_like(ones(2, dtype=uint8), 300)
full_like(ones(2, dtype=int64), 2.5)
zeros_like([1])
ones_like(ones(2, 3, dtype=int32))
ones_like(ones(2, 3), dtype=bool)
zeros_like(ones(2, requires_grad=True))
zeros_like(ones(2), requires_grad=True)
zeros_like(ones(2, 3).t()).stride()
zeros_like(ones(1, 3).expand(2, 3)).stride()
zeros_like(ones(2, 3, 4)[:, ::2]).stride()
zeros_like(ones(4, 3, 4).permute(2, 0, 1)[:, ::2]).stride()
empty_like(ones(2, 3, 4).permute(1, 2, 0)).stride()
arange(5)
arange(5.0)
arange(0, 2.5, dtype=int64)
arange(0.5, 2.5, dtype=int64)
arange(0.9, 5.1, 1.9, dtype=int32)
arange(0.9, 5.1, 1.9, dtype=int64)
arange(0.9, 5.1, 0.9, dtype=int32)
arange(0.9, 5.1, 0.9, dtype=int64)
linspace(4.3, -3, 5, dtype=complex128)
linspace(1 + 1j, 2 - 3j, 4, dtype=complex128)
logspace(0, 1.2, 3, 2.0, dtype=complex64)
arange(5, 0)
arange(5, 0, -2)
arange(0, 5, -1)
arange(0, 5, 0)
arange(0, inf)
arange(0, nan)
arange(start=1, end=3)
arange(end=3)
arange(1, end=3)
arange(1, 3, step=3)
arange()
arange("a")
arange(True)
arange(3, dtype=bool)
arange(tensor(3))
arange(tensor(3.0))
arange(np.int64(3))
arange(np.float64(3))
arange(0, 2**62, 2**60)
arange(2**62, 2**62 + 3)
arange(1, 1)
arange(3, requires_grad=True)
arange(3.0, requires_grad=True)
arange(-3, dtype=float64)
arange(10, 0, -3, dtype=uint8)
arange(3, out=zeros(3))
linspace(0, 10, 4, dtype=int64)
linspace(10, -3, 7, dtype=int32)
linspace(0, 1, 1)
linspace(0, 1, 0)
linspace(0, 1, -1)
linspace(0, 1)
linspace(0, 1, 2.5)
linspace("a", 1, 2)
linspace(tensor(1.0), tensor(3.0), 3)
linspace(ones(2), 3, 3)
linspace(0, 1, 3, dtype=bool)
linspace(0, 1, 3, requires_grad=True)
logspace(0, 2, 3)
logspace(0, 2, 3, base=2)
logspace(0, 2, 5, dtype=int64)
logspace(0, 2, 1)
logspace(0, 2, 0)
logspace(0, 2, -2)
logspace(0, 2, 3, base=-2)
eye(3)
eye(2, 3, dtype=int64)
eye(4, 2, dtype=bool)
eye(-1)
eye(2, -1)
eye(0)
eye(0, 3)
eye(3.0)
tril(ones(3))
tril(ones(3, 4), -1)
tril(ones(3, 4), 1)
tril(ones(3, 4), -9)
tril(ones(3, 4), 9)
triu(ones(3, 4), 9)
triu(ones(4, 3), -1)
triu(ones(2, 3, 4, requires_grad=True), 1)
tril(full((2, 2), nan))
tril(ones(2, 2, dtype=bool))
triu(ones(0, 3))
ones(2, 2).tril()
ones(2, 2).triu(1)
meshgrid(arange(2), arange(3), indexing="ij")
meshgrid(arange(2), arange(3), indexing="xy")
meshgrid([arange(2), tensor(3)], indexing="ij")
meshgrid(arange(2), ones(2, 2), indexing="ij")
meshgrid(arange(2), ones(2), indexing="ij")
meshgrid(arange(2), arange(3), arange(4), indexing="xy")
meshgrid(arange(2), indexing="xy")
meshgrid(arange(2), indexing="foo")
meshgrid()
meshgrid(arange(2), arange(3), indexing="ij")[0].stride()
tril_indices(3, 3)
tril_indices(3, 4, -1)
tril_indices(3, 2, 1)
triu_indices(2, 3, 1)
triu_indices(4, 3, -1)
triu_indices(3, 3, 5)
tril_indices(-1, 3)
empty_strided((2, 3), (1, 2)).stride()
empty_strided((2, 3), (1,))
empty_strided((2, 3), (1, -2))
scalar_tensor(3)
scalar_tensor(3, dtype=int64)
ones(2).new_tensor([1, 2])
ones(2).new_tensor(3)
ones(2, dtype=int64).new_tensor([1.5])
ones(2).new_zeros(2, 3)
ones(2).new_zeros((2, 3), dtype=int64)
ones(2).new_zeros(-1)
ones(2).new_full((2,), 3)
ones(2).new_ones(size=(2,))
ones(2).new_empty((2, 0))
ones(2).new_empty_strided((2, 3), (1, 2)).stride()
ones(2).item()
ones(0).item()
ones(1, 1).item()
tensor(True).item()
tensor(7, dtype=uint8).item()
builtins.float(ones(2))
builtins.float(ones(0))
builtins.float(tensor([3]))
builtins.int(ones(2))
builtins.int(tensor(-2.7))
builtins.int(tensor(nan))
builtins.int(tensor(inf))
complex(tensor(2))
builtins.bool(ones(2))
builtins.bool(ones(0))
builtins.bool(ones(1, 1))
builtins.bool(tensor(0.0))
builtins.bool(tensor(nan))
[1, 2, 3][tensor(1)]
[1, 2, 3][tensor([1])]
[1, 2, 3][tensor(1.0)]
[1, 2, 3][tensor([1, 2])]
[1, 2, 3][tensor(True)]
operator.index(ones(0, dtype=int64))
math.floor(tensor(1.5))
round(tensor(1.234), 2)
"%.2f" % tensor(1.5)
iter(tensor(1))
list(ones(2))
list(arange(6).reshape(2, 3))
list(ones(0, 2))
1 in ones(2)
3 in ones(2)
tensor(1) in ones(2)
"a" in ones(2)
np.float32(1) in ones(2)
len(tensor(1))
len(ones(3, 2))
arange(6).reshape(2, 3).tolist()
arange(6).reshape(2, 3).t().tolist()
ones(2, 0, 3).tolist()
ones(0, 3).tolist()
tensor(3).tolist()
tensor([True]).tolist()
ones(2).numpy()
ones(2, requires_grad=True).numpy()
ones(2, requires_grad=True).numpy(force=True)
np.asarray(ones(2, requires_grad=True))
np.asarray(arange(6).reshape(2, 3).t())
ones(2, 3).expand(2, 2, 3).numpy().strides
ones(2, 0, 3).numpy()
tensor(3).numpy()
ones(2).__array__(dtype=np.int64)
np.ones(2) * ones(2)
np.ones(2) - ones(2)
np.ones(2) ** ones(2)
np.ones(2) < ones(2)
ones(2) * np.ones(2)
ones(2) + np.ones(2)
np.float64(2) * ones(2)
np.float32(2) * ones(2, dtype=int64)
ones(2) * np.float64(2)
np.int64(2) * ones(2)
np.sin(ones(2))
np.add(ones(2), np.ones(2))
np.ones(2).__mul__(ones(2))
np.stack([ones(2), ones(2)])
""".strip().splitlines()


def names(module: Any) -> dict[str, Any]:
    import array
    import builtins
    import operator

    return {
        **vars(module),
        "np": np,
        "array": array,
        "builtins": builtins,
        "operator": operator,
        "math": math,
        "nan": math.nan,
        "inf": math.inf,
        "complex": complex,
        "full": module.full,
        "round": round,
        "range": range,
    }


def outcome(expression: str, module: Any) -> tuple[str, str]:
    """("value", its text) or ("error", the exception's type)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            value = eval(expression, names(module))
        except Exception as error:
            kinds = [k.__name__ for k in type(error).__mro__ if k.__module__ == "builtins"]
            return "error", kinds[0]
        return "value", repr(value).replace("torch.", "corex.")


@pytest.mark.parametrize("expression", EXACT)
def test_same_outcome(expression: str) -> None:
    assert outcome(expression, corex) == outcome(expression, torch)


# corex says more than PyTorch, or accepts more, on purpose.
DIFFERENT = {
    "tensor([[], [1]])": "ValueError",  # PyTorch drops the 1
    "tensor([2**70])": "ValueError",
}


@pytest.mark.parametrize("expression", DIFFERENT)
def test_own_errors(expression: str) -> None:
    assert outcome(expression, corex) == ("error", DIFFERENT[expression])


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64", "float32", "float64"])
def test_lengths_and_values_of_arange(dtype: str) -> None:
    rng = random.Random(dtype)
    pool = [0, 1, 2, 3, 5, 7, 0.1, 0.5, 0.3, 1.25, 9.999, 100, 33.3]
    for start, end, step in itertools.product(pool, pool, [1, 2, 3, 0.1, 0.25, 0.7, -1, -0.3]):
        if rng.random() < 0.5:
            continue
        expression = f"arange({start}, {end}, {step}, dtype={dtype})"
        ours, theirs = outcome(expression, corex), outcome(expression, torch)
        if ours[0] == "error" or theirs[0] == "error":
            assert ours[0] == theirs[0], expression
            continue
        a, b = eval(expression, names(corex)), eval(expression, names(torch))
        assert tuple(a.shape) == tuple(b.shape), expression
        # PyTorch steps in float32 within its vector registers: equal up to that rounding.
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=3e-7, atol=2e-6, err_msg=expression)


@pytest.mark.parametrize("function", ["linspace", "logspace"])
@pytest.mark.parametrize("dtype", ["int64", "float32", "float64"])
def test_spaced_numbers(function: str, dtype: str) -> None:
    for start, end in itertools.product([0, 1, -2, 0.5, 3.7], [0, 1, 2.5, -1]):
        for steps in (0, 1, 2, 3, 4, 5, 10, 33):
            a = getattr(corex, function)(start, end, steps, dtype=getattr(corex, dtype)).numpy()
            b = getattr(torch, function)(start, end, steps, dtype=getattr(torch, dtype)).numpy()
            if dtype == "int64":
                # A power just below an integer is cut off to the one before.
                assert np.abs(a - b).max(initial=0) <= (function == "logspace")
            else:
                rtol = 1e-6 if dtype == "float32" else 1e-14
                np.testing.assert_allclose(a, b, rtol=2 * rtol, atol=rtol)
            if steps > 1 and function == "linspace" and dtype != "int64":
                assert a[-1] == b[-1]


def test_inference_of_mixed_elements() -> None:
    elements = {
        "int": 2, "float": 0.5, "bool": True, "np.int32": np.int32(3), "np.uint8": np.uint8(4),
        "np.float64": np.float64(1.5), "np.float32": np.float32(2.5), "np.bool": np.bool_(False),
    }  # fmt: skip
    for pair in itertools.product(elements, elements):
        data = [elements[name] for name in pair]
        for nested in (data, [data], [[data[0]], [data[1]]], tuple(data)):
            ours = corex.tensor(nested)
            try:
                theirs = torch.tensor(nested)
            except TypeError:  # PyTorch takes no NumPy booleans among other integers
                assert "np.bool" in pair
                continue
            assert repr(ours) == repr(theirs).replace("torch.", "corex."), pair


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32", "int64", "float32", "float64"])
def test_conversion_of_numbers(dtype: str) -> None:
    values = [0, 1, -1, 127, 255, 256, -255, -256, 2**31 - 1, 2**31, -(2**31), 2**53 + 1, 2**62]
    values += [0.0, -0.0, 0.5, -0.5, 1.999, 254.9, 255.5, 1e10, 1e30, 16777217.0, 1e39]
    values += [True, False]
    for value in values:
        for expression in (f"tensor({value}, dtype={dtype})", f"tensor([{value}], dtype={dtype})"):
            assert outcome(expression, corex) == outcome(expression, torch), expression
        expression = f"full((2,), {value}, dtype={dtype})"
        assert outcome(expression, corex)[0] == outcome(expression, torch)[0], expression
