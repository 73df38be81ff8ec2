"""Compositions of other ops that are one node of the graph, with a derivative of their own.

A composition's derivative follows from its parts, but not everywhere: where a part saturates, ties
or divides by zero the product of slopes is NaN, or loses what a formula of the whole keeps. Such a
function is declared here like an op, except that no backend hears of it. Also made here are their
in-place methods.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from corex.dispatch.record import no_grad, record
from corex.dispatch.resolve import check_overlap, check_places
from corex.generated import Table
from corex.ops.out import check_dtype
from corex.ops.promotion import cast
from corex.ops.registration import Out
from corex.ops.shape.views import before_write
from corex.tensor.modes import mode
from corex.tensor.place import DispatchKey
from corex.tensor.schema import OpSchema, check_formulas
from corex.tensor.tensor import Tensor, alias

COMPOSED: Table[OpSchema] = Table()
"""Every composition with a derivative of its own, by name."""


def composition(
    name: str,
    inputs: tuple[str, ...],
    steps: Callable[..., Tensor],
    derivative: dict[str, Callable[..., Any]],
    params: tuple[str, ...] = (),
    label: str = "",
    broadcasts: bool = True,
    fresh: bool = True,
    analytic: bool = True,
) -> Callable[..., Tensor]:
    """The function that runs `steps(*inputs, *params)`, recorded with the formulas of `derivative`.

    Inputs may be numbers, or None where `steps` allows it. Several inputs broadcast to the result's
    shape, unless `broadcasts` is False: the formulas then say everything.
    Formulas are written as in `OpSchema`, `fresh` and `analytic` unless it is said that they are
    not.
    """
    schema = OpSchema(
        name, inputs, params=params, derivative=derivative, decomposition=steps, label=label,
        family="composed", fresh=fresh, analytic=analytic,
    )  # fmt: skip
    check_formulas(schema)
    COMPOSED[name] = schema
    count = len(inputs)
    # Inputs without a formula, such as an index, may have a dtype of their own.
    others = [i for i, name in enumerate(inputs) if name not in derivative]

    def run(*arguments: Any) -> Tensor:
        given = arguments[:count]
        tensors = [t for t in given if isinstance(t, Tensor)]
        key = tensors[0].key
        if key.dtype.is_inexact and key.dtype.compute is not None:
            return _wider(run, key, arguments)
        # Where dtypes or places differ, the parts' own derivatives convert on the way back.
        if (
            not mode.enabled
            or all([t._node is None for t in tensors])
            or any([t.key is not key and _apart(t, key, given, others) for t in tensors])
        ):
            return steps(*arguments)
        with no_grad():
            result = alias(steps(*arguments))
        shapes = tuple([t.shape if isinstance(t, Tensor) else () for t in given])
        same = all([t.shape == result.shape for t in tensors])
        broadcast = broadcasts and count > 1 and not same
        record(schema, given, arguments[count:], (result,), shapes if broadcast else None)
        return result

    run.__name__ = run.__qualname__ = name
    return run


def _apart(t: Tensor, key: DispatchKey, given: Sequence[Any], others: Sequence[int]) -> bool:
    """Whether an operand differs from the first in dtype or place, and may not."""
    return t.key.own is not key.own and not any([t is given[i] for i in others])


def _wider(run: Callable[..., Tensor], key: DispatchKey, arguments: tuple[Any, ...]) -> Tensor:
    """A call on 16-bit floats, or complex numbers of them: all steps in the wider dtype, so that
    the result is rounded once."""
    dtype, compute = key.dtype, key.dtype.compute
    assert compute is not None
    wide = [cast(a, compute) if isinstance(a, Tensor) and a.key.dtype is dtype else a
            for a in arguments]  # fmt: skip
    result = run(*wide)
    found = result.key.dtype
    if found is compute:
        return cast(result, dtype)
    if found is compute.to_real():
        return cast(result, dtype.to_real())
    return cast(result, dtype.to_complex()) if found is compute.to_complex() else result


def inplace_form(
    name: str, function: Callable[..., Tensor], rule: Out = "cast"
) -> Callable[..., Tensor]:
    """The method `NAME_`: runs the function and writes its result over the tensor itself.

    By the rule "same" the tensor's dtype must be the result's, else one that it can be cast to.
    """
    exact: Out = "same" if rule == "same" else "cast"

    def op(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if "out" in kwargs:
            raise TypeError(f"{name}_() got an unexpected keyword argument 'out'")
        for other in (*args, *kwargs.values()):
            if isinstance(other, Tensor):
                check_overlap(f"{name}_", self, other)
        source = before_write(self, *args, *kwargs.values())
        result = function(source, *args, **kwargs)
        check_dtype(f"{name}_", self.key.dtype, result.key.dtype, exact)
        if result.shape != self.shape:
            raise RuntimeError(
                f"[{name}_] output with shape {list(self.shape)} doesn't match the broadcast shape "
                f"{list(result.shape)}"
            )
        check_places(name, [result], self.key.place)
        written: Tensor = self.copy_(result)
        return written

    op.__name__ = op.__qualname__ = f"{name}_"
    op.form_of = function  # type: ignore[attr-defined]  # whose annotations say what it takes
    op.__doc__ = f"In-place version of `{name}`; returns the tensor itself."
    return op
