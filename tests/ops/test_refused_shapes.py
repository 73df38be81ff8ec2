"""What PyTorch refuses though a looser reading of the arguments would do."""

from __future__ import annotations

import pytest

import corex

F = corex.nn.functional


def test_a_window_of_one_number_is_not_one_of_two() -> None:
    x = corex.ones(2, 4, 5, 6)
    for arguments in (((1,),), (2, (1,)), (2, 1, [1]), (2, 1, 1, (1, 1, 1))):
        with pytest.raises(RuntimeError, match="equals to 2, but got size"):
            F.unfold(x, *arguments)
    with pytest.raises(RuntimeError, match="output_size equals to 2, but got size 1"):
        F.fold(corex.ones(2, 4, 9), (4,), 2)
    assert F.unfold(x, [2, 1]).shape == (2, 8, 24)


def test_a_tensor_is_no_sequence_of_tensors_to_stack() -> None:
    with pytest.raises(TypeError, match="must be tuple of Tensors, not Tensor"):
        corex.stack(corex.ones(2, 2))  # type: ignore[arg-type]


def test_lstsq_takes_at_most_one_dim_less_and_none_more() -> None:
    for a, b in (((3, 4), (2, 3, 5)), ((2, 2, 3, 4), (3, 5))):
        with pytest.raises(RuntimeError, match="must be greater or equal to other.dim()"):
            corex.linalg.lstsq(corex.ones(*a), corex.ones(*b))


@pytest.mark.parametrize("dtype", [corex.float16, corex.bfloat16])
def test_pinv_has_no_half_precision(dtype: corex.dtype) -> None:
    with pytest.raises(RuntimeError, match="float, double, cfloat or cdouble"):
        corex.linalg.pinv(corex.ones(2, 2, dtype=dtype))


def test_a_view_needs_a_size_or_a_dtype() -> None:
    with pytest.raises(TypeError, match=r"view\(\) received an invalid combination"):
        corex.ones(1).view()
    assert corex.ones(1).view(()).shape == ()


@pytest.mark.parametrize("p", [1.5, -0.5])
def test_attention_refuses_a_dropout_that_is_no_probability(p: float) -> None:
    x = corex.ones(1, 2, 3)
    with pytest.raises(RuntimeError, match="between 0 and 1"):
        F.scaled_dot_product_attention(x, x, x, None, p)
