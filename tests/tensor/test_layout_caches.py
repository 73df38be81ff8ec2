"""What is remembered of a shape is not spoilt by an equal one of other numbers."""

from __future__ import annotations

import pytest

import corex
from corex.ops.shape.views import layout  # `corex.layout` is the class of layouts


@pytest.mark.parametrize("size", [977.0, 978.5, "979", None])
def test_sizes_that_are_no_integers_are_refused_and_not_remembered(size: object) -> None:
    for ask in (
        layout.numel,
        layout.contiguous_strides,
        layout.COUNT.__getitem__,
        layout.NBYTES[4].__getitem__,
        lambda shape: layout.broadcast_shapes("op", shape, shape),
        lambda shape: layout.broadcast_strides((1,), (1,), shape),
        lambda shape: layout.extent((2,), shape),
        corex.zeros,
    ):
        with pytest.raises(TypeError):
            ask((size,))


def test_a_float_is_equal_to_an_integer_and_yet_not_in_its_place() -> None:
    for wrong in (lambda: corex.zeros(983.0), lambda: corex.broadcast_shapes((983.0,), (1,))):
        with pytest.raises(TypeError):
            wrong()
    assert type(corex.zeros(983).nbytes) is int
    assert [type(size) for size in corex.broadcast_shapes((983,), (1,))] == [int]
    assert [type(size) for size in (corex.zeros(983) + corex.zeros(1)).shape] == [int]
    assert type(layout.numel((True, 983))) is int
