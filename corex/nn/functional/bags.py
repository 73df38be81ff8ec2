"""Rows of a table, added up, averaged or the largest of, by bags."""

from __future__ import annotations

import math
from typing import NamedTuple

import corex
from corex import Tensor
from corex.ops.nn.embedding import embedding, renormalise


class Bags(NamedTuple):
    """What `embedding_bag` gives, and how it came about.

    Fields:
        total: what each bag adds up to, (bags, D).
        of: the bag of every place of the input.
        sizes: how many rows each bag has, but for those that count for nothing.
        rows: which rows are the largest, (bags, D), 0 in empty bags; of other modes None.
    """

    total: Tensor
    of: Tensor
    sizes: Tensor
    rows: Tensor | None


def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """What the rows of `weight` named by a bag add up to: (bags, D).

    A bag is a row of a 2-D input, or what lies between two offsets into a 1-D one. Empty bags give
    zeros; the row `padding_idx` counts for nothing.

    Raises:
        ValueError: dims, offsets or modes that do not fit. RuntimeError: offsets out of range.
        NotImplementedError: weights of a mode other than 'sum'.
    """
    if max_norm is not None:
        renormalise(weight.detach(), input, max_norm, norm_type)
    return bagged(
        input, weight, offsets, scale_grad_by_freq, mode, sparse, per_sample_weights,
        include_last_offset, padding_idx,
    ).total  # fmt: skip


def bagged(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None,
    scale_grad_by_freq: bool,
    mode: str,
    sparse: bool,
    per_sample_weights: Tensor | None,
    include_last_offset: bool,
    padding_idx: int | None,
) -> Bags:
    """`embedding_bag` with all that is known of the bags."""
    if per_sample_weights is not None and per_sample_weights.shape != input.shape:
        raise ValueError(
            f"embedding_bag: If per_sample_weights ({list(per_sample_weights.shape)}) is not None, "
            f"then it must have the same shape as the input ({list(input.shape)})"
        )
    if weight.dim() != 2:
        raise ValueError(f"weight has to be a 2D Tensor, but got one of dimension {weight.dim()}")
    starts = _starts(input, offsets)
    if mode not in ("sum", "mean", "max"):
        raise ValueError("mode has to be one of sum, mean or max")
    if mode == "max" and sparse:
        raise ValueError("max mode does not support sparse weights")
    if per_sample_weights is not None and mode != "sum":
        raise NotImplementedError(
            f"embedding_bag: per_sample_weights was not None. per_sample_weights is only supported "
            f"for mode='sum' (got mode='{mode}')."
        )
    flat = input.reshape((-1,)).long()
    count = flat.numel()
    bags = starts.numel() - include_last_offset
    if bags < 0:
        raise RuntimeError("include_last_offset: number of offsets should be at least 1")
    # How many bags have begun before each place.
    begun = corex.zeros(count + 1, dtype=corex.int64, device=flat.device)
    begun = begun.index_add(0, starts[:bags], corex.ones_like(starts[:bags]))
    of = bag = begun.cumsum(0)[:count] - 1
    if padding_idx is not None:
        used = (flat != padding_idx % weight.shape[0]).nonzero().reshape((-1,))
        flat, bag = flat.index_select(0, used), bag.index_select(0, used)
        if per_sample_weights is not None:
            per_sample_weights = per_sample_weights.reshape((-1,)).index_select(0, used)
    rows = embedding(flat, weight, None, scale_grad_by_freq, sparse)
    if per_sample_weights is not None:
        rows = rows * per_sample_weights.reshape((-1, 1))
    sizes = corex.zeros(bags, dtype=corex.int64, device=flat.device)
    sizes = sizes.index_add(0, bag, corex.ones_like(bag))
    if mode == "max":
        best, places = _largest(rows, flat, sizes)
        return Bags(best, of, sizes, places)
    total = rows.new_zeros((bags, weight.shape[1])).index_add(0, bag, rows)
    if mode == "sum":
        return Bags(total, of, sizes, None)
    mean = total / corex.clamp(sizes, min=1).to(total.dtype).unsqueeze(1)
    return Bags(mean, of, sizes, None)


def _starts(input: Tensor, offsets: Tensor | None) -> Tensor:
    """Where each bag begins in the flat input."""
    if input.dim() == 2:
        if offsets is not None:
            raise ValueError(
                "if input is 2D, then offsets has to be None, as input is treated is a mini-batch "
                "of fixed length sequences."
            )
        return corex.arange(input.shape[0], device=input.device) * input.shape[1]
    if input.dim() != 1:
        raise ValueError(f"input has to be 1D or 2D Tensor, but got one of dimension {input.dim()}")
    if offsets is None:
        raise ValueError("offsets has to be a 1D Tensor but got None")
    if offsets.dim() != 1:
        raise ValueError("offsets has to be a 1D Tensor")
    if offsets.numel() and int(offsets[0]) != 0:
        raise RuntimeError(f"offsets[0] has to be 0, but it is {int(offsets[0])}")
    if offsets.numel() and int(offsets[-1]) > input.numel():
        raise RuntimeError(
            f"offsets[-1] can not be greater than input's length ({input.numel()}), but it is "
            f"{int(offsets[-1])}"
        )
    return offsets.long()


def _largest(rows: Tensor, named: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor]:
    """The maxima of each bag and the names of their rows, by way of bags that are all as long as
    the longest."""
    bags, width = sizes.numel(), rows.shape[1]
    longest = int(sizes.max()) if bags else 0
    if not longest:
        return rows.new_zeros((bags, width)) + rows.sum(), named.new_zeros((bags, width))
    place = corex.arange(longest, device=rows.device)
    first = (sizes.cumsum(0) - sizes).unsqueeze(1)
    beyond = place >= sizes.unsqueeze(1)
    at = corex.clamp(first + place, max=rows.shape[0] - 1).reshape((-1,))
    whole = rows.index_select(0, at).unflatten(0, (bags, longest))
    best, place = whole.masked_fill(beyond.unsqueeze(2), -math.inf).max(1)
    empty = (sizes == 0).unsqueeze(1)
    row = named[corex.clamp(first + place, max=rows.shape[0] - 1)]
    return best.masked_fill(empty, 0.0), row.masked_fill(empty, 0)
