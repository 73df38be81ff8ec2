"""Families of ops that are loaded when one of their names is asked for, in `corex` or of a tensor.

The names are in `late_names`, which `make stubs` writes: what a module of `FAMILIES` declares when
it is imported. Every table of ops (`FUNCTIONS`, the registry, ...) knows them, too, and completes
itself when somebody looks at the whole of it.

A module that has views, operators or properties, and one that any of `corex/ops/__init__.py`
imports, cannot be among them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from importlib import import_module
from typing import Any

from corex.dispatch.template import SHORT_CUTS
from corex.generated import Table
from corex.ops import forms
from corex.ops.composed import COMPOSED
from corex.ops.late_names import NAMES
from corex.ops.registration import DECLARATIONS, Declarations
from corex.tensor.schema import REGISTRY
from corex.tensor.tensor import Tensor

FAMILIES = """
    create.pinned create.ranges create.shared create.windows
    fourier.short_time
    indexing.along indexing.gather indexing.masks indexing.reduced
    linalg.contraction linalg.norms linalg.older
    nn.activation nn.classification nn.conv nn.embedding nn.loss nn.normalization
    nn.optimizer_steps nn.pool nn.similarity nn.softmax
    pointwise.binary_composed pointwise.bits pointwise.integers pointwise.special
    pointwise.ternary_composed
    random.creation random.draws random.filled random.distributions random.counts
    reduce.covariance reduce.differences reduce.distances reduce.hashes reduce.histograms
    reduce.order reduce.quantiles reduce.scans reduce.search reduce.statistics reduce.unique
    shape.blocks shape.copies shape.diagonals shape.embedded shape.pad shape.repeat shape.resized
    shape.splits shape.stacking
""".split()

FUNCTIONS: Table[Callable[..., Any]] = Table()
"""Every function of `corex`, by name."""
METHODS: Table[Any] = Table()
"""Every method, operator and property of Tensor, by name."""

TABLES: dict[str, Table[Any]] = {
    "functions": FUNCTIONS, "methods": METHODS, "ops": REGISTRY, "compositions": COMPOSED,
    "short cuts": SHORT_CUTS,
}  # fmt: skip

_lock = threading.Lock()
_namespaces: list[dict[str, Any]] = []
_installed = 0  # how many declarations are
_first_names: dict[str, str] = {}


class Later:
    """Stands on Tensor for a method until somebody asks for it."""

    __slots__ = ("_load", "_name")

    def __init__(self, name: str, load: Callable[[], None]) -> None:
        self._name, self._load = name, load

    def __get__(self, tensor: Tensor | None, kind: type[Tensor] | None = None) -> Any:
        self._load()
        method = vars(Tensor)[self._name]
        if method is self:
            raise AttributeError(f"'Tensor' object has no attribute '{self._name}'")
        return method.__get__(tensor, kind)


def start(namespace: dict[str, Any]) -> None:
    """Installs what is declared, and prepares what is not; functions are put into `namespace`."""
    share(namespace)
    _install()
    for family in FAMILIES:
        names = NAMES.get(family, {})
        load = _loader(family)
        for table, found in names.items():
            TABLES[table].expect(found.split(), load)
        for name in names.get("methods", "").split():
            if not METHODS.has(name):
                setattr(Tensor, name, Later(name, load))
    if isinstance(DECLARATIONS, Declarations):
        DECLARATIONS.complete = _load_all  # type: ignore[method-assign]


def share(namespace: dict[str, Any]) -> None:
    """Puts the functions into one more namespace, those that are not loaded when they are."""
    with _lock:
        for name in FUNCTIONS.names():
            if FUNCTIONS.has(name):
                namespace[name] = FUNCTIONS[name]
        _namespaces.append(namespace)


def first_name(name: str) -> str:
    """The first public name of the op that has this one, too; the name itself, if there is none."""
    if METHODS.get(name) is None and FUNCTIONS.get(name) is None:  # its family is loaded by that
        return name
    found = _first_names.get(name)
    if found is None:
        for declared in list.__iter__(DECLARATIONS):
            _first_names.update(dict.fromkeys(declared.names, declared.names[0]))
        found = _first_names.get(name, name)
    return found


def _loader(family: str) -> Callable[[], None]:
    def load() -> None:
        import_module(f"corex.ops.{family}")  # not under the lock: this waits for other threads
        _install()

    return load


def _load_all() -> None:
    METHODS.complete()
    FUNCTIONS.complete()


def _install() -> None:
    """Makes what users call of the declarations that are new."""
    global _installed
    with _lock:
        new = list.__getitem__(DECLARATIONS, slice(_installed, None))
        functions, methods = forms.tables(new)
        _installed += len(new)
        late = METHODS.late()
        for name, function in functions.items():
            FUNCTIONS[name] = function
            for namespace in _namespaces:
                namespace.setdefault(name, function)  # the program may have put its own there
        for name, method in methods.items():
            METHODS[name] = method
            if name not in late or isinstance(vars(Tensor).get(name), Later):
                setattr(Tensor, name, method)
