"""Module: what is registered, found, changed, copied and printed."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from collections import OrderedDict
from typing import Any

import pytest

import corex
from corex import Tensor, nn


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 4)
        self.scale = nn.Parameter(corex.ones(2))
        self.register_buffer("count", corex.zeros(1))
        self.register_buffer("scratch", corex.zeros(1), persistent=False)
        self.second = nn.Sequential(nn.Linear(4, 2), nn.ReLU())

    def forward(self, x: Tensor) -> Any:
        return self.second(self.first(x)) * self.scale


NAMES = ["scale", "first.weight", "first.bias", "second.0.weight", "second.0.bias"]


def test_named_members_follow_registration_and_tree() -> None:
    net = Net()
    assert [name for name, _ in net.named_parameters()] == NAMES
    assert [name for name, _ in net.named_parameters(recurse=False)] == ["scale"]
    assert [name for name, _ in net.named_parameters(prefix="p")][1] == "p.first.weight"
    assert [name for name, _ in net.named_buffers()] == ["count", "scratch"]
    assert [name for name, _ in net.named_children()] == ["first", "second"]
    assert [n for n, _ in net.named_modules()] == ["", "first", "second", "second.0", "second.1"]
    assert len(list(net.parameters())) == 5


def test_shared_members_are_given_once_unless_asked() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    net[1].weight = net[0].weight
    assert [name for name, _ in net.named_parameters()] == ["0.weight", "0.bias", "1.bias"]
    assert len(list(net.named_parameters(remove_duplicate=False))) == 4
    layer = nn.Linear(1, 1)
    twice = nn.Sequential(layer, layer)
    assert len(list(twice.children())) == 1
    assert len(list(twice.modules())) == 2
    assert len(list(twice.named_modules(remove_duplicate=False))) == 3


def test_attributes_move_between_tables() -> None:
    net = Net()
    net.extra = 3
    net.extra = nn.Parameter(corex.zeros(1))
    assert "extra" in net._parameters
    net.extra = nn.Parameter(corex.ones(1))
    assert net.extra is net._parameters["extra"]
    assert net.extra.item() == 1
    net.scale = None
    assert net.scale is None
    assert net._parameters["scale"] is None
    assert "scale" not in dict(net.named_parameters())
    net.count = corex.ones(1)
    assert net._buffers["count"] is net.count
    net.extra = nn.Buffer(corex.ones(2), persistent=False) if False else nn.Parameter(corex.ones(2))
    del net.extra
    assert not hasattr(net, "extra")
    assert "extra" not in net._parameters
    net.first = None
    assert list(dict(net.named_children())) == ["second"]


def test_a_buffer_object_registers_itself() -> None:
    net = nn.Module()
    net.a = nn.Buffer(corex.ones(2))
    net.b = nn.Buffer(corex.ones(2), persistent=False)
    assert list(net.state_dict()) == ["a"]
    assert [n for n, _ in net.named_buffers()] == ["a", "b"]
    assert repr(net.a).startswith("Buffer containing:\n")


def test_changes_of_the_tables_reach_the_attributes() -> None:
    layer = nn.Linear(2, 3)
    weight = layer.weight
    del layer._parameters["weight"]
    assert not hasattr(layer, "weight")
    layer.register_parameter("weight_v", weight)
    layer.weight = weight * 2  # a plain attribute now
    assert [name for name, _ in layer.named_parameters()] == ["bias", "weight_v"]
    assert isinstance(layer.weight, Tensor)
    layer._parameters["bias"] = None
    assert layer.bias is None
    layer._modules.update(child=nn.ReLU())
    assert isinstance(layer.child, nn.ReLU)
    layer._modules.clear()
    assert not hasattr(layer, "child")
    layer._parameters |= {"bias": weight}
    assert layer.bias is weight


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda m: setattr(m, "scale", corex.ones(2)), TypeError, "cannot assign.*as parameter"),
        (lambda m: setattr(m, "first", 3), TypeError, "'int' as child module 'first'"),
        (lambda m: setattr(m, "count", "x"), TypeError, "cannot assign 'str' as buffer 'count'"),
        (lambda m: m.register_parameter("a.b", None), KeyError, "t contain"),
        (lambda m: m.register_parameter("", None), KeyError, "t be empty"),
        (lambda m: m.register_parameter(3, None), TypeError, "should be a string. Got int"),
        (lambda m: m.register_parameter("first", None), KeyError, "'first' already exists"),
        (lambda m: m.register_buffer("forward", None), KeyError, "'forward' already exists"),
        (lambda m: m.register_parameter("p", corex.ones(1)), TypeError, "nn.Parameter or None"),
        (lambda m: m.register_buffer("b", 3), TypeError, "cannot assign 'int' object to buffer"),
        (lambda m: m.add_module("m", 3), TypeError, "int is not a Module subclass"),
        (lambda m: m.missing, AttributeError, "'Net' object has no attribute 'missing'"),
        (lambda m: m.get_submodule("first.x"), AttributeError, "Linear has no attribute `x`"),
        (lambda m: m.get_submodule("scale"), AttributeError, "`scale` is not an nn.Module"),
        (lambda m: m.get_parameter("count"), AttributeError, "`count` is not an nn.Parameter"),
        (lambda m: m.train("yes"), ValueError, "expected to be boolean"),
        (lambda m: m.to(corex.int64), TypeError, "only accepts floating point"),
        (lambda m: m.load_state_dict([]), TypeError, "dict-like"),
    ],
)  # fmt: skip
def test_misuse_is_refused_and_changes_nothing(change: Any, error: type, message: str) -> None:
    net = Net()
    before = list(net.state_dict())
    with pytest.raises(error, match=message):
        change(net)
    assert list(net.state_dict()) == before


def test_a_computed_tensor_cannot_be_a_parameter() -> None:
    with pytest.raises(TypeError, match="Parameter"):
        nn.Linear(1, 1).register_parameter("p", nn.Parameter(corex.ones(1)) * 2)


def test_use_before_init() -> None:
    class Early(nn.Module):
        def __init__(self) -> None:
            self.weight = nn.Parameter(corex.ones(1))

    with pytest.raises(AttributeError, match=r"before Module.__init__\(\) call"):
        Early()

    class EarlyChild(nn.Module):
        def __init__(self) -> None:
            self.child = nn.ReLU()

    with pytest.raises(AttributeError, match=r"before Module.__init__\(\) call"):
        EarlyChild()


def test_forward_is_required() -> None:
    with pytest.raises(NotImplementedError, match=r"Module \[Module\] is missing the required"):
        nn.Module()(1)


def test_lookup_by_path() -> None:
    net = Net()
    assert net.get_submodule("") is net
    assert net.get_submodule("second.0") is net.second[0]
    assert net.get_parameter("second.0.weight") is net.second[0].weight
    assert net.get_buffer("count") is net.count


def test_modes_and_apply() -> None:
    net = Net()
    assert net.eval() is net
    assert not net.second[0].training
    net.train()
    assert net.second[0].training
    seen: list[str] = []
    net.apply(lambda m: seen.append(type(m).__name__))
    assert seen == ["Linear", "Linear", "ReLU", "Sequential", "Net"]
    net.requires_grad_(False)
    assert not any(p.requires_grad for p in net.parameters())


def test_zero_grad() -> None:
    layer = nn.Linear(2, 1)
    layer(corex.ones(1, 2)).sum().backward()
    assert layer.weight.grad is not None
    layer.zero_grad(set_to_none=False)
    assert layer.weight.grad.tolist() == [[0.0, 0.0]]
    layer.zero_grad()
    assert layer.weight.grad is None


def test_to_keeps_the_parameter_objects(each_backend: str) -> None:
    net = Net()
    first = net.first.weight
    net(corex.ones(1, 3)).sum().backward()
    assert net.double() is net
    assert net.first.weight is first
    assert first.dtype is corex.float64
    assert first.grad is not None
    assert first.grad.dtype is corex.float64
    assert net.count.dtype is corex.float64
    out = net(corex.ones(1, 3, dtype=corex.float64))
    out.sum().backward()
    net.float()
    assert first.dtype is corex.float32
    assert first.is_leaf
    assert first.requires_grad


def test_to_another_backend() -> None:
    with corex.use_backend("reference_py"):
        layer = nn.Linear(2, 2)
        values = layer.weight.tolist()
    weight = layer.weight
    layer.to(backend="cpu_c")
    assert layer.weight is weight
    assert weight.backend == "cpu_c"
    assert weight.tolist() == values


def test_copies_are_independent() -> None:
    net = Net()
    other = copy.deepcopy(net)
    assert list(other.state_dict()) == list(net.state_dict())
    assert other.first.weight is not net.first.weight
    assert other.first.weight is other._modules["first"]._parameters["weight"]
    with corex.no_grad():
        other.first.weight.add_(1)
    assert other.first.weight.tolist() != net.first.weight.tolist()
    shared = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    shared[1].weight = shared[0].weight
    again = copy.deepcopy(shared)
    assert again[0].weight is again[1].weight
    shallow = copy.copy(net)
    assert shallow.first is net.first
    shallow.third = nn.ReLU()
    assert not hasattr(net, "third")


def test_pickle() -> None:
    net = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2), nn.Tanh())
    net.eval()
    other = pickle.loads(pickle.dumps(net))
    x = corex.randn(4, 3)
    assert other(x).tolist() == net(x).tolist()
    assert isinstance(other[0].weight, nn.Parameter)
    assert other[0].weight.requires_grad
    assert not other.training


def test_a_module_dies_with_its_last_reference() -> None:
    gc.collect()
    gc.disable()
    try:
        net = Net()
        weight = weakref.ref(net.first.weight)
        del net
        assert weight() is None
    finally:
        gc.enable()


def test_repr() -> None:
    assert repr(nn.Linear(2, 3)) == "Linear(in_features=2, out_features=3, bias=True)"
    assert repr(nn.Module()) == "Module()"
    assert repr(Net()) == (
        "Net(\n"
        "  (first): Linear(in_features=3, out_features=4, bias=True)\n"
        "  (second): Sequential(\n"
        "    (0): Linear(in_features=4, out_features=2, bias=True)\n"
        "    (1): ReLU()\n"
        "  )\n"
        ")"
    )
    assert repr(nn.Parameter(corex.ones(2))) == (
        "Parameter containing:\ntensor([1., 1.], requires_grad=True)"
    )


def test_dir_lists_members() -> None:
    names = dir(Net())
    assert {"first", "scale", "count", "forward", "training"} <= set(names)
    assert not any(name[0].isdigit() for name in dir(nn.Sequential(nn.ReLU())))


def test_parameter_shares_memory_and_is_a_leaf() -> None:
    data = corex.arange(4.0)
    parameter = nn.Parameter(data)
    assert parameter.data_ptr() == data.data_ptr()
    assert parameter.is_leaf
    assert isinstance(parameter, Tensor)
    with corex.no_grad():
        parameter.mul_(2)
    assert data.tolist() == [0.0, 2.0, 4.0, 6.0]
    assert not nn.Parameter(corex.ones(1, dtype=corex.int64), requires_grad=False).requires_grad
    with pytest.raises(RuntimeError, match="floating point"):
        nn.Parameter(corex.ones(1, dtype=corex.int64))
    with pytest.raises(TypeError, match="must be a Tensor"):
        nn.Parameter([1.0])  # type: ignore[arg-type]


def test_ordered_dict_names_modules() -> None:
    net = nn.Sequential(OrderedDict(a=nn.Linear(1, 2), b=nn.Tanh()))
    assert list(net.state_dict()) == ["a.weight", "a.bias"]
    assert isinstance(net.b, nn.Tanh)
