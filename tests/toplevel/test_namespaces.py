"""Namespaces that programs import for their names: `jit`, `backends`, `hub` and others."""

from __future__ import annotations

import pytest

import corex


def test_generators_are_as_before_after_a_fork() -> None:
    corex.random.manual_seed(3)
    corex.rand(2)
    state = corex.get_rng_state()
    with corex.random.fork_rng():
        first = corex.rand(3)
        corex.random.manual_seed(9)
    assert corex.get_rng_state().tolist() == state.tolist()
    assert corex.rand(3).tolist() == first.tolist()
    with corex.random.fork_rng(enabled=False):
        corex.rand(1)
    assert corex.get_rng_state().tolist() != state.tolist()


def test_scripted_and_traced_functions_are_themselves() -> None:
    def double(x: corex.Tensor) -> corex.Tensor:
        return x * 2

    model = corex.nn.Linear(2, 2)
    assert corex.jit.script(double) is double
    assert corex.jit.script(model) is model
    assert corex.jit.trace(double, (corex.ones(2),)) is double
    assert corex.jit.trace(model, corex.ones(1, 2)) is model
    assert corex.jit.ignore(double) is corex.jit.ignore(drop=False)(double) is double
    assert not corex.jit.is_scripting()
    assert corex.jit.wait(corex.jit.fork(double, corex.ones(1))).item() == 2
    with pytest.warns(corex.jit.TracerWarning, match="nondeterministic"):
        corex.jit.trace(lambda x: x + corex.rand(3), corex.ones(3))
    for refused in (lambda: corex.jit.save(model, "x"), lambda: corex.jit.load("x")):
        with pytest.raises(NotImplementedError, match="state_dict"):
            refused()


def test_settings_of_other_libraries_are_kept() -> None:
    cudnn = corex.backends.cudnn
    assert (cudnn.is_available(), cudnn.version()) == (False, None)
    with cudnn.flags(benchmark=True, deterministic=True):
        assert cudnn.benchmark
        assert cudnn.deterministic
    assert not cudnn.benchmark
    cudnn.benchmark = True
    cudnn.benchmark = False
    corex.backends.cuda.matmul.allow_tf32 = False
    assert not corex.backends.mps.is_available()
    with pytest.raises(AttributeError, match="cudnn has no setting 'benchmrk'"):
        cudnn.benchmrk = True


def test_what_needs_a_network_says_so() -> None:
    for name in corex.hub.__all__:
        with pytest.raises(
            NotImplementedError, match=rf"corex\.hub\.{name}\(\) would need a network"
        ):
            getattr(corex.hub, name)("somewhere")


def test_version() -> None:
    assert corex.version.__version__ == corex.__version__
    assert corex.version.cuda is None
