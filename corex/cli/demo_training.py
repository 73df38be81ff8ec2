"""The network of `corex demo`, its training loop, and a checkpoint that loses nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any

import corex
from corex import Tensor, nn
from corex.errors import CorexError
from corex.optim import Adam
from corex.utils.data import BatchSampler, DataLoader, RandomSampler, TensorDataset
from corex.utils.data.digits import Digits


def build_network(size: tuple[int, int]) -> nn.Sequential:
    """Two convolutions and a linear layer, for images of `size` with one channel."""
    large = min(size) >= 16
    shrink = 4 if large else 2
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2) if large else nn.Identity(),
        nn.Conv2d(8, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.25),
        nn.Linear(16 * (size[0] // shrink) * (size[1] // shrink), 10),
    )


@dataclass(frozen=True)
class Settings:
    """What decides the numbers; a checkpoint can only be continued with the same."""

    data: str
    seed: int
    batch_size: int
    lr: float


@dataclass
class Progress:
    """How far the training is: finished epochs, and steps, loss and hits of the current one."""

    epoch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    correct: int = 0
    seen: int = 0
    losses: list[float] = field(default_factory=list)
    history: list[dict[str, float]] = field(default_factory=list)


class Trainer:
    """Trains the network on digits, one batch at a time.

    The order of the samples follows from the seed and the epoch's number alone, so that an epoch
    can be entered in the middle.
    """

    def __init__(self, digits: Digits, settings: Settings) -> None:
        corex.manual_seed(settings.seed)
        self.digits = digits
        self.settings = settings
        self.progress = Progress()
        self.train_set = TensorDataset(
            corex.tensor(digits.train_images), corex.tensor(digits.train_labels)
        )
        self.test_set = TensorDataset(
            corex.tensor(digits.test_images), corex.tensor(digits.test_labels)
        )
        height, width = digits.train_images.shape[2:]
        self.network = build_network((height, width))
        self.optimizer = Adam(self.network.parameters(), lr=settings.lr)

    @property
    def steps_per_epoch(self) -> int:
        """Batches of one epoch; the last may be smaller."""
        return -(-len(self.train_set) // self.settings.batch_size)

    def batches(self) -> Any:
        """The rest of the current epoch."""
        generator = corex.Generator()
        generator.manual_seed(self.settings.seed * 1_000_003 + self.progress.epoch)
        order = BatchSampler(
            RandomSampler(self.train_set, generator=generator), self.settings.batch_size, False
        )
        rest = list(islice(order, self.progress.step, None))
        return DataLoader(self.train_set, batch_sampler=rest)

    def train_step(self, images: Tensor, labels: Tensor) -> float:
        """One update; returns the batch's loss before it."""
        self.optimizer.zero_grad()
        scores = self.network(images)
        loss = nn.functional.cross_entropy(scores, labels)
        loss.backward()
        self.optimizer.step()
        value = float(loss.item())
        progress = self.progress
        progress.step += 1
        progress.loss_sum += value * len(labels)
        progress.correct += int((scores.argmax(1) == labels).sum().item())
        progress.seen += len(labels)
        progress.losses.append(value)
        return value

    def train_epoch(self, after_step: Callable[[float], bool]) -> bool:
        """Trains to the end of the current epoch; stops early, and returns False, when
        `after_step(loss)` does."""
        self.network.train()
        for images, labels in self.batches():
            if not after_step(self.train_step(images, labels)):
                return False
        return True

    def finish_epoch(self) -> dict[str, float]:
        """Measures the accuracy and goes on to the next epoch; returns the epoch's figures."""
        progress = self.progress
        figures = {
            "loss": progress.loss_sum / progress.seen,
            "train_accuracy": progress.correct / progress.seen,
            "test_accuracy": self.test_accuracy(),
        }
        progress.history.append(figures)
        progress.epoch += 1
        progress.step = progress.correct = progress.seen = 0
        progress.loss_sum = 0.0
        return figures

    def predict(self) -> tuple[list[int], list[float]]:
        """The predicted digit of every test image, and how sure the network is of it."""
        self.network.eval()
        digits: list[int] = []
        certain: list[float] = []
        with corex.no_grad():
            for images, _ in DataLoader(self.test_set, batch_size=256):
                chances = corex.softmax(self.network(images), 1)
                digits += chances.argmax(1).tolist()
                certain += chances.amax(1).tolist()
        return digits, certain

    def test_accuracy(self) -> float:
        """The part of the test images that the network gets right."""
        return self.right(self.predict()[0])

    def right(self, predicted: list[int]) -> float:
        """The part of the test images for which these are the digits."""
        right: int = sum(p == t for p, t in zip(predicted, self.digits.test_labels, strict=True))
        return right / len(predicted)

    # ---- checkpoints -------------------------------------------------------------------------
    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes everything that the rest of the training depends on."""
        corex.save(
            {
                "kind": "corex demo",
                "settings": asdict(self.settings),
                "progress": asdict(self.progress),
                "network": self.network.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "random_state": corex.get_rng_state(),
            },
            path,
        )

    def restore(self, path: str | os.PathLike[str]) -> None:
        """Continues where `save` was called.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is damaged.
            CorexError: it is no checkpoint of the demo, or was made with other settings.
        """
        content = corex.load(path)
        if not isinstance(content, dict) or content.get("kind") != "corex demo":
            raise CorexError(f"{path} is not a checkpoint of corex demo")
        mine, other = asdict(self.settings), content["settings"]
        changed = [
            f"{name} was {other.get(name)!r}, now {mine[name]!r}"
            for name in mine
            if mine[name] != other.get(name)
        ]
        if changed:
            raise CorexError(f"{path} was made with other settings: {'; '.join(changed)}")
        self.network.load_state_dict(content["network"])
        self.optimizer.load_state_dict(content["optimizer"])
        corex.set_rng_state(content["random_state"].cpu())
        self.progress = Progress(**content["progress"])
