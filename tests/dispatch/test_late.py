"""Errors that a device finds later are told with the calls that may have caused them."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

import corex
from corex.backend import Traits
from corex.plugins import manager
from tests.testing import flawed
from tests.testing.test_traits import Late

DEVICE = "flawed"


@pytest.fixture(autouse=True)
def late() -> Iterator[None]:
    plugin = flawed.Plugin(lambda: Late(Traits(errors="deferred")))
    manager.register(plugin, "flawed")
    yield
    manager.unregister(plugin)


def told(error: BaseException) -> str:
    return "\n".join([str(error), *getattr(error, "__notes__", [])])


def test_an_index_out_of_range_names_op_shapes_and_line() -> None:
    with corex.use_backend("flawed"):
        a = corex.ones(2, 3)
        line = sys._getframe().f_lineno + 1
        found = a[corex.tensor([5])]
        a.exp()
        with pytest.raises(IndexError, match="index 5 is out of bounds") as caught:
            found.tolist()
    text = told(caught.value)
    assert "kernel 'index' of backend 'flawed'" in text
    assert "float32 (2, 3)" in text
    assert f"test_late.py:{line}" in text
    assert "exp" not in text


def test_integer_division_is_noted_and_synchronize_tells() -> None:
    with corex.use_backend("flawed"):
        a = corex.tensor([1, 2])
        _ = a // corex.tensor([1, 0])
        with pytest.raises(ZeroDivisionError) as caught:
            corex.synchronize()
        assert "kernel 'floor_divide'" in told(caught.value)


def test_what_was_waited_for_is_told_no_more() -> None:
    with corex.use_backend("flawed"):
        a = corex.ones(2, 3)
        first = a[corex.tensor([1])]
        assert first.tolist() == [[1.0, 1.0, 1.0]]
        line = sys._getframe().f_lineno + 1
        a[corex.tensor([7])]
        with pytest.raises(IndexError) as caught:
            corex.accelerator.synchronize(first.device)
        later = told(caught.value).partition("found later")[2]
        assert later.count("kernel 'index'") == 1
        assert f"test_late.py:{line}" in told(caught.value)
        corex.synchronize()


def test_a_device_that_raises_in_order_notes_nothing() -> None:
    with corex.use_backend("cpu_c"):
        a = corex.ones(2)
        assert a.key.place.late is None
