"""Layers in which each step sees the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lossd.nn.module import Module
from lossd.nn.normalisation import LayerNorm


@dataclass(frozen=True, eq=False, repr=False)
class MultiheadAttention(Module):
    """Attention of a sequence to itself: input and output (L, N, embed_dim).

    Args:
        embed_dim: features; 1 to 1,048,576.
        num_heads: heads; divides embed_dim.
        dropout: probability of dropout of the weights, 0 to 1; default 0.
        bias: whether to add a bias; default True.
        add_bias_kv: whether to add a trained key and value; default False.
        add_zero_attn: whether to add a key and value of zeros; default False.
        batch_first: whether the input is (N, L, features), not (L, N, features); default False.

    Reference: torch.nn.MultiheadAttention
    """

    embed_dim: int
    num_heads: int
    dropout: float | None = None
    bias: bool | None = None
    add_bias_kv: bool | None = None
    add_zero_attn: bool | None = None
    batch_first: bool | None = None


@dataclass(frozen=True, eq=False, repr=False)
class TransformerEncoderLayer(Module):
    """Self-attention and two linear layers, each added and normalised: input and output (L, N, d_model).

    Args:
        d_model: features; 1 to 1,048,576.
        nhead: heads; divides d_model.
        dim_feedforward: features between the linear layers; default 2048.
        dropout: probability of dropout, 0 to 1; default 0.1.
        activation: between the linear layers; default relu.
        layer_norm_eps: eps of the normalisations; at least 0, default 1e-5.
        batch_first: whether the input is (N, L, features), not (L, N, features); default False.
        norm_first: whether to normalise before, not after; default False.
        bias: whether to add a bias; default True.

    Reference: torch.nn.TransformerEncoderLayer
    """

    d_model: int
    nhead: int
    dim_feedforward: int | None = None
    dropout: float | None = None
    activation: Literal["relu", "gelu"] | None = None
    layer_norm_eps: float | None = None
    batch_first: bool | None = None
    norm_first: bool | None = None
    bias: bool | None = None


@dataclass(frozen=True, eq=False, repr=False)
class TransformerEncoder(Module):
    """Layers in a row that begin with equal parameters: input and output (L, N, d_model).

    Args:
        encoder_layer: the layer, required.
        num_layers: how often; 1 to 256.
        norm: a normalisation behind the last; default none.

    Reference: torch.nn.TransformerEncoder
    """

    encoder_layer: TransformerEncoderLayer
    num_layers: int
    norm: LayerNorm | None = None
