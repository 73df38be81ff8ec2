"""Sequential, ModuleList, ModuleDict, ParameterList, ParameterDict."""

from __future__ import annotations

import itertools

import pytest

import corex
from corex import nn


def layers(*sizes: int) -> list[nn.Module]:
    return [nn.Linear(a, b) for a, b in itertools.pairwise(sizes)]


def test_sequential_is_a_list() -> None:
    a, b, c = layers(1, 2, 3, 4)
    net = nn.Sequential(a, b, c)
    assert len(net) == 3
    assert list(net) == [a, b, c]
    assert net[-1] is c
    assert list(net[1:]) == [b, c]
    assert next(iter(net[1:].state_dict())) == "1.weight"
    d = nn.ReLU()
    assert net.append(d) is net
    net[0] = nn.Identity()
    assert isinstance(net[0], nn.Identity)
    net.insert(1, d)
    assert net[1] is d
    del net[0]
    assert list(net._modules) == ["0", "1", "2", "3"]
    assert net[0] is d
    assert net.pop(0) is d
    assert list(net) == [b, c, d]
    assert not hasattr(net, "3")
    assert list(nn.Sequential(a) + nn.Sequential(b)) == [a, b]
    with pytest.raises(IndexError, match="index 7 is out of range"):
        net[7]
    with pytest.raises(TypeError, match="not a Module subclass"):
        nn.Sequential(3)
    assert bool(nn.Sequential())


def test_sequential_calls_in_order() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    x = corex.randn(5, 2)
    assert net(x).tolist() == net[2](corex.relu(net[0](x))).tolist()


def test_module_list() -> None:
    a, b, c = layers(1, 2, 3, 4)
    listed = nn.ModuleList([a, b])
    listed.append(c)
    assert len(listed) == 3
    assert listed[-1] is c
    assert list(listed[:2]) == [a, b]
    listed.insert(0, c)
    assert [name for name, _ in listed.named_children()] == ["0", "1", "2"]
    listed[0] = a
    del listed[0]
    assert list(listed) == [a, b, c]
    listed += [nn.ReLU()]
    assert len(listed + [nn.ReLU()]) == 5
    assert listed.pop(-1).__class__ is nn.ReLU
    with pytest.raises(IndexError):
        listed[9]
    with pytest.raises(TypeError, match="iterable"):
        listed.extend(3)  # type: ignore[arg-type]
    with pytest.raises(NotImplementedError):
        listed(corex.ones(1))


def test_module_dict() -> None:
    a, b = layers(1, 2, 3)
    named = nn.ModuleDict({"a": a})
    named["b"] = b
    assert list(named) == ["a", "b"]
    assert named["b"] is b
    assert "a" in named
    assert list(named.items()) == [("a", a), ("b", b)]
    assert named.pop("a") is a
    assert len(named) == 1
    named.clear()
    assert list(named.keys()) == []
    named.update([("c", a)])
    assert list(named.values()) == [a]
    with pytest.raises(KeyError):
        named["x"]


def test_parameter_list_and_dict() -> None:
    listed = nn.ParameterList([corex.ones(2), nn.Parameter(corex.zeros(3))])
    assert all(isinstance(p, nn.Parameter) for p in listed)
    listed.append(corex.ones(1))
    assert [n for n, _ in listed.named_parameters()] == ["0", "1", "2"]
    assert len(listed[1:]) == 2
    listed[0] = corex.zeros(2)
    assert listed[0].tolist() == [0.0, 0.0]
    with pytest.raises(TypeError, match="iterable"):
        listed.extend(corex.ones(2))

    named = nn.ParameterDict({"x": corex.ones(2)})
    named["y"] = nn.Parameter(corex.zeros(1))
    assert list(named.state_dict()) == ["x", "y"]
    assert "x" in named
    assert named.get("z") is None
    del named["x"]
    assert list(named) == ["y"]
    assert named.pop("y").tolist() == [0.0]
    with pytest.raises(KeyError):
        named["y"]


def test_reprs_fold_equal_neighbours() -> None:
    assert repr(nn.ModuleList(layers(2, 2, 2, 3))) == (
        "ModuleList(\n"
        "  (0-1): 2 x Linear(in_features=2, out_features=2, bias=True)\n"
        "  (2): Linear(in_features=2, out_features=3, bias=True)\n"
        ")"
    )
    assert repr(nn.ModuleList()) == "ModuleList()"
    assert repr(nn.ParameterList([corex.ones(2, 3)])) == (
        "ParameterList(\n    (0): Parameter containing: [corex.float32 of size 2x3]\n)"
    )
    assert repr(nn.ParameterDict({"a": corex.ones(2)})) == (
        "ParameterDict(\n    (a): Parameter containing: [corex.FloatTensor of size 2]\n)"
    )
