"""Random numbers of a device that holds no float64 are made there, near those of the others."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import corex
from corex import dtypes
from corex.backend import BackendDescriptor, KernelChoice
from corex.dtypes import DType
from corex.observe.events import OpCall, observe
from corex.ops.random.draws import _box_muller_in_float32
from corex.plugins import hookimpl, manager
from corex_reference_py.backend import ReferenceBackend

HELD = tuple(dtype for dtype in dtypes.ALL if dtype is not dtypes.float64)


class Single(ReferenceBackend):
    """No float64, and of random numbers only the bits."""

    name = "single"
    device_type = "single"

    def dtypes(self, device: int) -> tuple[DType, ...]:
        return HELD

    def select(self, op: str, dtypes: tuple[DType, ...]) -> KernelChoice | None:
        return None if op in ("random_normal", "random_uniform") else super().select(op, dtypes)


class Plugin:
    @hookimpl
    def corex_backends(self) -> list[BackendDescriptor]:
        return [BackendDescriptor("single", "single", lambda: None, Single)]


@pytest.fixture(autouse=True)
def single() -> Iterator[None]:
    manager.register(Plugin(), "single")
    corex.set_strict(True)
    yield
    corex.set_strict(False)
    manager.unregister("single")


def numbers(name: str, device: str, dtype: DType) -> np.ndarray:
    corex.manual_seed(7)
    made = getattr(corex, name)(40, 50, dtype=dtype, device=device)
    return made.to(corex.float64 if device == "cpu" else corex.float32).cpu().numpy()


@pytest.mark.parametrize("name", ["rand", "randn"])
def test_they_are_made_on_the_device(name: str) -> None:
    seen: list[OpCall] = []
    with observe(seen.append):
        getattr(corex, name)(5, device="single")
    assert {call.backend for call in seen} == {"single"}
    assert {call.how for call in seen} <= {"native", "decomposed"}
    assert "float64" not in {spec.dtype for call in seen for spec in call.outputs if spec}


def test_uniform_numbers_have_the_same_bits() -> None:
    for dtype in (d for d in HELD if d.kind == "f"):
        mine, theirs = numbers("rand", "single", dtype), numbers("rand", "cpu", dtype)
        assert np.array_equal(mine, theirs)


def test_normal_numbers_are_near() -> None:
    mine = numbers("randn", "single", corex.float32)
    theirs = numbers("randn", "cpu", corex.float64)
    distance = np.abs(mine - theirs) / np.spacing(np.abs(theirs).astype(np.float32))
    assert distance.max() < 4


def test_shorter_floats_are_rounded_from_float32() -> None:
    for dtype in (d for d in HELD if d.kind == "f" and d.itemsize == 2):
        mine, theirs = numbers("randn", "single", dtype), numbers("randn", "cpu", corex.float64)
        assert np.all(np.abs(mine - theirs) <= 2.0 ** (1 - dtype.digits) * np.abs(theirs))


def test_where_the_logarithm_or_the_cosine_is_near_zero_nothing_cancels() -> None:
    tops = [2**53, 2**53 - 1, 2**53 - 2, 2**53 - 2**20, 2**52, 2**52 + 1, 2**51, 3, 2, 1]
    zero = 2**51
    angles = [
        0,
        1,
        zero,
        zero - 1,
        zero + 1,
        zero + 2**20,
        2**52,
        3 * zero,
        3 * zero + 5,
        2**53 - 1,
    ]
    radius, angle = (np.array(pair).ravel() for pair in np.meshgrid(tops, angles))
    got = _box_muller_in_float32(
        corex.tensor(radius, device="single"), corex.tensor(angle, device="single")
    )
    # The definition, with its differences taken between Python integers.
    near_one = np.array([2**53 - int(top) for top in radius]) * 2.0**-53
    log = np.where(radius > 2**52, np.log1p(-near_one), np.log(radius * 2.0**-53))
    turns = np.array([abs(int(a) - 2**52) - zero for a in angle]) * 2.0**-53
    want = np.sqrt(-2 * log) * np.sin(2 * np.pi * turns)
    assert np.all(np.abs(got.cpu().numpy() - want) <= 4 * np.spacing(np.abs(want).astype("f4")))
