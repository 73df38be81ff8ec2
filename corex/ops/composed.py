"""Compositions of other ops that are one node of the graph, with a derivative of their own.

A composition's derivative follows from its parts, but not everywhere: where a part saturates, ties
or divides by zero the product of slopes is NaN, or loses what a formula of the whole keeps. Such a
function is declared here like an op, except that no backend hears of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from corex.dispatch.record import no_grad, record
from corex.tensor.modes import mode
from corex.tensor.schema import OpSchema, check_formulas
from corex.tensor.tensor import Tensor, alias

COMPOSED: dict[str, OpSchema] = {}
"""Every composition with a derivative of its own, by name."""


def composition(
    name: str,
    inputs: tuple[str, ...],
    steps: Callable[..., Tensor],
    derivative: dict[str, Callable[..., Any]],
    params: tuple[str, ...] = (),
    label: str = "",
    broadcasts: bool = True,
) -> Callable[..., Tensor]:
    """The function that runs `steps(*inputs, *params)`, recorded with the formulas of `derivative`.

    Inputs may be numbers, or None where `steps` allows it. Several inputs broadcast to the result's
    shape, unless `broadcasts` is False: the formulas then say everything.
    Formulas are written as in `OpSchema`.
    """
    schema = OpSchema(
        name, inputs, params=params, derivative=derivative, decomposition=steps, label=label,
        family="composed",
    )  # fmt: skip
    check_formulas(schema)
    COMPOSED[name] = schema
    count = len(inputs)

    def run(*arguments: Any) -> Tensor:
        given = arguments[:count]
        tensors = [t for t in given if isinstance(t, Tensor)]
        key = tensors[0].key
        # Where dtypes or places differ, the parts' own derivatives convert on the way back.
        if (
            not mode.enabled
            or all([t._node is None for t in tensors])
            or any([t.key is not key for t in tensors])
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
