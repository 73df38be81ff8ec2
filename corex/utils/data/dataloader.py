"""Batches of samples, in order or shuffled."""

from __future__ import annotations

import sys
import warnings
from collections.abc import (
    Callable,
    Iterable,
    Iterator,
    Mapping,
    MutableMapping,
    MutableSequence,
    Sequence,
)
from copy import copy
from itertools import islice
from typing import Any

import corex
from corex import Tensor
from corex.utils.data.dataset import IterableDataset, Subset, TensorDataset
from corex.utils.data.sampler import BatchSampler, RandomSampler, SequentialSampler


def get_worker_info() -> None:
    """What a worker process of a loader knows of itself: None, as the program itself asks."""


def _is_numpy(value: Any) -> bool:
    """Whether this is NumPy's; if NumPy was not imported yet, it is not."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.ndarray | numpy.generic)


def _from_numpy(value: Any) -> Tensor:
    import numpy as np

    return corex.as_tensor(np.asarray(value))


def default_collate(batch: Sequence[Any]) -> Any:
    """Joins samples of one structure: tensors are stacked, numbers become tensors, strings become
    lists, and within tuples, lists and dictionaries each place is joined by itself.

    Raises:
        TypeError: samples of a type that cannot be joined.
        RuntimeError: sequences of different length.
    """
    first = batch[0]
    if isinstance(first, Tensor):
        return corex.stack(list(batch), 0)
    if _is_numpy(first):
        return corex.stack([_from_numpy(sample) for sample in batch], 0)
    if isinstance(first, bool):
        return corex.tensor(list(batch))
    if isinstance(first, float):
        return corex.tensor(list(batch), dtype=corex.float64)
    if isinstance(first, int):
        return corex.tensor(list(batch))
    if isinstance(first, str | bytes):
        return list(batch)
    if isinstance(first, Mapping):
        return _mapping_like(first, {k: default_collate([s[k] for s in batch]) for k in first})
    if isinstance(first, Sequence):
        if any(len(sample) != len(first) for sample in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        return _sequence_like(first, [default_collate(place) for place in zip(*batch, strict=True)])
    raise TypeError(
        "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; "
        f"found {type(first)}"
    )


def _mapping_like(first: Mapping[Any, Any], content: dict[Any, Any]) -> Any:
    """The content in a mapping of the sample's type; a copy of the sample keeps what that holds
    beside its entries, such as the factory of a defaultdict."""
    try:
        if isinstance(first, MutableMapping):
            filled = copy(first)
            filled.update(content)
            return filled
        return type(first)(content)  # type: ignore[call-arg]
    except TypeError:  # a type whose constructor wants something else
        return content


def _sequence_like(first: Sequence[Any], content: list[Any]) -> Any:
    """The content in a named tuple or other sequence of the sample's type; in a list for tuples."""
    if isinstance(first, tuple):
        return type(first)(*content) if hasattr(first, "_fields") else content
    try:
        if isinstance(first, MutableSequence):
            filled = copy(first)
            for i, value in enumerate(content):
                filled[i] = value
            return filled
        return type(first)(content)  # type: ignore[call-arg]
    except TypeError:
        return content


def default_convert(data: Any) -> Any:
    """NumPy's numbers and arrays of them become tensors inside a structure; the rest stays."""
    if _is_numpy(data):
        return data if data.dtype.kind in "SUO" else _from_numpy(data)
    if isinstance(data, Mapping):
        return _mapping_like(data, {key: default_convert(value) for key, value in data.items()})
    if isinstance(data, Sequence) and not isinstance(data, str | bytes):
        return _sequence_like(data, [default_convert(value) for value in data])
    return data


def _can_pin(device: str) -> bool:
    """Whether there is a device ('' is the accelerator) that has pinned memory."""
    found = device or corex.accelerator.current_accelerator()
    if found is None:
        why = "no accelerator is found"
    elif "pinned_memory" not in corex.accelerator.capabilities(found):
        why = f"device '{found}' has none"
    else:
        return True
    warnings.warn(
        f"'pin_memory' argument is set as true but {why}, then device pinned memory won't be used.",
        stacklevel=3,
    )
    return False


def _pinned(data: Any, device: str) -> Any:
    """Tensors inside a structure in pinned memory; other objects by their own `pin_memory`."""
    if isinstance(data, Tensor):
        return data.pin_memory(device or None)
    if isinstance(data, str | bytes):
        return data
    if isinstance(data, Mapping):
        return _mapping_like(data, {key: _pinned(value, device) for key, value in data.items()})
    if isinstance(data, Sequence):
        return _sequence_like(data, [_pinned(value, device) for value in data])
    own = getattr(data, "pin_memory", None)
    return data if own is None else own()


class DataLoader:
    """Iterates over a dataset in batches.

    Args:
        dataset: samples by number, or a stream.
        batch_size: samples per batch; None gives single samples.
        shuffle: whether to draw a new order for every iteration.
        sampler: gives the numbers instead.
        batch_sampler: gives the lists of numbers instead.
        num_workers: 0; samples are fetched by the calling process.
        collate_fn: joins a list of samples to a batch.
        pin_memory: whether batches come in pinned memory (`Tensor.pin_memory`), also tensors inside
            of tuples, lists and dictionaries, and objects with a method `pin_memory`.
        drop_last: whether to leave out a last, smaller batch.
        timeout: accepted for PyTorch's sake; it has no effect.
        worker_init_fn: accepted for PyTorch's sake; it has no effect.
        generator: the source of random numbers for the order; the default one if None.
        pin_memory_device: the device that the memory is pinned for; '' is the accelerator.

    Raises:
        ValueError: options that exclude each other, or a negative number of workers.
        NotImplementedError: `num_workers` above 0.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[Any] | None = None,
        batch_sampler: Iterable[list[Any]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        *,
        generator: Any = None,
        pin_memory_device: str = "",
    ) -> None:
        if num_workers < 0:
            raise ValueError(
                "num_workers option should be non-negative; use num_workers=0 to disable "
                "multiprocessing."
            )
        if num_workers:
            raise NotImplementedError(
                f"DataLoader does not support worker processes yet (num_workers={num_workers}); "
                "use num_workers=0"
            )
        if timeout < 0:
            raise ValueError("timeout option should be non-negative")
        stream = isinstance(dataset, IterableDataset)
        if stream and (shuffle or sampler is not None or batch_sampler is not None):
            raise ValueError(
                "DataLoader with IterableDataset: expected unspecified shuffle, sampler and "
                "batch_sampler options"
            )
        if sampler is not None and shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle")
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError(
                    "batch_sampler option is mutually exclusive with batch_size, shuffle, "
                    "sampler, and drop_last"
                )
            batch_size = None
        elif batch_size is None and drop_last:
            raise ValueError(
                "batch_size=None option disables auto-batching and is mutually exclusive with "
                "drop_last"
            )
        if sampler is None and not stream:
            sampler = (
                RandomSampler(dataset, generator=generator)
                if shuffle
                else SequentialSampler(dataset)
            )
        if batch_size is not None and not stream:
            assert sampler is not None
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        elif batch_size is not None and batch_size <= 0:
            raise ValueError(
                f"batch_size should be a positive integer value, but got batch_size={batch_size}"
            )
        batched = batch_size is not None or batch_sampler is not None
        self.dataset = dataset
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.num_workers = num_workers
        self.collate_fn = collate_fn or (default_collate if batched else default_convert)
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.generator = generator

    def __iter__(self) -> Iterator[Any]:
        batches = self._batches()
        if self.pin_memory and _can_pin(self.pin_memory_device):
            return (_pinned(batch, self.pin_memory_device) for batch in batches)
        return batches

    def _batches(self) -> Iterator[Any]:
        if isinstance(self.dataset, IterableDataset):
            return self._iterate_stream()
        if self.batch_sampler is None:
            assert self.sampler is not None
            return (self.collate_fn(self.dataset[index]) for index in self.sampler)
        return (self._fetch(indices) for indices in self.batch_sampler)

    def _fetch(self, indices: list[Any]) -> Any:
        dataset = self.dataset
        if self.collate_fn is default_collate:
            if type(dataset) is Subset and type(dataset.dataset) is TensorDataset:
                indices = [dataset.indices[i] for i in indices]
                dataset = dataset.dataset
            if type(dataset) is TensorDataset:
                return dataset.fetch_batch(indices)
        if callable(getattr(dataset, "__getitems__", None)):
            return self.collate_fn(dataset.__getitems__(indices))
        return self.collate_fn([dataset[index] for index in indices])

    def _iterate_stream(self) -> Iterator[Any]:
        samples = iter(self.dataset)
        if self.batch_size is None:
            yield from map(self.collate_fn, samples)
            return
        while batch := list(islice(samples, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield self.collate_fn(batch)

    def __len__(self) -> int:
        """How many batches one iteration gives.

        Raises:
            TypeError: the dataset or sampler has no length.
        """
        if isinstance(self.dataset, IterableDataset):
            count = len(self.dataset)  # type: ignore[arg-type]
            if self.batch_size is None:
                return count
            return count // self.batch_size if self.drop_last else -(-count // self.batch_size)
        return len(self.sampler if self.batch_sampler is None else self.batch_sampler)  # type: ignore[arg-type]
