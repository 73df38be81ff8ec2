"""Functions and methods take PyTorch's arguments: by the same names, in the same order, with the
same defaults. PyTorch's come from its stubs, and of functions in Python from themselves."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import torch

import corex
import corex.nn.functional
from corex.formats import preserve_format
from corex.ops.guard import _NO_CHOICE, _OTHER_NAMES

HOME = Path(torch.__file__).parent / "_C"


class Parameter(NamedTuple):
    """One of a form of a function: `default` is its text, or '' if there is none."""

    name: str
    default: str
    keyword: bool = False
    several: bool = False


Form = tuple[Parameter, ...]


# ---- PyTorch's -----------------------------------------------------------------------------------
def _form(node: ast.FunctionDef) -> Form:
    found = []
    given = [*node.args.posonlyargs, *node.args.args]
    defaults = [None] * (len(given) - len(node.args.defaults)) + list(node.args.defaults)
    for argument, default in zip(given, defaults, strict=True):
        found.append(Parameter(argument.arg, ast.unparse(default) if default else ""))
    if node.args.vararg:
        found.append(Parameter(node.args.vararg.arg, "", several=True))
    for argument, other in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
        found.append(Parameter(argument.arg, ast.unparse(other) if other else "", True))
    return tuple(found)


@cache
def _stub(file: str, place: str) -> dict[str, list[Form]]:
    """The forms of all functions of a stub, or of a class in it."""
    body: Any = ast.parse((HOME / file).read_text()).body
    if place:
        body = next(n for n in body if isinstance(n, ast.ClassDef) and n.name == place).body
    found: dict[str, list[Form]] = {}
    for node in body:
        if isinstance(node, ast.FunctionDef):
            found.setdefault(node.name, []).append(_form(node))
    return found


def _written(function: Any) -> Form:
    """The form of a function in Python."""
    kinds = inspect.Parameter
    return tuple(
        [
            Parameter(
                p.name,
                "" if p.default is p.empty else repr(p.default),
                p.kind is kinds.KEYWORD_ONLY,
                p.kind is kinds.VAR_POSITIONAL,
            )
            for p in inspect.signature(function).parameters.values()
            if p.kind is not kinds.VAR_KEYWORD
        ]
    )


def forms(space: str, name: str) -> list[Form]:
    """What PyTorch's function takes; nothing if nothing tells."""
    home = {"": torch, "Tensor": torch.Tensor, "F": torch.nn.functional}[space]
    stub = {"": ("_VariableFunctions.pyi", ""), "Tensor": ("__init__.pyi", "TensorBase")}.get(space)
    if space == "F":
        stub = ("_nn.pyi", "")
    own = getattr(home, name, None)
    if inspect.isfunction(own) and (space == "F" or not (stub and name in _stub(*stub))):
        return [_written(own)]
    found = _stub(*stub).get(name, []) if stub else []
    if not found and space == "F":
        found = _stub("_VariableFunctions.pyi", "").get(name, [])
    return found


# ---- corex's -------------------------------------------------------------------------------------
_FREE = {
    "input",
    "self",
    "tensor",
    "out",
    "names",
    "layout",
    "pin_memory",
    "memory_format",
    "device",
}


def differences(space: str, name: str, function: Any) -> list[str]:
    """What a caller in PyTorch's terms would meet, of each form of the function."""
    own = list(inspect.signature(function).parameters.values())
    found = []
    for form in forms(space, name):
        texts = list(_of_form(form, own))
        if not texts:
            return []
        found.append("; ".join(texts))
    return found[:1] if found else []


def _of_form(form: Form, own: list[inspect.Parameter]) -> Iterator[str]:
    names = {p.name: p for p in own}
    takes_any = any(p.kind is p.VAR_KEYWORD for p in own)
    places = [p for p in own if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    rest = any(p.kind is p.VAR_POSITIONAL for p in own)
    for i, p in enumerate([p for p in form if not p.keyword]):
        if p.several:
            break
        if i >= len(places):
            if not rest:
                yield f"no argument {i + 1} ({p.name})"
            continue
        mine = places[i]
        known = mine.name in (p.name, _OTHER_NAMES.get(p.name.rstrip("_")))
        if i and not known:
            yield f"argument {i + 1} is {mine.name}, PyTorch {p.name}"
    for p in form:
        mine = names.get(p.name) or names.get(_OTHER_NAMES.get(p.name.rstrip("_"), ""))
        if mine is None:
            if not (p.name in _FREE or p.name in _NO_CHOICE or takes_any or p.several):
                yield f"no {p.name}"
            continue
        if p.default and mine.default is mine.empty and mine.kind is not mine.VAR_POSITIONAL:
            yield f"{p.name} has no default, PyTorch {p.default}"
        elif p.default and mine.default is not mine.empty and not _same(mine.default, p.default):
            yield f"{p.name}={mine.default!r}, PyTorch {p.default}"


def _same(mine: Any, text: str) -> bool:
    if text == "..." or mine is preserve_format:
        return True
    try:
        theirs = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return repr(mine).replace("corex.", "torch.") == text or text.endswith(f"{mine!r}")
    if mine is None and theirs in (None, (), 0, False, -1):
        return theirs is None or theirs == ()
    return mine == theirs or (isinstance(mine, tuple) and set(mine) == {theirs})


def named() -> Iterator[tuple[str, str, Any]]:
    """Every public function and method that both have."""
    for name in sorted({*corex.__all__, *corex._SECOND_NAMES}):
        value = getattr(corex, name, None)
        if callable(value) and not isinstance(value, type) and hasattr(torch, name):
            yield "", name, value
    for name in dir(corex.Tensor):
        value = getattr(corex.Tensor, name)
        if callable(value) and hasattr(torch.Tensor, name) and not name.startswith("_"):
            yield "Tensor", name, value
    for name in corex.nn.functional.__all__:
        if hasattr(torch.nn.functional, name):
            yield "F", name, getattr(corex.nn.functional, name)


_REDUCTION = "the stub says 1; called without it PyTorch computes 0, every loss by itself"
_FORMAT = "PyTorch itself takes it by keyword alone"

EXCEPTIONS: dict[str, str] = {
    **dict.fromkeys(
        "binary_cross_entropy_with_logits cosine_embedding_loss ctc_loss hinge_embedding_loss "
        "kl_div margin_ranking_loss triplet_margin_loss".split(),
        _REDUCTION,
    ),
    **dict.fromkeys(
        "Tensor.contiguous Tensor.cpu Tensor.cuda Tensor.is_contiguous Tensor.new_tensor tensor "
        "F.gelu Tensor.requires_grad_".split(),
        _FORMAT,
    ),
    "load": "a file of corex's own holds tensors alone, and is mapped by the caller",
    "save": "a file of corex's own holds tensors alone",
    "norm": "out goes by keyword",
    "tensordot": "out goes by keyword",
    "F.normalize": "out goes by keyword",
    "Tensor.new": "PyTorch's is no method, but a function of class and tensor",
    "result_type": "takes any number of operands, as NumPy's",
}
"""Names, with their namespace, whose arguments differ -> why."""


def test_arguments_are_those_of_pytorch() -> None:
    wrong = {}
    for space, name, function in named():
        if texts := differences(space, name, function):
            wrong[f"{space}.{name}".lstrip(".")] = texts[0]
    assert {n: t for n, t in wrong.items() if n not in EXCEPTIONS} == {}
    assert set(EXCEPTIONS) <= set(wrong)
