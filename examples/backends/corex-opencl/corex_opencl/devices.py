"""The OpenCL devices of this host: which there are, and a queue, memory and kernels for each."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import pyopencl as cl

from corex.backend import OutOfMemoryError

from .memory import Memory, allocator_of
from .programs import Source, build

GROUP = 256  # work-items of a group, where a kernel does not need another number
STAGED = 1 << 16  # so many bytes are copied aside, so that nobody waits for the queue


class Device:
    """One OpenCL device with its context, its in-order queue, its memory and its kernels.

    Attributes:
        fp64: whether it computes in double precision.
        lock: held while arguments are set and a kernel is enqueued, and while the fault flag is
            in use: kernel objects and the flag are shared by all threads.
    """

    def __init__(self, hardware: cl.Device) -> None:
        self.hardware = hardware
        self.context = cl.Context([hardware])
        self.queue = cl.CommandQueue(self.context)
        self.allocator = allocator_of(self)
        self.fp64 = has_fp64(hardware)
        self.group = min(GROUP, hardware.max_work_group_size)
        self.lock = threading.RLock()
        self._functions: dict[tuple[Any, ...], cl.Kernel] = {}
        self._programs: dict[Source, cl.Program] = {}
        self._staged: deque[tuple[cl.Event, bytes]] = deque()
        self.fault = cl.Buffer(self.context, cl.mem_flags.READ_WRITE, 4)
        self._clear_fault()

    # ---- memory ------------------------------------------------------------------------------
    def scratch(self, nbytes: int) -> Memory:
        """Memory for a kernel's own use; it may be dropped as soon as its commands are enqueued."""
        return self.allocator.allocate(nbytes)

    def write(self, memory: Memory, start: int, source: memoryview) -> None:
        """Copies bytes in; those of `source` are not looked at after the return."""
        if source.nbytes > STAGED:
            cl.enqueue_copy(self.queue, memory.ptr, source, dst_offset=start, is_blocking=True)
        elif source.nbytes:
            aside = bytes(source)
            event = cl.enqueue_copy(
                self.queue, memory.ptr, aside, dst_offset=start, is_blocking=False
            )
            self._staged.append((event, aside))
            self._forget_staged()

    def read(self, memory: Memory, start: int, target: memoryview) -> None:
        """Copies bytes out, when everything enqueued before has run."""
        if target.nbytes:
            cl.enqueue_copy(self.queue, target, memory.ptr, src_offset=start, is_blocking=True)

    def _forget_staged(self) -> None:
        """Lets go of the bytes that have arrived."""
        complete = cl.command_execution_status.COMPLETE
        with self.lock:
            while self._staged and self._staged[0][0].command_execution_status == complete:
                self._staged.popleft()

    def finish(self) -> None:
        """Waits for everything that was enqueued."""
        self.queue.finish()
        self._forget_staged()

    # ---- kernels -----------------------------------------------------------------------------
    def function(self, key: tuple[Any, ...], name: str, source: Callable[[], Source]) -> cl.Kernel:
        """The kernel called `name` in a program; `key` stands for the program and the name.

        Raises:
            RuntimeError: the driver does not compile it; names the op and the compiler's log.
        """
        found = self._functions.get(key)
        if found is None:
            with self.lock:
                text = source()
                if text not in self._programs:
                    self._programs[text] = build(self.context, self.hardware, text)
                found = self._functions[key] = cl.Kernel(self._programs[text], name)
        return found

    def launch(self, kernel: cl.Kernel, count: int, *arguments: Any) -> None:
        """Enqueues at least `count` work-items in a row; the kernel ignores those in excess."""
        group = self.group
        self.launch_groups(kernel, (-(-count // group) * group,), (group,), *arguments)

    def launch_groups(
        self, kernel: cl.Kernel, total: tuple[int, ...], group: tuple[int, ...], *arguments: Any
    ) -> None:
        """Enqueues work-items in groups of a given form. Never waits for anything.

        Raises:
            OutOfMemoryError: a buffer could not be allocated.
        """
        try:
            with self.lock:
                kernel.set_args(*arguments)
                cl.enqueue_nd_range_kernel(self.queue, kernel, total, group)
        except cl.MemoryError as error:  # drivers may allocate a buffer at its first use
            raise OutOfMemoryError(
                f"opencl could not get the memory that {kernel.function_name} works on: {error}"
            ) from None

    # ---- faults in the data --------------------------------------------------------------------
    def faulty(self) -> bool:
        """Whether a kernel has raised the fault flag since the last time; waits for the queue.

        The caller holds the lock, from before the kernel was enqueued.
        """
        flag = np.zeros(1, np.int32)
        cl.enqueue_copy(self.queue, flag, self.fault, is_blocking=True)
        if flag[0]:
            self._clear_fault()
        return bool(flag[0])

    def _clear_fault(self) -> None:
        cl.enqueue_copy(self.queue, self.fault, np.zeros(1, np.int32), is_blocking=True)


def has_fp64(hardware: cl.Device) -> bool:
    """Whether the device computes in double precision."""
    return "cl_khr_fp64" in hardware.extensions or "cl_amd_fp64" in hardware.extensions


def _rank(hardware: cl.Device) -> int:
    """GPUs first, CPUs last."""
    if hardware.type & cl.device_type.GPU:
        return 0
    return 2 if hardware.type & cl.device_type.CPU else 1


@lru_cache(maxsize=1)
def find_devices() -> tuple[tuple[cl.Device, ...], str]:
    """All devices of all platforms that compile a kernel, and why there are no (more) of them."""
    try:
        platforms = cl.get_platforms()
    except cl.Error as error:
        return (), f"no OpenCL platform (is a driver installed?): {error}"
    reasons = [] if platforms else ["no OpenCL platform (is a driver installed?)"]
    found = []
    for platform in platforms:
        try:
            devices = platform.get_devices()
        except cl.Error as error:
            devices = []
            reasons.append(f"{platform.name}: {error}")
        for hardware in devices:
            reason = _trial(hardware)
            if reason is None:
                found.append(hardware)
            else:
                reasons.append(f"{platform.name}, {hardware.name}: {reason}")
    found.sort(key=_rank)
    return tuple(found), "; ".join(reasons) or "no OpenCL device on any platform"


def _trial(hardware: cl.Device) -> str | None:
    """Why the device cannot be used, if so: drivers exist that know no compiler for their CPU."""
    if not hardware.available or not hardware.compiler_available:
        return "the device or its compiler is not available"
    try:
        build(cl.Context([hardware]), hardware, Source("a trial kernel", ("trial",), ()))
    except (RuntimeError, cl.Error) as error:
        lines = str(error).splitlines()
        return next((line for line in lines if "error: " in line), " ".join(lines))
    return None
