"""Layers that read step by step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from lossd.nn.module import Module

RecurrentOutput: TypeAlias = Literal["output", "last"]


@dataclass(frozen=True, eq=False, repr=False)
class RNN(Module):
    """tanh(W·x + U·h) step by step, from h = 0: input (L, N, input_size), output (L, N, hidden_size).

    Args:
        input_size: features of a step; 1 to 1,048,576.
        hidden_size: features of the hidden state; 1 to 1,048,576.
        num_layers: layers on top of one another; 1 to 256, default 1.
        nonlinearity: the activation; default tanh.
        bias: whether to add a bias; default True.
        batch_first: whether the input is (N, L, features), not (L, N, features); default False.
        dropout: probability of dropout behind each layer but the last, 0 to 1; default 0.
        bidirectional: whether a second one reads backwards; default False.
        output: what flows on; default output, all steps.

    Reference: torch.nn.RNN
    """

    input_size: int
    hidden_size: int
    num_layers: int | None = None
    nonlinearity: Literal["tanh", "relu"] | None = None
    bias: bool | None = None
    batch_first: bool | None = None
    dropout: float | None = None
    bidirectional: bool | None = None
    output: RecurrentOutput | None = None


@dataclass(frozen=True, eq=False, repr=False)
class LSTM(Module):
    """Long short-term memory, from zeros: input (L, N, input_size), output (L, N, hidden_size).

    Args:
        input_size: features of a step; 1 to 1,048,576.
        hidden_size: features of the hidden state; 1 to 1,048,576.
        num_layers: layers on top of one another; 1 to 256, default 1.
        bias: whether to add a bias; default True.
        batch_first: whether the input is (N, L, features), not (L, N, features); default False.
        dropout: probability of dropout behind each layer but the last, 0 to 1; default 0.
        bidirectional: whether a second one reads backwards; default False.
        proj_size: size that the hidden state is projected to; below hidden_size, default 0: not at all.
        output: what flows on; default output, all steps.

    Reference: torch.nn.LSTM
    """

    input_size: int
    hidden_size: int
    num_layers: int | None = None
    bias: bool | None = None
    batch_first: bool | None = None
    dropout: float | None = None
    bidirectional: bool | None = None
    proj_size: int | None = None
    output: RecurrentOutput | None = None


@dataclass(frozen=True, eq=False, repr=False)
class GRU(Module):
    """Gated recurrent unit, from zeros: input (L, N, input_size), output (L, N, hidden_size).

    Args:
        input_size: features of a step; 1 to 1,048,576.
        hidden_size: features of the hidden state; 1 to 1,048,576.
        num_layers: layers on top of one another; 1 to 256, default 1.
        bias: whether to add a bias; default True.
        batch_first: whether the input is (N, L, features), not (L, N, features); default False.
        dropout: probability of dropout behind each layer but the last, 0 to 1; default 0.
        bidirectional: whether a second one reads backwards; default False.
        output: what flows on; default output, all steps.

    Reference: torch.nn.GRU
    """

    input_size: int
    hidden_size: int
    num_layers: int | None = None
    bias: bool | None = None
    batch_first: bool | None = None
    dropout: float | None = None
    bidirectional: bool | None = None
    output: RecurrentOutput | None = None
