"""sgd_step and adam_step: many tensors in one launch."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from corex.backend import View
from corex.dtypes import DType
from corex_cuda_pycuda.elements import C_TYPES, FLOAT, usual
from corex_cuda_pycuda.ops.geometry import Plans, any_layout, index_type
from corex_cuda_pycuda.ops.packing import blocks, plan, pointer, reach
from corex_cuda_pycuda.runtime import Device, Source, device_of

THREADS: Final = 256
TENSORS: Final = 64
CHUNK: Final = 4096
"""As in `kernels/optim.cu`."""

SGD, SGD_MOMENTUM, ADAM = 0, 1, 2
OPERANDS: Final = {SGD: 2, SGD_MOMENTUM: 3, ADAM: 4}


def source(optimizer: int, dtype: DType, index: str) -> Source:
    """The module of one optimizer and dtype."""
    return Source(
        "optim.cu",
        (("T", C_TYPES[dtype]), ("INDEX", index), ("OPTIMIZER", str(optimizer))),
    )


class Walk(NamedTuple):
    """How a parameter and its companions lie: a layout, empty where they lie dense alike."""

    count: int
    layout: bytes
    index: str


_walks = Plans()


def _walk(views: Sequence[View]) -> Walk:
    shape, strides = views[0][2], tuple([view[3] for view in views])
    key = (shape, strides)
    found = _walks.get(key)
    if found is None:
        planned = plan(shape, *strides)
        layout = b"" if planned.dense else any_layout(planned.shape, *planned.strides)
        index = index_type(planned.count, *[reach(planned.shape, s) for s in planned.strides])
        found = _walks.keep(key, Walk(planned.count, layout, index))
    return found


def _step(optimizer: int, lists: Sequence[Sequence[View]], constants: bytes) -> None:
    """Updates every parameter: dense ones together, others one by one."""
    if not lists[0]:
        return
    device, dtype = device_of(lists[0][0][0]), lists[0][0][1]
    table: list[int] = []
    block = 0
    for views in zip(*lists, strict=True):
        walk = _walk(views)
        if walk.count == 0:
            continue
        if walk.layout:
            _strided(device, optimizer, dtype, views, walk, constants)
            continue
        table += (block, walk.count)
        table += [pointer(view) for view in views]
        block += -(-walk.count // CHUNK)
        if len(table) == TENSORS * (2 + len(views)):
            _dense(device, optimizer, dtype, table, block, constants)
            table, block = [], 0
    if table:
        _dense(device, optimizer, dtype, table, block, constants)


def _dense(
    device: Device, optimizer: int, dtype: DType, table: list[int], grid: int, constants: bytes
) -> None:
    width = 2 + OPERANDS[optimizer]
    function = device.function(source(optimizer, dtype, "int"), "dense")
    packed = struct.pack(f"={1 + len(table)}q", len(table) // width, *table)
    packed = packed.ljust(8 * (1 + TENSORS * width), b"\0") + constants
    device.launch(function, (grid, 1, 1), (THREADS, 1, 1), packed)


def _strided(
    device: Device, optimizer: int, dtype: DType, views: Sequence[View], walk: Walk,
    constants: bytes,
) -> None:  # fmt: skip
    function = device.function(source(optimizer, dtype, walk.index), "strided")
    head = struct.pack(f"={1 + len(views)}q", *[pointer(v) for v in views], walk.count)
    grid = blocks(walk.count, THREADS)
    device.launch(function, grid, (THREADS, 1, 1), head + walk.layout + constants)


def sgd_step(
    params: Sequence[View], grads: Sequence[View], momenta: Sequence[View], lr: float,
    momentum: float, dampening: float, weight_decay: float, nesterov: bool, maximize: bool,
    first: bool,
) -> None:  # fmt: skip
    """p -= lr * d, where d is the gradient, decayed and smoothed as asked for."""
    constants = struct.pack(
        "=4d3q", lr, momentum, 1 - dampening, weight_decay, nesterov, maximize, first
    )
    if momentum:
        _step(SGD_MOMENTUM, (params, grads, momenta), constants)
    else:
        _step(SGD, (params, grads), constants)


def adam_step(
    params: Sequence[View], grads: Sequence[View], exp_avgs: Sequence[View],
    exp_avg_sqs: Sequence[View], step: int, lr: float, beta1: float, beta2: float, eps: float,
    weight_decay: float, decoupled: bool, maximize: bool,
) -> None:  # fmt: skip
    """p -= lr * m' / (sqrt(v') + eps), m' and v' being the bias-corrected moments."""
    constants = struct.pack(
        "=8dq",
        0.0 if decoupled else weight_decay,
        1 - lr * weight_decay if decoupled else 1.0,
        beta2, 1 - beta1, 1 - beta2, eps,
        lr / (1 - beta1**step), math.sqrt(1 - beta2**step), maximize,
    )  # fmt: skip
    _step(ADAM, (params, grads, exp_avgs, exp_avg_sqs), constants)


KERNELS: dict[str, Callable[..., None]] = {"sgd_step": sgd_step, "adam_step": adam_step}


def sources() -> Iterator[tuple[Source, tuple[str, ...]]]:
    """Every optimizer and dtype."""
    for optimizer in OPERANDS:
        for dtype in usual(FLOAT):
            yield source(optimizer, dtype, "int"), ("dense", "strided")
