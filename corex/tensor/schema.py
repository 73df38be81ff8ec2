"""What an op is: its inputs, result rule, derivative and decomposition, declared once.

A formula names what it needs by its parameter names, and exactly that is saved: `g` (always the
first) for the output's gradient, the inputs' names, `NAME_shape` for an input's shape alone, `y`
for the (first) output (`y1`, ... for further ones), and the op's parameters. So `lambda g, y: g*y`
saves the output alone.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any, Literal

from corex.dtypes import DType, of_kinds
from corex.generated import Table
from corex.tensor.plan import Plan, conjugated

# Which dtypes an op's inputs may have.
ALL = of_kinds("buif")
NUMBER = of_kinds("uif")
BITS = of_kinds("bui")
INTEGER = of_kinds("ui")
FLOAT = of_kinds("f")
BOOL = of_kinds("b")
COMPLEX = of_kinds("c")
INEXACT = FLOAT | COMPLEX
ARITHMETIC = NUMBER | COMPLEX
ANY = ALL | COMPLEX


@dataclass(slots=True)
class OpSchema:
    """The declaration of one op; the frontend, autograd, tests and reports all derive from it.

    Attributes:
        name: the kernel's name.
        inputs: names of the tensor inputs, in kernel order; a trailing '?' marks an optional one.
        params: names of the plain parameters, in kernel order.
        result: `result(*inputs, *params)` -> one (shape, dtype) per output.
        derivative: input name -> formula; None for an op that is not differentiable, or whose
            decomposition is recorded instead.
        joint: one formula for all inputs instead, `joint(needs, g, ...)` -> list of gradients.
        decomposition: `decomposition(*inputs, *params)` in other ops, or None for a primitive.
        tier: 1 of the core, which every backend has; 2 accelerated, which has a decomposition.
        cost: how the work of the decomposition grows with the number n of elements that the op
            reads and writes: 'n', or 'n log^2 n'; 'products' are as many as the kernel's.
        takes: the dtypes that its inputs may have, but for those whose dtype is fixed (indices).
        family: unary, binary, compare, reduce, ... ; groups tables, tests and reports.
        uniform: all views of the op have one dtype, so the first input's key selects the kernel.
        promote: 'float' if integer inputs become the default float dtype first, 'int' if truth
            values become int64.
        rule_params: how many of the last params only the result rule needs, not the kernel.
        changing: params that differ from call to call of one program (an optimizer's step, the
            place in a stream of random numbers) without making another call of it.
        label: the node's name; PyTorch's where PyTorch has the op.
        fast: the backward of the common case by a direct kernel; see `Plan.fast`.
        outputs: how many outputs are differentiable, the first ones. Of several, `g` is the list of
            their gradients, None for those that got none.
        columns: which outputs of its decomposition are to keep their own layout, with columns
            that lie in one piece, as LAPACK's matrices do.
        complex_steps: the decomposition for complex inputs, where `decomposition` is not right for
            them; a place that holds complex numbers needs no kernel.
        of_complex: what the public function does with a complex tensor, where that is another op.
        analytic: whether the formulas of `derivative` are those of a complex function that is
            differentiable, so that they hold between conjugates (`tensor/plan.py`); False where
            they are right for complex numbers as they stand.
        fresh: what the memory of the formulas' results is; see `Plan.fresh`. It says that they are
            results of ops, made for this call alone, and that no formula keeps anything.
    """

    name: str
    inputs: tuple[str, ...]
    result: Callable[..., Any] | None = None
    params: tuple[str, ...] = ()
    derivative: dict[str, Callable[..., Any]] | None = None
    joint: Callable[..., Any] | None = None
    decomposition: Callable[..., Any] | None = None
    tier: int = 1
    cost: Literal["n", "n log^2 n", "products"] = "n"
    takes: frozenset[DType] = FLOAT
    family: str = "other"
    uniform: bool = True
    promote: str = ""
    rule_params: int = 0
    changing: tuple[str, ...] = ()
    label: str = ""
    fast: Callable[..., Any] | None = None
    fresh: bool | None = None
    outputs: int = 1
    columns: tuple[int, ...] = ()
    complex_steps: Callable[..., Any] | None = None
    of_complex: Callable[..., Any] | None = None
    analytic: bool = True
    doc: str = ""
    _plans: dict[tuple[bool, ...], Plan] = field(default_factory=dict)
    _complex_plans: dict[tuple[bool, ...], Plan] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.label:
            self.label = "".join(p.capitalize() for p in self.name.split("_")) + "Backward0"

    @property
    def differentiable(self) -> bool:
        """Whether calls are recorded with the op's own derivative."""
        return self.derivative is not None or self.joint is not None

    def plan(self, needs: tuple[bool, ...]) -> Plan:
        """What to save and compute when the inputs flagged in `needs` require gradients."""
        found = self._plans.get(needs)
        if found is None:
            found = self._plans[needs] = _make_plan(self, needs)
            found.fast = self.fast
        return found

    def complex_plan(self, needs: tuple[bool, ...]) -> Plan:
        """As `plan`, where the output is complex."""
        if not self.analytic:
            return self.plan(needs)
        found = self._complex_plans.get(needs)
        if found is None:
            found = self._complex_plans[needs] = conjugated(self.plan(needs))
        return found


def _make_plan(schema: OpSchema, needs: tuple[bool, ...]) -> Plan:
    names = [name.rstrip("?") for name in schema.inputs]
    formulas: list[tuple[int, Callable[..., Any], list[str]]] = []
    if schema.joint is not None:
        formulas.append((-1, schema.joint, _arguments(schema.joint)[2:]))
    else:
        table = schema.derivative or {}
        for i, (name, need) in enumerate(zip(names, needs, strict=True)):
            if need and name in table:
                formulas.append((i, table[name], _arguments(table[name])[1:]))
    outputs = ["y", *(f"y{i}" for i in range(1, 4))]
    positions = {name: i for i, name in enumerate([*names, *outputs])}
    positions.update({f"{name}_shape": -1 - i for i, name in enumerate(names)})
    wanted = {argument for _, _, arguments in formulas for argument in arguments}
    saved = [name for name in positions if name in wanted]
    available = [*saved, *schema.params]
    steps = []
    for i, formula, arguments in formulas:
        picks = tuple(available.index(argument) for argument in arguments)
        steps.append((i, formula, None if picks == tuple(range(len(available))) else picks))
    joint = None
    if schema.joint is not None:
        (_, formula, picks_or_none) = steps.pop()
        joint = _picking(formula, picks_or_none)
    return Plan(
        label=schema.label,
        needs=needs,
        save=tuple(positions[name] for name in saved),
        output_slots=tuple(i for i, name in enumerate(saved) if name in outputs),
        steps=tuple(steps),
        joint=joint,
        fresh=schema.fresh,
    )


def _picking(formula: Callable[..., Any], picks: tuple[int, ...] | None) -> Callable[..., Any]:
    if picks is None:
        return formula

    def call(needs: tuple[bool, ...], g: Any, *values: Any) -> Any:
        return formula(needs, g, *[values[k] for k in picks])

    return call


def _arguments(formula: Callable[..., Any]) -> list[str]:
    if type(formula) is FunctionType and not vars(formula):  # what follows, in a tenth of the time
        code = formula.__code__
        if not code.co_kwonlyargcount and not code.co_flags & _STARRED:
            return list(code.co_varnames[: code.co_argcount])
    return list(inspect.signature(formula).parameters)


_STARRED = inspect.CO_VARARGS | inspect.CO_VARKEYWORDS


def like_first(a: Any, *_: Any) -> list[Any]:
    """The result rule of an op whose output has the shape and dtype of its first input."""
    return [(a.shape, a.key.dtype)]


REGISTRY: Table[OpSchema] = Table()
"""Every declared op by name, in order of declaration."""


def declare(schema: OpSchema) -> OpSchema:
    """Enters one of corex's own ops into the registry; `fresh` unless it says that it is not.

    Raises:
        ValueError: the name is taken, or there are derivatives for unknown inputs.
    """
    if REGISTRY.has(schema.name):
        raise ValueError(f"op '{schema.name}' is declared twice")
    names = {name.rstrip("?") for name in schema.inputs}
    unknown = set(schema.derivative or {}) - names
    if unknown:
        raise ValueError(f"op '{schema.name}' has derivatives for unknown inputs {sorted(unknown)}")
    if schema.fresh is None:
        schema.fresh = True
    REGISTRY[schema.name] = schema
    return schema


def unlisted(
    name: str,
    inputs: tuple[str, ...],
    derivative: dict[str, Callable[..., Any]] | None,
    params: tuple[str, ...] = (),
    label: str = "",
    joint: Callable[..., Any] | None = None,
    fresh: bool = True,
) -> OpSchema:
    """The schema of what is recorded like an op, but is made of others: no backend hears of it."""
    schema = OpSchema(
        name, inputs, params=params, derivative=derivative, joint=joint, label=label,
        family="composed", fresh=fresh,
    )  # fmt: skip
    check_formulas(schema)
    return schema


def check_formulas(schema: OpSchema) -> None:
    """The derivative must be for inputs that there are, from values that there are.

    Raises:
        ValueError: it is not; names the input or the formula's parameter.
    """
    names = [name.rstrip("?") for name in schema.inputs]
    unknown = set(schema.derivative or {}) - set(names)
    if unknown:
        raise ValueError(f"op '{schema.name}' has derivatives for unknown inputs {sorted(unknown)}")
    if len({*names, *schema.params}) < len(names) + len(schema.params):
        raise ValueError(f"op '{schema.name}' has two inputs or parameters of one name")
    known = {*names, *[f"{name}_shape" for name in names], *schema.params, "y", "y1", "y2", "y3"}
    formulas = [(f"of '{name}'", f, 1) for name, f in (schema.derivative or {}).items()]
    if schema.joint is not None:
        formulas.append(("of all inputs", schema.joint, 2))
    for label, formula, first in formulas:
        arguments = _arguments(formula)
        strange = [name for name in arguments[first:] if name not in known]
        if len(arguments) < first or strange:
            what = "needs " + ", ".join(strange) if strange else "takes too few arguments"
            raise ValueError(f"op '{schema.name}': the derivative {label} {what}")
