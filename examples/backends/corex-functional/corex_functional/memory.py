"""Buffers whose content is replaced as a whole, and the queue of work of one device."""

import threading
import weakref
from collections import deque

import numpy as np

from corex.backend import OutOfMemoryError

ADDRESSES = 2**31  # what a signed number of 32 bits can count
LONGEST_QUEUE = 100
MOST_WAITING = 1 << 20  # bytes that a call in the queue may hold


class Cell:
    """A buffer: a place for an immutable array of bytes, and the only thing that ever changes."""

    __slots__ = ("__weakref__", "content", "device", "nbytes")

    def __init__(self, content, device):
        self.content = content
        self.nbytes = len(content)
        self.device = device


def frozen(content):
    content.flags.writeable = False
    return content


def elements(content, view):
    """The elements of a view of a buffer with this content."""
    _, dtype, shape, strides, offset = view
    if 0 in shape:
        return np.empty(shape, dtype.name)  # it may point anywhere, even beyond the buffer
    size = dtype.itemsize
    return np.ndarray(shape, dtype.name, content, offset * size, [s * size for s in strides])


def flushed(array):
    """Without subnormal numbers, of which the device knows nothing."""
    if array.dtype.kind != "f":
        return array
    tiny = np.finfo(array.dtype).smallest_normal
    return np.where(np.abs(array) < tiny, np.copysign(array.dtype.type(0), array), array)


def read(view):
    return flushed(elements(view[0].content, view))


def replace(view, values):
    """The view's buffer gets a new content, in which the view's elements are these."""
    if 0 in view[2]:
        return
    content = view[0].content.copy()
    elements(content, view)[...] = values
    view[0].content = frozen(content)


class Device:
    """One device: its memory, its work, and the first error of its work that nobody heard of."""

    def __init__(self, number):
        self.number = number
        self._lock = threading.RLock()
        self._work = deque()
        self._error = None
        self._freed = deque()  # a finalizer may run at any moment, so it only appends
        self._in_use = self._peak = self._allocations = 0

    # ---- work ----
    def submit(self, work, nbytes=0):
        """Queues a call; where it, or the queue, is long, all of it is done."""
        with self._lock:
            self._work.append(work)
            if len(self._work) > LONGEST_QUEUE or nbytes > MOST_WAITING:
                self._finish()

    def _finish(self):
        while self._work:
            work = self._work.popleft()
            try:
                with np.errstate(all="ignore"):
                    work()
            except Exception as error:
                self._error = self._error or error

    def wait(self):
        """Does all that is queued, and raises the first error since the last time."""
        with self._lock:
            self._finish()
            error, self._error = self._error, None
        if error is not None:
            raise error

    # ---- memory ----
    def allocate(self, nbytes):
        if nbytes >= ADDRESSES:
            raise OutOfMemoryError(f"{nbytes} bytes: addresses of functional devices have 32 bits")
        try:
            content = np.empty(nbytes, np.uint8)
        except MemoryError:
            raise OutOfMemoryError(f"the host cannot give {nbytes} bytes") from None
        cell = Cell(frozen(content), self)
        weakref.finalize(cell, self._freed.append, nbytes).atexit = False
        with self._lock:
            self._settle()
            self._in_use += nbytes
            self._peak = max(self._peak, self._in_use)
            self._allocations += 1
        return cell

    def statistics(self):
        with self._lock:
            self._settle()
            return {
                "allocated_bytes": self._in_use,
                "reserved_bytes": self._in_use,
                "peak_allocated_bytes": self._peak,
                "allocations": self._allocations,
            }

    def _settle(self):
        while self._freed:
            self._in_use -= self._freed.popleft()
