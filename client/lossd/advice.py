"""Advice on which loss fits a task, as plain frozen objects, and the call that asks for it; knows no rule."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypedDict

from lossd import framing, spec, tensors
from lossd.calls import Call
from lossd.errors import InvalidArgument
from lossd.framing import Buffer
from lossd.loss import Loss
from lossd.tensors import ArrayLike
from lossd.v1 import advice_pb2 as pb

Source: TypeAlias = Literal["said", "measured", "implied"]

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


@dataclass(frozen=True, slots=True)
class Recommendation:
    """A loss that fits.

    Attributes:
        name: of the loss in the catalogue.
        loss: the loss with arguments filled in, ready to evaluate; None if this package is older than the loss.
        reasons: why it fits, the weightiest first, then where each argument comes from.
        cautions: what to mind of it.
        metrics: names of metrics to watch beside it.
        output: what the final layer puts out, and how the target is written.
        python: the loss as it is written in Python.
        score: how well it fits; only the order means something.
    """

    name: str
    loss: Loss | None
    reasons: tuple[str, ...]
    cautions: tuple[str, ...]
    metrics: tuple[str, ...]
    output: str
    python: str
    score: float


@dataclass(frozen=True, slots=True)
class Rejection:
    """A near miss: a loss by name, and the reason against it."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Choice:
    """An answer to a question.

    Attributes:
        value: what to give for it by keyword.
        meaning: in words.
        first: the loss that would be first then; "" if that is not known.
    """

    value: str | bool
    meaning: str
    first: str


@dataclass(frozen=True, slots=True)
class Question:
    """A question whose answer would change the order: give it to `recommend` by the keyword `name`.

    Attributes:
        name: the keyword.
        text: the question.
        choices: the answers there are; () where it is a number.
        basic: whether it is among the first that anyone choosing a loss asks.
    """

    name: str
    text: str
    choices: tuple[Choice, ...]
    basic: bool


@dataclass(frozen=True, slots=True)
class Measurement:
    """A number read off a sample, and what it says of the task."""

    name: str
    value: float
    meaning: str


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that advice goes by, and where it comes from."""

    value: str | bool | float | int
    source: Source


@dataclass(frozen=True, repr=False)
class Advice:
    """Which losses fit a task, and why.

    Attributes:
        recommendations: the best first; () while it is open what is predicted.
        rejected: near misses.
        open_questions: those whose answers would change the order, the most telling first.
        measurements: what was read off the samples.
        cautions: where samples contradict what was said, and facts that play no part.
        facts: what the advice goes by, by name.
    """

    recommendations: tuple[Recommendation, ...]
    rejected: tuple[Rejection, ...]
    open_questions: tuple[Question, ...]
    measurements: tuple[Measurement, ...]
    cautions: tuple[str, ...]
    facts: Mapping[str, Fact]

    @property
    def loss(self) -> Loss | None:
        """The loss that fits best; None while it is open what is predicted."""
        return self.recommendations[0].loss if self.recommendations else None

    def __repr__(self) -> str:
        losses = ", ".join(each.python.removeprefix("lossd.") for each in self.recommendations) or "no loss yet"
        asks = ", ".join(question.name for question in self.open_questions)
        return f"Advice({losses}{f'; open: {asks}' if asks else ''})"


def recommend(
    facts: Mapping[str, Any],
    target: ArrayLike | None = None,
    input: ArrayLike | None = None,  # noqa: A002  # torch's name
    limit: int | None = None,
) -> Call[Advice]:
    """RecommendLoss.

    Raises:
        TypeError: for a name that there is not, or a value of the wrong type; it says the nearest name.
    """
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
