"""`select` claims what kernels take, and nothing else: every kernel is called with every dtype."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from corex import dtypes
from corex.backend import DTYPES as ALL
from tests.backends.cpu_c.layouts import put

# The shapes of the views, outputs first; below, also the parameters behind them.
CALLS = {
    "copy": [(3,), (3,)],
    "where": [(3,), (3,), (3,), (3,)],
    "matmul": [(1, 2, 2), (1, 2, 2), (1, 2, 2)],
    "index": [(2, 3), (4, 3), (2,)],
    "nonzero": [(1, 1), (3,)],
    "cumsum": [(3,), (3,)],
    "cumprod": [(3,), (3,)],
    "prod_others": [(3,), (3,)],
    "logcumsumexp": [(3,), (3,)],
    "argcummax": [(3,), (3,)],
    "argcummin": [(3,), (3,)],
    "gather": [(3,), (3,), (3,)],
    "scatter_add": [(3,), (3,), (3,)],
    "softmax": [(2, 3), (2, 3)],
    "log_softmax": [(2, 3), (2, 3)],
    "softmax_backward": [(2, 3), (2, 3), (2, 3)],
    "log_softmax_backward": [(2, 3), (2, 3), (2, 3)],
    "mse_loss": [(), (3,), (3,)],
    "mse_loss_backward": [(3,), (), (3,), (3,)],
    "max_pool2d_backward": [(1, 1, 2, 2), (1, 1, 1, 1), (1, 1, 1, 1)],
}
PARAMETERS = {
    "arange": ([(3,)], (0, 1)),
    "fill": ([(3,)], (1,)),
    "random_bits": ([(4,)], (1, 2)),
    "random_uniform": ([(4,)], (1, 2)),
    "random_normal": ([(4,)], (1, 2)),
    "gelu": ([(3,), (3,)], (False,)),
    "gelu_backward": ([(3,), (3,), (3,)], (True,)),
    "argsort": ([(3,), (3,)], (False,)),
    "chain": ([(3,), (3,), (3,)], (True,)),
    "argselect": ([(2,), (3,)], (1, False)),
    "conv2d_backward_input": (
        [(1, 1, 2, 2), (1, 1, 2, 2), (1, 1, 1, 1)],
        ((1, 1), (0, 0), (1, 1), 1),
    ),
    "max_pool2d": ([(1, 1, 1, 1), (1, 1, 1, 1), (1, 1, 2, 2)], ((2, 2), (2, 2), (0, 0), (1, 1))),
    "avg_pool2d": ([(1, 1, 1, 1), (1, 1, 2, 2)], ((2, 2), (2, 2), (0, 0), True)),
    "avg_pool2d_backward": ([(1, 1, 2, 2), (1, 1, 1, 1)], ((2, 2), (2, 2), (0, 0), True)),
}


def views(backend, shapes, chosen):
    made = []
    for shape, dtype in zip(shapes, chosen, strict=True):
        array = np.zeros(shape, dtype.name)
        if shape == (3,) and dtype is dtypes.bool_:
            array[0] = True
        made.append(put(backend, array))
    return made


def takes(kernel, arguments):
    try:
        kernel(*arguments)
    except (TypeError, ValueError, IndexError):
        return False
    except ZeroDivisionError:
        pass
    return True


def check(backend, op, shapes, parameters):
    wrong = []
    for chosen in product(ALL, repeat=len(shapes)):
        claimed = backend.select(op, chosen) is not None
        runs = takes(backend.kernels[op], [*views(backend, shapes, chosen), *parameters])
        if claimed != runs:
            wrong.append((claimed, [each.name for each in chosen]))
    assert not wrong


def test_dtypes_that_came_later_are_not_claimed(backend):
    later = dtypes.DType(dtypes.Row("float16", 2, "f", "e", "Half", "f2", 2, "F16", (), 11), 99)
    for op, count in (("copy", 2), ("add", 3), ("exp", 2), ("softmax", 2), ("sum", 2)):
        assert backend.select(op, (dtypes.float32,) * count) is not None
        assert backend.select(op, (later,) * count) is None


@pytest.mark.parametrize("op", [*CALLS, *PARAMETERS])
def test_select_of_named_kernels(backend, op):
    shapes, parameters = PARAMETERS.get(op) or (CALLS[op], ())
    check(backend, op, shapes, parameters)


def test_select_of_elementwise_ops_and_reductions(backend):
    from corex.tensor.schema import REGISTRY

    families = {schema.name: len(schema.inputs) for schema in REGISTRY.values()}
    seen = 0
    for op in backend.kernels:
        if op in CALLS or op in PARAMETERS or backend.select(op, (dtypes.float32,) * 9):
            continue
        one = backend.direct(op, dtypes.float32) or backend.direct(op, dtypes.int64)
        if one is None or op in ("linear", "sum", "mean", "sgd_step") or op not in families:
            continue
        seen += 1
        check(backend, op, [(2,)] * (families[op] + 1), ())
    assert seen > 50


@pytest.mark.parametrize("op", ["sum", "prod", "mean", "amax", "amin", "any", "all", "argmax"])
def test_select_of_reductions(backend, op):
    check(backend, op, [(2,), (2, 3)], (1,))


def test_optional_views(backend):
    f, i = dtypes.float32, dtypes.int64
    for op, least, most in (("linear", 3, 4), ("conv2d", 3, 4), ("layer_norm", 4, 6)):
        for count in range(8):
            assert (backend.select(op, (f,) * count) is not None) == (least <= count <= most)
        assert backend.select(op, (i,) * least) is None
        assert backend.select(op, (f,) * (least - 1) + (dtypes.float64,)) is None
    assert backend.select("index", (f, f, i, i, i)) is not None
    assert backend.select("index", (f, f, i, f)) is None
    assert backend.select("sgd_step", (f,)) is not None
    assert backend.select("sgd_step", (i,)) is None
    assert backend.select("no_such_op", (f,)) is None
