"""Sample calls of every public function with something wrong about them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from tests.fuzz.cases.given import Source
from tests.sweeps.arguments import DTypeArg, Listed, TensorArg
from tests.sweeps.calls import CALLS, Call, exists

DRAWN = {"dropout"}
"""Whose results are random by default."""

CRASHES = {"ldl_solve", "lu_unpack", "sum_to_size"}
"""Where PyTorch's process ends by a wrong argument."""

WRONG_NUMBERS = ("19", "-19", "1.5", "'x'", "None", "[1, 2]", "10**20", "-1", "0", "True", "1j",
                 "lib.ones(2)", "nan", "(1,)")  # fmt: skip
WRONG_TENSORS = ("3", "None", "'x'", "[1., 2.]", "np.ones(3)", "1.5", "(1, 2)")
WRONG_OUTS = ("3", "lib.ones(2, dtype=lib.bool)", "lib.empty(0, dtype=lib.int8)", "[]")
OTHER_DTYPES = ("int64", "bool", "float32", "complex128", "float16", "uint8", "int32")


@lru_cache(maxsize=1)
def calls() -> list[tuple[Call, str]]:
    """The sample calls that both libraries have under one name, and how it is called."""
    import torch

    import corex

    found = []
    for call in CALLS:
        if (
            not exists(call, torch)
            or call.name.startswith("__")
            or not call.values
            or call.name in CRASHES | DRAWN
        ):
            continue
        place = {"method": "{0}.", "functional": "lib.nn.functional.", "function": "lib."}.get(
            call.where, f"lib.{call.where}."
        )
        if call.where == "function" and hasattr(torch.nn.functional, call.name):
            if not hasattr(corex.nn.functional, call.name):
                continue
            place = "lib.nn.functional."
        if call.where == "method" and not callable(getattr(torch.Tensor, call.name)):
            continue
        found.append((call, place))
    return found


def _tensor(argument: TensorArg, shape: list[int], dtype: str) -> str:
    number = len(argument.name) + ord(argument.name[0]) % 20
    kind = ", kind='apart'" if dtype in ("float32", "float64") else ""
    return f"new({tuple(shape)}, {dtype!r}, {number}{kind})"


class _Texts:
    """The arguments of a call as text; the tensors as lines that make them."""

    def __init__(self) -> None:
        self.lines: dict[str, str] = {}

    def of(self, argument: Any) -> str:
        if isinstance(argument, TensorArg):
            self.lines.setdefault(argument.name, given(argument))
            return argument.name
        if isinstance(argument, DTypeArg):
            return f"lib.{argument.name}"
        if isinstance(argument, Listed):
            inner = ", ".join([self.of(item) for item in argument.items])
            return f"[{inner}]" if argument.kind is list else f"({inner},)"
        return repr(argument.value)


def given(argument: TensorArg) -> str:
    """The text of a tensor argument as the sweeps have it."""
    array = argument.array()
    if array.dtype.kind in "iub":
        return f"lib.from_numpy(np.array({array.tolist()}, dtype=np.{array.dtype.name}))"
    return _tensor(argument, list(array.shape), array.dtype.name)


def _mistaken(source: Source, texts: _Texts, argument: Any) -> str:
    """An argument's text with something wrong about it."""
    if not isinstance(argument, TensorArg):
        return source.pick(WRONG_NUMBERS)
    array = argument.array()
    shape, dtype = list(array.shape), array.dtype.name
    kind = source.pick(("size", "rank", "dtype", "type", "empty"))
    if kind == "type":
        return source.pick(WRONG_TENSORS)
    if kind == "dtype":
        dtype = source.pick(OTHER_DTYPES)
    elif kind == "rank":
        shape = source.pick((shape[1:], [2, *shape], [*shape, 1]))
    elif kind == "empty" and shape:
        shape[source.below(len(shape))] = 0
    elif shape:
        shape[source.below(len(shape))] += source.pick((1, 2))
    texts.lines[argument.name] = _tensor(argument, shape, dtype)
    return argument.name


def wrong(source: Source) -> str:
    """A sample call with one argument changed, left out or added, or a wrong `out`."""
    call, place = source.pick(calls())
    texts = _Texts()
    positional = [texts.of(a) for a in call.args]
    keywords = {name: texts.of(a) for name, a in call.kwargs.items()}
    kind = source.pick(("argument", "argument", "argument", "fewer", "more", "keyword", "out"))
    slots = [*range(len(call.args)), *call.kwargs]
    if kind == "argument" and slots:
        at = source.pick(slots)
        if isinstance(at, str):
            keywords[at] = _mistaken(source, texts, call.kwargs[at])
        elif call.where != "method" or at or isinstance(call.args[0], TensorArg):
            text = _mistaken(source, texts, call.args[at])
            if call.where != "method" or at or text in texts.lines:
                positional[at] = text
    elif kind == "fewer" and len(positional) > (call.where == "method"):
        positional.pop()
    elif kind == "more":
        positional += [source.pick(WRONG_NUMBERS)]
    elif kind == "keyword":
        keywords[source.pick(("dimension", "foo", "inplace_"))] = "1"
    elif kind == "out":
        texts.lines["o_"] = source.pick(WRONG_OUTS)
        keywords["out"] = "o_"
    lines = [f"{name} = {text}" for name, text in texts.lines.items()]
    target = place.format(positional[0] if positional else "")
    passed = positional[1:] if call.where == "method" else positional
    passed = [*passed, *[f"{name}={text}" for name, text in keywords.items()]]
    return "\n".join([*lines, f"r = {target}{call.name}({', '.join(passed)})"])
