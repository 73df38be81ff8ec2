"""Runs a line of the table with corex or with PyTorch: values, first and second gradients."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.special_points.points import INPUTS, Array, make

Outcome = dict[str, list[Any]]
"""What a line gives: 'values', and 'first' and 'second' gradients, each flat; None where none."""


class Names(dict[str, Any]):
    """What the code of a line sees: inputs, the library's names, and `lib` itself."""

    def __init__(self, library: Any, dtype: str) -> None:
        super().__init__(
            F=library.nn.functional,
            lib=library,
            nan=math.nan,
            inf=math.inf,
            none={"reduction": "none"},
        )
        self.library, self.dtype = library, dtype
        self.inputs: dict[str, Any] = {}

    def __missing__(self, name: str) -> Any:
        if name not in INPUTS and name.lower() not in INPUTS or name == "F":
            return getattr(self.library, name)
        tensor = self.library.from_numpy(make(name, self.dtype))
        if name.islower():
            self.inputs[name] = tensor.requires_grad_()
        self[name] = tensor
        return tensor


def _tensors(value: Any) -> Iterator[Any]:
    if isinstance(value, tuple | list):
        for item in value:
            yield from _tensors(item)
    elif hasattr(value, "requires_grad"):
        yield value


def _weights(library: Any, like: Any) -> Any:
    """What flows back into an output: not all the same, and exact in every dtype."""
    weights = np.resize(np.array([1.0, 2.0, -1.0, 0.5, 1.0]), int(like.numel()))
    return library.from_numpy(weights.reshape(tuple(like.shape))).to(like.dtype)


def run(library: Any, code: str, dtype: str) -> Outcome:
    """The outcome of a line; 'second' is left out where the library has no second derivative."""
    names = Names(library, dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tensors = list(_tensors(eval(code, names, names)))
        outcome: Outcome = {"values": [flat(t) for t in tensors]}
        inputs = list(names.inputs.values())
        for order in ("first", "second"):
            onward = [t for t in tensors if t is not None and t.requires_grad]
            if not onward:
                break
            try:
                tensors = _gradients(library, onward, inputs)
            except RuntimeError as error:
                if "is not implemented" not in str(error):
                    raise
                break
            outcome[order] = [None if g is None else flat(g) for g in tensors]
    return outcome


def _gradients(library: Any, outputs: list[Any], inputs: list[Any]) -> list[Any]:
    weights = [_weights(library, t) for t in outputs]
    found = library.autograd.grad(outputs, inputs, weights, create_graph=True, allow_unused=True)
    return list(found)


def flat(t: Any) -> Array:
    """A tensor's elements."""
    array: Array = t.detach().numpy(force=True).reshape(-1)
    return array
