"""What a benchmark is: one statement, run with the same text in each library's own names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

Names = dict[str, Any]
SAME = "same"


@dataclass(frozen=True)
class Case:
    """A statement and the names it uses.

    Attributes:
        name: `area/what`.
        setup: called with the module `corex` or `torch`; returns the names for the statement, to
            which `lib`, the module itself, is added. NumPy gets corex's, with arrays for tensors.
        statement: what is timed.
        result: the expression on which the libraries have to agree before anything is timed; by
            default the statement. For training, the losses.
        numpy: NumPy's statement, if another; empty where NumPy has nothing to compare.
        per: how many steps the statement makes; times are given for one.
        tolerance: largest error allowed, relative to the largest magnitude in the result.
    """

    name: str
    setup: Callable[[Any], Names]
    statement: str
    result: str = ""
    numpy: str = ""
    per: int = 1
    tolerance: float = 1e-4

    def names(self, library: ModuleType, corex: ModuleType) -> Names | None:
        """The statement's namespace for one library; None where it has no part in the case."""
        if library.__name__ != "numpy":
            return {**self.setup(library), "lib": library}
        if not self.numpy:
            return None
        return {**{k: as_numpy(v) for k, v in self.setup(corex).items()}, "lib": library}

    def text(self, library: ModuleType) -> str:
        """The statement as `library` runs it."""
        other = library.__name__ == "numpy" and self.numpy != SAME
        return self.numpy if other else self.statement

    def evaluate(self, library: ModuleType, names: Names) -> Any:
        """The value to compare, in terms of NumPy and Python."""
        text = self.result if self.result and library.__name__ != "numpy" else self.text(library)
        return as_numpy(eval(text, names))


def as_numpy(value: Any) -> Any:
    """Tensors as arrays of their own; lists and tuples of them likewise; the rest as it is."""
    if isinstance(value, (list, tuple)):
        return type(value)(as_numpy(v) for v in value)
    if hasattr(value, "detach") and hasattr(value, "requires_grad") and not callable(value):
        return np.array(value.detach().numpy())
    return value


def differences(values: Mapping[str, Any], tolerance: float) -> str:
    """Where the libraries' results differ by more than `tolerance`; empty if they agree."""
    first, *others = values.items()
    return "; ".join(
        f"{first[0]} and {name} differ: {found}"
        for name, value in others
        if (found := _difference(first[1], value, tolerance))
    )


def _difference(left: Any, right: Any, tolerance: float) -> str:
    if isinstance(left, (list, tuple)) and not all(isinstance(v, (int, float)) for v in left):
        if len(left) != len(right):
            return f"{len(left)} results and {len(right)}"
        found = [_difference(a, b, tolerance) for a, b in zip(left, right, strict=True)]
        return next(filter(None, found), "")
    if left is None and right is None:
        return ""
    a, b = np.asarray(left), np.asarray(right)
    if a.shape != b.shape:
        return f"shapes {a.shape} and {b.shape}"
    a, b = a.astype(np.float64), b.astype(np.float64)
    largest = float(np.max(np.abs(b), initial=0.0))
    error = float(np.max(np.abs(a - b), initial=0.0))
    return "" if error <= tolerance * max(largest, 1e-6) else f"by {error:.3g} of {largest:.3g}"


def floats(*shape: int, seed: int = 0, low: float = -1.0, high: float = 1.0) -> Any:
    """Uniform float32 numbers, the same on every machine."""
    generator = np.random.default_rng([seed, *shape])
    return generator.uniform(low, high, shape).astype(np.float32)


def fill_parameters(lib: Any, module: Any, seed: int = 0) -> Any:
    """Gives a module's parameters values that depend on nothing but shape, place and seed."""
    with lib.no_grad():
        for place, parameter in enumerate(module.parameters()):
            fan = max(1, int(np.prod(parameter.shape[1:])))
            values = floats(*parameter.shape, seed=seed + place) / np.float32(fan**0.5)
            parameter.copy_(lib.tensor(values))
    return module
