"""Losses of torch.nn that own parameters: here these are inputs, under their names in torch's state_dict."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from lossd_server.faults import Fault, shape_text
from lossd_server.limits import MAX_FEATURES, MAX_PARAMETERS
from lossd_server.losses import checks, threads, weights
from lossd_server.losses.binding import Forward
from lossd_server.losses.contract import Argument, Arguments, Example, Input, Kind, Tensors
from lossd_server.losses.torch_nn.entry import CLASS_WEIGHT, SMOOTHING, TorchEntry

_META = torch.device("meta")
_MODULE = {"reduction", "weight", "ignore_index", "label_smoothing", "options"}
"""Arguments that shape no parameter."""


@dataclass(frozen=True)
class ParametricEntry(TorchEntry):
    """A class of torch.nn with parameters, which is run with those that come as inputs."""

    def forward(self, given: dict[str, Any], arguments: Arguments) -> Forward:
        module = self._module(given, arguments)
        names = tuple(name for name, _ in module.named_parameters())

        def run(input_: Tensor, target: Tensor, *parameters: Tensor) -> Tensor:
            threads.use_all()
            return self.result(functional_call(module, dict(zip(names, parameters, strict=True)), (input_, target)))

        return run

    def inputs_for(self, arguments: Arguments) -> tuple[Input, ...]:
        parameters = self.parameters(arguments)
        about = {input_.name: input_ for input_ in self.inputs}
        first = tuple(input_ for input_ in self.inputs if input_.name in ("input", "target"))
        return first + tuple(
            Input(name, Kind.FLOAT, shape_text(shape), about[name].meaning if name in about else "weights of a cluster")
            for name, shape in parameters.items()
        )

    def parameters(self, arguments: Arguments) -> dict[str, torch.Size]:
        """Shapes of the module's parameters, by name."""
        shaping = {name: arguments[name] for name in (a.name for a in self.arguments) if name not in _MODULE}
        return _parameters(
            self.class_name, tuple((k, tuple(v) if isinstance(v, list) else v) for k, v in shaping.items())
        )

    def result(self, output: Any) -> Tensor:
        """The loss in what the module's forward returns."""
        return output  # type: ignore[no-any-return]

    def _module(self, given: dict[str, Any], arguments: Arguments) -> nn.Module:
        try:
            shapes = self.parameters(arguments)
        except ValueError as error:
            raise Fault("ARGUMENT_OUT_OF_RANGE", str(error), field=arguments["path"]) from None
        if sum(shape.numel() for shape in shapes.values()) > MAX_PARAMETERS:
            raise Fault(
                "LIMIT_EXCEEDED", f"the loss has more than {MAX_PARAMETERS} parameters", field=arguments["path"]
            )
        return _quietly(self.module, given)


def _quietly(module: type[nn.Module], arguments: Mapping[str, Any]) -> nn.Module:
    """The module without its elements; torch warns where a cluster's projection is 0 wide."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return module(**arguments, device=_META)


@lru_cache(maxsize=256)
def _parameters(class_name: str, arguments: tuple[tuple[str, Any], ...]) -> dict[str, torch.Size]:
    built = _quietly(getattr(nn, class_name), {name: value for name, value in arguments if value is not None})
    return {name: parameter.shape for name, parameter in built.named_parameters()}


@dataclass(frozen=True)
class LinearCrossEntropyEntry(ParametricEntry):
    """LinearCrossEntropyLoss, whose options are an object of their own."""

    def forward(self, given: dict[str, Any], arguments: Arguments) -> Forward:
        if given.get("options") is not None:
            options = given["options"]
            if "batch_chunk_size" in options:
                options = {"chunking_method": None} | options  # torch takes one or the other
            given = given | {"options": nn.LinearCrossEntropyOptions(**options)}
        return super().forward(given, arguments)


@dataclass(frozen=True)
class AdaptiveEntry(ParametricEntry):
    """AdaptiveLogSoftmaxWithLoss, which returns log-probabilities beside the loss."""

    def result(self, output: Any) -> Tensor:
        return output.loss  # type: ignore[no-any-return]


def own_parameters(entry_name: str, tensors: Tensors, arguments: Arguments) -> None:
    """Every parameter of the type of `input` and of the shape that the arguments say."""
    entry = next(entry for entry in ENTRIES if entry.name == entry_name)
    input_ = tensors["input"]
    if input_.dim() not in (1, 2) or input_.shape[-1] != arguments["in_features"]:
        raise Fault(
            "SHAPE_MISMATCH",
            f"input has shape {shape_text(input_.shape)}; expected (N, {arguments['in_features']}), in_features wide",
            field="inputs.input",
        )
    for name, shape in entry.parameters(arguments).items():
        checks.same_dtype(tensors, "input", name)
        if tensors[name].shape != shape:
            raise Fault(
                "SHAPE_MISMATCH",
                f"{name} has shape {shape_text(tensors[name].shape)}; the arguments make it {shape_text(shape)}",
                field=f"inputs.{name}",
            )


def linear_shapes(tensors: Tensors, arguments: Arguments) -> None:
    """As cross_entropy of logits (N, num_classes, *out_features)."""
    own_parameters("linear_cross_entropy_loss", tensors, arguments)
    _chunks(tensors, arguments)
    logits = logits_like(tensors, arguments)
    ignore = -100 if arguments["ignore_index"] is None else arguments["ignore_index"]
    checks.cross_entropy_shapes({"input": logits, "target": tensors["target"]}, {**arguments, "ignore_index": ignore})


def _chunks(tensors: Tensors, arguments: Arguments) -> None:
    """Refuses options where torch would leave them aside and compute all logits at once."""
    if arguments["options"] is None:
        return
    plain = not arguments["label_smoothing"] and not arguments["out_features"] and tensors["input"].dim() == 2
    if not plain or tensors["target"].is_floating_point():
        raise Fault(
            "UNSUPPORTED",
            "torch computes in chunks only (N, in_features) against class indices, without label_smoothing and "
            "out_features; leave options out",
            field=f"{arguments['path']}.options",
        )


def linear_elements(tensors: Tensors, arguments: Arguments) -> None:
    ignore = -100 if arguments["ignore_index"] is None else arguments["ignore_index"]
    given = {"input": logits_like(tensors, arguments), "target": tensors["target"]}
    checks.cross_entropy_elements(given, {**arguments, "ignore_index": ignore})


def logits_like(tensors: Tensors, arguments: Arguments) -> Tensor:
    """The logits without their elements."""
    shape = (*tensors["input"].shape[:-1], arguments["num_classes"], *(arguments["out_features"] or ()))
    return torch.empty(shape, dtype=tensors["input"].dtype, device=_META)


def adaptive_shapes(tensors: Tensors, arguments: Arguments) -> None:
    own_parameters("adaptive_log_softmax_with_loss", tensors, arguments)
    given, expected = tensors["target"].shape, tensors["input"].shape[:-1]
    if given != expected:
        raise Fault(
            "SHAPE_MISMATCH",
            f"target has shape {shape_text(given)}; class indices for this input have shape {shape_text(expected)}",
            field="inputs.target",
        )


def adaptive_elements(tensors: Tensors, arguments: Arguments) -> None:
    target, count = tensors["target"], arguments["n_classes"]
    checks.refuse(
        (target < 0) | (target >= count), target, "inputs.target", "target", f"expected a class from 0 to {count - 1}"
    )


def adaptive_work(tensors: Tensors) -> int:
    """Scores of the head, and of every cluster at worst."""
    width = sum(tensor.shape[0] for name, tensor in tensors.items() if "." in name)
    return int(tensors["input"].shape[:-1].numel() * width)


_FEATURES = Argument("in_features", int, None, "width of input", least=1, most=MAX_FEATURES, required=True)
_OPTIONS = Argument(
    "options",
    dict,
    None,
    "computes chunk by chunk, in less memory; left out, all logits at once",
    enum="LinearCrossEntropyOptions",
    fields=(
        Argument("allow_retain_graph", bool, False, "whether gradients are kept for a second backward pass"),
        Argument("batch_chunk_size", int, None, "rows of a chunk, in place of chunking_method", least=1, most=2**40),
        Argument("chunking_method", str, "auto", "auto, aspect_ratio, or aspect_ratio:N for chunks N times smaller"),
        Argument("acc_policy", str, "auto", "what is accumulated in a wider type",
                 choices=("auto", "accurate", "balanced", "compact"), enum="AccumulationPolicy"),
    ),
)  # fmt: skip

ENTRIES: tuple[ParametricEntry, ...] = (
    LinearCrossEntropyEntry(
        name="linear_cross_entropy_loss",
        class_name="LinearCrossEntropyLoss",
        summary="Softmax cross entropy of logits that a linear layer makes, in one step.",
        formula="-weight[target] log softmax(linear.weight input + linear.bias)[target]",
        inputs=(
            Input("input", Kind.FLOAT, "(N,in_features) or (in_features,)", "what the linear layer takes"),
            Input("target", Kind.INDEX_OR_PROBABILITIES, "(N,*out_features) or (); or (N,C,*out_features)",
                  "class indices, or class probabilities of the type of input"),
            Input("linear.weight", Kind.FLOAT, "(C·Πout_features,in_features)", "weight of the linear layer"),
            Input("linear.bias", Kind.FLOAT, "(C·Πout_features,)", "its bias, with bias=True", optional=True),
        ),
        arguments=(
            _FEATURES,
            Argument("num_classes", int, None, "classes, C", least=1, most=MAX_FEATURES, required=True),
            Argument("out_features", list, None, "further dimensions of the target", least=1, most=MAX_FEATURES),
            Argument("bias", bool, False, "whether the linear layer has a bias"),
            CLASS_WEIGHT,
            Argument("ignore_index", int, None, "target index that adds nothing to loss or gradient; -100 if left out"),
            SMOOTHING,
            _OPTIONS,
        ),
        shapes=linear_shapes,
        elements=linear_elements,
        weight=weights.classes,
        mean="divided by the total weight of the targets that are not ignored",
        spans=("input",),
        work=lambda tensors: int(tensors["input"].shape[:-1].numel() * tensors["linear.weight"].shape[0]),
        example=Example(
            {"input": [[1.0, 2.0]], "target": [0], "linear.weight": [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]},
            2.4076058864593506,
            {"in_features": 2, "num_classes": 3},
        ),
        traps=("chunks trade time for memory: on a CPU they are several times slower",),
        tasks=("classification",),
        aliases=('linear_cross_entropy', 'fused_linear_cross_entropy'),
    ),
    AdaptiveEntry(
        name="adaptive_log_softmax_with_loss",
        class_name="AdaptiveLogSoftmaxWithLoss",
        summary="Softmax cross entropy over very many classes, the rare ones in clusters of their own.",
        formula="-log p(target), p of a class in a cluster being p(cluster) p(class | cluster)",
        inputs=(
            Input("input", Kind.FLOAT, "(N,in_features) or (in_features,)", "what the head takes"),
            Input("target", Kind.LABEL, "(N,) or ()", "class indices, frequent classes first"),
            Input("head.weight", Kind.FLOAT, "(cutoffs[0]+clusters,in_features)", "weight of the head"),
            Input("head.bias", Kind.FLOAT, "(cutoffs[0]+clusters,)", "its bias, with head_bias=True", optional=True),
            Input("tail.0.0.weight", Kind.FLOAT, "(⌊in_features/div_value⌋,in_features)",
                  "projection of the first cluster; tail.i.0.weight is ⌊in_features/div_value^(i+1)⌋ high"),
            Input("tail.0.1.weight", Kind.FLOAT, "(cutoffs[1]-cutoffs[0],⌊in_features/div_value⌋)",
                  "scores of its classes; tail.i.1.weight is as wide as that projection is high"),
        ),
        arguments=(
            _FEATURES,
            Argument("n_classes", int, None, "classes", least=2, most=MAX_FEATURES, required=True),
            Argument("cutoffs", list, None, "first class of each cluster; rising, below n_classes",
                     least=1, most=MAX_FEATURES, required=True),
            Argument("div_value", float, 4.0, "how much narrower each cluster's projection is", above=0),
            Argument("head_bias", bool, False, "whether the head has a bias"),
        ),
        reductions=(),
        shapes=adaptive_shapes,
        elements=adaptive_elements,
        weight=weights.rows,
        spans=("input",),
        work=adaptive_work,
        infer=lambda tensors, arguments: tensors["input"].sum(),
        example=Example(
            {
                "input": [[1.0, 2.0]],
                "target": [2],
                "head.weight": [[1.0, 0.0], [0.0, 1.0]],
                "tail.0.0.weight": [[1.0, 1.0]],
                "tail.0.1.weight": [[0.0], [1.0]],
            },
            0.36184898018836975,
            {"in_features": 2, "n_classes": 3, "cutoffs": [1], "div_value": 2.0},
        ),
        traps=(
            "classes must be sorted by frequency",
            "the mean is all there is: it has no reduction",
            "a late cluster's projection may be 0 high: all its classes then score alike",
        ),
        tasks=("classification",),
        aliases=("adaptive_softmax", "adaptive_log_softmax"),
    ),
)  # fmt: skip
