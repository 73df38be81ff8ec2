"""Copies, pickles and files of tensors."""

from __future__ import annotations

import copy
import json
import pickle
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import corex

KIND = "19: pickle and deepcopy lost attributes and layouts, damaged files raised the wrong type"

Duplicate = Callable[[Any], Any]


def _pickled(protocol: int) -> Duplicate:
    return lambda value: pickle.loads(pickle.dumps(value, protocol))


WAYS: dict[str, Duplicate] = {
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
    **{f"pickle {protocol}": _pickled(protocol) for protocol in range(2, 6)},
}


class Tagged(corex.nn.Parameter):
    """A subclass with attributes, one of them in a slot; its constructor cannot be guessed."""

    __slots__ = ("slotted",)

    def __new__(cls, tag: str, size: int) -> Tagged:
        made: Tagged = super().__new__(cls, corex.arange(float(size)))
        made.tag = tag
        made.slotted = [tag]
        return made


def _attributes(way: Duplicate, make: Callable[[], Any]) -> None:
    tensor = make()
    tensor.tag, tensor.info = "x", {"a": [1]}
    other = way(tensor)
    assert type(other) is type(tensor)
    assert other.tag == "x"
    assert other.info == {"a": [1]}
    assert (other.info is tensor.info) == (way is copy.copy)
    assert (other.requires_grad, other.dtype) == (tensor.requires_grad, tensor.dtype)
    assert other.is_leaf
    assert other.tolist() == tensor.tolist()
    other.more = 1
    assert not hasattr(tensor, "more")


def _subclass(way: Duplicate) -> None:
    other = way(Tagged("t", 3))
    assert type(other) is Tagged
    assert (other.tag, other.slotted) == ("t", ["t"])
    assert other.requires_grad
    assert other.tolist() == [0, 1, 2]


LAYOUTS: dict[str, Callable[[], Any]] = {
    "dense": lambda: corex.arange(6.0).reshape(2, 3),
    "transposed": lambda: corex.arange(6.0).reshape(2, 3).t(),
    "step and offset": lambda: corex.arange(9)[1::2],
    "expanded": lambda: corex.tensor([[1.0], [2.0]]).expand(2, 5),
    "0-d": lambda: corex.tensor(3.5, dtype=corex.float64),
    "entry": lambda: corex.arange(4)[2],
    "empty": lambda: corex.zeros(2, 0, 3),
    "empty at an offset": lambda: corex.zeros(2, 0, 3)[1],
    "bool": lambda: corex.tensor([True, False, True])[1:],
    "from NumPy": lambda: corex.from_numpy(np.arange(6, dtype=np.int32)[::2]),
}


def _layout(way: Duplicate, make: Callable[[], Any]) -> None:
    tensor = make()
    other = way(tensor)
    assert other.tolist() == tensor.tolist()
    assert (other.shape, other.stride()) == (tensor.shape, tensor.stride())
    assert other.storage_offset() == tensor.storage_offset()
    assert (other.dtype, other.device) == (tensor.dtype, tensor.device)
    if tensor.numel():
        shared = way is copy.copy
        assert (other.data_ptr() == tensor.data_ptr()) == shared
        assert (other.storage() is tensor.storage()) == shared


def _small() -> None:
    """What is stored is the memory, not the elements."""
    assert len(pickle.dumps(corex.ones(1).expand(1_000_000))) < 1000
    assert len(pickle.dumps(corex.ones(1000, 1).expand(1000, 1000))) < 6000
    base = corex.arange(10_000.0)
    assert len(pickle.dumps([base, base[5:], base.reshape(100, 100)])) < 42_000


def _sharing(way: Duplicate) -> None:
    base = corex.arange(6.0)
    first, second, third = way([base, base[2:], base.reshape(2, 3).t()])
    first[3] = 100.0
    assert second.tolist() == [2, 100, 4, 5]
    assert third.tolist() == [[0, 100], [1, 4], [2, 5]]
    assert base.tolist() == [0, 1, 2, 3, 4, 5]


def _tied(way: Duplicate) -> None:
    parameter = corex.nn.Parameter(corex.ones(2))
    first, second = way([parameter, parameter])
    assert first is second


def _gradient() -> None:
    tensor = corex.ones(2, requires_grad=True)
    tensor.grad = corex.full((2,), 3.0)
    assert copy.deepcopy(tensor).grad.tolist() == [3, 3]
    assert copy.deepcopy(tensor).grad is not tensor.grad
    assert pickle.loads(pickle.dumps(tensor)).grad is None
    parameter = corex.nn.Parameter(corex.ones(2))
    parameter.grad = corex.ones(2)
    assert copy.deepcopy(parameter).grad is None


def _results() -> None:
    """A result of a recorded op is not deep-copied, but pickled as a leaf."""
    result = corex.ones(2, requires_grad=True) * 2
    with pytest.raises(RuntimeError, match="graph leaves"):
        copy.deepcopy(result)
    other = pickle.loads(pickle.dumps(result))
    assert other.is_leaf
    assert other.requires_grad
    assert other.tolist() == [2, 2]


def _module(way: Duplicate) -> None:
    module = corex.nn.Linear(2, 2)
    module.register_buffer("seen", corex.zeros(2), persistent=False)
    module.weight.tag, module.seen.tag = 5, 6
    other = way(module)
    assert (other.weight.tag, other.seen.tag) == (5, 6)
    assert other.weight.tolist() == module.weight.tolist()
    assert type(other.seen) is type(module.seen)
    assert list(other.state_dict()) == ["weight", "bias"]


def _storage(way: Duplicate) -> None:
    storage = corex.arange(4).storage()
    other = way(storage)
    assert other is not storage
    assert other.tobytes() == storage.tobytes()


def _damaged(structure: Any, message: str) -> None:
    from safetensors.numpy import save_file

    arrays = {"whole": np.arange(3), "real": np.ones(2, np.float32), "flag": np.array([True])}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.safetensors"
        save_file(arrays, path, {"corex": json.dumps(structure)})
        with pytest.raises(ValueError, match=message):
            corex.load(path)


STRUCTURES: dict[str, Any] = {
    "integers that require gradients": {"tensor": "whole", "requires_grad": True},
    "bools that require gradients": {"list": [{"tensor": "flag", "requires_grad": True}]},
    "nested": [{"dict": [["a", {"tensor": "whole", "requires_grad": 1}]]}],
    "unknown tensor": {"tensor": "none"},
    "name that is a list": {"tensor": ["real"]},
    "unknown tag": {"set": []},
    "no tag": {},
    "two tags": {"tuple": [], "dict": []},
    "keys that cannot be": {"dict": [[{"dict": []}, 1]]},
    "not pairs": {"dict": [1]},
    "not a float": {"float": "x"},
    "float of a list": {"float": []},
    "tuple of a number": {"tuple": 3},
}


def cases(backend: str) -> Iterator[tuple[str, Callable[[], None]]]:
    makers: dict[str, Callable[[], Any]] = {
        "tensor": lambda: corex.arange(3),
        "leaf": lambda: corex.ones(2, requires_grad=True),
        "parameter": lambda: corex.nn.Parameter(corex.ones(2, 2)),
        "frozen parameter": lambda: corex.nn.Parameter(corex.ones(2), requires_grad=False),
        "buffer": lambda: corex.nn.Buffer(corex.ones(2)),
        "view": lambda: corex.arange(6.0)[2:],
    }
    for name, way in WAYS.items():
        for kind, make in makers.items():
            yield f"{name}: attributes of a {kind}", lambda w=way, m=make: _attributes(w, m)
        for layout, make in LAYOUTS.items():
            yield f"{name}: {layout}", lambda w=way, m=make: _layout(w, m)
        yield f"{name}: subclass", lambda w=way: _subclass(w)
        if name != "copy":
            yield f"{name}: shared memory", lambda w=way: _sharing(w)
            yield f"{name}: one parameter twice", lambda w=way: _tied(w)
            yield f"{name}: module", lambda w=way: _module(w)
            yield f"{name}: storage", lambda w=way: _storage(w)
    yield "size of a pickle", _small
    yield "gradients", _gradient
    yield "results", _results
    for name, structure in STRUCTURES.items():
        yield f"file: {name}", lambda s=structure: _damaged(s, "damaged")
