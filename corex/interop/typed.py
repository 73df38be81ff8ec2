"""PyTorch's older constructors, one for each dtype: `corex.FloatTensor(2, 3)` and so on."""

from __future__ import annotations

from typing import Any

from corex import dtypes as dt
from corex.interop.objects import constructed
from corex.ops.shape.views import detach
from corex.tensor.tensor import Tensor


class TensorType(type):
    """The type of the constructors: a tensor on the CPU is an instance of that of its dtype."""

    dtype: dt.DType

    def __instancecheck__(cls, instance: object) -> bool:
        """Whether it is a tensor of this dtype on the CPU."""
        return (
            isinstance(instance, Tensor)
            and instance.dtype is cls.dtype
            and instance.device.type == "cpu"
        )

    def __call__(cls, *args: Any, device: Any = None) -> Tensor:
        """`FloatTensor(2, 3)`: uninitialised; `FloatTensor([1, 2])`: from data; a tensor of this
        dtype is shared.

        Raises:
            TypeError: neither sizes nor one sequence of data, or a tensor of another dtype.
        """
        name, dtype = cls.__name__, cls.dtype
        if len(args) == 1 and isinstance(args[0], Tensor):
            if args[0].dtype is not dtype:
                raise TypeError(f"{name}() expected a tensor of {dtype!r}, got {args[0].dtype!r}")
            return detach(args[0])
        return constructed(name, dtype, args, device)


__all__ = [
    "BFloat16Tensor", "BoolTensor", "ByteTensor", "CharTensor", "DoubleTensor", "FloatTensor",
    "HalfTensor", "IntTensor", "LongTensor", "ShortTensor",
]  # fmt: skip


def _constructor(dtype: dt.DType) -> TensorType:
    return TensorType(dtype.type_name, (), {"dtype": dtype, "__module__": "corex"})


BoolTensor = _constructor(dt.bool_)
ByteTensor = _constructor(dt.uint8)
CharTensor = _constructor(dt.int8)
ShortTensor = _constructor(dt.int16)
IntTensor = _constructor(dt.int32)
LongTensor = _constructor(dt.int64)
HalfTensor = _constructor(dt.float16)
BFloat16Tensor = _constructor(dt.bfloat16)
FloatTensor = _constructor(dt.float32)
DoubleTensor = _constructor(dt.float64)
