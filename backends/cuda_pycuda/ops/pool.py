"""max_pool2d, avg_pool2d and their gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from corex.backend import View
from corex.dtypes import DType
from corex_cuda_pycuda.elements import C_TYPES, FLOAT, usual
from corex_cuda_pycuda.ops.geometry import Launch, Plans, apart, index_type, words
from corex_cuda_pycuda.ops.packing import blocks, divisor, pack_layout, pointer, reach
from corex_cuda_pycuda.runtime import Device, Function, Source, device_of

THREADS: Final = 256
PLANES_PER_PROCESSOR: Final = 8
"""So many planes of `max_backward` are in work at a time; each needs a plane of scratch."""

Pair = tuple[int, int]
ONES: Final = (1, 1)


def source(dtype: DType, index: str) -> Source:
    """The module of one dtype."""
    return Source("pool.cu", (("T", C_TYPES[dtype]), ("INDEX", index)))


def _function(device: Device, name: str, *views: View) -> Function:
    """The kernel for views; indices below are those of elements and of offsets."""
    reaches = [reach(v[2], v[3]) for v in views]
    return device.function(source(views[0][1], index_type(*reaches)), name)


_plans = Plans()
Parameters = tuple[Pair, Pair, Pair, Pair, bool]


def _pool(
    name: str, out: View, indices: View | None, given: View, to_image: bool, window: Parameters
) -> None:
    """Launches a kernel with a thread per element of `out`, which is the image if `to_image`."""
    if 0 in out[2]:
        return
    device = device_of(out[0])
    at = 0 if indices is None else indices[3]
    key = (device.index, name, out[1], out[2], out[3], at, given[2], given[3], window)
    launch = _plans.get(key)
    if launch is None:
        constants = _constants(out, indices, given, to_image, window)
        views = (out, given) if indices is None else (out, given, indices)
        count = out[2][0] * out[2][1] * out[2][2] * out[2][3]
        grid = blocks(count, THREADS)
        function = _function(device, name, *views)
        launch = _plans.keep(key, Launch(function, grid, (THREADS, 1, 1), constants))
    if indices is None:
        launch.run(device, pointer(out), pointer(given))
    else:
        launch.run(device, pointer(out), pointer(indices), pointer(given))


def _constants(
    out: View, indices: View | None, given: View, to_image: bool, window: Parameters
) -> bytes:
    """The struct `Pool`."""
    kernel, stride, padding, dilation, count_padding = window
    plane = (*given[3][:2], 0, 0)
    at = (0, 0, 0, 0) if indices is None else indices[3]
    element = pack_layout(out[2], [out[3], at, plane, (0, 0, 1, 0), (0, 0, 0, 1)])
    image, pooled = (out, given) if to_image else (given, out)
    count = out[2][0] * out[2][1] * out[2][2] * out[2][3]
    rest = words(
        *image[2][2:], *pooled[2][2:], *given[3][2:], *kernel,
        *[word for step in stride for word in divisor(step)], *padding,
        *[word for step in dilation for word in divisor(step)], int(count_padding),
    )  # fmt: skip
    return words(count) + element + rest


def max_pool2d(
    out: View, indices: View, x: View, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair
) -> None:
    """The maximum of every window, and h * W + w of where it is."""
    if x[0] is out[0] or x[0] is indices[0]:
        device = device_of(out[0])
        x = apart(indices, apart(out, x, device), device)
    _pool("max_pool", out, indices, x, False, (kernel, stride, padding, dilation, False))


def avg_pool2d(
    out: View, x: View, kernel: Pair, stride: Pair, padding: Pair, count_include_pad: bool
) -> None:
    """The mean of every window."""
    if x[0] is out[0]:
        x = apart(out, x, device_of(out[0]))
    _pool("average_pool", out, None, x, False, (kernel, stride, padding, ONES, count_include_pad))


def avg_pool2d_backward(
    out: View, g: View, kernel: Pair, stride: Pair, padding: Pair, count_include_pad: bool
) -> None:
    """Every pixel's share of the windows that have seen it."""
    if g[0] is out[0]:
        g = apart(out, g, device_of(out[0]))
    window = (kernel, stride, padding, ONES, count_include_pad)
    _pool("average_backward", out, None, g, True, window)


def max_pool2d_backward(out: View, g: View, indices: View) -> None:
    """Zeros of x's shape, with g added at the indices."""
    if 0 in out[2]:
        return
    device = device_of(out[0])
    if g[0] is out[0] or indices[0] is out[0]:
        g, indices = apart(out, g, device), apart(out, indices, device)
    planes, pixels = out[2][0] * out[2][1], out[2][2] * out[2][3]
    grid = min(planes, device.properties.multiprocessors * PLANES_PER_PROCESSOR)
    key = (device.index, out[1], out[2], out[3], g[2], g[3], indices[3])
    launch = _plans.get(key)
    if launch is None:
        function = _function(device, "max_backward", out, g, indices)
        constants = _backward_constants(out, g, indices)
        launch = _plans.keep(key, Launch(function, (grid, 1, 1), (THREADS, 1, 1), constants))
    first = device.scratch(grid * pixels * 4)
    launch.run(device, pointer(out), pointer(g), pointer(indices), first.ptr, device.fault_word)


def _backward_constants(out: View, g: View, indices: View) -> bytes:
    """The struct `MaxBackward`."""
    places = tuple([max(size, 1) for size in g[2][2:]])
    return b"".join(
        (
            words(out[2][0] * out[2][1], g[2][2] * g[2][3], out[2][2] * out[2][3]),
            words(*divisor(out[2][3])),
            pack_layout(out[2][:2], [out[3][:2], g[3][:2], indices[3][:2]]),
            pack_layout(places, [g[3][2:], indices[3][2:]]),
            words(*out[3][2:]),
        )
    )


KERNELS: dict[str, Callable[..., None]] = {
    "max_pool2d": max_pool2d,
    "max_pool2d_backward": max_pool2d_backward,
    "avg_pool2d": avg_pool2d,
    "avg_pool2d_backward": avg_pool2d_backward,
}


def sources() -> Iterator[tuple[Source, tuple[str, ...]]]:
    """One module per dtype."""
    for dtype in usual(FLOAT):
        yield (
            source(dtype, "int"),
            ("max_pool", "average_pool", "average_backward", "max_backward"),
        )
