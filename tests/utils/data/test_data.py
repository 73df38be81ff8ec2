"""Datasets, samplers, collation, loaders."""

from __future__ import annotations

from collections import Counter, namedtuple
from typing import Any

import numpy as np
import pytest

import corex
from corex.utils.data import (
    BatchSampler,
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    Sampler,
    SequentialSampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    default_collate,
    random_split,
)


class Squares(Dataset):
    """Sample i is (i, i² as a tensor)."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> Any:
        if not 0 <= index < self.size:
            raise IndexError(index)
        return index, corex.tensor(float(index * index))


class Stream(IterableDataset):
    def __iter__(self) -> Any:
        return iter(range(7))


def seeded(seed: int) -> Any:
    return corex.Generator().manual_seed(seed)


# ---- datasets ----------------------------------------------------------------------------------
def test_tensor_dataset(each_backend: str) -> None:
    x, y = corex.arange(12.0).reshape(6, 2), corex.arange(6)
    dataset = TensorDataset(x, y)
    assert len(dataset) == 6
    a, b = dataset[2]
    assert a.tolist() == [4.0, 5.0]
    assert b.item() == 2
    rows, labels = dataset.fetch_batch([5, 0, 5])
    assert rows.tolist() == [[10.0, 11.0], [0.0, 1.0], [10.0, 11.0]]
    assert labels.tolist() == [5, 0, 5]
    with pytest.raises(AssertionError, match="Size mismatch"):
        TensorDataset(x, y[:3])


def test_subset_and_concat() -> None:
    part = Subset(Squares(10), [7, 3])
    assert len(part) == 2
    assert part[1][0] == 3
    assert [i for i, _ in part.__getitems__([1, 0])] == [3, 7]
    both = Squares(3) + part
    assert isinstance(both, ConcatDataset)
    assert [both[i][0] for i in range(5)] == [0, 1, 2, 7, 3]
    assert both[-1][0] == 3
    with pytest.raises(ValueError, match="absolute value of index"):
        both[-6]
    with pytest.raises(IndexError, match="out of range"):
        both[5]
    with pytest.raises(AssertionError, match="empty"):
        ConcatDataset([])
    with pytest.raises(AssertionError, match="IterableDataset"):
        ConcatDataset([Stream()])


def test_random_split() -> None:
    parts = random_split(Squares(10), [7, 3], generator=seeded(1))
    assert [len(p) for p in parts] == [7, 3]
    assert sorted(i for p in parts for i in p.indices) == list(range(10))
    again = random_split(Squares(10), [0.7, 0.3], generator=seeded(1))
    assert [p.indices for p in again] == [p.indices for p in parts]
    assert [len(p) for p in random_split(Squares(10), [0.5, 0.25, 0.25])] == [6, 2, 2]
    with pytest.raises(ValueError, match="Sum of input lengths"):
        random_split(Squares(10), [5, 4])
    with pytest.raises(ValueError, match="not between 0 and 1"):
        random_split(Squares(10), [1.5, -0.5])


# ---- samplers ----------------------------------------------------------------------------------
def test_samplers() -> None:
    data = Squares(6)
    assert list(SequentialSampler(data)) == list(range(6))
    assert sorted(RandomSampler(data)) == list(range(6))
    assert len(RandomSampler(data, num_samples=9)) == 9
    assert Counter(RandomSampler(data, num_samples=12)) == Counter(dict.fromkeys(range(6), 2))
    assert len(list(RandomSampler(data, replacement=True, num_samples=20))) == 20
    assert sorted(SubsetRandomSampler([4, 8])) == [4, 8]
    assert list(BatchSampler(range(5), 2, False)) == [[0, 1], [2, 3], [4]]
    assert list(BatchSampler(range(5), 2, True)) == [[0, 1], [2, 3]]
    assert len(BatchSampler(range(5), 2, False)) == 3
    assert len(BatchSampler(range(5), 2, True)) == 2


@pytest.mark.parametrize("make", [
    lambda: BatchSampler(range(3), 0, False), lambda: BatchSampler(range(3), True, False),
    lambda: BatchSampler(range(3), 1, "no"), lambda: RandomSampler(Squares(3), num_samples=-1),
])  # fmt: skip
def test_misused_samplers(make: Any) -> None:
    with pytest.raises(ValueError, match="should be a"):
        make()


def test_replacement_must_be_a_bool() -> None:
    with pytest.raises(TypeError, match="boolean"):
        RandomSampler(Squares(3), replacement=1)  # type: ignore[arg-type]


def test_the_same_seed_gives_the_same_order_on_every_backend() -> None:
    orders = []
    for name in ("reference_py", "cpu_c"):
        with corex.use_backend(name):
            loader = DataLoader(
                TensorDataset(corex.arange(50)), batch_size=7, shuffle=True, generator=seeded(5)
            )
            epochs = [[batch[0].tolist() for batch in loader] for _ in range(2)]
            assert epochs[0] != epochs[1]
            corex.manual_seed(9)
            plain = DataLoader(TensorDataset(corex.arange(50)), batch_size=50, shuffle=True)
            orders.append((epochs, [batch[0].tolist() for batch in plain]))
    assert orders[0] == orders[1]


# ---- collation ---------------------------------------------------------------------------------
def test_default_collate() -> None:
    Point = namedtuple("Point", "x y")
    batch = default_collate([
        {"a": 1, "b": (2.5, "s"), "c": Point(corex.ones(2), np.zeros(1)), "d": True},
        {"a": 2, "b": (3.5, "t"), "c": Point(corex.zeros(2), np.ones(1)), "d": False},
    ])  # fmt: skip
    assert batch["a"].tolist() == [1, 2]
    assert batch["a"].dtype is corex.int64
    numbers, texts = batch["b"]
    assert numbers.dtype is corex.float64
    assert numbers.tolist() == [2.5, 3.5]
    assert texts == ["s", "t"]
    assert isinstance(batch["c"], Point)
    assert batch["c"].x.tolist() == [[1.0, 1.0], [0.0, 0.0]]
    assert batch["c"].y.tolist() == [[0.0], [1.0]]
    assert batch["d"].dtype is corex.bool
    with pytest.raises(TypeError, match="found <class 'object'>"):
        default_collate([object()])
    with pytest.raises(RuntimeError, match="equal size"):
        default_collate([[1], [1, 2]])


# ---- loaders -----------------------------------------------------------------------------------
def test_batches(each_backend: str) -> None:
    loader = DataLoader(Squares(5), batch_size=2)
    assert len(loader) == 3
    batches = list(loader)
    assert [b[0].tolist() for b in batches] == [[0, 1], [2, 3], [4]]
    assert batches[1][1].tolist() == [4.0, 9.0]
    assert len(list(DataLoader(Squares(5), batch_size=2, drop_last=True))) == 2
    assert [i for i, _ in DataLoader(Squares(3), batch_size=None)] == [0, 1, 2]
    listed = DataLoader(Squares(5), batch_sampler=[[4, 0], [1]])
    assert [b[0].tolist() for b in listed] == [[4, 0], [1]]
    assert len(listed) == 2
    pairs = DataLoader(Squares(4), 2, collate_fn=lambda samples: [i for i, _ in samples])
    assert list(pairs) == [[0, 1], [2, 3]]
    chosen = DataLoader(Squares(5), 2, sampler=[3, 1])
    assert [b[0].tolist() for b in chosen] == [[3, 1]]


def test_tensor_batches_equal_collated_ones(each_backend: str) -> None:
    dataset = TensorDataset(corex.arange(20.0).reshape(10, 2), corex.arange(10))
    for data in (dataset, Subset(dataset, [9, 4, 4, 0, 2])):
        fast = list(DataLoader(data, 3))
        slow = list(DataLoader(data, 3, collate_fn=lambda samples: default_collate(samples)))
        assert [[t.tolist() for t in b] for b in fast] == [[t.tolist() for t in b] for b in slow]
        assert all(type(batch) is list for batch in fast)


def test_streams() -> None:
    assert [b.tolist() for b in DataLoader(Stream(), 3)] == [[0, 1, 2], [3, 4, 5], [6]]
    assert len(list(DataLoader(Stream(), 3, drop_last=True))) == 2
    assert list(DataLoader(Stream(), batch_size=None)) == list(range(7))
    with pytest.raises(TypeError):
        len(DataLoader(Stream(), 3))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"num_workers": -1}, ValueError, "non-negative"),
        ({"num_workers": 2}, NotImplementedError, "worker processes yet"),
        ({"sampler": [1], "shuffle": True}, ValueError, "mutually exclusive with shuffle"),
        ({"batch_sampler": [[1]], "batch_size": 2}, ValueError, "mutually exclusive with batch_"),
        ({"batch_size": None, "drop_last": True}, ValueError, "disables auto-batching"),
        ({"batch_size": 0}, ValueError, "positive integer"),
    ],
)
def test_misused_loaders(options: dict[str, Any], error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        DataLoader(Squares(3), **options)


def test_misused_streams_and_bases() -> None:
    with pytest.raises(ValueError, match="unspecified shuffle"):
        DataLoader(Stream(), shuffle=True)
    with pytest.raises(NotImplementedError):
        Dataset()[0]
    with pytest.raises(NotImplementedError):
        iter(IterableDataset())
    with pytest.raises(NotImplementedError):
        iter(Sampler())
