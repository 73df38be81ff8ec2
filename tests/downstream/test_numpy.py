"""NumPy's functions over tensors."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest

import corex
from tests.downstream.comparing import ARRAYS, TENSORS, check

DATA = {
    "t": np.arange(6.0).reshape(2, 3), "i": np.arange(6).reshape(2, 3), "m": np.eye(2, 3) > 0,
    "h": np.array([0.5, 1], np.float16), "c": np.array([1 + 2j, 3]),
}  # fmt: skip

GIVE_TENSORS = """
np.add(t, t)
np.add(t, 1)
np.multiply(t, 2.5)
np.sin(t)
np.isnan(t)
np.greater(t, 1)
np.sqrt(i)
np.divmod(i, 2)
np.modf(t)
np.sum(t)
np.sum(t, axis=0)
np.mean(t, axis=1)
np.mean(t)
np.max(t)
np.min(t)
np.argmax(t)
np.argmax(t, axis=1)
np.argmin(t, axis=0)
np.argsort(t)
np.prod(t)
np.cumsum(t)
np.cumsum(t, axis=1)
np.cumprod(t, axis=0)
np.all(t)
np.any(t, axis=0)
np.clip(t, 1, 3)
np.round(t)
np.transpose(t)
np.transpose(t,(1,0))
np.squeeze(t[None])
np.swapaxes(t, 0, 1)
np.repeat(t, 2)
np.repeat(t, 2, axis=1)
np.take(t, [0,1])
np.take(t, [0,1], axis=1)
np.add.reduce(t)
np.add.reduce(t, axis=None)
np.add.accumulate(t)
np.multiply.reduce(t)
np.searchsorted(t[0], 1.5)
np.split(t, 2)
np.real(t)
np.float64(2) * t
np.float32(2) ** t
np.float64(2) > t
np.int64(2) * i
np.array(2.) * t
np.array(2.) > t
np.exp(h)
np.add(h, h)
np.add(c, c)
np.abs(c)
np.real(c)
np.logical_not(m)
np.invert(m)
np.bitwise_and(i, 1)
np.ptp(t)
np.conj(t)
np.permute_dims(t, (1, 0))
np.vecdot(t, t)
np.isfinite(t)
np.maximum(t, 1)
np.hypot(t, t)
np.power(t, 2)
np.power(2, t)
np.mod(t, 2)
np.ldexp(t, i)
np.copysign(t, -1)
np.sign(t)
np.heaviside(t, 0.5)
np.frexp(t)
np.linspace(t[0, 0], t[0, 1], 3)
np.apply_along_axis(sum, 0, t)
np.std(t)
np.std(t, axis=0)
np.var(t, ddof=1)
np.var(t, axis=1, keepdims=True)
""".strip().split("\n")
"""Universal functions, and those that call the method of the tensor."""

GIVE_ARRAYS = """
np.asarray(t)
np.array(t)
np.array(t, dtype=np.float32)
np.asarray(t, copy=False)
np.array([t, t])
np.array([t[0], t[1]])
np.array(list(t[0]))
np.stack([t, t])
np.concatenate([t, t])
np.vstack([t,t])
np.sort(t)
np.dot(t, t.T)
np.ravel(t)
np.diagonal(t)
np.trace(t)
np.where(t>1)
np.unique(t)
np.histogram(t)
np.full_like(t, 1)
np.zeros_like(t)
np.ones_like(t)
np.linalg.norm(t)
np.linalg.svd(t)[1]
np.linalg.det(t[:, :2])
np.fft.fft(t)
np.add.outer(t[0], t[1])
np.interp([0.5], t[0], t[1])
np.polyfit(t[0], t[1], 1)
np.percentile(t, 50)
np.median(t)
np.quantile(t, [0.2, 0.4])
np.expand_dims(t, 0)
np.roll(t, 1)
np.pad(t, 1)
np.tile(t, 2)
np.atleast_2d(t[0])
np.column_stack([t[0], t[1]])
np.meshgrid(t[0], t[1])
np.isin(t, [0., 2.])
np.nan_to_num(t)
np.imag(t)
np.from_dlpack(t)
np.ma.masked_array(t, mask=m)
np.asfortranarray(t)
np.ascontiguousarray(t)
np.asanyarray(t)
np.require(t, requirements=["C"])
np.array(t, ndmin=3)
np.array(t, copy=True, order="F")
np.array([t[0,0], t[0,1]], dtype=float)
np.full(3, t[0,1])
np.arange(i[0,0], i[1,0])
np.zeros(i[0, 1])
np.zeros((i[0, 1], i[0,2]))
np.nansum(t)
np.cov(t)
np.corrcoef(t)
np.gradient(t)
np.diff(t)
np.cross(t, t)
np.trapezoid(t)
np.convolve(t[0], t[1])
np.count_nonzero(t)
np.flatnonzero(t)
np.digitize(t, [1, 2])
np.bincount(i[0])
np.lexsort((t[0], t[1]))
np.packbits(m)
np.angle(t)
np.matrix_transpose(t)
np.cumulative_sum(t, axis=0)
""".strip().split("\n")
"""Those that convert."""


@pytest.mark.parametrize("call", GIVE_TENSORS)
@pytest.mark.filterwarnings("ignore")
def test_functions_that_give_tensors(call: str) -> None:
    check(call, {"np": np}, DATA, TENSORS)


@pytest.mark.parametrize("call", GIVE_ARRAYS)
@pytest.mark.filterwarnings("ignore")
def test_functions_that_give_arrays(call: str) -> None:
    check(call, {"np": np}, DATA, ARRAYS)


def test_functions_named_as_methods_do_as_the_methods() -> None:
    """NumPy calls the tensor's method, which is PyTorch's."""
    t = corex.from_numpy(DATA["t"])
    assert np.max(t, axis=1)[0].tolist() == [2.0, 5.0]
    assert np.nonzero(t).tolist() == t.nonzero().tolist()
    assert np.argwhere(t).tolist() == t.nonzero().T.tolist()
    assert np.size(t)() == (2, 3)


def test_refused() -> None:
    t = corex.from_numpy(DATA["t"])
    with pytest.raises(ValueError, match="step must be greater than zero"):
        np.flip(t)
    with pytest.raises(TypeError, match="should be a NumPy array"):
        np.astype(t, np.float32)
    with pytest.raises(TypeError):
        np.unstack(t)
    with pytest.raises(TypeError, match="unsupported operand"):
        np.ones((2, 3)) * t
    with pytest.raises(TypeError, match="bytes-like"):
        np.frombuffer(t)


def test_output_into_arrays_and_back() -> None:
    t, into = corex.from_numpy(DATA["t"].copy()), np.zeros((2, 3))
    np.sin(t, out=into)
    np.testing.assert_allclose(into, np.sin(DATA["t"]))
    np.copyto(into, t)
    into[:] = t * 2
    into[0] = t[1]
    into += t.numpy()
    assert into.tolist() == [[3.0, 5.0, 7.0], [9.0, 12.0, 15.0]]
    t[0] = corex.from_numpy(into[1])
    assert t[0].tolist() == [9.0, 12.0, 15.0]


def test_indices_and_numbers() -> None:
    i, t = corex.tensor([2, 0]), corex.tensor([[True, False], [False, True]])
    data = np.arange(3) * 10
    assert data[i].tolist() == [20, 0]
    assert data[i[0]] == 20
    assert np.arange(4).reshape(2, 2)[t].tolist() == [0, 3]
    assert [10, 20, 30][i[0]] == 30
    assert math.sqrt(corex.tensor(4.0)) == 2.0
    assert np.float64(corex.tensor(1.5)) == 1.5
    assert np.isscalar(corex.tensor(1.5).item())


def test_files() -> None:
    t = corex.from_numpy(DATA["t"])
    buffer = io.BytesIO()
    np.savez(buffer, t=t)
    buffer.seek(0)
    assert corex.equal(corex.from_numpy(np.load(buffer)["t"]), t)
    text = io.StringIO()
    np.savetxt(text, t)
    text.seek(0)
    assert np.loadtxt(text).tolist() == t.tolist()


def test_comparisons_of_the_test_module() -> None:
    t = corex.from_numpy(DATA["t"])
    np.testing.assert_allclose(t, DATA["t"])
    np.testing.assert_array_equal(t, t)
    assert np.allclose(t, DATA["t"])
    assert np.array_equal(t, DATA["t"])
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(t, t + 1)
