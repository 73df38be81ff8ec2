"""A plugin is unregistered while the dispatcher asks it: no table may keep what it said."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import corex
from corex.backend import KernelChoice
from corex.errors import PluginError
from corex.plugins import hookimpl, manager

KIND = "07: a plugin's kernel survives its plugin"

VALUE = 77.0


class _Going:
    """Answers with a kernel that writes 77, and is gone when the dispatcher has the answer."""

    def __init__(self, backend: str, op: str) -> None:
        self.backend, self.op = backend, op

    @hookimpl
    def corex_select_kernel(self, backend: str, op: str, dtypes: tuple) -> KernelChoice | None:
        if (backend, op) != (self.backend, self.op):
            return None
        thread = threading.Thread(target=self.go)
        thread.start()
        thread.join()
        write = manager.backend(backend).select("fill", (dtypes[0],)).run
        return KernelChoice(lambda out, *rest: write(out, VALUE))

    def go(self) -> None:
        with suppress(PluginError):
            manager.unregister(self)


PROGRAMS: dict[str, Callable[[corex.Tensor], corex.Tensor]] = {
    "neg": lambda a: -a,
    "exp": lambda a: a.exp_(),
    "add": lambda a: a + corex.ones(2, 1),
    "mul": lambda a: a.t() * a,
    "div": lambda a: a.div_(a.exp()),
    "sum": lambda a: a.sum(0),
    "softmax": lambda a: a.softmax(1),
    "matmul": lambda a: a @ a.t(),
    "index": lambda a: a[corex.tensor([1, 0])],
    "where": lambda a: corex.where(a > 0, a, -a),
    "fill": lambda a: a.fill_(5.0),
    "copy": lambda a: a.t().contiguous(),
    "cumsum": lambda a: a.cumsum(0),
    "isnan": lambda a: a.isnan().float(),
}


def cases(backend: str) -> Iterator[tuple[str, Callable[[], None]]]:
    for op, program in PROGRAMS.items():
        yield op, lambda op=op, program=program: _check(backend, op, program)


def _check(backend: str, op: str, program: Callable[[corex.Tensor], corex.Tensor]) -> None:
    a = corex.tensor([[0.5, 1.0], [2.0, -3.0]])
    right = program(a.clone()).tolist()
    plugin = _Going(backend, op)
    manager.register(plugin, "going")
    try:
        program(a.clone())
    finally:
        plugin.go()
    found = program(a.clone()).tolist()
    assert found == right, f"{op}: {found} instead of {right}"
