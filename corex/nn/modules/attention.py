"""Attention of several heads (Vaswani et al., "Attention is all you need", 2017)."""

from __future__ import annotations

from typing import Any

import corex
from corex import Tensor
from corex.nn import functional, init
from corex.nn.modules.linear import Linear
from corex.nn.modules.module import Module
from corex.nn.parameter import Parameter


class NonDynamicallyQuantizableLinear(Linear):
    """`Linear`, by the name that PyTorch prints for the projection of a result."""


class MultiheadAttention(Module):
    """Projections of queries, keys and values, attention by heads, and a last projection.

    Args:
        embed_dim: features of queries and of the result.
        num_heads: how many heads share them.
        dropout: the probability with which a weight is zeroed.
        bias: whether projections have biases.
        add_bias_kv: whether to learn one more key and value.
        add_zero_attn: whether to add a key and value of zeros.
        kdim: features of keys; `embed_dim` if None.
        vdim: features of values; `embed_dim` if None.
        batch_first: whether sequences are (N, L, E) rather than (L, N, E).
        device: where the parameters are made.
        dtype: their element type.

    Raises:
        ValueError: sizes that are not positive. AssertionError: heads that do not divide the
            features.
    """

    bias_k: Tensor | None
    bias_v: Tensor | None
    in_proj_bias: Tensor | None

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(
                f"embed_dim and num_heads must be greater than 0, got embed_dim={embed_dim} and "
                f"num_heads={num_heads} instead"
            )
        super().__init__()
        self.embed_dim = embed_dim
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self._qkv_same_embed_dim = self.kdim == embed_dim and self.vdim == embed_dim
        self.num_heads = num_heads
        self.dropout = dropout
        self.batch_first = batch_first
        self.head_dim = embed_dim // num_heads
        if self.head_dim * num_heads != embed_dim:
            raise AssertionError("embed_dim must be divisible by num_heads")
        where = {"device": device, "dtype": dtype}
        same = self._qkv_same_embed_dim
        for name, width in (("q", embed_dim), ("k", self.kdim), ("v", self.vdim)):
            self._add(f"{name}_proj_weight", None if same else (embed_dim, width), where)
        self._add("in_proj_weight", (3 * embed_dim, embed_dim) if same else None, where)
        self._add("in_proj_bias", (3 * embed_dim,) if bias else None, where)
        self.out_proj = NonDynamicallyQuantizableLinear(embed_dim, embed_dim, bias, **where)
        for name in ("bias_k", "bias_v"):
            self._add(name, (1, 1, embed_dim) if add_bias_kv else None, where)
        self.add_zero_attn = add_zero_attn
        self._reset_parameters()

    def _add(self, name: str, shape: tuple[int, ...] | None, where: dict[str, Any]) -> None:
        value = None if shape is None else Parameter(corex.empty(shape, **where))
        self.register_parameter(name, value)

    def _reset_parameters(self) -> None:
        names = ("in",) if self._qkv_same_embed_dim else ("q", "k", "v")
        for name in names:
            init.xavier_uniform_(getattr(self, f"{name}_proj_weight"))
        if self.in_proj_bias is not None:
            init.zeros_(self.in_proj_bias)
            assert self.out_proj.bias is not None
            init.zeros_(self.out_proj.bias)
        for bias in (self.bias_k, self.bias_v):
            if bias is not None:
                init.xavier_normal_(bias)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """(L, N, E), (S, N, kdim) and (S, N, vdim), or with the batch first, or without one -> the
        result, of the query's shape, and the weights (N, L, S), or None.

        A mask of bools says what is not seen, one of numbers is added: `key_padding_mask` (N, S),
        `attn_mask` (L, S) or (N heads, L, S).

        Raises:
            AssertionError: sizes that do not fit. RuntimeError: a mask of another shape, or
                `is_causal`, which is but a hint, without one.
        """
        turned = self.batch_first and query.dim() == 3
        if turned:
            # What is one tensor stays one, by which its projections are one product.
            found = {id(t): t.transpose(1, 0) for t in (query, key, value)}
            query, key, value = found[id(query)], found[id(key)], found[id(value)]
        own = {} if self._qkv_same_embed_dim else {
            "use_separate_proj_weight": True,
            "q_proj_weight": self.q_proj_weight,
            "k_proj_weight": self.k_proj_weight,
            "v_proj_weight": self.v_proj_weight,
        }  # fmt: skip
        result, weights = functional.multi_head_attention_forward(
            query, key, value, self.embed_dim, self.num_heads, self.in_proj_weight,
            self.in_proj_bias, self.bias_k, self.bias_v, self.add_zero_attn, self.dropout,
            self.out_proj.weight, self.out_proj.bias, self.training, key_padding_mask,
            need_weights, attn_mask, average_attn_weights=average_attn_weights,
            is_causal=is_causal, **own,
        )  # fmt: skip
        return (result.transpose(1, 0) if turned else result), weights
