"""What is around every program: progress bars, caches, files, graphs, symbols."""

from __future__ import annotations

import copy
import io
import json
import pickle
import struct
from pathlib import Path
from typing import Any

import cloudpickle
import joblib
import networkx as nx
import numpy as np
import pytest
import safetensors.numpy
import tqdm
from PIL import Image

import corex


# ---- tqdm ---------------------------------------------------------------------------------------
def test_progress_bars() -> None:
    t = corex.arange(4)
    bar = tqdm.tqdm(t, file=io.StringIO())
    assert bar.total == 4
    assert [int(one) for one in bar] == [0, 1, 2, 3]
    text = io.StringIO()
    with tqdm.trange(t[3], file=text) as steps:
        for _ in steps:
            steps.set_postfix(loss=corex.tensor(0.25))
    assert "3/3" in text.getvalue()
    assert "0.25" in text.getvalue()


# ---- joblib -------------------------------------------------------------------------------------
def square(x: Any) -> Any:
    return x * x


def test_joblib(tmp_path: Path) -> None:
    t = corex.arange(6.0).reshape(2, 3)
    for compress in (0, 3):
        joblib.dump({"t": t}, tmp_path / "file", compress=compress)
        assert corex.equal(joblib.load(tmp_path / "file")["t"], t)
    assert joblib.hash(t) == joblib.hash(t.clone())
    assert joblib.hash(t) != joblib.hash(t + 1)
    calls = []
    memory = joblib.Memory(tmp_path, verbose=0)

    def counted(x: Any) -> Any:
        calls.append(1)
        return x * 2

    cached = memory.cache(counted)
    first, second = cached(t), cached(t.clone())
    assert len(calls) == 1
    assert corex.equal(first, second)
    threads = joblib.Parallel(2, prefer="threads")(joblib.delayed(square)(t) for _ in range(3))
    assert all(corex.equal(one, t * t) for one in threads)


def test_joblib_processes() -> None:
    t = corex.arange(3.0)
    (found,) = joblib.Parallel(2)([joblib.delayed(np.square)(t.numpy())])
    assert found.tolist() == [0.0, 1.0, 4.0]


# ---- copies and files ---------------------------------------------------------------------------
@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickle(protocol: int) -> None:
    base = corex.arange(6.0).reshape(2, 3)
    whole, part = pickle.loads(pickle.dumps([base, base[1]], protocol))
    whole[1, 0] = 50
    assert part[0].item() == 50


def test_copies_and_closures() -> None:
    t = corex.arange(3.0, requires_grad=True)
    assert copy.copy(t).data_ptr() == t.data_ptr()
    twin = copy.deepcopy({"a": t, "b": [t]})
    assert twin["a"] is twin["b"][0]
    assert twin["a"].requires_grad
    assert cloudpickle.loads(cloudpickle.dumps(lambda: t * 2))().tolist() == [0.0, 2.0, 4.0]


def test_safetensors_by_numpy() -> None:
    t = corex.arange(6.0).reshape(2, 3)
    data = safetensors.numpy.save({"t": t.numpy()})
    assert corex.equal(corex.from_numpy(safetensors.numpy.load(data)["t"]), t)


def test_numbers_in_the_standard_library() -> None:
    number = corex.tensor(2.5)
    assert json.dumps({"loss": number.item(), "all": corex.ones(2).tolist()})
    assert struct.unpack("d", struct.pack("d", number)) == (2.5,)
    assert f"{number:.2f} {corex.tensor(3):>4}" == "2.50    3"
    assert max(corex.tensor([1, 3, 2])).item() == 3
    assert sorted(corex.tensor([3, 1, 2]))[0].item() == 1
    assert sum(corex.tensor([1, 2, 3])).item() == 6
    assert list(range(corex.tensor(3))) == [0, 1, 2]


# ---- graphs and images --------------------------------------------------------------------------
def test_networkx() -> None:
    weights = corex.tensor([[0.0, 2.0, 0.0], [2.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
    graph = nx.from_numpy_array(weights.numpy())
    # It calls `nonzero`, which is PyTorch's.
    assert len(nx.from_numpy_array(weights).edges) < len(graph.edges)
    assert sorted(graph.edges(data="weight")) == [(0, 1, 2.0), (1, 2, 1.0)]
    back = corex.from_numpy(nx.to_numpy_array(graph))
    assert corex.equal(back, weights.double())
    laplacian = corex.diag(weights.sum(0)) - weights
    expected = nx.laplacian_matrix(graph).toarray()
    np.testing.assert_allclose(laplacian.numpy(), expected)


def test_pillow() -> None:
    pixels = corex.randint(0, 255, (4, 5, 3), dtype=corex.uint8)
    image = Image.fromarray(pixels.numpy())
    assert image.size == (5, 4)
    assert corex.equal(corex.tensor(np.asarray(image)), pixels)
    with pytest.raises(AttributeError, match="__array_interface__"):
        Image.fromarray(pixels)
