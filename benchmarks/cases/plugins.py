"""What a call costs when there are ten plugins more: as much as without them.

The plugins bring a backend, an op and kernels each, and are asked for an observer. Both times are
corex's, taken in turns. PyTorch has no counterpart: the table shows the time with plugins, and its
ratio to the time without them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.case import floats
from benchmarks.timing import Sampler, statement_sampler

COUNT = 10
WITHOUT = "without plugins"


@dataclass(frozen=True)
class Plugged:
    """A statement of corex, timed with ten plugins and with none of them."""

    name: str
    statement: str
    setup: Callable[[Any], dict[str, Any]]

    def samplers(self, lib: Any, seconds: float) -> dict[str, Sampler]:
        """One that times it with plugins, one without; each comes or goes before the clock runs."""
        plugins = [make(number) for number in range(COUNT)]
        names = {**self.setup(lib), "lib": lib}
        timed = statement_sampler(self.statement, names, 1, seconds)

        def sampler(plugged: bool) -> Sampler:
            def sample() -> float:
                switch(plugins, plugged)
                try:
                    exec(self.statement, dict(names))  # fills the tables that the change emptied
                    return timed()
                finally:
                    switch(plugins, False)

            return sample

        return {"corex": sampler(True), WITHOUT: sampler(False)}


def make(number: int) -> Any:
    """A plugin that implements every hook that a dispatch might have to do with."""
    from corex.backend import Backend, BackendDescriptor, KernelChoice
    from corex.ops import NewOp
    from corex.plugins import hookimpl
    from corex.tensor.schema import OpSchema

    name = f"extra{number}"

    class Extra:
        @hookimpl
        def corex_backends(self) -> Sequence[BackendDescriptor]:
            own = type("Own", (Backend,), {"name": name, "device_type": name})
            return [BackendDescriptor(name, name, lambda: None, own)]

        @hookimpl
        def corex_select_kernel(self, backend: str, op: str) -> KernelChoice | None:
            return KernelChoice(lambda *views: None) if op == f"{name}_op" else None

        @hookimpl
        def corex_ops(self) -> Sequence[object]:
            schema = OpSchema(f"{name}_op", ("a",), decomposition=lambda a: a, family="unary")
            return [NewOp(schema)]

        @hookimpl
        def corex_op_observer(self) -> None:
            return None

    return Extra()


def switch(plugins: Sequence[Any], on: bool) -> None:
    """Registers or unregisters them all."""
    from corex.plugins import manager

    for number, plugin in enumerate(plugins):
        name = f"extra{number}"
        if on:
            manager.register(plugin, name)
        elif name in manager.plugins():
            manager.unregister(name)


def vectors(lib: Any) -> dict[str, Any]:
    """Two vectors of four, one of them recorded, and a matrix."""
    return {
        "a": lib.tensor(floats(4, seed=1)),
        "b": lib.tensor(floats(4, seed=2)),
        "w": lib.tensor(floats(4, seed=3), requires_grad=True),
        "m": lib.tensor(floats(4, 4, seed=4)),
    }


CASES = [
    Plugged("plugins/add", "a + b", vectors),
    Plugged("plugins/add_grad", "a + w", vectors),
    Plugged("plugins/sum_dim", "m.sum(0)", vectors),
]
