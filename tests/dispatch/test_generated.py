"""Functions and signatures that are made when somebody asks for them."""

from __future__ import annotations

import copy
import inspect
import pickle
import threading
from typing import Any

import pytest

import corex
from corex.generated import NAME, Signature, function_of, function_when_called


def ready() -> Any:
    raise NotImplementedError


def first(a: int, *, b: int = 2) -> int:
    return ready()(a, b=b)  # type: ignore[no-any-return]


def made(written: list[int]) -> Any:
    def write(scope: dict[str, Any]) -> str:
        written.append(1)
        scope["ten"] = 10
        return f"def {NAME}(a, *, b=2):\n    return ten * a + b, shared, {NAME!r}\n"

    return function_when_called(first, "sample", "a test", write, {"shared": "all"})


def test_a_function_is_written_at_its_first_call() -> None:
    written: list[int] = []
    function = made(written)
    assert not written
    assert inspect.signature(function) == inspect.signature(first)
    assert (function.__name__, function.__qualname__) == ("sample", "sample")
    with pytest.raises(TypeError, match=r"^sample\(\) missing 1 required positional argument: 'a'"):
        function()
    assert not written
    assert [function(1), function(2, b=3)] == [(12, "all", "sample"), (23, "all", "sample")]
    assert written == [1]
    assert function.__code__.co_filename == "<a test>"
    with pytest.raises(TypeError, match=r"^sample\(\) missing 1 required positional argument: 'a'"):
        function()


def test_it_is_the_same_function_as_one_that_is_made_at_once() -> None:
    late, source = made([]), f"def {NAME}(a, *, b=2):\n    return ten * a + b, shared, {NAME!r}\n"
    at_once = function_of(source, "sample", "a test", {"ten": 10}, {"shared": "all"})
    late(1)
    assert late.__code__ == at_once.__code__


def test_several_threads_may_be_first() -> None:
    for _ in range(20):
        function, start, found = made([]), threading.Barrier(4), []

        def call(run: Any = function, wait: Any = start.wait, found: list[Any] = found) -> None:
            wait()
            found.append(run(1))

        threads = [threading.Thread(target=call) for _ in range(4)]
        [t.start() for t in threads]
        [t.join() for t in threads]
        assert found == [(12, "all", "sample")] * 4


LOOKS = {
    "str": str,
    "repr": repr,
    "hash": lambda s: hash(s.replace(parameters=[])),
    "parameters": lambda s: [(n, p.kind, p.default) for n, p in s.parameters.items()],
    "result": lambda s: s.return_annotation,
    "replace": lambda s: str(s.replace(return_annotation=int)),
    "bind": lambda s: s.bind(1, b=2).arguments,
    "bind_partial": lambda s: s.bind_partial().args,
    "equal": lambda s: (s == inspect.signature(first), inspect.signature(first) == s),
    "pickle": lambda s: str(pickle.loads(pickle.dumps(s))),
    "copy": lambda s: str(copy.copy(s)),
}


@pytest.mark.parametrize("name", LOOKS)
def test_a_signature_is_made_when_it_is_looked_at(name: str) -> None:
    asked: list[int] = []

    def make() -> inspect.Signature:
        asked.append(1)
        return inspect.signature(first)

    late = Signature(make)
    assert isinstance(late, inspect.Signature)
    assert not asked
    assert LOOKS[name](late) == LOOKS[name](inspect.signature(first))
    assert asked == [1]
    assert type(late) is inspect.Signature
    assert LOOKS[name](late) == LOOKS[name](inspect.signature(first))
    assert asked == [1]


def test_public_functions_show_out() -> None:
    shown = inspect.signature(corex.sum)
    assert list(shown.parameters)[-1] == "out"
    assert inspect.signature(corex.Tensor.sum).parameters.keys() == shown.parameters.keys()
