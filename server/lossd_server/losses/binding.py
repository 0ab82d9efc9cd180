"""Binds a line of the catalogue to arguments, and runs what it names behind its checks; knows no single loss."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lossd_server.faults import Fault
from lossd_server.losses import checks, weights
from lossd_server.losses.budget import Budget
from lossd_server.losses.contract import Arguments, Check, Computed, Entry, Infer, Input, Tensors, Weight
from lossd_server.losses.refusal import torch_refusals

_MOST_PASSED = 256

Forward = Callable[..., Tensor]
"""The loss of the inputs in forward order; an optional one that is absent is None."""


@dataclass(frozen=True)
class BoundEntry(Entry, ABC):
    """A line of the catalogue that can be built.

    Args:
        shapes: refuses types and sizes that do not fit; needs no data.
        elements: refuses data that the kernel must not see.
        weight: the denominator of the mean.
        infer: the result on the meta device, where torch cannot dry-run the kernel.
        spans: inputs whose broadcast shape the kernel runs over.
        work: elements that it makes beyond those, for losses that compare everything with everything.
    """

    shapes: Check = checks.elementwise
    elements: Check | None = None
    weight: Weight = weights.count
    infer: Infer | None = None
    spans: tuple[str, ...] = ("input", "target")
    work: Callable[[Tensors], int] | None = None

    @abstractmethod
    def forward(self, given: dict[str, Any], arguments: Arguments) -> Forward:
        """The function to run: `given` holds the arguments that were set, `arguments` all of them."""

    def inputs_for(self, arguments: Arguments) -> tuple[Input, ...]:
        """The inputs of this loss under these arguments."""
        return self.inputs

    def build(self, given: dict[str, Any], *, path: str, allow_broadcast: bool) -> BoundLoss:
        """Binds arguments; those not given take their default."""
        for argument in self.arguments:
            if argument.name in given:
                try:
                    argument.check(given[argument.name])
                except Fault as fault:
                    raise fault.within(path) from None
            elif argument.required:
                raise Fault(
                    "MISSING_FIELD",
                    f"{self.class_name} needs {argument.name}: {argument.meaning}",
                    field=f"{path}.{argument.name}",
                )
        bound = {argument.name: given.get(argument.name, argument.default) for argument in self.arguments}
        bound |= {"allow_broadcast": allow_broadcast, "path": path}
        if self.reductions:
            bound["reduction"] = self._reduction(given, path)
        with torch_refusals(path):
            return BoundLoss(self, bound, self.forward(given, bound), self.inputs_for(bound))

    def _reduction(self, given: Arguments, path: str) -> str:
        reduction = given.get("reduction", self.reductions[0])
        if reduction in self.reductions:
            return str(reduction)
        raise Fault(
            "ARGUMENT_OUT_OF_RANGE",
            f"reduction is {reduction}; {self.class_name} takes {', '.join(self.reductions)}",
            field=f"{path}.reduction",
        )


class BoundLoss:
    """A loss of the catalogue with its arguments bound; see `contract.Loss`."""

    def __init__(self, entry: BoundEntry, arguments: Arguments, forward: Forward, inputs: tuple[Input, ...]) -> None:
        self.name = entry.name
        self._entry = entry
        self._arguments = arguments
        self._forward = forward
        # torch warns of broadcasting, which the caller allowed by name, and of KLDivLoss's mean, a listed trap
        self._warns = arguments["allow_broadcast"] or "batchmean" in entry.reductions
        self._inputs = {input_.name: input_ for input_ in inputs}
        self.input_names = tuple(self._inputs)
        self.reduction: str | None = arguments.get("reduction") or _AGGREGATED.get(arguments.get("aggregation", ""))
        self._passed: set[tuple[tuple[str, torch.dtype, torch.Size], ...]] = set()  # types that need no second look

    @property
    def ignored(self) -> int | None:
        """The target index that adds nothing, of losses that have one."""
        return self._arguments.get("ignore_index")

    @property
    def arguments(self) -> Arguments:
        """What all arguments are bound to, `reduction`, `path` and `allow_broadcast` among them."""
        return self._arguments

    def argument(self, name: str) -> Any:
        """What an argument is bound to; None for one that this loss lacks."""
        return self._arguments.get(name)

    @property
    def family(self) -> str:
        """The page of the catalogue that it stands on."""
        return self._entry.family

    @property
    def aggregation(self) -> str | None:
        """How losses of tokens become one number, of losses that have them."""
        return self._arguments.get("aggregation")

    def unreduced(self) -> BoundLoss | None:
        """The same loss with a value for each element; None where the loss is one number by itself."""
        how = "reduction" if self._entry.reductions else "aggregation" if self.aggregation is not None else None
        if how is None:
            return None
        return self._again({how: "none"})

    def widened(self, reduction: str | None = None) -> BoundLoss | None:
        """The same loss for inputs of float64, perhaps with another reduction; None where it has none such."""
        if reduction is not None and reduction not in self._entry.reductions:
            return None
        wide = {name: given.double() for name, given in self.tensors.items() if given.is_floating_point()}
        return self._again(wide | ({} if reduction is None else {"reduction": reduction}))

    @property
    def tensors(self) -> dict[str, Tensor]:
        """The arguments that are tensors, by name."""
        return {name: given for name, given in self._arguments.items() if isinstance(given, Tensor)}

    @property
    def allows_broadcast(self) -> bool:
        """Whether inputs whose shapes differ may stretch."""
        return bool(self._arguments["allow_broadcast"])

    def work(self, tensors: Tensors) -> int:
        """Elements that it makes beyond those of its inputs."""
        return self._entry.work(tensors) if self._entry.work is not None else 0

    def _again(self, changes: Arguments) -> BoundLoss:
        """The same loss with other arguments."""
        given = {
            argument.name: self._arguments[argument.name]
            for argument in self._entry.arguments
            if self._arguments[argument.name] is not argument.default
        }
        how = {"reduction": self.reduction} if self._entry.reductions else {}
        path, allow = self._arguments["path"], self.allows_broadcast
        return self._entry.build({**given, **how, **changes}, path=path, allow_broadcast=allow)

    def input(self, name: str) -> Input | None:
        return self._inputs.get(name)

    def check(self, tensors: Tensors, data: bool = True) -> None:
        types = tuple((name, tensors[name].dtype, tensors[name].shape) for name in self.input_names if name in tensors)
        if types not in self._passed:
            self._check_types(tensors)
            if len(self._passed) < _MOST_PASSED:
                self._passed.add(types)
        if data and self._entry.elements is not None:
            self._entry.elements(tensors, self._arguments)

    def _check_types(self, tensors: Tensors) -> None:
        for input_ in self._inputs.values():
            if input_.name in tensors and tensors[input_.name].dtype not in input_.kind.dtypes:
                raise Fault(
                    "DTYPE_MISMATCH",
                    f"{input_.name} is {checks.dtype_text(tensors[input_.name])}; {self._entry.class_name} expects "
                    f"{', '.join(str(dtype).removeprefix('torch.') for dtype in input_.kind.dtypes)}: "
                    "convert it before sending",
                    field=f"inputs.{input_.name}",
                )
        self._entry.shapes(tensors, self._arguments)

    def compute(self, tensors: Tensors, budget: Budget) -> Computed:
        budget.spend(*[tensors[name] for name in self._entry.spans if name in tensors])
        if self._entry.work is not None:
            budget.take(self._entry.work(tensors))
        if self._entry.infer is not None and tensors[self.input_names[0]].is_meta:
            return Computed(self._entry.infer(tensors, self._arguments))
        inputs = [_dry(tensors[name]) if name in tensors else None for name in self.input_names]
        if not self._warns:
            return Computed(self._forward(*inputs))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            return Computed(self._forward(*inputs))

    def weight_sum(self, tensors: Tensors) -> float | None:
        return self._entry.weight(tensors, self._arguments)


def _dry(given: Tensor) -> Tensor:
    """On the meta device indices are int64: torch's dry run of a gather knows no uint8, which the real one takes."""
    return given.long() if given.is_meta and given.dtype == torch.uint8 else given


_AGGREGATED = {
    "none": "none",
    "token_sum": "sum",
    "token_mean": "mean",
    "seq_mean_token_sum": "mean",
    "seq_mean_token_mean": "mean",
}
"""What an aggregation of token losses is to those who merge chunks."""
