"""Sequences of different lengths: padded to one tensor, or packed without padding."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import corex
from corex import Tensor

__all__ = [
    "PackedSequence",
    "invert_permutation",
    "pack_padded_sequence",
    "pack_sequence",
    "pad_packed_sequence",
    "pad_sequence",
    "unpack_sequence",
    "unpad_sequence",
]


class _Packed(NamedTuple):
    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


class PackedSequence(_Packed):
    """The steps of all sequences, the longest first, one step of all after the other.

    Attributes:
        data: (sum of `batch_sizes`, ...).
        batch_sizes: how many sequences have a step; int64, on the CPU.
        sorted_indices: which sequence comes at which place; None: they came sorted.
        unsorted_indices: the inverse.
    """

    __slots__ = ()

    def __new__(
        cls,
        data: Tensor,
        batch_sizes: Tensor | None = None,
        sorted_indices: Tensor | None = None,
        unsorted_indices: Tensor | None = None,
    ) -> PackedSequence:
        if batch_sizes is None:
            data, batch_sizes = data
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        if batch_sizes.device.type != "cpu":
            raise ValueError(
                "batch_sizes should always be on CPU. Instances of PackedSequence should never be "
                "created manually. They should be instantiated by functions like pack_sequence and "
                f"pack_padded_sequence. Got device: {batch_sizes.device}"
            )
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """With the data moved or converted by `Tensor.to`, and the indices moved."""
        data = self.data.to(*args, **kwargs)
        if data is self.data:
            return self
        order, back = (
            None if t is None else t.to(data.device)
            for t in (self.sorted_indices, self.unsorted_indices)
        )
        return type(self)(data, self.batch_sizes, order, back)

    def cuda(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """Moved to a GPU."""
        return self.to(kwargs.get("device", args[0] if args else "cuda"))

    def cpu(self) -> PackedSequence:
        """Moved to the CPU."""
        return self.to("cpu")

    def double(self) -> PackedSequence:
        """In float64."""
        return self.to(dtype=corex.float64)

    def float(self) -> PackedSequence:
        """In float32."""
        return self.to(dtype=corex.float32)

    def half(self) -> PackedSequence:
        """In float16."""
        return self.to(dtype=corex.float16)

    def long(self) -> PackedSequence:
        """In int64."""
        return self.to(dtype=corex.int64)

    def int(self) -> PackedSequence:
        """In int32."""
        return self.to(dtype=corex.int32)

    def pin_memory(self) -> PackedSequence:
        """In pinned memory."""
        return type(self)(
            self.data.pin_memory(), self.batch_sizes, self.sorted_indices, self.unsorted_indices
        )

    @property
    def is_cuda(self) -> bool:
        """Whether the data are on a GPU."""
        return self.data.is_cuda

    def is_pinned(self) -> bool:
        """Whether the data are in pinned memory."""
        return self.data.is_pinned()


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The permutation that takes it back."""
    if permutation is None:
        return None
    places = corex.arange(permutation.numel(), device=permutation.device)
    return corex.empty_like(permutation).scatter_(0, permutation, places)


def pack_padded_sequence(
    input: Tensor, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Packs padded sequences.

    Args:
        input: (T, N, ...), or (N, T, ...) with `batch_first`.
        lengths: the sequences' lengths, N integers.
        batch_first: whether the batch is the first dim.
        enforce_sorted: whether the lengths must not increase; else the sequences are sorted.

    Raises:
        RuntimeError: lengths that are not positive, not sorted, or not one for each sequence.
    """
    if not isinstance(lengths, Tensor):
        lengths = corex.as_tensor(lengths, dtype=corex.int64)
    elif lengths.device.type != "cpu":
        raise RuntimeError(
            f"'lengths' argument should be a 1D CPU int64 tensor, but got {lengths.dim()}D "
            f"{lengths.device} {lengths.dtype.name} tensor"
        )
    order = None
    if not enforce_sorted:
        lengths, order = corex.sort(lengths, descending=True)
        order = order.to(input.device)
        input = input.index_select(0 if batch_first else 1, order)
    steps = input.transpose(0, 1) if batch_first else input
    counts = lengths.tolist()
    if not steps.numel():
        raise RuntimeError("Cannot pack empty tensors.")
    if lengths.dim() != 1 or len(counts) != steps.shape[1]:
        raise RuntimeError(
            f"Expected `len(lengths)` to be equal to batch_size, but got {len(counts)} "
            f"(batch_size={steps.shape[1]})"
        )
    if min(counts) <= 0:
        raise RuntimeError(
            "Length of all samples has to be greater than 0, but found an element in 'lengths' "
            "that is <= 0"
        )
    if any(a < b for a, b in pairwise(counts)):
        raise RuntimeError(
            "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You "
            "can pass `enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to "
            "sidestep this requirement if you do not need ONNX exportability."
        )
    if counts[0] > steps.shape[0]:
        raise RuntimeError("Expected sequence length to be larger than the longest of `lengths`")
    sizes = [sum(1 for count in counts if count > t) for t in range(counts[0])]
    data = corex.cat([steps[t, :size] for t, size in enumerate(sizes)])
    return PackedSequence(data, corex.tensor(sizes, dtype=corex.int64, device="cpu"), order, None)


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Tensor, Tensor]:
    """The inverse of `pack_padded_sequence`: sequences (T, N, ...), or (N, T, ...) with
    `batch_first`, and their lengths.

    Args:
        sequence: the packed one.
        batch_first: whether the batch is the first dim.
        padding_value: what stands after a sequence's end.
        total_length: the T to pad to; the longest sequence's length if None.

    Raises:
        ValueError: a `total_length` below the longest sequence's length.
    """
    sizes = sequence.batch_sizes.tolist()
    length = len(sizes)
    if total_length is not None:
        if total_length < length:
            raise ValueError(
                "Expected total_length to be at least the length of the longest sequence in input, "
                f"but got total_length={total_length} and max sequence length being {length}"
            )
        length = total_length
    data, batch = sequence.data, sizes[0]
    rows = []
    for step in data.split(sizes):
        missing = batch - step.shape[0]
        if missing:
            blank = step.new_full((missing, *step.shape[1:]), padding_value)
            step = corex.cat((step, blank))
        rows.append(step)
    rows += [data.new_full((batch, *data.shape[1:]), padding_value)] * (length - len(sizes))
    out = corex.stack(rows, 1 if batch_first else 0)
    lengths = corex.tensor(
        [sum(1 for size in sizes if size > n) for n in range(batch)], dtype=corex.int64,
        device="cpu",
    )  # fmt: skip
    back = sequence.unsorted_indices
    if back is not None:
        out = out.index_select(0 if batch_first else 1, back)
        lengths = lengths[back.cpu()]
    return out, lengths


def pad_sequence(
    sequences: Tensor | Iterable[Tensor],
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:
    """Sequences (L, ...) of different lengths as one tensor (T, N, ...), or (N, T, ...).

    Raises:
        RuntimeError: no sequences, sizes that differ beyond the first dim, or an unknown side.
    """
    if not isinstance(sequences, Tensor) and not isinstance(sequences, Iterable):
        raise RuntimeError(
            "pad_sequence: Expected iterable for input sequences, but got arg of type: "
            f"{type(sequences)}"
        )
    given = list(sequences.unbind(0) if isinstance(sequences, Tensor) else sequences)
    if not given:
        raise RuntimeError("received an empty list of sequences")
    if padding_side not in ("left", "right"):
        raise RuntimeError(f"Expected padding_side to be 'left' or 'right', but got {padding_side}")
    length = max(t.shape[0] for t in given)
    rest = given[0].shape[1:]
    for t in given:
        if t.shape[1:] != rest:
            raise RuntimeError(
                f"The size of tensor a {list(t.shape[1:])} must match the size of tensor b "
                f"{list(rest)} at non-singleton dimensions, of every sequence but for its length"
            )
    rows = []
    for t in given:
        blank = given[0].new_full((length - t.shape[0], *rest), padding_value)
        parts = (blank, t) if padding_side == "left" else (t, blank)
        rows.append(corex.cat(parts) if blank.shape[0] else t)
    return corex.stack(rows, 0 if batch_first else 1)


def unpad_sequence(
    padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False
) -> list[Tensor]:
    """The inverse of `pad_sequence`: a list of sequences."""
    rows = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    return [row[:length] for row, length in zip(rows, lengths.tolist(), strict=True)]


def pack_sequence(sequences: Sequence[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Packs sequences (L, ...) of different lengths."""
    lengths = corex.as_tensor([t.shape[0] for t in sequences])
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The inverse of `pack_sequence`: a list of sequences."""
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
