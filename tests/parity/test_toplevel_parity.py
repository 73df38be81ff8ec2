"""The second names in `corex`, called as PyTorch's functions of the same name are."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import pytest
import torch

import corex
import corex.toplevel
from tests.parity.comparison import difference, plain

RNG = np.random.default_rng(4)
INPUTS = {
    "x": RNG.normal(size=(2, 4, 8)), "y": RNG.normal(size=(2, 4, 6, 6)),
    "z": RNG.normal(size=(1, 4, 4, 6, 6)), "a": RNG.normal(size=(5, 4)),
    "b": RNG.normal(size=(5, 4)), "c": RNG.normal(size=(5, 4)), "k1": RNG.normal(size=(6, 4, 3)),
    "k2": RNG.normal(size=(4, 3, 2, 2)), "k3": RNG.normal(size=(4, 4, 2, 2, 2)),
    "w4": RNG.uniform(0.5, 2, 4), "v4": RNG.normal(size=4), "sign": np.sign(RNG.normal(size=5)),
    "signs": np.sign(RNG.normal(size=(5, 4))), "i": np.array([1, 3, 0, 3, 2]),
    "off": np.array([0, 2, 4]), "empties": np.array([0, 3, 3, 5]),
    "grid": RNG.uniform(-1, 1, (2, 3, 3, 2)),
    "grid3": RNG.uniform(-1, 1, (1, 2, 3, 3, 3)), "theta": RNG.normal(size=(2, 2, 3)),
    "time": RNG.normal(size=(6, 2, 3)), "tk": RNG.normal(size=(2, 3, 4)),
    "unit": RNG.uniform(0.1, 0.9, (3, 4)), "whole": np.array([[4, 6], [9, 12]]),
    "lp": np.log(RNG.dirichlet(np.ones(5), (7, 2))), "labels": np.array([[1, 2, 2], [3, 4, 1]]),
    "nine": np.array([7, 6]), "three": np.array([3, 2]), "h": RNG.normal(size=(5, 3)),
    "w9": RNG.normal(size=(9, 4)), "h9": RNG.normal(size=(9, 3)), "w12": RNG.normal(size=(12, 4)),
    "h12": RNG.normal(size=(12, 3)), "w3": RNG.normal(size=(3, 4)), "h3": RNG.normal(size=(3, 3)),
    "b9": RNG.normal(size=9), "len": np.array([2, 0, 3]), "len2": np.array([[1, 3], [4, 0]]),
    "q": RNG.normal(size=(4, 4)), "s1": RNG.normal(size=(1, 2, 3)),
    "s2": RNG.normal(size=(2, 3, 3)), "sizes": np.array([3, 2]),
    "s3": RNG.normal(size=(2, 2, 3)), "s6": RNG.normal(size=(2, 6, 3)),
    "two": np.array([2, 0, 2]), "within": np.array([1, 2, 4]), "near": RNG.normal(size=(12, 2)),
    "sym": np.diag(np.arange(1.0, 13)) + np.ones((12, 12)) / 8,
}  # fmt: skip

CALLS = """
adaptive_avg_pool1d(x, [3])
adaptive_max_pool1d(x, 3)
affine_grid_generator(theta, [2, 4, 3, 5], False)
alpha_dropout(x, 0.5, False)
alpha_dropout_(x.clone(), 0.5, False)
avg_pool1d(x, [3], [2], [1], True, False)
celu_(x.clone(), 0.5)
channel_shuffle(y, 2)
constant_pad_nd(y, [1, -1], 2.5)
constant_pad_nd(whole, [1, 1])
conv1d(x, k1)
conv1d(x, k1, padding="same")
conv3d(z, k3, v4, [1, 2, 1])
conv_tbc(time, tk, v4, 1)
conv_transpose1d(x, k1.transpose(0, 1))
conv_transpose2d(y, k2, None, 2, 1, 1)
conv_transpose3d(z, k3, v4)
convolution(x, k1, None, [1], [1], [2], False, [0], 1)
convolution(y, k2, None, [2, 2], [0, 0], [1, 1], True, [1, 1], 1)
cosine_embedding_loss(a, b, sign, 0.1, 0)
cosine_embedding_loss(a, b, sign)
ctc_loss(lp, labels, nine, three, 0, 0)
ctc_loss(lp, labels, [7, 6], [3, 2])
dropout_(x.clone(), 0.5, False)
embedding_bag(a, i, off)
embedding_bag(a, i, off, False, 0, False, None, False, 3)
embedding_bag(a, i, off, False, 1)
embedding_bag(a, i, off, False, 1, False, None, True, 3)
embedding_bag(a, i, off, mode=2)
embedding_bag(a, i, off, False, 2, False, None, False, 3)
embedding_bag(a, i, empties, mode=2)
embedding_renorm_(a.detach().clone(), i, 0.5, 2.0)
feature_alpha_dropout(y, 0.5, False)
feature_alpha_dropout_(y.clone(), 0.5, False)
feature_dropout(y, 0.5, False)
feature_dropout_(y.clone(), 0.5, False)
frobenius_norm(y, [1, 2])
frobenius_norm(y, 1, True)
get_device(x)
grid_sampler(y, grid, 0, 1, True)
grid_sampler_2d(y, grid, 2, 0, False)
grid_sampler_3d(z, grid3, 1, 2, False)
gru_cell(a, h, w9, h9, b9, b9)
gru_cell(a, h, w9, h9)
hinge_embedding_loss(a, signs, 0.5, 2)
instance_norm(y, w4, v4, None, None, True, 0.1, 1e-5, False)
is_complex(x)
is_nonzero(w4[0])
is_same_size(a, b)
is_same_size(a, x)
is_signed(whole)
lstm_cell(a, (h, h), w12, h12)
margin_ranking_loss(a, b, signs, 0.5)
max_pool1d(x, 3, 1, 1)
max_pool1d_with_indices(x, 2)
max_pool3d(z, 2)
native_batch_norm(y, w4, v4, None, None, True, 0.1, 1e-5)
native_batch_norm(y, None, None, v4.detach(), w4.detach(), False, 0.1, 1e-5)
native_channel_shuffle(y.detach(), 2)
native_dropout(x, 0.5, False)
native_dropout(x, 1.0, True)
native_group_norm(y, w4, v4, 2, 4, 36, 2, 1e-5)[0]
native_group_norm(y, None, None, 2, 4, 36, 2, 1e-5)[2].detach()
native_layer_norm(a, [4], w4, v4, 1e-5)
native_layer_norm(y, [6, 6], None, None, 1e-5)
norm_except_dim(x, 2, 0)
norm_except_dim(x, 2, 2)
norm_except_dim(x, 2, -1)
nuclear_norm(a)
nuclear_norm(x, [0, 2])
pairwise_distance(a, b, 1.0)
pdist(a)
pixel_shuffle(y, 2)
pixel_unshuffle(y, 2)
poisson_nll_loss(a, b, True, False, 1e-8, 1)
range(1, 4)
range(0.5, 3, 0.5)
range(5, 1, -2, dtype=lib.int64)
rnn_relu_cell(a, h, w3, h3)
rnn_tanh_cell(a, h, w3, h3)
rrelu(x)
rrelu(x, 0.1, 0.3, False)
rrelu_(x.clone())
segment_reduce(a, "sum", lengths=len)
segment_reduce(a, "mean", lengths=len)
segment_reduce(a, "max", lengths=len, initial=0.5)
segment_reduce(a, "min", lengths=len)
segment_reduce(a, "prod", lengths=len)
segment_reduce(q[:2], "sum", lengths=len2, axis=1)
selu_(x.clone())
threshold_(x.clone(), 0.0, 2.0)
triplet_margin_loss(a, b, c, 0.5, 2.0, 1e-6, True, 0)
vander(v4.detach())
vander(v4.detach(), 2, True)
vander(i, 3)
addmv_(v4.clone(), q, w4, beta=0.5)
clamp_(x.clone(), -0.5, 0.5)
clamp_max_(x.clone(), 0.5)
clamp_min_(x.clone(), 0.5)
clip_(x.clone(), -0.5)
detach_(x.clone())
fill_(x.clone(), 2.5)
gcd_(whole.clone(), whole + 2)
index_put_(a.clone(), (i,), b, True)
lcm_(whole.clone(), whole + 2)
ldexp_(a.clone(), i[:4])
logit_(unit.clone(), 0.2)
nan_to_num_(x.clone(), 0.5)
resize_as_(x.detach().clone(), a.detach())
round_(x.clone(), decimals=1)
xlogy_(unit.clone(), unit)
batch_norm_update_stats(y.detach(), w4.detach().clone(), v4.detach().clone(), 0.1)
gru(time, s1, [h9, h9, b9, b9], True, 1, 0.0, False, False, False)
gru(a, sizes, s2, [w9, h9, w9, h9], False, 1, 0.0, False, True)
lstm(time, (s1, s1), [h12, h12], False, 1, 0.0, False, False, False)
lstm(a, sizes, (s2, s2), [w12, h12, w12, h12], False, 1, 0.0, True, True)
rnn_relu(time, s6, [h3, h3, h3, h3], False, 2, 0.0, False, False, True)
rnn_tanh(time, s3, [h3, h3, h3, h3], False, 1, 0.0, False, True, False)
are_deterministic_algorithms_enabled()
get_default_device()
get_deterministic_debug_mode()
get_float32_matmul_precision()
is_anomaly_check_nan_enabled()
is_anomaly_enabled()
is_autocast_cpu_enabled()
is_autocast_enabled()
is_autocast_enabled("cpu")
is_autocast_ipu_enabled()
is_autocast_xla_enabled()
is_deterministic_algorithms_warn_only_enabled()
is_distributed(x)
is_inference(x)
is_storage(x)
is_storage(x.untyped_storage())
is_vulkan_available()
set_anomaly_enabled(False, True)
set_default_device(None)
set_deterministic_debug_mode("default")
set_float32_matmul_precision("highest")
sym_constrain_range(3, min=1, max=3)
sym_constrain_range_for_size(3)
sym_float(3)
sym_int(-2.75)
sym_ite(True, 1, 2)
sym_max(3, 2.0)
sym_max(3, 2)
sym_min(2, 3.0)
sym_not(2)
sym_sqrt(2)
sym_sum([1, 2, 3])
typename(3)
typename(range)
use_deterministic_algorithms(False)
is_warn_always_enabled()
set_warn_always(False)
segment_reduce(a, "max", lengths=two, unsafe=True)
segment_reduce(a, "mean", lengths=two, unsafe=True, initial=0.5)
segment_reduce(a, "sum", offsets=within)
lobpcg(sym.detach(), 1, tol=1e-12)[0]
lobpcg(sym, X=near, largest=False, tol=1e-12)[0].detach()
_chunk_cat([a.detach(), q.detach()], 0, 3)
_chunk_cat([a.detach(), b.detach()], -1, 3)
_chunk_cat([whole, whole], 1, 2)
_dim_arange(a, 1)
_is_all_true(whole > 4)
_is_any_true(whole > 4)
_log_softmax(a, 1, False)
_log_softmax_backward_data(a.detach(), b.detach(), 1, lib.float64)
_native_batch_norm_legit(y, w4, v4, True, 0.1, 1e-5)
_native_batch_norm_legit(y, w4, v4, v4.detach(), w4.detach(), False, 0.1, 1e-5)
_native_batch_norm_legit_no_training(y, w4, v4, v4.detach(), w4.detach(), 0.1, 1e-5)[0]
_safe_softmax(a, 1)
_safe_softmax(a.masked_fill(a > 0, -float("inf")), 1)
_shape_as_tensor(x)
_softmax(a, 0, False)
_softmax_backward_data(a.detach(), b.detach(), 0, lib.float64)
_stack([a.detach(), b.detach()], 1)
_unsafe_index(a, [i])
_unsafe_index_put(a, [i], b, True)
_unsafe_masked_index(a, i > 2, [i * 2, i], 0.5)
_unsafe_masked_index_put_accumulate(a, i < 3, [i * 2, i], sign)
"""
UNIT = "acos_ arccos_ arcsin_ asin_ erfinv_ log_ log10_ log2_ log1p_ rsqrt_ sqrt_ arctanh_ atanh_"
DRAWN = "pca_lowrank svd_lowrank".split()
# tests/toplevel: PyTorch has these not on a CPU, is wrong of corex, or needs a file.

APART = """
    set_default_tensor_type set_flush_denormal native_norm batch_norm_stats batch_norm_elemt
    batch_norm_gather_stats batch_norm_gather_stats_with_counts batch_norm_backward_reduce
    batch_norm_backward_elemt from_file get_device_module
""".split()
REMOVED = "eig lstsq matrix_rank solve symeig".split()
CHECKS = "_assert _assert_async _check _check_index _check_not_implemented _check_type _check_value"
OF_ATEN = """
_batch_norm_with_update(y, w4, v4, v4.detach().clone(), w4.detach().clone(), 0.1, 1e-5)
_upsample_bilinear2d_aa(y, [3, 4], False)
_upsample_bilinear2d_aa(y, [3, 4], False, 0.6, 0.8)
_upsample_bilinear2d_aa(y, None, True, [0.5, 1.5])
native_dropout_backward(a.detach(), signs > 0, 2.0)
""".split("\n")[1:-1]
"""Functions that PyTorch has in `ops.aten` alone."""
# PyTorch has no derivative of these in place.
NOT_SMOOTH = re.compile(r"^(asinh|acosh|atanh|arcsinh|arccosh|arctanh)_")


def lines() -> list[str]:
    written = [line for line in CALLS.splitlines() if line]
    named = {line.partition("(")[0] for line in written}
    rest = [name for name in corex.toplevel.inplace.NAMES if name not in named]
    plain_ones = [
        f"{name}({'(unit + 1)' if 'cosh' in name else 'unit' if name in UNIT else 'x'}.clone())"
        for name in rest
    ]
    return written + plain_ones


def test_every_name_is_called() -> None:
    named = {line.partition("(")[0] for line in lines()}
    apart = {*DRAWN, *APART, *REMOVED, *CHECKS.split(), *[line.split("(")[0] for line in OF_ATEN]}
    assert set(corex.toplevel.__all__) - named == apart


def run(library: Any, line: str, home: Any = None) -> tuple[Any, list[Any]]:
    """The result and the gradients of all inputs; `home` has the function, if not the library."""
    known: dict[str, Any] = {"lib": library, "home": home or library}
    for name, array in INPUTS.items():
        if re.search(rf"\b{name}\b", line):
            known[name] = library.tensor(array)
            if known[name].is_floating_point() and "sign" not in name:
                known[name].requires_grad_()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value = eval(f"home.{line}", known)
        parts = value if isinstance(value, tuple | list) else [value]
        for part in () if NOT_SMOOTH.match(line) else parts:
            if hasattr(part, "requires_grad") and part.requires_grad and part.is_floating_point():
                (part * part).sum().backward(retain_graph=True)
    grads = [t.grad for name, t in known.items() if name in INPUTS and t.is_leaf]
    return value, grads


@pytest.mark.parametrize("line", lines())
def test_as_in_pytorch(line: str) -> None:
    (ours, grads), (theirs, wanted) = run(corex, line), run(torch, line)
    assert difference(plain(ours, strides=True), plain(theirs, strides=True)) == ""
    for got, want in zip(grads, wanted, strict=True):
        if got is None or want is None:  # which says the same as zeros
            assert all(g is None or not g.any() for g in (got, want))
        else:
            assert difference(plain(got), plain(want)) == ""


@pytest.mark.parametrize("line", OF_ATEN)
def test_as_in_aten(line: str) -> None:
    (ours, grads), (theirs, wanted) = run(corex, line), run(torch, line, torch.ops.aten)
    assert difference(plain(ours, strides=True), plain(theirs, strides=True)) == ""
    for got, want in zip(grads, wanted, strict=True):
        assert (got is None) == (want is None)
        assert got is None or difference(plain(got), plain(want)) == ""


@pytest.mark.parametrize("name", REMOVED)
def test_removed_as_in_pytorch(name: str) -> None:
    for library in (corex, torch):
        with pytest.raises(RuntimeError, match="deprecated since version 1.9 and is now removed"):
            getattr(library, name)(library.eye(2), library.eye(2))


@pytest.mark.parametrize("name", CHECKS.split())
def test_checks(name: str) -> None:
    says = "text" if "assert" in name else lambda: "text"
    for condition, told in ((True, says), (False, says), (False, "text"), (False, None), (3, None)):
        found = []
        for library in (corex, torch):
            held = library.tensor(condition) if name == "_assert_async" else condition
            if told is None and "assert" in name:
                continue
            try:
                found.append(getattr(library, name)(held, told))
            except Exception as error:
                found.append((type(error), str(error).partition(" (")[0]))
        assert found[:1] == found[1:]


def test_eigenpairs(each_backend: str) -> None:
    """Values, residuals and derivatives of pairs by a metric, and of batches."""
    generator = np.random.default_rng(3)
    m = generator.normal(size=(2, 12, 12))
    m, metric = m @ m.swapaxes(1, 2), np.diag(np.arange(1.0, 13))
    A, B = corex.tensor(m, requires_grad=True), corex.tensor(metric)
    values, x = corex.lobpcg(A, 2, B.expand(2, 12, 12), n=4, tol=1e-10)
    residual = A @ x - B @ x * values.unsqueeze(-2)
    assert float(residual.detach().abs().max()) < 1e-6
    np.testing.assert_allclose((x.mT @ B @ x).detach().numpy(), [np.eye(2)] * 2, atol=1e-10)
    whitened = m / np.sqrt(np.outer(np.diag(metric), np.diag(metric)))
    np.testing.assert_allclose(
        values.detach().numpy(), np.linalg.eigvalsh(whitened)[:, :-3:-1], rtol=1e-8
    )
    other = corex.tensor(whitened, requires_grad=True)
    scale = corex.tensor(np.diag(metric)).rsqrt().unsqueeze(1)
    vectors = scale * corex.linalg.eigh(other)[1].flip(-1)[..., :2]
    ((x**4).sum() + values.prod()).backward()
    top = corex.linalg.eigvalsh(other)[:, 10:]
    ((vectors**4).sum() + top.prod()).backward()
    wanted = (other.grad + other.grad.mT) / 2 * scale * scale.mT
    np.testing.assert_allclose(A.grad.numpy(), wanted.numpy(), atol=1e-5)


@pytest.mark.parametrize("line", ["hinge_embedding_loss(a, signs, reduction='mean')", "pdist(2.0)"])
def test_refused_as_in_pytorch(line: str) -> None:
    for library in (corex, torch):
        with pytest.raises(TypeError):
            run(library, line)


@pytest.mark.parametrize("name", ["rrelu", "rrelu_"])
def test_slopes_are_those_of_the_generator(name: str) -> None:
    drawn = []
    for seed in (3, 3, 4):
        generator = corex.Generator().manual_seed(seed)
        x = corex.full((100,), -1.0)
        drawn.append(getattr(corex, name)(x, 0.1, 0.9, True, generator))
    assert corex.equal(drawn[0], drawn[1])
    assert not corex.equal(drawn[0], drawn[2])


@pytest.mark.parametrize("name", DRAWN)
def test_factorisations_of_low_rank(name: str) -> None:
    low = INPUTS["a"] @ INPUTS["q"][:, :2] @ INPUTS["q"][:2]
    for array in (low, low.T, np.stack([low, 2 * low])):
        u, s, v = getattr(corex, name)(corex.tensor(array), 3)
        theirs = getattr(torch, name)(torch.tensor(array), 3)
        assert [tuple(t.shape) for t in (u, s, v)] == [tuple(t.shape) for t in theirs]
        np.testing.assert_allclose(s.numpy(), theirs[1].numpy(), atol=1e-10)
        wanted = array - array.mean(-2, keepdims=True) if name == "pca_lowrank" else array
        np.testing.assert_allclose(((u * s.unsqueeze(-2)) @ v.mT).numpy(), wanted, atol=1e-10)
