"""Arguments that share memory: the same view twice, views that overlap, `out=` over an input.

Whatever is shared, a call gives what it gives for copies of its arguments, so that is the oracle;
or it refuses to write, with the error that PyTorch has.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import corex
from tests.sweeps.arguments import TensorArg, new
from tests.sweeps.calls import CALLS, Built, Call, array_of, build, invoke, tensors_of

SHIFTS = (0, 1, 4)
"""How far apart two arguments are in their common memory, in elements."""

_RANGES = {"f": (0.15, 0.85), "c": (0.15, 0.85), "i": (1, 4), "u": (1, 4), "b": (0, 2)}


def memory(dtype: str, count: int) -> np.ndarray[Any, Any]:
    """Elements that are in the domain of every op."""
    rng = np.random.default_rng(7)
    kind = np.dtype(dtype).kind
    low, high = _RANGES[kind]
    values = rng.uniform(low, high, count) if kind in "fc" else rng.integers(low, high, count)
    return np.asarray(values, dtype)


def sharing(call: Call) -> list[TensorArg]:
    """The arguments that can share memory: those of the first's dtype, and no indices."""
    tensors = [t for t in call.tensors() if not t.bound]
    return [t for t in tensors if t.kind.dtype == tensors[0].kind.dtype]


def placed(call: Call, library: Any, shift: int, shared: bool) -> Built:
    """The call's arguments as views of one memory, or as copies of such views."""
    built = build(call, library)
    pool = sharing(call)
    count = max([int(np.prod(t.shape())) for t in pool]) + shift * len(pool)
    whole = new(library, memory(pool[0].kind.dtype, count))
    found: dict[str, Any] = {}
    for i, argument in enumerate(pool):
        shape = argument.shape()
        size = int(np.prod(shape))
        view = whole[i * shift : i * shift + size].view(shape)
        found[argument.name] = view if shared else view.clone()
    swap = {id(built.tensors[name]): tensor for name, tensor in found.items()}

    def swapped(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return type(value)([swapped(item) for item in value])
        return swap.get(id(value), value)

    return Built(
        [swapped(a) for a in built.args],
        {k: swapped(v) for k, v in built.kwargs.items()},
        {**built.tensors, **found},
        {},
    )


def outcome(run: Callable[[], Any]) -> Any:
    """Arrays of all results, or the exception."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return [np.array(array_of(t)) for t in tensors_of(run())]
    except Exception as error:
        return error


def same(ours: Any, right: Any) -> bool:
    """Whether two outcomes are equal, to the last bits that another order of adding may change."""
    if isinstance(ours, Exception) or isinstance(right, Exception):
        return type(ours) is type(right)
    return len(ours) == len(right) and all(
        a.shape == b.shape and a.dtype == b.dtype and np.allclose(a, b, 1e-6, 1e-9, equal_nan=True)
        for a, b in zip(ours, right, strict=True)
    )


def is_refusal(ours: Any) -> bool:
    """Whether a write was refused because elements share memory, in PyTorch's words."""
    words = "unsupported operation", "refer", "single memory location", "clone()"
    return isinstance(ours, RuntimeError) and all(word in str(ours) for word in words)


def shared_calls() -> Iterator[Call]:
    """Calls with two or more arguments that can share memory."""
    return (c for c in CALLS if c.values and len(sharing(c)) > 1)


def wrong_sharing(call: Call) -> Iterator[str]:
    """What differs when the call's arguments share memory."""
    for shift in SHIFTS:
        right = outcome(lambda s=shift: invoke(call, corex, placed(call, corex, s, False)))
        ours = outcome(lambda s=shift: invoke(call, corex, placed(call, corex, s, True)))
        if not (same(ours, right) or (call.inplace and is_refusal(ours))):
            yield f"{call.text}, {shift} apart: {ours!r}, of copies {right!r}"


# ---- out= ------------------------------------------------------------------------------------
def takes_out(call: Call) -> bool:
    """Whether the call is of a function with `out=` and of a tensor."""
    if call.where == "method" or not call.values or not call.tensors():
        return False
    return "out" in inspect.signature(call.target).parameters


def _over_first(built: Built, result: Any) -> Any:
    first = next((t for t in built.tensors.values() if t.shape == result.shape), None)
    return first if first is not None and first.dtype == result.dtype else None


def _shifted(built: Built, result: Any) -> Any:
    """Memory that begins one element after that of the first argument."""
    first = next((t for t in built.tensors.values() if t.dtype == result.dtype), None)
    count = result.numel()
    if first is None or first._base is None or first._base.numel() < count + 1:
        return None
    return first._base.reshape(-1)[1 : count + 1].view(result.shape)


def _transposed(built: Built, result: Any) -> Any:
    order = tuple(range(result.dim()))[::-1]
    return corex.zeros(tuple(result.shape)[::-1], dtype=result.dtype).permute(order)


def _stepped(built: Built, result: Any) -> Any:
    shape = tuple(result.shape)
    return corex.zeros((*shape, 2), dtype=result.dtype).select(len(shape), 1)


def _empty(built: Built, result: Any) -> Any:
    return corex.empty(0, dtype=result.dtype)


OUTS: dict[str, Callable[[Built, Any], Any]] = {
    "over the first argument": _over_first,
    "shifted by one": _shifted,
    "transposed": _transposed,
    "with gaps": _stepped,
    "empty": _empty,
}


def wrong_out(call: Call) -> Iterator[str]:
    """What differs when the result goes to `out=`, which may be an input or overlap it."""
    if len(sharing(call)) < 1:
        return
    try:
        plain = invoke(call, corex, placed(call, corex, 4, False))
    except corex.linalg.LinAlgError:  # elements of shared memory make no definite matrix
        return
    if not hasattr(plain, "requires_grad"):
        return
    for name, choose in OUTS.items():
        built = placed(call, corex, 4, True)
        right = outcome(lambda: invoke(call, corex, placed(call, corex, 4, False)))
        out = choose(built, plain)
        if out is None:
            continue
        given = Built(built.args, {**built.kwargs, "out": out}, built.tensors, {})
        returned: list[Any] = []

        def into(given: Built = given, returned: list[Any] = returned) -> Any:
            returned.append(invoke(call, corex, given))
            return given.kwargs["out"]

        ours = outcome(into)
        if name in ("over the first argument", "shifted by one") and is_refusal(ours):
            continue
        if not same(ours, right):
            yield f"{call.text}, out {name}: {ours!r}, right {right!r}"
        elif returned and returned[0] is not out:
            yield f"{call.text}, out {name}: returns another tensor"
    yield from _refused(call, plain)


def _refused(call: Call, plain: Any) -> Iterator[str]:
    """Elements that share memory cannot be written."""
    if plain.numel() < 2:
        return
    out = corex.zeros(1, dtype=plain.dtype).expand(plain.shape)
    built = placed(call, corex, 4, False)
    given = Built(built.args, {**built.kwargs, "out": out}, built.tensors, {})
    ours = outcome(lambda: invoke(call, corex, given))
    if not is_refusal(ours):
        yield f"{call.text}, out expanded: {ours!r}, PyTorch refuses"
