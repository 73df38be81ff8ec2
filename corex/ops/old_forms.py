"""Calls as PyTorch's old versions had them, with the factors of a sum before what they multiply:
`t.add_(-0.1, grad)`, `addmm(beta, t, alpha, a, b)`. PyTorch still takes them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import FunctionType
from typing import Any, TypeVar

from corex.generated import Signature
from corex.ops.promotion import as_number
from corex.tensor.tensor import Tensor

# What stands where, n for a number and t for a tensor, and the names that the numbers have today.
_FACTORS: dict[str, tuple[str, ...]] = dict.fromkeys(
    ("ntntt", "nttt", "tnntt", "tntt"), ("beta", "alpha")
)
_FORMS: dict[str, dict[str, tuple[str, ...]]] = {
    **{name: {"tntt": ("value",)} for name in ("addcmul", "addcdiv")},
    **dict.fromkeys(("addmm", "addmv", "addr", "addbmm", "baddbmm"), _FACTORS),
}


def as_today(
    name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    """The arguments of a call in an old form as they are today, else None."""
    forms = _FORMS.get(name.removesuffix("_"))
    if forms is None:
        return None
    kinds = "".join(["t" if isinstance(a, Tensor) else "n" for a in args])
    numbers = [a for a in args if not isinstance(a, Tensor)]
    names = forms.get(kinds, ())[: len(numbers)]
    if not names or any([as_number(a) is None for a in numbers] + [n in kwargs for n in names]):
        return None
    tensors = tuple([a for a in args if isinstance(a, Tensor)])
    return tensors, {**kwargs, **dict(zip(names, numbers, strict=True))}


# ---- add and sub, which nothing stands around ----------------------------------------------------
_F = TypeVar("_F", bound=Callable[..., Any])


def third(name: str, input: Any, alpha: Any, other: Any, given: Any) -> tuple[Any, Tensor]:
    """The factor and the summand of a call with three arguments: `t.add(alpha, other)`.

    Raises:
        TypeError: it is no such call.
    """
    told = type(given) is not int or given != 1
    tensors = isinstance(input, Tensor) and isinstance(other, Tensor)
    if told or not tensors or as_number(alpha) is None:
        raise TypeError(f"{name}() takes 2 positional arguments but 3 were given")
    return alpha, other


def without_third(function: _F) -> _F:
    """Has the signature of a function of the old form say nothing of its third argument."""
    shown: Any = function

    def make() -> inspect.Signature:
        bare = FunctionType(shown.__code__, shown.__globals__, None, shown.__defaults__)
        bare.__kwdefaults__, bare.__annotations__ = shown.__kwdefaults__, shown.__annotations__
        own = inspect.signature(bare)
        return own.replace(parameters=[p for p in own.parameters.values() if p.name != "old"])

    shown.__signature__ = Signature(make)
    return function
