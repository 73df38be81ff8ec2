"""Custom functions that the programs use, made for one library."""

from __future__ import annotations

from typing import Any


def functions(lib: Any) -> dict[str, Any]:
    """Name -> class, for `lib`, which is torch or corex."""
    base = lib.autograd.Function

    class Square(base):  # type: ignore[misc,valid-type]
        """Saves its input."""

        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            (x,) = ctx.saved_tensors
            return g * x * 2

    class Exp(base):  # type: ignore[misc,valid-type]
        """Saves its output."""

        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            y = x.tanh()
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            (y,) = ctx.saved_tensors
            return g * (1 - y * y)

    class Same(base):  # type: ignore[misc,valid-type]
        """Returns its input."""

        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 3

    class Part(base):  # type: ignore[misc,valid-type]
        """Returns a view of its input."""

        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x[...]

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 3

    class Dirty(base):  # type: ignore[misc,valid-type]
        """Changes its input."""

        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.mark_dirty(x)
            return x.mul_(2)

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 2

    class Twice(base):  # type: ignore[misc,valid-type]
        """Has two outputs."""

        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x.sin(), x * 2

        @staticmethod
        def backward(ctx: Any, g: Any, h: Any) -> Any:
            (x,) = ctx.saved_tensors
            return g * x.cos() + h * 2

    return {c.__name__: c for c in (Square, Exp, Same, Part, Dirty, Twice)}
