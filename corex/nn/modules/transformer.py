"""Transformers (Vaswani et al., "Attention is all you need", 2017)."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import corex
from corex import Tensor
from corex.nn import functional, init
from corex.nn.modules.attention import MultiheadAttention
from corex.nn.modules.container import ModuleList
from corex.nn.modules.dropout import Dropout
from corex.nn.modules.linear import Linear
from corex.nn.modules.module import Module
from corex.nn.modules.normalization import LayerNorm

Activation = Callable[[Tensor], Tensor]


def _get_clones(module: Module, N: int) -> ModuleList:
    return ModuleList([deepcopy(module) for _ in range(N)])


def _get_activation_fn(activation: str) -> Activation:
    if activation not in ("relu", "gelu"):
        raise RuntimeError(f"activation should be relu/gelu, not {activation}")
    found: Activation = getattr(functional, activation)
    return found


def _generate_square_subsequent_mask(sz: int, device: Any = None, dtype: Any = None) -> Tensor:
    return corex.triu(corex.full((sz, sz), float("-inf"), dtype=dtype, device=device), diagonal=1)


def _added(mask: Tensor | None, like: Tensor) -> Tensor | None:
    """A mask of bools as one that is added."""
    if mask is None or mask.dtype is not corex.bool:
        return mask
    return corex.zeros(mask.shape, dtype=like.dtype, device=like.device).masked_fill_(
        mask, float("-inf")
    )


def _is_causal(layers: ModuleList, mask: Tensor | None, is_causal: bool | None, x: Tensor) -> bool:
    """Whether the mask hides exactly what is to come, if that is not told."""
    if is_causal is not None or mask is None or mask.dtype is corex.bool:
        return bool(is_causal)
    attention = getattr(layers[0], "self_attn", None) if len(layers) else None
    batch_first = x.dim() == 3 and getattr(attention, "batch_first", False)
    wanted = _generate_square_subsequent_mask(
        x.shape[1 if batch_first else 0], device=mask.device, dtype=mask.dtype
    )
    return mask.shape == wanted.shape and bool((mask == wanted).all())


class _Layer(Module):
    """What layers of encoders and decoders share: attentions, and a feed-forward network.

    Args:
        d_model: features of a position.
        nhead: heads of every attention.
        dim_feedforward: features of the network's hidden layer.
        dropout: the probability of dropout after every part.
        activation: of the hidden layer: 'relu', 'gelu' or a function.
        layer_norm_eps: what the normalisations add to variances.
        batch_first: whether sequences are (N, S, E) rather than (S, N, E).
        norm_first: whether to normalise before every part rather than after it.
        bias: whether linear maps and normalisations have biases.
        device: where the parameters are made.
        dtype: their element type.
    """

    attentions: tuple[str, ...]
    self_attn: MultiheadAttention
    activation: Activation

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | Activation = functional.relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        where = {"device": device, "dtype": dtype}
        for name in self.attentions:
            attention = MultiheadAttention(
                d_model, nhead, dropout=dropout, bias=bias, batch_first=batch_first, **where
            )
            setattr(self, name, attention)
        self.linear1 = Linear(d_model, dim_feedforward, bias=bias, **where)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias=bias, **where)
        self.norm_first = norm_first
        parts = range(1, len(self.attentions) + 2)
        for i in parts:
            setattr(self, f"norm{i}", LayerNorm(d_model, layer_norm_eps, bias=bias, **where))
        for i in parts:
            setattr(self, f"dropout{i}", Dropout(dropout))
        self.activation = (
            _get_activation_fn(activation) if isinstance(activation, str) else activation
        )

    def _sa_block(
        self,
        x: Tensor,
        attn_mask: Tensor | None,
        key_padding_mask: Tensor | None,
        is_causal: bool = False,
    ) -> Tensor:
        x = self.self_attn(
            x, x, x, attn_mask=attn_mask, key_padding_mask=key_padding_mask, need_weights=False,
            is_causal=is_causal and attn_mask is not None,
        )[0]  # fmt: skip
        result: Tensor = self.dropout1(x)
        return result

    def _fed(self, x: Tensor) -> Tensor:
        result: Tensor = self.linear2(self.dropout(self.activation(self.linear1(x))))
        return result


class TransformerEncoderLayer(_Layer):
    """Self-attention, and a feed-forward network; the arguments are those of `_Layer`."""

    attentions = ("self_attn",)

    def forward(
        self,
        src: Tensor,
        src_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        """(S, N, E), (N, S, E) with `batch_first`, or (S, E), unchanged in shape."""
        padding, mask = _added(src_key_padding_mask, src), _added(src_mask, src)
        x = src
        if self.norm_first:
            x = x + self._sa_block(self.norm1(x), mask, padding, is_causal)
            return x + self._ff_block(self.norm2(x))
        x = self.norm1(x + self._sa_block(x, mask, padding, is_causal))
        result: Tensor = self.norm2(x + self._ff_block(x))
        return result

    def _ff_block(self, x: Tensor) -> Tensor:
        result: Tensor = self.dropout2(self._fed(x))
        return result


class TransformerDecoderLayer(_Layer):
    """Self-attention, attention to the encoder's result, and a feed-forward network; the arguments
    are those of `_Layer`."""

    attentions = ("self_attn", "multihead_attn")
    multihead_attn: MultiheadAttention

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """(T, N, E) and the encoder's (S, N, E), or with the batch first, or without one -> the
        shape of the first."""
        own = (tgt_mask, tgt_key_padding_mask, tgt_is_causal)
        other = (memory, memory_mask, memory_key_padding_mask, memory_is_causal)
        x = tgt
        if self.norm_first:
            x = x + self._sa_block(self.norm1(x), *own)
            x = x + self._mha_block(self.norm2(x), *other)
            return x + self._ff_block(self.norm3(x))
        x = self.norm1(x + self._sa_block(x, *own))
        x = self.norm2(x + self._mha_block(x, *other))
        result: Tensor = self.norm3(x + self._ff_block(x))
        return result

    def _mha_block(
        self,
        x: Tensor,
        mem: Tensor,
        attn_mask: Tensor | None,
        key_padding_mask: Tensor | None,
        is_causal: bool = False,
    ) -> Tensor:
        x = self.multihead_attn(
            x, mem, mem, attn_mask=attn_mask, key_padding_mask=key_padding_mask,
            need_weights=False, is_causal=is_causal and attn_mask is not None,
        )[0]  # fmt: skip
        result: Tensor = self.dropout2(x)
        return result

    def _ff_block(self, x: Tensor) -> Tensor:
        result: Tensor = self.dropout3(self._fed(x))
        return result


class TransformerEncoder(Module):
    """Copies of a layer, one after the other.

    Args:
        encoder_layer: the layer.
        num_layers: how many copies.
        norm: what normalises the result.
        enable_nested_tensor: accepted; padded positions are computed like all others.
        mask_check: accepted.
    """

    def __init__(
        self,
        encoder_layer: Module,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:
        super().__init__()
        self.layers = _get_clones(encoder_layer, num_layers)
        self.num_layers = num_layers
        self.norm = norm
        self.enable_nested_tensor = enable_nested_tensor
        self.mask_check = mask_check

    def forward(
        self,
        src: Tensor,
        mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool | None = None,
    ) -> Tensor:
        """The layers' input, unchanged in shape."""
        padding, mask = _added(src_key_padding_mask, src), _added(mask, src)
        causal = _is_causal(self.layers, mask, is_causal, src)
        output = src
        for layer in self.layers:
            output = layer(output, src_mask=mask, is_causal=causal, src_key_padding_mask=padding)
        return output if self.norm is None else self.norm(output)


class TransformerDecoder(Module):
    """Copies of a layer, one after the other, each of which sees the encoder's result.

    Args:
        decoder_layer: the layer.
        num_layers: how many copies.
        norm: what normalises the result.
    """

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__()
        self.layers = _get_clones(decoder_layer, num_layers)
        self.num_layers = num_layers
        self.norm = norm

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """The layers' first input, unchanged in shape."""
        causal = _is_causal(self.layers, tgt_mask, tgt_is_causal, tgt)
        output = tgt
        for layer in self.layers:
            output = layer(
                output, memory, tgt_mask=tgt_mask, memory_mask=memory_mask,
                tgt_key_padding_mask=tgt_key_padding_mask,
                memory_key_padding_mask=memory_key_padding_mask, tgt_is_causal=causal,
                memory_is_causal=memory_is_causal,
            )  # fmt: skip
        return output if self.norm is None else self.norm(output)


class Transformer(Module):
    """An encoder and a decoder.

    Args:
        d_model: features of a position.
        nhead: heads of every attention.
        num_encoder_layers: layers of the encoder.
        num_decoder_layers: layers of the decoder.
        dim_feedforward: features of the networks' hidden layers.
        dropout: the probability of dropout after every part.
        activation: of the hidden layers: 'relu', 'gelu' or a function.
        custom_encoder: an encoder to take instead.
        custom_decoder: a decoder to take instead.
        layer_norm_eps: what the normalisations add to variances.
        batch_first: whether sequences are (N, S, E) rather than (S, N, E).
        norm_first: whether to normalise before every part rather than after it.
        bias: whether linear maps and normalisations have biases.
        device: where the parameters are made.
        dtype: their element type.
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | Activation = functional.relu,
        custom_encoder: Any = None,
        custom_decoder: Any = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        where = {"device": device, "dtype": dtype}
        given = (
            d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first,
            norm_first, bias,
        )  # fmt: skip
        if custom_encoder is None:
            layer: Module = TransformerEncoderLayer(*given, **where)
            norm = LayerNorm(d_model, layer_norm_eps, bias=bias, **where)
            custom_encoder = TransformerEncoder(layer, num_encoder_layers, norm)
        self.encoder = custom_encoder
        if custom_decoder is None:
            layer = TransformerDecoderLayer(*given, **where)
            norm = LayerNorm(d_model, layer_norm_eps, bias=bias, **where)
            custom_decoder = TransformerDecoder(layer, num_decoder_layers, norm)
        self.decoder = custom_decoder
        self._reset_parameters()
        self.d_model = d_model
        self.nhead = nhead
        self.batch_first = batch_first

    def forward(
        self,
        src: Tensor,
        tgt: Tensor,
        src_mask: Tensor | None = None,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """(S, N, E) and (T, N, E), or with the batch first, or without one -> the shape of the
        second.

        Raises:
            RuntimeError: batches or features that do not fit.
        """
        batched = src.dim() == 3
        where = 0 if self.batch_first else 1
        if batched and src.size(where) != tgt.size(where):
            raise RuntimeError("the batch number of src and tgt must be equal")
        if src.size(-1) != self.d_model or tgt.size(-1) != self.d_model:
            raise RuntimeError("the feature number of src and tgt must be equal to d_model")
        memory = self.encoder(
            src, mask=src_mask, src_key_padding_mask=src_key_padding_mask,
            is_causal=src_is_causal,
        )  # fmt: skip
        result: Tensor = self.decoder(
            tgt, memory, tgt_mask=tgt_mask, memory_mask=memory_mask,
            tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask, tgt_is_causal=tgt_is_causal,
            memory_is_causal=memory_is_causal,
        )  # fmt: skip
        return result

    @staticmethod
    def generate_square_subsequent_mask(sz: int, device: Any = None, dtype: Any = None) -> Tensor:
        """(sz, sz): minus infinity for what is to come, 0 elsewhere."""
        return _generate_square_subsequent_mask(sz, device=device, dtype=dtype)

    def _reset_parameters(self) -> None:
        for parameter in self.parameters():
            if parameter.dim() > 1:
                init.xavier_uniform_(parameter)
