"""Every sample call with an argument of a wrong type, or of an impossible value.

Of a wrong type: what happens is success or an exception that a caller can understand, never what
an inner line happened to stumble over. Of a wrong value: PyTorch's type of exception.
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import corex
import corex.nn.functional as F
from corex.utils import data
from tests.sweeps.argument_calls import outcome, table
from tests.sweeps.calls import CALLS, Call, replaced, run, slots

WRONG: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "text": lambda: "text",
    "object": object,
    "empty list": list,
    "tensors": lambda: [corex.ones(2), corex.ones(2)],
    "dict": dict,
    "function": lambda: lambda: 0,
    "fraction": lambda: 1.5,
    "tensor": lambda: corex.ones(3, 4, dtype=corex.float64),
    "array": lambda: np.ones((3, 4)),
    "seven": lambda: 7,
    "negative": lambda: -9,
}

# What says something about the arguments. (An AssertionError is PyTorch's for padding_idx.)
UNDERSTOOD = (TypeError, ValueError, IndexError, RuntimeError)
PYTORCHS = {
    ("embedding", "AssertionError"),
    ("multi_head_attention_forward", "AssertionError"),
}

# Calls that do not tell the argument by its name, though its type is wrong: function -> why.
KNOWN: dict[str, str] = {}


def _names() -> list[str]:
    return sorted({f"{call.where} {call.name}" for call in CALLS})


def _tries(name: str) -> Iterator[tuple[Call, str, Call]]:
    """(the call as it is, what is wrong, the call with it) of a function, also as a method."""
    for call in CALLS:
        if f"{call.where} {call.name}" != name:
            continue
        for slot in slots(call, tensors=True):
            if slot.key == 0 and call.where == "method":
                continue
            for kind, make in WRONG.items():
                yield call, f"{slot.key}: {kind}", replaced(call, slot, make())


@pytest.mark.parametrize("name", _names())
def test_wrong_types_are_told(name: str) -> None:
    nonsense = defaultdict(list)
    for call, what, wrong in _tries(name):
        error = run(wrong, corex).error
        if error is None or (name.split()[1], type(error).__name__) in PYTORCHS:
            continue
        if not isinstance(error, UNDERSTOOD) or isinstance(error, RecursionError):
            nonsense[call.text].append(f"{what}: {type(error).__name__}: {error}")
    assert not nonsense


@pytest.mark.parametrize("name", _names())
def test_a_tensor_that_is_none_is_named(name: str) -> None:
    """Another thing where a tensor belongs: a TypeError with the function and the argument."""
    for call, what, wrong in _tries(name):
        slot = next(s for s in slots(call, tensors=True) if str(s.key) == what.split(":")[0])
        tensor_first = slot.key == 0 and call.where != "method" and call.name not in _NOT_FIRST
        if not (tensor_first and what.endswith(("object", "function", "text", "dict"))):
            continue
        error = run(wrong, corex).error
        if error is None:
            continue
        assert isinstance(error, TypeError), f"{call.text}, {what}: {error!r}"
        assert call.name in str(error) or "argument" in str(error), f"{call.text}: {error}"


_NOT_FIRST = frozenset(
    call.name for call in CALLS if not call.args or not hasattr(call.args[0], "name")
)


@pytest.mark.parametrize(("call", "kind"), table())
def test_impossible_values(each_backend: str, call: str, kind: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found, message = outcome(call, corex, F, data)
    assert found == kind, message


@pytest.mark.parity
def test_the_kinds_are_pytorchs() -> None:
    import torch
    import torch.utils.data

    wrong = []
    for call, kind in table():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found, _ = outcome(call, torch, torch.nn.functional, torch.utils.data)
        if found != kind:
            wrong.append((call, found))
    assert not wrong
