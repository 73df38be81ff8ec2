"""Handwritten digits: scikit-learn's bundled 8x8 images, and MNIST's IDX files."""

from __future__ import annotations

import gzip
import importlib.util
import math
import os
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

MNIST_FILES = {
    "train_images": "train-images-idx3-ubyte",
    "train_labels": "train-labels-idx1-ubyte",
    "test_images": "t10k-images-idx3-ubyte",
    "test_labels": "t10k-labels-idx1-ubyte",
}


class Digits(NamedTuple):
    """Images of digits, as float32 arrays (N, 1, H, W) in [0, 1], and their int64 labels (N,)."""

    name: str
    train_images: Any
    train_labels: Any
    test_images: Any
    test_labels: Any


def sklearn_digits(test_fraction: float = 0.2, seed: int = 0) -> Digits:
    """The 1797 images that come with scikit-learn, split at random.

    Args:
        test_fraction: the part that is kept for testing.
        seed: of the split.

    Raises:
        ImportError: scikit-learn is not installed.
    """
    table = _sklearn_table()
    images = (table[:, :-1].reshape(-1, 1, 8, 8) / 16.0).astype(np.float32)
    labels = table[:, -1].astype(np.int64)
    order = np.random.default_rng(seed).permutation(len(labels))
    cut = round(len(labels) * test_fraction)
    test, train = order[:cut], order[cut:]
    return Digits("scikit-learn digits", images[train], labels[train], images[test], labels[test])


def _sklearn_table() -> Any:
    """A row for each image: its pixels and its label.

    Read from scikit-learn's file, as to import scikit-learn takes longer than a short training.
    """
    spec = importlib.util.find_spec("sklearn")
    for folder in (spec and spec.submodule_search_locations) or ():
        path = Path(folder) / "datasets" / "data" / "digits.csv.gz"
        if path.is_file():
            return np.loadtxt(path, delimiter=",")
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError(
            "the bundled digits need scikit-learn: pip install scikit-learn"
        ) from error
    bunch = load_digits()
    return np.column_stack([bunch.data, bunch.target])


def mnist(folder: str | os.PathLike[str]) -> Digits:
    """MNIST, or a data set in its format, from four IDX files, plain or with the suffix `.gz`.

    Args:
        folder: where the files are.

    Raises:
        FileNotFoundError: the folder or a file is missing; the message lists the four names.
        ValueError: a file is truncated, no IDX file, or does not fit the others.
    """
    root = Path(folder)
    paths = {part: _find(root, name) for part, name in MNIST_FILES.items()}
    arrays = {part: read_idx(path) for part, path in paths.items()}
    for split in ("train", "test"):
        images, labels = arrays[f"{split}_images"], arrays[f"{split}_labels"]
        where = paths[f"{split}_images"], paths[f"{split}_labels"]
        if images.ndim != 3 or labels.ndim != 1 or images.dtype != np.uint8:
            raise ValueError(
                f"{where[0]} and {where[1]} should hold images (N, H, W) of bytes and labels (N), "
                f"but hold {images.shape} of {images.dtype} and {labels.shape}"
            )
        if len(images) != len(labels) or not len(images):
            raise ValueError(
                f"{where[0]} holds {len(images)} images, but {where[1]} {len(labels)} labels"
            )
        if labels.min() < 0 or labels.max() > 9:
            raise ValueError(f"{where[1]} holds labels other than 0 to 9")
    if arrays["train_images"].shape[1:] != arrays["test_images"].shape[1:]:
        raise ValueError(f"training and test images in {root} differ in size")
    return Digits(
        f"MNIST files in {root}",
        *(
            (array[:, None] / np.float32(255)).astype(np.float32)
            if part.endswith("images")
            else array.astype(np.int64)
            for part, array in arrays.items()
        ),
    )


def _find(root: Path, name: str) -> Path:
    for path in (root / name, root / f"{name}.gz"):
        if path.is_file():
            return path
    names = ", ".join(MNIST_FILES.values())
    if not root.is_dir():
        raise FileNotFoundError(f"there is no folder {root}; it should hold {names} (or .gz)")
    raise FileNotFoundError(
        f"there is no file {root / name} (or .gz); the folder should hold {names}"
    )


# Type codes of the IDX format; numbers are big-endian.
_IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: str | os.PathLike[str]) -> Any:
    """The array in an IDX file: two zero bytes, a type code, the number of dimensions, their
    sizes as big-endian 32-bit numbers, the elements. Compressed files are recognised.

    Raises:
        ValueError: it is truncated, too long, or no IDX file.
    """
    content = Path(path).read_bytes()
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (EOFError, OSError, zlib.error) as error:
            raise ValueError(f"{path} is a damaged gzip file: {error}") from error
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _IDX_TYPES:
        start = content[:4].hex(" ") or "(none)"
        raise ValueError(f"{path} is not an IDX file: it starts with the bytes {start}")
    dtype = np.dtype(_IDX_TYPES[content[2]])
    dims = content[3]
    header = 4 + 4 * dims
    if len(content) < header:
        raise ValueError(f"{path} is truncated: its header should have {header} bytes")
    shape = tuple(int(n) for n in np.frombuffer(content, ">u4", dims, 4))
    wanted = header + math.prod(shape) * dtype.itemsize
    if len(content) != wanted:
        state = "truncated" if len(content) < wanted else "too long"
        raise ValueError(
            f"{path} is {state}: an array of {shape} needs {wanted} bytes, there are {len(content)}"
        )
    array = np.frombuffer(content, dtype, offset=header).reshape(shape)
    return array.astype(dtype.newbyteorder("="))
