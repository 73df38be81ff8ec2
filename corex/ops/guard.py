"""Arguments of a wrong type: a TypeError with function and argument, free for calls that are right.

A function checks what it has to know anyway; that an argument is no tensor at all often shows only
where an attribute is missing, deep inside. So exported functions stand behind a `try`: what a wrong
type ends in (an AttributeError, say) is compared with the annotations, and told in their terms.
An error that the annotations do not explain stays as it is.
"""

from __future__ import annotations

import functools
import inspect
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from corex.device import device
from corex.dtypes import PYTHON_TYPES, DType
from corex.errors import LayoutError
from corex.formats import strided
from corex.generated import NAME, function_of
from corex.ops.old_forms import as_today
from corex.ops.out import into, signature
from corex.ops.promotion import as_number
from corex.ops.registration import Out
from corex.tensor.tensor import Tensor

_F = TypeVar("_F", bound=Callable[..., Any])

_SYMPTOMS = (
    AssertionError, AttributeError, IndexError, KeyError, RuntimeError, TypeError,
    UnboundLocalError, ValueError,
)  # fmt: skip


def guarded(
    name: str, function: Callable[..., Any], rule: Out = "", home: str = "corex"
) -> Callable[..., Any]:
    """The function, with errors in terms of its arguments; by `rule` (see `corex.ops.out`) it also
    takes `out`. `home` is where pickle finds it."""

    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except LayoutError as reached:
            return reached.answer(name, args, kwargs)
        except _SYMPTOMS as error:
            again = _otherwise(name, function, args, kwargs, error)
            if again is None:
                wrong = explained(name, function, args, kwargs, error)
                if wrong is None:
                    raise
                raise wrong from error
        return call(*again[0], **again[1])

    def call_into(*args: Any, out: Any = None, **kwargs: Any) -> Any:
        try:
            if out is None:
                return function(*args, **kwargs)
            return into(out, name, rule, function, args, kwargs)
        except LayoutError as reached:
            return reached.answer(name, args, {**kwargs, "out": out})
        except _SYMPTOMS as error:
            again = _otherwise(name, function, args, kwargs, error)
            if again is None:
                wrong = explained(name, function, args, kwargs, error)
                if wrong is None:
                    raise
                raise wrong from error
        return call_into(*again[0], out=out, **again[1])

    public: Any = functools.wraps(function)(call_into if rule else call)
    if rule:
        public.__signature__ = signature(function)
    # In tracebacks, too; and the interpreter specialises each function's code for itself.
    public.__code__ = public.__code__.replace(co_name=name)
    return _at_home(public, name, home)


def in_namespace(module: str, name: str, function: _F, rule: Out = "") -> _F:
    """`guarded`, as a function of a module such as `corex.linalg`; messages say `linalg_NAME`."""
    space = module.rpartition(".")[2]
    return _at_home(guarded(f"{space}_{name}", function, rule), name, module)  # type: ignore[return-value]


def written_out(name: str, function: Callable[..., Any], home: str) -> Callable[..., Any]:
    """The same with the function's own parameters, for short functions that programs call often:
    to take any arguments and to pass them on costs a call three times as much. `home` is where
    pickle finds it."""
    parameters = inspect.signature(function).parameters
    scope: dict[str, Any] = {
        "function": function, "symptoms": _SYMPTOMS, "told": _told, "plain": _plain_arguments,
        "LayoutError": LayoutError,
    }  # fmt: skip
    scope.update({f"{_DEFAULT}{p.name}": p.default for p in parameters.values()})
    call = function_of(_source(parameters), name, f"guard of {name}", scope, {})
    return _at_home(functools.wraps(function)(call), name, home)


def _at_home(call: Callable[..., Any], name: str, home: str) -> Callable[..., Any]:
    call.__module__, call.__name__, call.__qualname__ = home, name, name
    return call


_DEFAULT = "default_of_"
_STARS: dict[Any, str] = {
    inspect.Parameter.VAR_POSITIONAL: "*",
    inspect.Parameter.VAR_KEYWORD: "**",
}


def _source(parameters: Mapping[str, inspect.Parameter]) -> str:
    """The text of a function that calls `function` with its own arguments."""
    taken, passed, typed, starred = [], [], [], False
    for p in parameters.values():
        stars = _STARS.get(p.kind, "")
        if p.kind is p.KEYWORD_ONLY and not starred:
            taken.append("*")
        starred = starred or p.kind in (p.KEYWORD_ONLY, p.VAR_POSITIONAL)
        default = "" if p.default is p.empty else f"={_DEFAULT}{p.name}"
        taken.append(f"{stars}{p.name}{default}")
        stars = f"{p.name}=" if p.kind is p.KEYWORD_ONLY else stars
        passed.append(f"{stars}{p.name}")
        typed.append(f"{stars}given[{p.name!r}]")
    given = ", ".join(f"{one!r}: {one}" for one in parameters)
    first = "".join(f"{one}, " for one in passed if "=" not in one)
    named = ", ".join(f"{one.partition('=')[0]!r}: {one.partition('=')[2]}"
                      for one in passed if "=" in one)  # fmt: skip
    return (
        f"def {NAME}({', '.join(taken)}):\n"
        f"    try:\n"
        f"        return function({', '.join(passed)})\n"
        f"    except LayoutError as reached:\n"
        f"        return reached.answer({NAME!r}, ({first}), {{{named}}})\n"
        f"    except symptoms as error:\n"
        f"        given = plain(function, {{{given}}})\n"
        f"        if given is None:\n"
        f"            wrong = told({NAME!r}, function, {{{given}}}, error)\n"
        f"            if wrong is None:\n"
        f"                raise\n"
        f"            raise wrong from error\n"
        f"    return {NAME}({', '.join(typed)})\n"
    )


def explained(
    name: str,
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    error: Exception,
) -> TypeError | None:
    """What is wrong with the arguments of a call that ended in an error, or None: that of too many,
    too few or unknown ones tells it itself."""
    function = getattr(function, "form_of", function)
    try:
        bound = inspect.signature(function).bind(*args, **kwargs)
    except TypeError:
        return None
    bound.apply_defaults()
    return _told(name, function, bound.arguments, error)


def _told(
    name: str, function: Callable[..., Any], arguments: dict[str, Any], error: Exception
) -> TypeError | None:
    """The error in terms of the arguments; None if it is told well, or they do not explain it."""
    if isinstance(error, TypeError) and str(error).startswith((f"{name}(", f"[{name}")):
        return None
    wrong = _wrong_argument(function, arguments, error)
    return None if wrong is None else TypeError(f"{name}(): argument {wrong}")


def _wrong_argument(
    function: Callable[..., Any], arguments: dict[str, Any], error: Exception
) -> str | None:
    """What is wrong with the first argument that is not of its annotation; None if all are."""
    given = []
    for name, declared in inspect.signature(function).parameters.items():
        value = arguments[name]
        if value is declared.default or declared.kind is declared.VAR_KEYWORD:
            continue
        several = value if declared.kind is declared.VAR_POSITIONAL else (value,)
        where = declared.kind is not declared.KEYWORD_ONLY
        given += [(name, where, str(declared.annotation), one) for one in several]
    for position, (name, positional, annotation, value) in enumerate(given, 1):
        # Sizes are of any type where each may be an argument of its own.
        unlike = annotation == "Any" and name in _SIZES and not _is_size(value)
        if unlike or not _fits(value, annotation):
            where_it_is = f" (position {position})" if positional else ""
            wanted = "tuple of ints" if unlike else _wanted(annotation)
            return f"'{name}'{where_it_is} must be {wanted}, not {_described(value)}"
    # An argument of any type, whose type the error names.
    culprit = re.search(r"'(?:\w+\.)*(\w+)' object", str(error))
    for name, _, _, value in given:
        if culprit and type(value).__name__ == culprit[1] and not isinstance(value, Tensor):
            return f"'{name}' cannot be {_described(value)}"
    return None


# ---- what PyTorch takes in other words -----------------------------------------------------------
def _otherwise(
    name: str,
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    error: Exception,
) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    """The arguments as the function itself has them: its own names, and what `_plain` makes of the
    values; None if they are so already, or it has understood them: its error is of a value."""
    if type(error) is ValueError:
        return None
    today = as_today(name, args, kwargs)
    if today is not None:
        return today
    names = _renamed(function, args, kwargs)
    unchanged = None if names is None else (args, names)
    try:
        bound = inspect.signature(function).bind(*args, **(kwargs if names is None else names))
    except TypeError:
        return unchanged
    plain = _plain_arguments(function, bound.arguments)
    if plain is None:
        return unchanged
    bound.arguments.update(plain)
    return bound.args, bound.kwargs


def _plain_arguments(
    function: Callable[..., Any], arguments: dict[str, Any]
) -> dict[str, Any] | None:
    """The arguments with Python's integers and dtypes; None if they have only those."""
    found = dict(arguments)
    for name, declared in inspect.signature(function).parameters.items():
        if name in found:
            several = declared.kind is declared.VAR_POSITIONAL
            sizes = several and name in ("size", "sizes", "shape", "dims", "repeats")
            annotation = str(declared.annotation)
            counts = sizes or ("int" in annotation or "Dims" in annotation)
            found[name] = _plain(found[name], counts and "Tensor" not in annotation)
    changed = any([found[name] is not value for name, value in arguments.items()])
    return found if changed else None


def _plain(value: Any, counts: bool) -> Any:
    """A dtype for one of Python's types; Python's integer for one of NumPy's, also in a sequence,
    and for a 0-d tensor where something is counted."""
    if isinstance(value, type):
        return PYTHON_TYPES.get(value, value)
    if type(value) is list or type(value) is tuple:
        items = [_plain(item, counts) for item in value]
        return value if all(map(operator.is_, items, value)) else type(value)(items)
    if counts and isinstance(value, Tensor):
        return operator.index(value) if _is_index(value) else value
    scalar = type(value).__module__ == "numpy" and not hasattr(value, "__len__")
    return operator.index(value) if scalar and hasattr(value, "__index__") else value


# ---- other names of arguments --------------------------------------------------------------------
_OTHER_NAMES = {
    # NumPy's, which PyTorch takes everywhere
    "axis": "dim", "keepdims": "keepdim", "x": "input", "a": "input", "x1": "input", "x2": "other",
    "ddof": "correction",  # by which `np.std` calls the method
    # PyTorch's for one function's several forms
    "sections": "indices_or_sections", "indices": "indices_or_sections",
    "tensor_indices_or_sections": "indices_or_sections",
    "axis0": "dim0", "axis1": "dim1", "split_size": "split_size_or_sections",
    "element": "elements", "test_element": "test_elements", "from": "low", "to": "high",
    "b": "B", "other": "B",  # of `linalg.lstsq` and `linalg.tensorsolve`
}  # fmt: skip
_NO_CHOICE = {
    "layout": (None, strided), "pin_memory": (None, False), "sparse_grad": (False,),
    "dtype": (None,),
}  # fmt: skip
"""Arguments that PyTorch takes, and the values of which there is but one here."""


def _renamed(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[str, Any] | None:
    """The keyword arguments by the function's own names; None if no other names are among them."""
    parameters = inspect.signature(function).parameters
    unknown = [name for name in kwargs if name not in parameters]
    if not unknown or any([p.kind is p.VAR_KEYWORD for p in parameters.values()]):
        return None
    found = {name: value for name, value in kwargs.items() if name in parameters}
    first = next(iter(parameters))
    for name in unknown:
        if name in _NO_CHOICE and any([kwargs[name] is value for value in _NO_CHOICE[name]]):
            continue
        own = _OTHER_NAMES.get(name)
        if not args and own not in parameters and "input" in (name, own):
            own = first  # a matrix "A", and other names that say more
        if own is None or own not in parameters or own in found:
            return None
        found[own] = kwargs[name]
    return found


def _described(value: Any) -> str:
    kind = type(value).__name__
    if isinstance(value, list | tuple) and value:
        return f"{kind} of {' and '.join(sorted({type(item).__name__ for item in value}))}"
    return kind


_WORDS = {
    "Sequence[int]": "tuple of ints",
    "Sequence[Tensor]": "tuple of Tensors",
    "float": "float",
    "Number": "number",
    "DTypeLike": "corex.dtype",
    "DType": "corex.dtype",
    "Dims": "int or tuple of ints",
}


def _wanted(annotation: str) -> str:
    names = [part.strip() for part in annotation.split("|")]
    words = [_WORDS.get(part, part) for part in names if part != "None"]
    return " or ".join(dict.fromkeys(words))


# ---- what fits an annotation ---------------------------------------------------------------------
def _is_index(value: Any) -> bool:
    if isinstance(value, Tensor):
        return not value.shape and value.key.dtype.kind in "ui"
    return hasattr(type(value), "__index__") and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return as_number(value) is not None or (isinstance(value, Tensor) and not value.shape)


_SIZES = ("dims", "output_size", "s", "shape", "size", "sizes")


def _is_size(value: Any) -> bool:
    return _is_sequence(value, lambda one: one is None or _is_index(one)) or _is_index(value)


def _is_sequence(value: Any, test: Callable[[Any], bool]) -> bool:
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str | bytes)
        and all(test(item) for item in value)
    )


_TESTS: dict[str, Callable[[Any], bool]] = {
    "Tensor": lambda value: isinstance(value, Tensor),
    "None": lambda value: value is None,
    "bool": lambda value: isinstance(value, bool),
    "int": _is_index,
    "float": _is_number,
    "Number": _is_number,
    "str": lambda value: isinstance(value, str),
    "DType": lambda value: isinstance(value, DType),
    "DTypeLike": lambda value: value is None or isinstance(value, DType | type),
    "DeviceLike": lambda value: value is None or isinstance(value, device | str | int),
    "Sequence[int]": lambda value: _is_sequence(value, _is_index),
    "Sequence[Tensor]": lambda value: _is_sequence(value, lambda one: isinstance(one, Tensor)),
    "Dims": lambda value: value is None or _is_index(value) or _is_sequence(value, _is_index),
}


def _fits(value: Any, annotation: str) -> bool:
    """Whether a value is of an annotation; True of one that this table does not know."""
    tests = [_TESTS.get(part.strip()) for part in annotation.split("|")]
    return any(test is None or test(value) for test in tests)
