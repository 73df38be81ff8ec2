"""The digits that come with scikit-learn, and MNIST's files."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from corex.utils.data.digits import MNIST_FILES, mnist, read_idx, sklearn_digits


def idx(array: Any) -> bytes:
    codes = {"uint8": 0x08, "int32": 0x0C, "float32": 0x0D}
    header = bytes([0, 0, codes[array.dtype.name], array.ndim])
    header += struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def write_mnist(folder: Path, compress: bool = False) -> None:
    rng = np.random.default_rng(0)
    for part, name in MNIST_FILES.items():
        count = 20 if part.startswith("train") else 10
        shape = (count, 28, 28) if part.endswith("images") else (count,)
        content = idx(rng.integers(0, 256 if len(shape) > 1 else 10, shape).astype(np.uint8))
        if compress:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        else:
            (folder / name).write_bytes(content)


def test_bundled_digits() -> None:
    digits = sklearn_digits()
    assert digits.train_images.shape == (1438, 1, 8, 8)
    assert digits.test_images.shape == (359, 1, 8, 8)
    assert digits.train_images.dtype == np.float32
    assert digits.train_images.min() == 0
    assert digits.train_images.max() == 1
    assert set(digits.test_labels.tolist()) == set(range(10))
    assert (sklearn_digits(seed=0).test_labels == digits.test_labels).all()
    assert (sklearn_digits(seed=1).test_labels != digits.test_labels).any()


@pytest.mark.full  # imports scikit-learn, which takes seconds
def test_bundled_digits_are_those_that_scikit_learn_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    digits = sklearn_digits()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for ours, theirs in zip(digits[1:], sklearn_digits()[1:], strict=True):
        np.testing.assert_array_equal(ours, theirs)
        assert ours.dtype == theirs.dtype


@pytest.mark.parametrize("compress", [False, True])
def test_mnist_files(tmp_path: Path, compress: bool) -> None:
    write_mnist(tmp_path, compress)
    digits = mnist(tmp_path)
    assert digits.train_images.shape == (20, 1, 28, 28)
    assert digits.test_labels.shape == (10,)
    assert digits.train_images.dtype == np.float32
    assert digits.train_images.max() <= 1
    assert digits.test_labels.dtype == np.int64


@pytest.mark.parametrize("dtype", ["uint8", "int32", "float32"])
def test_idx_arrays_of_other_types(tmp_path: Path, dtype: str) -> None:
    array = np.arange(24).reshape(2, 3, 4).astype(dtype)
    path = tmp_path / "x"
    path.write_bytes(idx(array))
    assert read_idx(path).dtype == dtype
    np.testing.assert_array_equal(read_idx(path), array)


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        mnist(tmp_path / "nowhere")
    assert str(tmp_path / "nowhere") in str(caught.value)
    write_mnist(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(FileNotFoundError) as caught:
        mnist(tmp_path)
    assert str(tmp_path / "t10k-labels-idx1-ubyte") in str(caught.value)
    assert all(name in str(caught.value) for name in MNIST_FILES.values())


def broken(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        path = folder / MNIST_FILES[name]
        path.write_bytes(change(path.read_bytes()))

    return apply


BROKEN = [
    (broken("train_images", lambda b: b[:-1]), "train-images-idx3-ubyte is truncated"),
    (broken("train_images", lambda b: b[:9]), "truncated: its header"),
    (broken("train_images", lambda b: b + b"x"), "too long"),
    (broken("test_labels", lambda b: b""), r"not an IDX file: it starts with the bytes \(none\)"),
    (broken("test_labels", lambda b: b"<html>"), "not an IDX file: it starts with the bytes 3c 68"),
    (broken("test_labels", lambda b: gzip.compress(b)[:-9]), "damaged gzip"),
    (broken("test_labels", lambda b: b"\x1f\x8bnot gzip"), "damaged gzip"),
    (
        broken("train_labels", lambda b: idx(np.zeros(3, np.uint8))),
        "20 images, but.*3 labels",
    ),
    (broken("train_labels", lambda b: idx(np.full(20, 11, np.uint8))), "other than 0 to 9"),
    (broken("train_images", lambda b: idx(np.zeros(20, np.uint8))), "should hold images"),
    (broken("test_images", lambda b: idx(np.zeros((10, 2, 2), np.uint8))), "differ in size"),
]


@pytest.mark.parametrize(("spoil", "message"), BROKEN)
def test_damaged_files_are_refused(tmp_path: Path, spoil: Any, message: str) -> None:
    write_mnist(tmp_path)
    spoil(tmp_path)
    with pytest.raises(ValueError, match=message):
        mnist(tmp_path)
