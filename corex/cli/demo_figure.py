"""The picture that `corex demo` leaves: how the loss fell, and what the network sees."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from corex.cli.demo_training import Trainer

_BLUE, _ORANGE, _RED, _GREY = "#2563a8", "#d97706", "#c0262d", "#6b7280"
_COLUMNS = 12


def _smooth(values: Sequence[float], weight: float = 0.9) -> list[float]:
    """The exponential moving average, without its bias at the start."""
    result = []
    mean = scale = 0.0
    for value in values:
        mean = weight * mean + (1 - weight) * value
        scale = weight * scale + (1 - weight)
        result.append(mean / scale)
    return result


def draw(
    trainer: Trainer,
    predicted: Sequence[int],
    certain: Sequence[float],
    path: str | os.PathLike[str],
    backend: str,
) -> None:
    """Writes the PNG, with what `Trainer.predict` answered.

    Raises:
        ImportError: matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("the picture needs matplotlib: pip install matplotlib") from error
    truth = [int(label) for label in trainer.digits.test_labels]
    wrong = [i for i, (p, t) in enumerate(zip(predicted, truth, strict=True)) if p != t]
    wrong.sort(key=lambda i: -certain[i])

    figure = Figure(figsize=(11, 9), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    right = 100 * (1 - len(wrong) / len(truth))
    figure.suptitle(
        f"{trainer.digits.name}: {right:.1f} % of {len(truth)} test images right, "
        f"trained on {backend}",
        fontsize=14,
        fontweight="bold",
    )
    layout = figure.add_gridspec(3, 2, height_ratios=[1.0, 1.25, 0.5])
    _draw_loss(figure.add_subplot(layout[0, 0]), trainer)
    _draw_accuracy(figure.add_subplot(layout[0, 1]), trainer)
    seen, missed = figure.add_subplot(layout[1, :]), figure.add_subplot(layout[2, :])
    first = list(range(min(3 * _COLUMNS, len(truth))))
    _draw_grid(
        seen,
        trainer,
        first,
        predicted,
        truth,
        3,
        "The first test images and what they were taken for",
    )
    title = (
        f"All {len(wrong)} mistakes, predicted ← true"
        if len(wrong) <= _COLUMNS
        else f"The surest of {len(wrong)} mistakes, predicted ← true"
    )
    if not wrong:
        title = "No mistakes"
    _draw_grid(missed, trainer, wrong[:_COLUMNS], predicted, truth, 1, title)
    figure.savefig(path, dpi=110)


def _style(axes: Any, title: str, x_label: str) -> None:
    axes.set_title(title, loc="left", fontsize=11)
    axes.set_xlabel(x_label)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)


def _draw_loss(axes: Any, trainer: Trainer) -> None:
    losses = trainer.progress.losses
    steps = range(1, len(losses) + 1)
    axes.plot(steps, losses, color=_BLUE, alpha=0.25, linewidth=0.8, label="each batch")
    axes.plot(steps, _smooth(losses), color=_BLUE, linewidth=1.8, label="moving average")
    if losses and min(losses) > 0:
        axes.set_yscale("log")
    _style(axes, "Training loss (cross-entropy)", "step")
    axes.legend(frameon=False, fontsize=9)


def _draw_accuracy(axes: Any, trainer: Trainer) -> None:
    history = trainer.progress.history
    epochs = range(1, len(history) + 1)
    for name, label, colour in (
        ("train_accuracy", "training (with dropout)", _ORANGE),
        ("test_accuracy", "test", _BLUE),
    ):
        values = [100 * figures[name] for figures in history]
        axes.plot(epochs, values, "o-", color=colour, linewidth=1.8, markersize=4, label=label)
    axes.axhline(97, color=_GREY, linewidth=0.8, linestyle=":")
    axes.xaxis.get_major_locator().set_params(integer=True)
    _style(axes, "Accuracy in %", "epoch")
    axes.legend(frameon=False, fontsize=9, loc="lower right")


def _draw_grid(
    axes: Any,
    trainer: Trainer,
    chosen: Sequence[int],
    predicted: Sequence[int],
    truth: Sequence[int],
    rows: int,
    title: str,
) -> None:
    """All images as tiles of one picture, each with its label above."""
    images = trainer.digits.test_images
    height, width = images.shape[2:]
    wide, high = width * 1.35, height * 1.5
    axes.set_title(title, loc="left", fontsize=11)
    axes.set_xlim(0, wide * _COLUMNS)
    axes.set_ylim(high * rows, 0)
    axes.set_aspect("equal")
    axes.axis("off")
    for place, i in enumerate(chosen):
        x, y = wide * (place % _COLUMNS), high * (place // _COLUMNS)
        left, top = x + (wide - width) / 2, y + high - height
        axes.imshow(
            images[i][0],
            cmap="gray_r",
            vmin=0,
            vmax=1,
            extent=(left, left + width, top + height, top),
        )
        good = predicted[i] == truth[i]
        axes.text(
            x + wide / 2,
            top - 0.05 * height,
            f"{predicted[i]}" if good else f"{predicted[i]} ← {truth[i]}",
            ha="center",
            va="bottom",
            fontsize=10,
            color="black" if good else _RED,
            fontweight="normal" if good else "bold",
        )
    # imshow moved the limits to the last image.
    axes.set_xlim(0, wide * _COLUMNS)
    axes.set_ylim(high * rows, 0)
