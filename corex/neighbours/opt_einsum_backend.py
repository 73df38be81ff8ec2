"""opt_einsum: `contract` and its expressions of tensors, or of NumPy arrays with `backend="corex"`.

It looks for functions of these names in the module of the first operand's type; this one is named
in their place, as `tensordot` and `transpose` take their axes there as NumPy's do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import corex


def register() -> None:
    """Makes tensors known to opt_einsum.

    Raises:
        ImportError, AttributeError: this version has its lists elsewhere.
    """
    from opt_einsum.backends import dispatch

    dispatch._aliases["corex"] = __name__
    dispatch.CONVERT_BACKENDS["corex"] = _build_expression
    dispatch.EVAL_CONSTS_BACKENDS["corex"] = _evaluate_constants


def transpose(a: corex.Tensor, axes: Any) -> corex.Tensor:
    """All axes in another order."""
    return a.permute(tuple(axes))


def tensordot(x: corex.Tensor, y: corex.Tensor, axes: Any = 2) -> corex.Tensor:
    """The sum of products over some axes of each."""
    return corex.tensordot(x, y, dims=axes)


def einsum(equation: str, *operands: corex.Tensor) -> corex.Tensor:
    """The sum of products by an equation, whose symbols may be beyond the alphabet."""
    from opt_einsum.parser import convert_to_valid_einsum_chars

    return corex.einsum(convert_to_valid_einsum_chars(equation), *operands)


def _tensors(arrays: Any) -> list[corex.Tensor | None]:
    """Each as a tensor; the None that stands for an operand which is not there yet stays."""
    return [None if array is None else corex.as_tensor(array) for array in arrays]


def _build_expression(_: Any, expression: Any) -> Callable[..., Any]:
    """A function of NumPy arrays that contracts them as tensors; its result is an array again."""

    def contract(*arrays: Any) -> Any:
        return expression._contract(_tensors(arrays), backend="corex").numpy(force=True)

    return contract


def _evaluate_constants(constants: Any, expression: Any) -> Any:
    return expression(*_tensors(constants), backend="corex", evaluate_constants=True)
