"""The second names in `corex`: all are there, and do what the first ones do."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest

import corex
import corex.nn.functional as F
import corex.toplevel


def test_all_are_there() -> None:
    assert sorted(corex._SECOND_NAMES) == corex.toplevel.__all__
    for name in corex._SECOND_NAMES:
        assert getattr(corex, name).__doc__


def test_they_are_loaded_when_asked_for() -> None:
    code = "import sys, corex; assert 'corex.toplevel' not in sys.modules; corex.pixel_shuffle"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_functions_of_methods(each_backend: str) -> None:
    x = corex.tensor([0.25, -0.5])
    assert corex.abs_(x) is x
    assert x.tolist() == [0.25, 0.5]
    assert corex.clamp_(x, min=0.3).tolist() == pytest.approx([0.3, 0.5])
    with pytest.raises(TypeError, match=r"exp_\(\): argument 'input'"):
        corex.exp_(2.0)


def test_losses(each_backend: str) -> None:
    a, b = corex.tensor([[1.0, -2.0], [0.5, 3.0]]), corex.tensor([[1.0, -1.0], [-1.0, 1.0]])
    for number, name in enumerate(("none", "mean", "sum")):
        ours = corex.hinge_embedding_loss(a, b, 0.5, number)
        assert ours.tolist() == F.hinge_embedding_loss(a, b, 0.5, reduction=name).tolist()
    assert corex.hinge_embedding_loss(a, b).shape == (2, 2)
    with pytest.raises(TypeError, match="must be int"):
        corex.hinge_embedding_loss(a, b, reduction="mean")


def test_normalisation(each_backend: str) -> None:
    x = corex.arange(24.0).reshape(2, 3, 4)
    out, mean, scale = corex.native_layer_norm(x, (4,), None, None, 0.0)
    assert out.tolist() == F.layer_norm(x, (4,), eps=0.0).tolist()
    assert mean.tolist() == x.mean(-1, True).tolist()
    assert scale.flatten().tolist() == pytest.approx([1.25**-0.5] * 6)
    assert corex.native_batch_norm(x, None, None, None, None, True, 0.1, 1e-5)[1].shape == (3,)
    assert corex.native_group_norm(x, None, None, 2, 3, 4, 3, 1e-5)[2].shape == (2, 3)


def test_noise(each_backend: str) -> None:
    corex.manual_seed(1)
    x = corex.ones(4, 5, 6)
    kept = corex.feature_dropout(x, 0.5, True)
    assert (kept == kept[..., :1]).all()
    assert set(kept.unique().tolist()) == {0.0, 2.0}
    values, mask = corex.native_dropout(x, 0.5, True)
    assert values.tolist() == (mask * 2.0).tolist()
    assert corex.alpha_dropout(x, 0.5, True).unique().numel() == 2


def test_segments(each_backend: str) -> None:
    x, lengths = corex.tensor([1.0, 2, 3, 4]), corex.tensor([1, 0, 3])
    assert corex.segment_reduce(x, "sum", lengths=lengths).tolist() == [1, 0, 9]
    assert corex.segment_reduce(x, "max", offsets=corex.tensor([0, 2, 4])).tolist() == [2, 4]
    with pytest.raises(RuntimeError, match="sum to"):
        corex.segment_reduce(x, "sum", lengths=corex.tensor([1]))
    with pytest.raises(RuntimeError, match="unsupported"):
        corex.segment_reduce(x, "median", lengths=lengths)


def test_factorisations_of_low_rank() -> None:
    corex.manual_seed(0)
    a = corex.randn(6, 2, dtype=corex.float64) @ corex.randn(2, 5, dtype=corex.float64)
    u, s, v = corex.svd_lowrank(a, 3)
    assert (u * s @ v.mT - a).abs().max() < 1e-12
    assert corex.pca_lowrank(a)[1].shape == (5,)
    with pytest.raises(ValueError, match="not greater"):
        corex.pca_lowrank(a, 6)


def test_constants() -> None:
    assert (corex.pi, corex.e, corex.inf) == (math.pi, math.e, math.inf)
    assert math.isnan(corex.nan)
    assert corex.ones(3)[:, corex.newaxis].shape == (3, 1)
    assert corex.legacy_contiguous_format is corex.contiguous_format


def test_the_processor_has_cudas_names(each_backend: str) -> None:
    cpu = corex.get_device_module("cpu")
    assert cpu is corex.cpu
    assert corex.get_device_module(corex.device("cuda:0")) is corex.cuda
    assert (cpu.device_count(), cpu.current_device(), cpu.is_available()) == (1, "cpu", True)
    cpu.set_device("cpu")
    cpu.synchronize()
    with cpu.stream(cpu.current_stream()), cpu.stream(None):
        assert (corex.ones(2) + 1).tolist() == [2, 2]
    for wrong in (3, "vulkan", "nothing"):
        with pytest.raises(RuntimeError):
            corex.get_device_module(wrong)
