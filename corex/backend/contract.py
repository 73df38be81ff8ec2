"""The contract between corex and a backend: memory, plus kernels.

This module and `corex.dtypes` are all that a backend may import from corex. `docs/kernels.md`
lists every kernel with its arguments; here is what surrounds them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

from corex.backend.signatures import DTYPES, fits
from corex.backend.traits import Traits
from corex.backend.version import API_VERSION, FEATURES, Feature, Version, features_of
from corex.dtypes import DType
from corex.errors import BackendUnavailableError, KernelUnavailableError, OutOfMemoryError
from corex.layout import collapse, contiguous_strides

if TYPE_CHECKING:
    from corex.backend.graph import Graph, Number

__all__ = [
    "API_VERSION",
    "DTYPES",
    "AsyncBackend",
    "Backend",
    "BackendDescriptor",
    "BackendUnavailableError",
    "Buffer",
    "Compiled",
    "DeviceEvent",
    "DeviceStream",
    "DirectKernel",
    "FEATURES",
    "Feature",
    "Kernel",
    "KernelChoice",
    "KernelUnavailableError",
    "Memory",
    "OutOfMemoryError",
    "ThreadedBackend",
    "Traits",
    "View",
    "collapse",
    "contiguous_strides",
]

Buffer = Any
"""Whatever a backend's `allocate` returned. corex only keeps it and hands it back; the memory is
freed when the last reference goes."""

View = tuple[Buffer, DType, tuple[int, ...], tuple[int, ...], int]
"""What a kernel sees of a tensor: (buffer, dtype, shape, strides, offset). Strides and offset
count elements, strides may be 0 (broadcast) or negative."""

Kernel = Callable[..., None]
"""`kernel(*outputs, *inputs, *parameters)`: output and input views, then plain parameters. It
writes every element of every output, touches nothing else, and raises on failure."""

DirectKernel = Callable[..., Buffer | None]
"""`direct(shape, *operands)`: the optional short cut for an elementwise op on dense, row-major
operands of one shape and dtype. Each operand is given as two arguments, `buffer, offset`, or, for
a Python number, `number, 0`. Allocates and returns the result's buffer; None for a number that it
leaves to the frontend."""


Memory = tuple[Buffer, int]
"""A piece of memory that a compiled graph is given: a buffer, and the byte of it that is the first
of the graph's storage."""

Compiled = Callable[
    [tuple[Memory, ...], tuple[Memory, ...], tuple[Memory, ...], "tuple[Number, ...]"], None
]
"""`compiled(inputs, states, outputs, numbers)`: runs a graph once. The memory of its storages of
these roles, in the graph's order, and its changing numbers, in theirs."""


class KernelChoice(NamedTuple):
    """A kernel and, where it does not take every layout, the predicate that says which.

    `accepts` is called with exactly the arguments of `run`; when it returns False the dispatcher
    goes on to the next in line: another plugin's kernel, the backend's own, the decomposition.

    A kernel of an elementwise op that sets `numbers` gets the Python numbers among its operands as
    they are, in place of a view: an int or float, to be converted to the dtype of the other inputs
    (integers wrap around, floats round to infinity). Others get a view of one element.
    """

    run: Kernel
    accepts: Callable[..., bool] | None = None
    numbers: bool = False


class Backend:
    """Memory plus kernels. Subclass it, fill `kernels`, and implement the memory methods.

    Class attributes:
        name: the unique backend name, as in `corex.set_backend(name)`.
        device_type: the part of a device before the colon, as in `"cuda:0"`.
    """

    name: ClassVar[str]
    device_type: ClassVar[str]

    # ---- what it is ----------------------------------------------------------------------
    @property
    def features(self) -> frozenset[str]:
        """The names in `FEATURES` of what it offers beyond the minimum: of what it overrides."""
        return features_of(self, Backend)

    def traits(self, device: int) -> Traits:
        """In what device number `device` differs from an ideal one; see `Traits`."""
        return Traits()

    # ---- tier 0: memory ------------------------------------------------------------------
    def device_count(self) -> int:
        """How many devices this backend drives."""
        return 1

    def dtypes(self, device: int) -> tuple[DType, ...]:
        """The dtypes whose tensors device number `device` holds; all of API version 1 by default.

        bool, int64 and float32 must be among them: comparisons, indices and losses are made of
        these. corex raises TypeError where a program asks for one of the others."""
        return DTYPES

    def allocate(
        self,
        nbytes: int,
        device: int,
        dtype: DType | None = None,
        shape: tuple[int, ...] | None = None,
    ) -> Buffer:
        """Returns uninitialised memory of `nbytes` bytes (0 is allowed) on device number `device`.

        `dtype` and `shape` are hints, for memory that is typed, tiled or padded: the first tensor
        there has these elements, in row-major order, and `nbytes` bytes. Either may be None, and
        later views show the same bytes as another dtype or shape.

        Raises:
            OutOfMemoryError: the memory is not there; the backend stays usable.
        """
        raise NotImplementedError

    def nbytes(self, buffer: Buffer) -> int:
        """The size a buffer was allocated with, or that of the memory it wraps."""
        raise NotImplementedError

    def copy_from_host(self, buffer: Buffer, start: int, source: memoryview) -> None:
        """Copies the bytes of `source` (format 'B', contiguous) to `buffer`, from byte `start`."""
        raise NotImplementedError

    def copy_to_host(self, buffer: Buffer, start: int, target: memoryview) -> None:
        """Fills `target` (format 'B', contiguous, writable) from `buffer`, from byte `start`."""
        raise NotImplementedError

    def synchronize(self, device: int) -> None:
        """Waits until all work queued on the device is done."""

    # ---- optional: what only some memory can do -------------------------------------------
    def host_view(self, buffer: Buffer) -> memoryview | None:
        """The buffer's own bytes as a memoryview (zero copy), or None if the host cannot see them.

        The memoryview keeps the memory alive."""
        return None

    def wrap_host(self, data: memoryview) -> Buffer | None:
        """A buffer that *is* the given host bytes (format 'B'), keeping them alive, or None."""
        return None

    def data_ptr(self, buffer: Buffer) -> int:
        """The address of the buffer's first byte (0 where that means nothing)."""
        return 0

    # ---- optional: memory of the host that the device copies by itself ----------------------
    def allocate_pinned(self, nbytes: int, device: int) -> memoryview | None:
        """Writable bytes of the host that device number `device` can copy by itself (page-locked),
        or None. The memory is given back when the last reference to the memoryview goes, or to
        part of it, and the copies that it takes part in are done.

        Raises:
            OutOfMemoryError: the memory is not there.
        """
        return None

    def copy_from_host_async(self, buffer: Buffer, start: int, source: memoryview) -> None:
        """As `copy_from_host` from part of what `allocate_pinned` gave, but queued, in the order of
        the calling thread's kernels: `source` is the caller's again after `synchronize`."""
        self.copy_from_host(buffer, start, source)

    def copy_to_host_async(self, buffer: Buffer, start: int, target: memoryview) -> None:
        """As `copy_to_host` to part of what `allocate_pinned` gave, but queued: `target` has the
        bytes after `synchronize`."""
        self.copy_to_host(buffer, start, target)

    # ---- optional: memory shared with other libraries ---------------------------------------
    def dlpack_device(self, buffer: Buffer) -> tuple[int, int] | None:
        """DLPack's device type and number for a buffer's memory; None if nobody else can use it.

        By default (1, 0), which is the CPU, where the host sees the bytes. For any other device
        `data_ptr` is the address that is given away."""
        return None if self.host_view(buffer) is None else (1, 0)

    def wrap_pointer(self, pointer: int, nbytes: int, device: int, owner: object) -> Buffer | None:
        """A buffer that *is* foreign memory of device number `device`, or None.

        The buffer keeps `owner` alive, and with it the memory."""
        return None

    def stream_handle(self, device: int) -> int | None:
        """The handle of the stream that the calling thread's work goes to; None: no streams.

        It is what other libraries call it: for CUDA, 1 is the legacy default stream."""
        return None

    def lead_stream(self, device: int, stream: int) -> None:
        """What a foreign stream is given from now on runs after all that is queued here.

        By default waits until that is done."""
        self.synchronize(device)

    def follow_stream(self, device: int, stream: int) -> None:
        """What is queued here from now on runs after all that a foreign stream has been given."""
        raise NotImplementedError(f"backend '{self.name}' cannot wait for a stream")

    # ---- optional: what the allocator tells ------------------------------------------------
    def memory_stats(self, device: int) -> dict[str, int]:
        """Counters of the allocator: at least `allocated_bytes` (in use now), `reserved_bytes`
        (held from the system), `peak_allocated_bytes`, `allocations` (ever made)."""
        return {}

    def empty_cache(self, device: int) -> None:
        """Returns cached, unused memory to the system."""

    def copy_device(
        self, target: Buffer, target_start: int, source: Buffer, source_start: int, nbytes: int
    ) -> bool:
        """Copies bytes between two buffers of this backend, on one device or on two.

        Returns False where only the host can do it: corex then copies twice."""
        return False

    # ---- kernels ---------------------------------------------------------------------------
    kernels: Mapping[str, Kernel] = {}
    """Op name -> kernel."""

    takes: Mapping[str, Collection[DType]] = {}
    """Op name -> the dtypes that its kernel computes with, where these are not just those that
    docs/kernels.md says: fewer, or some that came after API version 1."""

    prefer_host: Collection[str] = ()
    """Ops that shall run on a host, rather than by their decomposition, while there is no kernel
    for them: where many small steps here cost more than copies both ways. The placement report
    says so. In strict mode, which forbids the host, they are decomposed."""

    def select(self, op: str, dtypes: tuple[DType, ...]) -> KernelChoice | None:
        """The kernel for `op` on views of these dtypes (outputs first, in argument order), or None.

        The answer is cached by the dispatcher, so it may depend on nothing else. By default the
        kernel of `kernels`, for the dtypes of docs/kernels.md or those that `takes` says."""
        kernel = self.kernels.get(op)
        if kernel is None or not fits(op, dtypes, self.takes.get(op)):
            return None
        return KernelChoice(kernel)

    def direct(self, op: str, dtype: DType) -> DirectKernel | None:
        """The short cut for elementwise `op` on inputs of `dtype`, or None."""
        return None

    def compile(self, graph: Graph, device: int) -> Compiled | None:
        """A function that runs a graph on device number `device`, or None: corex then calls the
        kernels one by one. docs/contract.md says what it is given, and what it owes.

        The graph is verified, and its memory is planned. An exception becomes a warning."""
        return None

    def warm(self, progress: Callable[[int, int], None] | None = None) -> int:
        """Does ahead of use what otherwise happens at first use, such as compiling kernels.

        `progress(done, all)` is called after each of several parts. Returns how many there were;
        0 where there is nothing to do."""
        return 0


# ---- optional: what `corex.accelerator` asks of a backend whose work runs later ----------------
class DeviceStream(Protocol):
    """A queue of work of one device. `handle` is the driver's own."""

    handle: int

    def synchronize(self) -> None:
        """Waits until nothing is left to do."""

    def query(self) -> bool:
        """Whether nothing is left to do."""

    def wait_event(self, event: Any) -> None:
        """What is queued from now on runs after the event."""


class DeviceEvent(Protocol):
    """A moment in the work of a stream."""

    def record(self, stream: Any) -> None:
        """The moment when all that the stream has now is done."""

    def query(self) -> bool:
        """Whether it has happened."""

    def synchronize(self) -> None:
        """Waits for it."""

    def elapsed_time(self, end: Any) -> float:
        """Milliseconds from here to another event."""


class DeviceGraph(Protocol):
    """Work of one device that is captured once and replayed."""

    pool: Any

    def begin(self, seed: int, offset: int, pool: Any = None) -> None:
        """From now on the calling thread's work is noted, not done.

        Kernels of random numbers are called with this seed, and offsets that count from this one.
        Memory comes from `pool`, by default one of the graph's own, and stays the graph's."""

    def end(self) -> None:
        """The capture is over."""

    def abandon(self) -> None:
        """The capture is over, and was in vain."""

    def replay(self, seed: int, offset: int) -> None:
        """Queues the work; random numbers are those of this seed and from this offset on."""

    def reset(self) -> None:
        """Forgets the work and gives its memory back."""


class AsyncBackend(Protocol):
    """Methods that a backend with queues of work has besides those of `Backend`.

    `corex.accelerator` calls them (for device type "cuda" `corex.cuda`, too). Each may be missing:
    without streams and events a device has one queue, and what else needs a missing method raises
    NotImplementedError. Streams and events are objects of the backend's own."""

    def memory_info(self, device: int) -> tuple[int, int]:
        """Free and total bytes of the device."""

    def reset_peak_memory_stats(self, device: int) -> None:
        """`peak_allocated_bytes` becomes `allocated_bytes`."""

    def device_properties(self, device: int) -> Mapping[str, Any]:
        """What `torch.cuda.get_device_properties` tells, `name`, `major` and `minor` among it."""

    def new_stream(self, device: int) -> DeviceStream:
        """A stream beside the default one."""

    def current_stream(self, device: int) -> DeviceStream:
        """Where this thread's work on the device goes."""

    def default_stream(self, device: int) -> DeviceStream:
        """Where it goes unless somebody chose."""

    def set_stream(self, stream: Any) -> None:
        """From now on this thread's work on the stream's device goes there."""

    def new_event(self, timed: bool) -> DeviceEvent:
        """An event; `timed` if `elapsed_time` shall work."""

    def new_graph(self, device: int) -> DeviceGraph:
        """An empty graph, for `corex.accelerator.Graph`."""


class ThreadedBackend(Protocol):
    """Methods that a backend for device type "cpu" has besides those of `Backend`, if its kernels
    use threads: `corex.set_num_threads` calls the one, `corex.get_num_threads` the other."""

    def get_num_threads(self) -> int:
        """How many threads a kernel may use."""

    def set_num_threads(self, count: int) -> None:
        """Sets it, to 1 at least and 256 at most."""


class BackendDescriptor(NamedTuple):
    """What a plugin announces about a backend, at no cost: nothing is constructed.

    Attributes:
        name: the unique backend name.
        device_type: the device type it serves.
        probe: returns None if the backend can be used here, else the reason why not.
        factory: constructs the backend; called once, on first use.
        priority: the higher one serves a device type that several backends share, and is the
            default backend; ties go to the name that sorts first.
        api_version: the contract version it was written for, (major, minor).
    """

    name: str
    device_type: str
    probe: Callable[[], str | None]
    factory: Callable[[], Backend]
    priority: int = 0
    api_version: Version = (1, 0)
