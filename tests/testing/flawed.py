"""Backends with one flaw each, made from the reference backend; and one without."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple

from corex.backend import (
    Backend,
    BackendDescriptor,
    Buffer,
    DirectKernel,
    Kernel,
    KernelChoice,
    View,
    contiguous_strides,
)
from corex.dtypes import DType, float32, uint8
from corex.plugins import hookimpl
from corex_reference_py.backend import ReferenceBackend
from corex_reference_py.views import cells, load, positions, store

Flaw = Callable[[str, Kernel], Kernel]
REDUCTIONS = ("sum", "prod", "amax", "amin", "argmax", "argmin", "any", "all", "mean")


def is_view(argument: Any) -> bool:
    return isinstance(argument, tuple) and len(argument) == 5 and isinstance(argument[1], DType)


def changed_inputs(change: Callable[[View], View]) -> Flaw:
    """A flaw that shows the kernel other inputs than it was given."""

    def flaw(op: str, kernel: Kernel) -> Kernel:
        def run(out: Any, *rest: Any) -> None:
            kernel(out, *[change(a) if is_view(a) else a for a in rest])

        return run

    return flaw


def as_if_dense(view: View) -> View:
    buffer, dtype, shape, _, offset = view
    last = offset + max(0, _count(shape) - 1)
    fits = (last + 1) * dtype.itemsize <= len(buffer)
    return (buffer, dtype, shape, contiguous_strides(shape), offset) if fits else view


def from_the_start(view: View) -> View:
    buffer, dtype, shape, strides, offset = view
    lowest = sum(min(0, (n - 1) * s) for n, s in zip(shape, strides, strict=True))
    return (buffer, dtype, shape, strides, min(offset, -lowest))


def _count(shape: tuple[int, ...]) -> int:
    count = 1
    for size in shape:
        count *= size
    return count


def one_too_far(op: str, kernel: Kernel) -> Kernel:
    def run(out: Any, *rest: Any) -> None:
        kernel(out, *rest)
        if is_view(out) and len(positions(out)):
            end = max(positions(out)) + 1
            if end < len(cells(out)):
                cells(out)[end] = 0

    return run


def off_by_one(op: str, kernel: Kernel) -> Kernel:
    """A reduction that leaves out the last element of a row."""
    if op not in REDUCTIONS:
        return kernel

    def run(out: View, a: View, n: int) -> None:
        buffer, dtype, shape, strides, offset = a
        if n and shape[-1] > 1:
            shape = (*shape[:-1], shape[-1] - 1)
        kernel(out, (buffer, dtype, shape, strides, offset), n)

    return run


def single_precision(op: str, kernel: Kernel) -> Kernel:
    """Computes in float32 whatever the dtype is."""

    def run(out: Any, *rest: Any) -> None:
        kernel(out, *rest)
        if is_view(out) and out[1].name == "float64":
            single = [float(x) for x in _rounded(load(out))]
            store(out, single)

    return run


def _rounded(values: list[Any]) -> list[float]:
    import array

    found = []
    for value in values:
        try:
            found.append(array.array("f", [value])[0])
        except OverflowError:
            found.append(value)
    return found


def mutates(op: str, kernel: Kernel) -> Kernel:
    """Uses its first input as scratch memory."""

    def run(out: Any, *rest: Any) -> None:
        kernel(out, *rest)
        if rest and is_view(rest[0]) and len(positions(rest[0])):
            view = rest[0]
            if not is_view(out) or view[0] is not out[0]:
                cells(view)[positions(view)[0]] = 1

    return run


def remembers(op: str, kernel: Kernel) -> Kernel:
    """Gives the first result that was ever computed for a buffer."""
    known: dict[tuple[int, Any], list[Any]] = {}

    def run(out: Any, *rest: Any) -> None:
        kernel(out, *rest)
        if is_view(out) and rest and is_view(rest[0]):
            key = (id(rest[0][0]), out[2:])
            store(out, known.setdefault(key, load(out)))

    return run


def forgets_the_last(op: str, kernel: Kernel) -> Kernel:
    """Leaves the last element of the output as it was."""

    def run(out: Any, *rest: Any) -> None:
        if not is_view(out) or not len(positions(out)):
            kernel(out, *rest)
            return
        last = positions(out)[-1]
        before = cells(out)[last]
        kernel(out, *rest)
        cells(out)[last] = before

    return run


def jitters(op: str, kernel: Kernel) -> Kernel:
    """Adds up in another order each time, so to speak."""
    turns = itertools.count()

    def run(out: Any, *rest: Any) -> None:
        kernel(out, *rest)
        if is_view(out) and out[1].is_floating_point and next(turns) % 2:
            store(out, [x * (1 + 3e-16) if out[1].itemsize == 8 else _up(x) for x in load(out)])

    return run


def _up(x: float) -> float:
    return x * (1 + 1.2e-7)


def loses_nan(op: str, kernel: Kernel) -> Kernel:
    """Takes the other operand where one is NaN."""
    if op not in ("maximum", "minimum", "amax", "amin", "relu"):
        return kernel

    def run(out: View, *rest: Any) -> None:
        kernel(out, *rest)
        if out[1].is_floating_point:
            store(out, [0.0 if x != x else x for x in load(out)])

    return run


def loses_nan_in_short_rows(op: str, kernel: Kernel) -> Kernel:
    """Takes many rows at once where a power of two lies in each, and forgets NaN there."""
    if op not in ("amax", "amin", "sum"):
        return kernel

    def run(out: View, a: View, n: int) -> None:
        kernel(out, a, n)
        length = a[2][-1] if a[2] else 0
        if _count(out[2]) >= 100 and length & (length - 1) == 0 and out[1].is_floating_point:
            store(out, [0.0 if x != x else x for x in load(out)])

    return run


def turns_one_round(op: str, kernel: Kernel) -> Kernel:
    """Says the contrary in the last element of bools."""

    def run(out: Any, *rest: Any) -> None:
        kernel(out, *rest)
        if is_view(out) and out[1].kind == "b" and len(positions(out)):
            last = positions(out)[-1]
            cells(out)[last] = not cells(out)[last]

    return run


def says_two_for_true(op: str, kernel: Kernel) -> Kernel:
    """Writes bools as C does: anything that is not 0."""

    def run(out: Any, *rest: Any) -> None:
        kernel(out, *rest)
        if is_view(out) and out[1].kind == "b":
            buffer, _, shape, strides, offset = out
            store((buffer, uint8, shape, strides, offset), [2 * bool(x) for x in load(out)])

    return run


def writes_float64(op: str, kernel: Kernel) -> Kernel:
    """Writes numbers of eight bytes, one after the other, where those of four belong."""

    def run(out: Any, *rest: Any) -> None:
        kernel(out, *rest)
        if is_view(out) and out[1] is float32:
            data = struct.pack(f"={_count(out[2])}d", *load(out))
            memory, start = memoryview(out[0]).cast("B"), out[4] * 4
            fits = data[: memory.nbytes - start]
            memory[start : start + len(fits)] = fits

    return run


def all_at_once(op: str, kernel: Kernel) -> Kernel:
    """A wrong element, one too far, an input as scratch memory, and never twice the same."""
    turns = itertools.count()

    def run(out: Any, *rest: Any) -> None:
        kernel(out, *rest)
        if is_view(out) and len(positions(out)) > 1 and out[1].is_floating_point:
            factor = 1 + 2.0**-52 * (next(turns) % 4)
            store(out, [x * factor for x in load(out)])
            cells(out)[positions(out)[0]] = 99.0
        one_too_far(op, lambda *arguments: None)(out, *rest)
        mutates(op, lambda *arguments: None)(out, *rest)

    return run


def keeps(op: str, kernel: Kernel) -> Kernel:
    """Keeps every buffer it was given."""
    kept: list[Buffer] = []

    def run(out: Any, *rest: Any) -> None:
        kernel(out, *rest)
        if is_view(out):
            kept.append(out[0])

    return run


def raises_on_strides(op: str, kernel: Kernel) -> Kernel:
    """Refuses at run time what `select` promised."""

    def run(out: Any, *rest: Any) -> None:
        for view in rest:
            if is_view(view) and view[3] != contiguous_strides(view[2]):
                raise NotImplementedError(f"{op} takes dense inputs only")
        kernel(out, *rest)

    return run


def writes_first(op: str, kernel: Kernel) -> Kernel:
    """Clears its output before it reads its inputs."""

    def run(out: Any, *rest: Any) -> None:
        if is_view(out) and op not in ("index_put", "scatter_add"):
            store(out, [0] * len(positions(out)))
        kernel(out, *rest)

    return run


def checks_no_index(op: str, kernel: Kernel) -> Kernel:
    """Clamps positions instead of refusing them."""
    if op not in ("index", "index_put"):
        return kernel

    def run(*arguments: Any) -> None:
        try:
            kernel(*arguments)
        except IndexError:
            return

    return run


class FlawedBackend(ReferenceBackend):
    """The reference backend with a flaw put around each kernel."""

    name: ClassVar[str] = "flawed"
    device_type: ClassVar[str] = "flawed"

    def __init__(self, flaw: Flaw | None = None) -> None:
        super().__init__()
        if flaw is not None:
            self.kernels: Mapping[str, Kernel] = {
                op: flaw(op, kernel) for op, kernel in ReferenceBackend.kernels.items()
            }


class Overclaiming(FlawedBackend):
    """Claims a kernel for every op there is."""

    def select(self, op: str, dtypes: tuple[DType, ...]) -> KernelChoice | None:
        def refuse(*arguments: Any) -> None:
            raise NotImplementedError(op)

        return super().select(op, dtypes) or KernelChoice(refuse)


class Fickle(FlawedBackend):
    """Answers the same question differently."""

    turns = itertools.count()

    def select(self, op: str, dtypes: tuple[DType, ...]) -> KernelChoice | None:
        return super().select(op, dtypes) if next(self.turns) % 2 else None


class Lacking(FlawedBackend):
    """Has no kernel for a required op, and declines strides for another."""

    def select(self, op: str, dtypes: tuple[DType, ...]) -> KernelChoice | None:
        if op == "neg":
            return None
        choice = super().select(op, dtypes)
        if op != "abs" or choice is None:
            return choice
        return KernelChoice(choice.run, lambda out, a: a[3] == contiguous_strides(a[2]))


class Rounding(FlawedBackend):
    """Takes numbers, and makes integers of them."""

    def select(self, op: str, dtypes: tuple[DType, ...]) -> KernelChoice | None:
        choice = super().select(op, dtypes)
        if choice is None or op != "add":
            return choice

        def run(out: View, *inputs: Any) -> None:
            choice.run(out, *[a if is_view(a) else self._one(int(a), out) for a in inputs])

        return KernelChoice(run, numbers=True)

    def _one(self, number: int, like: View) -> View:
        buffer = self.allocate(like[1].itemsize, 0)
        self.kernels["fill"]((buffer, like[1], (), (), 0), number)
        return (buffer, like[1], like[2], (0,) * len(like[2]), 0)


class Outdated(FlawedBackend):
    """Reads from a copy that it makes only once."""

    def __init__(self) -> None:
        super().__init__()
        self.mirrors: dict[int, bytes] = {}

    def copy_to_host(self, buffer: Buffer, start: int, target: memoryview) -> None:
        mirror = self.mirrors.setdefault(id(buffer), bytes(buffer))
        target[:] = mirror[start : start + target.nbytes]


class Leaking(FlawedBackend):
    """Never gives memory back."""

    def __init__(self) -> None:
        super().__init__()
        self.all: list[Buffer] = []

    def allocate(self, nbytes: int, device: int, dtype: Any = None, shape: Any = None) -> Buffer:
        buffer = super().allocate(nbytes, device, dtype, shape)
        self.all.append(buffer)
        return buffer


class Recycling(FlawedBackend):
    """Gives pinned memory away again while a copy from it is queued."""

    def __init__(self) -> None:
        super().__init__()
        self.queue: list[tuple[Buffer, int, memoryview]] = []
        self.page: bytearray | None = None

    def allocate_pinned(self, nbytes: int, device: int) -> memoryview:
        if self.page is None or len(self.page) != nbytes:
            self.page = bytearray(nbytes)
        return memoryview(self.page)

    def copy_from_host_async(self, buffer: Buffer, start: int, source: memoryview) -> None:
        self.queue.append((buffer, start, source))

    def copy_to_host(self, buffer: Buffer, start: int, target: memoryview) -> None:
        while self.queue:
            super().copy_from_host(*self.queue.pop(0))
        super().copy_to_host(buffer, start, target)


class Borrowing(FlawedBackend):
    """Keeps the host's memory instead of copying it, until somebody reads."""

    def __init__(self) -> None:
        super().__init__()
        self.pending: list[tuple[Buffer, int, memoryview]] = []

    def copy_from_host(self, buffer: Buffer, start: int, source: memoryview) -> None:
        self.pending.append((buffer, start, source))

    def copy_to_host(self, buffer: Buffer, start: int, target: memoryview) -> None:
        for to, at, source in self.pending:
            super().copy_from_host(to, at, source)
        self.pending.clear()
        super().copy_to_host(buffer, start, target)


class ShortCut(FlawedBackend):
    """Has a direct kernel for float32 `add` whose result is too small."""

    def direct(self, op: str, dtype: DType) -> DirectKernel | None:
        if op != "add" or dtype is not float32:
            return None
        return lambda shape, *operands: self.allocate(2 * _count(shape), 0)


class Plugin(NamedTuple):
    """Brings one backend."""

    backend: Callable[[], Backend]

    @hookimpl
    def corex_backends(self) -> list[BackendDescriptor]:
        return [BackendDescriptor("flawed", "flawed", lambda: None, self.backend)]
