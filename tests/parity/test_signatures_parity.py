"""Functions and methods take PyTorch's arguments: by the same names, in the same order, with the
same defaults. PyTorch's come from its stubs, of functions in Python from themselves, and of those
that its parts (`linalg`, `fft`, ...) have in C++ from their schemas."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

import corex
import corex.fft
import corex.linalg
import corex.masked
import corex.nn.functional
import corex.signal.windows
import corex.special
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


# ---- PyTorch's parts -----------------------------------------------------------------------------
PARTS = {
    "linalg": (torch.linalg, corex.linalg),
    "fft": (torch.fft, corex.fft),
    "special": (torch.special, corex.special),
    "signal.windows": (torch.signal.windows, corex.signal.windows),
    "masked": (torch.masked, corex.masked),
}


def _of_schema(space: str, name: str) -> tuple[list[Form], bool]:
    """The forms of a function of a part that is an op, and whether it takes `out`."""
    packet = getattr(torch.ops.aten, f"{space}_{name}")
    schemas = [getattr(packet, form)._schema for form in packet.overloads()]
    found = []
    for schema in schemas:
        given = schema.arguments
        if any(a.is_out for a in given) or "Dimname" in str(schema):
            continue
        found.append(
            tuple(
                [
                    Parameter(
                        "input" if a.name == "self" else a.name,
                        repr(a.default_value) if a.has_default_value() else "",
                        a.kwarg_only,
                    )
                    for a in given
                ]
            )
        )
    return found, any(a.is_out for schema in schemas for a in schema.arguments)


def of_part(space: str, name: str) -> tuple[list[Form], bool]:
    """The forms of a function of a part of PyTorch, and whether it takes `out`."""
    function = getattr(PARTS[space][0], name)
    if inspect.isfunction(function):
        return [_written(function)], False
    return _of_schema(space, name)


def part_differences(space: str, name: str) -> str:
    """What a caller of a part's function would meet, of the form that is nearest: as
    `differences`, and what goes by keyword alone, has to be given, or is not taken."""
    forms, takes_out = of_part(space, name)
    own = list(inspect.signature(getattr(PARTS[space][1], name)).parameters.values())
    known = {p.name: p for p in own}
    found = []
    for form in forms:
        texts = [text for text in _of_form(form, own) if not text.startswith("argument 1")]
        for p in form[1:]:
            mine = known.get(p.name) or known.get(_OTHER_NAMES.get(p.name, ""))
            if mine is None:
                continue
            if p.keyword and mine.kind is not mine.KEYWORD_ONLY:
                texts.append(f"{p.name} is taken by position")
            if not p.default and mine.default is not mine.empty:
                texts.append(f"{p.name} may be left out")
        if takes_out and "out" not in known:
            texts.append("no out")
        found.append("; ".join(texts))
    return min(found, key=len)


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
    return mine == theirs or (
        isinstance(mine, tuple) and list(mine) in (theirs, [theirs] * len(mine))
    )


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


PART_EXCEPTIONS = {
    "linalg.matrix_rank": "one function for the forms with `tol` and with `atol` and `rtol`",
    "linalg.pinv": "one function for the forms with `rcond` and with `atol` and `rtol`",
    "linalg.matrix_exp": "PyTorch's takes it where it is called as an op alone",
}
"""Functions of parts whose arguments differ -> why."""


@pytest.mark.parametrize("space", PARTS)
def test_arguments_of_parts_are_those_of_pytorch(space: str) -> None:
    theirs, ours = PARTS[space]
    wrong = {}
    for name in dir(theirs):
        function = getattr(theirs, name)
        if name[0] == "_" or not hasattr(ours, name) or isinstance(function, type):
            continue
        if callable(function) and (text := part_differences(space, name)):
            wrong[f"{space}.{name}"] = text
    known = {name for name in PART_EXCEPTIONS if name.startswith(f"{space}.")}
    assert {n: t for n, t in wrong.items() if n not in known} == {}
    assert known <= set(wrong)


@pytest.mark.parametrize(
    "call",
    [
        "linalg.cholesky(input=m)", "linalg.cholesky(x=m)", "linalg.cholesky(a=m)",
        "linalg.norm(input=m, axis=0, keepdims=True)", "linalg.matrix_norm(x=m)",
        "linalg.lstsq(input=m, b=m).solution", "linalg.tensorsolve(m, other=m[0])",
        "linalg.vander(m[0], 3)", "linalg.vander(m[0], N=3)", "linalg.vecdot(m, m, axis=0)",
        "special.airy_ai(x=m)", "special.chebyshev_polynomial_t(x=m, n=m)", "special.softmax(m)",
        "special.softmax(m, 0, f64)", "special.log_softmax(m)", "special.log_softmax(m, 0, f64)",
        "special.log_softmax(m, axis=0, dtype=f64)", "special.logsumexp(m, axis=0, keepdims=True)",
        "fft.fft(x=m, axis=0)", "fft.fftfreq(4, layout=strided, pin_memory=False)",
        "linalg.lstsq(m, m, driver='gelsd', out=(o, p, q, r))[3]",
    ],
)  # fmt: skip
def test_calls_by_other_names(call: str) -> None:
    found: list[Any] = []
    for library in (corex, torch):
        known = {"m": library.eye(3) * 2, "f64": library.float64, "strided": library.strided}
        for name in "opqr":
            known[name] = library.empty(0, dtype=library.int64 if name == "q" else library.float32)
        try:
            value = eval(f"library.{call}", {"library": library, **known})
            found.append((str(value.dtype).split(".")[1], value.tolist()))
        except TypeError:
            found.append(TypeError)
    assert found[0] == found[1] or np.allclose(found[0][1], found[1][1])
