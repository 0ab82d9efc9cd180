"""Losses of torch.nn that keep a margin: between scores, between classes, between distances."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity, pairwise_distance

from lossd_server.faults import Fault, shape_text
from lossd_server.losses import checks
from lossd_server.losses.binding import Forward
from lossd_server.losses.budget import broadcast_shapes
from lossd_server.losses.contract import Argument, Arguments, Example, Input, Kind, Tensors
from lossd_server.losses.torch_nn.entry import CLASS_WEIGHT, EMPTY_TRAP, RESCALE, TorchEntry, pair

_SIGNS = "1 or -1"


def equal_shapes(first: str, *others: str) -> Callable[[Tensors, Arguments], None]:
    """A check that floating inputs have one type and all have one shape, unless broadcasting was allowed."""

    def check(tensors: Tensors, arguments: Arguments) -> None:
        checks.same_dtype(tensors, first, *[name for name in others if name != "target"])
        expected = tensors[first].shape
        for name in others:
            given = tensors[name].shape
            if given == expected:
                continue
            if not arguments["allow_broadcast"] or len(given) != len(expected):
                raise Fault(
                    "SHAPE_MISMATCH",
                    f"{name} has shape {shape_text(given)}, {first} has shape {shape_text(expected)}; they must be "
                    "equal: reshape one of them, or set allow_broadcast if dimensions of 1 are meant to stretch",
                    field=f"inputs.{name}",
                )
            expected = checks.broadcast(given, expected, field=f"inputs.{name}", name=name)

    return check


def signs(tensors: Tensors, arguments: Arguments) -> None:
    """Every target 1 or -1: torch takes any number, and answers something else than the margin."""
    target = tensors["target"]
    checks.refuse(
        (target != 1) & (target != -1),
        target,
        "inputs.target",
        "target",
        f"expected {_SIGNS}; for 0 and 1 send 2 * target - 1",
    )


def cosine_shapes(tensors: Tensors, arguments: Arguments) -> None:
    """`input1` and `input2` (N,D) or (D,), `target` (N,) or ()."""
    checks.same_dtype(tensors, "input1", "input2")
    first, second, target = (tensors[name].shape for name in ("input1", "input2", "target"))
    if len(first) not in (1, 2) or first != second or target != first[:-1]:
        raise Fault(
            "SHAPE_MISMATCH",
            f"input1 has shape {shape_text(first)}, input2 {shape_text(second)}, target {shape_text(target)}; "
            "expected (N, D), (N, D) and (N,), or (D,), (D,) and ()",
            field="inputs.target" if first == second else "inputs.input2",
        )


def class_scores(tensors: Tensors, arguments: Arguments) -> None:
    """`input` (N,C) or (C,), not more dimensions, and not empty: torch's answer would be what memory held before."""
    if tensors["input"].dim() not in (1, 2) or not tensors["input"].numel():
        raise Fault(
            "SHAPE_MISMATCH",
            f"input has shape {shape_text(tensors['input'].shape)}; expected (N, C) or (C,), none of them 0",
            field="inputs.input",
        )


def multi_margin_shapes(tensors: Tensors, arguments: Arguments) -> None:
    class_scores(tensors, arguments)
    if arguments["p"] not in (1, 2):
        raise Fault(
            "ARGUMENT_OUT_OF_RANGE", f"p is {arguments['p']}; torch computes 1 and 2", field=f"{arguments['path']}.p"
        )
    checks.class_shapes(tensors, arguments)


def class_labels(tensors: Tensors, arguments: Arguments) -> None:
    """Each target a class: no index is ignored."""
    target, count = tensors["target"], checks.classes(tensors["input"])
    bad = (target < 0) | (target >= count)
    checks.refuse(bad, target, "inputs.target", "target", f"expected a class index from 0 to {count - 1}")


def label_lists(tensors: Tensors, arguments: Arguments) -> None:
    class_scores(tensors, arguments)
    given, expected = tensors["target"].shape, tensors["input"].shape
    if given != expected or not expected[-1]:
        raise Fault(
            "SHAPE_MISMATCH",
            f"target has shape {shape_text(given)}; expected the shape of input, {shape_text(expected)}: "
            "class indices, then -1 up to C",
            field="inputs.target",
        )


def label_indices(tensors: Tensors, arguments: Arguments) -> None:
    target, count = tensors["target"], tensors["input"].shape[-1]
    bad = (target < -1) | (target >= count)
    checks.refuse(
        bad, target, "inputs.target", "target", f"expected a class from 0 to {count - 1}, or -1 to end the list"
    )


def multi_hot_shapes(tensors: Tensors, arguments: Arguments) -> None:
    if tensors["input"].dim() == 0:
        raise Fault("SHAPE_MISMATCH", "input has shape (); expected (N, C) or (C,)", field="inputs.input")
    checks.rescaling_weights(tensors, arguments)


def vectors(tensors: Tensors, arguments: Arguments) -> None:
    """Three tensors of one shape whose last dimension is the vector."""
    if tensors["anchor"].dim() == 0:
        raise Fault("SHAPE_MISMATCH", "anchor has shape (); expected (N, D) or (D,)", field="inputs.anchor")
    equal_shapes("anchor", "positive", "negative")(tensors, arguments)


def over(*names: str) -> Callable[[Tensors, Arguments], float]:
    """A denominator that counts every element of inputs that broadcast."""
    return lambda tensors, arguments: float(_together(tensors, names).numel())


def vectors_of(*names: str) -> Callable[[Tensors, Arguments], float]:
    """A denominator that counts the vectors of inputs that broadcast."""
    return lambda tensors, arguments: float(_together(tensors, names)[:-1].numel())


def _together(tensors: Tensors, names: Sequence[str]) -> torch.Size:
    return broadcast_shapes(*(tensors[name].shape for name in names))


def sign_result(tensors: Tensors, arguments: Arguments) -> Tensor:
    """The result of the type of `input`: torch's dry run of SoftMarginLoss promotes it with that of `target`."""
    input_ = tensors["input"]
    return _reduced(input_ * tensors["target"].to(input_.dtype), arguments)


def label_result(tensors: Tensors, arguments: Arguments) -> Tensor:
    """One loss per vector: torch's dry run of MultiLabelMarginLoss makes (1,) of that of a single one."""
    return _reduced(tensors["input"].sum(-1), arguments)


def _reduced(losses: Tensor, arguments: Arguments) -> Tensor:
    return losses if arguments["reduction"] == "none" else losses.sum()


DISTANCES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "pairwise": pairwise_distance,
    "manhattan": lambda x, y: pairwise_distance(x, y, p=1.0),
    "chebyshev": lambda x, y: pairwise_distance(x, y, p=torch.inf),
    "squared_euclidean": lambda x, y: (x - y).square().sum(-1),
    "cosine": lambda x, y: 1 - cosine_similarity(x, y, dim=-1),
}
"""The distances that go by a name on the wire; the first is torch's own."""


@dataclass(frozen=True)
class DistanceEntry(TorchEntry):
    """TripletMarginWithDistanceLoss, whose constructor takes a function: here, the name of one."""

    def forward(self, given: dict[str, Any], arguments: Arguments) -> Forward:
        chosen = DISTANCES[given.get("distance_function", "pairwise")]
        return nn.TripletMarginWithDistanceLoss(**given | {"distance_function": chosen}).forward


_TRIPLET = (
    Input("anchor", Kind.FLOAT, "(N,D) or (D,)", "vectors"),
    Input("positive", Kind.FLOAT, "(N,D) or (D,), as anchor", "vectors that should be near to anchor"),
    Input("negative", Kind.FLOAT, "(N,D) or (D,), as anchor", "vectors that should be far from anchor"),
)
_TRIPLET_MARGIN = Argument("margin", float, 1.0, "how much further negative should be than positive", above=0)
_SWAP = Argument("swap", bool, False, "whether the nearer of anchor and positive stands against negative")
_SIGN_TRAP = "torch takes any target and computes something else; lossd refuses all but 1 and -1"

ENTRIES: tuple[TorchEntry, ...] = (
    TorchEntry(
        name="margin_ranking_loss",
        class_name="MarginRankingLoss",
        summary="Hinge on the difference of two scores, of which target says the higher.",
        formula="max(0, -target (input1 - input2) + margin)",
        inputs=(
            Input("input1", Kind.FLOAT, "(*)", "scores"),
            Input("input2", Kind.FLOAT, "(*), as input1", "scores to compare with"),
            Input("target", Kind.SIGN, "(*), as input1", "1 where input1 should be higher, -1 where input2"),
        ),
        arguments=(Argument("margin", float, 0.0, "how far apart the scores should be"),),
        shapes=equal_shapes("input1", "input2", "target"),
        elements=signs,
        weight=over("input1", "input2", "target"),
        spans=("input1", "input2", "target"),
        traps=(_SIGN_TRAP, "with the default margin of 0 equal scores cost nothing", EMPTY_TRAP),
        tasks=("ranking",),
        aliases=("margin_ranking",),
        example=Example(
            {"input1": [0.2, 0.9], "input2": [0.5, 0.1], "target": [1, 1]}, 0.20000000298023224, {"margin": 0.1}
        ),
    ),
    TorchEntry(
        name="hinge_embedding_loss",
        class_name="HingeEmbeddingLoss",
        summary="The distance of similar pairs, and a hinge on that of dissimilar ones.",
        formula="input if target = 1, max(0, margin - input) if target = -1",
        inputs=(
            Input("input", Kind.FLOAT, "(*)", "distances"),
            Input("target", Kind.SIGN, "(*), as input", "1 for similar pairs, -1 for dissimilar ones", constant=True),
        ),
        arguments=(Argument("margin", float, 1.0, "how far apart dissimilar pairs should be"),),
        shapes=equal_shapes("input", "target"),
        elements=signs,
        traps=(_SIGN_TRAP, "input is a distance, not a score", EMPTY_TRAP),
        tasks=("metric-learning",),
        aliases=("hinge_embedding",),
        example=Example({"input": [0.3, 0.4], "target": [1, -1]}, 0.45000001788139343),
    ),
    TorchEntry(
        name="soft_margin_loss",
        class_name="SoftMarginLoss",
        summary="Logistic loss of scores against signs.",
        formula="log(1 + exp(-target input))",
        inputs=(
            Input("input", Kind.FLOAT, "(*)", "scores"),
            Input("target", Kind.SIGN, "(*), as input", _SIGNS, constant=True),
        ),
        shapes=equal_shapes("input", "target"),
        elements=signs,
        infer=sign_result,
        traps=(_SIGN_TRAP, "for targets of 0 and 1 there is bce_with_logits_loss", EMPTY_TRAP),
        tasks=("classification",),
        aliases=("soft_margin",),
        example=Example({"input": [0.5, -2.0], "target": [1, -1]}, 0.3005025088787079),
    ),
    TorchEntry(
        name="cosine_embedding_loss",
        class_name="CosineEmbeddingLoss",
        summary="One minus the cosine of similar pairs, and a hinge on that of dissimilar ones.",
        formula="1 - cos(input1, input2) if target = 1, max(0, cos(input1, input2) - margin) if target = -1",
        inputs=(
            Input("input1", Kind.FLOAT, "(N,D) or (D,)", "vectors"),
            Input("input2", Kind.FLOAT, "(N,D) or (D,), as input1", "vectors to compare with"),
            Input("target", Kind.SIGN, "(N,) or ()", "1 for similar pairs, -1 for dissimilar ones", constant=True),
        ),
        arguments=(Argument("margin", float, 0.0, "cosine below which dissimilar pairs cost nothing"),),
        shapes=cosine_shapes,
        elements=signs,
        weight=over("target"),
        spans=("input1", "input2"),
        traps=(_SIGN_TRAP, EMPTY_TRAP),
        tasks=("metric-learning",),
        aliases=("cosine_embedding",),
        example=Example({"input1": [[1.0, 0.0]], "input2": [[0.6, 0.8]], "target": [1]}, 0.3999999761581421),
    ),
    TorchEntry(
        name="multi_margin_loss",
        class_name="MultiMarginLoss",
        summary="Hinge on every other class's score over the target's.",
        formula="sum_{i != target} max(0, margin - input[target] + input[i])^p / C, times weight[target]",
        inputs=(
            Input("input", Kind.WIDE_FLOAT, "(N,C) or (C,)", "scores of each class"),
            Input("target", Kind.LABEL, "(N,) or ()", "class indices"),
        ),
        arguments=(
            Argument("p", int, 1, "power of the hinge, 1 or 2", least=1, most=2),
            Argument("margin", float, 1.0, "how far ahead the target should be"),
            CLASS_WEIGHT,
        ),
        shapes=multi_margin_shapes,
        elements=class_labels,
        weight=over("target"),
        spans=("input",),
        traps=(
            "the sum is divided by the number of classes",
            "the mean divides by N, whatever the weights",
            EMPTY_TRAP,
        ),
        tasks=("classification",),
        aliases=("multi_margin",),
        example=Example({"input": [[0.1, 0.2, 0.4, 0.8]], "target": [3]}, 0.32499998807907104),
    ),
    TorchEntry(
        name="multi_label_margin_loss",
        class_name="MultiLabelMarginLoss",
        summary="Hinge on the score of every class that is not a target over every one that is.",
        formula="sum_{j in targets} sum_{i not in targets} max(0, 1 - (input[j] - input[i])) / C",
        inputs=(
            Input("input", Kind.WIDE_FLOAT, "(N,C) or (C,)", "scores of each class"),
            Input("target", Kind.LABEL, "(N,C) or (C,), as input", "class indices from the left, then -1"),
        ),
        shapes=label_lists,
        elements=label_indices,
        infer=label_result,
        weight=vectors_of("input"),
        spans=("input",),
        work=lambda tensors: tensors["input"].numel() * tensors["input"].shape[-1],
        traps=(
            "what follows the first -1 is not read",
            "multi-hot targets belong to multi_label_soft_margin_loss",
            "of no examples torch answers whatever its memory held; lossd refuses them",
        ),
        tasks=("multi-label",),
        aliases=("multi_label_margin", "multilabel_margin"),
        example=Example({"input": [[0.1, 0.2, 0.4, 0.8]], "target": [[3, 0, -1, 1]]}, 0.8500000238418579),
    ),
    TorchEntry(
        name="multi_label_soft_margin_loss",
        class_name="MultiLabelSoftMarginLoss",
        summary="Binary cross entropy of raw logits, averaged over the classes.",
        formula="-sum_c weight[c] (target[c] log sigmoid(input[c]) + (1 - target[c]) log sigmoid(-input[c])) / C",
        inputs=pair("raw logits", "0 or 1 for each class"),
        arguments=(RESCALE,),
        shapes=multi_hot_shapes,
        weight=vectors_of("input", "target"),
        traps=("the last dimension is the classes, averaged away even without reduction", EMPTY_TRAP),
        tasks=("multi-label",),
        aliases=("multi_label_soft_margin", "multilabel_soft_margin"),
        example=Example({"input": [[0.5, -1.0, 2.0]], "target": [[1, 0, 1]]}, 0.3047555685043335),
    ),
    TorchEntry(
        name="triplet_margin_loss",
        class_name="TripletMarginLoss",
        summary="Hinge on how much nearer the positive is to the anchor than the negative.",
        formula="max(0, |anchor - positive|_p - |anchor - negative|_p + margin)",
        inputs=_TRIPLET,
        arguments=(
            _TRIPLET_MARGIN,
            Argument("p", float, 2.0, "norm of the distance; inf is the largest difference", least=0, infinite=True),
            Argument("eps", float, 1e-6, "added to every difference", least=0),
            _SWAP,
        ),
        shapes=vectors,
        weight=vectors_of("anchor", "positive", "negative"),
        spans=("anchor", "positive", "negative"),
        traps=("eps is added to the differences, so equal vectors are not quite 0 apart", EMPTY_TRAP),
        tasks=("metric-learning",),
        aliases=("triplet", "triplet_margin"),
        example=Example({"anchor": [[0.0, 0.0]], "positive": [[1.0, 0.0]], "negative": [[0.0, 1.5]]}, 0.5),
    ),
    DistanceEntry(
        name="triplet_margin_with_distance_loss",
        class_name="TripletMarginWithDistanceLoss",
        summary="Triplet margin loss by a distance of choice.",
        formula="max(0, d(anchor, positive) - d(anchor, negative) + margin)",
        inputs=_TRIPLET,
        arguments=(
            Argument(
                "distance_function",
                str,
                None,
                "the distance of two vectors",
                choices=tuple(DISTANCES),
                enum="DistanceFunction",
                explained={
                    "pairwise": "torch.nn.functional.pairwise_distance, the default",
                    "manhattan": "pairwise_distance with p=1",
                    "chebyshev": "pairwise_distance with p=inf",
                    "squared_euclidean": "sum of squared differences",
                    "cosine": "one minus cosine similarity",
                },
            ),
            _TRIPLET_MARGIN,
            _SWAP,
        ),
        shapes=vectors,
        weight=vectors_of("anchor", "positive", "negative"),
        spans=("anchor", "positive", "negative"),
        traps=("distances differ in scale, so margin means something else with each",),
        tasks=("metric-learning",),
        aliases=("triplet_margin_with_distance",),
        example=Example(
            {"anchor": [[1.0, 0.0]], "positive": [[0.6, 0.8]], "negative": [[0.0, 1.0]]},
            0.3999999761581421,
            {"distance_function": "cosine"},
        ),
    ),
)
