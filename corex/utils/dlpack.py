"""DLPack under the names of `torch.utils.dlpack`."""

from __future__ import annotations

import enum
from typing import Any

from corex.ops.create.foreign import from_dlpack
from corex.tensor.tensor import Tensor

__all__ = ["DLDeviceType", "from_dlpack", "to_dlpack"]


DLDeviceType = enum.IntEnum(
    "DLDeviceType",
    {
        "kDLCPU": 1,
        "kDLCUDA": 2,
        "kDLCUDAHost": 3,
        "kDLOpenCL": 4,
        "kDLVulkan": 7,
        "kDLMetal": 8,
        "kDLVPI": 9,
        "kDLROCM": 10,
        "kDLROCMHost": 11,
        "kDLExtDev": 12,
        "kDLCUDAManaged": 13,
        "kDLOneAPI": 14,
        "kDLWebGPU": 15,
        "kDLHexagon": 16,
        "kDLMAIA": 17,
    },
)
"""DLPack's numbers for device types."""


def to_dlpack(tensor: Tensor) -> Any:
    """A capsule of the tensor's memory, for one call of `from_dlpack`.

    Raises:
        TypeError: not a tensor. BufferError: no other library can use its memory.
    """
    if not isinstance(tensor, Tensor):
        raise TypeError(f"to_dlpack(): argument must be Tensor, not {type(tensor).__name__}")
    return tensor.detach().__dlpack__()
