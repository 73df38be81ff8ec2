"""One CUDA device: its context, memory, modules, and how kernels are launched on it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

import pycuda.driver as drv

from corex_cuda_pycuda.runtime import compiler, native
from corex_cuda_pycuda.runtime.capture import allowing
from corex_cuda_pycuda.runtime.faults import FaultWord
from corex_cuda_pycuda.runtime.memory import Buffer, allocator_of
from corex_cuda_pycuda.runtime.pinned import Pinned
from corex_cuda_pycuda.runtime.properties import Grid, properties_of
from corex_cuda_pycuda.runtime.source import Source
from corex_cuda_pycuda.runtime.staging import Staging
from corex_cuda_pycuda.runtime.streams import Stream
from corex_cuda_pycuda.runtime.threads import (
    FORKED,
    current,
    enter,
    forked,
    keep,
    refuse_forks,
    working_on,
)

MOST_STREAMS = 32


class LaunchError(RuntimeError):
    """The driver refused a launch, or a kernel that was queued earlier failed."""


class Counters:
    """What a device was asked to do."""

    __slots__ = (
        "device_to_host", "device_to_host_bytes", "host_to_device", "host_to_device_bytes",
        "launches", "synchronisations",
    )  # fmt: skip

    def __init__(self) -> None:
        for name in self.__slots__:
            setattr(self, name, 0)

    launches: int
    synchronisations: int
    host_to_device: int
    host_to_device_bytes: int
    device_to_host: int
    device_to_host_bytes: int

    def as_dict(self) -> dict[str, int]:
        """All of them, by name."""
        return {name: getattr(self, name) for name in self.__slots__}


class Function:
    """A kernel of a loaded module.

    Attributes:
        raw: PyCUDA's function.
        launch: queues it: (grid, block, packed arguments, bytes of dynamic shared memory, stream).
    """

    __slots__ = ("launch", "name", "raw", "source")

    def __init__(self, raw: Any, source: Source, name: str) -> None:
        self.raw = raw
        self.launch: Callable[..., None] = raw._launch_kernel
        self.source = source
        self.name = name

    def __repr__(self) -> str:
        return f"kernel '{self.name}' of {self.source.describe()}"


class Device:
    """Use `device(index)`: there is one object per CUDA device."""

    def __init__(self, index: int) -> None:
        raw = drv.Device(index)
        self.raw = raw
        self.index = index
        self.properties = properties_of(raw)
        self.counters = Counters()
        self._lock = threading.RLock()
        self._modules: dict[Source, Any] = {}
        self._functions: dict[tuple[Source, str], Function] = {}
        self._streams: list[Stream] = []
        self._taken = 0
        self.events: dict[bool, list[Any]] = {False: [], True: []}  # to be used again, by `timed`
        self.default_stream: Stream = None  # type: ignore[assignment]
        self.context = keep(raw.retain_primary_context())
        self.context_handle = int(self.context.handle)
        enter(self)
        self.default_stream = current.stream = Stream(self, 0)
        self.allocator = allocator_of(self)
        self.staging = Staging(self)
        self.pinned = Pinned(self)
        self.faults = FaultWord(self)
        self.fault_word = self.faults.pointer
        limit = os.environ.get("COREX_CUDA_MEMORY_LIMIT")
        if limit:
            self.set_memory_limit(int(limit))

    # ---- this thread -------------------------------------------------------------------------
    def enter(self) -> None:
        """Makes this the device of the calling thread."""
        if current.device is not self:
            enter(self)

    @property
    def stream(self) -> Stream:
        """What this thread launches on."""
        if current.device is not self:
            enter(self)
        return current.stream

    def new_stream(self) -> Stream:
        """A stream beside the default one; from some number on they are shared."""
        with self._lock:
            self.enter()
            if len(self._streams) < MOST_STREAMS:
                stream = Stream(self, len(self._streams) + 1)
                self._streams.append(stream)
                self.allocator.add_stream(stream)
                return stream
            self._taken += 1
            return self._streams[self._taken % MOST_STREAMS]

    def streams(self) -> list[Stream]:
        """All that work may be queued on, the default one first."""
        return [self.default_stream, *self._streams]

    # ---- kernels -----------------------------------------------------------------------------
    def function(self, source: Source, name: str) -> Function:
        """The kernel `name` of a module, which is compiled and loaded on first use.

        Raises:
            CompileError: the compiler refuses the module.
            LaunchError: the module has no such kernel, or the driver refuses it.
        """
        found = self._functions.get((source, name))
        return self._load(source, name) if found is None else found

    def _load(self, source: Source, name: str) -> Function:
        code = compiler.machine_code(source, self.properties.architecture)
        with self._lock:
            self.enter()
            try:
                with working_on(self), allowing():
                    module = self._modules.get(source)
                    if module is None:
                        module = self._modules[source] = keep(drv.module_from_buffer(code))
                    raw = module.get_function(name)
            except drv.Error as error:
                raise LaunchError(
                    f"kernel '{name}' of {source.describe()} cannot be loaded: {error}"
                ) from error
            function = self._functions[source, name] = Function(raw, source, name)
            return function

    def compile(self, source: Source) -> None:
        """Compiles a module into the cache on disk, without loading it."""
        compiler.machine_code(source, self.properties.architecture)

    def launch(
        self, function: Function, grid: Grid, block: Grid, arguments: bytes, shared: int = 0
    ) -> None:
        """Queues a kernel on this thread's stream.

        Raises:
            LaunchError: the driver refuses it.
        """
        if current.device is not self:
            enter(self)
        try:
            function.launch(grid, block, arguments, shared, current.stream.raw)
        except drv.Error as error:
            raise LaunchError(
                f"{function} was not launched on cuda:{self.index} with grid {grid}, block "
                f"{block}, {len(arguments)} bytes of arguments, {shared} of shared memory: {error}"
            ) from error
        self.counters.launches += 1

    def copy(self, target: int, source: int, nbytes: int) -> None:
        """Queues a copy within the device."""
        if current.device is not self:
            enter(self)
        drv.memcpy_dtod_async(target, source, nbytes, current.stream.raw)

    # ---- memory --------------------------------------------------------------------------------
    def allocate(self, nbytes: int) -> Buffer:
        """Uninitialised memory.

        Raises:
            OutOfMemoryError: there is none.
        """
        if current.device is not self:
            enter(self)
        return self.allocator.allocate(nbytes, current.stream)

    scratch = allocate
    """Memory for the time of a few launches: drop it after the last, it is reused in order."""

    def set_memory_limit(self, nbytes: int | None) -> None:
        """At most this many bytes are asked of the driver; None: as many as there are."""
        self.allocator.limit = self.properties.total_memory if nbytes is None else nbytes

    def memory_info(self) -> tuple[int, int]:
        """Free and total bytes, as the driver tells them."""
        self.enter()
        free, total = drv.mem_get_info()
        return int(free), int(total)

    def copy_from_host(self, buffer: Buffer, start: int, source: memoryview) -> None:
        """Queues a copy to the device; `source` is the caller's again on return."""
        _refuse_in_capture("memory of the host is copied to the device")
        self.enter()
        self.staging.to_device(buffer.ptr + start, source, current.stream)

    def copy_to_host(self, buffer: Buffer, start: int, target: memoryview) -> None:
        """Waits for what is queued and copies to the host.

        Raises:
            IndexError, ZeroDivisionError: a kernel queued before found such a value.
        """
        _refuse_in_capture("the host waits for values of the device")
        self.enter()
        try:
            self.staging.to_host(target, buffer.ptr + start, current.stream)
        except drv.Error as error:
            raise self._failed(error) from error
        self.faults.check()

    def copy_pinned(self, buffer: Buffer, start: int, data: memoryview, to_device: bool) -> None:
        """Queues a copy between the device and part of pinned memory."""
        _refuse_in_capture("pinned memory of the host is copied")
        self.enter()
        stream = current.stream
        Pinned.use(data, stream)
        address, nbytes = buffer.ptr + start, len(data)
        if to_device:
            drv.memcpy_htod_async(address, data, stream.raw)
            self.counters.host_to_device += 1
            self.counters.host_to_device_bytes += nbytes
        else:
            drv.memcpy_dtoh_async(data, address, stream.raw)
            self.counters.device_to_host += 1
            self.counters.device_to_host_bytes += nbytes

    # ---- waiting -------------------------------------------------------------------------------
    def synchronize(self) -> None:
        """Waits for all that is queued on the device.

        Raises:
            IndexError, ZeroDivisionError: a kernel found such a value.
            LaunchError: a kernel failed.
        """
        self.wait_all()
        self.faults.check()

    def wait_all(self) -> None:
        """As `synchronize`; leaves the fault word for whom it concerns."""
        _refuse_in_capture("the host waits for the device")
        self.enter()
        self.counters.synchronisations += 1
        try:
            drv.Context.synchronize()
        except drv.Error as error:
            raise self._failed(error) from error

    def wait(self, stream: Stream) -> None:
        """Waits for one stream.

        Raises:
            as `synchronize`.
        """
        _refuse_in_capture("the host waits for the device")
        self.enter()
        self.counters.synchronisations += 1
        try:
            stream.raw.synchronize()
        except drv.Error as error:
            raise self._failed(error) from error
        self.faults.check()

    def check(self) -> None:
        """Raises what the fault word says; means something only after waiting."""
        self.faults.check()

    def _failed(self, error: Exception) -> LaunchError:
        return LaunchError(
            f"work queued on cuda:{self.index} failed, in one of the kernels launched since the "
            f"last synchronisation: {error}"
        )

    def __repr__(self) -> str:
        return f"Device(cuda:{self.index}, {self.properties.name})"


def _refuse_in_capture(what: str) -> None:
    if current.capture is not None:
        raise current.capture.refusal(what)


# ---- the devices of this process -------------------------------------------------------------
_devices: dict[int, Device] = {}
_lock = threading.RLock()


def device_count() -> int:
    """How many there are."""
    drv.init()
    return int(drv.Device.count())


def device(index: int) -> Device:
    """Device number `index`, which is opened on first use.

    Raises:
        RuntimeError: the process was forked after CUDA was used.
    """
    found = _devices.get(index)
    if found is not None:
        return found
    if forked():
        raise RuntimeError(FORKED)
    with _lock:
        if index not in _devices:
            drv.init()
            if not _devices:
                refuse_forks()
            with allowing():  # it may be the first use of a second device, in a capture
                _devices[index] = Device(index)
        return _devices[index]


def opened() -> list[Device]:
    """The devices in use by this process."""
    return list(_devices.values())


def device_of(buffer: Buffer) -> Device:
    """Where a buffer's memory is."""
    return _devices[buffer.device]


def launch(
    function: Function, buffer: Buffer, grid: Grid, block: Grid, arguments: bytes, shared: int = 0
) -> None:
    """Queues a kernel on the device of a buffer."""
    _devices[buffer.device].launch(function, grid, block, arguments, shared)


def copy_between(
    target: Buffer, target_start: int, source: Buffer, source_start: int, nbytes: int
) -> None:
    """Queues a copy from one device to another, or within one; nobody waits."""
    to, origin = device_of(target), device_of(source)
    if to is origin:
        to.copy(target.ptr + target_start, source.ptr + source_start, nbytes)
        return
    _refuse_in_capture("another device is used")
    ready = origin.stream.record_event()
    source.use(origin.stream)
    stream = to.stream
    stream.wait_event(ready)
    native.copy_peer(
        target.ptr + target_start, to.context_handle,
        source.ptr + source_start, origin.context_handle, nbytes, stream.handle,
    )  # fmt: skip
    done = stream.record_event()  # the source's memory may be written again only after this
    origin.stream.wait_event(done)
