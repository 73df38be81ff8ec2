"""Convolution and pooling against the definition, spelled out in NumPy.

A convolution is linear in its input and in its weight, so the oracle for the two gradients is the
same list of (output, input, weight) places, read in another direction.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import numpy as np

from corex.testing.arrays import Array, Expected, numbers, smooth
from corex.testing.case import Case
from corex.testing.spec import Fields, Spec, differentiated, inexact
from corex.testing.specs.matmul import calm, smooth_calm

Pair = tuple[int, int]
LAYOUTS: Final = ("dense", "offset", "transposed", "stepped", "negative", "broadcast")


class Geometry(NamedTuple):
    """One geometry: x (N, C, H, W), O features, kernel size and the rest."""

    x: tuple[int, ...]
    features: int
    kernel: Pair
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1

    @property
    def weight(self) -> tuple[int, ...]:
        """The weight's shape."""
        return (self.features, self.x[1] // self.groups, *self.kernel)

    @property
    def out(self) -> tuple[int, ...]:
        """The output's shape."""
        axes = zip(self.x[2:], self.kernel, self.stride, self.padding, self.dilation, strict=True)
        sizes = [(size + 2 * p - d * (k - 1) - 1) // s + 1 for size, k, s, p, d in axes]
        return (self.x[0], self.features, *sizes)

    def taps(self) -> tuple[Array, ...]:
        """All i, j, h, w, kh, kw at which out[.., i, j] sees x[.., h, w] through kh, kw."""
        return _taps(self)

    def channels(self) -> Iterator[tuple[slice, slice]]:
        """Per group: the features and the input channels."""
        outs, ins = self.features // self.groups, self.x[1] // self.groups
        for g in range(self.groups):
            yield slice(g * outs, (g + 1) * outs), slice(g * ins, (g + 1) * ins)

    def fields(self) -> Fields:
        """The parameters of a convolution's case."""
        return {"stride": self.stride, "padding": self.padding, "dilation": self.dilation,
                "groups": self.groups}  # fmt: skip


@functools.cache  # numeric gradients ask for them thousands of times
def _taps(c: Geometry) -> tuple[Array, ...]:
    i, j, kh, kw = np.indices((*c.out[2:], *c.kernel)).reshape(4, -1)
    h = i * c.stride[0] - c.padding[0] + kh * c.dilation[0]
    w = j * c.stride[1] - c.padding[1] + kw * c.dilation[1]
    inside = (h >= 0) & (h < c.x[2]) & (w >= 0) & (w < c.x[3])
    return tuple([places[inside] for places in (i, j, h, w, kh, kw)])


CONVS: Final = [
    Geometry((2, 3, 5, 6), 4, (3, 2)),
    Geometry((2, 3, 4, 4), 5, (1, 1)),
    Geometry((1, 2, 4, 5), 3, (3, 3), padding=(1, 2)),
    Geometry((2, 2, 7, 8), 3, (3, 3), stride=(2, 3), padding=(1, 1)),
    Geometry((1, 2, 8, 7), 2, (3, 2), padding=(2, 1), dilation=(2, 3)),
    Geometry((2, 4, 5, 5), 6, (3, 3), padding=(1, 1), groups=2),
    Geometry((1, 3, 6, 5), 3, (3, 3), stride=(1, 2), padding=(1, 1), groups=3),
    Geometry((0, 2, 4, 4), 3, (3, 3)),
    Geometry((3, 1, 8, 8), 8, (3, 3), padding=(1, 1)),
]
SMALL: Final = [CONVS[2], Geometry((1, 2, 4, 4), 2, (2, 2), stride=(2, 1), groups=2)]
LARGE: Final = Geometry((16, 32, 32, 32), 32, (3, 3), padding=(1, 1))


def _add(to: Array, places: Any, parts: Array) -> None:
    """Adds the parts, several of which may go to one place."""
    np.add.at(to, places, parts)


def forward(c: Geometry, x: Array, weight: Array) -> Array:
    """The convolution."""
    out = np.zeros(c.out, x.dtype)
    i, j, h, w, kh, kw = c.taps()
    for outs, ins in c.channels():
        parts = np.einsum("nct,fct->nft", x[:, ins, h, w], weight[outs, :, kh, kw])
        _add(out[:, outs], (..., i, j), parts)
    return out


def to_input(c: Geometry, g: Array, weight: Array) -> Array:
    """The gradient of x."""
    out = np.zeros(c.x, g.dtype)
    i, j, h, w, kh, kw = c.taps()
    for outs, ins in c.channels():
        parts = np.einsum("nft,fct->nct", g[:, outs, i, j], weight[outs, :, kh, kw])
        _add(out[:, ins], (..., h, w), parts)
    return out


def to_weight(c: Geometry, g: Array, x: Array) -> Array:
    """The gradient of the weight."""
    out = np.zeros(c.weight, g.dtype)
    i, j, h, w, kh, kw = c.taps()
    for outs, ins in c.channels():
        parts = np.einsum("nft,nct->fct", g[:, outs, i, j], x[:, ins, h, w])
        _add(out[outs], (..., kh, kw), parts)
    return out


def _from(case: Case, x: tuple[int, ...], weight: tuple[int, ...]) -> Geometry:
    f = case.fields
    kernel: Any = weight[2:]
    return Geometry(x, weight[0], kernel, f["stride"], f["padding"], f["dilation"], f["groups"])


def _conv_fields(geometries: list[Geometry]) -> Iterator[Fields]:
    for c in geometries:
        for bias in ((c.features,), None):
            yield {"shapes": [c.x, c.weight, bias], **c.fields()}


def _conv(case: Case, x: Array, weight: Array, bias: Array | None) -> list[Expected]:
    c = _from(case, x.shape, weight.shape)
    added = np.zeros(c.features) if bias is None else bias
    scale = forward(c, np.abs(x), np.abs(weight)) + np.abs(added)[:, None, None]
    return [Expected(forward(c, x, weight) + added[:, None, None], ulps=8, scale=scale)]


def _back_fields(op: str, geometries: list[Geometry]) -> Iterator[Fields]:
    for c in geometries:
        to_x = op.endswith("input")
        wanted = {"shape": c.x if to_x else c.weight}
        yield {"shapes": [c.out, c.weight if to_x else c.x], **c.fields(), **wanted}


def _conv_back(case: Case, g: Array, other: Array) -> list[Expected]:
    wanted = case.fields["shape"]
    oracle: Callable[[Geometry, Array, Array], Array]
    if case.op.endswith("input"):
        c, oracle = _from(case, wanted, other.shape), to_input
    else:
        c, oracle = _from(case, other.shape, wanted), to_weight
    return [Expected(oracle(c, g, other), ulps=8, scale=oracle(c, np.abs(g), np.abs(other)))]


def _everywhere(op: str, rows: Iterator[Fields]) -> Iterator[Fields]:
    listed = list(rows)
    for dtype in inexact(op):
        for layout in LAYOUTS:
            for row in listed:
                yield {"dtype": dtype, **row, "layout": layout}


def _smoothly(op: str, rows: Iterator[Fields]) -> Iterator[Fields]:
    listed = list(rows)
    return ({"dtype": dtype, **row} for dtype in differentiated(op) for row in listed)


def _perf(rows: Iterator[Fields]) -> Iterator[Fields]:
    return ({"dtype": "float32", **row, "layout": "dense"} for row in itertools.islice(rows, 1))


def _conv_specs() -> Iterator[Spec]:
    yield Spec(
        "conv2d", 2, lambda: _everywhere("conv2d", _conv_fields(CONVS)), calm, _conv,
        grad=lambda: _smoothly("conv2d", _conv_fields(SMALL)), domain=smooth_calm,
        perf=lambda: _perf(_conv_fields([LARGE])),
    )  # fmt: skip

    def backward(op: str) -> Spec:
        return Spec(
            op, 2, lambda: _everywhere(op, _back_fields(op, CONVS)), calm, _conv_back,
            grad=lambda: _smoothly(op, _back_fields(op, SMALL)), domain=smooth_calm,
            perf=lambda: _perf(_back_fields(op, [LARGE])),
        )  # fmt: skip

    yield backward("conv2d_backward_input")
    yield backward("conv2d_backward_weight")


# ---- pooling ---------------------------------------------------------------------------------
POOLS: Final = [
    Geometry((2, 3, 4, 6), 3, (2, 2), stride=(2, 2)),
    Geometry((1, 2, 7, 6), 2, (3, 2), stride=(2, 1)),
    Geometry((2, 1, 5, 6), 1, (3, 3), stride=(2, 2), padding=(1, 1)),
    Geometry((0, 2, 4, 4), 2, (2, 2), stride=(2, 2)),
]
DILATED: Final = Geometry((1, 2, 8, 9), 2, (2, 3), padding=(1, 1), dilation=(2, 3))


def _pool_of(case: Case, x: tuple[int, ...]) -> Geometry:
    f = case.fields
    return Geometry(x, x[1], f["kernel"], f["stride"], f["padding"], f.get("dilation", (1, 1)))


def _pool_fields(c: Geometry) -> Fields:
    return {"kernel": c.kernel, "stride": c.stride, "padding": c.padding}


def max_pool(c: Geometry, x: Array) -> tuple[Array, Array]:
    """The maxima and their places in each plane."""
    values, places = np.empty(c.out), np.zeros(c.out, "int64")
    windows: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
    for i, j, h, w in zip(*c.taps()[:4], strict=True):
        windows.setdefault((i, j), []).append((h, w))
    for (i, j), window in windows.items():
        flat = np.array([h * c.x[3] + w for h, w in window])
        candidates = x.reshape(*c.x[:2], c.x[2] * c.x[3])[..., flat]
        best = np.argmax(candidates, axis=-1)  # the first of equals, but the last NaN
        unknown = np.isnan(candidates)
        last = unknown.shape[-1] - 1 - np.argmax(unknown[..., ::-1], axis=-1)
        best = np.where(unknown.any(-1), last, best)
        places[:, :, i, j] = flat[best]
        values[:, :, i, j] = np.take_along_axis(candidates, best[..., None], -1)[..., 0]
    return values, places


def _max_fields(geometries: list[Geometry]) -> Iterator[Fields]:
    for c in geometries:
        yield {"shapes": [c.x], **_pool_fields(c), "dilation": c.dilation}


def _max_test_fields() -> Iterator[Fields]:
    yield from _max_fields([*POOLS, DILATED])
    # All elements are -inf: padding must not be the maximum.
    edge = Geometry((1, 1, 2, 2), 1, (2, 2), padding=(1, 1))
    yield {**next(_max_fields([edge])), "values": "lowest"}


def _max(case: Case, x: Array) -> list[Expected]:
    values, places = max_pool(_pool_of(case, x.shape), x)
    return [Expected(values, ulps=0), Expected(places, "int64")]


def _distinct(case: Case) -> list[Array | None]:
    """Values that lie apart, so that the maximum of a window stays where it is."""
    shape = case.fields["shapes"][0]
    order = case.rng().permutation(math.prod(shape)).reshape(shape)
    return [(order * 0.1 - 2).astype(case.fields["dtype"])]


def _max_back_fields() -> Iterator[Fields]:
    for c in [*POOLS, DILATED]:
        yield {"shapes": [c.out, c.out], "shape": c.x}


def _max_back_inputs(case: Case) -> list[Array | None]:
    shape, dtype = case.fields["shapes"][0], case.fields["dtype"]
    plane = math.prod(case.fields["shape"][2:])
    places = case.rng("places").integers(0, max(plane, 1), shape)
    return [numbers(case.rng("g"), dtype, shape, edges=False), places]


def _max_back(case: Case, g: Array, places: Array) -> list[Expected]:
    x = case.fields["shape"]
    result, scale = np.zeros((x[0], x[1], x[2] * x[3])), np.zeros((x[0], x[1], x[2] * x[3]))
    for at in np.ndindex(*g.shape):
        result[(*at[:2], places[at])] += g[at]
        scale[(*at[:2], places[at])] += abs(g[at])
    return [Expected(result.reshape(x), ulps=16, scale=scale.reshape(x))]


def _average_fields(geometries: list[Geometry], backward: bool) -> Iterator[Fields]:
    for c in geometries:
        for include in (False, True):
            row = {"shapes": [c.out if backward else c.x], **_pool_fields(c), "include": include}
            yield {**row, "shape": c.x} if backward else row


def average(c: Geometry, a: Array, include: bool, backward: bool) -> Array:
    """The means of the windows, or what flows back through them."""
    seen = np.zeros(c.out[2:])
    i, j, h, w, *_ = c.taps()
    _add(seen, (i, j), np.ones(len(i)))
    weights = 1 / (np.full_like(seen, math.prod(c.kernel)) if include else seen)
    result = np.zeros(c.x if backward else c.out)
    to, source = ((h, w), (i, j)) if backward else ((i, j), (h, w))
    _add(result, (..., *to), a[(..., *source)] * weights[i, j])
    return result


def _average(case: Case, a: Array) -> list[Expected]:
    backward = case.op.endswith("backward")
    c = _pool_of(case, case.fields["shape"] if backward else a.shape)
    include = case.fields["include"]
    scale = average(c, np.abs(a), include, backward)
    return [Expected(average(c, a, include, backward), ulps=8, scale=scale)]


def _edged(case: Case) -> list[Array | None]:
    if case.fields.get("values") == "lowest":
        return [np.full(case.fields["shapes"][0], -math.inf, case.fields["dtype"])]
    # NaN, infinities and equal elements are all among the edge values.
    return [numbers(case.rng(), case.fields["dtype"], case.fields["shapes"][0])]


BIG_POOL: Final = Geometry((16, 32, 32, 32), 32, (2, 2), stride=(2, 2))


def _pool_specs() -> Iterator[Spec]:
    yield Spec(
        "max_pool2d", 2, lambda: _everywhere("max_pool2d", _max_test_fields()), _edged, _max,
        grad=lambda: _smoothly("max_pool2d", _max_fields([POOLS[1]])), domain=_distinct,
        perf=lambda: _perf(_max_fields([BIG_POOL])),
    )  # fmt: skip
    yield Spec(
        "max_pool2d_backward", 2,
        lambda: _everywhere("max_pool2d_backward", _max_back_fields()), _max_back_inputs, _max_back,
        grad=lambda: _smoothly("max_pool2d_backward", itertools.islice(_max_back_fields(), 1)),
        domain=lambda case: [
            smooth(case.rng("g"), case.fields["shapes"][0], -2, 2, case.fields["dtype"]),
            *_max_back_inputs(case)[1:],
        ],
    )  # fmt: skip

    def averages(op: str) -> Spec:
        back = op.endswith("backward")
        return Spec(
            op, 2, lambda: _everywhere(op, _average_fields(POOLS, back)), calm, _average,
            grad=lambda: _smoothly(op, _average_fields(POOLS[1:2], back)), domain=smooth_calm,
            perf=lambda: _perf(_average_fields([BIG_POOL], back)),
        )  # fmt: skip

    yield averages("avg_pool2d")
    yield averages("avg_pool2d_backward")


SPECS = [*_conv_specs(), *_pool_specs()]
