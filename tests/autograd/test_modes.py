"""Grad modes as context managers and decorators; anomaly mode."""

from __future__ import annotations

import threading
import warnings

import pytest

import corex
from corex.autograd import detect_anomaly, set_detect_anomaly


def leaf(values):
    return corex.tensor(values, dtype=corex.float64, requires_grad=True)


def test_no_grad_and_enable_grad_nest() -> None:
    x = leaf(1.0)
    with corex.no_grad():
        assert not (x * 2).requires_grad
        with corex.enable_grad():
            assert (x * 2).requires_grad
        assert not corex.is_grad_enabled()
    assert corex.is_grad_enabled()


def test_modes_are_restored_after_exceptions() -> None:
    with pytest.raises(KeyError), corex.no_grad():
        raise KeyError
    assert corex.is_grad_enabled()


@pytest.mark.parametrize("decorator", [corex.no_grad, corex.no_grad(), corex.inference_mode()])
def test_decorators(decorator) -> None:
    @decorator
    def function(a, *, b):
        """Doc."""
        assert not corex.is_grad_enabled()
        return a + b

    assert function(1, b=2) == 3
    assert function.__doc__ == "Doc."
    assert corex.is_grad_enabled()


def test_one_context_manager_serves_recursion() -> None:
    @corex.no_grad()
    def count(n):
        assert not corex.is_grad_enabled()
        return n if n == 0 else count(n - 1)

    count(3)
    assert corex.is_grad_enabled()


def test_generators_hold_the_mode_only_while_they_run() -> None:
    seen = []

    @corex.no_grad()
    def generate():
        seen.append(corex.is_grad_enabled())
        try:
            got = yield 1
            seen.append((got, corex.is_grad_enabled()))
            yield 2
        except ValueError:
            seen.append(("caught", corex.is_grad_enabled()))
            yield 3
        return "end"

    generator = generate()
    assert next(generator) == 1
    assert corex.is_grad_enabled()
    assert generator.send("hello") == 2
    assert generator.throw(ValueError()) == 3
    with pytest.raises(StopIteration) as stop:
        next(generator)
    assert stop.value.value == "end"
    assert seen == [False, ("hello", False), ("caught", False)]
    assert corex.is_grad_enabled()


def test_set_grad_enabled_acts_at_once() -> None:
    corex.set_grad_enabled(False)
    try:
        assert not corex.is_grad_enabled()
    finally:
        corex.set_grad_enabled(True)
    with corex.set_grad_enabled(False):
        assert not corex.is_grad_enabled()
    assert corex.is_grad_enabled()

    @corex.set_grad_enabled(False)
    def function():
        return corex.is_grad_enabled()

    assert corex.is_grad_enabled()
    assert function() is False
    assert corex.is_grad_enabled()


def test_inference_mode() -> None:
    with corex.inference_mode():
        assert corex.is_inference_mode_enabled()
        assert not (leaf(1.0) * 2).requires_grad
        with corex.inference_mode(False):
            assert not corex.is_inference_mode_enabled()
            assert (leaf(1.0) * 2).requires_grad
    assert not corex.is_inference_mode_enabled()
    assert corex.is_grad_enabled()


def test_modes_belong_to_a_thread() -> None:
    seen = []
    with corex.no_grad():
        thread = threading.Thread(target=lambda: seen.append(corex.is_grad_enabled()))
        thread.start()
        thread.join()
    assert seen == [True]


def test_factories_under_no_grad_still_make_leaves() -> None:
    with corex.no_grad():
        assert leaf(1.0).requires_grad


def failing_forward(x):
    return (x - x).sqrt() * 0


def test_anomaly_mode_finds_nan_gradients() -> None:
    x = leaf([1.0, 2.0])
    with set_detect_anomaly(True):
        y = failing_forward(x).sum()
        with (
            pytest.raises(RuntimeError, match="'SqrtBackward0' returned nan values in its 0th"),
            pytest.warns(UserWarning, match="Error detected in SqrtBackward0") as record,
        ):
            y.backward()
    assert "failing_forward" in str(record[0].message)
    assert not corex.autograd.is_anomaly_enabled()


def test_anomaly_mode_without_the_nan_check() -> None:
    x = leaf([1.0, 2.0])
    with set_detect_anomaly(True, check_nan=False):
        failing_forward(x).sum().backward()
    assert all(value != value for value in x.grad.tolist())


def test_anomaly_mode_shows_the_forward_of_a_failure() -> None:
    x = leaf([1.0, 2.0])
    with pytest.warns(UserWarning, match="Anomaly Detection has been enabled"):
        context = detect_anomaly()
    with context:
        y = x.exp()
        y.add_(1)
        with (
            pytest.raises(RuntimeError, match="modified by an inplace operation"),
            pytest.warns(UserWarning, match="Traceback of forward call"),
        ):
            y.sum().backward()


def test_a_graph_from_before_has_no_traceback() -> None:
    y = failing_forward(leaf([1.0])).sum()
    with (
        set_detect_anomaly(True),
        pytest.raises(RuntimeError, match="nan"),
        pytest.warns(UserWarning, match="No forward pass information available"),
    ):
        y.backward()


def test_anomaly_mode_costs_nothing_afterwards() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with detect_anomaly():
            pass
    y = leaf([1.0]) * 2
    assert y.grad_fn.forward_trace is None
