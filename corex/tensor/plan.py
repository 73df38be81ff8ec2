"""What the node of an op saves, and how it computes gradients: prepared once per set of inputs."""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import Any


class Plan:
    """What an op's node saves and computes when a given set of inputs requires gradients.

    Attributes:
        label: the node's name.
        save: positions of the saved values among (inputs, then outputs); -1 - i is the shape of
            input i.
        output_slots: which entries of `saved` are outputs; they are kept without their own node.
        steps: (input position, formula, picks): `formula(grad, *picked)`, where picks index
            (saved values, then parameters), or None for all of them in order.
        joint: one function for all inputs, `joint(needs, grad, *values)`, or None.
        needs: which inputs require gradients.
        frees: whether there is more to free after backward than shapes.
        calls: `steps`, prepared for the hot path.
        fast: `fast(node, grad)`, which answers the common case with the backend's own kernel, by
            new dense tensors of the inputs' shapes, and returns None for every other; or None.
            Not called where the gradients are themselves recorded. (A function here rather than
            a subclass: the interpreter reads the attributes of one type faster than of several.)
    """

    __slots__ = (
        "calls", "fast", "frees", "joint", "label", "needs", "output_slots", "save", "steps"
    )  # fmt: skip

    def __init__(
        self,
        label: str,
        needs: tuple[bool, ...],
        save: tuple[int, ...],
        output_slots: tuple[int, ...],
        steps: tuple[tuple[int, Callable[..., Any], tuple[int, ...] | None], ...],
        joint: Callable[..., Any] | None,
    ) -> None:
        self.label = label
        self.needs = needs
        self.save = save
        self.frees = any(position >= 0 for position in save)
        self.output_slots = output_slots
        self.steps = steps
        self.calls = tuple(_call(*step) for step in steps)
        self.joint = joint
        self.fast: Callable[[Any, Any], Any] | None = None


def _call(
    position: int, formula: Callable[..., Any], picks: tuple[int, ...] | None
) -> tuple[int, Callable[..., Any], int, Callable[[Any], Any] | None]:
    """A step prepared for the hot path: (position, formula, one pick or -1, picker of several)."""
    if picks is None:
        return position, formula, -1, None
    if len(picks) == 1:
        return position, formula, picks[0], None
    if not picks:
        return position, formula, -1, lambda values: ()
    return position, formula, -1, itemgetter(*picks)
