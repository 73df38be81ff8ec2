"""`corex demo`: train a small convolutional network on handwritten digits."""

from __future__ import annotations

import argparse
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import corex
from corex.cli.demo_figure import draw
from corex.cli.demo_training import Settings, Trainer
from corex.errors import CorexError
from corex.utils.data import digits

CHECKPOINT = "checkpoint.safetensors"
PICTURE = "digits.png"
_NEEDED = {
    "tqdm": "the progress bar",
    "matplotlib": "the picture",
    "safetensors": "the checkpoint",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument("--backend", metavar="NAME", help="the backend to run on")
    parser.add_argument("--epochs", type=_at_least(1), default=25, metavar="N",
                        help="passes over the training images (default: 25)")  # fmt: skip
    parser.add_argument("--steps", type=_at_least(1), metavar="N",
                        help="stop after this many steps, and print each loss")  # fmt: skip
    parser.add_argument("--seed", type=_at_least(0), default=0, metavar="N",
                        help="of weights, order and dropout (default: 0)")  # fmt: skip
    parser.add_argument("--batch-size", type=_at_least(1), default=32, metavar="N",
                        help="images per step (default: 32)")  # fmt: skip
    parser.add_argument("--lr", type=_rate, default=2e-3, metavar="X",
                        help="Adam's learning rate (default: 0.002)")  # fmt: skip
    parser.add_argument("--data", type=Path, metavar="DIR",
                        help="folder with the four MNIST IDX files, instead of the 1797 images "
                             "that come with scikit-learn")  # fmt: skip
    parser.add_argument("--out", type=Path, default=Path("demo_output"), metavar="DIR",
                        help="for checkpoint and picture (default: demo_output)")  # fmt: skip
    parser.add_argument("--resume", action="store_true",
                        help="continue from the checkpoint in the output folder")  # fmt: skip


def _at_least(lowest: int) -> Any:
    def number(text: str) -> int:
        value = int(text)
        if value < lowest:
            raise argparse.ArgumentTypeError(f"must be at least {lowest}, got {value}")
        return value

    return number


def _rate(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a positive number, got {text}")
    return value


def run(args: argparse.Namespace) -> int:
    """Trains; returns 0, or 130 if Ctrl-C ended it."""
    _check_packages(args)
    reason = _choose_backend(args.backend)
    try:
        data = digits.mnist(args.data) if args.data else digits.sklearn_digits()
    except ImportError as error:
        raise CorexError(str(error)) from error
    settings = Settings(data.name, args.seed, args.batch_size, args.lr)
    trainer = Trainer(data, settings)
    args.out.mkdir(parents=True, exist_ok=True)
    checkpoint = args.out / CHECKPOINT
    count = sum(parameter.numel() for parameter in trainer.network.parameters())
    images = data.train_images.shape
    print(f"data:     {data.name}: {images[0]} training and {len(data.test_labels)} test images "
          f"of {images[2]}x{images[3]}")  # fmt: skip
    print(f"backend:  {corex.get_backend()} ({reason})")
    print(f"network:  {count} parameters, {trainer.steps_per_epoch} steps per epoch")
    if args.resume:
        trainer.restore(checkpoint)
        at = trainer.progress
        print(f"resumed:  {checkpoint}, after epoch {at.epoch}, step {at.step}")
    return _train(trainer, args, checkpoint)


def _check_packages(args: argparse.Namespace) -> None:
    import importlib.util

    needed = dict(_NEEDED) if args.data else {**_NEEDED, "sklearn": "the bundled digits"}
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        uses = ", ".join(f"{name} ({needed[name]})" for name in missing)
        packages = " ".join("scikit-learn" if name == "sklearn" else name for name in missing)
        raise CorexError(f"the demo needs {uses}: pip install {packages}")


def _choose_backend(name: str | None) -> str:
    """Selects the backend; returns why it is this one."""
    if name is not None:
        corex.set_backend(name)
        return "asked for by --backend"
    corex.get_backend()
    if os.environ.get("COREX_BACKEND"):
        return "asked for by COREX_BACKEND"
    return "the first by precedence that can be used here; see corex backends"


@contextmanager
def _interruptible() -> Iterator[list[bool]]:
    """Yields a list that fills up when Ctrl-C is pressed; a second Ctrl-C stops at once.

    A step is thus never torn: weights, optimizer and progress always belong together.
    """
    pressed: list[bool] = []

    def on_signal(number: int, frame: FrameType | None) -> None:
        if pressed:
            raise KeyboardInterrupt
        pressed.append(True)

    before = signal.signal(signal.SIGINT, on_signal)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)


def _train(trainer: Trainer, args: argparse.Namespace, checkpoint: Path) -> int:
    progress = trainer.progress
    started = time.perf_counter()
    with _interruptible() as pressed:
        finished = True
        while finished and progress.epoch < args.epochs and not _enough(trainer, args):
            finished = _epoch(trainer, args, pressed)
            trainer.save(checkpoint)
    seconds = time.perf_counter() - started
    if pressed:
        print(f"\ninterrupted after epoch {progress.epoch}, step {progress.step}; "
              f"continue with --resume ({checkpoint})")  # fmt: skip
        return 130
    print(f"trained:  {len(progress.losses)} steps in all, {seconds:.1f} s this time")
    picture = args.out / PICTURE
    predicted, certain = trainer.predict()
    draw(trainer, predicted, certain, picture, corex.get_backend())
    accuracy = trainer.right(predicted)
    print(f"accuracy: {100 * accuracy:.2f} % of the test images")
    print(f"wrote:    {checkpoint} and {picture}")
    return 0


def _enough(trainer: Trainer, args: argparse.Namespace) -> bool:
    return args.steps is not None and len(trainer.progress.losses) >= args.steps


def _epoch(trainer: Trainer, args: argparse.Namespace, pressed: list[bool]) -> bool:
    """Trains one epoch with a progress bar; returns False if it was left early."""
    from tqdm import tqdm

    progress = trainer.progress
    bar = tqdm(
        total=trainer.steps_per_epoch,
        initial=progress.step,
        desc=f"epoch {progress.epoch + 1}/{args.epochs}",
        unit="step",
        leave=False,
        disable=None,  # unless on a terminal
    )

    def after_step(loss: float) -> bool:
        bar.update()
        bar.set_postfix(loss=f"{progress.loss_sum / progress.seen:.4f}", refresh=False)
        if args.steps is not None:
            bar.write(f"step {len(progress.losses):4d}  loss {loss:.6f}")
        return not (pressed or _enough(trainer, args))

    with bar:
        trainer.train_epoch(after_step)
    if progress.step < trainer.steps_per_epoch:
        return False
    figures = trainer.finish_epoch()
    print(f"epoch {progress.epoch:3d}  loss {figures['loss']:.4f}  "
          f"training {100 * figures['train_accuracy']:6.2f} %  "
          f"test {100 * figures['test_accuracy']:6.2f} %")  # fmt: skip
    return not pressed
