"""Mode `test`: one kernel call, and every check that the contract allows."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from corex.backend.contract import Backend, Kernel, KernelChoice
from corex.dispatch.devices import place_of
from corex.dispatch.parts import by_parts
from corex.dispatch.upcast import upcast
from corex.dtypes import DType
from corex.plugins.manager import manager
from corex.tensor.place import Place
from corex.tensor.schema import REGISTRY
from corex.testing import decomposed, direct
from corex.testing.arrays import Array, Out, Placed
from corex.testing.call import Call, flat, views_of
from corex.testing.case import Case
from corex.testing.compare import Mismatch
from corex.testing.diagnose import faults, shower
from corex.testing.result import FAILED, MISSING, PASSED, RAISED, UNSUPPORTED, Result
from corex.testing.spec import Spec, arguments
from corex.testing.verdict import Findings, Verdict, told

ONE_DTYPE: Final = ("optim",)
"""Families whose kernels take lists, and are selected by the one dtype of all of them."""


def run(name: str, device: int, spec: Spec, case: Case) -> Result:
    """Runs a kernel case."""
    ran = "native"
    try:
        try:
            ran = _run(name, device, spec, case)
        except Verdict as end:
            if end.status != UNSUPPORTED or not decomposed.applies(spec, case):
                raise
            ran = "decomposed"
            decomposed.run(name, device, spec, case)
    except Verdict as end:
        how = ran if end.status in (FAILED, RAISED) else ""
        return Result(
            case.id, case.op, spec.tier, end.status, end.check, end.message, how=how, also=end.also
        )
    return Result(case.id, case.op, spec.tier, PASSED, how=ran)


def _run(name: str, device: int, spec: Spec, case: Case) -> str:
    """Runs the kernel, or that of a wider dtype between conversions, or that for floats on the
    parts of complex numbers; says which of them."""
    backend = manager.backend(name)
    traits = backend.traits(device)
    given = arguments(spec, case, traits)
    shared = case.fields.get("sharing") == "shared"
    before = backend.memory_stats(device).get("allocated_bytes")
    _check_held(backend, device, spec.op, given)
    if str(case.fields.get("call", "")).startswith("direct"):
        direct.run(backend, device, spec, case, given)
        return "native"
    call = Call(backend, device, given, shared)
    choice, way = choose(name, spec, call)
    kernel = choice.run
    expected = spec.raises(case) if spec.raises is not None else None
    found = Findings()
    if expected is not None:
        deferred = traits.errors == "deferred"
        found.attempt(_check_raises, call, kernel, case, *expected, deferred)
    else:
        repeatable = traits.accumulation == "deterministic"
        _check_values(found, call, kernel, spec.op, repeatable)
        if choice.numbers:
            found.attempt(_check_numbers, call, kernel, spec.op)
    found.attempt(_check_references, call)
    found.attempt(_check_leak, backend, device, before)
    found.conclude()
    return way


def _check_held(backend: Backend, device: int, op: str, given: list[Any]) -> None:
    held = {dtype.name for dtype in backend.dtypes(device)}
    stored = {dtype.name for dtype in backend.traits(device).held_only}
    for placed in flat(given):
        if placed.dtype not in held:
            raise Verdict(UNSUPPORTED, message=f"the device holds no {placed.dtype} tensors")
        if placed.dtype in stored and op not in ("copy", "fill"):
            raise Verdict(UNSUPPORTED, message=f"the device only stores {placed.dtype} tensors")


# ---- the choice of the kernel ----------------------------------------------------------------
def choose(name: str, spec: Spec, call: Call) -> tuple[KernelChoice, str]:
    """The kernel for a call and the way in which it computes, after the predicates were questioned
    twice.

    Raises:
        Verdict: there is none, or a predicate is not honest.
    """
    shown = call.arguments()
    dtypes: tuple[DType, ...] = tuple(view[1] for view in views_of(shown))
    if spec.op in REGISTRY and REGISTRY[spec.op].family in ONE_DTYPE:
        dtypes = dtypes[:1]
    backend = manager.backend(name)
    lines = [_guarded("select", lambda: manager.kernels(backend, spec.op, dtypes))
             for _ in range(2)]  # fmt: skip
    line = lines[0]
    if len(line) != len(lines[1]):
        raise Verdict(RAISED, "honesty", "`select` answers the same question in two ways")
    if not line:
        return _computed_otherwise(place_of(name, call.device), spec, dtypes)
    for chosen in line:  # plugins' kernels first
        choice: KernelChoice = chosen.choice
        if choice.accepts is None or _accepts(choice.accepts, shown):
            return choice, "native"
    raise _declined(spec, "the kernel declines this layout")


def _computed_otherwise(
    place: Place, spec: Spec, dtypes: tuple[DType, ...]
) -> tuple[KernelChoice, str]:
    """By a kernel for other dtypes, as in `dispatch.resolve`."""
    parts = by_parts(place, spec.op, dtypes)
    if parts is not None:
        return KernelChoice(parts, numbers=getattr(parts, "numbers", False)), "parts"
    wider = upcast(place, spec.op, dtypes)
    if wider is not None:
        return KernelChoice(wider, numbers=wider.numbers), "upcast"
    names = ", ".join(dtype.name for dtype in dtypes)
    asked_for = not any(dtype.compute is not None or dtype.is_complex for dtype in dtypes)
    raise _declined(spec, f"no kernel for ({names})", asked_for)


def _accepts(predicate: Callable[..., bool], shown: list[Any]) -> bool:
    verdicts = [bool(_guarded("accepts", lambda: predicate(*shown))) for _ in range(2)]
    if verdicts[0] != verdicts[1]:
        raise Verdict(RAISED, "honesty", "`accepts` answers the same question in two ways")
    return verdicts[0]


def _declined(spec: Spec, message: str, asked_for: bool = True) -> Verdict:
    """`asked_for`: not of a dtype that corex can compute in another."""
    return Verdict(MISSING if spec.tier == 1 and asked_for else UNSUPPORTED, message=message)


def _guarded(what: str, question: Callable[[], Any]) -> Any:
    try:
        return question()
    except Exception as error:
        raise Verdict(RAISED, "honesty", f"`{what}` raised {told(error)}") from error


# ---- running it ------------------------------------------------------------------------------
def _check_values(found: Findings, call: Call, kernel: Kernel, op: str, repeatable: bool) -> None:
    """Three calls: on other inputs first, then twice on these with different garbage.

    What is `repeatable` gives the same bits both times; the rest is right both times.
    """
    call.rehearse()
    try:
        kernel(*call.arguments())
        call.backend.synchronize(call.device)
    except Exception:
        pass  # these inputs are nobody's case
    call.reset()
    if not found.attempt(_launch, call, kernel):
        return
    first = [(placed, after.copy()) for placed, after in call.memory()]
    wrong = _wrong(op, call, first)
    if wrong and _right_on_fresh_memory(call, kernel, op):
        text = "on fresh memory the same call is right: this result is an earlier call's"
        wrong = [Mismatch("stale", "\n".join([text, *[item.message for item in wrong]]))]
    for check, message in wrong:
        found.add(FAILED, check, message)
    for written in (True, False):  # one fault of a kind is enough
        pairs = [pair for pair in first if isinstance(pair[0], Out) is written]
        all(found.attempt(_check_around, *pair) for pair in pairs)
    call.reset(turn=1)
    if not found.attempt(_launch, call, kernel) or found.has("unwritten"):
        return
    second = [(placed, after.copy()) for placed, after in call.memory()]
    if repeatable:
        found.attempt(_check_repeated, first, second)
    elif not wrong:
        for check, message in _wrong(op, call, second):
            found.add(FAILED, check, message)


def _check_repeated(first: list[tuple[Placed, Array]], second: list[tuple[Placed, Array]]) -> None:
    for (placed, one), (_, other) in zip(first, second, strict=True):
        if isinstance(placed, Out) and not _same(placed.read(one), placed.read(other)):
            raise Verdict(FAILED, "repeat", "the same call gave other bits the second time")


def _check_numbers(call: Call, kernel: Kernel, op: str) -> None:
    """A number in place of an input does what a view of one element does, to the bit."""
    first = 2 if op == "where" else 1  # its condition is never a number
    for k, placed in enumerate(call.given[first:], first):
        if not isinstance(placed, Placed) or isinstance(placed, Out) or not placed.array.size:
            continue  # (an input that is the output cannot be seen as one element of it)
        shown = call.arguments()
        buffer, dtype, shape, _, offset = shown[k]
        alone = (buffer, dtype, shape, (0,) * len(shape), offset)
        one, other = [
            _results(call, kernel, [*shown[:k], value, *shown[k + 1 :]])
            for value in (alone, placed.array.ravel()[0].item())
        ]
        if isinstance(one, str) or isinstance(other, str):
            if one != other:
                raise Verdict(
                    FAILED, "numbers", f"a view of one element: {one}; the number: {other}"
                )
            continue
        if not all(_same(a, b) for a, b in zip(one, other, strict=True)):
            value = placed.array.ravel()[0].item()
            raise Verdict(FAILED, "numbers", f"{value!r} as argument {k} is not what its view is")


def _results(call: Call, kernel: Kernel, arguments: list[Any]) -> list[Array] | str:
    """The outputs, or the name of the exception."""
    call.reset()
    try:
        kernel(*arguments)
        call.backend.synchronize(call.device)
    except Exception as error:
        return type(error).__name__
    memory = [(placed, after.copy()) for placed, after in call.memory()]
    return [placed.read(after) for placed, after in memory if isinstance(placed, Out)]


def _right_on_fresh_memory(call: Call, kernel: Kernel, op: str) -> bool:
    again = Call(call.backend, call.device, call.given)
    try:
        _launch(again, kernel)
    except Verdict:
        return False
    return not _wrong(op, again, [(placed, after.copy()) for placed, after in again.memory()])


def _launch(call: Call, kernel: Kernel) -> None:
    try:
        kernel(*call.arguments())
        call.backend.synchronize(call.device)
    except Exception as error:
        raise Verdict(RAISED, "honesty", told(error)) from error


def _wrong(op: str, call: Call, memory: list[tuple[Placed, Array]]) -> list[Mismatch]:
    """What is wrong with the outputs."""
    outs = [(placed, after) for placed, after in memory if isinstance(placed, Out)]
    found = []
    for i, (placed, after) in enumerate(outs):
        name = "out" if len(outs) == 1 else f"out{i}"
        found += faults(placed, after, name, shower(op, call.given, placed))
    return found


def _check_around(placed: Placed, after: Array, anywhere: bool = False) -> None:
    """Every byte that is no element of an output must be the old one."""
    if isinstance(placed, Out) and not anywhere:
        after = after.copy()
        placed.read(after)[...] = placed.array
    changed = np.flatnonzero(after.view(np.uint8) != placed.memory.view(np.uint8))
    if not changed.size:
        return
    element = int(changed[0]) // after.itemsize
    if isinstance(placed, Out):
        where = f"element {element - placed.offset:+d} from the view's first"
        raise Verdict(FAILED, "guards", f"memory around an output was written, at {where}")
    raise Verdict(FAILED, "inputs", f"an input's memory was written, at element {element}")


def _same(one: Array, other: Array) -> bool:
    return one.tobytes() == other.tobytes()


def _check_raises(
    call: Call,
    kernel: Kernel,
    case: Case,
    error: type[Exception],
    message: str | None,
    deferred: bool,
) -> None:
    late = False
    try:
        kernel(*call.arguments())
        late = True
        call.backend.synchronize(call.device)
    except error as raised:
        if late and not deferred:
            text = (
                f"{error.__name__} came with `synchronize` and not with the call, though the "
                "device's traits do not say errors='deferred'"
            )
            raise Verdict(FAILED, "error", text) from raised
        if message is not None and not re.search(message, str(raised)):
            text = f"{type(raised).__name__} must say {message!r}, but says {str(raised)!r}"
            raise Verdict(FAILED, "error", text) from raised
    except Exception as other:
        text = f"expected {error.__name__}, got {told(other)}"
        raise Verdict(FAILED, "error", text) from other
    else:
        raise Verdict(FAILED, "error", f"{error.__name__} was not raised")
    for placed, after in call.memory():
        try:
            _check_around(placed, after, anywhere=case.op == "index_put")
        except Verdict as end:
            raise Verdict(FAILED, "error", f"after {error.__name__}: {end.message}") from None


# ---- what is left behind ---------------------------------------------------------------------
def _check_references(call: Call) -> None:
    """Once the arguments are gone nobody holds them."""
    if call.release():
        raise Verdict(FAILED, "references", "the kernel keeps a reference to a buffer")


def _check_leak(backend: Backend, device: int, before: int | None) -> None:
    """The allocator has the arguments' memory back."""
    after = backend.memory_stats(device).get("allocated_bytes")
    if before is not None and after is not None and after > before:
        raise Verdict(FAILED, "leak", f"{after - before} bytes were not given back")
