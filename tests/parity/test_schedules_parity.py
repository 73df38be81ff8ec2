"""Stories of schedulers: several on one optimizer, rates set by hand, groups that join later."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch

import corex

SCHEDULES = {
    "StepLR": ["2", "3, 0.5", "1, gamma=0.7"],
    "MultiStepLR": ["[2, 5], 0.3", "[3, 3, 4]", "[]"],
    "ExponentialLR": ["0.9", "1.1"],
    "LinearLR": ["0.3", "0.25, 0.75, 4", "1.0, 0.0, 3"],
    "ConstantLR": ["0.3", "0.5, 3", "1.0, 2"],
    "CosineAnnealingLR": ["4, 0.01", "3", "20, 0.05"],
    "LambdaLR": ["lambda e: 0.9**e"],
}


def event(rng: random.Random) -> tuple[str, Any]:
    """What happens between two epochs."""
    kind = rng.choice(["step"] * 8 + ["set", "scale", "group", "new", "epoch"])
    names = sorted(SCHEDULES)
    name = rng.choice(names)
    value = {
        "set": rng.choice([0.3, 0.05]),
        "scale": rng.choice([0.5, 2.0]),
        "group": rng.choice([0.2, 0.7]),
        "new": f"{name}(O, {rng.choice(SCHEDULES[name])})",
        "epoch": rng.randrange(8),
    }
    return kind, value.get(kind)


def play(library: Any, events: list[tuple[str, Any]], tensor: bool) -> list[Any]:
    """The rates of all groups after each event, or the type of the error that ended the story."""

    def parameter() -> Any:
        made = library.nn.Parameter(library.ones(2))
        made.grad = library.ones(2)
        return made

    def rate(value: float) -> Any:
        return library.tensor(value, dtype=library.float64) if tensor else value

    optimizer = library.optim.SGD([parameter()], lr=rate(0.5))
    schedulers: list[Any] = []
    seen: list[Any] = []
    for kind, value in events:
        try:
            if kind == "step":
                optimizer.step()
                for scheduler in schedulers:
                    scheduler.step()
            elif kind == "epoch":
                for scheduler in schedulers:
                    scheduler.step(value)
            elif kind == "set":
                optimizer.param_groups[0]["lr"] = rate(value)
            elif kind == "scale":
                for group in optimizer.param_groups:
                    group["lr"] = group["lr"] * value
            elif kind == "group":
                optimizer.add_param_group({"params": [parameter()], "lr": rate(value)})
            else:
                names = {**vars(library.optim.lr_scheduler), "O": optimizer}
                schedulers.append(eval(value, names))
        except (ValueError, RuntimeError, TypeError, KeyError, ZeroDivisionError) as error:
            seen.append(type(error))
            return seen
        seen.append([float(group["lr"]) for group in optimizer.param_groups])
        seen += [[float(each) for each in scheduler.get_last_lr()] for scheduler in schedulers]
    return seen


@pytest.mark.parametrize("tensor", [False, True])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_stories(tensor: bool) -> None:
    for seed in range(400):
        rng = random.Random(seed)
        name = rng.choice(sorted(SCHEDULES))
        first = ("new", f"{name}(O, {rng.choice(SCHEDULES[name])})")
        events = [first, *[event(rng) for _ in range(12)]]
        ours, theirs = play(corex, events, tensor), play(torch, events, tensor)
        if theirs[-1] is ValueError and any("Cosine" in str(value) for _, value in events):
            # After T_max PyTorch's cosine wants as many initial rates as groups; ours goes on.
            ours, theirs = ours[: len(theirs) - 1], theirs[:-1]
        assert len(ours) == len(theirs), (seed, events, ours[-1], theirs[-1])
        for mine, other in zip(ours, theirs, strict=True):
            if isinstance(mine, list):
                assert mine == pytest.approx(other, rel=1e-6, abs=1e-12), (seed, events)
            else:
                assert mine is other, (seed, events)


@pytest.mark.parametrize(
    "text", [each for name in SCHEDULES for each in [f"{name}(O, {SCHEDULES[name][0]})"]]
)
def test_resuming(text: str) -> None:
    """A schedule goes on where it was, from the states of optimizer and scheduler or by epoch."""
    seen = []
    for library in (corex, torch):

        def fresh(lib: Any = library) -> Any:
            made = lib.nn.Parameter(lib.ones(2))
            made.grad = lib.ones(2)
            return lib.optim.SGD([made], lr=0.5)

        names = vars(library.optim.lr_scheduler)
        optimizer = fresh()
        scheduler = eval(text, {**names, "O": optimizer})
        for _ in range(4):
            optimizer.step()
            scheduler.step()
        rates = []
        other = fresh()
        resumed = eval(text, {**names, "O": other})
        other.load_state_dict(optimizer.state_dict())
        resumed.load_state_dict(scheduler.state_dict())
        for _ in range(4):
            other.step()
            resumed.step()
            rates.append(other.param_groups[0]["lr"])
        again = eval(f"{text[:-1]}, last_epoch=3)", {**names, "O": optimizer})
        rates += again.get_last_lr()
        seen.append(rates)
    assert seen[0] == pytest.approx(seen[1])


def test_plateau_with_a_group_that_joined_later() -> None:
    for least in (0.02, [0.02]):
        ends = []
        for library in (corex, torch):
            optimizer = library.optim.SGD([library.nn.Parameter(library.ones(1))], lr=0.5)
            scheduler = library.optim.lr_scheduler.ReduceLROnPlateau(
                optimizer, factor=0.3, patience=1, min_lr=least
            )
            optimizer.add_param_group({"params": [library.nn.Parameter(library.ones(1))]})
            try:
                for _ in range(9):
                    scheduler.step(1.0)
            except RuntimeError as error:
                ends.append([type(error)])
            else:
                ends.append([group["lr"] for group in optimizer.param_groups])
        assert ends[0] == (pytest.approx(ends[1]) if isinstance(ends[1][0], float) else ends[1])
