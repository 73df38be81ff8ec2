"""corex.save and corex.load."""

from __future__ import annotations

import builtins
import json
import os
import pickle
import stat
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import corex
from corex import nn, optim
from corex.dtypes import ALL


def same(a: Any, b: Any) -> bool:
    if isinstance(a, corex.Tensor):
        return (
            isinstance(b, corex.Tensor)
            and a.dtype is b.dtype
            and a.shape == b.shape
            and np.array_equal(a.detach().numpy(), b.detach().numpy())
        )
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b or (a != a and b != b)


DTYPES = ["bool", "uint8", "int32", "int64", "float32", "float64"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0, 4)])
def test_every_dtype_and_shape(each_backend: str, tmp_path: Path, dtype: str, shape: Any) -> None:
    values = np.random.default_rng(0).integers(0, 2, shape).astype(dtype)
    tensor = corex.tensor(values)
    path = tmp_path / "x.safetensors"
    corex.save({"x": tensor}, path)
    loaded = corex.load(path)
    assert same(loaded, {"x": tensor})
    assert loaded["x"].backend == each_backend
    np.testing.assert_array_equal(load_file(path)["x"], values)


def test_any_structure(tmp_path: Path) -> None:
    shared = corex.randn(3)
    content = {
        "numbers": [1, -(2**70), 0.1, 1e300, float("inf"), float("nan"), True, None, "text \u00e9"],
        1: (corex.ones(2), [corex.zeros(1)], ()),
        (2, "key"): OrderedDict(b=1, a={}),
        None: {True: shared, 2.5: shared},
        "a.b": corex.ones(1),
        "a": {"b": corex.zeros(1), "__metadata__": corex.ones(2)},
        "__metadata__": corex.ones(3),
    }
    path = tmp_path / "x"
    corex.save(content, path)
    loaded = corex.load(path)
    assert same(loaded, content)
    assert loaded[None][True] is loaded[None][2.5]
    for value in (3, "x", None, [], corex.ones(2)):
        corex.save(value, path)
        assert same(corex.load(path), value)


def test_views_and_shared_memory(each_backend: str, tmp_path: Path) -> None:
    base = corex.arange(12.0).reshape(3, 4)
    content = {"t": base.t(), "step": base[:, ::2], "row": base[1], "all": base, "again": base}
    corex.save(content, tmp_path / "x")
    assert same(corex.load(tmp_path / "x"), content)
    others = load_file(tmp_path / "x")
    np.testing.assert_array_equal(others["step"], base[:, ::2].numpy())
    np.testing.assert_array_equal(others["again"], base.numpy())


def test_requires_grad_is_kept(tmp_path: Path) -> None:
    corex.save([nn.Parameter(corex.ones(1)), corex.ones(1)], tmp_path / "x")
    first, second = corex.load(tmp_path / "x")
    assert first.requires_grad
    assert type(first) is corex.Tensor
    assert not second.requires_grad


def test_files_of_other_programs(tmp_path: Path) -> None:
    save_file({"b": np.arange(3), "a": np.ones((2, 2), "f4")}, tmp_path / "x", {"by": "others"})
    loaded = corex.load(tmp_path / "x")
    assert loaded["b"].tolist() == [0, 1, 2]
    assert loaded["a"].dtype is corex.float32
    header = b'{"eighth":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,2]}}'
    (tmp_path / "y").write_bytes(struct.pack("<Q", len(header)) + header + b"12")
    with pytest.raises(ValueError, match="y: tensor 'eighth' has dtype F8_E4M3, which corex"):
        corex.load(tmp_path / "y")


@pytest.mark.parametrize("dtype", ALL, ids=repr)
def test_every_dtype_is_saved(dtype: corex.DType, tmp_path: Path) -> None:
    written = {
        "a": corex.tensor([[0, 1, 5], [2, 3, 4]]).to(dtype).t(),
        "none": corex.empty(0, 3, dtype=dtype),
        "one": corex.ones((), dtype=dtype),
    }
    corex.save(written, tmp_path / "x")
    loaded = corex.load(tmp_path / "x")
    for name, t in written.items():
        assert (loaded[name].dtype, loaded[name].shape) == (dtype, t.shape)
        assert corex.equal(loaded[name], t)
    with safe_open(tmp_path / "x", "numpy") as file:
        stored = dtype.safetensors or dtype.to_real().safetensors  # pairs, where it has no name
        assert {file.get_slice(name).get_dtype() for name in written} == {stored}


def test_a_checkpoint_continues_training(each_backend: str, tmp_path: Path) -> None:
    def step(net: Any, optimizer: Any) -> None:
        optimizer.zero_grad()
        net(corex.ones(4, 3)).sum().backward()
        optimizer.step()

    net = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    optimizer = optim.Adam(net.parameters(), lr=0.1)
    step(net, optimizer)
    corex.save({"net": net.state_dict(), "optimizer": optimizer.state_dict()}, tmp_path / "x")
    step(net, optimizer)
    other = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    second = optim.Adam(other.parameters())
    content = corex.load(tmp_path / "x")
    other.load_state_dict(content["net"])
    second.load_state_dict(content["optimizer"])
    step(other, second)
    assert same(dict(other.state_dict()), dict(net.state_dict()))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"a": [object()]}, r"cannot store the object at object\[a\]\[0\]"),
        ({"m": nn.ReLU()}, r"the ReLU at object\[m\]; save its state_dict\(\) instead"),
        ({"f": len}, "builtin_function_or_method"),
        ({object(): 1}, r"object\[key\]"),
    ],
)
def test_what_cannot_be_stored_is_named(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        corex.save(content, tmp_path / "x")
    assert not list(tmp_path.iterdir())
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(ValueError, match="contains itself"):
        corex.save(circle, tmp_path / "x")


def spoiled(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "spoiled"
    path.write_bytes(content)
    return path


def good_bytes(tmp_path: Path) -> bytes:
    corex.save({"x": corex.ones(10), "n": 3}, tmp_path / "good")
    return (tmp_path / "good").read_bytes()


def test_truncated_at_every_byte(tmp_path: Path) -> None:
    content = good_bytes(tmp_path)
    for end in range(len(content)):
        with pytest.raises(ValueError, match="spoiled is not a complete safetensors file"):
            corex.load(spoiled(tmp_path, content[:end]))


def test_foreign_files(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="only 0 bytes"):
        corex.load(spoiled(tmp_path, b""))
    with pytest.raises(ValueError, match="Python pickle.*can run code"):
        corex.load(spoiled(tmp_path, pickle.dumps({"a": list(range(50))})))
    with zipfile.ZipFile(tmp_path / "zip", "w") as archive:
        archive.writestr("data.pkl", "x" * 100)
    with pytest.raises(ValueError, match=r"zip archive, as torch\.save writes"):
        corex.load(tmp_path / "zip")
    with pytest.raises(ValueError, match="not a complete safetensors file"):
        corex.load(spoiled(tmp_path, b"\xff" * 100))
    with pytest.raises(FileNotFoundError):
        corex.load(tmp_path / "nothing")
    with pytest.raises(IsADirectoryError):
        corex.load(tmp_path)


@pytest.mark.parametrize("structure", [
    "{", '{"tensor":"y"}', '{"unknown":1}', '{"dict":3}', '{"dict":[[1]]}', "[" * 3000 + "]" * 3000,
    '{"float":"x"}', '{"a":1,"b":2}', '{"dict":[[{"dict":[]},1]]}',
])  # fmt: skip
def test_damaged_structure(tmp_path: Path, structure: str) -> None:
    save_file({"x": np.ones(1)}, tmp_path / "x", {"corex": structure})
    with pytest.raises(ValueError, match="description of the saved object is damaged"):
        corex.load(tmp_path / "x")


def test_a_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: Any) -> None:
    path = tmp_path / "x"
    corex.save({"a": corex.ones(1)}, path)
    before = path.read_bytes()

    def fail(*_: Any) -> None:
        raise OSError("the disk is full")

    for name in ("fsync", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(os, name, fail)
            with pytest.raises(OSError, match="the disk is full"):
                corex.save({"a": corex.zeros(5)}, path)
        assert path.read_bytes() == before
        assert [p.name for p in tmp_path.iterdir()] == ["x"]
    with pytest.raises(FileNotFoundError):
        corex.save({}, tmp_path / "no" / "x")


def test_permissions_and_links(tmp_path: Path) -> None:
    mask = os.umask(0o027)
    try:
        corex.save({}, tmp_path / "x")
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o640
    (tmp_path / "link").symlink_to(tmp_path / "x")
    corex.save({"a": 1}, tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert corex.load(tmp_path / "x") == {"a": 1}


def test_the_file_is_what_the_format_says(tmp_path: Path) -> None:
    content = good_bytes(tmp_path)
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    assert header["x"]["dtype"] == "F32"
    assert header["x"]["shape"] == [10]
    assert header["__metadata__"]["format"] == "pt"


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: Any) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("safetensors"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    corex.save({}, tmp_path / "x")
    with pytest.raises(ImportError, match=r"pip install 'corex\[safetensors\]'"):
        corex.load(tmp_path / "x")
