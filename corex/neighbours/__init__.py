"""What other libraries must be told of corex, told when they are imported.

Most libraries ask an object for what they need (`__array__`, `__dlpack__`, `__array_namespace__`).
Some have a list of the tensor types that they know, which others may add to. `import corex` costs
none of that: a finder waits for the name of such a library, and what it is told lies in a module of
its own, loaded then. Where the library is there already, it is told at once.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_TOLD = {
    "einops": "corex.neighbours.einops_backend",
    "opt_einsum": "corex.neighbours.opt_einsum_backend",
}
"""A library -> the module whose `register` tells it, once the library is loaded."""

_OURS = {"einops.layers.corex": "corex.neighbours.einops_layers"}
"""A name that a library keeps for one of every tensor library -> what `__all__` of ours has."""


class _Waiting:
    """A finder that finds what the others do, and has `_tell` called when that is loaded."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of one of the modules above; None, and at once, for any other."""
        if name in _OURS:
            return ModuleSpec(name, _Ours())  # type: ignore[arg-type]
        if name not in _TOLD:
            return None
        others = [finder for finder in sys.meta_path if finder is not self]
        found = (finder.find_spec(name, path, target) for finder in others)
        spec = next((spec for spec in found if spec is not None), None)
        if spec is not None and spec.loader is not None and not isinstance(spec.loader, type):
            _then(spec.loader, lambda: _tell(name))
        return spec


def _then(loader: Any, tell: Callable[[], None]) -> None:
    """Has `tell` called after the loader has executed its module."""
    execute = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        execute(module)
        tell()

    loader.exec_module = exec_module


class _Ours:
    """The loader of a module whose names are those of one of ours."""

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """None: a usual module."""
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Gives it the names."""
        ours = import_module(_OURS[module.__name__])
        vars(module).update({name: getattr(ours, name) for name in ours.__all__})


def _tell(name: str) -> None:
    try:
        import_module(_TOLD[name]).register()
    except (ImportError, AttributeError):
        # A version that keeps its list elsewhere: it says itself that it does not know the type.
        return


def watch() -> None:
    """From now on tells the libraries, and at once those that are loaded."""
    sys.meta_path.insert(0, _Waiting())
    for name in _TOLD:
        if name in sys.modules:
            _tell(name)
