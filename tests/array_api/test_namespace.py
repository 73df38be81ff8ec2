"""How tensors lead to the namespace, and what it says of itself."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import corex
import corex.array_api as xp


@pytest.mark.parametrize("version", [None, "2021.12", "2022.12", "2023.12", "2024.12", "2025.12"])
def test_a_tensor_knows_its_namespace(version: str | None) -> None:
    assert corex.ones(2).__array_namespace__(api_version=version) is xp


@pytest.mark.parametrize("version", ["2020.12", "", 2024])
def test_unknown_versions_are_refused(version: object) -> None:
    with pytest.raises(ValueError, match="array API standard"):
        corex.ones(2).__array_namespace__(api_version=version)  # type: ignore[arg-type]


def test_it_is_loaded_when_it_is_touched() -> None:
    code = "import sys, corex; assert 'corex.array_api' not in sys.modules; corex.array_api.pi"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_special_functions_are_there_when_they_are_asked_for() -> None:
    code = (
        "import sys, corex; xp = corex.array_api; xp.pi; assert 'corex.special' not in sys.modules;"
        "assert xp.special.expit is corex.special.expit; assert not hasattr(xp, 'special_');"
        "assert all(callable(getattr(xp.special, name)) for name in xp.special.__all__);"
        "assert not hasattr(xp.special, 'gamma')"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_gradients_go_through_asarray() -> None:
    x = corex.ones(2, requires_grad=True)
    assert xp.asarray(x) is x
    assert xp.asarray(2 * x, dtype=xp.float64).grad_fn is not None


def test_dtypes_may_be_said_as_numpy_says_them() -> None:
    x = corex.ones(2)
    for said in ("float64", np.float64, np.dtype("f8")):
        assert xp.result_type(x, said) is xp.float64
        assert xp.astype(x, said).dtype is xp.float64
        assert xp.asarray([1], dtype=said).dtype is xp.float64
        assert xp.isdtype(said, "real floating")
    assert xp.result_type(xp.float32, "int8", 1.0) is xp.float32
    assert xp.astype(x, int).dtype is xp.int64
    for wrong in ("object", "f4", 3, object, np.dtype("U1"), [1]):
        with pytest.raises(TypeError, match="expected an array or a dtype"):
            xp.astype(x, wrong)


def test_to_device() -> None:
    x = corex.ones(2)
    assert x.to_device("cpu") is x
    assert x.to_device(x.device) is x
    with pytest.raises(ValueError, match="stream"):
        x.to_device("cpu", stream=1)


def test_what_is_named_is_there() -> None:
    for space in (xp, xp.linalg, xp.fft):
        names = space.__all__
        assert len(set(names)) == len(names)
        assert all(hasattr(space, name) for name in names)


def test_inspection() -> None:
    info = xp.__array_namespace_info__()
    assert corex.device("cpu") in info.devices()
    assert info.default_device() == corex.ones(1).device
    assert info.capabilities()["max dimensions"] is None
    assert info.default_dtypes()["complex floating"] is corex.complex64
    assert info.dtypes(kind="real floating") == {"float32": xp.float32, "float64": xp.float64}
    assert set(info.dtypes(kind=("bool", "signed integer"))) == {
        "bool", "int8", "int16", "int32", "int64",
    }  # fmt: skip
    with pytest.raises(ValueError, match="no kind 'real'"):
        info.dtypes(kind="real")


def test_gradients_flow() -> None:
    x = corex.tensor([[1.0, 2.0], [3.0, 5.0]], requires_grad=True)
    xp.sum(xp.matmul(x, xp.matrix_transpose(x)) * xp.exp(x)).backward()
    y = x.detach().requires_grad_()
    ((y @ y.T) * y.exp()).sum().backward()
    assert corex.equal(x.grad, y.grad)


def test_special_values_of_the_standard() -> None:
    """Those that array_api_strict, being NumPy, does not have."""
    end, two = xp.asarray([xp.inf, -xp.inf, 1.0, -1.0]), xp.asarray([2.0, 2.0, -xp.inf, xp.inf])
    assert str(xp.floor_divide(end, two).tolist()) == "[inf, -inf, -0.0, -0.0]"
    assert xp.isnan(xp.sign(xp.asarray(xp.nan)))
    assert str(xp.tanh(xp.asarray(complex(xp.inf, 3.0))).item()) == "(1+0j)"
    assert str(xp.expm1(xp.asarray(complex(xp.inf, 0.0))).item()) == "(inf+0j)"


def test_scalars_of_numpy_are_numbers() -> None:
    x = xp.asarray([1, 2], dtype=xp.float32)
    for number in (np.float64(3), np.int64(3), np.float32(3)):
        assert xp.maximum(x, number).dtype is xp.float32
        assert xp.where(xp.asarray([True, False]), number, x).tolist() == [3.0, 2.0]
        assert xp.result_type(x, number) is xp.float32


OF_ONE_ARRAY = "sum prod max mean all var cumulative_sum nonzero unique_all abs".split()


@pytest.mark.parametrize("name", OF_ONE_ARRAY)
def test_lists_are_no_arrays(name: str) -> None:
    with pytest.raises(TypeError):
        getattr(xp, name)([1.0, 2.0])


def test_isin_inverted() -> None:
    x = xp.asarray([1, 2, 3])
    assert xp.isin(x, xp.asarray([2, 5]), invert=True).tolist() == [True, False, True]
    assert xp.isin(x, 2, invert=True).tolist() == [True, False, True]


DIFFERENTIABLE = {
    "prod": lambda x: xp.prod(x, axis=(0, 1)),
    "std": lambda x: xp.std(x, axis=0, correction=1),
    "clip": lambda x: xp.clip(x, 1.25, 4),
    "maximum": lambda x: xp.maximum(x, 2.5),
    "floor_divide": lambda x: x * xp.floor_divide(x, 2),
    "cumulative_sum": lambda x: xp.cumulative_sum(x, axis=1, include_initial=True),
    "take_along_axis": lambda x: xp.take_along_axis(x, xp.asarray([[0, -1]]), axis=1),
    "diff": lambda x: xp.diff(x, prepend=x, axis=0),
    "cross": lambda x: xp.linalg.cross(x, x[0]),
    "vector_norm": lambda x: xp.linalg.vector_norm(x, axis=()),
    "unstack": lambda x: xp.unstack(x, axis=1),
    "concat": lambda x: xp.concat([x, x], axis=None),
    "where": lambda x: xp.where(x > 2, x, 1.0),
    "rfft": lambda x: corex.view_as_real(xp.fft.rfft(x)),
    "expm1": lambda x: corex.view_as_real(xp.expm1(x + 1j * xp.flip(x))),
    "tanh": lambda x: corex.view_as_real(xp.tanh(x + 1j * xp.flip(x))),
    "sign": lambda x: corex.view_as_real(xp.sign(x + 1j * xp.flip(x))),
    "eigvalsh": lambda x: xp.linalg.eigvalsh(x.mT @ x),
}


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_derivatives(name: str) -> None:
    x = corex.tensor([[1.5, 2.25, 3.125], [0.5, 4.75, 1.0]], dtype=xp.float64, requires_grad=True)
    assert corex.autograd.gradcheck(DIFFERENTIABLE[name], x)
