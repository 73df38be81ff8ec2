"""`out=`: what is returned, what is refused, and that nothing is written then."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

import corex


def test_a_result_goes_to_the_tensor_given() -> None:
    out = corex.empty(2, 3)
    version = out._version
    assert corex.cumsum(corex.ones(2, 3), 1, out=out) is out
    assert out.tolist() == [[1.0, 2.0, 3.0]] * 2
    assert out._version > version


def test_an_empty_one_takes_the_shape_of_the_result() -> None:
    out = corex.empty(0)
    corex.diag(corex.ones(2), out=out)
    assert out.tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_several_results_keep_their_names() -> None:
    values, indices = corex.empty(2), corex.empty(2, dtype=corex.int64)
    found = corex.sort(corex.tensor([2.0, 1.0]), out=(values, indices))
    assert found.values is values
    assert found.indices is indices
    assert type(found) is type(corex.sort(values))
    assert (values.tolist(), indices.tolist()) == ([1.0, 2.0], [1, 0])


A = corex.tensor([[1.0, 2.0], [3.0, 4.0]])
LONG = corex.int64


@pytest.mark.parametrize(
    ("call", "out", "error", "words"),
    [
        (lambda out: corex.cumsum(A, 1, out=out), "text", TypeError, "must be Tensor, not str"),
        (lambda out: corex.cumsum(A, 1, out=out), (A, A), TypeError, "Tensor, not tuple of 2"),
        (lambda out: corex.sum(A, 1, out=out), [1], TypeError, "sum.*must be Tensor, not list"),
        (lambda out: corex.sort(A, out=out), A, TypeError, "tuple of 2 Tensors, not Tensor"),
        (lambda out: corex.sort(A, out=out), (A,), TypeError, "2 Tensors, not tuple of 1"),
        (lambda out: corex.add(A, 1, out=out), A[0].expand(3, 2), RuntimeError, "single memory"),
        (lambda out: corex.argmax(A, 1, out=out), A[0], RuntimeError, "int64.*float32"),
        (lambda out: corex.erfc(A, out=out), A.long(), RuntimeError, "can't be cast"),
        (lambda out: corex.trace(A, out=out), A, TypeError, "unexpected keyword argument 'out'"),
        (lambda out: A.clone().clamp_(0, out=out), A, TypeError, "'out'"),
        (lambda out: A.clone().eq_(0, out=out), A, TypeError, "'out'"),
    ],
)
def test_what_is_no_place_for_the_result(call: Any, out: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        call(out)


def test_an_output_of_another_shape_is_resized() -> None:
    whole = corex.zeros(8)
    out = whole[2:4]
    with pytest.warns(UserWarning, match=r"resized since it had shape \[2\], .* shape \[2, 2\]"):
        assert corex.add(A.t(), 1, out=out) is out
    assert (out.shape, out.stride(), out.storage_offset()) == ((2, 2), (1, 2), 2)
    assert whole.tolist() == [0, 0, 2, 3, 4, 5, 0, 0]  # in the memory that the output has
    with pytest.warns(UserWarning, match="resized"):
        corex.cat([A, A], out=out)
    assert out.tolist() == [*A.tolist(), *A.tolist()]
    assert whole.tolist() == [0, 0, 2, 3, 4, 5, 0, 0]  # which had not the room
    values, indices = corex.empty(0), corex.zeros(2, 3, dtype=LONG)
    with pytest.warns(UserWarning, match="resized"):
        corex.sort(A, out=(values, indices))
    assert indices.tolist() == [[0, 1], [0, 1]]
    with pytest.warns(UserWarning, match="resized"), corex.no_grad():
        assert corex.exp(A, out=corex.zeros(3, requires_grad=True)).requires_grad
    assert corex.full((3,), 2.0, out=out).tolist() == [2, 2, 2]  # not told, as in PyTorch


def test_nothing_is_written_when_one_of_several_does_not_fit() -> None:
    values, indices = corex.full((2, 2), 7.0), corex.full((2, 2), 7.0)
    with pytest.raises(RuntimeError, match="int64"):
        corex.sort(A, out=(values, indices))
    assert values.tolist() == [[7.0, 7.0], [7.0, 7.0]]


def test_messages_for_other_arguments_are_as_without_out() -> None:
    wrong: Any = "x"
    with pytest.raises(TypeError, match=r"cumsum\(\): argument 'input' must be Tensor"):
        corex.cumsum(wrong, 0, out=corex.empty(0))


def test_gradients_are_not_recorded() -> None:
    a = A.clone().requires_grad_()
    with pytest.raises(RuntimeError, match="don't support automatic"):
        corex.cumsum(a, 0, out=corex.empty(0))
    with corex.no_grad():
        assert not corex.cumsum(a, 0, out=corex.empty(0)).requires_grad


def test_new_tensors_follow_out() -> None:
    out = corex.empty(3, dtype=corex.float64, backend="reference_py")
    assert corex.rand(3, out=out) is out
    assert 0 <= out.min().item() <= out.max().item() < 1
    assert corex.rand(3, out=out, requires_grad=True).requires_grad
    with pytest.raises(RuntimeError, match="float32.*float64"):
        corex.randn(3, dtype=corex.float32, out=out.detach())
    with pytest.raises(RuntimeError):
        corex.cumsum(corex.ones(3, dtype=corex.float64, backend="cpu_c"), 0, out=out.detach())


@pytest.mark.parametrize("name", ["cumsum", "sum", "where", "max"])
def test_signatures_show_it(name: str) -> None:
    function = corex.ops.functions[name]
    assert inspect.signature(function).parameters["out"].default is None


def test_a_sum_of_truth_values_is_one() -> None:
    assert corex.sum(A - 1, 1, dtype=corex.bool).tolist() == [True, True]
    assert corex.prod(A - 1, 1, dtype=corex.bool).tolist() == [False, True]
    assert corex.sum(A * 0, dtype=corex.bool).tolist() is False


@pytest.mark.parametrize("op", [corex.any, corex.all])
def test_truth_goes_to_bool_and_to_bytes(op: Any) -> None:
    for data in (corex.tensor([True, True]), corex.tensor([1, 2], dtype=corex.uint8)):
        for dtype in (corex.bool, corex.uint8):
            assert op(data, out=corex.zeros((), dtype=dtype)).item() == 1
        with pytest.raises(RuntimeError, match="only supports bool tensor for result, got: Float"):
            op(data, out=corex.zeros(()))
