"""The questions whose answers choose a loss, as a table, and the check of answers; knows no loss."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lossd_server.faults import Fault

TASKS: Mapping[str, str] = {
    "regression": "a number, or several",
    "binary": "yes or no",
    "multiclass": "one of several classes",
    "multi-label": "any number of labels",
    "ordinal": "one of several classes that have an order, such as stars",
    "counts": "how many: 0, 1, 2, …",
    "distribution": "a probability distribution over classes",
    "segmentation": "a class for every pixel",
    "detection": "boxes around objects, or what is in them",
    "sequence": "a sequence of labels, such as text for speech",
    "ranking": "the order of items",
    "metric-learning": "embeddings: alike should be near",
    "distillation": "what another model, the teacher, puts out",
    "preference": "answers that people prefer",
    "reinforcement-learning": "actions that earn rewards",
    "regularisation": "nothing: a penalty beside another loss",
}
"""What may be predicted, and what that means."""

OTHER_NAMES: Mapping[str, str] = {
    "classification": "classification",
    "multilabel": "multi-label",
    "count": "counts",
    "binary-classification": "binary",
    "multiclass-classification": "multiclass",
    "language-modelling": "multiclass",
    "language-modeling": "multiclass",
    "rl": "reinforcement-learning",
    "embeddings": "metric-learning",
    "regularization": "regularisation",
    "detection-boxes": "detection",
}
"""Other words for tasks; "classification" is settled by `answers` and `num_classes`."""

CLASSES = ("binary", "multiclass", "multi-label", "ordinal")
NUMBERS = ("regression", "counts")


@dataclass(frozen=True)
class Question:
    """A fact about a task, as a question.

    Args:
        name: the field of the request.
        text: the question.
        tasks: for which it is asked; () for all.
        choices: answers and what they mean; none where the answer is a number.
        basic: whether it is one of the first that anyone choosing a loss asks.
        type: of the answer: str, bool, float or int.
        above, below: bounds of a number, excluded.
        trials: numbers that show what an answer could change.
        beside: answers to others that are tried with them.
        only: the choices that come into question for some tasks.
    """

    name: str
    text: str
    tasks: tuple[str, ...] = ()
    choices: Mapping[str, str] | None = None
    basic: bool = False
    type: type = str
    above: float = -math.inf
    below: float = math.inf
    trials: tuple[float, ...] = ()
    beside: Mapping[str, Any] = field(default_factory=dict)
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def offered(self, task: str | None) -> Mapping[str, str]:
        """The choices for a task, and what they mean."""
        every = self.choices or {}
        return {choice: every[choice] for choice in self.only.get(task or "", tuple(every))}

    def answers(self, task: str | None) -> tuple[Any, ...]:
        """The answers to try."""
        if self.choices is None:
            return self.trials
        return (True, False) if self.type is bool else tuple(self.offered(task))

    def asked_of(self, task: str | None) -> bool:
        """Whether it is asked for a task; while that is unknown, whether it is basic."""
        return self.basic if task is None else not self.tasks or task in self.tasks


def _flag(name: str, text: str, *tasks: str, basic: bool = False, yes: str = "yes", no: str = "no") -> Question:
    return Question(name, text, tasks, {"true": yes, "false": no}, basic, bool)


def _number(
    name: str, text: str, *tasks: str, trials: tuple[float, ...], below: float = math.inf, **beside: float
) -> Question:
    return Question(name, text, tasks, type=float, above=0, below=below, trials=trials, beside=beside)


_LABELLED = ("classification", *CLASSES, "segmentation")
_MISTAKES: Mapping[str, str] = {
    "equal": "every unit of error counts the same",
    "large": "large misses: they cost out of proportion",
    "relative": "errors relative to the size of the number",
    "underestimates": "predicting too little",
    "overestimates": "predicting too much",
    "false_negatives": "missing what is there",
    "false_positives": "finding what is not there",
    "overlap": "too little overlap with the true area",
    "top": "errors at the top of the list",
}
_OF_NUMBERS = ("equal", "large", "relative", "underestimates", "overestimates")
_OF_LABELS = ("false_negatives", "false_positives")
_MISTAKES_OF: Mapping[str, tuple[str, ...]] = {
    "regression": _OF_NUMBERS,
    "counts": _OF_NUMBERS,
    "ordinal": ("equal", "large"),
    "binary": _OF_LABELS,
    "multi-label": _OF_LABELS,
    "segmentation": (*_OF_LABELS, "overlap"),
    "ranking": ("equal", "top"),
}
_PARTS: Mapping[str, str] = {
    "policy": "the policy itself",
    "critic": "the critic, which predicts returns",
    "kl": "the term that keeps the policy near its reference",
    "exploration": "the term that keeps the policy from settling too early",
    "boxes": "the corners of boxes",
    "classes": "what is in a box",
    "reward": "a reward model",
}
_PARTS_OF: Mapping[str, tuple[str, ...]] = {
    "reinforcement-learning": ("policy", "critic", "kl", "exploration"),
    "detection": ("boxes", "classes"),
    "preference": ("policy", "reward"),
}

QUESTIONS: tuple[Question, ...] = (
    Question("task", "What is predicted?", (), TASKS, basic=True),
    Question(
        "structure",
        "How is it structured?",
        (*NUMBERS, "classification", "binary", "multiclass", "ordinal", "sequence"),
        {
            "single": "one for each example",
            "vector": "several that belong together, such as coordinates",
            "sequence": "one for each position of a sequence",
            "image": "one for each pixel",
            "list": "one for each item of a list, whose order counts",
        },
        basic=True,
    ),
    Question(
        "answers",
        "How many right answers has each input?",
        ("classification", "binary", "multiclass"),
        {"one": "exactly one", "several": "any number at once"},
        basic=True,
    ),
    Question(
        "mistakes",
        "Which mistakes matter most?",
        (*NUMBERS, "binary", "multi-label", "ordinal", "segmentation", "ranking"),
        _MISTAKES,
        basic=True,
        only=_MISTAKES_OF,
    ),
    _flag("outliers", "Are some targets far off?", *NUMBERS, basic=True, yes="yes, stray records", no="no, clean data"),
    _flag("label_noise", "Are some labels wrong?", *_LABELLED, "preference", basic=True, yes="yes, more than a few"),
    Question(
        "activation",
        "What does the final layer end in?",
        (*NUMBERS, *_LABELLED, "sequence", "distribution"),
        {
            "none": "no activation: raw numbers or logits",
            "sigmoid": "a sigmoid: probabilities of labels",
            "softmax": "a softmax: probabilities of classes",
            "log_softmax": "a log_softmax: log-probabilities of classes",
            "exp": "an exponential",
            "softplus": "a softplus",
            "tanh": "a tanh",
        },
    ),
    _flag("imbalanced", "Are some classes rare?", *_LABELLED),
    _number("positives", "What share of the examples is positive?", "binary", trials=(0.01,), below=1),
    Question(
        "num_classes",
        "How many classes are there?",
        ("classification", "multiclass", "multi-label", "ordinal", "segmentation", "sequence", "distribution"),
        type=int,
        above=1,
        below=2**31,
        trials=(2, 1000, 100_000),
    ),
    _flag("soft_targets", "Are the targets probabilities in place of classes?", "binary", "multiclass", "multi-label"),
    _flag("hard_examples", "Are most examples easy, so that the few hard ones decide?", *_LABELLED),
    _flag("calibrated", "Are the probabilities themselves used?", *CLASSES),
    _flag("margin", "Does only the side of a margin count, and no probability?", "binary", "multiclass", "multi-label"),
    _number("quantile", "Is a quantile wanted, and which?", *NUMBERS, trials=(0.9,), below=1),
    _number(
        "under_cost",
        "What does predicting 1 too little cost, or a miss?",
        *NUMBERS,
        "binary",
        trials=(4.0,),
        over_cost=1.0,
    ),
    _number(
        "over_cost",
        "What does predicting 1 too much cost, or a false alarm?",
        *NUMBERS,
        "binary",
        trials=(4.0,),
        under_cost=1.0,
    ),
    _flag("uncertainty", "Is the spread of each number wanted with it?", "regression"),
    _flag("nonnegative", "Are the numbers never below 0?", "regression"),
    _flag("zero_inflated", "Are many of the numbers exactly 0?", *NUMBERS),
    _flag("log_scale", "Do the numbers span orders of magnitude?", *NUMBERS),
    _flag("bounded", "Do the numbers lie between 0 and 1?", "regression"),
    _flag("whole_numbers", "Are the numbers whole?", "regression"),
    _flag("direction_only", "Does only the direction of a vector count?", "regression"),
    _flag("aligned", "Is it known which part of the input each label belongs to?", "sequence", "multiclass"),
    _flag("small_objects", "Does what is to be found cover few pixels?", "segmentation"),
    Question(
        "supervision",
        "How do examples of what is alike come?",
        ("metric-learning",),
        {
            "pairs": "pairs that are alike or not",
            "triplets": "an anchor, one alike and one not",
            "views": "two views of each item, such as augmentations",
            "labels": "a class for each item",
            "cross_modal": "two kinds that belong together, such as pictures and captions",
            "queries": "queries and what answers them",
        },
    ),
    Question(
        "distance",
        "How are embeddings compared?",
        ("metric-learning",),
        {"euclidean": "by distance", "cosine": "by the angle between them"},
    ),
    _flag("large_batches", "Do batches of hundreds fit?", "metric-learning"),
    Question(
        "feedback",
        "What did people say?",
        ("ranking", "preference"),
        {
            "pairs": "which of two is better",
            "single": "of single ones, whether they are good",
            "graded": "how good each item of a list is",
            "order": "the order of a whole list",
        },
    ),
    _flag(
        "reference_model",
        "Is the model that training started from at hand?",
        "preference",
        "reinforcement-learning",
    ),
    _flag("one_stage", "Are fine-tuning and preferences trained in one stage?", "preference"),
    Question(
        "part",
        "Which part is trained?",
        tuple(_PARTS_OF),
        _PARTS,
        only=_PARTS_OF,
    ),
    Question(
        "baseline",
        "What are rewards compared with?",
        ("reinforcement-learning",),
        {"critic": "what a critic predicts", "group": "other answers to the same prompt", "none": "nothing, or a mean"},
    ),
    _flag("off_policy", "Did another or an older policy write the samples?", "reinforcement-learning"),
    _flag("long_answers", "Are answers long and of very different length?", "reinforcement-learning"),
    _flag("mixture_of_experts", "Is the model a mixture of experts?", "reinforcement-learning"),
    Question(
        "seeking",
        "What should the student cover of its teacher?",
        ("distillation",),
        {"mean": "all that the teacher may say", "mode": "what the teacher says most", "both": "something between"},
    ),
    _flag("student_writes", "Does the student write the sequences that it learns from?", "distillation"),
    Question(
        "effect",
        "What should the penalty do?",
        ("regularisation",),
        {
            "small": "keep numbers small",
            "sparse": "drive numbers to 0",
            "sparse_groups": "drive numbers to 0, correlated ones together",
            "smooth": "smooth images and keep their edges",
            "logits": "keep logits from drifting",
            "confident": "make distributions surer",
            "explore": "keep distributions from settling",
        },
    ),
    Question(
        "stage",
        "At what stage is training?",
        (*NUMBERS, "segmentation", "detection"),
        {"early": "early: errors are large", "late": "late: fine tuning"},
    ),
    _flag("memory_bound", "Are the logits too large for memory?", "multiclass", "sequence"),
    Question(
        "features",
        "How wide is what the final layer takes?",
        ("multiclass", "sequence"),
        type=int,
        above=0,
        below=2**20 + 1,
    ),
)
"""Every question, in the order in which people ask them."""

BY_NAME: Mapping[str, Question] = {question.name: question for question in QUESTIONS}


def check(given: Mapping[str, Any]) -> dict[str, Any]:
    """The answers with other names of tasks settled.

    Raises:
        Fault: UNKNOWN_NAME for a choice that there is not, ARGUMENT_OUT_OF_RANGE for a number.

    >>> check({"task": "Multilabel"})
    {'task': 'multi-label'}
    """
    return {name: _checked(BY_NAME[name], value) for name, value in given.items()}


def _checked(question: Question, value: Any) -> Any:
    if question.choices is None:
        if not (math.isfinite(value) and question.above < value < question.below):
            low, high = question.above, question.below
            expected = f"above {low}" + (f" and below {high}" if math.isfinite(high) else "")
            message = f"{question.name} is {value}; expected a number {expected}"
            raise Fault("ARGUMENT_OUT_OF_RANGE", message, field=question.name)
        return value
    if question.type is bool:
        return value
    spelled = (
        value.strip().lower().replace("-" if question.name != "task" else "_", "_" if question.name != "task" else "-")
    )
    spelled = OTHER_NAMES.get(spelled.replace(" ", "-"), spelled) if question.name == "task" else spelled
    if spelled in question.choices or (question.name == "task" and spelled == "classification"):
        return spelled
    near = difflib.get_close_matches(
        spelled[:64], [*question.choices, *(OTHER_NAMES if question.name == "task" else ())], 1
    )
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise Fault(
        "UNKNOWN_NAME",
        f"{question.name} is {value[:64]!r}; {hint}expected one of {', '.join(question.choices)}",
        field=question.name,
    )
