"""Runs the sample inputs that PyTorch tests its own ops with, in PyTorch and in corex.

    python -m tests.parity.op_db                        # all that PyTorch lists, some minutes
    python -m tests.parity.op_db softmax linalg.norm    # these alone
    python -m tests.parity.op_db --part 2/8 --show 20   # the second eighth of all
    python -m tests.parity.op_db --shown conj           # arguments are conjugate views; or neg

Samples are those of `op_db` for float32, float64, complex128, int64 and bool, as far as PyTorch
takes the dtype on a CPU, and its error inputs. Compared are values, dtypes, shapes, strides (of
dims longer than 1, of results with elements), whether results are conjugate or negative views, and
types of exceptions.
"""

from __future__ import annotations

import argparse
import importlib.util
import inspect
import re
import sys
import types
import unittest
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

if "expecttest" not in sys.modules and not importlib.util.find_spec("expecttest"):
    # PyTorch's lists import it for tests that are not run here.
    sys.modules["expecttest"] = types.ModuleType("expecttest")
    sys.modules["expecttest"].TestCase = unittest.TestCase  # type: ignore[attr-defined]
from torch.testing._internal import common_methods_invocations as lists

import corex
import corex.masked
import corex.nn.functional
import corex.signal
import corex.special

DTYPES = (torch.float32, torch.float64, torch.complex128, torch.int64, torch.bool)
SAMPLES = 60
"""As many of one op and dtype."""

RANDOM = re.compile(
    r"bernoulli|multinomial|normal|randn?(_like)?|randint(_like)?|randperm|.*dropout.*|.*\brrelu|"
    r".*empty.*|cauchy|exponential|geometric|log_normal|uniform|.*gumbel_softmax|.*fractional.*|"
    r".*lowrank|.*scaled_dot_product.*|.*multi_head.*"
)
"""Functions whose values are random, or not defined."""

NOT_UNIQUE = re.compile(
    r"(linalg\.)?(svd|eig|eigh|qr|lu|lu_\w+|lstsq|ldl_\w+|geqrf|householder_product|ormqr|orgqr)|"
    r"argsort|sort|topk|mode|kthvalue|(nan)?median|cummax|cummin|unique\w*|.*max_pool.*"
)
"""Functions with several right values: vectors up to a sign, places of any of equals."""


# ---- from PyTorch's ops to corex's ---------------------------------------------------------------
def walk(name: str) -> Any:
    """corex's function (or method) of a name with dots; None if there is none."""
    found: Any = corex
    for part in name.split("."):
        found = getattr(found, part, None)
    return getattr(corex.Tensor, name, None) if found is None else found


def function_of(op: Any) -> Any:
    """What to call in corex for an entry of the list; None if corex has not got it.

    Entries that are no functions of PyTorch but short ones beside the list are run with corex in
    its place.
    """
    own = op.op
    if isinstance(own, types.FunctionType) and own.__module__.startswith(
        lists.__name__.rpartition(".")[0]
    ):
        if "aten" in own.__code__.co_names:  # an op of PyTorch's inside, which has no public name
            return None
        cells = None
        if own.__closure__:
            cells = tuple([types.CellType(_swapped(c.cell_contents)) for c in own.__closure__])
        names = {**own.__globals__, "torch": corex}
        swapped = types.FunctionType(own.__code__, names, own.__name__, own.__defaults__, cells)
        swapped.__kwdefaults__ = own.__kwdefaults__
        return swapped
    if type(own).__name__ == "method_descriptor" or "Tensor." in getattr(own, "__qualname__", ""):
        return getattr(corex.Tensor, own.__name__, None)
    return walk(op.name) or walk(getattr(own, "__name__", "").partition(".")[0])


def _swapped(value: Any) -> Any:
    """A PyTorch function as corex's."""
    if isinstance(value, torch.nn.PairwiseDistance):
        return corex.nn.functional.pairwise_distance
    if callable(value) and hasattr(value, "__name__"):
        place = getattr(value, "__module__", None) or "torch"
        name = f"{place.removeprefix('torch')}.{value.__name__}".lstrip(".")
        return walk(name) or walk(value.__name__) or walk(f"linalg.{value.__name__}") or value
    return value


# ---- values --------------------------------------------------------------------------------------
def ours(value: Any) -> Any:
    """An argument for corex: tensors with the same elements in the same layout."""
    if isinstance(value, torch.Tensor):
        if value.layout is not torch.strided:
            raise NotImplementedError("layout")
        whole = value.detach().resolve_conj().resolve_neg()
        dtype = getattr(corex, str(whole.dtype).removeprefix("torch."))
        if not whole.numel():
            return corex.empty_strided(whole.shape, whole.stride(), dtype=dtype)
        span = 1 + sum([(n - 1) * s for n, s in zip(whole.shape, whole.stride(), strict=True)])
        flat = whole.as_strided((span,), (1,))
        if dtype in (corex.bfloat16, corex.complex32):
            wide = flat.to(torch.float32 if dtype is corex.bfloat16 else torch.complex64)
            made = corex.from_numpy(wide.numpy()).to(dtype)
        else:
            made = corex.from_numpy(flat.numpy()).clone()
        return made.as_strided(whole.shape, whole.stride())
    if isinstance(value, torch.dtype | torch.memory_format):
        return getattr(corex, str(value).removeprefix("torch."))
    if isinstance(value, torch.device):
        return corex.device(str(value))
    if value is torch.strided:
        return corex.strided
    if isinstance(value, torch.Size):
        return corex.Size(value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return value
    if isinstance(value, list | tuple):
        return type(value)([ours(one) for one in value])
    if isinstance(value, dict):
        return {key: ours(one) for key, one in value.items()}
    if isinstance(value, slice):
        return slice(*[ours(one) for one in (value.start, value.stop, value.step)])
    if callable(value) and (getattr(value, "__module__", None) or "").startswith("torch"):
        return _swapped(value)
    return value


def fresh(value: Any) -> Any:
    """A copy of PyTorch's argument, which a function may write to."""
    if isinstance(value, torch.Tensor):
        own = value.detach()
        if value.layout is not torch.strided or not value.numel() or 0 in value.stride():
            return own.clone()
        return torch.empty_strided(own.shape, own.stride(), dtype=own.dtype).copy_(own)
    return type(value)([fresh(one) for one in value]) if type(value) in (list, tuple) else value


def outcome(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """What a call gives, or the exception."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return function(*args, **kwargs)
        except Exception as error:
            return error


def tensors(value: Any) -> Iterator[Any]:
    """All that a result is made of."""
    if isinstance(value, list | tuple) and not isinstance(value, torch.Size | corex.Size):
        for one in value:
            yield from tensors(one)
    elif isinstance(value, dict):
        yield from tensors(list(value.values()))
    else:
        yield value


def array(t: Any) -> Any:
    """The elements, of a dtype that NumPy has."""
    t = t.detach()
    name = str(t.dtype).split(".")[1]
    t = t.float() if name == "bfloat16" else t.cfloat() if name == "complex32" else t
    return t.resolve_conj().resolve_neg().numpy()


def close(a: Any, b: Any) -> bool:
    """Whether all elements are about equal."""
    if b.dtype.kind not in "fc":
        return bool((a == b).all())
    bound = {2: 2e-3, 4: 1e-4, 8: 1e-4 if b.dtype.kind == "c" else 1e-7, 16: 1e-7}[b.dtype.itemsize]
    return bool(np.allclose(a, b, rtol=bound, atol=bound, equal_nan=True))


def steps(t: Any) -> list[int]:
    """Strides of the dims that are longer than 1."""
    return [s for n, s in zip(t.shape, t.stride(), strict=True) if n > 1] if t.numel() else []


def difference(mine: Any, theirs: Any, values: bool) -> str:
    """The kind of what differs and what it is, or ''."""
    failed = [isinstance(one, Exception) for one in (mine, theirs)]
    if all(failed):
        kind = next(k for k in type(theirs).__mro__ if k.__module__ == "builtins")
        return "" if isinstance(mine, kind) else f"error: {mine!r}, PyTorch {theirs!r}"
    if failed[0]:
        return f"refused: {mine!r}"
    if failed[1]:
        return f"accepted: PyTorch {theirs!r}"
    a, b = list(tensors(mine)), list(tensors(theirs))
    if len(a) != len(b):
        return f"results: {len(a)}, PyTorch {len(b)}"
    for one, other in zip(a, b, strict=True):
        if text := _difference(one, other, values):
            return text
    return ""


def _difference(one: Any, other: Any, values: bool) -> str:
    if not isinstance(other, torch.Tensor):
        same = str(one).replace("corex.", "torch.") == str(other) or (one != one and other != other)
        return "" if same or not values else f"value: {one!r}, PyTorch {other!r}"
    if not isinstance(one, corex.Tensor):
        return f"type: {type(one)}"
    if str(one.dtype)[6:] != str(other.dtype)[6:]:
        return f"dtype: {one.dtype}, PyTorch {other.dtype}"
    if tuple(one.shape) != tuple(other.shape):
        return f"shape: {tuple(one.shape)}, PyTorch {tuple(other.shape)}"
    if values and other.layout is torch.strided and not close(array(one), array(other)):
        return f"values: {str(array(one))[:300]}, PyTorch {str(array(other))[:300]}"
    if (one.is_conj(), one.is_neg()) != (other.is_conj(), other.is_neg()):
        return f"bits: {one.is_conj()}, {one.is_neg()}, PyTorch {other.is_conj()}, {other.is_neg()}"
    if steps(one) != steps(other):
        return f"strides: {one.shape} {one.stride()}, PyTorch {other.stride()}"
    return ""


# ---- all of them ---------------------------------------------------------------------------------
def samples(op: Any) -> Iterator[tuple[str, Any]]:
    """What kind it is, and the sample."""
    for dtype in DTYPES:
        if dtype in op.supported_dtypes("cpu"):
            torch.manual_seed(0)
            found = op.sample_inputs("cpu", dtype, requires_grad=False)
            for _, sample in zip(range(SAMPLES), found, strict=False):
                yield str(dtype)[6:], sample
    if op.error_inputs_func is not None:
        for wrong in op.error_inputs("cpu"):
            if isinstance(wrong.error_type, type) and wrong.error_type is not Warning:
                yield "errors", wrong.sample_input


def view_of(value: Any, shown: str) -> Any:
    """Arguments of which tensors that have conjugates, or negatives, are the views of these."""
    if isinstance(value, torch.Tensor | corex.Tensor):
        kind = str(value.dtype).split(".")[1]
        if str(value.layout)[6:] != "strided":
            return value
        if shown == "conj":
            return value.conj()
        return value._neg_view() if shown and kind not in ("bool", "uint8") else value
    if type(value) in (list, tuple):
        return type(value)([view_of(one, shown) for one in value])
    return {k: view_of(one, shown) for k, one in value.items()} if type(value) is dict else value


def run(op: Any, shown: str = "") -> Iterator[tuple[str, str, str]]:
    """Of every sample its kind, what differs (or ''), and the arguments; with `shown`, "conj" or
    "neg", tensors among them are such views."""
    function = function_of(op)
    values = not (RANDOM.fullmatch(op.name) or NOT_UNIQUE.fullmatch(op.name))
    for kind, sample in samples(op):
        if shown and kind != {"conj": "complex128", "neg": "float64"}[shown]:
            continue
        given = (sample.input, *sample.args), sample.kwargs
        try:
            args, kwargs = view_of((ours(given[0]), ours(given[1])), shown)
        except (RuntimeError, TypeError):  # without memory of its own, or beyond it
            continue
        theirs = outcome(op.op, *view_of((fresh(given[0]), given[1]), shown))
        mine = outcome(function, args, kwargs)
        text = difference(mine, theirs, values)
        yield kind, text, _described(given) if text else ""


def _described(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        own = f"{str(value.dtype)[6:]}{list(value.shape)}"
        return own if value.is_contiguous() else f"{own}/{list(value.stride())}"
    if isinstance(value, list | tuple):
        return f"({', '.join([_described(one) for one in value])})"
    if isinstance(value, dict):
        return "{" + ", ".join([f"{k}={_described(v)}" for k, v in value.items()]) + "}"
    return repr(value)[:80]


def main() -> None:
    """Prints what differs by name and kind, and the rate."""
    parser = argparse.ArgumentParser(description=inspect.getdoc(inspect.getmodule(main)))
    parser.add_argument("names", nargs="*")
    parser.add_argument("--part", default="1/1")
    parser.add_argument("--shown", choices=("", "conj", "neg"), default="")
    parser.add_argument("--show", type=int, default=1, help="examples of each name and kind")
    options = parser.parse_args()
    which, parts = map(int, options.part.split("/"))
    chosen = [op for op in lists.op_db if not options.names or op.name in options.names]
    total, different, absent = 0, 0, set()
    for op in chosen[which - 1 :: parts]:
        if function_of(op) is None:
            absent.add(op.name)
            continue
        kinds: Counter[str] = Counter()
        for kind, text, given in run(op, options.shown):
            total += 1
            if text:
                different += 1
                what = text.split(":")[0]
                kinds[what] += 1
                if kinds[what] <= options.show:
                    label = f"{op.name}/{op.variant_test_name}".rstrip("/")
                    print(f"{label} {kind} {given}\n    {text[:500]}", flush=True)
        if kinds:
            print(f"== {op.name} {dict(kinds)}", flush=True)
    print(f"{different} of {total} samples differ; absent: {', '.join(sorted(absent)) or 'none'}")


if __name__ == "__main__":
    main()
