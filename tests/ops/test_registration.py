"""What a declaration beside a function makes of it, and that nothing is declared twice."""

from __future__ import annotations

from typing import Any

import pytest

import corex
from corex.ops import forms, registration
from corex.ops.registration import exported, function, method, tensor_property


@pytest.fixture
def empty_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, empty in (("DECLARATIONS", []), ("_taken", set())):
        monkeypatch.setattr(registration, name, empty)
    monkeypatch.setattr(forms, "DECLARATIONS", registration.DECLARATIONS)


def double(input: corex.Tensor) -> corex.Tensor:
    """Twice the input."""
    return input * 2


@pytest.mark.usefixtures("empty_tables")
def test_what_is_exported_is_a_function_and_a_method() -> None:
    assert exported("double", "twice", inplace=True)(double) is double
    functions, methods = forms.tables()
    assert sorted(functions) == ["double", "twice"]
    assert sorted(methods) == ["double", "double_", "twice", "twice_"]
    assert functions["twice"] is functions["double"] is methods["double"]
    assert functions["double"] is not double  # but a guard around it
    t = corex.ones(2)
    assert methods["twice_"](t) is t
    assert t.tolist() == [2.0, 2.0]


@pytest.mark.usefixtures("empty_tables")
def test_what_is_declared_for_one_place_is_not_in_the_other() -> None:
    function()(double)
    method("other")(double)
    functions, methods = forms.tables()
    assert (list(functions), list(methods)) == (["double"], ["other"])
    assert methods["other"].__qualname__ == "Tensor.other"


@pytest.mark.usefixtures("empty_tables")
def test_a_quick_function_is_what_users_call() -> None:
    exported("both", quick=True)(double)
    exported("one", quick="method")(double)
    functions, methods = forms.tables()
    assert functions["both"] is methods["both"] is methods["one"] is double
    assert functions["one"] is not double


@pytest.mark.usefixtures("empty_tables")
def test_a_property() -> None:
    @tensor_property("half", "part", doc="Half of it.")
    def half(self: corex.Tensor) -> corex.Tensor:
        return self / 2

    _, methods = forms.tables()
    assert methods["half"] is methods["part"]
    assert methods["half"].fget is half
    assert methods["half"].__doc__ == "Half of it."


@pytest.mark.usefixtures("empty_tables")
@pytest.mark.parametrize(
    "again",
    [
        exported(),
        function("double"),
        function("other", "double"),
        method("twice"),
        method("double_"),
        exported("doubl", "double_"),
        tensor_property("twice", doc=""),
    ],
)
def test_a_name_is_declared_once(again: Any) -> None:
    exported("double", "twice", inplace=True)(double)
    with pytest.raises(ValueError, match="is declared twice"):
        again(double)


@pytest.mark.usefixtures("empty_tables")
def test_a_function_and_a_method_of_one_name_may_differ() -> None:
    function()(double)
    method("double")(lambda self: self)


def test_everything_declared_is_there() -> None:
    for declared in registration.DECLARATIONS:
        for name in declared.names:
            assert not declared.function or name in corex.ops.functions
            assert not declared.method or name in corex.ops.methods
        for name in declared.inplace_names:
            assert name in corex.ops.methods


@pytest.mark.parametrize("table", ["functions", "methods"])
def test_second_names_are_the_same_object(table: str) -> None:
    found = getattr(corex.ops, table)
    kind = "function" if table == "functions" else "method"
    for declared in registration.DECLARATIONS:
        if getattr(declared, kind):
            assert len({id(found[name]) for name in declared.names}) == 1
