"""The backend object: memory from the runtime, kernels from the families of ops."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

from corex.backend import Backend, Buffer, DirectKernel, Kernel, Traits
from corex.dtypes import ALL, DType
from corex_cuda_pycuda import elements, interop, runtime
from corex_cuda_pycuda.graphs import Graph
from corex_cuda_pycuda.ops import (
    conv,
    create,
    index,
    matmul,
    optim,
    pointwise,
    pool,
    random,
    reduce,
    rows,
    sort,
)
from corex_cuda_pycuda.ops.direct import direct
from corex_cuda_pycuda.runtime import Event, Source, Stream

__all__ = ["CudaBackend"]

FAMILIES: tuple[Any, ...] = (
    create, pointwise, reduce, rows, random, matmul, index, sort, conv, pool, optim,
)  # fmt: skip


class CudaBackend(Backend):
    """All CUDA devices of this machine; kernels run later, in the order of the calls."""

    name: ClassVar[str] = "cuda_pycuda"
    device_type: ClassVar[str] = "cuda"

    def __init__(self) -> None:
        self._count = runtime.device_count()
        kernels: dict[str, Kernel] = {}
        for family in FAMILIES:
            kernels.update(family.KERNELS)
        self.kernels: Mapping[str, Kernel] = kernels
        self.takes = {op: elements.takes(op) for op in kernels}

    def device_count(self) -> int:
        """How many CUDA devices the driver shows."""
        return self._count

    def dtypes(self, device: int) -> tuple[DType, ...]:
        """All of corex's; complex numbers are computed by their parts."""
        return tuple(elements.in_order(ALL))

    def traits(self, device: int) -> Traits:
        """Kernels run later, and so do their errors."""
        return Traits(errors="deferred")

    # ---- memory ----
    def allocate(self, nbytes: int, device: int, dtype: Any = None, shape: Any = None) -> Buffer:
        """Memory from the device's caching allocator."""
        return runtime.device(device).allocate(nbytes)

    def nbytes(self, buffer: Buffer) -> int:
        """The size that was asked for."""
        size: int = buffer.nbytes
        return size

    def copy_from_host(self, buffer: Buffer, start: int, source: memoryview) -> None:
        """Queues a copy by way of pinned memory."""
        if len(source):
            runtime.device_of(buffer).copy_from_host(buffer, start, source)

    def copy_to_host(self, buffer: Buffer, start: int, target: memoryview) -> None:
        """Waits for the device, raises what its kernels found, copies."""
        if len(target):
            runtime.device_of(buffer).copy_to_host(buffer, start, target)

    def copy_device(
        self, target: Buffer, target_start: int, source: Buffer, source_start: int, nbytes: int
    ) -> bool:
        """Queues a copy between two buffers, on one device or on two."""
        if nbytes:
            runtime.copy_between(target, target_start, source, source_start, nbytes)
        return True

    def allocate_pinned(self, nbytes: int, device: int) -> memoryview:
        """Page-locked memory, from a cache."""
        return runtime.device(device).pinned.allocate(nbytes)

    def copy_from_host_async(self, buffer: Buffer, start: int, source: memoryview) -> None:
        """Queues a copy from page-locked memory."""
        if len(source):
            runtime.device_of(buffer).copy_pinned(buffer, start, source, to_device=True)

    def copy_to_host_async(self, buffer: Buffer, start: int, target: memoryview) -> None:
        """Queues a copy to page-locked memory."""
        if len(target):
            runtime.device_of(buffer).copy_pinned(buffer, start, target, to_device=False)

    def synchronize(self, device: int) -> None:
        """Waits for the device, and raises what its kernels found."""
        runtime.device(device).synchronize()

    def data_ptr(self, buffer: Buffer) -> int:
        """The address on the device."""
        address: int = buffer.ptr
        return address

    def memory_stats(self, device: int) -> dict[str, int]:
        """The allocator's counters."""
        return runtime.device(device).allocator.stats()

    def empty_cache(self, device: int) -> None:
        """Gives unused memory back to the driver."""
        found = runtime.device(device)
        found.enter()
        found.allocator.empty_cache()
        found.pinned.empty_cache()

    # ---- other libraries ----
    def dlpack_device(self, buffer: Buffer) -> tuple[int, int] | None:
        """CUDA, and the device's number."""
        return interop.DLPACK_CUDA, buffer.device

    def wrap_pointer(self, pointer: int, nbytes: int, device: int, owner: object) -> Buffer:
        """A buffer that is foreign memory of the device."""
        return interop.wrap_pointer(pointer, nbytes, device, owner)

    def stream_handle(self, device: int) -> int:
        """The driver's handle of this thread's stream."""
        return runtime.device(device).stream.handle

    def lead_stream(self, device: int, stream: int) -> None:
        """A foreign stream waits for ours; the host does not."""
        interop.lead_stream(device, stream)

    def follow_stream(self, device: int, stream: int) -> None:
        """Our stream waits for a foreign one; the host does not."""
        interop.follow_stream(device, stream)

    # ---- kernels ----
    def direct(self, op: str, dtype: DType) -> DirectKernel | None:
        """The short cut for `op` on dense operands, or None."""
        return direct(op, dtype)

    def sources(self) -> list[Source]:
        """What is worth compiling ahead: the usual variants of every kernel."""
        found: dict[Source, None] = {}
        for family in FAMILIES:
            found.update(dict.fromkeys(family.sources()))
        return list(found)

    def warm(self, progress: Callable[[int, int], None] | None = None) -> int:
        """Compiles the usual kernels into the cache on disk, in parallel.

        `progress` is called with how many are done and how many there are. Returns how many.
        """
        sources = self.sources()
        devices = {
            device.properties.architecture: device
            for device in map(runtime.device, range(self._count))
        }
        jobs = [(device, source) for device in devices.values() for source in sources]
        with ThreadPoolExecutor(os.cpu_count() or 1) as workers:
            running = [workers.submit(device.compile, source) for device, source in jobs]
            for done, future in enumerate(running, 1):
                future.result()
                if progress is not None:
                    progress(done, len(jobs))
        return len(jobs)

    # ---- for `corex.cuda` ----
    def memory_info(self, device: int) -> tuple[int, int]:
        """Free and total bytes, as the driver tells them."""
        return runtime.device(device).memory_info()

    def reset_peak_memory_stats(self, device: int) -> None:
        """The peak starts again from what is in use."""
        runtime.device(device).allocator.reset_peak()

    def device_properties(self, device: int) -> dict[str, Any]:
        """Under PyTorch's names."""
        found = runtime.device(device).properties
        return {
            "name": found.name,
            "major": found.compute_capability[0],
            "minor": found.compute_capability[1],
            "total_memory": found.total_memory,
            "multi_processor_count": found.multiprocessors,
            "warp_size": found.warp_size,
            "max_threads_per_block": found.threads_per_block,
            "max_threads_per_multi_processor": found.threads_per_multiprocessor,
            "shared_memory_per_block": found.shared_memory_per_block,
            "shared_memory_per_multiprocessor": found.shared_memory_per_multiprocessor,
        }

    def new_stream(self, device: int) -> Stream:
        """A stream beside the default one."""
        return runtime.device(device).new_stream()

    def current_stream(self, device: int) -> Stream:
        """Where this thread's work goes."""
        return runtime.device(device).stream

    def default_stream(self, device: int) -> Stream:
        """Where the work of all threads goes, unless they chose."""
        return runtime.device(device).default_stream

    def set_stream(self, stream: Stream) -> None:
        """From now on this thread's work on the stream's device goes there."""
        runtime.choose(stream)

    def new_event(self, timed: bool) -> Event:
        """An event, with a time if asked for."""
        return Event(timed)

    def new_graph(self, device: int) -> Graph:
        """An empty graph."""
        return Graph(runtime.device(device))

    # ---- for tests and measurements ----
    def counters(self, device: int = 0) -> dict[str, int]:
        """Launches, waits and transfers since the device was opened."""
        return runtime.device(device).counters.as_dict()

    def set_memory_limit(self, nbytes: int | None, device: int = 0) -> None:
        """The most that is asked of the driver; None: all there is."""
        runtime.device(device).set_memory_limit(nbytes)
