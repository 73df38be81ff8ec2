"""`out=` of every function that has it, and every in-place method, as in PyTorch.

What is tried follows from the declarations of ops and from the sample calls of `tests/sweeps`, so a
new op is tried as soon as it has a call: results and errors with an `out` of every dtype, in-place
writes to a tensor of every dtype, and what autograd forbids.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

import corex
from tests.parity.comparison import difference, plain
from tests.sweeps.arguments import TensorArg
from tests.sweeps.calls import CALLS, Call, build, find, tensors_of

DTYPES = ("float64", "float32", "int64", "int32", "uint8", "bool")

# PyTorch refuses these for want of a kernel for the two dtypes together, not by a rule.
NO_KERNEL = "Found dtype", "not implemented for", "cannot be cast"

# (function, dtype of out) -> by what accident PyTorch allows it, or refuses it.
ACCIDENTS = {
    ("all", "uint8"): "casts the input to uint8 first, so that all of (0.5,) is false",
    ("any", "uint8"): "casts the input to uint8 first, so that any of (0.5,) is false",
    ("ldexp", "float32"): "an assertion inside of PyTorch fails",
    ("matrix_power", "float32"): "writes the power 0 to any dtype, but no other power",
    ("geqrf", "float32"): "casts, as no other factorisation",
    **{("signbit", dtype): "truth values go to bool alone, as of no other op" for dtype in DTYPES},
    **{(name, dtype): "an empty out of one of several is not resized"
       for name in ("split_copy", "split_with_sizes_copy") for dtype in DTYPES},
}  # fmt: skip

# Of order 1 right to 5e-10 in PyTorch; of integers all are computed in float32, whatever `out` is.
ROUGH = {"digamma", "i0", "lgamma", "mvlgamma", "polygamma", "digamma_", "polygamma_"}

# With an input that requires gradients: PyTorch gives zeros, or records the write to `out`.
RECORDED = {
    "floor_divide", "heaviside", "bernoulli", "inner", "tensordot", "diag", "softmax",
    "log_softmax", "slice_scatter", "quantile", "nanquantile", "histc", "scatter", "norm",
    "matrix_power", "conj_physical",
}  # fmt: skip

# PyTorch lets these write truth values over a leaf that requires gradients.
OVER_LEAVES = {"logical_and_", "logical_or_", "logical_xor_", "logical_not_"}


def outcome(compute: Callable[[], Any]) -> Any:
    """What is computed, or the exception."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return compute()
        except Exception as error:
            return error


def function_of(call: Call, library: Any) -> Any:
    """What the call calls; PyTorch has functions in two places, of which one knows `out`."""
    return getattr(library, call.name) if call.where == "function" else find(call, library)


def is_unknown(error: Any) -> bool:
    """Whether PyTorch has no such form of the function, with such arguments and `out`."""
    words = (
        "invalid combination", "unexpected keyword", "missing 1 required", "must be Tensor",
        "positional arguments",
    )  # fmt: skip
    return isinstance(error, TypeError) and any(word in str(error) for word in words)


def is_no_kernel(error: Any) -> bool:
    return isinstance(error, Exception) and any(word in str(error) for word in NO_KERNEL)


def differs(call: Call, ours: Any, theirs: Any) -> str:
    """What differs between lists of tensors or exceptions, or ''."""
    failed = [isinstance(one, Exception) for one in (ours, theirs)]
    if all(failed):
        return "" if isinstance(ours, (RuntimeError, TypeError, type(theirs))) else repr(ours)
    if any(failed):
        return f"{ours!r}, PyTorch {theirs!r}"
    found = []
    for one, other in zip(ours, theirs, strict=True):
        if call.values:
            rough = other.dtype is torch.float32 or call.name in ROUGH
            rtol = 2e-5 if rough else 0.0
            found.append(difference(plain(one), plain(other), rtol))
        elif (one.shape, str(one.dtype)[6:]) != (tuple(other.shape), str(other.dtype)[6:]):
            found.append(f"{one.shape} {one.dtype}, PyTorch {other.shape} {other.dtype}")
    return "; ".join(filter(None, found))


# ---- out= ------------------------------------------------------------------------------------
def with_out(calls: list[Call]) -> Iterator[Call]:
    """The calls of functions that take `out`, of those that PyTorch has."""
    for call in calls:
        known = call.where == "function" and hasattr(torch, call.name)
        if known and "out" in inspect.signature(call.target).parameters:
            yield call


class Wanted:
    """The results of a call without `out`: how many there are, and what they are."""

    def __init__(self, call: Call) -> None:
        built = build(call, torch)
        result = outcome(lambda: function_of(call, torch)(*built.args, **built.kwargs))
        self.several = not isinstance(result, torch.Tensor)
        self.tensors = list(tensors_of(result))

    def outs(self, library: Any, at: int = -1, dtype: str = "", empty: bool = False) -> list[Any]:
        """Tensors for the results; the one at `at` of another dtype."""
        made = []
        for i, t in enumerate(self.tensors):
            name = dtype if i == at else str(t.dtype).removeprefix("torch.")
            shape = (0,) if empty else tuple(t.shape)
            made.append(library.full(shape, 1, dtype=getattr(library, name)))
        return made


def into(call: Call, library: Any, outs: list[Any], several: bool, gradients: bool = False) -> Any:
    """The call with `out`: what is in there then, or the exception."""
    built = build(call, library, gradients=gradients)
    out = tuple(outs) if several else outs[0]
    found = outcome(lambda: function_of(call, library)(*built.args, **built.kwargs, out=out))
    if isinstance(found, Exception):
        return found
    if found is not None:  # PyTorch's split_copy and its kin return nothing then
        assert all(one is given for one, given in zip(tensors_of(found), outs, strict=True))
    return outs


def test_out_of_every_dtype() -> None:
    wrong = []
    for call in with_out(CALLS):
        wanted = Wanted(call)
        for at in range(len(wanted.tensors)):
            for dtype in DTYPES:
                for empty in (False, True):
                    ours, theirs = (
                        into(call, lib, wanted.outs(lib, at, dtype, empty), wanted.several)
                        for lib in (corex, torch)
                    )
                    lenient = is_no_kernel(theirs) and not isinstance(ours, Exception)
                    if is_unknown(theirs) or lenient or (call.name, dtype) in ACCIDENTS:
                        continue
                    if text := differs(call, ours, theirs):
                        wrong.append(f"{call.text}, out {at} of {dtype}: {text}")
    assert wrong == []


@pytest.mark.parametrize("which", ["input", "out"])
def test_out_and_gradients(which: str) -> None:
    """Where anything requires gradients, there is no writing to `out`."""
    wrong = []
    for call in with_out(CALLS):
        wanted = Wanted(call)
        both = []
        for library in (corex, torch):
            outs = wanted.outs(library)
            for out in outs if which == "out" else ():
                out.requires_grad_(out.is_floating_point())
            both.append(into(call, library, outs, wanted.several, gradients=which == "input"))
        ours, theirs = both
        if is_unknown(theirs) or call.name in RECORDED or call.name.endswith("_copy"):
            continue
        if type(ours) is not type(theirs):
            wrong.append(f"{call.text}: {ours!r}, PyTorch {theirs!r}")
    assert wrong == []


def test_every_out_of_pytorch_is_there() -> None:
    missing = set()
    for call in CALLS:
        if call.where != "function" or not hasattr(torch, call.name):
            continue
        if "out" in inspect.signature(call.target).parameters:
            continue
        wanted = Wanted(call)
        if wanted.tensors:
            found = into(call, torch, wanted.outs(torch), wanted.several)
            if not isinstance(found, Exception):
                missing.add(call.name)
    assert missing == {"lu"}  # which copies to tensors of any dtype, and has long been deprecated


# ---- in place ----------------------------------------------------------------------------------
def in_place() -> Iterator[Call]:
    """The calls of in-place methods that PyTorch has, too."""
    for call in CALLS:
        known = call.where == "method" and hasattr(torch.Tensor, call.name)
        if known and call.inplace and isinstance(call.args[0], TensorArg):
            yield call


def written(call: Call, library: Any, dtype: str = "", leaf: bool = False) -> Any:
    """What the call leaves in its first argument, or the exception."""
    target = call.args[0]
    assert isinstance(target, TensorArg)
    built = build(call, library, dtypes={target.name: dtype} if dtype else None)

    def write() -> list[Any]:
        built.args[0].requires_grad_(leaf)
        find(call, library)(*built.args, **built.kwargs)
        return [built.args[0]]

    return outcome(write)


@pytest.mark.parametrize("dtype", DTYPES)
def test_in_place_over_every_dtype(dtype: str) -> None:
    wrong = {}
    for call in in_place():
        ours, theirs = (written(call, library, dtype) for library in (corex, torch))
        if text := differs(call, ours, theirs):
            wrong[call.text] = text
    assert wrong == {}


def test_in_place_over_a_leaf() -> None:
    wrong = {}
    for call in in_place():
        ours, theirs = (written(call, library, leaf=True) for library in (corex, torch))
        if type(ours) is not type(theirs) and call.name not in OVER_LEAVES:
            wrong[call.text] = (ours, theirs)
    assert wrong == {}


def test_every_in_place_method_of_pytorch_is_there() -> None:
    known = {*corex.ops.functions, *corex.ops.methods}
    assert [
        name
        for name in dir(torch.Tensor)
        if name.endswith("_") and name[:-1] in known and not hasattr(corex.Tensor, name)
    ] == []
