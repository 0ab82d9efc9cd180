"""The call that asks which loss fits a task, and what may be said of one; knows no rule."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from typing import Any, TypedDict

from lossd import framing, spec, tensors
from lossd.advised import Advice as Advice
from lossd.advised import Choice as Choice
from lossd.advised import Fact as Fact
from lossd.advised import Measurement as Measurement
from lossd.advised import Question as Question
from lossd.advised import Recommendation as Recommendation
from lossd.advised import Rejection as Rejection
from lossd.advised import Source as Source
from lossd.calls import Call
from lossd.errors import InvalidArgument
from lossd.framing import Buffer
from lossd.loss import Loss
from lossd.tensors import ArrayLike
from lossd.v1 import advice_pb2 as pb

MOST = 100
"""Recommendations that may be asked for."""

SAMPLES = ("target", "input")
"""Fields of the request that hold arrays."""

QUESTIONS: tuple[str, ...] = tuple(
    field.name
    for field in pb.RecommendLossRequest.DESCRIPTOR.fields
    if field.name not in (*SAMPLES, "limit", "attachments")
)
"""Names of everything that may be said of a task."""


class Facts(TypedDict, total=False):
    """What may be said of a task by keyword; nothing of it must be.

    Attributes:
        task: what is predicted: "regression", "binary", "multiclass", "multi-label", "ordinal", "counts",
            "distribution", "segmentation", "detection", "sequence", "ranking", "metric-learning",
            "distillation", "preference", "reinforcement-learning" or "regularisation"; "classification" where
            a sample or `answers` tell which.
        structure: how it is structured: "single", "vector", "sequence", "image" or "list".
        answers: right answers to each input: "one" or "several".
        activation: what the final layer ends in: "none", "sigmoid", "softmax", "log_softmax", "exp",
            "softplus" or "tanh".
        mistakes: which mistakes matter most: "equal", "large", "relative", "underestimates", "overestimates",
            "false_negatives", "false_positives", "overlap" or "top".
        outliers: whether some targets are far off, by mistakes of measuring or by nature.
        label_noise: whether some labels are wrong.
        imbalanced: whether some classes are rare.
        positives: share of examples that are positive, between 0 and 1.
        num_classes: classes, or labels that go together; at least 2.
        soft_targets: whether targets are probabilities in place of classes.
        hard_examples: whether most examples are easy and the few hard ones decide.
        calibrated: whether the probabilities themselves are used, not only the order or the decision.
        margin: whether only the side of a margin counts, as for support vector machines, and no probabilities.
        quantile: the quantile that is wanted, between 0 and 1.
        under_cost: what predicting 1 too little costs, or missing a positive; above 0, in the unit of
            `over_cost`.
        over_cost: what predicting 1 too much costs, or a false alarm; above 0.
        uncertainty: whether the spread of each number is wanted with the number.
        nonnegative: whether numbers are never below 0.
        zero_inflated: whether many numbers are exactly 0 and the others are not.
        log_scale: whether numbers span orders of magnitude.
        bounded: whether numbers lie between 0 and 1.
        whole_numbers: whether numbers are whole.
        direction_only: whether the direction of a vector counts and its length does not.
        aligned: whether it is known which part of a sequence each label belongs to.
        small_objects: whether what is to be found covers few pixels.
        supervision: how examples of embeddings come: "pairs", "triplets", "views", "labels", "cross_modal" or
            "queries".
        distance: how embeddings are compared: "euclidean" or "cosine".
        large_batches: whether batches of hundreds fit.
        feedback: what people said: "pairs", "single", "graded" or "order".
        reference_model: whether the model that training started from is at hand.
        one_stage: whether fine-tuning and preferences are trained in one stage.
        part: which part is trained: "policy", "critic", "kl", "exploration", "boxes", "classes" or "reward".
        baseline: what rewards are compared with: "critic", "group" or "none".
        off_policy: whether another or an older policy wrote the samples.
        long_answers: whether answers are long and of very different length.
        mixture_of_experts: whether the model is a mixture of experts.
        seeking: what a student should cover of its teacher: "mean", "mode" or "both".
        student_writes: whether the student writes the sequences that it learns from.
        effect: what a penalty should do: "small", "sparse", "sparse_groups", "smooth", "logits", "confident"
            or "explore".
        stage: stage of training: "early" or "late".
        memory_bound: whether the logits do not fit in memory.
        features: width of what the final layer takes.
    """

    task: str | None
    structure: str | None
    answers: str | None
    activation: str | None
    mistakes: str | None
    outliers: bool | None
    label_noise: bool | None
    imbalanced: bool | None
    positives: float | None
    num_classes: int | None
    soft_targets: bool | None
    hard_examples: bool | None
    calibrated: bool | None
    margin: bool | None
    quantile: float | None
    under_cost: float | None
    over_cost: float | None
    uncertainty: bool | None
    nonnegative: bool | None
    zero_inflated: bool | None
    log_scale: bool | None
    bounded: bool | None
    whole_numbers: bool | None
    direction_only: bool | None
    aligned: bool | None
    small_objects: bool | None
    supervision: str | None
    distance: str | None
    large_batches: bool | None
    feedback: str | None
    reference_model: bool | None
    one_stage: bool | None
    part: str | None
    baseline: str | None
    off_policy: bool | None
    long_answers: bool | None
    mixture_of_experts: bool | None
    seeking: str | None
    student_writes: bool | None
    effect: str | None
    stage: str | None
    memory_bound: bool | None
    features: int | None


def recommend(
    facts: Mapping[str, Any],
    target: ArrayLike | None = None,
    input: ArrayLike | None = None,  # noqa: A002  # torch's name
    limit: int | None = None,
) -> Call[Advice]:
    """RecommendLoss.

    Raises:
        TypeError: for a name that there is not, or a value of the wrong type; it says the nearest name.
        InvalidArgument: for a limit of 0, which the contract reads as none given.
    """
    if limit == 0:
        raise InvalidArgument(f"limit is 0; expected 1 to {MOST}", field="limit")
    request = pb.RecommendLossRequest(limit=limit)
    attachments: list[Buffer] = []
    for name, value in facts.items():
        if name not in QUESTIONS:
            near = difflib.get_close_matches(name, (*QUESTIONS, *SAMPLES, "limit", "timeout"), 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(QUESTIONS)}"
            raise TypeError(f"recommend() has no argument {name!r}; {hint}")
        if value is not None:
            _say(request, name, value)
    for name, array in (("target", target), ("input", input)):
        if array is not None:
            tensors.write(getattr(request, name), array, attachments, floating=False, field=name)
    return Call(
        "/lossd.v1.CatalogService/RecommendLoss", framing.join(request.SerializeToString(), attachments), _advice
    )


def _say(request: pb.RecommendLossRequest, name: str, value: Any) -> None:
    try:
        setattr(request, name, value.item() if hasattr(value, "item") else value)
    except TypeError as error:
        raise TypeError(f"{name} cannot be {value!r:.80} ({error})") from None
    except ValueError as error:
        raise InvalidArgument(f"{name} is {value!r:.80}: {error}", field=name) from None


def _advice(answer: bytes) -> Advice:
    message = pb.RecommendLossResponse.FromString(answer)
    return Advice(
        tuple(_recommendation(each) for each in message.recommendations),
        tuple(Rejection(each.name, each.reason) for each in message.rejected),
        tuple(_question(each) for each in message.open_questions),
        tuple(Measurement(each.name, each.value, each.meaning) for each in message.measurements),
        tuple(message.cautions),
        {each.name: Fact(_value(each.value), _source(each.source)) for each in message.facts},
    )


def _recommendation(message: pb.Recommendation) -> Recommendation:
    loss = spec.read(message.loss)
    return Recommendation(
        message.name,
        loss if isinstance(loss, Loss) else None,
        tuple(message.reasons),
        tuple(message.cautions),
        tuple(message.metrics),
        message.output,
        message.python,
        message.score,
        message.beyond,
    )


def _question(message: pb.Question) -> Question:
    choices = (Choice(_flag(each.value), each.meaning, each.first) for each in message.choices)
    return Question(message.name, message.text, tuple(choices), message.basic)


def _flag(value: str) -> str | bool:
    return {"true": True, "false": False}.get(value, value)


def _value(value: str) -> str | bool | float | int:
    """A fact as JSON has it; words stand for themselves."""
    try:
        read: str | bool | float | int = json.loads(value)
    except ValueError:
        return value
    return read


def _source(number: int) -> Source:
    return spec.enum_name(pb.FactSource.DESCRIPTOR, number)  # type: ignore[return-value]  # names of the contract
