"""Optimizers against their formulas in NumPy float64, and the Optimizer's bookkeeping."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import corex
from corex import nn, optim
from corex.nn import Parameter

STEPS = 6


def values(seed: int = 0) -> list[Any]:
    rng = np.random.default_rng(seed)
    return [rng.uniform(-1, 1, (3, 4)), rng.uniform(-1, 1, (5,))]


def gradient(x: Any) -> Any:
    """Of sum(x⁴ / 4 + x³ / 3)."""
    return x**3 + x**2


def set_gradients(parameters: list[Parameter]) -> None:
    for parameter in parameters:
        parameter.grad = corex.tensor(gradient(parameter.detach().numpy()), dtype=parameter.dtype)


def sgd(x: Any, state: dict[str, Any], step: int, **o: Any) -> Any:
    g = gradient(x) * (-1 if o.get("maximize") else 1) + o.get("weight_decay", 0) * x
    if o.get("momentum"):
        first = step == 1
        state["m"] = g if first else o["momentum"] * state["m"] + (1 - o.get("dampening", 0)) * g
        g = g + o["momentum"] * state["m"] if o.get("nesterov") else state["m"]
    return x - o["lr"] * g


def adam(x: Any, state: dict[str, Any], step: int, **o: Any) -> Any:
    g = gradient(x) * (-1 if o.get("maximize") else 1)
    b1, b2 = o.get("betas", (0.9, 0.999))
    decay = o.get("weight_decay", 0)
    if o.get("decoupled"):
        x = x * (1 - o["lr"] * decay)
    else:
        g = g + decay * x
    state["m"] = b1 * state.get("m", 0) + (1 - b1) * g
    state["v"] = b2 * state.get("v", 0) + (1 - b2) * g * g
    mean, square = state["m"] / (1 - b1**step), state["v"] / (1 - b2**step)
    return x - o["lr"] * mean / (np.sqrt(square) + o.get("eps", 1e-8))


def rmsprop(x: Any, state: dict[str, Any], step: int, **o: Any) -> Any:
    g = gradient(x) + o.get("weight_decay", 0) * x
    alpha = o.get("alpha", 0.99)
    state["v"] = alpha * state.get("v", 0) + (1 - alpha) * g * g
    state["m"] = alpha * state.get("m", 0) + (1 - alpha) * g
    variance = state["v"] - state["m"] ** 2 if o.get("centered") else state["v"]
    state["b"] = o.get("momentum", 0) * state.get("b", 0) + g / (np.sqrt(variance) + 1e-8)
    return x - o["lr"] * state["b"]


def adagrad(x: Any, state: dict[str, Any], step: int, **o: Any) -> Any:
    g = gradient(x)
    state["v"] = state.get("v", 0) + g * g
    return x - o["lr"] / (1 + (step - 1) * o.get("lr_decay", 0)) * g / (np.sqrt(state["v"]) + 1e-10)


def adadelta(x: Any, state: dict[str, Any], step: int, **o: Any) -> Any:
    g = gradient(x)
    state["v"] = 0.9 * state.get("v", 0) + 0.1 * g * g
    change = np.sqrt(state.get("d", 0) + 1e-6) / np.sqrt(state["v"] + 1e-6) * g
    state["d"] = 0.9 * state.get("d", 0) + 0.1 * change * change
    return x - o["lr"] * change


def adamax(x: Any, state: dict[str, Any], step: int, **o: Any) -> Any:
    g = gradient(x)
    state["m"] = 0.9 * state.get("m", 0) + 0.1 * g
    state["u"] = np.maximum(0.999 * state.get("u", 0), abs(g) + 1e-8)
    return x - o["lr"] / (1 - 0.9**step) * state["m"] / state["u"]


CASES: list[tuple[type, Any, dict[str, Any]]] = [
    (optim.SGD, sgd, {"lr": 0.1}),
    (optim.SGD, sgd, {"lr": 0.1, "weight_decay": 0.2, "maximize": True}),
    (optim.SGD, sgd, {"lr": 0.1, "momentum": 0.9}),
    (optim.SGD, sgd, {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1}),
    (optim.SGD, sgd, {"lr": 0.1, "momentum": 0.8, "nesterov": True}),
    (optim.Adam, adam, {"lr": 0.1}),
    (optim.Adam, adam, {"lr": 0.1, "betas": (0.5, 0.9), "eps": 1e-3, "weight_decay": 0.1}),
    (optim.Adam, adam, {"lr": 0.1, "maximize": True}),
    (optim.AdamW, adam, {"lr": 0.1, "weight_decay": 0.2, "decoupled": True}),
    (optim.AdamW, adam, {"lr": 0.1, "weight_decay": 0.01, "decoupled": True, "maximize": True}),
    (optim.RMSprop, rmsprop, {"lr": 0.05}),
    (optim.RMSprop, rmsprop, {"lr": 0.02, "alpha": 0.8, "momentum": 0.5, "weight_decay": 0.1}),
    (optim.RMSprop, rmsprop, {"lr": 0.02, "alpha": 0.8, "centered": True}),
    (optim.Adagrad, adagrad, {"lr": 0.1, "lr_decay": 0.1}),
    (optim.Adadelta, adadelta, {"lr": 1.0}),
    (optim.Adamax, adamax, {"lr": 0.05}),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("cls", "formula", "options"), CASES)
def test_trajectory(
    each_backend: str, cls: Any, formula: Any, options: dict[str, Any], dtype: str
) -> None:
    expected = values()
    parameters = [Parameter(corex.tensor(v, dtype=getattr(corex, dtype))) for v in expected]
    known = [(p, p.data_ptr()) for p in parameters]
    optimizer = cls(parameters, **{k: v for k, v in options.items() if k != "decoupled"})
    states: list[dict[str, Any]] = [{}, {}]
    for step in range(1, STEPS + 1):
        set_gradients(parameters)
        optimizer.step()
        expected = [formula(x, s, step, **options) for x, s in zip(expected, states, strict=True)]
    tolerance = 2e-5 if dtype == "float32" else 1e-12
    for parameter, (same, pointer), value in zip(parameters, known, expected, strict=True):
        assert parameter is same
        assert parameter.data_ptr() == pointer
        assert parameter.is_leaf
        np.testing.assert_allclose(parameter.detach().numpy(), value, tolerance, tolerance)


@pytest.mark.parametrize("cls", [optim.SGD, optim.Adam, optim.AdamW])
def test_views_and_absent_gradients(each_backend: str, cls: Any) -> None:
    """Parameters that are views are updated through their strides; those without .grad are not."""
    base = corex.tensor(values()[0])
    view = base.t()[1:3].requires_grad_()
    plain = Parameter(corex.tensor(values()[0]).t()[1:3].clone())
    idle = Parameter(corex.ones(2))
    optimizer = cls([view, plain, idle], lr=0.1)
    for _ in range(3):
        for parameter in (view, plain):
            parameter.grad = parameter.detach() * 2
        optimizer.step()
    np.testing.assert_allclose(view.detach().numpy(), plain.detach().numpy(), 1e-14)
    np.testing.assert_array_equal(base[:, 0].numpy(), values()[0][:, 0])
    assert idle.tolist() == [1.0, 1.0]
    assert idle not in optimizer.state


def test_parameters_join_at_different_times(each_backend: str) -> None:
    """Each parameter counts its own steps."""
    alone, late = (Parameter(corex.tensor([1.0, -2.0], dtype=corex.float64)) for _ in range(2))
    together = optim.Adam([alone, late], lr=0.1)
    for step in range(4):
        alone.grad = alone.detach() * 3
        late.grad = late.detach() * 3 if step >= 2 else None
        together.step()
    other = Parameter(corex.tensor([1.0, -2.0], dtype=corex.float64))
    single = optim.Adam([other], lr=0.1)
    for _ in range(2):
        other.grad = other.detach() * 3
        single.step()
    np.testing.assert_allclose(late.detach().numpy(), other.detach().numpy(), 1e-14)

    first, second = (Parameter(corex.tensor([1.0])) for _ in range(2))
    momentum = optim.SGD([first, second], lr=1.0, momentum=0.5)
    first.grad = corex.tensor([1.0])
    momentum.step()
    second.grad = corex.tensor([1.0])
    momentum.step()
    assert first.item() == 1.0 - 1.0 - 1.5
    assert second.item() == 0.0


def test_mixed_dtypes_in_one_group(each_backend: str) -> None:
    parameters = [
        Parameter(corex.ones(2)), Parameter(corex.ones(2, dtype=corex.float64)),
    ]  # fmt: skip
    for cls in (optim.SGD, optim.Adam):
        optimizer = cls(parameters, lr=0.5)
        for parameter in parameters:
            parameter.grad = corex.ones_like(parameter).detach()
        optimizer.step()
    assert parameters[0].tolist() == pytest.approx([0.0, 0.0], abs=1e-6)
    assert parameters[1].tolist() == pytest.approx([0.0, 0.0], abs=1e-6)


def test_groups_have_their_own_options() -> None:
    a, b = Parameter(corex.ones(1)), Parameter(corex.ones(1))
    optimizer = optim.SGD([{"params": [a]}, {"params": b, "lr": 0.5}], lr=0.1, momentum=0.9)
    assert [g["lr"] for g in optimizer.param_groups] == [0.1, 0.5]
    assert optimizer.param_groups[1]["momentum"] == 0.9
    for parameter in (a, b):
        parameter.grad = corex.ones(1)
    optimizer.step()
    assert a.item() == pytest.approx(0.9)
    assert b.item() == pytest.approx(0.5)
    optimizer.add_param_group({"params": Parameter(corex.ones(1)), "lr": 7})
    assert len(optimizer.param_groups) == 3
    named = optim.SGD(nn.Linear(1, 1).named_parameters())
    assert named.param_groups[0]["param_names"] == ["weight", "bias"]


def test_closure_and_zero_grad() -> None:
    weight = Parameter(corex.tensor([2.0]))
    optimizer = optim.SGD([weight], lr=0.25)

    def closure() -> Any:
        optimizer.zero_grad()
        loss = (weight * weight).sum()
        loss.backward()
        return loss

    with corex.no_grad():
        assert optimizer.step(closure).item() == 4.0
    assert weight.item() == 1.0
    optimizer.zero_grad(set_to_none=False)
    assert weight.grad is not None
    assert weight.grad.tolist() == [0.0]
    optimizer.zero_grad()
    assert weight.grad is None
    assert optimizer.step() is None


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda p: optim.SGD(p, lr=-1), ValueError, "Invalid learning rate: -1"),
        (lambda p: optim.SGD(p, lr=float("nan")), ValueError, "Invalid learning rate: nan"),
        (lambda p: optim.SGD(p, momentum=-0.5), ValueError, "Invalid momentum value: -0.5"),
        (lambda p: optim.SGD(p, weight_decay=-1), ValueError, "Invalid weight_decay value: -1"),
        (lambda p: optim.SGD(p, nesterov=True), ValueError, "Nesterov momentum requires"),
        (lambda p: optim.SGD(p, differentiable=True), NotImplementedError, "differentiable"),
        (lambda p: optim.Adam(p, lr=-1), ValueError, "Invalid learning rate: -1"),
        (lambda p: optim.Adam(p, eps=-1), ValueError, "Invalid epsilon value: -1"),
        (lambda p: optim.Adam(p, betas=(1.0, 0.9)), ValueError, "parameter at index 0: 1.0"),
        (lambda p: optim.AdamW(p, betas=(0.9, -1)), ValueError, "parameter at index 1: -1"),
        (lambda p: optim.Adam(p, amsgrad=True), NotImplementedError, "Adam does not support"),
        (lambda p: optim.AdamW(p, weight_decay=-1), ValueError, "Invalid weight_decay value: -1"),
        (lambda p: optim.SGD([]), ValueError, "optimizer got an empty parameter list"),
        (lambda p: optim.SGD(p[0]), TypeError, "should be an iterable of Tensors or dicts"),
        (lambda p: optim.SGD([1.0]), TypeError, "can only optimize Tensors"),
        (lambda p: optim.SGD([p[0] * 2]), ValueError, "can't optimize a non-leaf Tensor"),
        (lambda p: optim.SGD(p + p), UserWarning, "group with duplicate parameters"),
        (lambda p: optim.SGD([{"params": set(p)}]), TypeError, "ordered collections"),
        (lambda p: optim.SGD([{"params": p}, {"params": p}]), ValueError, "more than one par"),
        (lambda p: optim.SGD(p).add_param_group(p), TypeError, "param_group must be a dict"),
        (lambda p: optim.SGD([("a", p[0]), p[0]]), ValueError, "with/without names"),
    ],
)  # fmt: skip
def test_bad_arguments(make: Any, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        make([Parameter(corex.ones(1))])


@pytest.mark.parametrize(
    ("cls", "options"),
    [
        (optim.SGD, {"lr": 0.1, "momentum": 0.9}), (optim.Adam, {"lr": 0.1}), (optim.AdamW, {}),
        (optim.RMSprop, {"momentum": 0.5, "centered": True}), (optim.Adagrad, {}),
        (optim.Adadelta, {}), (optim.Adamax, {}), (optim.NAdam, {}), (optim.RAdam, {}),
        (optim.Rprop, {}), (optim.ASGD, {"t0": 1}), (optim.Adafactor, {}),
    ],
)  # fmt: skip
def test_resuming_from_a_state_dict(each_backend: str, cls: Any, options: dict[str, Any]) -> None:
    def run(parameters: list[Parameter], optimizer: Any, steps: int) -> None:
        for _ in range(steps):
            set_gradients(parameters)
            optimizer.step()

    straight = [Parameter(corex.tensor(v)) for v in values()]
    first = cls(straight, **options)
    run(straight, first, 3)
    saved, weights = copy.deepcopy(first.state_dict()), [p.detach().clone() for p in straight]
    run(straight, first, 3)

    resumed = [Parameter(w) for w in weights]
    second = cls(resumed, lr=9.0)
    second.load_state_dict(saved)
    assert second.param_groups[0]["lr"] == first.param_groups[0]["lr"]
    run(resumed, second, 3)
    for a, b in zip(straight, resumed, strict=True):
        assert a.tolist() == b.tolist()
    third = pickle.loads(pickle.dumps(second))
    assert type(third) is cls
    assert third.param_groups[0]["params"][0].tolist() == resumed[0].tolist()
    assert list(third.state) == third.param_groups[0]["params"]


def test_state_dict_has_pytorchs_format() -> None:
    weight = Parameter(corex.ones(2))
    optimizer = optim.Adam([weight], lr=0.5)
    weight.grad = corex.ones(2)
    optimizer.step()
    state = optimizer.state_dict()
    assert list(state) == ["state", "param_groups"]
    assert state["param_groups"][0]["params"] == [0]
    assert list(state["state"][0]) == ["step", "exp_avg", "exp_avg_sq"]
    assert state["state"][0]["step"].item() == 1.0
    for count in (3, corex.tensor(3.0)):
        state["state"][0]["step"] = count
        optimizer.load_state_dict(state)
        assert optimizer.state[weight]["step"] == 3
    with pytest.raises(ValueError, match="different number of parameter groups"):
        optimizer.load_state_dict({"state": {}, "param_groups": []})
    with pytest.raises(ValueError, match="doesn't match the size"):
        optimizer.load_state_dict({"state": {}, "param_groups": [{"params": [0, 1]}]})


def test_hooks_around_step() -> None:
    weight = Parameter(corex.ones(1))
    optimizer = optim.SGD([weight])
    seen: list[str] = []
    before = optimizer.register_step_pre_hook(lambda o, args, kwargs: seen.append("pre"))
    optimizer.register_step_post_hook(lambda o, args, kwargs: seen.append("post"))
    optimizer.step()
    before.remove()
    optimizer.step()
    assert seen == ["pre", "post", "post"]


def test_a_step_is_seen_by_autograd_as_a_change() -> None:
    weight = Parameter(corex.ones(2))
    loss = (weight * weight).sum()
    weight.grad = corex.ones(2)
    optim.SGD([weight], lr=0.1).step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_repr() -> None:
    text = repr(optim.SGD([Parameter(corex.ones(1))], lr=0.1))
    assert text.startswith("SGD (\nParameter Group 0\n    dampening: 0\n")
    assert text.endswith("    weight_decay: 0\n)")
