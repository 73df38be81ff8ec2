"""The few functions of the driver that PyCUDA lacks, or gets wrong, by ctypes.

PyCUDA's `memcpy_peer_async` takes the current context for both ends, whatever it is given, and
sizes of 32 bits.
"""

from __future__ import annotations

import ctypes

_cuda = ctypes.CDLL("libcuda.so.1")  # the one that PyCUDA has loaded

_cuda.cuCtxSetCurrent.argtypes = [ctypes.c_void_p]
_cuda.cuMemcpyPeerAsync.argtypes = [
    ctypes.c_uint64, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_void_p, ctypes.c_size_t,
    ctypes.c_void_p,
]  # fmt: skip
_cuda.cuStreamWaitEvent.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint]
_cuda.cuEventRecord.argtypes = [ctypes.c_void_p, ctypes.c_void_p]


def set_context(context: int) -> None:
    """Makes a context the current one of this thread, in the place of another.

    Raises:
        RuntimeError: the driver refuses.
    """
    _check("cuCtxSetCurrent", _cuda.cuCtxSetCurrent(context))


def copy_peer(
    target: int, target_context: int, source: int, source_context: int, nbytes: int, stream: int
) -> None:
    """Queues a copy between two devices on a stream of the current one.

    Raises:
        RuntimeError: the driver refuses.
    """
    status = _cuda.cuMemcpyPeerAsync(target, target_context, source, source_context, nbytes, stream)
    _check("cuMemcpyPeerAsync", status)


def wait_for_event(stream: int, event: int) -> None:
    """What is queued on a stream, also a foreign one, from now on runs after the event.

    Raises:
        RuntimeError: the driver refuses.
    """
    _check("cuStreamWaitEvent", _cuda.cuStreamWaitEvent(stream, event, 0))


def record_event(event: int, stream: int) -> None:
    """The event happens when all is done that a stream, also a foreign one, has now.

    Raises:
        RuntimeError: the driver refuses.
    """
    _check("cuEventRecord", _cuda.cuEventRecord(event, stream))


def _check(name: str, status: int) -> None:
    if status != 0:
        text = ctypes.c_char_p()
        _cuda.cuGetErrorString(status, ctypes.byref(text))
        told = text.value.decode() if text.value else "unknown"
        raise RuntimeError(f"{name} failed: {told} (CUDA error {status})")
