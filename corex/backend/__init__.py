"""All that a backend may import from corex, beside `corex.dtypes`: the contract.

`docs/kernels.md` lists every kernel with its arguments.
"""

from corex.backend.contract import (
    API_VERSION,
    DTYPES,
    AsyncBackend,
    Backend,
    BackendDescriptor,
    BackendUnavailableError,
    Buffer,
    DeviceEvent,
    DeviceStream,
    DirectKernel,
    Kernel,
    KernelChoice,
    KernelUnavailableError,
    OutOfMemoryError,
    ThreadedBackend,
    View,
    collapse,
    contiguous_strides,
)

__all__ = [
    "API_VERSION",
    "DTYPES",
    "AsyncBackend",
    "Backend",
    "BackendDescriptor",
    "BackendUnavailableError",
    "Buffer",
    "DeviceEvent",
    "DeviceStream",
    "DirectKernel",
    "Kernel",
    "KernelChoice",
    "KernelUnavailableError",
    "OutOfMemoryError",
    "ThreadedBackend",
    "View",
    "collapse",
    "contiguous_strides",
]
