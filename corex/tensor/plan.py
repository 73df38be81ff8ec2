"""What the node of an op saves, and how it computes gradients: prepared once per set of inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
        fresh: what is known of the memory of the gradients: True, it is new, and one gradient does
            not share it with another, except that `passed` hands on the output's gradient; False,
            they may also be views of the output's gradient; None, nothing.
        owned: for each input whether nobody else holds the memory of its gradient, so that the
            engine may keep it or write to it: if it did not own the output's gradient, and if it
            did. None if that has to be looked at.
        fast: `fast(node, grad)`, which answers the common case with the backend's own kernel, by
            new dense tensors of the inputs' shapes, and returns None for every other; or None.
            Not called where the gradients are themselves recorded. (A function here rather than
            a subclass: the interpreter reads the attributes of one type faster than of several.)
    """

    __slots__ = (
        "calls", "fast", "frees", "fresh", "joint", "label", "needs", "output_slots", "owned",
        "save", "steps",
    )  # fmt: skip

    def __init__(
        self,
        label: str,
        needs: tuple[bool, ...],
        save: tuple[int, ...],
        output_slots: tuple[int, ...],
        steps: tuple[tuple[int, Callable[..., Any], tuple[int, ...] | None], ...],
        joint: Callable[..., Any] | None,
        fresh: bool | None = None,
    ) -> None:
        self.label = label
        self.needs = needs
        self.save = save
        self.frees = any(position >= 0 for position in save)
        self.output_slots = output_slots
        self.steps = steps
        self.calls = tuple(_call(*step) for step in steps)
        self.joint = joint
        self.fresh = fresh
        self.owned = None if fresh is False else _owned(len(needs), steps, bool(fresh))
        self.fast: Callable[[Any, Any], Any] | None = None


def conjugated(plan: Plan) -> Plan:
    """The plan for complex outputs of an analytic function.

    The gradient is, by PyTorch's convention, the conjugate of the derivative: of a formula that is
    linear in the gradient it is conj(formula(conj(g), ...)), whatever it computes inside.
    """
    steps = tuple(
        (position, formula if formula is passed else _between_conjugates(formula), picks)
        for position, formula, picks in plan.steps
    )
    joint = plan.joint
    if joint is not None:
        inner = joint

        def joint(needs: tuple[bool, ...], g: Any, *values: Any) -> Any:
            found = inner(needs, _conjugate(g), *values)
            return [_conjugate(one) for one in found]

    return Plan(plan.label, plan.needs, plan.save, plan.output_slots, steps, joint, plan.fresh)


def _between_conjugates(formula: Callable[..., Any]) -> Callable[..., Any]:
    def between(g: Any, *values: Any) -> Any:
        return _conjugate(formula(_conjugate(g), *values))

    return between


def _conjugate(g: Any) -> Any:
    if isinstance(g, list):
        return [_conjugate(one) for one in g]
    return g.conj_physical() if g is not None and g.key.dtype.is_complex else g


def passed(g: Any) -> Any:
    """The formula of an input that gets the output's gradient as it is."""
    return g


def _owned(
    count: int, steps: Sequence[tuple[int, Callable[..., Any], Any]], fresh: bool
) -> tuple[tuple[bool, ...], tuple[bool, ...]]:
    """`Plan.owned`, where it is the same for every call."""
    shared = [position for position, formula, _ in steps if formula is passed]
    new = tuple([fresh and i not in shared for i in range(count)])
    if not fresh or len(shared) != 1:
        return new, new
    # Handed on to one input alone, it still has one holder.
    return new, tuple([flag or i in shared for i, flag in enumerate(new)])


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
