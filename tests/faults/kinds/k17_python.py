"""Operators with foreign operands, named tuples of results, samples of every structure."""

from __future__ import annotations

import collections
import operator
import types
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import corex
from corex.utils.data import DataLoader, default_collate, default_convert

KIND = "17: foreign operands, names of results and containers of samples were not Python's own way"

SYMBOLS = {
    "add": "add", "sub": "sub", "mul": "mul", "truediv": "truediv", "floordiv": "floordiv",
    "mod": "mod", "pow": "pow", "matmul": "matmul", "and_": "and", "or_": "or", "xor": "xor",
    "lshift": "lshift", "rshift": "rshift",
}  # fmt: skip


class Foreign:
    """Answers every reflected operator with its name."""

    __array_ufunc__ = None


for _name in SYMBOLS.values():
    setattr(Foreign, f"__r{_name}__", lambda self, other, name=_name: f"r{name}")


def _left_to_the_other(op: str) -> None:
    tensor = corex.tensor([4, 2, 3])
    assert getattr(operator, op)(tensor, Foreign()) == f"r{SYMBOLS[op]}"
    assert getattr(tensor, f"__{SYMBOLS[op]}__")(Foreign()) is NotImplemented
    if op != "matmul":
        in_place = getattr(operator, f"i{op.strip('_')}")
        assert in_place(tensor.clone(), Foreign()) == f"r{SYMBOLS[op]}"


def _reflected_with_tensors(op: str) -> None:
    a, b = corex.tensor([4, 2, 3]), corex.tensor([1, 3, 2])
    found = getattr(a, f"__r{SYMBOLS[op]}__")(b)
    assert found.tolist() == getattr(operator, op)(b, a).tolist()


def _refused(op: str, other: Any) -> None:
    for call in (getattr(operator, op), getattr(operator, f"i{op.strip('_')}")):
        with pytest.raises(TypeError, match="unsupported operand|to an index"):
            call(corex.tensor([1, 2]), other)


def _equality_with_arrays(dtype: str) -> None:
    tensor, array = corex.tensor([1.0, 2.0, 3.0]), np.array([1, 5, 3]).astype(dtype)
    for found in (tensor == array, array == tensor):
        assert isinstance(found, corex.Tensor)
        assert found.dtype is corex.bool
        assert found.tolist() == [True, False, True]
    for found in (tensor != array, array != tensor):
        assert found.tolist() == [False, True, False]
    rows = corex.ones(2, 3) == np.ones(3, dtype)
    assert rows.tolist() == [[True] * 3] * 2
    with pytest.raises(RuntimeError, match="shape"):
        _ = tensor == np.ones(2, dtype)


def _unlike_arrays() -> None:
    """What has no numbers is simply not equal, as two objects of different types are."""
    tensor = corex.ones(2)
    for other in (np.array(["a", "b"]), np.array([None, None]), np.str_("a")):
        assert tensor.__eq__(other) is NotImplemented
        assert tensor.__ne__(other) is NotImplemented
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        matrix = np.matrix([[1.0, 2.0]])
    assert (tensor == matrix).tolist() == [[True, False]]
    assert (tensor == np.ma.array([1.0, 2.0])).tolist() == [True, False]


def _quotient_of_an_array() -> None:
    assert (np.array([1.0, 6.0]) / corex.tensor([2.0, 3.0])).tolist() == [0.5, 2.0]


def _old_division() -> None:
    a = corex.tensor([1.0, 2.0])
    assert a.__div__(2).tolist() == [0.5, 1.0]
    assert a.__rdiv__(2).tolist() == [2.0, 1.0]
    assert a.__idiv__(2) is a
    assert a.tolist() == [0.5, 1.0]


def _named(name: str, arguments: tuple[Any, ...], fields: str) -> None:
    x = corex.tensor([[3.0, 1.0, 2.0]])
    for found in (getattr(corex, name)(x, *arguments), getattr(x, name)(*arguments)):
        first, second = fields.split()
        wanted = f"corex.return_types.{name}(\n{first}={found[0]!r},\n{second}={found[1]!r})"
        assert repr(found) == wanted
        assert type(found) is getattr(corex.return_types, name)
        assert isinstance(found, tuple)
        assert getattr(found, second) is found[1]


Point = collections.namedtuple("Point", "x y")


class Pair(dict[str, Any]):
    """Its constructor wants something else than entries."""

    def __init__(self, a: Any, b: Any) -> None:
        super().__init__(a=a, b=b)


def _collated(samples: list[Any], wanted: Any, convert: bool) -> None:
    if convert:
        (found,) = DataLoader(samples[:1], batch_size=None)
        assert type(found) is type(default_convert(samples[0]))
    else:
        (found,) = DataLoader(samples, batch_size=len(samples))
        assert type(found) is type(default_collate(samples))
    assert type(found) is wanted, type(found)


def _defaultdict() -> None:
    samples = [collections.defaultdict(list, a=1, b=[1.0, 2.0]) for _ in range(3)]
    found = default_collate(samples)
    assert found.default_factory is list
    assert found["a"].tolist() == [1, 1, 1]
    assert [place.tolist() for place in found["b"]] == [[1.0] * 3, [2.0] * 3]
    assert samples[0]["a"] == 1


def _namedtuple() -> None:
    found = default_collate([Point((1, 2), {"k": 1}), Point((3, 4), {"k": 2})])
    assert found.x[1].tolist() == [2, 4]
    assert found.y["k"].tolist() == [1, 2]
    converted = default_convert(Point(np.ones(2), "a"))
    assert isinstance(converted.x, corex.Tensor)
    assert converted.y == "a"


CONTAINERS: dict[str, tuple[list[Any], type, type]] = {
    "defaultdict": ([collections.defaultdict(list, a=1)] * 2, *[collections.defaultdict] * 2),
    "OrderedDict": ([collections.OrderedDict(a=1)] * 2, *[collections.OrderedDict] * 2),
    "Counter": ([collections.Counter("aab")] * 2, *[collections.Counter] * 2),
    "UserDict": ([collections.UserDict(a=1)] * 2, *[collections.UserDict] * 2),
    "read-only mapping": ([types.MappingProxyType({"a": 1})] * 2, *[types.MappingProxyType] * 2),
    "odd dict": ([Pair(1, 2)] * 2, Pair, Pair),
    "namedtuple": ([Point(1, 2.0)] * 2, Point, Point),
    "tuple": ([(1, 2.0)] * 2, list, list),
    "list": ([[1, "a"]] * 2, list, list),
    "UserList": ([collections.UserList([1, 2])] * 2, *[collections.UserList] * 2),
    "deque": ([collections.deque([1, 2])] * 2, *[collections.deque] * 2),
    "range": ([range(3)] * 2, list, list),
    "str": (["ab", "c"], list, str),
    "array": ([np.ones(2)] * 2, corex.Tensor, corex.Tensor),
}


def cases(backend: str) -> Iterator[tuple[str, Callable[[], None]]]:
    for op in SYMBOLS:
        yield f"{op} of a tensor and an object that knows", lambda op=op: _left_to_the_other(op)
        if op != "matmul":
            yield f"reflected {op} of two tensors", lambda op=op: _reflected_with_tensors(op)
            for other in (None, "x", [1, 2], {}, object()):
                if op != "mod":  # which strings have
                    kind = type(other).__name__
                    yield f"{op} of a tensor and a {kind}", lambda op=op, o=other: _refused(op, o)
    for dtype in ("float64", "float32", "int64", "uint8"):
        yield f"equality with {dtype} arrays", lambda dtype=dtype: _equality_with_arrays(dtype)
    yield "equality with what has no numbers", _unlike_arrays
    yield "array / tensor", _quotient_of_an_array
    yield "division's old names", _old_division
    for name, arguments in {"max": (1,), "min": (1,), "median": (1,), "kthvalue": (1,)}.items():
        yield f"result of {name}", lambda n=name, a=arguments: _named(n, a, "values indices")
    yield "result of sort", lambda: _named("sort", (), "values indices")
    yield "result of topk", lambda: _named("topk", (2,), "values indices")
    yield "result of aminmax", lambda: _named("aminmax", (), "min max")
    for name, (samples, batch, single) in CONTAINERS.items():
        yield f"batch of {name}", lambda s=samples, t=batch: _collated(s, t, False)
        yield f"sample that is a {name}", lambda s=samples, t=single: _collated(s, t, True)
    yield "entries of a defaultdict", _defaultdict
    yield "fields of a named tuple", _namedtuple
