"""Clipping gradients; parameters as one vector."""

from __future__ import annotations

import math

import numpy as np
import pytest

import corex
from corex import nn
from corex.nn import utils


def with_gradients() -> list[nn.Parameter]:
    parameters = [nn.Parameter(corex.zeros(2, 2)), nn.Parameter(corex.zeros(1))]
    parameters[0].grad = corex.tensor([[3.0, 0.0], [0.0, -4.0]])
    parameters[1].grad = corex.tensor([12.0])
    return [*parameters, nn.Parameter(corex.zeros(3))]


@pytest.mark.parametrize(("norm", "total"), [(2.0, 13.0), (1.0, 19.0), (math.inf, 12.0)])
def test_clip_grad_norm(each_backend: str, norm: float, total: float) -> None:
    parameters = with_gradients()
    assert utils.clip_grad_norm_(parameters, 1.0, norm).item() == pytest.approx(total)
    assert utils.clip_grad_norm_(parameters, 9.0, norm).item() == pytest.approx(1.0, rel=1e-4)
    assert parameters[1].grad is not None
    assert parameters[1].grad.item() == pytest.approx(12 / total, rel=1e-4)


def test_clip_grad_norm_of_nothing_and_of_infinity() -> None:
    assert utils.clip_grad_norm_([], 1.0).item() == 0
    parameters = with_gradients()
    parameters[1].grad = corex.tensor([math.inf])
    with pytest.raises(RuntimeError, match="non-finite"):
        utils.clip_grad_norm_(parameters, 1.0, error_if_nonfinite=True)


def test_clip_grad_value(each_backend: str) -> None:
    parameters = with_gradients()
    utils.clip_grad_value_(parameters, 3.5)
    assert parameters[0].grad is not None
    assert parameters[0].grad.tolist() == [[3.0, 0.0], [0.0, -3.5]]


def test_vectors(each_backend: str) -> None:
    layer = nn.Linear(2, 3)
    vector = utils.parameters_to_vector(layer.parameters())
    assert vector.shape == (9,)
    utils.vector_to_parameters(corex.arange(9.0), layer.parameters())
    np.testing.assert_array_equal(layer.weight.detach().numpy(), np.arange(6.0).reshape(3, 2))
    assert layer.bias is not None
    assert layer.bias.tolist() == [6.0, 7.0, 8.0]
    with pytest.raises(TypeError, match="expected corex.Tensor"):
        utils.vector_to_parameters([1.0], layer.parameters())  # type: ignore[arg-type]
