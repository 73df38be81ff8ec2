"""The driver's functions for graphs, and for the memory and streams of other libraries, by ctypes.

The library is the one that PyCUDA has loaded, whoever made it.
"""

from __future__ import annotations

import ctypes
from contextlib import contextmanager
from ctypes import byref, c_char_p, c_int, c_uint, c_uint64, c_void_p
from functools import cache
from typing import TYPE_CHECKING, Any

from corex_cuda_pycuda.runtime.threads import current

if TYPE_CHECKING:
    from collections.abc import Iterator

LIBRARY = "libcuda.so.1"
THREAD_LOCAL, RELAXED = 1, 2
"""Capture modes: what this thread may do meanwhile; the others may do everything."""

_NO_TIMING = 2
_DEVICE_ORDINAL = 9

_SIGNATURES: dict[str, tuple[Any, ...]] = {
    "cuGetErrorString": (c_int, c_void_p),
    "cuEventCreate": (c_void_p, c_uint),
    "cuEventRecord": (c_void_p, c_void_p),
    "cuEventDestroy_v2": (c_void_p,),
    "cuStreamWaitEvent": (c_void_p, c_void_p, c_uint),
    "cuPointerGetAttribute": (c_void_p, c_int, c_uint64),
    "cuStreamBeginCapture_v2": (c_void_p, c_int),
    "cuStreamEndCapture": (c_void_p, c_void_p),
    "cuThreadExchangeStreamCaptureMode": (c_void_p,),
    "cuGraphGetNodes": (c_void_p, c_void_p, c_void_p),
    "cuGraphInstantiateWithFlags": (c_void_p, c_void_p, c_uint64),
    "cuGraphLaunch": (c_void_p, c_void_p),
    "cuGraphDestroy": (c_void_p,),
    "cuGraphExecDestroy": (c_void_p,),
}


class DriverError(RuntimeError):
    """The driver refused a call."""


@cache
def _function(name: str) -> Any:
    function = getattr(ctypes.CDLL(LIBRARY), name)
    function.restype, function.argtypes = c_int, _SIGNATURES[name]
    return function


def call(name: str, *arguments: Any) -> None:
    """Calls a function of the driver.

    Raises:
        DriverError: it fails.
    """
    code = _function(name)(*arguments)
    if code:
        text = c_char_p()
        _function("cuGetErrorString")(code, byref(text))
        raise DriverError(f"{name} failed: {(text.value or b'unknown').decode()} ({code})")


# ---- streams and memory of others ----------------------------------------------------------------
def wait_stream(waiting: int, first: int) -> None:
    """What one stream is given from now on runs after all that another has now; by handles."""
    event = c_void_p()
    call("cuEventCreate", byref(event), _NO_TIMING)
    try:
        call("cuEventRecord", event, first)
        call("cuStreamWaitEvent", waiting, event, 0)
    finally:
        call("cuEventDestroy_v2", event)  # which the driver does once it is not needed


def device_of_pointer(pointer: int) -> int | None:
    """The number of the device that an address is on; None if CUDA does not know it."""
    number = c_int(-1)
    if _function("cuPointerGetAttribute")(byref(number), _DEVICE_ORDINAL, pointer):
        return None
    return number.value


# ---- graphs ------------------------------------------------------------------------------------
def begin_capture(stream: int) -> None:
    """From now on the stream's work is noted, not done."""
    call("cuStreamBeginCapture_v2", stream, THREAD_LOCAL)


def end_capture(stream: int) -> int:
    """The graph of what was noted."""
    graph = c_void_p()
    call("cuStreamEndCapture", stream, byref(graph))
    return graph.value or 0


def node_count(graph: int) -> int:
    """How many pieces of work a graph has."""
    count = ctypes.c_size_t()
    call("cuGraphGetNodes", graph, None, byref(count))
    return count.value


def instantiate(graph: int) -> int:
    """What can be launched of a graph, which may then be destroyed."""
    executable = c_void_p()
    call("cuGraphInstantiateWithFlags", byref(executable), graph, 0)
    return executable.value or 0


def destroy_executable(executable: int) -> None:
    """The driver lets it finish, if it is running."""
    with allowing():
        call("cuGraphExecDestroy", executable)


@contextmanager
def allowing() -> Iterator[None]:
    """Within a `with` block this thread may allocate and load modules, also while it captures."""
    if current.capture is None:
        yield
        return
    mode = c_int(RELAXED)
    call("cuThreadExchangeStreamCaptureMode", byref(mode))
    try:
        yield
    finally:
        call("cuThreadExchangeStreamCaptureMode", byref(mode))
