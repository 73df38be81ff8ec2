"""state_dict and load_state_dict."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
import pytest

import corex
from corex import nn


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 1))


def test_the_dictionary_shares_memory_without_the_graph() -> None:
    net = network()
    state = net.state_dict()
    assert isinstance(state, OrderedDict)
    assert list(state) == [
        "0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var",
        "1.num_batches_tracked", "2.weight", "2.bias",
    ]  # fmt: skip
    assert state["0.weight"].data_ptr() == net[0].weight.data_ptr()
    assert not state["0.weight"].requires_grad
    assert net.state_dict(keep_vars=True)["0.weight"] is net[0].weight
    assert next(iter(net[0].state_dict(prefix="x."))) == "x.weight"
    assert state._metadata["1"] == {"version": 2}


def test_loading_copies_into_the_same_parameters(each_backend: str) -> None:
    net, other = network(), network()
    weight, pointer = other[0].weight, other[0].weight.data_ptr()
    result = other.load_state_dict(net.state_dict())
    assert repr(result) == "<All keys matched successfully>"
    assert result.missing_keys == []
    assert other[0].weight is weight
    assert weight.data_ptr() == pointer
    assert weight.tolist() == net[0].weight.tolist()
    assert weight.requires_grad
    assert weight.is_leaf


def test_loading_by_assignment() -> None:
    net = nn.Linear(2, 1)
    state = {"weight": corex.ones(1, 2, dtype=corex.float64), "bias": corex.zeros(1)}
    net.load_state_dict(state, assign=True)
    assert net.weight.data_ptr() == state["weight"].data_ptr()
    assert isinstance(net.weight, nn.Parameter)
    assert net.weight.dtype is corex.float64


def test_every_mismatch_is_listed() -> None:
    net = network()
    state = dict(net.state_dict())
    del state["0.bias"], state["2.bias"]
    state["0.wieght"] = corex.ones(1)
    state["9.weight"] = corex.ones(1)
    state["2.weight"] = corex.ones(5, 5)
    with pytest.raises(RuntimeError) as caught:
        net.load_state_dict(state)
    message = str(caught.value)
    assert message.startswith("Error(s) in loading state_dict for Sequential:\n\tMissing key(s)")
    assert 'Missing key(s) in state_dict: "0.bias", "2.bias". ' in message
    assert 'Unexpected key(s) in state_dict: "9.weight", "0.wieght". ' in message
    assert "size mismatch for 2.weight: copying a param with shape" in message
    assert "(5, 5)" in message
    assert "(1, 3)" in message


def test_not_strict() -> None:
    net = nn.Linear(2, 1)
    result = net.load_state_dict({"weight": corex.ones(1, 2), "more": corex.ones(1)}, strict=False)
    assert result.missing_keys == ["bias"]
    assert result.unexpected_keys == ["more"]
    assert net.weight.tolist() == [[1.0, 1.0]]
    with pytest.raises(RuntimeError, match="size mismatch for bias"):
        net.load_state_dict({"bias": corex.ones(4)}, strict=False)


def test_arrays_of_other_libraries_are_taken() -> None:
    net = nn.Linear(2, 1)
    net.load_state_dict({"weight": np.array([[1.5, 2.5]]), "bias": np.array([3.0], "f4")})
    assert net.weight.tolist() == [[1.5, 2.5]]
    assert net.weight.dtype is corex.float32
    with pytest.raises(RuntimeError, match='named "bias", expected corex.Tensor'):
        net.load_state_dict({"weight": np.zeros((1, 2)), "bias": "three"})


def test_loading_converts_between_backends() -> None:
    with corex.use_backend("reference_py"):
        state = nn.Linear(2, 2).state_dict()
    with corex.use_backend("cpu_c"):
        net = nn.Linear(2, 2)
        net.load_state_dict(state)
        assert net.weight.backend == "cpu_c"
        assert net.weight.tolist() == state["weight"].tolist()


def test_extra_state_and_hooks() -> None:
    class Counter(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.count = 0

        def get_extra_state(self) -> Any:
            return {"count": self.count}

        def set_extra_state(self, state: Any) -> None:
            self.count = state["count"]

    net = nn.Sequential(Counter())
    net[0].count = 7
    state = net.state_dict()
    assert state == {"0._extra_state": {"count": 7}}
    other = nn.Sequential(Counter())
    other.load_state_dict(state)
    assert other[0].count == 7
    with pytest.raises(RuntimeError, match='Missing key\\(s\\) in state_dict: "0._extra_state"'):
        other.load_state_dict({})

    layer = nn.Linear(1, 1)
    seen: list[str] = []
    layer.register_state_dict_pre_hook(lambda m, prefix, keep: seen.append("pre"))
    layer.register_state_dict_post_hook(lambda m, state, prefix, meta: state.pop("bias") and None)
    layer.register_load_state_dict_post_hook(lambda m, keys: keys.missing_keys.clear())
    layer.register_load_state_dict_pre_hook(lambda m, state, *rest: seen.append("load"))
    state = layer.state_dict()
    assert list(state) == ["weight"]
    layer.load_state_dict(state)
    assert seen == ["pre", "load"]
