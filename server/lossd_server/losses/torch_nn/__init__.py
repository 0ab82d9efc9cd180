"""The losses of torch.nn: a table of what torch does not say by itself, and the one class that runs them all.

Values and gradients are torch's own module's, so they are its bits. What the table adds is the contract: the
meaning of each input, the range of each argument, and the checks that keep bad data from the kernel.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from lossd_server.faults import Fault
from lossd_server.losses import checks
from lossd_server.losses.budget import Budget, broadcast_shapes
from lossd_server.losses.contract import (
    Argument,
    Arguments,
    Check,
    Computed,
    Entry,
    Infer,
    Input,
    Kind,
    Tensors,
    Weight,
)
from lossd_server.losses.refusal import torch_refusals

_MOST_PASSED = 256


def count(tensors: Tensors, arguments: Arguments) -> float:
    """Elements of the (broadcast) result."""
    return float(broadcast_shapes(tensors["input"].shape, tensors["target"].shape).numel())


def batch_or_count(tensors: Tensors, arguments: Arguments) -> float:
    if arguments["reduction"] != "batchmean":
        return count(tensors, arguments)
    return float(tensors["input"].shape[0] if tensors["input"].dim() else 1)


def class_weight_sum(tensors: Tensors, arguments: Arguments) -> float:
    """Total weight of the targets that are not ignored; soft targets count one per position."""
    target, weight = tensors["target"], arguments["weight"]
    if target.is_floating_point():
        return float(target.numel() // max(checks.classes(target), 1))
    if weight is None and target.numel() <= checks.FEW and target.is_cpu:
        return float(target.numel() - target.reshape(-1).tolist().count(arguments["ignore_index"]))
    kept = target.long() != arguments["ignore_index"]  # uint8 would wrap it
    if weight is None:
        return float(torch.count_nonzero(kept))
    return float(weight.double()[target[kept].long()].sum())


def ctc_batch(tensors: Tensors, arguments: Arguments) -> float | None:
    """The batch, for the mean alone: it divides each loss by its target's length first, as no other reduction does."""
    return float(tensors["target_lengths"].numel()) if arguments["reduction"] == "mean" else None


def ctc_result(tensors: Tensors, arguments: Arguments) -> Tensor:
    """The result without its elements: torch has no dry run of this kernel."""
    losses = tensors["log_probs"].select(0, 0).select(-1, 0)
    return losses if arguments["reduction"] == "none" else losses.sum()


@dataclass(frozen=True)
class TorchEntry(Entry):
    """A line of the catalogue whose code is a torch.nn class."""

    shapes: Check = checks.elementwise
    elements: Check | None = None
    weight: Weight = count
    infer: Infer | None = None
    spans: tuple[str, ...] = ("input", "target")
    """Inputs whose broadcast shape the kernel runs over."""

    @property
    def reference(self) -> str:
        return f"https://docs.pytorch.org/docs/stable/generated/torch.nn.{self.class_name}.html"

    @property
    def module(self) -> type[nn.Module]:
        return getattr(nn, self.class_name)  # type: ignore[no-any-return]  # every class_name is a Module, a test sees to it

    def build(self, given: dict[str, Any], *, path: str, allow_broadcast: bool) -> TorchLoss:
        """Binds arguments; those not given take torch's default."""
        for argument in self.arguments:
            if argument.name in given:
                try:
                    argument.check(given[argument.name])
                except Fault as fault:
                    raise fault.within(path) from None
        reduction = given.get("reduction", self.reductions[0])
        if reduction not in self.reductions:
            raise Fault(
                "ARGUMENT_OUT_OF_RANGE",
                f"reduction is {reduction}; {self.class_name} takes {', '.join(self.reductions)}",
                field=f"{path}.reduction",
            )
        bound = {argument.name: given.get(argument.name, argument.default) for argument in self.arguments}
        bound |= {"reduction": reduction, "allow_broadcast": allow_broadcast, "path": path}
        with torch_refusals(path):
            return TorchLoss(self, bound, self.module(**given))


class TorchLoss:
    """A torch.nn loss with its arguments bound; see `contract.Loss`."""

    def __init__(self, entry: TorchEntry, arguments: dict[str, Any], module: nn.Module) -> None:
        self.name = entry.name
        self._entry = entry
        self._arguments = arguments
        self._forward = module.forward  # no hooks to run, which a call of the module would look for
        # torch warns of broadcasting, which the caller allowed by name, and of KLDivLoss's mean, a listed trap
        self._warns = arguments["allow_broadcast"] or "batchmean" in entry.reductions
        self._inputs = {input_.name: input_ for input_ in entry.inputs}
        self.input_names = tuple(self._inputs)
        self.reduction: str = arguments["reduction"]
        self._passed: set[tuple[tuple[torch.dtype, torch.Size], ...]] = set()  # types that need no second look

    def input(self, name: str) -> Input | None:
        return self._inputs.get(name)

    def check(self, tensors: Tensors, data: bool = True) -> None:
        types = tuple((tensors[name].dtype, tensors[name].shape) for name in self.input_names)
        if types not in self._passed:
            self._check_types(tensors)
            if len(self._passed) < _MOST_PASSED:
                self._passed.add(types)
        if data and self._entry.elements is not None:
            self._entry.elements(tensors, self._arguments)

    def _check_types(self, tensors: Tensors) -> None:
        for input_ in self._entry.inputs:
            if tensors[input_.name].dtype not in input_.kind.dtypes:
                raise Fault(
                    "DTYPE_MISMATCH",
                    f"{input_.name} is {_dtype(tensors[input_.name].dtype)}; {self._entry.class_name} expects "
                    f"{', '.join(map(_dtype, input_.kind.dtypes))}: convert it before sending",
                    field=f"inputs.{input_.name}",
                )
        self._entry.shapes(tensors, self._arguments)

    def compute(self, tensors: Tensors, budget: Budget) -> Computed:
        budget.spend(*[tensors[name] for name in self._entry.spans])
        if self._entry.infer is not None and tensors[self.input_names[0]].is_meta:
            return Computed(self._entry.infer(tensors, self._arguments))
        inputs = [tensors[name] for name in self.input_names]
        if not self._warns:
            return Computed(self._forward(*inputs))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            return Computed(self._forward(*inputs))

    def weight_sum(self, tensors: Tensors) -> float | None:
        return self._entry.weight(tensors, self._arguments)


def _dtype(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _pair(input_: str, target: str) -> tuple[Input, ...]:
    return (Input("input", Kind.FLOAT, "(*)", input_), Input("target", Kind.FLOAT, "(*), as input", target))


_REGRESSION = _pair("predictions", "true values")
_CLASSES = "(C,), (N,C) or (N,C,d…)"
_CLASS_WEIGHT = Argument("weight", Tensor, None, "weight of each class, (C,), of the type of input")
_IGNORE = Argument("ignore_index", int, -100, "target index that adds nothing to loss or gradient")
_RESCALE = Argument("weight", Tensor, None, "rescales each element; broadcast to the shape of input")
_BROADCAST_TRAP = "torch broadcasts (N,1) against (N,) to (N,N); lossd refuses it unless allow_broadcast is set"
_EMPTY_TRAP = "the mean over no elements is nan"

ENTRIES: tuple[TorchEntry, ...] = (
    TorchEntry(
        name="l1_loss",
        class_name="L1Loss",
        summary="Mean absolute error.",
        formula="|input - target|",
        inputs=_REGRESSION,
        traps=(_BROADCAST_TRAP, _EMPTY_TRAP),
        tasks=("regression",),
    ),
    TorchEntry(
        name="mse_loss",
        class_name="MSELoss",
        summary="Mean squared error.",
        formula="(input - target)^2",
        inputs=_REGRESSION,
        traps=(_BROADCAST_TRAP, "one outlier can carry most of the loss: see huber_loss", _EMPTY_TRAP),
        tasks=("regression",),
    ),
    TorchEntry(
        name="smooth_l1_loss",
        class_name="SmoothL1Loss",
        summary="Squared below beta, absolute above.",
        formula="0.5 (input - target)^2 / beta if |input - target| < beta else |input - target| - 0.5 beta",
        inputs=_REGRESSION,
        arguments=(Argument("beta", float, 1.0, "where the square turns into the absolute value", least=0),),
        traps=(_BROADCAST_TRAP, "as beta shrinks this tends to l1_loss, huber_loss tends to 0", _EMPTY_TRAP),
        tasks=("regression",),
    ),
    TorchEntry(
        name="huber_loss",
        class_name="HuberLoss",
        summary="Squared below delta, absolute above, scaled by delta.",
        formula="0.5 (input - target)^2 if |input - target| < delta else delta (|input - target| - 0.5 delta)",
        inputs=_REGRESSION,
        arguments=(Argument("delta", float, 1.0, "where the square turns into the absolute value", above=0),),
        traps=(_BROADCAST_TRAP, "delta is in the units of the target", _EMPTY_TRAP),
        tasks=("regression",),
    ),
    TorchEntry(
        name="cross_entropy_loss",
        class_name="CrossEntropyLoss",
        summary="Softmax cross entropy of raw logits.",
        formula="-weight[target] log softmax(input)[target]",
        inputs=(
            Input("input", Kind.FLOAT, _CLASSES, "raw logits: no softmax before"),
            Input(
                "target",
                Kind.INDEX_OR_PROBABILITIES,
                "(), (N,) or (N,d…); or as input",
                "class indices, or class probabilities of the type of input",
            ),
        ),
        arguments=(
            _CLASS_WEIGHT,
            _IGNORE,
            Argument("label_smoothing", float, 0.0, "share of the target spread over all classes", least=0, most=1),
        ),
        shapes=checks.cross_entropy_shapes,
        elements=checks.cross_entropy_elements,
        weight=class_weight_sum,
        spans=("input",),
        traps=(
            "softmax applied before is applied twice",
            "int32 targets are refused by torch",
            "the mean is nan if every target is ignored",
            "class probabilities that do not add up to 1 are accepted",
        ),
        tasks=("classification",),
    ),
    TorchEntry(
        name="nll_loss",
        class_name="NLLLoss",
        summary="Negative log likelihood of log-probabilities.",
        formula="-weight[target] input[target]",
        inputs=(
            Input("input", Kind.FLOAT, _CLASSES, "log-probabilities, as log_softmax gives them"),
            Input("target", Kind.INDEX, "(), (N,) or (N,d…)", "class indices"),
        ),
        arguments=(_CLASS_WEIGHT, _IGNORE),
        shapes=checks.class_shapes,
        elements=checks.class_indices,
        weight=class_weight_sum,
        spans=("input",),
        traps=(
            "input above 0 means that log_softmax was forgotten",
            "the mean is nan if every target is ignored",
        ),
        tasks=("classification",),
    ),
    TorchEntry(
        name="poisson_nll_loss",
        class_name="PoissonNLLLoss",
        summary="Negative log likelihood of a Poisson count.",
        formula="exp(input) - target input if log_input else input - target log(input + eps)",
        inputs=_pair("log of the rate, or the rate without log_input", "observed counts"),
        arguments=(
            Argument("log_input", bool, True, "whether input is the logarithm of the rate"),
            Argument("full", bool, False, "whether to add target log target - target + 0.5 log(2 pi target)"),
            Argument("eps", float, 1e-8, "keeps log(input) finite without log_input", least=0),
        ),
        traps=(_BROADCAST_TRAP, "log_input defaults to true", "without log_input a negative input gives nan"),
        tasks=("counts", "regression"),
    ),
    TorchEntry(
        name="kl_div_loss",
        class_name="KLDivLoss",
        summary="Kullback-Leibler divergence of target from input.",
        formula="target (log target - input)",
        inputs=_pair("log-probabilities", "probabilities, or log-probabilities with log_target"),
        arguments=(Argument("log_target", bool, False, "whether target is given as logarithms"),),
        reductions=("mean", "none", "sum", "batchmean"),
        weight=batch_or_count,
        traps=(
            "mean divides by every element and is not the divergence; batchmean is",
            "input must be log-probabilities, target probabilities",
            "a negative target gives nan",
        ),
        tasks=("distribution",),
    ),
    TorchEntry(
        name="bce_loss",
        class_name="BCELoss",
        summary="Binary cross entropy of probabilities.",
        formula="-weight (target log input + (1 - target) log(1 - input))",
        inputs=_pair("probabilities from 0 to 1", "probabilities from 0 to 1"),
        arguments=(_RESCALE,),
        shapes=checks.rescaling_weights,
        elements=checks.probabilities,
        traps=("log is clamped at -100", "raw logits belong to bce_with_logits_loss", _EMPTY_TRAP),
        tasks=("classification", "multi-label"),
    ),
    TorchEntry(
        name="bce_with_logits_loss",
        class_name="BCEWithLogitsLoss",
        summary="Binary cross entropy of raw logits.",
        formula="-weight (pos_weight target log sigmoid(input) + (1 - target) log(1 - sigmoid(input)))",
        inputs=_pair("raw logits: no sigmoid before", "probabilities, 0 or 1 for hard labels"),
        arguments=(
            _RESCALE,
            Argument("pos_weight", Tensor, None, "weight of positive examples; broadcast to the shape of input"),
        ),
        shapes=checks.rescaling_weights,
        traps=("probabilities given as logits go unnoticed", "int targets are refused: send floats", _EMPTY_TRAP),
        tasks=("classification", "multi-label"),
    ),
    TorchEntry(
        name="ctc_loss",
        class_name="CTCLoss",
        summary="Connectionist temporal classification: sequences without alignment.",
        formula="-log sum over alignments of prod_t exp(log_probs[t, label_t])",
        inputs=(
            Input("log_probs", Kind.WIDE_FLOAT, "(T,N,C) or (T,C)", "log-probabilities, as log_softmax gives them"),
            Input("targets", Kind.LABELS, "(N,S), (S,) or flat", "class indices, none of them blank"),
            Input("input_lengths", Kind.LABELS, "(N,) or ()", "steps of log_probs that count, 0 to T"),
            Input("target_lengths", Kind.LABELS, "(N,) or ()", "labels of targets that count, 0 to S"),
        ),
        arguments=(
            Argument("blank", int, 0, "class that stands for no label, 0 to C - 1", least=0),
            Argument("zero_infinity", bool, False, "whether impossible alignments count as 0"),
        ),
        shapes=checks.ctc_shapes,
        elements=checks.ctc_elements,
        weight=ctc_batch,
        infer=ctc_result,
        spans=("log_probs",),
        traps=(
            "targets longer than the input allows give inf unless zero_infinity is set",
            "torch reads foreign memory for labels or lengths out of range; lossd refuses them",
            "mean divides each loss by its target length first",
        ),
        tasks=("sequence",),
    ),
)
