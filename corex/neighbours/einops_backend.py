"""einops: `rearrange`, `reduce`, `repeat`, `einsum`, `pack` and `unpack` of tensors.

einops asks the subclasses of its `AbstractBackend` whose an object is, so one that exists is known.
What its functions must do is said by the class itself and by that of NumPy.
"""

from __future__ import annotations

from typing import Any

import corex


def register() -> None:
    """Makes tensors known to einops.

    Raises:
        ImportError: this version has its backends elsewhere.
    """
    from einops._backends import AbstractBackend

    if any([b.framework_name == "corex" for b in AbstractBackend.__subclasses__()]):
        return
    # The class is found through its base alone, which holds it weakly.
    _kept.append(type("CorexBackend", (_Functions, AbstractBackend), {}))


_kept: list[type] = []


class _Functions:
    """What einops does with tensors, in corex's functions; einops's own class is the base."""

    framework_name = "corex"

    def is_appropriate_type(self, tensor: Any) -> bool:
        return isinstance(tensor, corex.Tensor)

    def from_numpy(self, x: Any) -> corex.Tensor:
        made = corex.from_numpy(x)
        return made.requires_grad_() if made.is_floating_point() else made

    def to_numpy(self, x: corex.Tensor) -> Any:
        return x.numpy(force=True)

    def arange(self, start: int, stop: int) -> corex.Tensor:
        return corex.arange(start, stop)

    def reduce(self, x: corex.Tensor, operation: str, axes: tuple[int, ...]) -> corex.Tensor:
        if operation == "prod":  # of one dim at a time, the last first
            for axis in sorted(axes, reverse=True):
                x = x.prod(axis)
            return x
        return _REDUCTIONS[operation](x, tuple(axes))

    def transpose(self, x: corex.Tensor, axes: tuple[int, ...]) -> corex.Tensor:
        return x.permute(axes)

    def stack_on_zeroth_dimension(self, tensors: list[corex.Tensor]) -> corex.Tensor:
        return corex.stack(tensors)

    def add_axis(self, x: corex.Tensor, new_position: int) -> corex.Tensor:
        return x.unsqueeze(new_position)

    def add_axes(self, x: corex.Tensor, n_axes: int, pos2len: dict[int, int]) -> corex.Tensor:
        sizes = [-1] * n_axes
        for position, length in pos2len.items():
            x = x.unsqueeze(position)
            sizes[position] = length
        return x.expand(sizes)

    def tile(self, x: corex.Tensor, repeats: tuple[int, ...]) -> corex.Tensor:
        return x.repeat(repeats)

    def concat(self, tensors: list[corex.Tensor], axis: int) -> corex.Tensor:
        return corex.cat(tensors, axis)

    def is_float_type(self, x: corex.Tensor) -> bool:
        return x.is_floating_point()

    def layers(self) -> Any:
        from corex.neighbours import einops_layers

        return einops_layers

    def einsum(self, pattern: str, *x: corex.Tensor) -> corex.Tensor:
        return corex.einsum(pattern, *x)


_REDUCTIONS = {
    "min": corex.amin,
    "max": corex.amax,
    "sum": corex.sum,
    "mean": corex.mean,
    "any": corex.any,
    "all": corex.all,
}
