"""What the suite knows about a kernel beyond its declaration: arguments to try, and an oracle."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import numpy as np

from corex.backend.traits import IDEAL, Traits
from corex.plugins.faults import one_line
from corex.tensor.schema import REGISTRY
from corex.testing.arrays import (
    DIFFERENTIATED,
    INEXACT,
    LAYOUTS,
    TESTED,
    Array,
    Expected,
    In,
    Layout,
    Out,
    exact,
    input_layout,
)
from corex.testing.case import Case
from corex.testing.flushing import flushed

Fields = dict[str, Any]
Made = TypeVar("Made")

LISTED: Final = {"dtype", "shapes", "layout", "sharing", "values", "call", "source", "strides",
                 "out_strides", "number"}  # fmt: skip
"""Fields that are no parameters of the op."""


def no_fields() -> Iterable[Fields]:
    """For a mode in which an op has no cases."""
    return ()


@dataclass(frozen=True, slots=True)
class Spec:
    """How an op's kernel is tested.

    Attributes:
        op: the kernel's name.
        tier: 1 required, 2 accelerated.
        fields: the fields of the cases of mode `test`.
        inputs: `inputs(case)` -> one array (or None) per input of the kernel, in kernel order.
        oracle: `oracle(case, *inputs)` -> what each output must be; floats come, and may go, in
            float64. Where the kernel reads its output, that array comes first.
        initial: `initial(case)` -> the output's elements before the call, if the kernel reads them.
        order: puts (outputs, inputs, parameters) in the kernel's order, where that is another.
        build: all arguments of the kernel at once, for kernels that take lists.
        raises: `raises(case)` -> (exception type, regular expression) if the kernel must raise.
        grad: the fields of the cases of mode `grad`.
        domain: `domain(case)` -> the inputs of a grad case, where they are not `inputs`.
        perf: the fields of the cases of mode `perf`.
        params: the names of the parameters, in kernel order; those of the declaration by default.
        broadcasts: the inputs are shown to the kernel broadcast to one shape.
    """

    op: str
    tier: int
    fields: Callable[[], Iterable[Fields]]
    inputs: Callable[[Case], list[Array | None]]
    oracle: Callable[..., list[Expected]]
    initial: Callable[[Case], Array] | None = None
    order: Callable[[list[Any], list[Any], list[Any]], list[Any]] | None = None
    build: Callable[[Case], list[Any]] | None = None
    raises: Callable[[Case], tuple[type[Exception], str | None] | None] | None = None
    grad: Callable[[], Iterable[Fields]] = no_fields
    domain: Callable[[Case], list[Array | None]] | None = None
    perf: Callable[[], Iterable[Fields]] = no_fields
    params: tuple[str, ...] | None = None
    broadcasts: bool = False

    def parameters(self, case: Case) -> list[Any]:
        """The kernel's plain parameters, from the case's fields.

        Raises:
            ValueError: the case lacks one, or has a field that means nothing here.
        """
        names, hidden = self.params, 0
        if names is None:
            names, hidden = REGISTRY[self.op].params, REGISTRY[self.op].rule_params
        unknown = set(case.fields) - LISTED - set(names)
        if unknown:
            known = ", ".join([*sorted(LISTED), *names])
            raise ValueError(f"{case.id}: unknown field {unknown.pop()!r}; there are {known}")
        missing = [name for name in ("dtype", "shapes", *names) if name not in case.fields]
        if missing:
            raise ValueError(f"{case.id}: the op {self.op!r} needs {missing[0]}=...")
        return [case.fields[name] for name in names[: len(names) - hidden]]


class CaseError(ValueError):
    """A case's id asks for what cannot be; no backend is to blame."""


def made(case: Case, make: Callable[..., Made], *arguments: Any) -> Made:
    """What a function makes of a case before any backend is asked.

    Raises:
        CaseError: it cannot.
    """
    try:
        with np.errstate(all="ignore"):  # as values are made for a dtype, some overflow
            return make(*arguments)
    except CaseError:
        raise
    except (ValueError, TypeError, LookupError, ArithmeticError, MemoryError) as error:
        text = one_line(error).removeprefix("ValueError: ").removeprefix(f"{case.id}: ")
        raise CaseError(f"no such case: {case.id}: {text}") from error


def arguments(spec: Spec, case: Case, traits: Traits = IDEAL) -> list[Any]:
    """The kernel's arguments: `Out` and `In` objects (or lists of them) and plain parameters.

    What the outputs must be takes a device's traits into account.

    Raises:
        CaseError: there are none for this case; says why.
    """
    given = made(case, _arguments, spec, case, traits.subnormals == "flushed")
    family = REGISTRY[spec.op].family if spec.op in REGISTRY else ""
    for out in outputs(given):
        for expected in filter(None, (out.expected, out.flushed)):
            expected.ulps = traits.ulps_of(family, expected.ulps)
    return given


def outputs(given: Iterable[Any]) -> Iterator[Out]:
    """The outputs among a kernel's arguments, those of lists included."""
    for item in given:
        if isinstance(item, list):
            yield from outputs(item)
        elif isinstance(item, Out):
            yield item


def _arguments(spec: Spec, case: Case, flushes: bool) -> list[Any]:
    parameters = spec.parameters(case)
    if spec.build is not None:
        return spec.build(case)
    sharing = case.fields.get("sharing", "unique")
    given = spec.inputs(case)
    ins = _placed(spec, case, given)
    out_layouts = _layouts(case, len(given))[1]
    values = [None if item is None else item.exact for item in ins]
    before: list[Any] = []
    initial = None
    if spec.initial is not None:
        initial = spec.initial(case)
        before = [exact(initial)]
    elif sharing == "inplace":
        assert given[0] is not None
        initial = given[0]
        values[0] = exact(initial)
    wanted = spec.oracle(case, *before, *values)
    main = case.fields["dtype"]
    outs = [
        Out(e, e.dtype or main, out_layouts[i % len(out_layouts)], initial if i == 0 else None)
        for i, e in enumerate(wanted)
    ]
    if flushes:
        seen = [flushed(value, main) for value in (*before, *values)]
        for out, other in zip(outs, spec.oracle(case, *seen), strict=True):
            out.flushed = other
    if sharing == "inplace":
        ins[0] = outs[0]  # type: ignore[call-overload]
    if spec.order is not None:
        return spec.order(list(outs), list(ins), parameters)
    return [*outs, *ins, *parameters]


def operands(spec: Spec, case: Case) -> list[In | None]:
    """The op's tensor inputs, laid out as the case says; what the output is before comes first."""
    before = [] if spec.initial is None else [In(spec.initial(case))]
    return [*before, *_placed(spec, case, spec.inputs(case))]


def _placed(spec: Spec, case: Case, given: list[Array | None]) -> list[In | None]:
    """Inputs in the layouts of a case."""
    layouts, _ = _layouts(case, len(given))
    ins = [
        None if values is None else In(values, layout=layout)
        for values, layout in zip(given, layouts, strict=True)
    ]
    if spec.broadcasts and ins:
        shape = np.broadcast_shapes(*[item.array.shape for item in ins if item is not None])
        for item in ins:
            if item is not None:
                item.expand(shape)
    if case.fields.get("sharing") == "same" and len(ins) > 1:  # of its dtype the same view
        return [_first_like(ins, item) for item in ins]
    return ins


def _layouts(case: Case, count: int) -> tuple[list[Layout], list[Layout]]:
    """The layouts of the inputs and, in turn, of the outputs: by name, or as strides."""
    name = case.fields.get("layout", "dense")
    ins: list[Layout] = [input_layout(name, i) for i in range(count)]
    outs: list[Layout] = [LAYOUTS[name][0]]
    for i, strides in enumerate(case.fields.get("strides", ())):
        if strides is not None:
            ins[i] = strides
    if "out_strides" in case.fields:
        outs = [strides or "dense" for strides in case.fields["out_strides"]]
    return ins, outs


def _first_like(items: list[In | None], item: In | None) -> In | None:
    if item is None:
        return None
    return next(
        x
        for x in items
        if x is not None and x.dtype == item.dtype and x.array.shape == item.array.shape
    )


def accepted(op: str) -> list[str]:
    """The names of the dtypes that an op takes."""
    return [dtype.name for dtype in TESTED if dtype in REGISTRY[op].takes]


def inexact(op: str) -> list[str]:
    """The names of the dtypes that an op takes which are rounded to: floats and complex numbers."""
    return [name for name in accepted(op) if name in INEXACT]


def differentiated(op: str) -> list[str]:
    """The names of the dtypes in which gradients of an op are compared."""
    return [name for name in accepted(op) if name in DIFFERENTIATED]


def product(**axes: Iterable[Any]) -> Iterator[Fields]:
    """All combinations of the axes' values, as fields."""
    rows: list[Fields] = [{}]
    for name, values in axes.items():
        listed = list(values)
        rows = [{**row, name: value} for row in rows for value in listed]
    return iter(rows)
