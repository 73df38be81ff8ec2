"""Versions of the contract, the features a backend has, and the traits it declares."""

from __future__ import annotations

import dataclasses

import pytest

from corex import dtypes
from corex.backend import API_VERSION, FEATURES, Backend, BackendDescriptor, Traits
from corex.backend.traits import CEILING, IDEAL
from corex.backend.version import refusal
from corex.plugins import manager

MAJOR, MINOR = API_VERSION


@pytest.mark.parametrize("version", [(MAJOR, 0), (MAJOR, MINOR)])
def test_a_backend_of_an_older_minor_version_is_taken(version: tuple[int, int]) -> None:
    assert refusal(version) is None


@pytest.mark.parametrize(
    "version", [(MAJOR + 1, 0), (MAJOR, MINOR + 1), (0, 9), 1, "1.0", (1,), (1, 0, 0), None]
)
def test_another_version_is_refused_and_both_are_named(version: object) -> None:
    text = refusal(version)
    assert text is not None
    assert f"has version {MAJOR}.{MINOR}" in text


def test_a_descriptor_that_does_not_say_is_of_the_first_version() -> None:
    descriptor = BackendDescriptor("a", "a", lambda: None, Backend)
    assert descriptor.api_version == (1, 0)


def test_features_are_the_methods_a_backend_overrides() -> None:
    class Plain(Backend):
        name = device_type = "plain"

    class Rich(Plain):
        def host_view(self, buffer):
            return None

        def new_stream(self, device):  # one of the four that streams take
            return None

        def new_event(self, timed):
            return None

    assert Plain().features == frozenset()
    assert Rich().features == {"host_view", "events"}


def test_every_feature_is_of_a_version_that_exists() -> None:
    assert all((1, 0) <= feature.since <= API_VERSION for feature in FEATURES.values())
    assert "host_view" in manager.backend("cpu_c").features


def test_an_ideal_device_weakens_nothing() -> None:
    assert Traits() == IDEAL
    assert Traits().weakened() == {}
    assert Traits().ulps_of("unary", 4) == 4


def test_each_trait_that_differs_is_told() -> None:
    odd = Traits(
        subnormals="flushed",
        ulps={"unary": 16},
        held_only=frozenset({dtypes.float64}),
        index_bits=32,
        memory="functional",
        accumulation="free",
        errors="deferred",
    )
    assert set(odd.weakened()) == {field.name for field in dataclasses.fields(Traits)}
    assert "unary 16" in odd.weakened()["ulps"]
    assert "float64" in odd.weakened()["held_only"]


def test_bounds_of_elementwise_ops_have_a_ceiling() -> None:
    loose = Traits(ulps={"unary": 1000, "matmul": 1000})
    assert loose.ulps_of("unary", 4) == CEILING
    assert loose.ulps_of("matmul", 4) == 1000
    assert Traits(ulps={"unary": 1}).ulps_of("unary", 4) == 4
