"""Writes the stubs that tell type checkers about what is made from tables: `make stubs`.

`_functions.pyi` has the functions of `corex.ops`, which `corex` exports; `_methods.pyi` has the
base class of Tensor, with all that was installed on it. Signatures are those of the functions.
Overloads can be seen from Python 3.11 on.
"""

from __future__ import annotations

import builtins
import inspect
import sys
import types
import typing
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

import corex
from corex import Tensor, ops
from corex.ops import out
from tools import late_names

HEADER = '"""{title} Written by `python -m tools.typing_stubs`."""\n'

# What a class is called in a stub, where its own name is also that of a method.
NAMES = {"corex.device.device": "Device"}

# Known to type checkers only where the annotations are written.
EXTRA = {"np": np, "numpy": np}

_BUILTIN_TYPES = {name for name, value in vars(builtins).items() if isinstance(value, type)}


class Stub:
    """The text of one stub file, and the imports that its annotations need."""

    def __init__(self, taken: Iterable[str]) -> None:
        self.taken = _BUILTIN_TYPES.intersection(taken)
        self.imports: set[tuple[str, str]] = set()

    def type(self, annotation: Any) -> str:
        """An annotation that was evaluated, as text."""
        if annotation is None or annotation is types.NoneType:
            return "None"
        if annotation is ...:
            return "..."
        if isinstance(annotation, list):
            return f"[{', '.join(map(self.type, annotation))}]"
        if annotation is Any:
            return self.name("typing", "Any")
        origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
        if origin in (types.UnionType, typing.Union):
            return " | ".join(self.type(argument) for argument in arguments)
        if origin is not None:
            inner = ", ".join(self.type(argument) for argument in arguments)
            return f"{self.name(origin.__module__, origin.__qualname__)}[{inner}]"
        if isinstance(annotation, typing.ForwardRef):
            return self.type(eval(annotation.__forward_arg__, {"Tensor": Tensor, **EXTRA}))
        return self.name(annotation.__module__, annotation.__qualname__)

    def name(self, module: str, name: str) -> str:
        """How a class is written here; remembers to import it."""
        if module == "builtins":
            if name not in self.taken:
                return name
            self.imports.add(("", "builtins"))
            return f"builtins.{name}"
        known = NAMES.get(f"{module}.{name}")
        self.imports.add((module, f"{name} as {known}" if known else name))
        return known or name

    def function(self, name: str, function: Callable[..., Any], method: bool = False) -> list[str]:
        """The `def` lines of a function: one, unless it has overloads."""
        takes_out = "out" in inspect.signature(function).parameters
        function = inspect.unwrap(function)  # from behind `guarded`
        given = takes_out and "out" not in inspect.signature(function).parameters
        overloads = typing.get_overloads(function)
        if not overloads:
            return [self.signature(name, function, method, given)]
        lines = []
        for overload in overloads:
            lines.append(f"@{self.name('typing', 'overload')}")
            lines.append(self.signature(name, overload, method, given))
        return lines

    def signature(
        self, name: str, function: Callable[..., Any], method: bool, given_out: bool = False
    ) -> str:
        """A `def` line; with the parameter `out`, if the function was given one."""
        inplace = method and name.endswith("_") and not name.startswith("_")
        if inplace:
            function = _behind(name, function)
        signature = out.signature(function) if given_out else inspect.signature(function)
        parameters = list(signature.parameters.values())
        if name in _OPERATORS:
            parameters = [p for p in parameters if p.kind is not p.KEYWORD_ONLY]
        elif inplace:
            parameters = [p for p in parameters if p.name != "out"]
        texts: list[str] = []
        for place, parameter in enumerate(parameters):
            if parameter.kind is parameter.KEYWORD_ONLY and not any(t[0] == "*" for t in texts):
                texts.append("*")
            if method and place == 0:
                texts.append("cls" if name == "__new__" else "self")
            elif parameter.name == "others":
                texts.append("other: Any")
            else:
                texts.append(self.parameter(parameter, function))
        result = self.result(name, signature.return_annotation, function)
        return f"def {name}({', '.join(texts)}) -> {result}: ...{_IGNORE.get(name, '')}"

    def parameter(self, parameter: inspect.Parameter, function: Callable[..., Any]) -> str:
        """One parameter with its type and default."""
        kind = self.type(evaluated(parameter.annotation, function))
        text = f"{_STARS.get(parameter.kind, '')}{parameter.name}: {kind}"
        if parameter.default is parameter.empty:
            return text
        plain = parameter.default is None or isinstance(parameter.default, bool | int | float | str)
        return f"{text} = {_literal(parameter.default) if plain else '...'}"

    def result(self, name: str, annotation: Any, function: Callable[..., Any]) -> str:
        """The type of the result. An operator's NotImplemented is nothing that callers see."""
        if name == "__new__":
            return self.name("typing_extensions", "Self")
        value = evaluated(annotation, function)
        if value is Any and name in _OPERATORS:
            value = Tensor
        return self.type(value)

    def text(self, title: str, body: list[str]) -> str:
        """The whole file."""
        modules: dict[str, list[str]] = {}
        for module, name in sorted(self.imports):
            modules.setdefault(module, []).append(name)
        lines = [f"import {name}" for name in modules.pop("", [])]
        lines += [f"from {module} import {', '.join(names)}" for module, names in modules.items()]
        return "\n".join([HEADER.format(title=title), *lines, "", *body, ""])


_STARS: dict[Any, str] = {
    inspect.Parameter.VAR_POSITIONAL: "*",
    inspect.Parameter.VAR_KEYWORD: "**",
}
_OPERATORS = {name for name in ops.methods if name.startswith("__")}
# `==` of tensors is elementwise, which `object` does not foresee.
_IGNORE = dict.fromkeys(("__eq__", "__ne__"), "  # type: ignore[override]")


def _behind(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """What tells the parameters of an in-place method: the function that it is a form of, if it
    hands over whatever it gets, else itself."""
    kinds = [p.kind for p in inspect.signature(function).parameters.values()]
    if inspect.Parameter.VAR_POSITIONAL not in kinds:
        return function
    return inspect.unwrap(ops.functions.get(name.removesuffix("_"), function))


def evaluated(annotation: Any, function: Callable[..., Any]) -> Any:
    """The object that an annotation (text, as a rule) stands for.

    Raises:
        TypeError: there is none.
    """
    if annotation is inspect.Parameter.empty:
        raise TypeError(f"{function.__module__}.{function.__qualname__} lacks an annotation")
    if not isinstance(annotation, str):
        return annotation
    names = {**vars(sys.modules[function.__module__]), **EXTRA}
    for hidden in ("int", "float", "bool"):  # names of dtypes, in some modules
        names.pop(hidden, None)
    return eval(annotation, {"Any": Any, **names})


def _literal(value: Any) -> str:
    return repr(value).replace("'", '"')


def installed() -> dict[str, Any]:
    """What Tensor has that its class statement does not say."""
    return {
        name: value
        for name, value in sorted({**vars(Tensor), **ops.methods}.items())
        if _module_of(value) not in (None, Tensor.__module__)
    }


def _module_of(value: Any) -> str | None:
    if isinstance(value, property):
        value = value.fget
    if isinstance(value, staticmethod):
        value = value.__func__
    return inspect.unwrap(value).__module__ if isinstance(value, types.FunctionType) else None


def functions_stub() -> str:
    """`_functions.pyi`."""
    stub = Stub(taken=ops.functions)
    body = [
        "__all__: list[str] = [",
        *[f'    "{name}",' for name in sorted(ops.functions)],
        "]",
        "",
    ]
    for name, function in sorted(ops.functions.items()):
        body += stub.function(name, function)
    return stub.text("The functions of `corex.ops`.", body)


def methods_stub() -> str:
    """`_methods.pyi`."""
    found = installed()
    stub = Stub(taken={*found, *vars(Tensor)})
    body = ["class TensorMethods:", "    __array_priority__: int"]
    for name, value in found.items():
        if isinstance(value, property):
            body += _property(stub, name, value)
        else:
            function = value.__func__ if isinstance(value, staticmethod) else value
            body += [f"    {line}" for line in stub.function(name, function, method=True)]
    return stub.text("What is installed on Tensor.", body)


def _property(stub: Stub, name: str, value: property) -> list[str]:
    assert value.fget is not None
    lines = ["@property", stub.signature(name, value.fget, method=True)]
    if value.fset is not None:
        lines += [f"@{name}.setter", stub.signature(name, value.fset, method=True)]
    return [f"    {line}" for line in lines]


def stubs() -> dict[str, str]:
    """File name -> text."""
    return {"_functions.pyi": functions_stub(), "_methods.pyi": methods_stub()}


def main() -> None:
    """Writes the files, and the names in families of ops, by which the others are found."""
    late_names.path().write_text(late_names.written())
    for name, text in stubs().items():
        (Path(corex.__file__).parent / name).write_text(text)


if __name__ == "__main__":
    main()
