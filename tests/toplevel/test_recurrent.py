"""Recurrent networks from lists of weights, against their cells step by step; parity compares them
with PyTorch's."""

from __future__ import annotations

from typing import Any

import pytest

import corex

GATES = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}


def weights(gates: int, width: int) -> list[corex.Tensor]:
    shapes = (gates * 4, width), (gates * 4, 4), (gates * 4,), (gates * 4,)
    return [corex.randn(*shape, dtype=corex.float64) * 0.5 for shape in shapes]


def stepped(name: str, x: Any, states: list[Any], params: list[Any]) -> tuple[Any, list[Any]]:
    """The cells one after the other."""
    outputs = []
    cell = getattr(corex, f"{name}_cell")
    for step in x:
        if name == "lstm":
            states = list(cell(step, states, *params))
        else:
            states = [cell(step, states[0], *params)]
        outputs.append(states[0])
    return corex.stack(outputs), states


@pytest.mark.parametrize("name", GATES)
def test_a_layer_is_its_cells(name: str, each_backend: str) -> None:
    corex.manual_seed(3)
    x = corex.randn(5, 2, 3, dtype=corex.float64)
    params = weights(GATES[name], 3)
    first = [corex.randn(1, 2, 4, dtype=corex.float64) for _ in range(2 if name == "lstm" else 1)]
    hx = first if name == "lstm" else first[0]
    out, *last = getattr(corex, name)(x, hx, params, True, 1, 0.0, False, False, False)
    want, states = stepped(name, x, [s[0] for s in first], params)
    assert corex.allclose(out, want)
    assert all(corex.allclose(a[0], b) for a, b in zip(last, states, strict=True))
    turned = getattr(corex, name)(x.transpose(0, 1), hx, params, True, 1, 0.0, False, False, True)
    assert corex.allclose(turned[0].transpose(0, 1), want)


@pytest.mark.parametrize("name", GATES)
def test_both_directions_and_packed_sequences(name: str, each_backend: str) -> None:
    corex.manual_seed(4)
    lengths, sizes = (4, 3, 1), corex.tensor([3, 2, 2, 1])
    whole = [corex.randn(n, 3, dtype=corex.float64) for n in lengths]
    data = corex.cat([corex.stack([s[t] for s in whole if len(s) > t]) for t in range(4)])
    there, back = weights(GATES[name], 3), weights(GATES[name], 3)
    states = 2 if name == "lstm" else 1
    first = [corex.randn(2, 3, 4, dtype=corex.float64) for _ in range(states)]
    hx = first if name == "lstm" else first[0]
    out, *last = getattr(corex, name)(
        data, sizes, hx, there + back, True, 1, 0.0, False, bidirectional=True
    )
    assert out.shape == (8, 8)
    for i, sequence in enumerate(whole):
        a, ends = stepped(name, sequence, [s[0, i] for s in first], there)
        b, begins = stepped(name, sequence.flip(0), [s[1, i] for s in first], back)
        assert corex.allclose(out[i], corex.cat((a[0], b[-1])))
        for found, end, begin in zip(last, ends, begins, strict=True):
            assert corex.allclose(found[:, i], corex.stack((end, begin)))


def test_wrong_weights_are_told() -> None:
    x, hx = corex.ones(5, 2, 3), corex.ones(1, 2, 4)
    params = [p.float() for p in weights(3, 3)]
    for given, states, text in ((params[:3], hx, "Expected 4 weights"),
                                (params, corex.ones(2, 2, 4), "states of 2"),
                                (params, corex.ones(1, 3, 4), "batch 2")):  # fmt: skip
        with pytest.raises(RuntimeError, match=text):
            corex.gru(x, states, given, True, 1, 0.0, False, False, False)
    with pytest.raises(RuntimeError, match="3 dimensions"):
        corex.gru(x[0], hx, params, True, 1, 0.0, False, False, False)


# ---- batch normalisation in parts ----------------------------------------------------------------
def test_statistics_of_parts(each_backend: str) -> None:
    corex.manual_seed(5)
    x = corex.randn(6, 3, 4, dtype=corex.float64, requires_grad=True)
    parts = [x.detach()[:2], x.detach()[2:]]
    stats = [corex.batch_norm_stats(part, 1e-5) for part in parts]
    means, scales = (corex.stack(t) for t in zip(*stats, strict=True))
    moved = corex.zeros(3, dtype=corex.float64), corex.ones(3, dtype=corex.float64)
    kept = moved[0].clone(), moved[1].clone()
    counts = corex.tensor([8, 16])
    mean, scale = corex.batch_norm_gather_stats_with_counts(
        x, means, scales, *moved, 0.1, 1e-5, counts
    )
    w, b = corex.tensor([1.0, 2, 3]).double(), corex.tensor([0.5, 1, 2]).double()
    want = corex.batch_norm(x, w, b, *kept, True, 0.1, 1e-5)
    found = corex.batch_norm_elemt(x.detach(), w, b, mean, scale, 1e-5)
    assert corex.allclose(found, want)
    assert all(corex.allclose(a, k) for a, k in zip(moved, kept, strict=True))
    g = corex.randn(6, 3, 4, dtype=corex.float64)
    want.backward(g)
    sums = corex.batch_norm_backward_reduce(g, x.detach(), mean, scale, w, True, True, True)
    grad = corex.batch_norm_backward_elemt(g, x.detach(), mean, scale, w, *sums[:2], counts)
    assert corex.allclose(grad, x.grad)
    assert corex.allclose(sums[3], g.sum((0, 2)))
    equal = corex.batch_norm_gather_stats(x, means[:1], scales[:1], None, None, 0.1, 1e-5, 8)
    assert corex.allclose(equal[0], means[0])
    again = kept[0].clone()
    assert corex.allclose(corex.batch_norm_update_stats(x.detach(), again, None, 0.1)[0], mean)
    assert not corex.equal(again, kept[0])


# ---- files ---------------------------------------------------------------------------------------
def test_memory_of_files(tmp_path: Any) -> None:
    path = str(tmp_path / "numbers")
    shared = corex.from_file(path, True, 3)
    shared.copy_(corex.tensor([1.0, 2, 3]))
    again = corex.from_file(path, size=2)
    assert again.tolist() == [1, 2]
    again.zero_()
    assert corex.from_file(path, False, 12, dtype=corex.uint8).view(corex.float32)[0] == 1
    assert corex.from_file(path).shape == (0,)
    with pytest.raises(RuntimeError, match="smaller than the required mapping size <16>"):
        corex.from_file(path, size=4)
    with pytest.raises(RuntimeError, match="unable to open file"):
        corex.from_file(str(tmp_path / "nothing"), size=1)
