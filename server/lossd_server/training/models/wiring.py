"""Modules that join layers, and layers of torch fitted to a session: one tensor in, one out, and evaluation changes
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

_STEP_ELEMENTS = 1024
"""What one time step of a recurrent layer costs at least, however narrow it is."""


class Feed:
    """The model's inputs while it runs, for branches that read one by its name."""

    def __init__(self) -> None:
        self.given: Mapping[str, Tensor] = {}


class Residual(nn.Module):
    """x + module(x)."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.module(x)
        if result.shape != x.shape:
            raise ValueError(f"the module inside makes {tuple(result.shape)} of {tuple(x.shape)}; the shape must stay")
        return x + result


class Source(NamedTuple):
    """A branch: its name and the model's input that it reads, "" for what flows in."""

    name: str
    input: str


class Branches(nn.Module):
    """Modules side by side, and what becomes of their outputs."""

    def __init__(self, modules: Mapping[str, nn.Module], sources: Sequence[Source], merge: Any, feed: Feed) -> None:
        super().__init__()
        for name, module in modules.items():
            self.add_module(name, module)
        if isinstance(merge, nn.Module):
            self.add_module("bilinear", merge)
        self._sources = tuple(sources)
        self._merge = None if isinstance(merge, nn.Module) else merge
        self._feed = feed

    def forward(self, x: Tensor | None) -> Tensor:
        outputs = [
            self.get_submodule(name)(self._feed.given[input_] if input_ else x) for name, input_ in self._sources
        ]
        merged: Tensor = self._merge(outputs) if self._merge else self.get_submodule("bilinear")(*outputs)
        return merged


def merger(name: str, dim: int) -> Callable[[list[Tensor]], Tensor]:
    """What `merge` and `dim` of Branches mean."""
    if name == "concat":
        return lambda outputs: torch.cat(outputs, dim)
    if name == "stack":
        return lambda outputs: torch.stack(outputs, dim)
    return _ALIKE[name]


def _alike(outputs: Sequence[Tensor]) -> Sequence[Tensor]:
    if len({output.shape for output in outputs}) > 1:
        shapes = " and ".join(str(tuple(output.shape)) for output in outputs)
        raise ValueError(f"the branches make {shapes}; this merge takes one shape")
    return outputs


def _sum(outputs: Sequence[Tensor]) -> Tensor:
    first, *others = _alike(outputs)
    for output in others:
        first = first + output
    return first


def _product(outputs: Sequence[Tensor]) -> Tensor:
    first, *others = _alike(outputs)
    for output in others:
        first = first * output
    return first


_ALIKE: Mapping[str, Callable[[list[Tensor]], Tensor]] = {
    "sum": _sum,
    "mean": lambda outputs: _sum(outputs) / len(outputs),
    "product": _product,
}


class _Recurrent(nn.RNNBase):
    """A recurrent layer whose output is one tensor: of all steps, or the last layer's final hidden state."""

    def __init__(self, *args: Any, output: str = "output", **arguments: Any) -> None:
        super().__init__(*args, **arguments)
        self._last = output == "last"

    def forward(self, input_: Tensor) -> Tensor:
        if input_.is_meta:
            return self._planned(input_)
        output, state = super().forward(input_)
        if not self._last:
            return output  # type: ignore[no-any-return]  # torch types it so
        hidden = state[0] if isinstance(state, tuple) else state
        return torch.cat((hidden[-2], hidden[-1]), -1) if self.bidirectional else hidden[-1]

    def _planned(self, input_: Tensor) -> Tensor:
        """The output's shape, at the cost of its matrix products but not of a loop over the steps."""
        axis = 1 if self.batch_first and input_.dim() == 3 else 0
        steps = input_.shape[axis]
        if not steps:
            raise ValueError("a sequence has no steps")
        rows = input_.shape[:-1].numel()
        for name, weight in self.named_parameters():
            if name.startswith("weight"):
                torch.mm(input_.new_empty(rows, weight.shape[1]), weight.t())
                input_.new_empty(steps, _STEP_ELEMENTS)
        width = (self.proj_size or self.hidden_size) * (2 if self.bidirectional else 1)
        kept = [size for place, size in enumerate(input_.shape[:-1]) if not self._last or place != axis]
        return input_.new_empty(*kept, width)


class RNN(_Recurrent, nn.RNN):  # type: ignore[misc]  # the two forwards differ on purpose
    """torch.nn.RNN with one output."""


class LSTM(_Recurrent, nn.LSTM):  # type: ignore[misc]  # the two forwards differ on purpose
    """torch.nn.LSTM with one output."""


class GRU(_Recurrent, nn.GRU):  # type: ignore[misc]  # the two forwards differ on purpose
    """torch.nn.GRU with one output."""


class MultiheadAttention(nn.MultiheadAttention):
    """torch.nn.MultiheadAttention of a sequence to itself, without the weights."""

    def forward(self, input_: Tensor) -> Tensor:  # type: ignore[override]  # torch's takes three and gives two
        return super().forward(input_, input_, input_, need_weights=False)[0]


class Embedding(nn.Embedding):
    """torch.nn.Embedding, but that its rows keep their norms in evaluation, which changes no parameter."""

    def forward(self, input_: Tensor) -> Tensor:
        weight = self.weight if self.training or self.max_norm is None else self.weight.clone()
        return functional.embedding(
            input_, weight, self.padding_idx, self.max_norm, self.norm_type, self.scale_grad_by_freq, self.sparse
        )


class EmbeddingBag(nn.EmbeddingBag):
    """torch.nn.EmbeddingBag, but that its rows keep their norms in evaluation, which changes no parameter."""

    def forward(self, input_: Tensor) -> Tensor:  # type: ignore[override]  # bags of one length need no offsets
        weight = self.weight if self.training or self.max_norm is None else self.weight.clone()
        return functional.embedding_bag(
            input_,
            weight,
            max_norm=self.max_norm,
            norm_type=self.norm_type,
            scale_grad_by_freq=self.scale_grad_by_freq,
            mode=self.mode,
            sparse=self.sparse,
            padding_idx=self.padding_idx,
        )


SINGLE: Mapping[str, type[nn.Module]] = {
    "RNN": RNN,
    "LSTM": LSTM,
    "GRU": GRU,
    "MultiheadAttention": MultiheadAttention,
    "Embedding": Embedding,
    "EmbeddingBag": EmbeddingBag,
}
"""Classes that stand for those of torch by the same names."""
