"""The backend: what its devices are like, and how pure functions become kernels."""

import math
from typing import ClassVar

import numpy as np

from corex.backend import Backend, Traits
from corex.dtypes import bool_, float32, int32, int64, uint8
from corex_functional import kernels as pure
from corex_functional.memory import Device, flushed, frozen, read, replace

TRAITS = Traits(
    subnormals="flushed",
    ulps={"unary": 8, "binary": 8, "activation": 16},
    index_bits=32,
    memory="functional",
    errors="deferred",
)


def device_of(view):
    return view[0].device


def kernel(function):
    """A kernel `(out, *inputs, *parameters)` from a function `(*arrays, *parameters) -> array`."""

    def run(out, *arguments):
        def work():
            given = [read(a) if isinstance(a, tuple) else a for a in arguments]
            replace(out, flushed(pure.converted(out[1].name, function(*given))))

        device_of(out).submit(work)

    return run


def copy(out, a):
    """Copies keep what they are given, unless there is something to convert."""

    def work():
        replace(out, pure.converted(out[1].name, read(a)))

    device_of(out).submit(work)


def fill(out, value):
    device_of(out).submit(lambda: replace(out, pure.converted(out[1].name, _number(out[1], value))))


def arange(out, start, step):
    values = pure.converted(out[1].name, start + np.arange(out[2][0]) * step)
    device_of(out).submit(lambda: replace(out, flushed(values)))


def _number(dtype, value):
    """The number as an array of the dtype it is rounded to once; integers go as integers."""
    kind = np.float32 if isinstance(value, float) and dtype is float32 else None
    return np.array(value, kind)


def index_put(out, values, accumulate, *indices):
    def work():
        found = [read(index) for index in indices]
        replace(out, flushed(pure.index_put(read(out), read(values), accumulate, *found)))

    device_of(out).submit(work)


def random_bits(out, seed, offset):
    bits = pure.random_bits(math.prod(out[2]), seed, offset).reshape(out[2])
    device_of(out).submit(lambda: replace(out, bits))


class FunctionalBackend(Backend):
    """Two devices that replace content instead of writing to it, later."""

    name = "functional"
    device_type = "functional"
    kernels: ClassVar = {
        **{name: kernel(f) for name, f in {**pure.ELEMENTWISE, **pure.REDUCTIONS}.items()},
        "matmul": kernel(np.matmul), "nonzero": kernel(np.argwhere), "index": kernel(pure.index),
        "copy": copy, "fill": fill, "arange": arange, "index_put": index_put,
        "random_bits": random_bits,
    }  # fmt: skip

    def __init__(self):
        self._devices = Device(0), Device(1)

    def device_count(self):
        return len(self._devices)

    def dtypes(self, device):
        return bool_, uint8, int32, int64, float32

    def traits(self, device):
        return TRAITS

    # ---- memory ----
    def allocate(self, nbytes, device, *hints):
        return self._devices[device].allocate(nbytes)

    def nbytes(self, buffer):
        return buffer.nbytes

    def copy_from_host(self, buffer, start, source):
        data = bytes(source)  # which is the caller's again when this returns

        def work():
            content = buffer.content.copy()
            memoryview(content)[start : start + len(data)] = data
            buffer.content = frozen(content)

        buffer.device.submit(work, len(data))

    def copy_to_host(self, buffer, start, target):
        buffer.device.wait()
        target[:] = memoryview(buffer.content)[start : start + len(target)]

    def synchronize(self, device):
        self._devices[device].wait()

    def memory_stats(self, device):
        return self._devices[device].statistics()
