"""What is public: a declaration beside each function, and nothing anywhere else.

    @exported("sum")
    def sum_(input: Tensor, ...) -> Tensor: ...

makes `corex.sum` and `Tensor.sum`; `function` makes only the one, `method` only the other. The
decorators hand back the function itself, so calls inside corex stay direct. What users call is made
from the declarations by `corex.ops.forms`, when all of them are known.

Names are those in public, the first one being what messages say, the others PyTorch's second names;
without any it is the function's own. The options:

- `inplace`: there is a method `NAME_`, which writes the result over the tensor; of the second names
  as well. `inplace_view`: there is one which gives the tensor the shape and strides of the result.
- `out`: the function takes `out=`, a tensor for its result; the rule says which dtypes it may have
  (`corex.ops.out`), and "same" holds for the in-place method, too. A function that has such a
  parameter itself declares nothing.
- `quick`: users call the function itself, because a call costs next to nothing, and what stands
  around the others (`corex.ops.guard`) would be felt. Such a function checks its arguments itself.
  "method" says so of the method alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple, TypeVar

_F = TypeVar("_F", bound=Callable[..., Any])
Quick = bool | Literal["method"]
Out = Literal["", "cast", "same", "truth", "any", "dtype", "new"]


class Declaration(NamedTuple):
    """What one function (or property) is in public; see the module's docstring."""

    target: Any
    names: tuple[str, ...]
    function: bool = False
    method: bool = False
    inplace: bool = False
    inplace_view: bool = False
    out: Out = ""
    quick: Quick = False

    @property
    def inplace_names(self) -> tuple[str, ...]:
        """Names of the in-place method that is generated."""
        wanted = self.inplace or self.inplace_view
        return tuple([f"{name}_" for name in self.names]) if wanted else ()


class Declarations(list[Declaration]):
    """All declarations, in their order. Whoever looks at them gets all (`corex.ops.late`); those
    that were made up to now are found by `list`'s own methods."""

    def complete(self) -> None:
        """Makes those declarations that are not made yet."""

    def __iter__(self) -> Iterator[Declaration]:
        self.complete()
        return super().__iter__()

    def __len__(self) -> int:
        self.complete()
        return super().__len__()


DECLARATIONS: list[Declaration] = Declarations()
_taken: set[str] = set()


def _declare(declaration: Declaration) -> None:
    """
    Raises:
        ValueError: a name that is declared already.
    """
    assert not (declaration.out and declaration.quick), "nothing stands around a quick function"
    names = [f"corex.{name}" for name in declaration.names if declaration.function]
    names += [f"Tensor.{name}" for name in declaration.names if declaration.method]
    names += [f"Tensor.{name}" for name in declaration.inplace_names]
    for name in names:
        if name in _taken:
            raise ValueError(f"{name} is declared twice")
        _taken.add(name)
    DECLARATIONS.append(declaration)


def exported(
    *names: str,
    inplace: bool = False,
    inplace_view: bool = False,
    out: Out = "",
    quick: Quick = False,
) -> Callable[[_F], _F]:
    """Declares a function in `corex` that is a method of Tensor as well."""

    def declare(target: _F) -> _F:
        own = names or (target.__name__,)
        _declare(Declaration(target, own, True, True, inplace, inplace_view, out, quick))
        return target

    return declare


def function(*names: str, out: Out = "", quick: bool = False) -> Callable[[_F], _F]:
    """Declares a function in `corex`."""

    def declare(target: _F) -> _F:
        own = names or (target.__name__,)
        _declare(Declaration(target, own, function=True, out=out, quick=quick))
        return target

    return declare


def method(*names: str, quick: bool = False) -> Callable[[_F], _F]:
    """Declares a method of Tensor."""

    def declare(target: _F) -> _F:
        own = names or (target.__name__,)
        _declare(Declaration(target, own, method=True, quick=quick))
        return target

    return declare


def operator(*names: str) -> Callable[[_F], _F]:
    """Declares one of Python's operators, such as `__matmul__`."""
    return method(*names, quick=True)


def tensor_property(
    *names: str, doc: str, setter: Callable[[Any, Any], None] | None = None
) -> Callable[[_F], _F]:
    """Declares a property of tensors."""

    def declare(getter: _F) -> _F:
        _declare(Declaration(property(getter, setter, doc=doc), names, method=True, quick=True))
        return getter

    return declare
