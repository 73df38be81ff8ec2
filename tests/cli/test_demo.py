"""`corex demo`: it learns, it resumes exactly, and it says what is wrong."""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import corex
from corex.cli import demo as command_demo
from corex.cli import main
from corex.utils.data import digits
from tests.utils.data.test_digits import write_mnist

pytestmark = pytest.mark.slow  # processes of their own


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: Any) -> Any:
    monkeypatch.delenv("COREX_BACKEND", raising=False)
    before = corex.get_backend()
    yield
    corex.set_backend(before)


@pytest.fixture
def _no_picture(monkeypatch: Any) -> None:
    """For tests that look at numbers alone: drawing takes longer than their steps."""
    monkeypatch.setattr(command_demo, "draw", lambda *arguments: None)


def demo(out: Path, *arguments: str) -> int:
    return main(["demo", "--out", str(out), *arguments])


def losses(text: str) -> list[float]:
    return [float(value) for value in re.findall(r"^step +\d+ +loss ([\d.]+)", text, re.M)]


def command(out: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "corex", "demo", "--out", str(out), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
    )


def test_it_learns_the_digits(tmp_path: Path, capsys: Any) -> None:
    assert demo(tmp_path / "out", "--backend", "cpu_c") == 0
    text = capsys.readouterr().out
    assert "backend:  cpu_c (asked for by --backend)" in text
    line = r"^epoch +\d+ +loss [\d.]+ +training +[\d.]+ % +test +[\d.]+ %$"
    assert len(re.findall(line, text, re.M)) == 25
    (accuracy,) = re.findall(r"accuracy: ([\d.]+) % of the test images", text)
    assert float(accuracy) >= 97
    picture = (tmp_path / "out" / "digits.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    checkpoint = corex.load(tmp_path / "out" / "checkpoint.safetensors")
    assert checkpoint["progress"]["epoch"] == 25
    assert len(checkpoint["progress"]["losses"]) == 25 * 45


@pytest.mark.usefixtures("_no_picture")
def test_resuming_gives_the_same_numbers(tmp_path: Path, capsys: Any) -> None:
    """Stopped inside an epoch, at its end, and in the next one."""
    assert demo(tmp_path / "whole", "--backend", "cpu_c", "--steps", "60") == 0
    whole = capsys.readouterr().out
    pieces = ""
    for number, steps in enumerate(("20", "45", "60")):
        more = ("--resume",) if number else ()
        assert demo(tmp_path / "pieces", "--backend", "cpu_c", "--steps", steps, *more) == 0
        pieces += capsys.readouterr().out
    assert len(losses(whole)) == 60
    assert losses(pieces) == losses(whole)
    first, second = (
        corex.load(tmp_path / name / "checkpoint.safetensors") for name in ("whole", "pieces")
    )
    assert first["progress"] == second["progress"]
    assert first["random_state"].tolist() == second["random_state"].tolist()
    for name, tensor in first["network"].items():
        assert tensor.tolist() == second["network"][name].tolist()


@pytest.mark.usefixtures("_no_picture")
def test_backends_agree(tmp_path: Path, capsys: Any, monkeypatch: Any) -> None:
    few = partial(digits.sklearn_digits, test_fraction=0.02)
    monkeypatch.setattr(digits, "sklearn_digits", few)
    found = []
    for backend in ("cpu_c", "reference_py"):
        options = ("--backend", backend, "--steps", "6", "--batch-size", "16", "--seed", "3")
        assert demo(tmp_path / backend, *options) == 0
        found.append(losses(capsys.readouterr().out))
    np.testing.assert_allclose(found[0], found[1], atol=1e-4)


@pytest.mark.usefixtures("_no_picture")
def test_another_seed_gives_other_numbers(tmp_path: Path, capsys: Any) -> None:
    found = []
    for seed in ("1", "2", "1"):
        assert demo(tmp_path, "--backend", "cpu_c", "--steps", "3", "--seed", seed) == 0
        found.append(losses(capsys.readouterr().out))
    assert found[0] == found[2] != found[1]


@pytest.mark.usefixtures("_no_picture")
def test_ctrl_c_leaves_a_checkpoint(tmp_path: Path, capsys: Any) -> None:
    with command(tmp_path, "--epochs", "100000", "--backend", "cpu_c") as process:
        assert process.stdout is not None
        seen = ""
        for line in process.stdout:
            seen += line
            if line.startswith("epoch   2"):
                process.send_signal(signal.SIGINT)
                break
        seen += process.stdout.read()
    assert process.returncode == 130, seen
    assert "interrupted after epoch" in seen
    assert "--resume" in seen
    progress = corex.load(tmp_path / "checkpoint.safetensors")["progress"]
    done = len(progress["losses"])
    assert done == 45 * progress["epoch"] + progress["step"]
    assert demo(tmp_path, "--resume", "--steps", str(done + 1), "--backend", "cpu_c") == 0
    assert len(losses(capsys.readouterr().out)) == 1


def test_mnist_files(tmp_path: Path, capsys: Any) -> None:
    write_mnist(tmp_path)
    options = ("--data", str(tmp_path), "--epochs", "2", "--batch-size", "8", "--backend", "cpu_c")
    assert demo(tmp_path / "out", *options) == 0
    text = capsys.readouterr().out
    assert "20 training and 10 test images of 28x28" in text
    assert (tmp_path / "out" / "digits.png").exists()


def test_why_this_backend(tmp_path: Path) -> None:
    write_mnist(tmp_path)  # a few images
    options = ("--data", str(tmp_path), "--steps", "1", "--batch-size", "1")
    process = command(tmp_path, *options, COREX_BACKEND="reference_py")
    text = process.communicate()[0]
    assert process.returncode == 0, text
    assert "backend:  reference_py (asked for by COREX_BACKEND)" in text
    process = command(tmp_path, *options)
    text = process.communicate()[0]
    assert process.returncode == 0, text
    assert "(the first by precedence that can be used here" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--backend", "abacus"], "backend 'abacus' is not available"),
        (["--data", "/nowhere"], "there is no folder /nowhere; it should hold train-images-idx3"),
        (["--resume"], "No such file or directory"),
    ],
)
def test_errors_are_one_line(
    tmp_path: Path, capsys: Any, arguments: list[str], message: str
) -> None:
    assert demo(tmp_path, *arguments) == 1
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [["--epochs", "0"], ["--steps", "-1"], ["--lr", "0"], ["--seed", "-1"], ["--batch-size", "x"]],
)
def test_wrong_options(tmp_path: Path, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        demo(tmp_path, *arguments)
    assert caught.value.code == 2


@pytest.mark.usefixtures("_no_picture")
def test_foreign_checkpoints(tmp_path: Path, capsys: Any) -> None:
    options = ("--backend", "cpu_c", "--steps", "2")
    assert demo(tmp_path, *options) == 0
    capsys.readouterr()
    path = tmp_path / "checkpoint.safetensors"
    whole = path.read_bytes()
    assert demo(tmp_path, *options, "--resume", "--seed", "1", "--lr", "0.1") == 1
    error = capsys.readouterr().err
    assert "made with other settings: seed was 0, now 1; lr was 0.002, now 0.1" in error
    path.write_bytes(whole[:-7])
    assert demo(tmp_path, *options, "--resume") == 1
    assert "is not a complete safetensors file" in capsys.readouterr().err
    corex.save({"weight": corex.ones(2)}, path)
    assert demo(tmp_path, *options, "--resume") == 1
    assert "is not a checkpoint of corex demo" in capsys.readouterr().err


def test_missing_packages_are_named(tmp_path: Path, capsys: Any, monkeypatch: Any) -> None:
    real = importlib.util.find_spec
    absent = {"tqdm", "sklearn"}
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name in absent else real(name, *a)
    )
    assert demo(tmp_path) == 1
    error = capsys.readouterr().err
    assert "tqdm (the progress bar), sklearn (the bundled digits)" in error
    assert "pip install tqdm scikit-learn" in error
