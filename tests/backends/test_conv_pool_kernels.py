"""Convolution and pooling against the definition, spelled out in NumPy.

A convolution is linear in its input and in its weight, so the oracle for the two gradients is the
same list of (output, input, weight) triples, read in another direction.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pytest

from tests.backends.kernel_cases import cases, check
from tests.backends.kernel_data import FLOAT, Array, In, Out, numbers

Pair = tuple[int, int]
LAYOUTS = ["dense", "offset", "transposed", "stepped", "negative", "broadcast"]


class Conv(NamedTuple):
    """One geometry: x (N, C, H, W), O features, kernel size and the rest."""

    x: tuple[int, int, int, int]
    features: int
    kernel: Pair
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1

    @property
    def weight(self) -> tuple[int, ...]:
        return (self.features, self.x[1] // self.groups, *self.kernel)

    @property
    def out(self) -> tuple[int, ...]:
        sizes = [
            (size + 2 * p - d * (k - 1) - 1) // s + 1
            for size, k, s, p, d in zip(
                self.x[2:], self.kernel, self.stride, self.padding, self.dilation, strict=True
            )
        ]
        return (self.x[0], self.features, *sizes)

    def taps(self) -> Iterator[tuple[tuple[int, ...], ...]]:
        """All (i, j, h, w, kh, kw) at which out[.., i, j] sees x[.., h, w] through kh, kw."""
        for i, j, kh, kw in itertools.product(*map(range, (*self.out[2:], *self.kernel))):
            h = i * self.stride[0] - self.padding[0] + kh * self.dilation[0]
            w = j * self.stride[1] - self.padding[1] + kw * self.dilation[1]
            if 0 <= h < self.x[2] and 0 <= w < self.x[3]:
                yield (i, j), (h, w), (kh, kw)

    def channels(self) -> Iterator[tuple[slice, slice]]:
        """Per group: the features and the input channels."""
        outs, ins = self.features // self.groups, self.x[1] // self.groups
        for g in range(self.groups):
            yield slice(g * outs, (g + 1) * outs), slice(g * ins, (g + 1) * ins)

    def parameters(self) -> tuple[Pair, Pair, Pair, int]:
        return (self.stride, self.padding, self.dilation, self.groups)


GEOMETRIES = {
    "plain": Conv((2, 3, 5, 6), 4, (3, 2)),
    "one-by-one": Conv((2, 3, 4, 4), 5, (1, 1)),
    "padded": Conv((1, 2, 4, 5), 3, (3, 3), padding=(1, 2)),
    "strided": Conv((2, 2, 7, 8), 3, (3, 3), stride=(2, 3), padding=(1, 1)),
    "dilated": Conv((1, 2, 8, 7), 2, (3, 2), padding=(2, 1), dilation=(2, 3)),
    "grouped": Conv((2, 4, 5, 5), 6, (3, 3), padding=(1, 1), groups=2),
    "depthwise": Conv((1, 3, 6, 5), 3, (3, 3), stride=(1, 2), padding=(1, 1), groups=3),
    "empty batch": Conv((0, 2, 4, 4), 3, (3, 3)),
    "digits": Conv((3, 1, 8, 8), 8, (3, 3), padding=(1, 1)),
}


def forward(c: Conv, x: Array, weight: Array) -> Array:
    out = np.zeros(c.out)
    for outs, ins in c.channels():
        for (i, j), (h, w), (kh, kw) in c.taps():
            out[:, outs, i, j] += x[:, ins, h, w] @ weight[outs, :, kh, kw].T
    return out


def to_input(c: Conv, g: Array, weight: Array) -> Array:
    out = np.zeros(c.x)
    for outs, ins in c.channels():
        for (i, j), (h, w), (kh, kw) in c.taps():
            out[:, ins, h, w] += g[:, outs, i, j] @ weight[outs, :, kh, kw]
    return out


def to_weight(c: Conv, g: Array, x: Array) -> Array:
    out = np.zeros(c.weight)
    for outs, ins in c.channels():
        for (i, j), (h, w), (kh, kw) in c.taps():
            out[outs, :, kh, kw] += g[:, outs, i, j].T @ x[:, ins, h, w]
    return out


@pytest.mark.parametrize(
    "backend, op, dtype, geometry, layout", cases(["conv2d"], FLOAT, GEOMETRIES, LAYOUTS)
)
@pytest.mark.parametrize("with_bias", [False, True])
def test_conv2d(
    backend: str, op: str, dtype: str, geometry: str, layout: str, with_bias: bool
) -> None:
    c = GEOMETRIES[geometry]
    x = In(numbers(dtype, c.x, "x", edges=False), dtype, layout)
    weight = In(numbers(dtype, c.weight, "w", edges=False), dtype, layout)
    bias = In(numbers(dtype, (c.features,), "b", edges=False), dtype) if with_bias else None
    added = bias.exact if bias else np.zeros(c.features)
    expected = forward(c, x.exact, weight.exact) + added[:, None, None]
    scale = forward(c, np.abs(x.exact), np.abs(weight.exact)) + np.abs(added)[:, None, None]
    out = Out(expected, dtype, "offset", ulps=8, scale=scale)
    check(backend, "conv2d", out, x, weight, bias, *c.parameters())


@pytest.mark.parametrize(
    "backend, op, dtype, geometry, layout",
    cases(["conv2d_backward_input", "conv2d_backward_weight"], FLOAT, GEOMETRIES, LAYOUTS),
)
def test_conv2d_backward(backend: str, op: str, dtype: str, geometry: str, layout: str) -> None:
    c = GEOMETRIES[geometry]
    oracle, shape = (to_input, c.weight) if op.endswith("input") else (to_weight, c.x)
    g = In(numbers(dtype, c.out, "g", edges=False), dtype, layout)
    other = In(numbers(dtype, shape, "other", edges=False), dtype, layout)
    expected = oracle(c, g.exact, other.exact)
    scale = oracle(c, np.abs(g.exact), np.abs(other.exact))
    check(backend, op, Out(expected, dtype, ulps=8, scale=scale), g, other, *c.parameters())


POOLS = {
    "plain": Conv((2, 3, 4, 6), 3, (2, 2), stride=(2, 2)),
    "overlapping": Conv((1, 2, 7, 6), 2, (3, 2), stride=(2, 1)),
    "padded": Conv((2, 1, 5, 6), 1, (3, 3), stride=(2, 2), padding=(1, 1)),
    "dilated": Conv((1, 2, 8, 9), 2, (2, 3), padding=(1, 1), dilation=(2, 3)),
    "empty": Conv((0, 2, 4, 4), 2, (2, 2), stride=(2, 2)),
}


def max_pool(c: Conv, x: Array) -> tuple[Array, Array]:
    values, places = np.empty(c.out), np.zeros(c.out, "int64")
    windows: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
    for at, seen, _ in c.taps():
        windows.setdefault(at, []).append(seen)
    for (i, j), window in windows.items():
        flat = np.array([h * c.x[3] + w for h, w in window])
        candidates = x.reshape(*c.x[:2], c.x[2] * c.x[3])[..., flat]
        best = np.argmax(candidates, axis=-1)  # the first of equals, and the first NaN
        places[:, :, i, j] = flat[best]
        values[:, :, i, j] = np.take_along_axis(candidates, best[..., None], -1)[..., 0]
    return values, places


@pytest.mark.parametrize(
    "backend, op, dtype, geometry, layout", cases(["max_pool2d"], FLOAT, POOLS, LAYOUTS)
)
def test_max_pool2d(backend: str, op: str, dtype: str, geometry: str, layout: str) -> None:
    c = POOLS[geometry]
    # NaN, infinities and equal elements are all among the edge values.
    x = In(numbers(dtype, c.x, geometry), dtype, layout)
    values, places = max_pool(c, x.exact)
    out, indices = Out(values, dtype, "stepped", ulps=0), Out(places, "int64", "transposed")
    check(backend, op, out, indices, x, c.kernel, c.stride, c.padding, c.dilation)


@pytest.mark.parametrize("backend, op, dtype", cases(["max_pool2d"], FLOAT))
def test_padding_is_never_the_maximum(backend: str, op: str, dtype: str) -> None:
    x = In(np.full((1, 1, 2, 2), -math.inf), dtype)
    values = np.full((1, 1, 3, 3), -math.inf)
    places = np.array([0, 0, 1, 0, 0, 1, 2, 2, 3]).reshape(1, 1, 3, 3)
    outs = [Out(values, dtype), Out(places, "int64")]
    check(backend, op, *outs, x, (2, 2), (1, 1), (1, 1), (1, 1))


@pytest.mark.parametrize(
    "backend, op, dtype, geometry, layout", cases(["max_pool2d_backward"], FLOAT, POOLS, LAYOUTS)
)
def test_max_pool2d_backward(backend: str, op: str, dtype: str, geometry: str, layout: str) -> None:
    c = POOLS[geometry]
    _, places = max_pool(c, numbers(dtype, c.x, edges=False).astype(np.float64))
    g = In(numbers(dtype, c.out, "g", edges=False), dtype, layout)
    expected = np.zeros((c.x[0], c.x[1], c.x[2] * c.x[3]))
    scale = np.zeros_like(expected)
    for at in np.ndindex(*c.out):
        expected[(*at[:2], places[at])] += g.exact[at]
        scale[(*at[:2], places[at])] += abs(g.exact[at])
    out = Out(expected.reshape(c.x), dtype, ulps=8, scale=scale.reshape(c.x))
    check(backend, op, out, g, In(places, "int64"))


def average_weights(c: Conv, count_padding: bool) -> Array:
    """One over the number of elements that the mean of each window is over."""
    seen = np.zeros(c.out[2:])
    for at, _, _ in c.taps():
        seen[at] += 1
    return 1 / (np.full_like(seen, math.prod(c.kernel)) if count_padding else seen)


AVERAGES = {name: c for name, c in POOLS.items() if name != "dilated"}


@pytest.mark.parametrize(
    "backend, op, dtype, geometry, layout",
    cases(["avg_pool2d", "avg_pool2d_backward"], FLOAT, AVERAGES, LAYOUTS),
)
@pytest.mark.parametrize("count_padding", [False, True])
def test_avg_pool2d(
    backend: str, op: str, dtype: str, geometry: str, layout: str, count_padding: bool
) -> None:
    c = AVERAGES[geometry]
    weights = average_weights(c, count_padding)
    backward = op == "avg_pool2d_backward"
    a = In(numbers(dtype, c.out if backward else c.x, "a", edges=False), dtype, layout)
    expected = np.zeros(c.x if backward else c.out)
    scale = np.zeros_like(expected)
    for (i, j), (h, w), _ in c.taps():
        to, source = ((h, w), (i, j)) if backward else ((i, j), (h, w))
        term = a.exact[:, :, source[0], source[1]] * weights[i, j]
        expected[:, :, to[0], to[1]] += term
        scale[:, :, to[0], to[1]] += np.abs(term)
    out = Out(expected, dtype, ulps=8, scale=scale)
    check(backend, op, out, a, c.kernel, c.stride, c.padding, count_padding)
