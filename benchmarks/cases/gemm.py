"""Matrix products from 8 to 1024, matrix times vector, and many small products at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.case import SAME, Case, Names, floats


def square(size: int) -> Callable[[Any], Names]:
    """Two square matrices, a result and a vector."""

    def setup(lib: Any) -> Names:
        a = lib.tensor(floats(size, size, seed=1))
        b = lib.tensor(floats(size, size, seed=2))
        v = lib.tensor(floats(size, seed=3))
        return {"a": a, "b": b, "c": lib.zeros_like(a), "v": v}

    return setup


def batch(count: int, size: int) -> Callable[[Any], Names]:
    """Two batches of square matrices."""

    def setup(lib: Any) -> Names:
        return {
            "a": lib.tensor(floats(count, size, size, seed=1)),
            "b": lib.tensor(floats(count, size, size, seed=2)),
        }

    return setup


def layer(lib: Any) -> Names:
    """A linear layer's input, weight and bias."""
    return {
        "x": lib.tensor(floats(64, 784, seed=1)),
        "w": lib.tensor(floats(128, 784, seed=2)),
        "b": lib.tensor(floats(128, seed=3)),
        "linear": lib.nn.functional.linear,
    }


CASES = [
    *[Case(f"gemm/{size}", square(size), "a @ b", numpy=SAME) for size in (8, 32, 128, 512, 1024)],
    Case("gemm/512_transposed", square(512), "a @ b.T", numpy=SAME),
    Case("gemm/512_into", square(512), "lib.matmul(a, b, out=c)", numpy=SAME),
    Case("gemm/gemv_1024", square(1024), "a @ v", numpy=SAME),
    Case("gemm/gemv_1024_transposed", square(1024), "v @ a", numpy=SAME),
    Case("gemm/bmm_8", batch(512, 8), "lib.bmm(a, b)", numpy="a @ b"),
    Case("gemm/bmm_32", batch(64, 32), "lib.bmm(a, b)", numpy="a @ b"),
    Case("gemm/linear_64x784x128", layer, "linear(x, w, b)", numpy="x @ w.T + b"),
]
