"""What batches of embeddings must look like, how many pairs they make, and how two views become one labelled batch."""

from __future__ import annotations

import torch
from torch import Tensor

from lossd_server.faults import Fault, shape_text
from lossd_server.losses import checks
from lossd_server.losses.contract import Arguments, Check, Tensors

PASSES = 4
"""Matrices of all pairs that a loss makes on its way."""


def labelled(embeddings: Tensor, labels: Tensor | None, ref_emb: Tensor | None) -> tuple[Tensor, Tensor]:
    """One batch of all views: the rows of `ref_emb` have the labels of those of `embeddings`.

    Without labels each row is of its own kind, so that only its other view belongs to it.

    >>> given, labels = labelled(torch.zeros(2, 3), None, torch.ones(2, 3))
    >>> given.shape, labels
    (torch.Size([4, 3]), tensor([0, 1, 0, 1]))
    """
    if labels is None:
        labels = torch.arange(embeddings.shape[0], device=embeddings.device)
    if ref_emb is None:
        return embeddings, labels
    return torch.cat((embeddings, ref_emb)), torch.cat((labels, labels))


def pair_shapes(tensors: Tensors, arguments: Arguments) -> None:
    """`embeddings` (N,D) with `labels` (N,), or with `ref_emb` (N,D), or with both."""
    embeddings, labels = tensors["embeddings"], tensors.get("labels")
    matrix("embeddings", embeddings)
    if labels is None and "ref_emb" not in tensors:
        raise Fault(
            "MISSING_FIELD",
            "neither labels nor ref_emb is given, so nothing says which embeddings belong together; "
            "give labels (N,), or another view of the same items as ref_emb (N, D)",
            field="inputs.labels",
        )
    if labels is not None and labels.shape != embeddings.shape[:1]:
        raise checks.wrong_shape(
            "labels", labels, f"one label per row of embeddings, {shape_text(embeddings.shape[:1])}"
        )
    if "ref_emb" in tensors:
        _alike(tensors, "embeddings", "ref_emb")


def no_nan(tensors: Tensors, arguments: Arguments) -> None:
    """No NaN among the embeddings, where the library would leave pairs with one out of its mean."""
    for name in ("embeddings", "ref_emb"):
        if name in tensors:
            given = tensors[name]
            checks.refuse(given.isnan(), given, f"inputs.{name}", name, "such pairs would drop out of the mean unseen")


def views(first: str, second: str, least: int = 0) -> Check:
    """A check of two views (N,D) of one type and shape, of at least so many rows."""

    def check(tensors: Tensors, arguments: Arguments) -> None:
        matrix(first, tensors[first])
        _alike(tensors, first, second)
        if least and (tensors[first].shape[0] < least or not tensors[first].shape[1]):
            raise checks.wrong_shape(first, tensors[first], f"(N, D), N at least {least}: a variance needs them")

    return check


def matrix(name: str, given: Tensor) -> None:
    """A tensor (N,D)."""
    if given.dim() != 2:
        raise checks.wrong_shape(name, given, "(N, D): one embedding per row")


def _alike(tensors: Tensors, first: str, second: str) -> None:
    checks.same_dtype(tensors, first, second)
    if tensors[second].shape != tensors[first].shape:
        raise checks.wrong_shape(second, tensors[second], f"the shape of {first}, {shape_text(tensors[first].shape)}")


def clip_shapes(tensors: Tensors, arguments: Arguments) -> None:
    """Features of one type and shape, and a `logit_scale` that is one number."""
    views("image_features", "text_features")(tensors, arguments)
    if "logit_scale" in tensors:
        checks.same_dtype(tensors, "image_features", "logit_scale")
        if tensors["logit_scale"].dim():
            raise checks.wrong_shape("logit_scale", tensors["logit_scale"], "(): one number")


def key_shapes(tensors: Tensors, arguments: Arguments) -> None:
    """Queries and keys (N,D), and negative keys of all queries (M,D), or of each (N,M,D)."""
    views("query", "positive_key")(tensors, arguments)
    if "negative_keys" not in tensors:
        return
    query, negative = tensors["query"], tensors["negative_keys"]
    checks.same_dtype(tensors, "query", "negative_keys")
    size, rows = query.shape[1], query.shape[:1]
    if (
        negative.dim() not in (2, 3)
        or negative.shape[-1] != size
        or (negative.dim() == 3 and negative.shape[:1] != rows)
    ):
        raise checks.wrong_shape(
            "negative_keys", negative, f"(M, {size}) for all queries, or ({rows[0]}, M, {size}) for each"
        )


def all_pairs(tensors: Tensors) -> int:
    """Every row against every other, over both views."""
    rows = tensors["embeddings"].shape[0] * (2 if "ref_emb" in tensors else 1)
    return PASSES * rows * rows


def rows_by_rows(tensors: Tensors) -> int:
    """Every row of one view against every one of the other."""
    return PASSES * int(tensors["image_features"].shape[0]) ** 2


def queries_by_keys(tensors: Tensors) -> int:
    """Every query against every key it is compared with."""
    keys = tensors.get("negative_keys", tensors["positive_key"])
    return PASSES * int(tensors["query"].shape[0] * keys.shape[-2])


def features_by_features(tensors: Tensors) -> int:
    """The correlations of all dimensions, of any one view."""
    return PASSES * int(next(iter(tensors.values())).shape[1]) ** 2


def one_number(tensors: Tensors, arguments: Arguments) -> Tensor:
    """The type of a loss of the whole batch, without its elements: which pairs there are is data."""
    total = tensors["embeddings"].sum()
    return total + tensors["ref_emb"].sum() if "ref_emb" in tensors else total
