"""Parameters whose elements share memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import corex

KIND = "13: optimizers wrote overlapping parameters once per alias, and backends differed"

LAYOUTS: dict[str, Callable[[], Any]] = {
    "expand": lambda: corex.ones(1).expand(3),
    "expand rows": lambda: corex.ones(2, 1).expand(2, 3),
    "expand of 0-d": lambda: corex.ones(()).expand(4),
    "as_strided": lambda: corex.ones(5).as_strided((3, 2), (1, 1)),
    "unfold": lambda: corex.ones(5).unfold(0, 3, 1),
    "float64": lambda: corex.ones(1, dtype=corex.float64).expand(3),
}
OPTIMIZERS: dict[str, Callable[[Any], Any]] = {
    "SGD": lambda p: corex.optim.SGD([p], lr=0.1),
    "SGD, momentum": lambda p: corex.optim.SGD([p], lr=0.1, momentum=0.9),
    "SGD, nesterov": lambda p: corex.optim.SGD([p], lr=0.1, momentum=0.9, nesterov=True),
    "SGD, decay": lambda p: corex.optim.SGD([p], lr=0.1, weight_decay=0.1, maximize=True),
    "Adam": lambda p: corex.optim.Adam([p], lr=0.1),
    "AdamW": lambda p: corex.optim.AdamW([p], lr=0.1),
    "Adam, capturable": lambda p: corex.optim.Adam([p], lr=0.1, capturable=True),
}


def _refused(make: Callable[[], Any], optimizer: Callable[[Any], Any]) -> None:
    parameter = make().detach().requires_grad_()
    parameter.grad = corex.ones(parameter.shape, dtype=parameter.dtype)
    before = parameter.tolist()
    with pytest.raises(RuntimeError, match=r"single memory location.*clone"):
        optimizer(parameter).step()
    assert parameter.tolist() == before


def _shifted(optimizer: Callable[[Any], Any]) -> None:
    """The gradient is the parameter's own memory, one element further."""
    memory = corex.arange(6.0)
    parameter = memory[:5].requires_grad_()
    parameter.grad = memory[1:]
    with pytest.raises(RuntimeError, match=r"single memory location.*clone"):
        optimizer(parameter).step()
    assert memory.tolist() == [0, 1, 2, 3, 4, 5]


def _accepted(optimizer: Callable[[Any], Any]) -> None:
    """Gradients may be expanded, parameters transposed or taken with a step."""
    ends = []
    for strided in (False, True):
        memory = corex.arange(12.0).reshape(3, 4)
        parameter = (memory.t()[::2] if strided else memory.t()[::2].clone()).requires_grad_()
        parameter.grad = corex.full((1, 1), 0.5).expand(2, 3)
        optimizer(parameter).step()
        ends.append(parameter.tolist())
    assert ends[0] == ends[1]
    assert ends[0] != corex.arange(12.0).reshape(3, 4).t()[::2].tolist()


def cases(backend: str) -> Iterator[tuple[str, Callable[[], None]]]:
    for name, optimizer in OPTIMIZERS.items():
        for layout, make in LAYOUTS.items():
            yield f"{name}: {layout}", lambda m=make, o=optimizer: _refused(m, o)
        if name.startswith("SGD, ") or name in ("Adam", "AdamW"):
            yield f"{name}: shifted gradient", lambda o=optimizer: _shifted(o)
        yield f"{name}: what does not overlap", lambda o=optimizer: _accepted(o)
