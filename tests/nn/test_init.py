"""Initial values: ranges, moments and exact fillings."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import corex
from corex import nn
from corex.nn import init


def fresh(*shape: int) -> Any:
    corex.manual_seed(3)
    return corex.empty(shape, dtype=corex.float64)


UNIFORM = [
    (lambda t: init.uniform_(t, -3.0, 1.0), -3.0, 1.0),
    (lambda t: init.xavier_uniform_(t, 2.0), -2 * math.sqrt(6 / 130), 2 * math.sqrt(6 / 130)),
    (lambda t: init.kaiming_uniform_(t), -math.sqrt(6 / 50), math.sqrt(6 / 50)),
    (lambda t: init.kaiming_uniform_(t, mode="fan_out", nonlinearity="tanh"),
     -5 / 3 * math.sqrt(3 / 80), 5 / 3 * math.sqrt(3 / 80)),
]  # fmt: skip
NORMAL = [
    (lambda t: init.normal_(t, 2.0, 0.5), 2.0, 0.5),
    (lambda t: init.xavier_normal_(t), 0.0, math.sqrt(2 / 130)),
    (lambda t: init.kaiming_normal_(t, a=1.0), 0.0, 1 / math.sqrt(50)),
]


@pytest.mark.parametrize(("fill", "low", "high"), UNIFORM)
def test_uniform(each_backend: str, fill: Any, low: float, high: float) -> None:
    tensor = fresh(80, 50)
    assert fill(tensor) is tensor
    values = tensor.numpy()
    assert low <= values.min() < low + 0.01 * (high - low)
    assert high >= values.max() > high - 0.01 * (high - low)
    assert values.mean() == pytest.approx((low + high) / 2, abs=0.02 * (high - low))
    assert values.var() == pytest.approx((high - low) ** 2 / 12, rel=0.05)


@pytest.mark.parametrize(("fill", "mean", "std"), NORMAL)
def test_normal(each_backend: str, fill: Any, mean: float, std: float) -> None:
    values = fill(fresh(80, 50)).numpy()
    assert values.mean() == pytest.approx(mean, abs=0.06 * std)
    assert values.std() == pytest.approx(std, rel=0.05)


def test_truncated_normal(each_backend: str) -> None:
    values = init.trunc_normal_(fresh(40, 50), 0.5, 1.0, -0.5, 1.5).numpy()
    assert values.min() >= -0.5
    assert values.max() <= 1.5
    assert values.mean() == pytest.approx(0.5, abs=0.05)
    with pytest.warns(UserWarning, match="more than 2 std"):
        init.trunc_normal_(fresh(2), 5.0, 1.0, 0.0, 2.9)


def test_exact_fillings(each_backend: str) -> None:
    assert init.ones_(fresh(2)).tolist() == [1.0, 1.0]
    assert init.zeros_(fresh(2)).tolist() == [0.0, 0.0]
    assert init.constant_(fresh(2), 0.5).tolist() == [0.5, 0.5]
    np.testing.assert_array_equal(init.eye_(fresh(3, 2)).numpy(), np.eye(3, 2))
    dirac = init.dirac_(fresh(4, 2, 3, 3), groups=2)
    assert dirac.sum().item() == 4
    x = corex.randn(1, 4, 5, 5, dtype=corex.float64)
    same = nn.functional.conv2d(x, dirac, padding=1, groups=2)
    np.testing.assert_allclose(same.numpy(), x.numpy())


@pytest.mark.parametrize("shape", [(4, 4), (3, 7), (7, 3), (6, 2, 2)])
def test_orthogonal(shape: tuple[int, ...]) -> None:
    matrix = init.orthogonal_(fresh(*shape), gain=2.0).numpy().reshape(shape[0], -1)
    small = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    np.testing.assert_allclose(small, 4 * np.eye(len(small)), atol=1e-10)


def test_sparse() -> None:
    values = init.sparse_(fresh(20, 5), 0.3).numpy()
    assert ((values == 0).sum(0) == 6).all()


@pytest.mark.parametrize(("name", "param", "gain"), [
    ("linear", None, 1), ("conv2d", None, 1), ("sigmoid", None, 1), ("tanh", None, 5 / 3),
    ("relu", None, math.sqrt(2)), ("selu", None, 0.75), ("leaky_relu", None, math.sqrt(2 / 1.0001)),
    ("leaky_relu", 1, 1),
])  # fmt: skip
def test_gain(name: str, param: Any, gain: float) -> None:
    assert init.calculate_gain(name, param) == pytest.approx(gain)


@pytest.mark.parametrize("call", [
    lambda: init.calculate_gain("other"), lambda: init.calculate_gain("leaky_relu", True),
    lambda: init.xavier_uniform_(corex.ones(3)), lambda: init.eye_(corex.ones(3)),
    lambda: init.kaiming_normal_(corex.ones(3, 3), mode="x"),
    lambda: init.orthogonal_(corex.ones(3)),
    lambda: init.dirac_(corex.ones(3)), lambda: init.dirac_(corex.ones(3, 3, 1), 2),
    lambda: init.sparse_(corex.ones(3), 0.5),
])  # fmt: skip
def test_misuse(call: Any) -> None:
    with pytest.raises(ValueError):
        call()


@pytest.mark.parametrize(("layer", "fan_in"), [
    (lambda: nn.Linear(16, 400), 16), (lambda: nn.Conv2d(4, 200, 3), 36),
    (lambda: nn.Conv1d(4, 200, 5), 20), (lambda: nn.Bilinear(16, 3, 200), 16),
])  # fmt: skip
def test_layers_start_uniform_in_one_over_root_fan_in(layer: Any, fan_in: int) -> None:
    corex.manual_seed(0)
    bound = 1 / math.sqrt(fan_in)
    for parameter in layer().parameters():
        values = np.abs(parameter.detach().numpy())
        assert 0.97 * bound < values.max() <= bound
        assert values.mean() == pytest.approx(bound / 2, rel=0.15)


def test_the_same_seed_gives_the_same_network_everywhere() -> None:
    found = []
    for name in ("reference_py", "cpu_c"):
        with corex.use_backend(name):
            corex.manual_seed(11)
            found.append(
                [
                    p.tolist()
                    for p in nn.Sequential(nn.Linear(5, 3), nn.Conv2d(1, 2, 3)).parameters()
                ]
            )
    assert found[0] == found[1]


def test_zero_elements_are_left_alone() -> None:
    with pytest.warns(UserWarning, match="no-op"):
        assert init.kaiming_uniform_(corex.empty(0, 3)).shape == (0, 3)


def test_older_names_warn_and_do_the_same() -> None:
    t = corex.empty(2, 3)
    with pytest.warns(FutureWarning, match=r"`nn.init.constant` is now deprecated"):
        assert corex.nn.init.constant(t, 2.0) is t
    assert t.tolist() == [[2.0] * 3] * 2
    with pytest.warns(FutureWarning, match="kaiming_normal_"):
        corex.nn.init.kaiming_normal(t)
