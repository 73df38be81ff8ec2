"""Result dtypes of mixed operands: tensors with dims, 0-d tensors, Python numbers.

PyTorch's rule: of the three groups, a lower one takes part only if its category (boolean, integer,
floating) is higher than that of the groups above it.
"""

from __future__ import annotations

from typing import Any

from corex import dtypes as dt
from corex.capturing import state as capturing
from corex.dispatcher import dense_copy, run
from corex.dtypes import CATEGORY, PROMOTION, DType
from corex.graph import closure_node, mode
from corex.place import DispatchKey
from corex.resolution import empty
from corex.tensor import Tensor

Number = bool | int | float


def number_dtype(value: Number) -> DType:
    """The dtype a Python number has by itself."""
    if isinstance(value, bool):
        return dt.bool_
    return dt.int64 if isinstance(value, int) else dt.get_default_dtype()


def result_type(*operands: Any) -> DType:
    """The dtype an arithmetic op computes in, as `torch.result_type`.

    Raises:
        TypeError: an operand is neither a tensor nor a number.
    """
    groups: list[DType | None] = [None, None, None]
    for operand in operands:
        if isinstance(operand, Tensor):
            rank, dtype = (0 if operand.shape else 1), operand.key.dtype
        elif isinstance(operand, bool | int | float):
            rank, dtype = 2, number_dtype(operand)
        else:
            raise TypeError(f"expected a Tensor or a number, got {type(operand).__name__}")
        before = groups[rank]
        groups[rank] = dtype if before is None else PROMOTION[before, dtype]
    result: DType | None = None
    for group in groups:
        if group is None:
            continue
        if result is None:
            result = group
        elif CATEGORY[group.kind] > CATEGORY[result.kind]:
            result = PROMOTION[result, group]
    if result is None:
        raise TypeError("result_type() needs at least one operand")
    return result


def plain_number(value: Number) -> Number:
    """A bool, int or float itself, of a subclass of these such as NumPy's float64, too."""
    if isinstance(value, bool):
        return value
    return int(value) if isinstance(value, int) else float(value)


_scalars: dict[tuple[DispatchKey, Number], Tensor] = {}


def scalar(value: Number, key: DispatchKey) -> Tensor:
    """A 0-d tensor holding a number, shared between calls: never to be written or handed out."""
    found = _scalars.get((key, value))
    if found is None or capturing.active:  # a graph needs one that is never dropped: its own
        found = empty(key, ())
        run("fill", [found], [], (plain_number(value),))
        # 0.0 and -0.0 are equal keys, but not the same number.
        if value != 0 and not capturing.active:
            if len(_scalars) > 512:
                _scalars.clear()
            _scalars[key, value] = found
    return found


def cast(t: Tensor, dtype: DType) -> Tensor:
    """`t` converted to `dtype`, differentiably between floating-point types."""
    if t.key.dtype is dtype:
        return t
    result = dense_copy(t, t.key.place.keys[dtype.index])
    if t._node is not None and mode.enabled and dtype.is_floating_point:
        source = t.key.dtype
        result._node = closure_node(
            "ToCopyBackward0", (t._node, t._output_nr), lambda g: cast(g, source)
        )
    return result


def require_tensor(op: str, value: Any, name: str = "input") -> Tensor:
    """`value`, checked to be a tensor.

    Raises:
        TypeError: it is not.
    """
    if not isinstance(value, Tensor):
        raise TypeError(f"{op}(): argument '{name}' must be Tensor, not {type(value).__name__}")
    return value
