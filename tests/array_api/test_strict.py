"""`corex.array_api` against `array_api_strict`, which is the standard on NumPy and nothing else.

Each call of calls.txt is made with both, on the same values and for dtypes of each of its kinds;
values, dtypes, shapes and the number of results must agree.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import array_api_strict as strict
import numpy as np
import pytest

import corex
import corex.array_api as xp

KINDS = {
    "b": ["bool"],
    "i": ["int8", "int16", "int32", "int64"],
    "u": ["uint8", "uint16", "uint32", "uint64"],
    "f": ["float32", "float64"],
    "c": ["complex64", "complex128"],
}
DTYPES = [name for names in KINDS.values() for name in names]
MIDDLE = {"int16", "int32", "uint16"}  # of which promotion alone is tested
SPECIAL = [np.inf, -np.inf, np.nan, 0.0, -0.0, np.nan, 1.5]


def rows() -> Iterator[tuple[str, str]]:
    """(kinds, call) of each call in the table."""
    for line in Path(__file__).with_name("calls.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            kinds, _, calls = line.partition(" ")
            yield from ((kinds, call) for call in re.split(r";\s*", calls))


ROWS = list(rows())


# ---- what the calls are made on ------------------------------------------------------------------
def arrays(dtype: str) -> dict[str, Any]:
    """The values behind the names: x and y of shape (2, 3), and so on."""
    random = np.random.default_rng(3)

    def some(*shape: int, low: int = 0) -> Any:
        values = random.integers(low, 7, shape).astype("complex128" if dtype[0] == "c" else "f8")
        if dtype[0] in "fc":
            values = values + random.random(shape)
        if dtype[0] == "c":
            values = values + 1j * random.random(shape)
        return np.asarray(values).astype(dtype)

    low = 0 if dtype[0] in "ub" else -4
    square = some(2, 3, 3, low=low)
    found = {
        "x": some(2, 3, low=low),
        "y": some(2, 3, low=low),
        "p": some(2, 3, low=1),
        "s": some(),
        "v": some(6, low=low),
        "w": some(3),
        "m": square,
        "h": square,
        "e": np.empty((0, 3), dtype),
        "z": np.empty(0, dtype),
        "i": np.asarray([2, 0, 0]),
        "j": np.asarray([[2, 0], [1, -1]]),
        "mask": random.random((2, 3)) > 0.5,
    }
    if dtype[0] in "fc":
        eye = np.eye(3, dtype=dtype)
        found["m"] = square + 5 * eye
        found["h"] = (square @ square.conj().swapaxes(-1, -2) + eye).astype(dtype)
        found["z"] = np.asarray(SPECIAL, dtype)
    return found


class Space(dict[str, Any]):
    """The names that a call may use: a namespace's and those of the arrays."""

    def __init__(self, namespace: ModuleType, values: dict[str, Any]) -> None:
        super().__init__({name: namespace.asarray(value) for name, value in values.items()})
        self.namespace = namespace
        self["whole"] = self.whole

    def __missing__(self, name: str) -> Any:
        return getattr(self.namespace, name)

    def whole(self, values: Any, vectors: Any) -> Any:
        """The matrices with these eigenvalues and eigenvectors."""
        back = self.namespace.conj(self.namespace.matrix_transpose(vectors))
        return self.namespace.matmul(vectors * values[..., None, :], back)


def evaluated(namespace: ModuleType, call: str, dtype: str) -> Any:
    space = Space(namespace, arrays(dtype))
    return eval(call, {"__builtins__": {}}, space)


# ---- what is compared ----------------------------------------------------------------------------
def name_of(dtype: Any) -> str:
    return str(dtype).rpartition(".")[2]


def assert_alike(ours: Any, theirs: Any, tolerance: float) -> None:
    if isinstance(theirs, (tuple, list)):
        assert isinstance(ours, tuple)
        assert getattr(ours, "_fields", None) == getattr(theirs, "_fields", None)
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            assert_alike(one, other, tolerance)
    elif hasattr(theirs, "shape"):
        assert isinstance(ours, corex.Tensor)
        assert tuple(ours.shape) == theirs.shape
        assert name_of(ours.dtype) == name_of(theirs.dtype)
        wanted = np.from_dlpack(theirs)
        np.testing.assert_allclose(ours.numpy(), wanted, rtol=tolerance, atol=tolerance)
    elif isinstance(theirs, (bool, int, float)):
        assert type(ours) is type(theirs)
        assert ours == pytest.approx(theirs, rel=1e-6)
    else:
        assert name_of(ours) == name_of(theirs)


@pytest.fixture(autouse=True)
def _wide_default() -> Iterator[None]:
    """The default dtypes of array_api_strict."""
    corex.set_default_dtype(corex.float64)
    yield
    corex.set_default_dtype(corex.float32)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy's, of infinities
@pytest.mark.parametrize("kinds, call", ROWS, ids=[f"{kinds} {call}" for kinds, call in ROWS])
def test_calls(kinds: str, call: str) -> None:
    for dtype in [name for kind in kinds for name in KINDS[kind] if name not in MIDDLE]:
        narrow = dtype in ("float32", "complex64")
        theirs = evaluated(strict, call, dtype)
        assert_alike(evaluated(xp, call, dtype), theirs, 2e-4 if narrow else 1e-9)


@pytest.mark.parametrize("first", DTYPES)
def test_promotion(first: str) -> None:
    for second in DTYPES:
        a, b = getattr(strict, first), getattr(strict, second)
        ours = getattr(xp, first), getattr(xp, second)
        try:
            wanted = name_of(strict.result_type(a, b))
        except TypeError:  # undefined: it is as in PyTorch, but for what that refuses
            if {first[0], second[0]} == {"u", "i"}:
                with pytest.raises(TypeError, match="no common dtype"):
                    xp.result_type(*ours)
            continue
        assert name_of(xp.result_type(*ours)) == wanted
        total = xp.equal(xp.zeros(2, dtype=ours[0]), xp.zeros((), dtype=ours[1]))
        assert total.dtype is xp.bool
        assert xp.can_cast(*ours) == (name_of(ours[1]) == wanted)


# ---- errors --------------------------------------------------------------------------------------
ERRORS = """
    add(1, 2); add(x, "1"); add([1.0], x); arange(1, 5, 0); argmax(x, axis=2); astype([1], float32)
    astype(x + 1j, float64); asarray([[1], [1, 2]]); broadcast_shapes((2,), (3,)); max(e)
    broadcast_to(x, (2,)); concat([x, v]); cumulative_sum(x); cumulative_prod(x); expand_dims(x, 4)
    expand_dims(x, (0, 0)); finfo(int8); flip(x, axis=2); iinfo(float32); isdtype(float32, "float")
    isdtype(float32, 3); linalg.cholesky(x); linalg.cross(v, v); linalg.inv(x)
    linalg.solve(m, v); matmul(x, x); matmul(s, x); matrix_transpose(v); nonzero(s)
    permute_dims(x, (0, 0)); repeat(x, -1); reshape(x, (4, 2)); result_type(); result_type(1, 2)
    result_type(uint64, int8); roll(x, 1, axis=5); sort(x, axis=2); squeeze(x, 0); squeeze(x, 4)
    stack([x, v]); sum(x, axis=2); take(x, i); take(v, asarray([9])); tensordot(x, x, axes=1)
    tensordot(x, x, axes=3); unstack(x, axis=3); vecdot(x, v); where(mask, x, v); zeros(-1)
    linalg.det(x); fft.fft(x, norm="none"); fft.fft(x, axis=3); linspace(0, 1, -1); tile(x, (-1,))
    meshgrid(v, i); eye(-1); x.__array_namespace__(api_version="1"); searchsorted(v, x, side="up")
"""


OTHER_CLASSES = {
    "astype([1], float32)": TypeError,
    "fft.fft(x, axis=3)": IndexError,
    "finfo(int8)": TypeError,
    "iinfo(float32)": TypeError,
    "max(e)": IndexError,
    "result_type()": TypeError,
    "result_type(1, 2)": TypeError,
    "unstack(x, axis=3)": IndexError,
}
"""PyTorch's, or those that say more; others are NumPy's, or RuntimeError, as PyTorch has it."""


@pytest.mark.parametrize("call", re.split(r"[;\n]\s*", ERRORS.strip()))
def test_errors(call: str) -> None:
    with pytest.raises(Exception) as theirs:
        evaluated(strict, call, "float64")
    with pytest.raises(Exception) as ours:
        evaluated(xp, call, "float64")
    likely = {*theirs.type.__mro__[:-3], RuntimeError}
    assert ours.type in ({OTHER_CLASSES[call]} if call in OTHER_CLASSES else likely)


# ---- names and signatures ------------------------------------------------------------------------
SPACES = [(xp, strict, ""), (xp.linalg, strict.linalg, "linalg."), (xp.fft, strict.fft, "fft.")]
OWN = {"ArrayAPIStrictFlags", "set_array_api_strict_flags", "get_array_api_strict_flags",
       "reset_array_api_strict_flags", "Device", "__version__"}  # fmt: skip
FUNCTIONS = [
    (prefix + name, getattr(ours, name, None), getattr(theirs, name))
    for ours, theirs, prefix in SPACES
    for name in theirs.__all__
    if name not in OWN
]


@pytest.mark.parametrize("name, ours, theirs", FUNCTIONS, ids=[name for name, *_ in FUNCTIONS])
def test_names_and_signatures(name: str, ours: Any, theirs: Any) -> None:
    assert ours is not None or theirs is None, f"{name} is missing"
    if not inspect.isfunction(theirs) or name.startswith("__"):
        return
    assert any(f"{name}(" in call for _, call in ROWS), f"add a line for {name} in calls.txt"
    wanted, found = (inspect.signature(each).parameters for each in (theirs, ours))
    assert list(found) == [each for each in wanted if not each.startswith("_")]
    for own, other in zip(found.values(), wanted.values(), strict=False):
        assert own.kind == other.kind
        # A value of its own stands for "not given", where the standard has None.
        assert own.default == (None if str(other.default) == "Undef.UNDEF" else other.default)
