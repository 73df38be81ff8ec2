"""What a view is: arithmetic on shape, strides and offset, declared as ops are, without a kernel.

`geometry` says where the view's elements lie in the memory of its input; nothing else is known of
a view, and nothing else needs to be. So whoever interprets ops (a tape, a batch) has one rule for
all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from corex.tensor.place import DispatchKey
from corex.tensor.plan import Plan

Shape = tuple[int, ...]
Geometry = tuple[Shape, Shape, int]
"""Shape, strides and offset, in elements."""


@dataclass(slots=True, eq=False)
class ViewOp:
    """The declaration of one view.

    Attributes:
        name: as in the registry.
        label: the node's name; PyTorch's.
        geometry: `geometry(shape, strides, offset, *params)` of the input -> that of the view.
        derivative: `derivative(g, shape, *params)` takes the gradient of the view to that of the
            input, which has `shape`.
        fresh: whether that is new memory, and no view of the gradient that was given.
        rekey: `rekey(dispatch key of the input, *params)` is the view's, where its elements have
            another dtype, or are other than in memory (`tensor/twins.py`); None: the same.
    """

    name: str
    label: str
    geometry: Callable[..., Geometry]
    derivative: Callable[..., Any]
    fresh: bool
    rekey: Callable[..., DispatchKey] | None = None
    plan: Plan = field(init=False)

    def __post_init__(self) -> None:
        steps = ((0, self.derivative, None),)
        self.plan = Plan(self.label, (True,), (-1,), (), steps, None, self.fresh)


VIEWS: dict[str, ViewOp] = {}
"""Every view by name."""


def declare_view(
    name: str,
    label: str,
    geometry: Callable[..., Geometry],
    derivative: Callable[..., Any],
    fresh: bool = False,
    rekey: Callable[..., DispatchKey] | None = None,
) -> ViewOp:
    """Enters a view into the registry.

    Raises:
        ValueError: the name is taken.
    """
    if name in VIEWS:
        raise ValueError(f"view '{name}' is declared twice")
    VIEWS[name] = ViewOp(name, label, geometry, derivative, fresh, rekey)
    return VIEWS[name]
