"""Which dtypes every kernel takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from corex.backend import DTYPES
from corex.dtypes import DType, bool_, float32, float64, int64

from . import elementwise, reduce

Dtypes = tuple[DType, ...]


def _same(dtypes: Dtypes, kinds: str) -> bool:
    return bool(dtypes) and dtypes[0].kind in kinds and all(d is dtypes[0] for d in dtypes)


def _floats(count: int) -> Callable[[Dtypes], bool]:
    return lambda dtypes: len(dtypes) == count and _same(dtypes, "f")


RULES: Final[Mapping[str, Callable[[Dtypes], bool]]] = {
    "copy": lambda d: len(d) == 2,
    "fill": lambda d: len(d) == 1,
    "arange": lambda d: len(d) == 1 and d[0].kind in "uif",
    "where": lambda d: len(d) == 4 and d[1] is bool_ and _same((d[0], *d[2:]), "buif"),
    "matmul": lambda d: len(d) == 3 and _same(d, "uif"),
    "linear": lambda d: len(d) in (3, 4) and _same(d, "f"),
    "index": lambda d: len(d) > 2 and d[0] is d[1] and all(i is int64 for i in d[2:]),
    "index_put": lambda d: len(d) > 2 and d[0] is d[1] and all(i is int64 for i in d[2:]),
    "nonzero": lambda d: d == (int64, bool_),
    "gather": lambda d: len(d) == 3 and d[0] is d[1] and d[2] is int64,
    "scatter_add": lambda d: len(d) == 3 and d[0] is d[2] and d[1] is int64 and d[0].kind in "uif",
    "random_bits": lambda d: d == (int64,),
    "random_uniform": lambda d: d in ((float32,), (float64,)),
    "random_normal": lambda d: d in ((float32,), (float64,)),
    "max_pool2d": lambda d: len(d) == 3 and d[1] is int64 and _same(d[::2], "f"),
    "max_pool2d_backward": lambda d: len(d) == 3 and d[2] is int64 and _same(d[:2], "f"),
    "avg_pool2d": _floats(2),
    "avg_pool2d_backward": _floats(2),
    "layer_norm": lambda d: len(d) in (4, 5, 6) and _same(d, "f"),
    "layer_norm_backward": lambda d: len(d) in (5, 6) and _same(d, "f"),
    "softmax": _floats(2),
    "log_softmax": _floats(2),
    "softmax_backward": _floats(3),
    "log_softmax_backward": _floats(3),
    "cumsum": lambda d: len(d) == 2 and _same(d, "uif"),
    "sgd_step": lambda d: _same(d, "f"),
    "adam_step": lambda d: _same(d, "f"),
}


def fits(op: str, dtypes: Dtypes) -> bool:
    """Whether the kernel for `op` takes views of these dtypes, outputs first."""
    if any(dtype not in DTYPES for dtype in dtypes):
        return False
    rule = RULES.get(op)
    if rule is not None:
        return rule(dtypes)
    plain = {"gelu_backward": "silu_backward"}.get(op, op)
    return elementwise.signature(plain, dtypes) or reduce.signature(op, dtypes)
