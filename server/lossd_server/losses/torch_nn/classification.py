"""Losses of torch.nn between scores and classes or labels."""

from __future__ import annotations

from torch import Tensor

from lossd_server.losses import checks, weights
from lossd_server.losses.contract import Argument, Example, Input, Kind
from lossd_server.losses.torch_nn.entry import (
    CLASS_WEIGHT,
    CLASSES,
    EMPTY_TRAP,
    IGNORE,
    RESCALE,
    SMOOTHING,
    TorchEntry,
    pair,
)

ENTRIES: tuple[TorchEntry, ...] = (
    TorchEntry(
        name="cross_entropy_loss",
        class_name="CrossEntropyLoss",
        summary="Softmax cross entropy of raw logits.",
        formula="-weight[target] log softmax(input)[target]; of probabilities, the sum over classes, each by its own",
        inputs=(
            Input("input", Kind.FLOAT, CLASSES, "raw logits: no softmax before"),
            Input(
                "target",
                Kind.INDEX_OR_PROBABILITIES,
                "(), (N,) or (N,d…); or as input",
                "class indices, or class probabilities of the type of input",
            ),
        ),
        arguments=(
            CLASS_WEIGHT,
            IGNORE,
            SMOOTHING,
        ),
        shapes=checks.cross_entropy_shapes,
        elements=checks.cross_entropy_elements,
        weight=weights.classes,
        mean="divided by the total weight of the targets that are not ignored",
        spans=("input",),
        traps=(
            "softmax applied before is applied twice",
            "int32 targets are refused by torch",
            "the mean is nan if every target is ignored",
            "class probabilities that do not add up to 1 are accepted",
        ),
        tasks=("classification",),
        aliases=("ce", "cross_entropy", "softmax_cross_entropy"),
        example=Example({"input": [[4.0, 1.0, 0.1]], "target": [0]}, 0.06768565624952316),
    ),
    TorchEntry(
        name="nll_loss",
        class_name="NLLLoss",
        summary="Negative log likelihood of log-probabilities.",
        formula="-weight[target] input[target]",
        inputs=(
            Input("input", Kind.FLOAT, CLASSES, "log-probabilities, as log_softmax gives them"),
            Input("target", Kind.INDEX, "(), (N,) or (N,d…)", "class indices"),
        ),
        arguments=(CLASS_WEIGHT, IGNORE),
        shapes=checks.class_shapes,
        elements=checks.class_indices,
        weight=weights.classes,
        mean="divided by the total weight of the targets that are not ignored",
        spans=("input",),
        traps=(
            "input above 0 means that log_softmax was forgotten",
            "the mean is nan if every target is ignored",
        ),
        tasks=("classification",),
        aliases=("nll",),
        example=Example({"input": [[-0.1, -2.5, -4.0]], "target": [1]}, 2.5),
    ),
    TorchEntry(
        name="bce_loss",
        class_name="BCELoss",
        summary="Binary cross entropy of probabilities.",
        formula="-weight (target log input + (1 - target) log(1 - input))",
        inputs=pair("probabilities from 0 to 1", "probabilities from 0 to 1"),
        arguments=(RESCALE,),
        shapes=checks.rescaling_weights,
        elements=checks.probabilities,
        traps=("log is clamped at -100", "raw logits belong to bce_with_logits_loss", EMPTY_TRAP),
        tasks=("classification", "multi-label"),
        aliases=("bce", "binary_cross_entropy"),
        example=Example({"input": [0.8, 0.3], "target": [1, 0]}, 0.2899092435836792),
    ),
    TorchEntry(
        name="bce_with_logits_loss",
        class_name="BCEWithLogitsLoss",
        summary="Binary cross entropy of raw logits.",
        formula="-weight (pos_weight target log sigmoid(input) + (1 - target) log(1 - sigmoid(input)))",
        inputs=pair("raw logits: no sigmoid before", "probabilities, 0 or 1 for hard labels"),
        arguments=(
            RESCALE,
            Argument("pos_weight", Tensor, None, "weight of positive examples; broadcast to the shape of input"),
        ),
        shapes=checks.rescaling_weights,
        traps=("probabilities given as logits go unnoticed", "int targets are refused: send floats", EMPTY_TRAP),
        tasks=("classification", "multi-label"),
        aliases=("bce_with_logits", "sigmoid_cross_entropy", "binary_cross_entropy_with_logits"),
        example=Example({"input": [0.8, -1.2], "target": [1, 0]}, 0.31719154119491577),
    ),
)
