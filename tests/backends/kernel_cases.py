"""What the kernel tests share: backends, memory layouts with guards, and the comparison.

A test builds its arguments from `In` (an input in some layout) and `Out` (what is expected, in some
layout), both in `kernel_data`, and hands them to `check`. That runs the kernel and looks at every
byte afterwards: outputs against the expectation, everything around them and all inputs against
what was there before.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

import numpy as np
import pytest

from corex.backend import Backend, BackendDescriptor, KernelChoice, View
from tests.backends.kernel_data import Array, Out, Placed, raw

Axis = Iterable[Any] | Callable[[str], Iterable[Any]]

BACKENDS = ["reference_py", "cpu_c"]

TIER_1 = """
    copy fill arange neg abs sign square floor ceil round trunc sqrt rsqrt reciprocal exp exp2 expm1
    log log2 log10 log1p sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh sigmoid erf
    relu logical_not bitwise_not isnan isinf isfinite signbit add mul sub div floor_divide remainder
    fmod pow maximum minimum fmax fmin atan2 hypot copysign eq ne lt le gt ge logical_and logical_or
    logical_xor bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift where sum
    prod amax amin argmax argmin any all matmul index index_put nonzero random_bits
""".split()


# ---- backends ------------------------------------------------------------------------------
@cache
def descriptor(name: str) -> BackendDescriptor:
    """What the backend's plugin announces."""
    plugin = importlib.import_module(f"corex_{name}.plugin")
    announced: list[BackendDescriptor] = plugin.corex_backends()
    return next(found for found in announced if found.name == name)


@cache
def load(name: str) -> Backend:
    """The backend, constructed once."""
    return descriptor(name).factory()


def offered(name: str, op: str) -> bool:
    """Whether to generate cases: always for tier 1, else if the backend has the kernel.

    A backend that cannot be imported gets its cases too: they fail and say so.
    """
    try:
        return op in TIER_1 or descriptor(name).probe() is not None or op in load(name).kernels
    except ImportError:
        return True


def cases(ops: Sequence[str], *rest: Axis) -> list[Any]:
    """Parameters (backend, op, ...): all combinations; an op's `rest` may be computed from it."""
    found = []
    for name in BACKENDS:
        reason = descriptor_reason(name)
        marks = [pytest.mark.skip(reason=f"{name}: {reason}")] if reason else []
        for op in ops:
            if not offered(name, op):
                continue
            rows: list[tuple[Any, ...]] = [(name, op)]
            for axis in rest:
                values = axis(op) if callable(axis) else axis
                rows = [(*row, value) for row in rows for value in values]
            found += [pytest.param(*row, marks=marks, id="-".join(map(str, row))) for row in rows]
    return found


def descriptor_reason(name: str) -> str | None:
    """The probe's reason for skipping a backend; None also where a missing backend must fail."""
    if not os.environ.get("COREX_ALLOW_MISSING_BACKEND"):
        return None
    try:
        return descriptor(name).probe()
    except ImportError:
        return None


# ---- running and comparing -------------------------------------------------------------------
def choose(
    backend: Backend, op: str, views: Sequence[View], arguments: Sequence[Any]
) -> KernelChoice:
    """The backend's kernel for these arguments; declining is a fault in tier 1 only."""
    choice = backend.select(op, tuple(view[1] for view in views))
    if choice is None or not (choice.accepts is None or choice.accepts(*arguments)):
        verdict = f"{backend.name} declines {op} of {[view[1] for view in views]}"
        if op in TIER_1:
            pytest.fail(verdict)
        pytest.skip(verdict)
    return choice


class Call:
    """A kernel's arguments in a backend's memory, and what is there afterwards."""

    def __init__(self, name: str, op: str, arguments: Sequence[Any]) -> None:
        self.backend = load(name)
        self.placed: dict[int, tuple[Placed, Any, View]] = {}
        self.arguments = [self.upload(argument) for argument in arguments]
        self.kernel = choose(self.backend, op, flat_views(self.arguments), self.arguments).run

    def upload(self, argument: Any) -> Any:
        """The argument as the kernel gets it: arrays become views, each once."""
        if isinstance(argument, list):
            return [self.upload(item) for item in argument]
        if not isinstance(argument, Placed):
            return argument
        if id(argument) not in self.placed:
            buffer = self.backend.allocate(argument.memory.nbytes, 0)
            self.backend.copy_from_host(buffer, 0, raw(argument.memory))
            self.placed[id(argument)] = (argument, buffer, argument.view(buffer))
        return self.placed[id(argument)][2]

    def memory_afterwards(self) -> Iterable[tuple[Placed, Array]]:
        """Every argument and all of the memory around it."""
        self.backend.synchronize(0)
        for placed, buffer, _ in self.placed.values():
            after = np.empty_like(placed.memory)
            self.backend.copy_to_host(buffer, 0, raw(after))
            yield placed, after


def check(name: str, op: str, *arguments: Any) -> None:
    """Runs the kernel on the arguments and examines all memory afterwards.

    The same `Out` given twice is the same view: an op in place.
    """
    call = Call(name, op, arguments)
    call.kernel(*call.arguments)
    for placed, after in call.memory_afterwards():
        if isinstance(placed, Out):
            compare(placed.read(after).copy(), placed)
            # With the elements put back, every other byte must be the old one.
            placed.read(after)[...] = placed.array
        assert after.tobytes() == placed.memory.tobytes(), "wrote where it must not"


def check_raises(
    name: str, op: str, error: type[Exception], message: str | None, *arguments: Any
) -> None:
    """Runs the kernel, which must raise; index_put must then have written nothing at all."""
    call = Call(name, op, arguments)
    with pytest.raises(error, match=message):
        call.kernel(*call.arguments)
    for placed, after in call.memory_afterwards():
        if isinstance(placed, Out) and op != "index_put":
            placed.read(after)[...] = placed.array
        assert after.tobytes() == placed.memory.tobytes(), "wrote where it must not"


def flat_views(arguments: Sequence[Any]) -> list[View]:
    """All views among the arguments, those of lists included."""
    found: list[View] = []
    for argument in arguments:
        if isinstance(argument, list):
            found += flat_views(argument)
        elif isinstance(argument, tuple) and len(argument) == 5:
            found.append(argument)
    return found


def compare(got: Array, out: Out) -> None:
    """Integers and bools exactly, NaN and infinities by kind, floats within the tolerance."""
    with np.errstate(all="ignore"):
        if got.dtype.kind != "f":
            bad = got != out.expected.astype(got.dtype)
        else:
            info = np.finfo(got.dtype)
            rounded = out.expected.astype(got.dtype)
            bound = out.ulps * float(info.eps) * out.scale + 4 * float(info.smallest_subnormal)
            finite = np.isfinite(rounded)
            close = np.abs(got.astype(np.float64) - out.expected.astype(np.float64)) <= bound
            same_kind = (got == rounded) | (np.isnan(got) & np.isnan(rounded))
            bad = ~np.where(finite, close, same_kind)
    if bad.any():
        where = tuple(int(i[0]) for i in np.nonzero(np.atleast_1d(bad)))
        at = where if got.ndim else ()
        pytest.fail(
            f"{int(bad.sum())} of {bad.size} elements are wrong, the first at {at}: "
            f"got {got[at]!r}, expected {out.expected[at]!r}"
        )
