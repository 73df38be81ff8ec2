"""Attention of several heads, with the projections before and after it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import corex
from corex import Tensor
from corex.ops.shape.views import shaped


def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """Attention of (L, N, E) to (S, N, E), or without the N: the result (L, N, E), and (N, L, S)
    weights, the mean of the heads' unless `average_attn_weights` is False, or None.

    A mask of bools says what is not seen, one of numbers is added: `attn_mask` (L, S) or (N heads,
    L, S), `key_padding_mask` (N, S). `static_k` and `static_v` (N heads, S, E / heads) take the
    place of projected keys and values.

    Source: Vaswani et al., "Attention is all you need" (2017).

    Raises:
        AssertionError: dims or sizes that do not fit. RuntimeError: a mask of another shape.
    """
    batched = _is_batched(query, key, value, key_padding_mask, attn_mask, num_heads)
    if is_causal and attn_mask is None:
        raise RuntimeError("Need attn_mask if specifying the is_causal hint.")
    if not batched:
        query, key, value = query.unsqueeze(1), key.unsqueeze(1), value.unsqueeze(1)
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
    length, count, width = query.shape
    size = width // num_heads
    assert width == embed_dim_to_check, (
        f"was expecting embedding dimension of {embed_dim_to_check}, but got {width}"
    )
    assert size * num_heads == width, f"embed_dim {width} not divisible by num_heads {num_heads}"
    weights: Sequence[Tensor | None] = (q_proj_weight, k_proj_weight, v_proj_weight)
    if not use_separate_proj_weight:
        assert in_proj_weight is not None, "in_proj_weight is None"
        weights = in_proj_weight.split(width)
    biases: Sequence[Tensor | None] = (None, None, None)
    if in_proj_bias is not None:
        biases = in_proj_bias.split(width)
    q, k, v = map(_projected, (query, key, value), weights, biases)
    more = 0
    if bias_k is not None and bias_v is not None:
        k, v = (corex.cat([x, b.repeat(1, count, 1)]) for x, b in ((k, bias_k), (v, bias_v)))
        more += 1
    heads = count * num_heads
    q = q.reshape((length, heads, size)).transpose(0, 1)
    k = _by_head(k, heads, size) if static_k is None else static_k
    v = _by_head(v, heads, size) if static_v is None else static_v
    if add_zero_attn:
        k, v = (corex.cat([x, x.new_zeros((heads, 1, size))], 1) for x in (k, v))
        more += 1
    scores = corex.matmul(q * math.sqrt(1.0 / size), k.transpose(1, 2))
    scores = _masked(scores, attn_mask, key_padding_mask, num_heads, more)
    shares = corex.softmax(scores, -1)
    if training and dropout_p > 0.0:
        shares = corex.dropout(shares, dropout_p, True)
    rows = corex.matmul(shares, v).transpose(0, 1).reshape((length * count, width))
    result = corex.linear(rows, out_proj_weight, out_proj_bias)
    lead = (length, count) if batched else (length,)
    result = shaped(result, (*lead, result.shape[1]))
    if not need_weights:
        return result, None
    shares = shaped(shares, (count, num_heads, length, shares.shape[-1]))
    shares = shares.mean(1) if average_attn_weights else shares
    return result, shares if batched else shaped(shares, shares.shape[1:])


def _is_batched(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    key_padding_mask: Tensor | None,
    attn_mask: Tensor | None,
    num_heads: int,
) -> bool:
    dims = query.dim()
    assert dims in (2, 3), (
        f"query should be unbatched 2D or batched 3D tensor but received {dims}-D query tensor"
    )
    assert key.dim() == value.dim() == dims, (
        f"For {dims}-D `query`, expected `key` and `value` to be {dims}-D but found {key.dim()}-D "
        f"and {value.dim()}-D tensors respectively"
    )
    assert key.shape[:-1] == value.shape[:-1], (
        f"key's sequence and batch dims {key.shape[:-1]} do not match value's {value.shape[:-1]}"
    )
    if key_padding_mask is not None:
        assert key_padding_mask.dim() == dims - 1, (
            f"Expected `key_padding_mask` to be {dims - 1}-D but found {key_padding_mask.dim()}-D "
            f"tensor instead"
        )
    if attn_mask is not None:
        assert attn_mask.dim() in (2, 3), (
            f"Expected `attn_mask` to be None, 2-D or 3-D but found {attn_mask.dim()}-D tensor"
        )
        if dims == 2 and attn_mask.dim() == 3:
            expected = (num_heads, query.shape[0], key.shape[0])
            assert attn_mask.shape == expected, (
                f"Expected `attn_mask` shape to be {expected} but got {attn_mask.shape}"
            )
    return dims == 3


def _projected(x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    assert weight is not None, "use_separate_proj_weight is True but a weight is None"
    return corex.linear(x, weight, bias)


def _by_head(x: Tensor, heads: int, size: int) -> Tensor:
    """(S, N, E) as (N heads, S, E / heads)."""
    return x.reshape((x.shape[0], heads, size)).transpose(0, 1)


def _masked(
    scores: Tensor, mask: Tensor | None, padding: Tensor | None, num_heads: int, more: int
) -> Tensor:
    """The scores (N heads, L, S) less what is not seen; `more` keys at the end always are."""
    heads, length, keys = scores.shape
    if mask is not None:
        mask = mask.unsqueeze(0) if mask.dim() == 2 else mask
        if mask.shape[1:] != (length, keys - more) or mask.shape[0] not in (1, heads):
            raise RuntimeError(
                f"The shape of the attn_mask is {list(mask.shape)}, but should be "
                f"{[length, keys - more]} or {[heads, length, keys - more]}."
            )
        scores = scores + _as_numbers(corex.pad(mask, (0, more)), scores)
    if padding is not None:
        wide = _as_numbers(corex.pad(padding, (0, more)), scores).reshape((-1, 1, 1, keys))
        scores = (scores.unflatten(0, (-1, num_heads)) + wide).flatten(0, 1)
    return scores


def _as_numbers(mask: Tensor, scores: Tensor) -> Tensor:
    """0 where a mask of bools is False, -inf where it is True; numbers as they are."""
    if mask.dtype != corex.bool:
        return mask
    return corex.zeros(mask.shape, dtype=scores.dtype, device=scores.device).masked_fill(
        mask, -math.inf
    )
