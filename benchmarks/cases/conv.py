"""Two-dimensional convolution and pooling, forward and backward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.case import Case, Names, floats


def images(
    shape: tuple[int, int, int, int], filters: tuple[int, int, int, int], **options: Any
) -> Callable[[Any], Names]:
    """`forward()` convolves; `backward()` also computes the gradients of input, weight and bias."""

    def setup(lib: Any) -> Names:
        x = lib.tensor(floats(*shape, seed=1))
        w = lib.tensor(floats(*filters, seed=2))
        b = lib.tensor(floats(filters[0], seed=3))
        recorded = [lib.tensor(t.numpy(), requires_grad=True) for t in (x, w, b)]
        conv2d = lib.nn.functional.conv2d

        def forward() -> Any:
            return conv2d(x, w, b, **options)

        def backward() -> Any:
            for tensor in recorded:
                tensor.grad = None
            conv2d(*recorded, **options).sum().backward()
            return [tensor.grad for tensor in recorded]

        return {"forward": forward, "backward": backward, "x": x, "functional": lib.nn.functional}

    return setup


THREE = images((8, 16, 32, 32), (32, 16, 3, 3), padding=1)
ONE = images((8, 64, 16, 16), (64, 64, 1, 1))
STEM = images((4, 3, 64, 64), (32, 3, 7, 7), padding=3, stride=2)
GROUPS = images((8, 32, 32, 32), (32, 1, 3, 3), padding=1, groups=32)

CASES = [
    Case("conv/3x3", THREE, "forward()"),
    Case("conv/1x1", ONE, "forward()"),
    Case("conv/stem_7x7", STEM, "forward()"),
    Case("conv/depthwise_3x3", GROUPS, "forward()"),
    Case("conv/3x3_backward", THREE, "backward()"),
    Case("conv/1x1_backward", ONE, "backward()"),
    Case("conv/max_pool", THREE, "functional.max_pool2d(x, 2)"),
    Case("conv/avg_pool", THREE, "functional.avg_pool2d(x, 2)"),
]
