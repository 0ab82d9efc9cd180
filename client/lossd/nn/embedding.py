"""Tables that indices read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lossd.nn.module import Module


@dataclass(frozen=True, eq=False, repr=False)
class Embedding(Module):
    """Rows of a table: input int64 or int32 (…), output (…, embedding_dim). It reads an input of the model
    itself.

    Args:
        num_embeddings: rows of the table; indices are below. 1 to 268,435,456.
        embedding_dim: size of each row; 1 to 1,048,576.
        padding_idx: row that stays zero and gets no gradient; default none.
        max_norm: rows of a greater norm are scaled down to it where training reads them, and in
            what evaluation computes; default none.
        norm_type: the p of the norm; above 0, default 2.
        scale_grad_by_freq: whether a row's gradient is divided by its index's count in the batch; default
            False.
        sparse: whether the gradient is sparse, which few optimizers take; default False.

    Reference: torch.nn.Embedding
    """

    num_embeddings: int
    embedding_dim: int
    padding_idx: int | None = None
    max_norm: float | None = None
    norm_type: float | None = None
    scale_grad_by_freq: bool | None = None
    sparse: bool | None = None


@dataclass(frozen=True, eq=False, repr=False)
class EmbeddingBag(Module):
    """Rows of a table joined over each bag: input int64 or int32 (N, L), output (N, embedding_dim).

    Args:
        num_embeddings: rows of the table; indices are below. 1 to 268,435,456.
        embedding_dim: size of each row; 1 to 1,048,576.
        max_norm: rows of a greater norm are scaled down to it where training reads them, and in
            what evaluation computes; default none.
        norm_type: the p of the norm; above 0, default 2.
        scale_grad_by_freq: whether a row's gradient is divided by its index's count in the batch; default
            False.
        mode: how the rows of a bag are joined; default mean.
        sparse: whether the gradient is sparse, which few optimizers take; default False.
        padding_idx: row that stays zero and gets no gradient; default none.

    Reference: torch.nn.EmbeddingBag
    """

    num_embeddings: int
    embedding_dim: int
    max_norm: float | None = None
    norm_type: float | None = None
    scale_grad_by_freq: bool | None = None
    mode: Literal["sum", "mean", "max"] | None = None
    sparse: bool | None = None
    padding_idx: int | None = None
