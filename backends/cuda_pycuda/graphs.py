"""CUDA graphs: work that is captured once, and then launched as a whole.

A capture has a stream and a pool of memory of its own. The stream's work is noted instead of done,
and what it allocates stays the graph's, so that the addresses in the notes remain good. Random
numbers count from a word in device memory, which is written before each replay.
"""

from __future__ import annotations

import struct
import sys
from types import FrameType
from typing import Any, Final

from corex.backend import Block, PrivatePool
from corex_cuda_pycuda.runtime import Buffer, Device, Stream, capture
from corex_cuda_pycuda.runtime.threads import current, enter

_STATE: Final = struct.Struct("=QQ")  # seed, offset
MASK: Final = (1 << 64) - 1


_idle: dict[int, list[Stream]] = {}
"""The streams of graphs that have gone, by device."""


class CaptureError(RuntimeError):
    """Something that a graph cannot hold was asked for during its capture."""


class Graph:
    """One captured graph.

    Attributes:
        pool: its memory, which another graph may share if the two never run at the same time.
        stream: what its capture takes the place of this thread's stream with.
    """

    def __init__(self, device: Device) -> None:
        self._device = device
        device.enter()
        idle = _idle.setdefault(device.index, [])
        self.stream = idle.pop() if idle else Stream(device, -1)
        device.allocator.bury()
        self._random = device.allocate(_STATE.size)
        self._random_base: tuple[int, int] | None = None
        self._draws = False
        self._executable = 0
        self._shares = False
        self._kept: list[object] = []
        self._workspace: Buffer | None = None
        self._chosen: Stream | None = None
        self._used: set[Block] = set()  # memory of others that its work reads or writes
        self._last: Stream | None = None
        self.nodes = 0
        self.pool = PrivatePool(self.stream)

    # ---- capturing -----------------------------------------------------------------------------
    def begin(self, seed: int, offset: int, pool: PrivatePool | None = None) -> None:
        """From now on this thread's work is noted; random numbers start from `offset`.

        Raises:
            RuntimeError: the graph has been captured, or the thread is capturing another.
        """
        if self._executable:
            raise RuntimeError("the graph has been captured already; reset it, or use another")
        if current.capture is not None:
            raise RuntimeError("this thread is capturing a graph already")
        device = self._device
        device.enter()
        if pool is not None:
            self.pool, self._shares = pool, True
        self._random_base, self._draws = (seed & MASK, offset & MASK), False
        self._used = set()
        device.allocator.open_private(self.stream, self.pool)
        self._chosen = current.chosen.get(device.index)
        try:
            capture.begin_capture(self.stream.handle)
        except BaseException:
            device.allocator.close_private(self.stream)
            raise
        current.chosen[device.index] = self.stream
        current.capture = self
        enter(device)

    def end(self) -> None:
        """The capture is over.

        Raises:
            DriverError: something invalidated it.
        """
        graph = capture.end_capture(self._leave())
        try:
            self.nodes = capture.node_count(graph)
            self._executable = capture.instantiate(graph)
        finally:
            capture.call("cuGraphDestroy", graph)

    def abandon(self) -> None:
        """Ends a capture in which something failed; what was noted is forgotten."""
        if current.capture is not self:
            return
        try:
            graph = capture.end_capture(self._leave())
        except capture.DriverError:
            return  # it was invalid
        capture.call("cuGraphDestroy", graph)

    def _leave(self) -> int:
        """Gives the thread its stream back; returns the handle of the captured one."""
        if current.capture is not self:
            raise RuntimeError("this thread is not capturing this graph")
        device = self._device
        current.capture = None
        if self._chosen is None:
            del current.chosen[device.index]
        else:
            current.chosen[device.index] = self._chosen
        self._chosen = None
        enter(device)
        device.allocator.close_private(self.stream)
        return self.stream.handle

    def workspace(self, nbytes: int) -> Buffer:
        """Memory of the graph's own that libraries may work in, one after the other."""
        if self._workspace is None or self._workspace.nbytes < nbytes:
            self._workspace = self._device.allocate(nbytes)
            self.keep(self._workspace)
        return self._workspace

    def keep(self, owner: object) -> None:
        """Keeps something alive as long as the graph."""
        self._kept.append(owner)

    def note(self, block: Block) -> None:
        """Remembers memory that is not the graph's, which each replay uses on its stream."""
        self._used.add(block)

    def refusal(self, what: str) -> CaptureError:
        """The error for what cannot be captured; names the call of the program that led to it."""
        return CaptureError(
            f"{_where()} cannot be part of a CUDA graph: {what}, which happens only once, when the "
            "graph is captured. Move it out of the captured function."
        )

    def random_state(self, seed: int, offset: int) -> tuple[int, int, int]:
        """Seed, offset and the address of what is added to them at each replay.

        Raises:
            CaptureError: another seed than the capture began with.
        """
        assert self._random_base is not None
        base_seed, base = self._random_base
        if seed & MASK != base_seed:
            raise self.refusal("another generator than the default one draws random numbers")
        self._draws = True
        return 0, (offset - base) & MASK, self._random.ptr

    # ---- replaying -------------------------------------------------------------------------------
    def replay(self, seed: int, offset: int) -> None:
        """Queues all of the graph's work on this thread's stream.

        Raises:
            RuntimeError: nothing was captured.
        """
        if not self._executable:
            raise RuntimeError("the graph is empty: nothing has been captured")
        if current.capture is not None:
            raise current.capture.refusal("a graph is replayed")
        device = self._device
        device.enter()
        stream = device.stream
        if self._last is not None and self._last is not stream:
            stream.wait_stream(self._last)  # it runs once at a time, with one state and memory
        self._last = stream
        self.pool.replayed.add(stream)
        if device.allocator.several_streams():
            for block in self._used:
                block.use(stream)
        if self._draws:
            state = _STATE.pack(seed & MASK, offset & MASK)
            device.copy_from_host(self._random, 0, memoryview(state))
        capture.call("cuGraphLaunch", self._executable, stream.handle)

    def reset(self) -> None:
        """Forgets the graph; its memory is everybody's again, once nothing of it is in use."""
        self._drop()
        self._device.enter()
        self._device.allocator.bury()
        self._kept, self._workspace = [], None

    def _drop(self) -> None:
        executable, self._executable = self._executable, 0
        pool, self.pool = self.pool, PrivatePool(self.stream)
        shares, self._shares = self._shares, False
        self._used, self._last = set(), None
        self._device.allocator.drop(executable, None if shares else pool)

    def __del__(self) -> None:
        # At any moment, in any thread, perhaps in a capture: what needs the driver is done later.
        if sys.is_finalizing() or not hasattr(self, "pool"):
            return
        self._drop()
        _idle[self._device.index].append(self.stream)


# ---- naming the culprit ------------------------------------------------------------------------
def _where() -> str:
    """The outermost function of ours that the program called, and from which line."""
    inner: FrameType | None = sys._getframe(1)
    outer = inner
    while inner is not None and _is_ours(inner):
        outer, inner = inner, inner.f_back
    assert outer is not None
    name = outer.f_code.co_name.strip("_")
    if inner is None:
        return f"'{name}'"
    return f"'{name}' (line {inner.f_lineno} of {inner.f_code.co_filename})"


def _is_ours(frame: FrameType) -> bool:
    top: Any = frame.f_globals.get("__name__", "")
    return top.split(".")[0] in ("corex", "corex_cuda_pycuda", "contextlib")
