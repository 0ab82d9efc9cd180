"""A line of the catalogue whose code is a pure function of torch: an unreduced loss, reduced as its caller asks.

The same entries serve the losses of the field and those that an operator installs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from lossd_server.losses.binding import BoundEntry, Forward
from lossd_server.losses.contract import Argument, Arguments

AGGREGATION = Argument(
    "aggregation",
    str,
    "token_mean",
    "how losses of tokens become one number; masked tokens count nowhere, and a mean over no token at all is nan",
    choices=("token_mean", "token_sum", "seq_mean_token_sum", "seq_mean_token_mean", "none"),
    enum="Aggregation",
    explained={
        "token_mean": "sum over all tokens kept, divided by their number",
        "token_sum": "sum over all tokens kept",
        "seq_mean_token_sum": "sum over each sequence, then the mean over the sequences that keep a token",
        "seq_mean_token_mean": "mean over each sequence, then the mean over the sequences that keep a token",
        "none": "one loss per token, 0 where masked",
    },
)
"""The argument of token losses, which have it in place of a reduction, and the input `mask`."""


def aggregated(by: str) -> Argument:
    """`AGGREGATION` with another default."""
    return replace(AGGREGATION, default=by)


@dataclass(frozen=True, kw_only=True)
class FormulaEntry(BoundEntry):
    """A loss written as a function of its inputs and arguments, by their names, that returns the unreduced loss.

    With reductions, the mean is over every element that the function returns. With the argument `aggregation`,
    the function returns one loss per token, (N,T), and the input `mask` says which tokens count; it sees 0 where
    they do not, and the mask itself if `reads_mask`. With neither, what the function returns is the result.

    Example:
        >>> from lossd_server.losses.contract import Input, Kind
        >>> entry = FormulaEntry(
        ...     name="absolute", class_name="Absolute", summary="", formula="|input - target|",
        ...     inputs=(Input("input", Kind.FLOAT, "(*)", ""), Input("target", Kind.FLOAT, "(*)", "")),
        ...     function=lambda input, target: (input - target).abs(),
        ... )
        >>> loss = entry.build({"reduction": "sum"}, path="loss.absolute", allow_broadcast=False)
        >>> from lossd_server.losses.budget import Budget
        >>> given = {"input": torch.tensor([1.0, 5.0]), "target": torch.tensor([3.0, 4.0])}
        >>> loss.compute(given, Budget(given.values())).value
        tensor(3.)
    """

    function: Callable[..., Tensor]
    reads_mask: bool = False

    @property
    def family(self) -> str:
        return str(self.function.__module__).rpartition(".")[2]

    def forward(self, given: dict[str, Any], arguments: Arguments) -> Forward:
        names = tuple(input_.name for input_ in self.inputs)
        own = {argument.name: arguments[argument.name] for argument in self.arguments if argument.name != "aggregation"}
        function, how = self.function, arguments.get("reduction")
        if how is not None:
            return lambda *inputs: reduce(function(**dict(zip(names, inputs, strict=True)), **own), how)
        if "aggregation" not in arguments:
            return lambda *inputs: function(**dict(zip(names, inputs, strict=True)), **own)

        def tokens(*inputs: Tensor | None) -> Tensor:
            named: dict[str, Tensor | None] = dict(zip(names, inputs, strict=True))
            mask = named.pop("mask")
            if mask is not None:
                named = {name: cover(value, mask) for name, value in named.items()}
            losses = function(**named, **({"mask": mask} if self.reads_mask else {}), **own)
            return aggregate(losses, mask, arguments["aggregation"])

        return tokens


def cover(value: Tensor | None, mask: Tensor) -> Tensor | None:
    """An input of tokens, (N,T,…), with 0 where the mask leaves them out; of sequences, (N,), where it leaves out all.

    What they hold may be NaN, and their gradients, 0 times NaN, would be too.

    >>> cover(torch.tensor([[1.0, torch.nan]]), torch.tensor([[1, 0]]))
    tensor([[1., 0.]])
    """
    if value is None or not value.is_floating_point():
        return value
    off = ~mask.bool()
    if value.shape[: off.dim()] == off.shape:
        return value.masked_fill(off.reshape(*off.shape, *[1] * (value.dim() - off.dim())), 0)
    return value.masked_fill(off.all(-1), 0) if value.shape == off.shape[:1] else value


def reduce(losses: Tensor, how: str) -> Tensor:
    """Mean or sum over all elements, or the elements themselves."""
    return losses if how == "none" else losses.sum() if how == "sum" else losses.mean()


def aggregate(losses: Tensor, mask: Tensor | None, how: str) -> Tensor:
    """One number of the losses of tokens, (N,T), of which `mask` keeps those where it is not 0.

    token_mean: Σ of all / tokens kept. token_sum: Σ of all. seq_mean_token_sum and seq_mean_token_mean: the sum or
    mean of each sequence, then the mean over the sequences that keep a token. none: masked tokens are 0.

    >>> losses, mask = torch.tensor([[1.0, 3.0], [5.0, 7.0]]), torch.tensor([[1, 1], [1, 0]])
    >>> [float(aggregate(losses, mask, how)) for how in ("token_mean", "seq_mean_token_sum", "seq_mean_token_mean")]
    [3.0, 4.5, 3.5]
    """
    if mask is None:
        mask = torch.ones_like(losses, dtype=torch.bool)
    kept = mask.bool()
    losses = losses.masked_fill(~kept, 0)  # a masked token may hold anything, NaN too
    if how == "none":
        return losses
    wide = torch.promote_types(losses.dtype, torch.float32)  # float16 ends at 65504: sums over it have small means
    if how.startswith("token"):
        total = losses.sum(dtype=wide)
        return (total if how == "token_sum" else total / kept.sum()).to(losses.dtype)
    counts = kept.sum(-1)
    sequences = losses.sum(-1, dtype=wide)
    if how == "seq_mean_token_mean":
        sequences = sequences / counts.clamp_min(1)
    return (sequences.sum() / (counts > 0).sum()).to(losses.dtype)
