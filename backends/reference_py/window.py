"""Convolution and pooling: a window slides over the last two dimensions of (N, C, H, W)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

from corex.backend import Kernel, View

from .matmul import dot
from .reduce import argmax, split
from .views import load, store

Pair = tuple[int, int]


def taps(place: int, taps_per_window: int, stride: int, padding: int, dilation: int) -> list[int]:
    """The coordinates, along one dimension, that the window at output `place` looks at."""
    first = place * stride - padding
    return [first + tap * dilation for tap in range(taps_per_window)]


def windows(
    size: Pair, places: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair
) -> Iterator[list[int | None]]:
    """For every output place, the positions h * W + w of its window; None is padding."""
    height, width = size
    down = [taps(i, kernel[0], stride[0], padding[0], dilation[0]) for i in range(places[0])]
    across = [taps(j, kernel[1], stride[1], padding[1], dilation[1]) for j in range(places[1])]
    for hs, ws in itertools.product(down, across):
        yield [
            h * width + w if 0 <= h < height and 0 <= w < width else None for h in hs for w in ws
        ]


def conv2d(
    out: View,
    x: View,
    weight: View,
    bias: View | None,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
    groups: int,
) -> None:
    """(N, C, H, W) with weight (O, C / groups, kh, kw) -> (N, O, H', W')."""
    batches, features, *places = out[2]
    channels, *size = x[2][1:]
    per_group = features // groups
    inputs_per_group = channels // groups
    planes = split(load(x), batches * channels)
    filters = split(load(weight), features)
    biases = [0.0] * features if bias is None else load(bias)
    where = list(
        windows(
            (size[0], size[1]),
            (places[0], places[1]),
            (weight[2][2], weight[2][3]),
            stride,
            padding,
            dilation,
        )
    )

    def results() -> Iterator[float]:
        for batch, group in itertools.product(range(batches), range(groups)):
            start = batch * channels + group * inputs_per_group
            seen = planes[start : start + inputs_per_group]
            patches = [
                [0.0 if p is None else plane[p] for plane in seen for p in window]
                for window in where
            ]
            for feature in range(group * per_group, (group + 1) * per_group):
                for patch in patches:
                    yield dot(patch, filters[feature]) + biases[feature]

    store(out, results())


def max_pool2d(
    out: View,
    indices: View,
    x: View,
    kernel: Pair,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
) -> None:
    """The maximum of every window or its last NaN, and the position h * W + w; never padding."""
    batches, channels, *size = x[2]
    places = out[2][2:]
    where = [
        [p for p in window if p is not None]
        for window in windows(
            (size[0], size[1]), (places[0], places[1]), kernel, stride, padding, dilation
        )
    ]
    best_values = []
    best_positions = []
    for plane in split(load(x), batches * channels):
        for window in where:
            values = [plane[p] for p in window]
            unknown = [i for i, value in enumerate(values) if value != value]
            best = unknown[-1] if unknown else argmax(values)
            best_values.append(values[best])
            best_positions.append(window[best])
    store(out, best_values)
    store(indices, best_positions)


KERNELS: Mapping[str, Kernel] = {"conv2d": conv2d, "max_pool2d": max_pool2d}
