"""Optimizers and schedules against PyTorch: trajectories, state dicts, reprs, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import corex

OPTIMIZERS = [
    "SGD(P, lr=0.1)",
    "SGD(P, lr=0.1, momentum=0.9, weight_decay=0.01)",
    "SGD(P, lr=0.1, momentum=0.9, dampening=0.2, maximize=True)",
    "SGD(P, lr=0.1, momentum=0.9, nesterov=True)",
    "Adam(P, lr=0.05)",
    "Adam(P, lr=0.05, betas=(0.8, 0.9), eps=1e-4, weight_decay=0.1)",
    "Adam(P, lr=0.05, weight_decay=0.1, decoupled_weight_decay=True, maximize=True)",
    "AdamW(P, lr=0.05)",
    "AdamW(P, lr=0.05, weight_decay=0.3)",
    "Adadelta(P)",
    "Adadelta(P, lr=0.5, rho=0.8, eps=1e-3, weight_decay=0.1, maximize=True)",
    "Adagrad(P, lr=0.1)",
    "Adagrad(P, lr=0.1, lr_decay=0.1, weight_decay=0.1, initial_accumulator_value=0.2, eps=1e-3)",
    "RMSprop(P, lr=0.01)",
    "RMSprop(P, lr=0.01, alpha=0.9, momentum=0.5, centered=True, weight_decay=0.1)",
    "RMSprop(P, lr=0.01, centered=True, maximize=True, eps=1e-3)",
    "Rprop(P, lr=0.01)",
    "Rprop(P, lr=0.01, etas=(0.4, 1.5), step_sizes=(1e-4, 0.05), maximize=True)",
    "Adafactor(P, lr=0.05)",
    "Adafactor(P, lr=0.05, beta2_decay=-0.6, eps=(1e-8, 1e-2), d=1.5, weight_decay=0.1)",
    "Adamax(P, lr=0.05)",
    "Adamax(P, lr=0.05, betas=(0.8, 0.9), eps=1e-3, weight_decay=0.1, maximize=True)",
    "NAdam(P, lr=0.05)",
    "NAdam(P, lr=0.05, weight_decay=0.1, momentum_decay=0.01, decoupled_weight_decay=True)",
    "NAdam(P, lr=0.05, weight_decay=0.1, betas=(0.8, 0.9), maximize=True)",
    "RAdam(P, lr=0.05)",
    "RAdam(P, lr=0.05, weight_decay=0.1, betas=(0.8, 0.9), decoupled_weight_decay=True)",
    "RAdam(P, lr=0.05, weight_decay=0.1, maximize=True)",
    "ASGD(P, lr=0.05)",
    "ASGD(P, lr=0.05, lambd=0.1, alpha=0.5, t0=3, weight_decay=0.1)",
]
DATA = np.random.default_rng(0).normal(size=(16, 3)), np.random.default_rng(1).normal(size=(16, 2))
NETWORK = "Sequential(Linear(3, 5), Tanh(), Linear(5, 2))"


def pair(text: str, dtype: str) -> tuple[Any, Any, Any, Any]:
    theirs = eval(NETWORK, vars(torch.nn)).to(getattr(torch, dtype))
    ours = eval(NETWORK, vars(corex.nn)).to(getattr(corex, dtype))
    ours.load_state_dict(theirs.state_dict())
    mine = eval(text, {**vars(corex.optim), "P": ours.parameters()})
    other = eval(text, {**vars(torch.optim), "P": theirs.parameters()})
    return ours, theirs, mine, other


def train(library: Any, network: Any, optimizer: Any, steps: int, dtype: str) -> list[float]:
    x, y = (library.tensor(a, dtype=getattr(library, dtype)) for a in DATA)
    losses = []
    for _ in range(steps):
        loss = library.nn.functional.mse_loss(network(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("text", OPTIMIZERS)
def test_trajectory(each_backend: str, text: str, dtype: str) -> None:
    ours, theirs, mine, other = pair(text, dtype)
    assert repr(mine) == repr(other)
    steps = 12
    rel = 1e-4 if dtype == "float32" else 1e-9
    losses = train(corex, ours, mine, steps, dtype)
    assert losses == pytest.approx(train(torch, theirs, other, steps, dtype), rel=rel)
    a, b = mine.state_dict(), other.state_dict()
    assert a["param_groups"] == b["param_groups"]
    assert list(a["state"]) == list(b["state"])
    for i, state in b["state"].items():
        assert list(a["state"][i]) == list(state)
        for name, value in state.items():
            np.testing.assert_allclose(
                a["state"][i][name].numpy(), value.numpy(), rel * 10, rel, err_msg=name
            )


@pytest.mark.parametrize("text", OPTIMIZERS)
def test_optimizer_states_of_torch_can_be_continued(text: str) -> None:
    ours, theirs, mine, other = pair(text, "float64")
    train(torch, theirs, other, 5, "float64")
    ours.load_state_dict(theirs.state_dict())
    state = other.state_dict()
    state["state"] = {
        number: {name: corex.tensor(value.numpy()) for name, value in entries.items()}
        for number, entries in state["state"].items()
    }
    mine.load_state_dict(state)
    losses = train(corex, ours, mine, 5, "float64")
    assert losses == pytest.approx(train(torch, theirs, other, 5, "float64"), rel=1e-9)


@pytest.mark.parametrize("options", ["", ", nesterov=False, adjust_lr_fn='match_rms_adamw'"])
def test_muon(options: str) -> None:
    """Its steps are in bfloat16, of which each product rounds by itself."""
    weights = np.random.default_rng(0).normal(size=(6, 4))
    found = []
    for library in (torch, corex):
        parameter = library.nn.Parameter(library.tensor(weights))
        optimizer = eval(f"library.optim.Muon([parameter], lr=0.1{options})")
        for _ in range(4):
            parameter.grad = (parameter.detach() ** 3).clone()
            optimizer.step()
        found.append(parameter.detach().numpy())
    np.testing.assert_allclose(found[1], found[0], atol=0.02)
    assert abs(found[1] - weights).max() > 0.1


SCHEDULES = [
    "StepLR(O, 3)", "MultiStepLR(O, [2, 5], 0.3)", "ExponentialLR(O, 0.9)",
    "LinearLR(O)", "ConstantLR(O)", "CosineAnnealingLR(O, 20, 0.01)",
    "LambdaLR(O, lambda e: 0.9 ** e)", "MultiplicativeLR(O, lambda e: 1 - 0.02 * e)",
    "PolynomialLR(O, 6, 2.0)", "CosineAnnealingWarmRestarts(O, 4)",
    "CosineAnnealingWarmRestarts(O, 3, 2, 0.01)", "CyclicLR(O, 0.01, 0.2, 3)",
    "CyclicLR(O, 0.01, 0.2, 3, 2, 'triangular2', base_momentum=0.7)",
    "CyclicLR(O, 0.01, 0.2, 2, mode='exp_range', gamma=0.95, cycle_momentum=False)",
    "CyclicLR(O, 0.01, 0.2, 4, scale_fn=lambda x: 1 / x, scale_mode='cycle')",
    "OneCycleLR(O, 0.4, 16)", "OneCycleLR(O, 0.4, epochs=4, steps_per_epoch=4, pct_start=0.25)",
    "OneCycleLR(O, 0.4, 16, anneal_strategy='linear', three_phase=True, final_div_factor=10)",
    "OneCycleLR(O, 0.4, 16, cycle_momentum=False, div_factor=5.0)",
    "SequentialLR(O, [ConstantLR(O, 0.1, 3), ExponentialLR(O, 0.8)], [3])",
    "SequentialLR(O, [LinearLR(O, 0.1, total_iters=4), CosineAnnealingLR(O, 6), StepLR(O, 2)],"
    " [4, 9])",
    "ChainedScheduler([ConstantLR(O, 0.1, 3), ExponentialLR(O, 0.8)])",
    "ChainedScheduler([LinearLR(O), MultiStepLR(O, [3, 8])], O)",
]  # fmt: skip


@pytest.mark.parametrize("text", SCHEDULES)
def test_schedule(text: str) -> None:
    rates = []
    for library in (corex, torch):
        parameter = library.nn.Parameter(library.ones(1))
        parameter.grad = library.ones(1)
        optimizer = library.optim.SGD([parameter], lr=0.5, momentum=0.9)
        scheduler = eval(text, {**vars(library.optim.lr_scheduler), "O": optimizer})
        found = []
        for _ in range(15):
            optimizer.step()
            scheduler.step()
            group = optimizer.param_groups[0]
            found += [group["lr"], group["momentum"], *scheduler.get_last_lr()]
        rates.append(found)
    assert rates[0] == pytest.approx(rates[1])


def test_plateau() -> None:
    metrics = [3.0, 2.0, 2.0, 2.1, 1.99999, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    rates = []
    for library in (corex, torch):
        optimizer = library.optim.SGD([library.nn.Parameter(library.ones(1))], lr=0.5)
        scheduler = library.optim.lr_scheduler.ReduceLROnPlateau(
            optimizer, factor=0.3, patience=2, cooldown=1, min_lr=0.02
        )
        found = []
        for metric in metrics:
            scheduler.step(metric)
            found.append(optimizer.param_groups[0]["lr"])
        rates.append(found)
    assert rates[0] == pytest.approx(rates[1])


ERRORS = [
    "SGD(P, lr=-1.0)", "SGD(P, momentum=-1.0)", "SGD(P, nesterov=True)", "SGD([])", "SGD(P[0])",
    "SGD([1])", "SGD([P[0] * 2])", "Adam(P, betas=(1.0, 0.0))", "Adam(P, eps=-1.0)",
    "AdamW(P, weight_decay=-1.0)", "SGD([{'params': P}, {'params': P}])",
    "SGD([{'params': set(P)}])", "SGD(P).add_param_group(3)",
    "SGD(P).load_state_dict({'state': {}, 'param_groups': []})",
]  # fmt: skip


@pytest.mark.parametrize("text", ERRORS)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_errors_have_the_same_type(text: str) -> None:
    with pytest.raises(Exception) as theirs:
        eval(text, {**vars(torch.optim), "P": [torch.nn.Parameter(torch.ones(1))]})
    with pytest.raises(Exception) as ours:
        eval(text, {**vars(corex.optim), "P": [corex.nn.Parameter(corex.ones(1))]})
    assert ours.type is theirs.type
    first = str(theirs.value).split(",")[0].split(" got")[0].replace("torch.", "corex.")
    if "params" not in first:
        assert first.split(" but")[0] in str(ours.value)
