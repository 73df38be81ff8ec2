"""SciPy over tensors: what supports the array API gives tensors back, everything else arrays."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import (
    cluster,
    constants,
    differentiate,
    fft,
    integrate,
    interpolate,
    linalg,
    ndimage,
    optimize,
    signal,
    spatial,
    special,
    stats,
)  # fmt: skip
from scipy.optimize import elementwise
from scipy.spatial.transform import RigidTransform, Rotation, Slerp

import corex
from tests.downstream import scipy_calls
from tests.downstream.comparing import ARRAYS, check, environments

NAMES = {
    "cluster": cluster, "constants": constants, "differentiate": differentiate, "fft": fft,
    "integrate": integrate, "interpolate": interpolate, "linalg": linalg, "ndimage": ndimage,
    "optimize": optimize, "signal": signal, "spatial": spatial, "special": special, "stats": stats,
    "elementwise": elementwise, "RigidTransform": RigidTransform, "Rotation": Rotation,
    "Slerp": Slerp, "np": np,
}  # fmt: skip
_random = np.random.default_rng(0)
_x = np.linspace(0.1, 0.9, 24).reshape(4, 6)
DATA = {
    "x": _x, "v": _x[0], "w": _x[1], "c": _x[0] + 1j * _x[1], "f4": _x.astype(np.float32),
    "n": _random.normal(size=40), "m": _random.normal(size=40), "k": np.array([0.25, 0.5, 0.25]),
    "sq": _x[:, :4] + 3 * np.eye(4), "spd": _x[:, :4] @ _x[:, :4].T + 3 * np.eye(4),
    "i": np.arange(6), "lab": np.array([0, 1, 0, 1]), "b": _x[0] > 0.2,
    "im": np.outer(np.arange(8.0), np.arange(8.0) % 3),
}  # fmt: skip


@pytest.mark.parametrize("call", scipy_calls.TENSORS)
def test_tensors(call: str) -> None:
    check(call, NAMES, DATA)


@pytest.mark.parametrize("call", scipy_calls.OF_THE_DEFAULT_DTYPE)
def test_of_the_default_dtype(call: str) -> None:
    check(call, NAMES, DATA, dtypes=False)


@pytest.mark.parametrize("call", scipy_calls.ARRAYS)
def test_arrays(call: str) -> None:
    check(call, NAMES, DATA, ARRAYS)


def test_single_precision_stays() -> None:
    check("fft.fft(f4)", NAMES, DATA, rtol=1e-5)
    check("special.expit(f4)", NAMES, DATA, rtol=1e-6)
    check("ndimage.gaussian_filter(f4, 1.0)", NAMES, DATA, rtol=1e-5)


def test_gradients_go_through_functions_made_of_the_array_api() -> None:
    x = corex.tensor(_x, requires_grad=True)
    special.logsumexp(x, axis=1).sum().backward()
    expected = special.softmax(_x, axis=1)
    np.testing.assert_allclose(x.grad.numpy(), expected, rtol=1e-12)


def test_special_functions_are_our_own() -> None:
    v = corex.tensor(_x[0], requires_grad=True)
    special.expit(v).sum().backward()
    s = special.expit(_x[0])
    np.testing.assert_allclose(v.grad.numpy(), s * (1 - s), rtol=1e-12)


REFUSED = {
    # It steps backwards, which PyTorch's tensors and ours refuse.
    "signal.correlate(n, k)": ValueError,
    "signal.wiener(n)": ValueError,
    # It reads an attribute or calls a method that NumPy's arrays alone have.
    "linalg.bandwidth(sq)": AttributeError,
    "signal.argrelmax(n)": TypeError,
    # It mixes arrays of its own with what it was given.
    "interpolate.PchipInterpolator(v, w)(v)": TypeError,
    "signal.peak_widths(n, signal.find_peaks(n)[0])": TypeError,
}


@pytest.mark.parametrize("call", REFUSED)
def test_refused(call: str) -> None:
    over_arrays, over_tensors = environments(NAMES, DATA)
    assert eval(call, over_arrays) is not None
    with pytest.raises(REFUSED[call]):
        eval(call, over_tensors)
