"""conv2d and its gradients: geometry in, products of matrices out (see `kernels/conv.cu`)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from corex.backend import View
from corex.dtypes import DType
from corex_cuda_pycuda.elements import C_TYPES, FLOAT, usual
from corex_cuda_pycuda.ops.geometry import Launch, Plans, apart, index_type, parts_grid, words
from corex_cuda_pycuda.ops.matmul import Steps, division, tile_side
from corex_cuda_pycuda.ops.packing import blocks, divisor, pack_layout, pointer, reach
from corex_cuda_pycuda.runtime import Device, Source, device_of

THREADS: Final = 256
FEW_ROWS: Final = 4
"""Groups of so few rows are computed without tiles."""
LONG: Final = 512
"""From this depth on a block shares an element, where there are no tiles."""

Pair = tuple[int, int]
Four = tuple[int, ...]


class Window(NamedTuple):
    """The parameters of a convolution."""

    stride: Pair
    padding: Pair
    dilation: Pair
    groups: int


class Digits(NamedTuple):
    """An index that stands for three: their sizes, and for each what it adds to offset, h and w."""

    sizes: tuple[int, int, int]
    offset: tuple[int, int, int]
    h: tuple[int, int, int] = (0, 0, 0)
    w: tuple[int, int, int] = (0, 0, 0)

    def _filled(self) -> tuple[int, ...]:
        """The sizes; a product of nothing still has to be divided by something."""
        return tuple([max(size, 1) for size in self.sizes])

    def place(self) -> bytes:
        """As `Layout<3, 1>`: offsets alone."""
        return pack_layout(self._filled(), [self.offset])

    def window(self) -> bytes:
        """As `Layout<3, 3>`."""
        return pack_layout(self._filled(), [self.offset, self.h, self.w])


class Problem(NamedTuple):
    """One of the three products, in the words of `kernels/conv.cu`."""

    m: int
    n: int
    k: int
    groups: int
    a_depth: Digits
    a_steps: Pair  # of a line, of a group
    b_line: Digits
    b_depth: Digits
    b_shift: int
    b_group: int
    shift: Pair
    size: Pair
    stride: Pair
    b_steps: Pair
    out_column: Digits
    out_steps: Pair  # of a row, of a group
    bias: int
    to_input: bool
    b_along: bool

    def constants(self, pieces: int, piece: int) -> bytes:
        """The struct `Conv`."""
        return b"".join(
            (
                words(self.m, self.n, self.k, self.groups, pieces, piece),
                words(*divisor(self.m), *divisor(self.n)),
                self.a_depth.place(), words(*self.a_steps),
                self.b_line.window(), self.b_depth.window(),
                words(self.b_shift, self.b_group, *self.shift, *self.size),
                words(*divisor(self.stride[0]), *divisor(self.stride[1]), *self.b_steps),
                self.out_column.place(), words(*self.out_steps, self.bias),
            )
        )  # fmt: skip


# ---- the three products ----------------------------------------------------------------------
def _places(batches: int, size: Four, strides: Four, window: Window) -> Digits:
    """Images and output places, as what the window there looks at first."""
    (sh, sw), (n, _, h, w) = window.stride, strides
    return Digits((batches, *size), (n, sh * h, sw * w), (0, sh, 0), (0, 0, sw))  # type: ignore[arg-type]


def _taps(channels: int, kernel: Four, strides: Four, window: Window) -> Digits:
    """Channels and taps of the window, as steps from where it begins."""
    (dh, dw), (_, c, h, w) = window.dilation, strides
    return Digits((channels, *kernel), (c, dh * h, dw * w), (0, dh, 0), (0, 0, dw))  # type: ignore[arg-type]


def _forward(out: View, x: View, weight: View, bias: int, window: Window) -> Problem:
    batches, features, *size = out[2]
    channels, kernel = weight[2][1], weight[2][2:]
    per_group, xs, ws, os = features // window.groups, x[3], weight[3], out[3]
    (ph, pw) = window.padding
    return Problem(
        m=per_group, n=batches * size[0] * size[1], k=channels * kernel[0] * kernel[1],
        groups=window.groups,
        a_depth=Digits((channels, *kernel), ws[1:]),  # type: ignore[arg-type]
        a_steps=(ws[0], per_group * ws[0]),
        b_line=_places(batches, tuple(size), xs, window),
        b_depth=_taps(channels, kernel, xs, window),
        b_shift=-ph * xs[2] - pw * xs[3], b_group=channels * xs[1], shift=(-ph, -pw),
        size=x[2][2:], stride=(1, 1), b_steps=(0, 0),  # type: ignore[arg-type]
        out_column=Digits((batches, *size), (os[0], os[2], os[3])),  # type: ignore[arg-type]
        out_steps=(os[1], per_group * os[1]), bias=bias, to_input=False, b_along=False,
    )  # fmt: skip


def _to_input(out: View, g: View, weight: View, window: Window) -> Problem:
    batches, _, *size = out[2]
    features = weight[2][0] // window.groups
    channels, kernel = weight[2][1], weight[2][2:]
    gs, ws, os = g[3], weight[3], out[3]
    dh, dw = window.dilation
    return Problem(
        m=channels, n=batches * size[0] * size[1], k=features * kernel[0] * kernel[1],
        groups=window.groups,
        a_depth=Digits((features, *kernel), (ws[0], ws[2], ws[3])),  # type: ignore[arg-type]
        a_steps=(ws[1], features * ws[0]),
        b_line=Digits((batches, *size), (gs[0], 0, 0), (0, 1, 0), (0, 0, 1)),  # type: ignore[arg-type]
        b_depth=Digits((features, *kernel), (gs[1], 0, 0), (0, dh, 0), (0, 0, dw)),  # type: ignore[arg-type]
        b_shift=0, b_group=features * gs[1], shift=window.padding,
        size=g[2][2:], stride=window.stride, b_steps=(gs[2], gs[3]),  # type: ignore[arg-type]
        out_column=Digits((batches, *size), (os[0], os[2], os[3])),  # type: ignore[arg-type]
        out_steps=(os[1], channels * os[1]), bias=0, to_input=True, b_along=False,
    )  # fmt: skip


def _to_weight(out: View, g: View, x: View, window: Window) -> Problem:
    batches, _, *size = g[2]
    features = out[2][0] // window.groups
    channels, kernel = out[2][1], out[2][2:]
    gs, xs, os = g[3], x[3], out[3]
    (ph, pw) = window.padding
    return Problem(
        m=features, n=channels * kernel[0] * kernel[1], k=batches * size[0] * size[1],
        groups=window.groups,
        a_depth=Digits((batches, *size), (gs[0], gs[2], gs[3])),  # type: ignore[arg-type]
        a_steps=(gs[1], features * gs[1]),
        b_line=_taps(channels, kernel, xs, window),
        b_depth=_places(batches, tuple(size), xs, window),
        b_shift=-ph * xs[2] - pw * xs[3], b_group=channels * xs[1], shift=(-ph, -pw),
        size=x[2][2:], stride=(1, 1), b_steps=(0, 0),  # type: ignore[arg-type]
        out_column=Digits((channels, *kernel), os[1:]),  # type: ignore[arg-type]
        out_steps=(os[0], features * os[0]), bias=0, to_input=False, b_along=True,
    )  # fmt: skip


# ---- launches --------------------------------------------------------------------------------
def source(dtype: DType, index: str, side: int, to_input: bool, b_along: bool) -> Source:
    """The module for one size of tiles (0: none) and one of the products."""
    return Source(
        "conv.cu",
        (
            ("T", C_TYPES[dtype]), ("INDEX", index), ("TILE_SIDE", str(side)),
            ("TO_INPUT", str(int(to_input))), ("B_ALONG_DEPTH", str(int(b_along))),
        ),
    )  # fmt: skip


def _plan(device: Device, dtype: DType, p: Problem, index: str) -> Steps:
    processors = device.properties.multiprocessors
    total = p.groups * p.m * p.n
    small = total <= 64 * processors
    if p.k > 0 and (p.m <= FEW_ROWS or p.n <= FEW_ROWS):
        name = "direct_block" if p.k >= LONG and (small or p.b_along) else "direct"
        if name == "direct" or total < 1 << 31:
            function = device.function(source(dtype, index, 0, p.to_input, p.b_along), name)
            grid = (total, 1, 1) if name == "direct_block" else blocks(total, THREADS)
            launch = Launch(function, grid, (THREADS, 1, 1), p.constants(1, p.k))
            return Steps(launch, None, 0, False, True)
    side = tile_side(p.m, p.n, p.k, p.groups, processors, False)
    tiles = -(-p.m // side) * -(-p.n // side)
    pieces, piece = division(tiles * p.groups, p.k, processors)
    module = source(dtype, index, side, p.to_input, p.b_along)
    constants = p.constants(pieces, piece)
    grid = parts_grid(tiles, p.groups * pieces)
    first = Launch(device.function(module, "product"), grid, (THREADS, 1, 1), constants)
    if pieces == 1:
        return Steps(first, None, 0, False, False)
    combine = device.function(module, "combine")
    last = Launch(combine, blocks(total, THREADS), (THREADS, 1, 1), constants)
    return Steps(first, last, pieces * total * dtype.itemsize, False, False)


_plans = Plans()
Describe = Callable[[], Problem]


def _run(
    device: Device, key: tuple[object, ...], describe: Describe, out: View, a: View, b: View,
    bias: View | None,
) -> None:  # fmt: skip
    steps = _plans.get(key)
    if steps is None:
        problem = describe()
        reaches = [reach(v[2], v[3]) for v in (out, a, b)]
        index = index_type(2 * max(reaches), problem.m, problem.n, problem.k)
        steps = _plans.keep(key, _plan(device, out[1], problem, index))
    at_out, at_a, at_b = pointer(out), pointer(a), pointer(b)
    at_bias = 0 if bias is None else pointer(bias)
    if steps.lone:
        steps.first.run(device, at_out, at_a, at_b, at_bias)
    elif steps.combine is None:
        steps.first.run(device, at_out, 0, at_a, at_b, at_bias)
    else:
        sums = device.scratch(steps.partial)
        steps.first.run(device, at_out, sums.ptr, at_a, at_b, 0)
        steps.combine.run(device, at_out, sums.ptr, at_bias)


def _shapes(*views: View) -> tuple[object, ...]:
    return (views[0][1], *[part for view in views for part in (view[2], view[3])])


def conv2d(
    out: View, x: View, weight: View, bias: View | None,
    stride: Pair, padding: Pair, dilation: Pair, groups: int,
) -> None:  # fmt: skip
    """(N, C, H, W) with weight (O, C / groups, kh, kw) -> (N, O, H', W')."""
    if 0 in out[2]:
        return
    device, window = device_of(out[0]), Window(stride, padding, dilation, groups)
    if any([v is not None and v[0] is out[0] for v in (x, weight, bias)]):
        x, weight, bias = [apart(out, v, device) for v in (x, weight, bias)]  # type: ignore[assignment]
    step = 0 if bias is None else bias[3][0]
    key = (device.index, "out", window, step, *_shapes(out, x, weight))
    _run(device, key, lambda: _forward(out, x, weight, step, window), out, weight, x, bias)


def conv2d_backward_input(
    out: View, g: View, weight: View, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> None:
    """The gradient of x, in whose shape `out` is."""
    if 0 in out[2]:
        return
    device, window = device_of(out[0]), Window(stride, padding, dilation, groups)
    if g[0] is out[0] or weight[0] is out[0]:
        g, weight = [apart(out, v, device) for v in (g, weight)]  # type: ignore[assignment]
    key = (device.index, "input", window, *_shapes(out, g, weight))
    _run(device, key, lambda: _to_input(out, g, weight, window), out, weight, g, None)


def conv2d_backward_weight(
    out: View, g: View, x: View, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> None:
    """The gradient of the weight, in whose shape `out` is."""
    if 0 in out[2]:
        return
    device, window = device_of(out[0]), Window(stride, padding, dilation, groups)
    if g[0] is out[0] or x[0] is out[0]:
        g, x = [apart(out, v, device) for v in (g, x)]  # type: ignore[assignment]
    key = (device.index, "weight", window, *_shapes(out, g, x))
    _run(device, key, lambda: _to_weight(out, g, x, window), out, g, x, None)


KERNELS: dict[str, Callable[..., None]] = {
    "conv2d": conv2d,
    "conv2d_backward_input": conv2d_backward_input,
    "conv2d_backward_weight": conv2d_backward_weight,
}


def sources() -> Iterator[tuple[Source, tuple[str, ...]]]:
    """Every dtype, product and size of tiles."""
    products = ((False, False), (True, False), (False, True))
    for dtype, side, (to_input, b_along) in itertools.product(usual(FLOAT), (0, 32, 64), products):
        names = ("product", "combine") if side else ("direct", "direct_block")
        yield source(dtype, "int", side, to_input, b_along), names
