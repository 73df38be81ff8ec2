"""Attention: weights by similarity of queries and keys, and the means of values by them."""

from __future__ import annotations

import math

import corex
from corex import Tensor


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """`softmax(query keyᵀ scale + mask) value` of (..., L, E), (..., S, E) and (..., S, V).

    A mask of bools says which keys a query may see, one of numbers is added. A query that sees
    none gets zeros. `scale` is 1 / sqrt(E) by default. With `enable_gqa`, several heads of the
    query (dim -3) share one of key and value.

    Source: Vaswani et al., "Attention is all you need" (2017).

    Raises:
        RuntimeError: fewer than two dims, dtypes that differ, a mask together with `is_causal`.
    """
    _check(query, key, value, attn_mask, is_causal)
    if enable_gqa:
        key, value = _for_heads(query, key), _for_heads(query, value)
    factor = math.sqrt(1.0 / math.sqrt(max(query.shape[-1], 1)) if scale is None else abs(scale))
    sign = -1.0 if scale is not None and scale < 0 else 1.0
    # The factor is split, so that no product of large numbers overflows.
    scores = corex.matmul(query * (factor * sign), key.transpose(-2, -1) * factor)
    if is_causal:
        shape = (query.shape[-2], key.shape[-2])
        attn_mask = corex.ones(shape, dtype=corex.bool, device=query.device).tril()
    weights = corex.softmax(scores, -1) if attn_mask is None else _masked(scores, attn_mask)
    if not 0.0 <= dropout_p <= 1.0:
        raise RuntimeError(f"dropout probability has to be between 0 and 1, but got {dropout_p}")
    if dropout_p > 0.0:
        weights = corex.dropout(weights, dropout_p, True)
    return corex.matmul(weights, value)


def _check(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, is_causal: bool) -> None:
    if not query.dtype == key.dtype == value.dtype:
        raise RuntimeError(
            f"Expected query, key, and value to have the same dtype, but got query.dtype: "
            f"{query.dtype} key.dtype: {key.dtype} and value.dtype: {value.dtype} instead."
        )
    if min(query.dim(), key.dim(), value.dim()) < 2:
        raise RuntimeError(
            f"Expected query, key, and value to all be  at least 2 dimensional, but got "
            f"query.dim(): {query.dim()}, key.dim(): {key.dim()} and value.dim(): {value.dim()} "
            f"instead."
        )
    if mask is None:
        return
    if is_causal:
        raise RuntimeError(
            "_scaled_dot_product_attention: Explicit attn_mask should not be set when "
            "is_causal=True"
        )
    if mask.dtype not in (corex.bool, query.dtype):
        raise RuntimeError(
            f"Expected attn_mask dtype to be bool or float or to match query dtype, but got "
            f"attn_mask.dtype: {mask.dtype} and  query.dtype: {query.dtype} instead."
        )


def _for_heads(query: Tensor, shared: Tensor) -> Tensor:
    """Each head of key or value once for every head of the query that uses it."""
    heads, fewer = query.shape[-3], shared.shape[-3]
    if heads == fewer:
        return shared
    if not fewer or heads % fewer:
        raise RuntimeError(
            f"Number of heads in key and value must divide the number of heads in query, but got "
            f"{fewer} and {heads}"
        )
    return shared.repeat_interleave(heads // fewer, -3)


def _masked(scores: Tensor, mask: Tensor) -> Tensor:
    """The softmax of masked scores; rows that see nothing are zeros, with gradients of zero."""
    if mask.dtype == corex.bool:
        scores = scores.masked_fill(mask.logical_not(), -math.inf)
    else:
        scores = scores + mask
    blind = (scores.detach() == -math.inf).all(-1, keepdim=True)
    weights = corex.softmax(scores.masked_fill(blind, 0.0), -1)
    return weights.masked_fill(blind, 0.0)
