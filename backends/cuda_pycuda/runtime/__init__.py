"""Devices, memory, streams, compiled modules and launches, over PyCUDA; no op is known here.

`Device` is where to begin. Importing this package needs PyCUDA and a driver.
"""

from __future__ import annotations

from corex.backend import BorrowedBuffer
from corex_cuda_pycuda.runtime.compiler import CompileError
from corex_cuda_pycuda.runtime.device import (
    Device,
    Function,
    LaunchError,
    copy_between,
    device,
    device_count,
    device_of,
    launch,
    opened,
)
from corex_cuda_pycuda.runtime.memory import Buffer
from corex_cuda_pycuda.runtime.properties import Properties
from corex_cuda_pycuda.runtime.source import Source
from corex_cuda_pycuda.runtime.streams import Event, Stream, choose

__all__ = [
    "BorrowedBuffer",
    "Buffer",
    "CompileError",
    "Device",
    "Event",
    "Function",
    "LaunchError",
    "Properties",
    "Source",
    "Stream",
    "choose",
    "copy_between",
    "device",
    "device_count",
    "device_of",
    "launch",
    "opened",
]
